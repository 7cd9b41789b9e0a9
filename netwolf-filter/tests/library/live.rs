//! The Linux collectors on the machine that runs the tests, by the very commands that are sent to devices.

use std::process::Command;

use crate::data::{collectors, render};

#[test]
fn the_commands_of_the_linux_collectors_work_here() {
    let all = collectors();
    for (stem, collector) in all.iter().filter(|(_, it)| it.platforms == ["linux"]) {
        for command in &collector.commands {
            let run = Command::new("sh")
                .args(["-c", &command.text])
                .output()
                .unwrap();
            assert!(
                run.status.success(),
                "{stem}: {:?} ends with {}",
                command.text,
                run.status
            );
            let filter = command.filter();
            let extraction = filter.apply(std::str::from_utf8(&run.stdout).unwrap());
            assert!(!extraction.samples.is_empty(), "{stem}");
            assert_eq!(
                extraction.problems,
                [],
                "{stem}:\n{}",
                render(&filter, &extraction)
            );
        }
    }
}
