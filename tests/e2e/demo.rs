//! The demo, as the first thing that a person runs.

use std::{
    collections::BTreeSet,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::lab::{self, PATIENCE, Page, Process, eventually, get, wait_until_up};

/// Starts `netwolf demo` and reads where its metrics are.
fn start(
    args: &[&str],
    folder: &std::path::Path,
) -> (Process, String, std::sync::mpsc::Receiver<String>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netwolf"));
    command
        .arg("demo")
        .args(args)
        .stdout(Stdio::piped())
        .env("TMPDIR", folder);
    let mut demo = Process::spawn("demo", command, folder);
    let lines = demo.lines();
    let web = loop {
        let line = lines
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|_| panic!("no address:\n{}", demo.log()));
        if let Some((_, address)) = line.split_once("http://")
            && let Some(address) = address.strip_suffix("/metrics")
        {
            break address.to_owned();
        }
    };
    (demo, web, lines)
}

/// Processes whose parent is `id`.
fn children(id: u32) -> BTreeSet<String> {
    let output = Command::new("ps")
        .args(["-o", "pid=", "--ppid", &id.to_string()])
        .output()
        .unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .split_whitespace()
        .map(str::to_owned)
        .collect()
}

fn runs(id: &str) -> bool {
    // A zombie has ended: whoever adopts it will reap it.
    std::fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

#[test]
fn every_device_of_the_demo_has_a_cpu_load_that_changes_and_ctrl_c_ends_it_all() {
    let folder = lab::folder();
    let (mut demo, web, lines) = start(&["--devices", "50"], folder.path());
    let page = || get(&web, "/metrics", "").map(|text| Page::parse(&text));

    let first = eventually(PATIENCE, "a CPU load for all 50 devices", || {
        let loads = page()?.cpu_by_device();
        if loads.len() == 50 {
            Ok(loads)
        } else {
            Err(format!("{} devices have one", loads.len()))
        }
    });
    let mut changed = BTreeSet::new();
    eventually(PATIENCE, "a change of all 50 loads", || {
        let now = page()?.cpu_by_device();
        changed.extend(
            now.into_iter()
                .filter(|(device, load)| first.get(device) != Some(load))
                .map(|(device, _)| device),
        );
        if changed.len() == 50 {
            Ok(())
        } else {
            Err(format!("{} have changed", changed.len()))
        }
    });

    eventually(PATIENCE, "a live line with all devices up", || {
        let line = lines.try_recv().map_err(|_| "no line yet".to_owned())?;
        if line.contains("devices up 50/50") && line.contains("polls/s") {
            Ok(())
        } else {
            Err(line)
        }
    });

    let parts = children(demo.id());
    assert_eq!(
        parts.len(),
        4,
        "a simulator, a manager and two agents, each a process of its own"
    );
    let asked = Instant::now();
    demo.signal("INT");
    let status = demo.wait(PATIENCE);
    assert!(status.success(), "{status}");
    assert!(
        asked.elapsed() < Duration::from_secs(2),
        "it took {:?} to end",
        asked.elapsed()
    );
    assert!(parts.iter().all(|id| !runs(id)), "no part stays behind");
}

#[test]
fn what_the_demo_says_can_be_typed_and_a_change_is_seen_again() {
    let folder = lab::folder();
    let platforms = "cisco_ios=3,juniper_junos=3,huawei_vrp=2";
    let (demo, web, lines) = start(&["--platform", platforms, "--agents", "1"], folder.path());
    let mut typed = Vec::new();
    while typed.len() < 2 {
        let line = lines.recv_timeout(PATIENCE).expect("what to type");
        if let Some((_, rest)) = line.split_once("a run  ") {
            typed.push(rest.trim().to_owned());
        } else if let Some((_, rest)) = line.split_once("a change  ") {
            // Nobody is here to agree.
            typed.push(format!("{} --yes", rest.trim()));
        }
    }
    wait_until_up(&web, 8.0);
    let netwolf = typed[0].split(' ').next().unwrap().to_owned();
    typed.push(format!(
        "{netwolf} run --manager.url http://{web} --output raw --where platform=juniper_junos,site=ams \
         'show configuration | display set | match ntp'"
    ));
    let outputs = typed.iter().map(|line| {
        let output = Command::new("sh").args(["-c", line]).output().unwrap();
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{line}\n{shown}\n{errors}");
        shown
    });
    let outputs: Vec<_> = outputs.collect();
    assert!(outputs[0].contains("sim-0001"), "{}", outputs[0]);
    let again = &outputs[2];
    assert!(again.contains("set system ntp server 192.0.2.1"), "{again}");
    drop(demo);
}

#[test]
fn a_demo_that_is_killed_leaves_no_process_behind() {
    let folder = lab::folder();
    let elsewhere = ["--web.listen-address", "127.0.0.2:0"];
    let small = ["--devices", "2", "--agents", "1"];
    let (demo, web, lines) = start(&[&small[..], &elsewhere[..]].concat(), folder.path());
    assert!(web.starts_with("127.0.0.2:"), "where it was told to: {web}");
    let parts = children(demo.id());
    assert_eq!(parts.len(), 3);
    demo.kill();
    drop(lines);
    eventually(PATIENCE, "the end of all parts", || {
        let left: Vec<_> = parts.iter().filter(|id| runs(id)).collect();
        if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?} run"))
        }
    });
}

#[test]
fn an_agent_that_dies_does_not_end_the_demo_and_a_reader_that_leaves_does() {
    let folder = lab::folder();
    let (mut demo, web, lines) = start(&["--devices", "6"], folder.path());
    wait_until_up(&web, 6.0);
    let agent = eventually(PATIENCE, "an agent's process", || {
        children(demo.id())
            .into_iter()
            .find(|id| {
                let command = std::fs::read_to_string(format!("/proc/{id}/cmdline"));
                command.is_ok_and(|command| command.split('\0').any(|word| word == "demo-2"))
            })
            .ok_or_else(|| "none yet".into())
    });
    assert!(
        Command::new("kill")
            .args(["-KILL", &agent])
            .status()
            .unwrap()
            .success()
    );
    eventually(PATIENCE, "word of the agent's end", || {
        let line = lines.try_recv().map_err(|_| "no line".to_owned())?;
        if line.contains("demo-2 ended") {
            Ok(())
        } else {
            Err(line)
        }
    });
    wait_until_up(&web, 6.0);

    drop(lines);
    assert!(demo.wait(PATIENCE).success(), "a closed pipe is no failure");
}

#[test]
fn a_bad_interval_is_told_before_anything_starts() {
    for bad in ["0s", "50ms", "1", "abc", "2h", "1s: x"] {
        let output = Command::new(env!("CARGO_BIN_EXE_netwolf"))
            .args(["demo", "--interval", bad])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{bad}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_demo_that_cannot_have_its_address_says_so_and_leaves_no_folder() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let busy = taken.local_addr().unwrap().to_string();
    for address in [busy.as_str(), "nowhere"] {
        let folder = lab::folder();
        let output = Command::new(env!("CARGO_BIN_EXE_netwolf"))
            .args(["demo", "--devices", "1", "--web.listen-address", address])
            .env("TMPDIR", folder.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(
            said.contains("manager ended before it was ready:\n"),
            "{said}"
        );
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
