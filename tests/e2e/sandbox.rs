//! The programs under the rules of the shipped systemd units, as far as those need no init system: system calls,
//! memory, address families, capabilities, limits.
//!
//! `sandbox/confine.py` reads a unit and applies its rules; a call that is not allowed kills the program instead of
//! failing. Users, folders, devices and addresses are systemd's own work and not seen here.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::lab::{self, Devices, Manager, PATIENCE, eventually, wait_until_up};

/// A command that runs under the rules of the shipped unit `name`, if the machine has what that takes.
fn confined(name: &str) -> Option<Command> {
    let python = lab::have("python3", "python3")?;
    lab::have("systemd-analyze", "systemd")?;
    let mut command = Command::new(python);
    command.arg(beside("../tests/e2e/sandbox/confine.py"));
    command.arg(beside("../systemd").join(format!("{name}.service")));
    Some(command)
}

fn beside(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Runs each of the lines that follow in a process of its own, and prints which came to a good end.
const TRY_EACH: &str = "
import os, sys
for line in sys.argv[1:]:
    child = os.fork()
    if child == 0:
        exec(line)
        os._exit(0)
    print(os.waitpid(child, 0)[1] == 0)
";

#[test]
fn the_rules_of_the_units_are_in_force() {
    /// What is tried, whether the manager may, and whether the agent may.
    const TRIED: [(&str, bool, bool); 8] = [
        ("pass", true, true),
        ("os.sched_setaffinity(0, {0})", false, true),
        (
            "os.sched_setscheduler(0, 0, os.sched_param(0))",
            false,
            false,
        ),
        ("os.chroot('/')", false, false),
        ("import mmap; mmap.mmap(-1, 4096, prot=3)", true, true),
        ("import mmap; mmap.mmap(-1, 4096, prot=7)", false, false),
        ("import socket; socket.socket(10, 1)", true, true),
        ("import socket; socket.socket(16, 3)", false, false),
    ];
    let expected = |may: fn(&(&str, bool, bool)) -> bool| {
        let told = TRIED
            .iter()
            .map(|tried| if may(tried) { "True\n" } else { "False\n" });
        told.collect::<String>()
    };
    for (unit, expected) in [
        ("netwolf-manager", expected(|tried| tried.1)),
        ("netwolf-agent", expected(|tried| tried.2)),
    ] {
        let Some(mut command) = confined(unit) else {
            return;
        };
        command.args(["python3", "-uc", TRY_EACH]);
        command.args(TRIED.iter().map(|tried| tried.0));
        let output = command.output().unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        assert_eq!(told, expected, "{unit}");
    }
}

#[test]
fn devices_are_polled_and_shards_pinned_under_the_rules_of_the_units() {
    let (Some(mut manager), Some(mut agent)) =
        (confined("netwolf-manager"), confined("netwolf-agent"))
    else {
        return;
    };
    let devices = Devices::start(3);
    let folder = lab::folder();
    let config = lab::configuration(folder.path(), &devices.inventory());
    manager.args([env!("CARGO_BIN_EXE_netwolf"), "manager"]);
    manager.args(["--web.listen-address", "127.0.0.1:0"]);
    manager.args(["--agent.listen-address", "127.0.0.1:0"]);
    manager.arg("--config.file").arg(&config);
    manager
        .arg("--storage.path")
        .arg(folder.path().join("data"));
    let manager = Manager::ready(manager, folder.path());
    agent.args([env!("CARGO_BIN_EXE_netwolf"), "agent", "--name", "a"]);
    agent.args(["--manager.address", &manager.agents, "--shards", "1"]);
    agent.args(["--web.listen-address", "127.0.0.1:0"]);
    let (mut agent, _) = lab::Process::ready("a", agent, folder.path());

    wait_until_up(&manager.web, 3.0);
    assert_eq!(manager.reload().map(|_| ()), Ok(()));
    let cores = cores_of_shard(agent.id());
    assert!(
        cores.parse::<u32>().is_ok(),
        "the shard runs on one core: {cores:?}\n{}",
        agent.log()
    );

    agent.signal("TERM");
    assert!(agent.wait(PATIENCE).success(), "{}", agent.log());
}

/// The cores on which the first shard's thread may run, as the kernel writes them.
fn cores_of_shard(process: u32) -> String {
    eventually(PATIENCE, "the thread of a shard", || {
        let tasks = fs::read_dir(format!("/proc/{process}/task")).unwrap();
        let statuses =
            tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("status")).ok());
        let shard = statuses
            .into_iter()
            .find(|status| status.starts_with("Name:\tshard-0\n"));
        let cores = shard.as_deref().and_then(|status| {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
            line.map(|cores| cores.trim().to_owned())
        });
        cores.ok_or_else(|| "none".to_owned())
    })
}
