//! The programs with their own machines in mind: check, standalone, flags, exit codes.

use std::{fs, path::Path, process::Command, time::Duration};

use crate::lab::{self, Devices, Manager, PATIENCE, Process, eventually, netwolf};

#[test]
fn check_tells_what_a_good_file_comes_to() {
    let folder = lab::folder();
    let config = lab::configuration(
        folder.path(),
        "devices:\n  - { name: core-1, address: 192.0.2.1, platform: cisco_ios, host_key: accept-new }\n",
    );
    let (code, out, err) = netwolf(&["check", config.to_str().unwrap()]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("1 device"), "{out}");
}

/// What `check` ends with where nobody reads what it prints.
fn check_unheard(config: &Path) -> Option<i32> {
    let closed = || {
        let (_, pipe) = std::io::pipe().unwrap();
        pipe
    };
    let mut command = Command::new(env!("CARGO_BIN_EXE_netwolf"));
    command.arg("check").arg(config);
    let status = command.stdout(closed()).stderr(closed()).status();
    status.unwrap().code()
}

#[test]
fn the_exit_code_is_the_same_where_nobody_reads() {
    let folder = lab::folder();
    let good = "devices:\n  - { name: core-1, address: 192.0.2.1, platform: cisco_ios, host_key: accept-new }\n";
    let config = lab::configuration(folder.path(), good);
    assert_eq!(check_unheard(&config), Some(0));
    fs::write(&config, "devices: 5\n").unwrap();
    assert_eq!(check_unheard(&config), Some(2));
}

#[test]
fn the_configuration_in_the_readme_is_sound() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let blocks: Vec<_> = readme.split("```yaml\n").skip(1).collect();
    assert!(!blocks.is_empty());
    for block in blocks {
        let (text, _) = block.split_once("```").unwrap();
        let folder = lab::folder();
        let config = folder.path().join("netwolf.yml");
        fs::write(&config, text).unwrap();
        let (code, _, err) = netwolf(&["check", config.to_str().unwrap()]);
        assert_eq!((code, err.as_str()), (0, ""), "{text}");
    }
}

#[test]
fn check_tells_all_faults_of_a_bad_file_with_their_places_and_exits_with_2() {
    let folder = lab::folder();
    let config = folder.path().join("netwolf.yml");
    fs::write(
        &config,
        "credentials:\n  m: { username: u, password: hunter2 }\n\
         devices:\n  - { name: a, address: 192.0.2.1, platform: cisco_iso, credential: m }\n\
         \x20 - { name: a, adress: 192.0.2.2, platform: linux, credential: m }\n",
    )
    .unwrap();
    let (code, out, err) = netwolf(&["check", config.to_str().unwrap()]);
    assert_eq!((code, out.as_str()), (2, ""));
    for place in ["netwolf.yml:2:", "netwolf.yml:4:", "netwolf.yml:5:"] {
        assert!(err.contains(place), "{place} is not in\n{err}");
    }
    assert!(
        err.contains("cisco_ios") && err.contains("address"),
        "the ways out are named:\n{err}"
    );
    assert!(
        !err.contains("hunter2"),
        "a secret in the wrong place is not repeated"
    );
}

#[test]
fn bad_usage_exits_with_2_and_a_port_in_use_with_1() {
    assert_eq!(netwolf(&["agent", "--no-such-flag"]).0, 2);
    assert_eq!(netwolf(&["check", "/nonexistent/netwolf.yml"]).0, 2);
    // It has not joined the manager, and to go without TLS has to be asked for by name.
    let (code, _, err) = netwolf(&[
        "agent",
        "--manager.address",
        "192.0.2.1:9798",
        "--name",
        "a1",
    ]);
    assert!(
        code == 2 && err.contains("--insecure-plaintext"),
        "{code}: {err}"
    );

    let folder = lab::folder();
    let config = lab::configuration(folder.path(), "devices: []\n");
    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();
    let data = folder.path().join("data");
    let args = [
        "manager",
        "--config.file",
        config.to_str().unwrap(),
        "--storage.path",
        data.to_str().unwrap(),
    ];
    let (code, _, err) = netwolf(
        &[
            &args[..],
            &[
                "--agent.listen-address",
                "127.0.0.1:0",
                "--web.listen-address",
                &address,
            ],
        ]
        .concat(),
    );
    assert!(
        code == 1 && err.contains(&address) && err.contains("--web.listen-address"),
        "{code}: {err}"
    );
}

