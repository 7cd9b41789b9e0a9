//! `netwolf record`, `hostkeys scan`, `devices` and `credentials` as people type them.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use crate::lab::{self, Devices, PATIENCE, Process, eventually, netwolf};

#[test]
fn record_logs_in_once_and_says_what_it_does() {
    let folder = lab::folder();
    let devices = Devices::start(1);
    let config = lab::configuration(folder.path(), &devices.inventory());
    let file = folder.path().join("r.json");
    let (config, output) = (config.to_str().unwrap(), file.to_str().unwrap());
    let record = |rest: &[&str]| {
        let first = ["record", "--config.file", config, "--output", output];
        netwolf(&[&first[..], rest].concat())
    };

    for (typed, words) in [
        (&["sim-9999", "show clock"][..], "known devices: sim-0001"),
        (&["sim-*", "show clock"], "one is recorded at a time"),
        (&["sim-0001", "show\nclock"], "a command is one line"),
        (&["sim-0001", "show ?"], "asks for help with `?`"),
        (&["sim-0001"], "COMMAND"),
    ] {
        let (code, _, err) = record(typed);
        assert!(code == 2 && err.contains(words), "{code}: {err}");
    }
    assert_eq!(devices.fleet().totals().logins, 0, "nothing was tried");

    let (code, _, err) = record(&["sim-0001", "show clock", "show nonsense", "show users"]);
    assert_eq!(code, 1, "{err}");
    for words in [
        "sim-0001: one login as \"netwolf\"",
        "not recorded: show nonsense",
        "2 commands",
        "read it before you show it",
        "netwolf simulator --replay",
    ] {
        assert!(err.contains(words), "{words} is not in\n{err}");
    }
    assert_eq!(devices.fleet().totals().logins, 1);
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let (code, _, err) = record(&["sim-0001", "show clock"]);
    assert!(code == 2 && err.contains("--overwrite"), "{code}: {err}");
    let (code, _, err) = record(&["--overwrite", "sim-0001", "show clock"]);
    assert_eq!(code, 0, "{err}");

    fs::write(folder.path().join("password"), "wrong").unwrap();
    let (code, _, err) = record(&["--overwrite", "sim-0001", "show clock"]);
    assert!(code == 1 && err.contains("tried once"), "{code}: {err}");
    assert_eq!(devices.fleet().totals().login_failures, 1);
}

#[test]
fn a_scan_of_host_keys_says_what_differs_and_never_logs_in() {
    let folder = lab::folder();
    let devices = Devices::start(2);
    let config = lab::configuration(folder.path(), &devices.inventory());
    let scan = |rest: &[&str]| netwolf(&[&["hostkeys", "scan"], rest].concat());
    let file = ["--config.file", config.to_str().unwrap()];

    let (code, out, err) = scan(&file);
    assert_eq!(code, 0, "{err}");
    assert_eq!(out.matches("pinned").count(), 2, "{out}");
    assert!(
        err.contains("2 devices: 2 showed keys, 2 as configured, 0 not"),
        "{err}"
    );

    let key = devices.fleet().host_key().to_owned();
    let text = fs::read_to_string(&config).unwrap();
    fs::write(
        &config,
        text.replacen(&key, &format!("SHA256:{}", "A".repeat(43)), 1),
    )
    .unwrap();
    let (code, out, err) = scan(&file);
    assert_eq!(code, 1, "{err}");
    assert_eq!(
        (
            out.matches("pinned").count(),
            out.matches("DIFFERS").count()
        ),
        (1, 1),
        "{out}"
    );
    assert!(err.contains("console"), "{err}");
    let (code, out, _) = scan(&[&file[..], &["*-0002", "--format", "yaml"]].concat());
    assert!(
        code == 0 && out.contains(&format!("host_key: \"{key}\"")),
        "{out}"
    );

    let port = devices.fleet().devices()[0].address().port();
    let address = format!("127.0.0.1:{port}");
    let (code, out, err) = scan(&[&address, "--format", "known_hosts"]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.starts_with(&format!("[127.0.0.1]:{port} ssh-ed25519 AAAA")),
        "{out}"
    );
    let (code, _, err) = scan(&["no such address"]);
    assert!(code == 2 && err.contains("--config.file"), "{code}: {err}");

    let totals = devices.fleet().totals();
    assert_eq!((totals.logins, totals.login_failures), (0, 0));
}

