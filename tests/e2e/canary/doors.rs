//! Canaries at the manager's own doors: tokens of the API, passwords of the web configuration, join tokens, and the keys
//! of authority and agent.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    path::Path,
    process::Command,
};

use base64ct::{Base64, Encoding};
use netwolf_manager::access::Digest;

use super::{
    run,
    search::{Places, Words},
};
use crate::lab::{self, Devices, Manager, PATIENCE, eventually};

/// Of a private key in PEM the longest line: nothing else has it.
fn key_line(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let (_, key) = text.split_once("PRIVATE KEY-----\n").unwrap();
    let (key, _) = key.split_once("-----END").unwrap();
    key.lines()
        .max_by_key(|line| line.len())
        .unwrap()
        .to_owned()
}

/// The manager's only authority.
fn authority_key(data: &Path) -> String {
    let entries = fs::read_dir(data.join("trust")).unwrap();
    let mut paths = entries.map(|entry| entry.unwrap().path());
    let key = paths.find(|path| path.extension().is_some_and(|end| end == "key"));
    key_line(&key.expect("an authority has a key"))
}

/// A manager that wants a password or a token from everybody, and a certificate from agents.
fn manager(words: &Words, folder: &Path, devices: &str) -> Manager {
    let config = lab::configuration(folder, devices);
    let mut file = OpenOptions::new().append(true).open(&config).unwrap();
    let digest = Digest::of(words.canary("api-token"));
    writeln!(
        file,
        "api: {{ tokens: [ {{ name: {}, role: admin, sha256: {digest} }} ] }}",
        words.decoy
    )
    .unwrap();
    let web = folder.join("web.yml");
    let hash = bcrypt::hash(words.canary("web-password"), 4).unwrap();
    fs::write(&web, format!("basic_auth_users: {{ scraper: {hash} }}\n")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_netwolf"));
    command
        .args(["manager", "--log.level", "trace"])
        .args(["--web.listen-address", "127.0.0.1:0"])
        .args(["--agent.listen-address", "0.0.0.0:0"])
        .arg("--config.file")
        .arg(config)
        .arg("--storage.path")
        .arg(folder.join("data"))
        .arg("--web.config.file")
        .arg(web);
    Manager::ready(command, folder)
}

/// `Authorization` by password, and by token.
fn ways(password: &str, token: &str) -> [String; 2] {
    let pair = Base64::encode_string(format!("scraper:{password}").as_bytes());
    [
        format!("Authorization: Basic {pair}\r\n"),
        format!("Authorization: Bearer {token}\r\n"),
    ]
}

/// Asks for pages with what is right and what is not.
fn knock(places: &mut Places, words: &Words, manager: &Manager, right: [&String; 2]) {
    let wrong = ways(words.canary("wrong-password"), words.canary("wrong-token"));
    let paths = [
        "/",
        "/metrics",
        "/api/v1",
        "/api/v1/status",
        "/api/v1/agents",
        "/api/v1/authorities",
    ];
    for path in paths {
        for way in right.into_iter().chain(&wrong) {
            let page = lab::get(&manager.web, path, way).unwrap_or_else(|refusal| refusal);
            places.add(format!("GET {path}"), page);
        }
    }
    let headers = format!("Content-Length: 0\r\n{}", right[1]);
    let reload = lab::request("POST", &manager.web, "/-/reload", &headers);
    places.add("POST /-/reload", reload.unwrap());
}

/// Runs verbs with a token that is right and one that is not.
fn ask(places: &mut Places, words: &Words, folder: &Path, url: &str) {
    let verbs: [&[&str]; 4] = [
        &["agents"],
        &["authorities"],
        &["devices"],
        &["agents", "revoke", "nobody"],
    ];
    for verb in verbs {
        for kind in ["api-token", "wrong-token"] {
            let env = [("NETWOLF_TOKEN", words.canary(kind))];
            run(
                places,
                folder,
                &env,
                &[verb, &["--manager.url", url]].concat(),
            );
        }
    }
}

#[test]
fn a_canary_at_every_door_of_the_manager_is_heard_nowhere() {
    let mut words = Words::new();
    let folder = lab::folder();
    let folder = folder.path();
    let devices = Devices::start(1);
    let manager = manager(&words, folder, &devices.inventory());
    let url = format!("http://{}", manager.web);
    let mut places = Places::default();

    let token = words.canary("api-token").to_owned();
    let env = [("NETWOLF_TOKEN", token.as_str())];
    // What is told once is told to the one who asked.
    let asked = Command::new(env!("CARGO_BIN_EXE_netwolf"))
        .args([
            "agents",
            "invite",
            "--output",
            "json",
            "--manager.url",
            &url,
        ])
        .envs(env)
        .output()
        .unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&asked.stdout).unwrap();
    let invite = answer["token"].as_str().unwrap().to_owned();
    let (_, secret) = invite.rsplit_once('.').unwrap();
    words.canaries.push(("join-token", secret.to_owned()));
    let joining = |name: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netwolf"));
        command
            .args([
                "agent",
                "--name",
                name,
                "--shards",
                "1",
                "--log.level",
                "trace",
            ])
            .args([
                "--manager.address",
                &manager.agents.replace("0.0.0.0", "127.0.0.1"),
            ])
            .arg("--storage.path")
            .arg(folder.join(name))
            .env("NETWOLF_JOIN", &invite);
        command
    };
    let agent = lab::Process::ready("a1", joining("a1"), folder).0;
    words
        .canaries
        .push(("authority-key", authority_key(&folder.join("data"))));
    words
        .canaries
        .push(("agent-key", key_line(&folder.join("a1/identity.pem"))));
    let refused = joining("a2").output().unwrap();
    assert!(!refused.status.success(), "its token is used up");
    places.add(
        "netwolf agent a2",
        [refused.stdout, refused.stderr].concat(),
    );

    let [password, bearer] = ways(words.canary("web-password"), &token);
    eventually(PATIENCE, "the device is up", || {
        let page = lab::get(&manager.web, "/metrics", &password)?;
        let up = page
            .lines()
            .any(|line| line.starts_with("netwolf_device_up{") && line.ends_with(" 1"));
        up.then_some(()).ok_or(page)
    });
    knock(&mut places, &words, &manager, [&password, &bearer]);
    ask(&mut places, &words, folder, &url);
    for (name, process) in [("manager", &manager.process), ("agent", &agent)] {
        places.add(format!("log of the {name}"), process.log());
        let arguments = fs::read(format!("/proc/{}/cmdline", process.id())).unwrap();
        places.add(format!("cmdline of the {name}"), arguments);
    }
    let trust = fs::read(folder.join("data/trust/trust.json")).unwrap();
    places.add("trust.json", trust);
    let log = manager.process.log();
    assert!(log.contains(&words.decoy), "the log names who asked");
    places.check(&words, &["log of the manager"]);
}
