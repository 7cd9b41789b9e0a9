//! No secret gets out: each kind has a canary of its own, and nobody sings in a log, a page, an argument list, an
//! environment, in what the commands print, or in memory when it is needed no more.
//!
//! The search is proven by decoys: text of the same make that is not secret must be found in every kind of place.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use crate::lab::{self, Manager, PATIENCE, Process, eventually};

mod doors;
mod memory;
mod props;
mod scene;
mod search;

use scene::{DOWN, Scene, UP};
use search::{Places, Words};

/// Runs `netwolf` with the agent's environment, and keeps what it prints.
fn run(places: &mut Places, folder: &Path, env: &[(&str, &str)], args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_netwolf"))
        .args(args)
        .envs(env.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&said).into_owned();
    places.add(format!("netwolf {}", args.join(" ")), said);
    text
}

/// Everything that the manager shows, in all its forms.
fn pages(places: &mut Places, manager: &Manager) {
    let names = UP.iter().chain(DOWN.iter().map(|(name, _)| name));
    let listed = manager.json("/api/v1").unwrap().to_string();
    let mut paths: Vec<String> = listed
        .split('"')
        .filter(|word| word.starts_with('/') && !word.contains('{'))
        .map(str::to_owned)
        .collect();
    paths.extend(["/", "/no/such/page", "/api/v1/devices/nobody"].map(str::to_owned));
    for name in names {
        paths.push(format!("/probe?target={name}"));
        paths.push(format!("/api/v1/devices/{name}"));
        paths.push(format!("/api/v1/devices/{name}/output"));
        paths.push(format!(
            "/api/v1/devices/{name}/output?command=show%20running-config"
        ));
    }
    for path in &paths {
        for accept in [
            "",
            "Accept: text/plain\r\n",
            "Accept: application/openmetrics-text\r\n",
        ] {
            // What is refused has a body too.
            let page = lab::get(&manager.web, path, accept).unwrap_or_else(|refusal| refusal);
            places.add(format!("GET {path}"), page);
        }
    }
}

/// Waits until every device is as the scene wants it.
fn settle(manager: &Manager) {
    for name in UP {
        eventually(PATIENCE, &format!("{name} is up"), || {
            let device = manager.device(name)?;
            if device["state"] == "up" {
                Ok(())
            } else {
                Err(device.to_string())
            }
        });
    }
    for (name, reason) in DOWN {
        eventually(PATIENCE, &format!("{name} fails"), || {
            let device = manager.device(name)?;
            if device["failure"]["reason"] == reason {
                Ok(())
            } else {
                Err(device.to_string())
            }
        });
    }
    eventually(PATIENCE, "the echoing device refuses a command", || {
        let device = manager.device("echo")?;
        if device["failing"].to_string().contains("no clock") {
            Ok(())
        } else {
            Err(device.to_string())
        }
    });
}

/// Waits until both receivers have refused what they were sent, in words that have the secret taken out of them.
fn refused_by_receivers(manager: &Manager) {
    eventually(PATIENCE, "both receivers refuse", || {
        let log = manager.process.log();
        let has =
            |kind: &str| log.contains(&format!("nobody is let in with authorization: {kind} ***"));
        if has("Basic") && has("Bearer") {
            Ok(())
        } else {
            Err("the log says nothing of it".into())
        }
    });
}

/// Runs every command that asks for something, and keeps what it prints.
fn commands(places: &mut Places, manager: &Manager, scene: &Scene, env: &[(&str, &str)]) {
    let folder = scene.folder.path();
    let config = scene.config.to_str().unwrap();
    let url = format!("http://{}", manager.web);
    let to = ["--manager.url", url.as_str()];
    let cli = |places: &mut Places, args: &[&str]| run(places, folder, env, args);
    let allowed = scene.allowed();
    let allowed: Vec<_> = allowed.iter().map(String::as_str).collect();
    cli(places, &["check", config]);
    for name in UP.iter().chain(DOWN.iter().map(|(name, _)| name)) {
        for more in [&[][..], &["--output", "json"], &["--show"]] {
            cli(places, &[&["devices", name], &to[..], more].concat());
        }
        let record = ["record", name, "show clock", "show running-config"];
        cli(places, &[&record[..], &["--overwrite"], &allowed].concat());
        let args = ["try", name, "--command", "show running-config"];
        let args = [&args[..], &allowed].concat();
        cli(places, &args);
        if UP.contains(name) {
            cli(places, &[&args[..], &["--output", "json"]].concat());
        }
    }
    cli(places, &[&["devices"], &to[..]].concat());
    cli(places, &[&["credentials"], &to[..]].concat());
    cli(places, &["hostkeys", "scan", "--config.file", config]);
    assert!(
        folder.join("echo.json").is_file(),
        "a transcript was written"
    );
}

/// The page of the agent itself.
fn agents_page(places: &mut Places, agent: &Process) {
    let log = agent.log();
    let (_, web) = log.split_once("web.addr=").unwrap();
    let web = web.lines().next().unwrap();
    for path in ["/", "/metrics"] {
        let page = lab::get(web, path, "").unwrap();
        places.add(format!("GET {path} of the agent"), page);
    }
}

