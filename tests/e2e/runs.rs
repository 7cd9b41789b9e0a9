//! Automation on simulated devices, from the command line to what the device executed and back.

use std::{fs, path::Path, process::Command, time::Duration};

use netwolf_simulator::{DeviceHandle, FleetConfig, Manner};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::lab::{self, Devices, Manager, PASSWORD, PATIENCE, Process, eventually, netwolf};

/// A manager, an agent and devices that are up.
struct Scene {
    _agent: Process,
    manager: Manager,
    devices: Devices,
    folder: TempDir,
}

/// Devices that count what they execute, and let the account see their configuration.
fn fleet(count: usize) -> FleetConfig {
    FleetConfig {
        remembers: true,
        privileged: true,
        ..FleetConfig::new(count, "netwolf", PASSWORD)
    }
}

impl Scene {
    fn start(count: usize, settings: &str) -> Self {
        Self::of(fleet(count), settings)
    }

    fn of(config: FleetConfig, settings: &str) -> Self {
        let folder = lab::folder();
        Self::within(folder, config, settings)
    }

    fn within(folder: TempDir, config: FleetConfig, settings: &str) -> Self {
        let devices = Devices::of(config);
        let password = folder.path().join("password");
        let text = format!(
            "  changer: {{ username: netwolf, password: \"file:{}\" }}\n{}{settings}",
            password.display(),
            devices.inventory_with(", labels: { site: ams }"),
        );
        let config = lab::configuration(folder.path(), &text);
        let manager = Manager::start(&config, folder.path());
        let agent = manager.agent("a1", 1, folder.path());
        let scene = Self {
            _agent: agent,
            manager,
            devices,
            folder,
        };
        #[expect(clippy::cast_precision_loss, reason = "few devices")]
        lab::wait_until_up(&scene.manager.web, scene.all().len() as f64);
        scene
    }

    fn all(&self) -> &[DeviceHandle] {
        self.devices.fleet().devices()
    }

    /// `netwolf` with a manager: exit code, standard output, standard error.
    fn netwolf(&self, args: &[&str]) -> (i32, String, String) {
        let url = format!("http://{}", self.manager.web);
        let mut all = args.to_vec();
        all.extend(["--manager.url", &url]);
        netwolf(&all)
    }

    fn json(&self, path: &str) -> Value {
        self.manager
            .json(path)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    fn audit(&self) -> std::path::PathBuf {
        self.folder.path().join("data/runs/audit")
    }
}

#[test]
fn a_command_is_run_on_the_sessions_that_are_up() {
    let scene = Scene::start(3, "");
    let (code, out, err) = scene.netwolf(&[
        "run",
        "--where",
        "platform=cisco_ios,site=ams",
        "--output",
        "json",
        "show version | include RUN-1",
    ]);
    assert_eq!(code, 0, "{out}\n{err}");
    for device in scene.all() {
        assert_eq!(device.times_ran("show version | include RUN-1"), 1);
        assert_eq!(device.logins(), 1, "no second login");
    }
    let list = scene.json("/api/v1/runs");
    assert_eq!(list["runs"][0]["state"], "succeeded", "{list}");
    assert_eq!(list["runs"][0]["steps"]["succeeded"], 3);

    let name = scene.all()[0].name();
    let (code, out, err) = scene.netwolf(&["runs", "transcript", "1", name]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("show version | include RUN-1"), "{out}");
    let (code, out, err) = scene.netwolf(&["runs", "show", "1"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains(name) && out.contains("succeeded"), "{out}");

    // What was typed is in the audit log, which a byte that was changed breaks.
    let folder = scene.audit();
    let path = folder.to_str().unwrap();
    let (code, out, err) = netwolf(&["audit", "verify", path]);
    assert_eq!(code, 0, "{out}{err}");
    let file = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|end| end == "jsonl"))
        .unwrap();
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("RUN-1") && text.contains(name), "{text}");
    let copy = scene.folder.path().join("copy");
    fs::create_dir(&copy).unwrap();
    fs::write(
        copy.join(file.file_name().unwrap()),
        text.replacen("RUN-1", "RUN-2", 1),
    )
    .unwrap();
    let (code, out, err) = netwolf(&["audit", "verify", copy.to_str().unwrap()]);
    assert_eq!(code, 1, "{out}{err}");
}

