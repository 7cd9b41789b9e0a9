//! The Linux collectors on the machine that runs the tests, by the very commands that are sent to devices.

use std::process::Command;

use crate::data::{collectors, render};

/// What every machine has; of the others it may lack the program or the hardware.
const EVERYWHERE: [&str; 5] = ["facts", "cpu", "memory", "interfaces", "tables"];

#[test]
fn the_commands_of_the_linux_collectors_work_here() {
    let all = collectors();
    for (stem, collector) in all.iter().filter(|(_, it)| it.platforms == ["linux"]) {
        for command in &collector.commands {
            let run = Command::new("sh")
                .args(["-c", &command.text])
                .output()
                .unwrap();
            let everywhere = EVERYWHERE.contains(&collector.name.as_str());
            let refused = !run.status.success() && run.stdout.is_empty();
            if refused && !everywhere {
                continue;
            }
            assert!(
                run.status.success(),
                "{stem}: {:?} ends with {}",
                command.text,
                run.status
            );
            let filter = command.filter();
            let extraction = filter.apply(std::str::from_utf8(&run.stdout).unwrap());
            assert!(!everywhere || !extraction.samples.is_empty(), "{stem}");
            assert_eq!(
                extraction.problems,
                [],
                "{stem}:\n{}",
                render(&filter, &extraction)
            );
        }
    }
}