#[test]
fn standalone_polls_a_small_site_in_one_process() {
    let folder = lab::folder();
    let devices = Devices::start(3);
    let config = lab::configuration(folder.path(), &devices.inventory());
    let data = folder.path().join("data");
    let args = [
        "standalone",
        "--config.file",
        config.to_str().unwrap(),
        "--storage.path",
        data.to_str().unwrap(),
    ];
    let (mut process, ready) = Process::netwolf(
        "standalone",
        &[&args[..], &["--web.listen-address", "127.0.0.1:0"]].concat(),
        folder.path(),
    );
    let web = ready["web"].as_str().unwrap();
    eventually(PATIENCE, "a load for each device", || {
        let loads = lab::Page::parse(&lab::get(web, "/metrics", "")?).cpu_by_device();
        if loads.len() == 3 {
            Ok(())
        } else {
            Err(format!("{loads:?}"))
        }
    });
    process.signal("TERM");
    assert!(process.wait(PATIENCE).success());
    eventually(PATIENCE, "all sessions closed", || {
        let open = devices.fleet().totals().sessions;
        if open == 0 {
            Ok(())
        } else {
            Err(format!("{open} sessions"))
        }
    });
}

#[test]
fn the_manager_is_healthy_at_once_and_ready_when_devices_are_placed() {
    let folder = lab::folder();
    let devices = Devices::start(1);
    let config = lab::configuration(folder.path(), &devices.inventory());
    let manager = Manager::start(&config, folder.path());
    assert!(lab::get(&manager.web, "/-/healthy", "").is_ok());
    assert!(
        lab::get(&manager.web, "/", "")
            .unwrap()
            .contains("/metrics"),
        "the landing page says where to go"
    );
    let _agent = manager.agent("a1", 1, folder.path());
    eventually(PATIENCE, "ready", || {
        lab::get(&manager.web, "/-/ready", "").map(drop)
    });
    assert!(lab::request("POST", &manager.web, "/-/reload", "Content-Length: 0\r\n").is_ok());
    let refused = lab::request("GET", &manager.web, "/-/reload", "").unwrap_err();
    assert!(refused.contains("405"), "a GET changes nothing: {refused}");
}

#[test]
fn the_page_has_two_formats_by_the_accept_header() {
    let folder = lab::folder();
    let config = lab::configuration(folder.path(), "devices: []\n");
    let manager = Manager::start(&config, folder.path());
    let plain = lab::get(&manager.web, "/metrics", "").unwrap();
    assert!(
        plain.contains("# TYPE netwolf_build_info gauge") && !plain.contains("# EOF"),
        "{plain}"
    );
    let open = lab::get(
        &manager.web,
        "/metrics",
        "Accept: application/openmetrics-text;version=1.0.0\r\n",
    )
    .unwrap();
    assert!(open.ends_with("# EOF\n"), "{open}");
}

#[test]
fn an_agent_that_is_told_to_end_hands_its_devices_over_at_once() {
    let folder = lab::folder();
    let devices = Devices::start(8);
    let config = lab::configuration(folder.path(), &devices.inventory());
    let manager = Manager::start(&config, folder.path());
    let mut leaving = manager.agent("a1", 1, folder.path());
    let _staying = manager.agent("a2", 1, folder.path());
    lab::wait_until_up(&manager.web, 8.0);
    leaving.signal("TERM");
    assert!(leaving.wait(Duration::from_secs(10)).success());
    eventually(PATIENCE, "the other agent holds all", || {
        let list = manager.json("/api/v1/devices")?;
        let list = list["devices"].as_array().ok_or("no list")?;
        let held = list
            .iter()
            .filter(|device| device["agent"] == "a2" && device["state"] == "up")
            .count();
        if held == 8 {
            Ok(())
        } else {
            Err(format!("{held} of 8"))
        }
    });
}