#[test]
fn devices_and_credentials_are_told_at_a_prompt() {
    let folder = lab::folder();
    let devices = Devices::start(2);
    let config = lab::configuration(folder.path(), &devices.inventory());
    let data = folder.path().join("data");
    let args = [
        "standalone",
        "--config.file",
        config.to_str().unwrap(),
        "--storage.path",
        data.to_str().unwrap(),
        "--web.listen-address",
        "127.0.0.1:0",
    ];
    let (_process, ready) = Process::netwolf("standalone", &args, folder.path());
    let url = format!("http://{}", ready["web"].as_str().unwrap());
    let ask = |rest: &[&str]| netwolf(&[rest, &["--manager.url", &url]].concat());
    eventually(PATIENCE, "both are up", || {
        let (code, out, err) = ask(&["devices"]);
        if code == 0 && out.contains("2 devices, 2 up") {
            Ok(())
        } else {
            Err(format!("{code}: {out}{err}"))
        }
    });
    let (code, out, err) = ask(&["devices", "sim-0001"]);
    assert_eq!(code, 0, "{err}");
    for words in [
        "state",
        "credential     monitoring",
        "platform       cisco_ios",
        "fingerprint=SHA256:",
    ] {
        assert!(out.contains(words), "{words} is not in\n{out}");
    }
    let (code, out, err) = ask(&["devices", "sim-0001", "--show", "--output", "json"]);
    assert_eq!(code, 0, "{err}");
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    let command = answer["outputs"][0]["command"].as_str().unwrap().to_owned();
    let (code, out, err) = ask(&["devices", "sim-0001", "--show", &command]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.starts_with(&format!("--- {command}, 2")) && out.contains("CPU utilization"),
        "{out}"
    );
    let (code, _, err) = ask(&["devices", "sim-0001", "--show", "reload"]);
    assert!(code == 1 && err.contains("hint:"), "{code}: {err}");
    let (code, _, err) = ask(&["devices", "nobody"]);
    assert!(code == 1 && err.contains("nobody"), "{code}: {err}");
    let (code, out, err) = ask(&["credentials"]);
    assert!(
        code == 0 && out.contains("monitoring  closed"),
        "{code}: {out}{err}"
    );
    let (code, _, err) = netwolf(&["devices", "--manager.url", "http://127.0.0.1:1"]);
    assert!(code == 1 && err.contains("--manager.url"), "{code}: {err}");
}

#[test]
fn the_files_of_the_page_for_contributors_are_sound() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/simulator.md");
    let page = fs::read_to_string(page).unwrap();
    let blocks: Vec<&str> = page
        .split("```yaml\n")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once("```")?.0))
        .collect();
    let [platform, config, collector, simulated] = blocks[..] else {
        panic!("{} blocks", blocks.len())
    };
    let folder = lab::folder();
    for (file, text) in [
        ("platforms/acme.yml", platform),
        ("netwolf.yml", config),
        ("collectors/version.yml", collector),
    ] {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let config = folder.path().join("netwolf.yml");
    let (code, _, err) = netwolf(&["check", config.to_str().unwrap()]);
    assert_eq!((code, err.as_str()), (0, ""));

    // That of the section about runs, with what the simulator writes.
    let folder = lab::folder();
    let config = folder.path().join("netwolf.yml");
    fs::write(&config, simulated).unwrap();
    let devices = Devices::start(2);
    fs::write(folder.path().join("devices.yml"), devices.inventory()).unwrap();
    let (code, _, err) = netwolf(&["check", config.to_str().unwrap()]);
    assert_eq!((code, err.as_str()), (0, ""));
}