#[test]
fn what_would_be_done_is_shown_and_not_done() {
    let scene = Scene::start(2, "");
    let (code, out, err) = scene.netwolf(&["run", "--device", "sim-*", "--preview", "show clock"]);
    assert_eq!(code, 0, "{err}");
    for device in scene.all() {
        assert!(
            out.contains(device.name()) && out.contains("show clock"),
            "{out}"
        );
        assert_eq!(device.times_ran("show clock"), 0);
    }
    assert_eq!(scene.json("/api/v1/runs")["runs"], json!([]));
}

#[test]
fn a_change_needs_a_credential_of_its_own_and_is_verified() {
    let scene = Scene::start(2, "");
    let refused = |args: &[&str], word: &str| {
        let (code, out, err) = scene.netwolf(args);
        assert_eq!(code, 2, "{out}{err}");
        assert!(err.contains(word), "{err}");
    };
    let all = ["run", "--where", "name=*"];
    let with = |more: &[&'static str]| [&all[..], more].concat();
    refused(&with(&["reload"]), "reload");
    refused(&with(&["show version | redirect flash:x"]), "redirect");
    refused(&with(&["--yes", "--changes", "reload"]), "credential");
    refused(&with(&["show version\nreload"]), "one line");
    refused(&with(&["show \u{202e}noisrev"]), "U+202E");
    refused(
        &with(&["--comment", "for \u{2066}CHG-7", "show version"]),
        "U+2066",
    );
    // An answer to a pattern that fits everything is a command of its own.
    for answers in [
        ["--answer", "terminal=hostname owned"],
        ["--answer", ".=configure terminal"],
        ["--answer-key", ".=reload"],
    ] {
        let typed = [&answers[..], &["--timeout", "25s", "show version"]].concat();
        refused(&with(&typed), "may do more than read");
        refused(&with(&typed), "--changes");
    }
    let verify = [
        "--yes",
        "--changes",
        "--credential",
        "changer",
        "--answer",
        "sure=reload",
    ];
    let (_, out, _) =
        scene.netwolf(&[&with(&verify)[..], &["--preview", "clear counters"]].concat());
    assert!(
        out.contains("  clear counters\n      answers: sure -> reload\n"),
        "{out}"
    );
    for device in scene.all() {
        assert_eq!(device.times_ran("reload"), 0);
    }

    let change = [
        "--changes",
        "--yes",
        "--credential",
        "changer",
        "--mode",
        "config",
        "--verify",
        "show running-config | include ntp server",
        "--verify-expect",
        r"ntp server 192\.0\.2\.7",
        "ntp server 192.0.2.7",
    ];
    let (code, out, err) = scene.netwolf(&with(&change));
    assert_eq!(code, 0, "{out}\n{err}");
    for device in scene.all() {
        assert_eq!(device.times_ran("ntp server 192.0.2.7"), 1);
    }
    // Polls go on as before.
    #[expect(clippy::cast_precision_loss, reason = "few devices")]
    lab::wait_until_up(&scene.manager.web, scene.all().len() as f64);
    let log = fs::read_to_string(scene.audit().join("audit-000001.jsonl")).unwrap();
    assert!(log.contains(r#""credential":"changer""#), "{log}");
    assert!(!log.contains(PASSWORD));
}

#[test]
fn a_run_is_cancelled_and_what_had_not_begun_never_does() {
    let scene = Scene::start(6, "");
    // One device after the other, each slow: the last ones have not begun when the run is cancelled.
    for device in scene.all() {
        device.update_faults(|faults| faults.latency = Duration::from_millis(700));
    }
    let body = json!({
        "commands": ["show version | include NEVER"],
        "where": ["name=*"],
        "rollout": { "batch": 1 },
    });
    let (status, run) = scene.manager.post("/api/v1/runs", &body).unwrap();
    assert_eq!(status, 201, "{run}");
    let id = run["id"].as_u64().unwrap().to_string();
    let (code, out, err) = scene.netwolf(&["runs", "cancel", &id]);
    assert_eq!(code, 0, "{out}{err}");
    let ended = eventually(PATIENCE, "the end", || {
        let run = scene.manager.json(&format!("/api/v1/runs/{id}"))?;
        run["ended"]
            .is_string()
            .then_some(run.clone())
            .ok_or(run.to_string())
    });
    assert_eq!(ended["state"], "cancelled", "{ended}");
    let cancelled = ended["steps"]["cancelled"].as_u64().unwrap();
    assert!(cancelled > 0, "{ended}");
    let steps = scene.json(&format!("/api/v1/runs/{id}/steps?state=cancelled"));
    for step in steps["steps"].as_array().unwrap() {
        let device = scene
            .devices
            .fleet()
            .device(step["device"].as_str().unwrap());
        let ran = device.unwrap().times_ran("show version | include NEVER");
        assert_eq!(ran, 0, "{step}");
    }
}

#[test]
fn outputs_become_one_table_by_a_collector() {
    let scene = Scene::start(3, "");
    let (code, out, err) = scene.netwolf(&[
        "run",
        "--where",
        "name=*",
        "--parse",
        "facts",
        "--output",
        "csv",
        "show version",
    ]);
    assert_eq!(code, 0, "{out}\n{err}");
    let lines: Vec<_> = out.lines().collect();
    assert!(lines[0].contains("device"), "{out}");
    for device in scene.all() {
        assert!(
            lines.iter().any(|line| line.contains(device.name())),
            "{out}"
        );
    }
}

#[test]
fn an_exec_platform_runs_commands_on_channels() {
    let mut config = fleet(2);
    config.manner = Manner::JuniperJunos;
    let scene = Scene::of(config, "");
    let (code, out, err) = scene.netwolf(&["run", "--where", "name=*", "show version"]);
    assert_eq!(code, 0, "{out}\n{err}");
    for device in scene.all() {
        assert_eq!(device.logins(), 1);
    }
}

#[test]
fn configurations_are_kept_without_secrets_and_changes_are_told() {
    let folder = lab::folder();
    let configs = folder.path().join("configs");
    let settings = format!(
        "backup: {{ folder: \"{}\", every: 24h }}\n",
        configs.display()
    );
    let config = fleet(2);
    let scene = Scene::within(folder, config, &settings);
    let report = |n_ended: &dyn Fn(&Value) -> bool| {
        eventually(PATIENCE, "a backup", || {
            let view = scene.manager.json("/api/v1/backup")?;
            if n_ended(&view) {
                Ok(view)
            } else {
                Err(view.to_string())
            }
        })
    };
    let first = report(&|view| view["last"].is_object());
    let states = |view: &Value| -> Vec<String> {
        let devices = view["last"]["devices"].as_array().unwrap();
        let text = |device: &Value| device["state"].as_str().unwrap().to_owned();
        devices.iter().map(text).collect()
    };
    assert_eq!(states(&first), ["new", "new"], "{first}");
    let file = |device: &DeviceHandle| configs.join(format!("cisco_ios/{}.cfg", device.name()));
    for device in scene.all() {
        let text = fs::read_to_string(file(device)).unwrap();
        assert!(
            text.contains(&format!("hostname {}", device.name())),
            "{text}"
        );
    }
    // One of them changes.
    let (code, out, err) = scene.netwolf(&[
        "run",
        "--device",
        scene.all()[0].name(),
        "--changes",
        "--yes",
        "--credential",
        "changer",
        "--mode",
        "config",
        "snmp-server community topsecret RO",
    ]);
    assert_eq!(code, 0, "{out}{err}");
    let (code, out, err) = scene.netwolf(&["backup", "now"]);
    assert_eq!(code, 0, "{out}{err}");
    let before = first["last"]["run"].clone();
    let second = report(&|view| view["last"]["run"] != before);
    assert_eq!(states(&second), ["changed", "unchanged"], "{second}");
    let text = fs::read_to_string(file(&scene.all()[0])).unwrap();
    assert!(
        text.contains("snmp-server community <removed> RO") && !text.contains("topsecret"),
        "{text}"
    );
    let (code, out, err) = scene.netwolf(&["backup"]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.contains("changed") && out.contains(scene.all()[0].name()),
        "{out}"
    );
    let page = scene.manager.metrics().unwrap();
    assert_eq!(
        page.value("netwolf_backup_devices{state=\"changed\"}"),
        Some(1.0)
    );
}

/// A small file system of its own, for as long as this lives.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    /// Where this machine lets us make one.
    fn mount(at: &'a Path) -> Option<Self> {
        fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m", "netwolf-test"])
            .arg(at)
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(at)),
            _ => {
                assert!(
                    std::env::var_os("CI").is_none_or(|value| value.is_empty()),
                    "a file system cannot be mounted here"
                );
                lab::leave_out("a full disk: mounting a file system takes root");
                None
            }
        }
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        // The manager may be about to end.
        Command::new("umount").arg("-l").arg(self.0).status().ok();
    }
}