/// A secret that was typed in place of a reference: what is said of it, by whoever reads the configuration.
fn bad_configuration(places: &mut Places, manager: &Manager, scene: &Scene) {
    let config = scene.config.to_str().unwrap();
    let good = fs::read_to_string(config).unwrap();
    let typed = scene.words.canary("typed-in-place");
    let bad = format!(
        "credentials:\n  a: {{ username: netwolf, password: {typed} }}\n  b: {{ username: netwolf, password:{typed} }}\n\
         \x20 c: {{ username: netwolf, private_key: \"exec:{typed}\", passphrase: \"credential:/{typed}\" }}\n"
    );
    fs::write(config, bad).unwrap();
    let refusal = manager.reload().expect_err("it has faults");
    assert!(refusal.contains("by reference"), "{refusal}");
    places.add("POST /-/reload", refusal);
    let folder = scene.folder.path();
    let said = run(places, folder, &[], &["check", config]);
    assert!(said.contains("by reference"), "{said}");
    fs::write(config, good).unwrap();
    places.add("POST /-/reload", manager.reload().expect("it is good"));
}

/// Devices' secrets are never in the manager's memory, and in the agent's while it logs in.
fn memories(words: &Words, manager: u32, agent: u32) {
    // Of its receivers it has to know how it proves who it is, for each request.
    let held = ["remote-basic", "remote-bearer"];
    let mut found = memory::secrets_in(manager, words);
    found.retain(|kind, _| !held.contains(kind));
    assert!(found.is_empty(), "in the manager's memory: {found:?}");
    assert!(
        memory::holds(manager, &words.decoy) && memory::holds(agent, &words.decoy),
        "the search is blind"
    );
    eventually(PATIENCE, "the agent's memory is free of secrets", || {
        let mut found = memory::secrets_in(agent, words);
        found.retain(|kind, _| WIPED.contains(kind));
        if found.is_empty() {
            Ok(())
        } else {
            Err(format!("{found:?}"))
        }
    });
}

/// Secrets of devices that are up, which no other device needs again and again. Passwords, answers and texts of
/// private keys are not among them: the SSH library keeps the first in a buffer, and lets go the others unwiped.
const WIPED: [&str; 2] = ["passphrase", "wiped-enable-secret"];

/// The arguments of all processes of this machine, and the environments of ours.
fn processes(places: &mut Places, words: &Words, manager: u32, agent: u32, simulator: u32) {
    for id in [manager, agent, simulator] {
        let mut environ = fs::read(format!("/proc/{id}/environ")).unwrap();
        if id == agent {
            // The one that was given to it, and no other.
            let given = words.canary("password-env");
            environ = String::from_utf8_lossy(&environ)
                .replace(given, "given")
                .into();
        }
        places.add(format!("environ of {id}"), environ);
    }
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        // A process that has just ended has none.
        if let Ok(arguments) = fs::read(entry.path().join("cmdline")) {
            places.add(
                format!("cmdline of {}", entry.file_name().display()),
                arguments,
            );
        }
    }
}

#[test]
fn a_canary_in_every_kind_of_secret_is_heard_nowhere() {
    let Some(scene) = Scene::new() else {
        return;
    };
    let (words, folder) = (&scene.words, scene.folder.path());
    let config = scene.config.to_str().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_netwolf"));
    command
        .args(["manager", "--config.file", config, "--log.level", "trace"])
        .args([
            "--web.listen-address",
            "127.0.0.1:0",
            "--agent.listen-address",
            "127.0.0.1:0",
        ])
        .arg("--storage.path")
        .arg(folder.join("data"));
    let manager = Manager::ready(command, folder);
    // The agent is told its secrets, and its name is a decoy in its argument list.
    let env = [
        ("NETWOLF_CANARY", words.canary("password-env")),
        ("SSH_AUTH_SOCK", scene.socket.to_str().unwrap()),
        ("CREDENTIALS_DIRECTORY", scene.credentials.to_str().unwrap()),
    ];
    let agent = manager.agent_with(&words.decoy, 2, folder, |command| {
        command
            .args(["--log.level", "trace"])
            .args(["--web.listen-address", "127.0.0.1:0"])
            .args(scene.allowed())
            .envs(env);
    });

    settle(&manager);
    refused_by_receivers(&manager);
    let mut places = Places::default();
    pages(&mut places, &manager);
    agents_page(&mut places, &agent);
    commands(&mut places, &manager, &scene, &env);
    memories(words, manager.process.id(), agent.id());
    bad_configuration(&mut places, &manager, &scene);
    pages(&mut places, &manager);

    // What is on disk by now: logs, transcripts, the manager's data, and the configuration itself.
    places.add_files(folder);
    processes(
        &mut places,
        words,
        manager.process.id(),
        agent.id(),
        scene.simulator_id,
    );
    let log = |name: &str| format!("{}/{name}.log", folder.display());
    places.check(
        words,
        &[
            &log("manager"),
            &log(&words.decoy),
            "GET /metrics",
            "GET /api/v1/devices",
            "GET /api/v1/devices/echo/output",
            "GET /api/v1/agents",
            "GET /probe",
            "GET / of the agent",
            "netwolf devices",
            &format!("{}/echo.json", folder.display()),
            &format!("environ of {}", scene.simulator_id),
            &format!("cmdline of {}", agent.id()),
        ],
    );
}