#[test]
fn a_full_disk_refuses_runs_and_nothing_else_and_needs_no_restart() {
    let folder = lab::folder();
    let data = folder.path().join("data");
    let Some(_disk) = SmallDisk::mount(&data) else {
        return;
    };
    let scene = Scene::within(folder, fleet(2), "");
    let body =
        |n: u32| json!({ "commands": [format!("show clock | include {n}")], "where": ["name=*"] });
    let (status, first) = scene.manager.post("/api/v1/runs", &body(1)).unwrap();
    assert_eq!(status, 201, "{first}");
    // The rest of it.
    let filler = data.join("filler");
    let written = fs::write(&filler, vec![0; 8 << 20]);
    assert!(written.is_err(), "the disk is full");
    let refused = eventually(PATIENCE, "a refusal", || {
        match scene.manager.post("/api/v1/runs", &body(2))? {
            (507, answer) => Ok(answer),
            (status, answer) => Err(format!("{status}: {answer}")),
        }
    });
    assert_eq!(
        refused["error"],
        "no room on the disk for the journal of runs"
    );
    assert!(
        refused["hint"].as_str().unwrap().contains("room"),
        "{refused}"
    );
    // Monitoring goes on, and says what is wrong.
    lab::wait_until_up(&scene.manager.web, 2.0);
    eventually(PATIENCE, "the metric", || {
        match scene
            .manager
            .metrics()?
            .value("netwolf_run_journal_failing")
        {
            Some(1.0) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    fs::remove_file(&filler).unwrap();
    let id = eventually(PATIENCE, "a run that is taken in again", || {
        match scene.manager.post("/api/v1/runs", &body(3))? {
            (201, run) => Ok(run["id"].as_u64().unwrap()),
            (status, answer) => Err(format!("{status}: {answer}")),
        }
    });
    eventually(PATIENCE, "its end", || {
        let run = scene.manager.json(&format!("/api/v1/runs/{id}"))?;
        if run["state"] == "succeeded" {
            Ok(())
        } else {
            Err(run.to_string())
        }
    });
    for device in scene.all() {
        assert_eq!(
            device.times_ran("show clock | include 2"),
            0,
            "what was refused"
        );
    }
}
