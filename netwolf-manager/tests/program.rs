//! The program as a person or a supervisor starts it: flags, exit codes, signals, what it prints.

#![expect(clippy::unwrap_used, reason = "these are tests, their helpers too")]

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use netwolf_wire::{
    Incarnation,
    message::{Hello, ToManager},
    version,
};
use tempfile::TempDir;

const CONFIG: &str = "
defaults: { credential: lab, platform: linux, host_key: accept-new }
credentials: { lab: { username: netwolf, password: env:LAB_PASSWORD } }
devices:
  - { name: sw-1, address: 192.0.2.1 }
";

fn folder(config: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("netwolf.yml"), config).unwrap();
    folder
}

fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_netwolf-manager"));
    command
        .current_dir(folder)
        .args([
            "--web.listen-address",
            "127.0.0.1:0",
            "--agent.listen-address",
            "127.0.0.1:0",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn fails(command: &mut Command, code: i32) -> String {
    let Output { status, stderr, .. } = command.output().unwrap();
    let stderr = text(&stderr);
    assert_eq!(status.code(), Some(code), "{stderr}");
    stderr
}

/// Ends with the test, however that goes.
struct Running {
    child: Child,
    announcement: serde_json::Value,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.arg("--announce").spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut line)
            .unwrap();
        let Ok(announcement) = serde_json::from_str(&line) else {
            let mut said = String::new();
            child
                .stderr
                .as_mut()
                .unwrap()
                .read_to_string(&mut said)
                .unwrap();
            panic!("{line:?} {said}");
        };
        Self {
            child,
            announcement,
        }
    }

    fn signal(&self, name: &str) {
        // The shell's own, which is everywhere.
        let kill = format!("kill {name} {}", self.child.id());
        let status = Command::new("sh").args(["-c", &kill]).status();
        assert!(status.unwrap().success());
    }

    /// The exit code, and how long the program took to end.
    fn ends(&mut self) -> (Option<i32>, Duration) {
        let start = Instant::now();
        (self.child.wait().unwrap().code(), start.elapsed())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[test]
fn announces_itself_and_ends_with_0_on_sigterm_and_sigint() {
    for signal in ["-TERM", "-INT"] {
        let folder = folder(CONFIG);
        let mut running = Running::start(&mut program(folder.path()));
        assert_eq!(running.announcement["ready"], "manager");
        for port in ["web", "agents"] {
            let address = running.announcement[port].as_str().unwrap();
            assert!(
                std::net::TcpStream::connect(address).is_ok(),
                "{port} {address}"
            );
        }
        running.signal(signal);
        let (code, took) = running.ends();
        assert_eq!(code, Some(0));
        assert!(took < Duration::from_secs(2), "{took:?}");
        assert!(folder.path().join("netwolf-data/members.json").exists());
    }
}

#[test]
fn ends_with_its_parent_where_that_was_asked_for() {
    let folder = folder(CONFIG);
    let mut running = Running::start(program(folder.path()).arg("--exit-with-parent"));
    drop(running.child.stdin.take());
    assert_eq!(running.ends().0, Some(0));
}

#[test]
fn survives_sighup() {
    let folder = folder(CONFIG);
    let mut running = Running::start(&mut program(folder.path()));
    running.signal("-HUP");
    running.signal("-HUP");
    assert!(std::net::TcpStream::connect(running.announcement["web"].as_str().unwrap()).is_ok());
    running.signal("-TERM");
    assert_eq!(running.ends().0, Some(0));
}

#[test]
fn checks_a_configuration() {
    let folder = folder(CONFIG);
    let output = program(folder.path()).arg("--check").output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(
        text(&output.stdout).contains("netwolf.yml: 1 device"),
        "{}",
        text(&output.stdout)
    );
    assert!(
        !folder.path().join("netwolf-data").exists(),
        "nothing is started"
    );
}

#[test]
fn faults_of_the_configuration_end_it_with_2() {
    let folder = folder("devises: []\n");
    for flag in [None, Some("--check")] {
        let said = fails(program(folder.path()).args(flag), 2);
        assert!(
            said.contains("netwolf.yml:1:1") && said.contains("hint:"),
            "{said}"
        );
    }
    let said = fails(
        program(folder.path()).args(["--config.file", "missing.yml"]),
        2,
    );
    assert!(said.contains("missing.yml"), "{said}");
}

#[test]
fn bad_usage_ends_it_with_2() {
    let folder = folder(CONFIG);
    let said = fails(program(folder.path()).arg("--nonsense"), 2);
    assert!(said.contains("--nonsense"), "{said}");
}

#[test]
fn a_manager_that_cannot_tell_whom_to_trust_does_not_start() {
    let folder = folder(CONFIG);
    let trust = folder.path().join("netwolf-data/trust");
    fs::create_dir_all(&trust).unwrap();
    fs::write(trust.join("trust.json"), "{").unwrap();
    let said = fails(&mut program(folder.path()), 1);
    assert!(
        said.contains("trust.json") && said.contains("join again"),
        "{said}"
    );
}

#[test]
fn a_busy_port_ends_it_with_1_and_is_named() {
    let folder = folder(CONFIG);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_netwolf-manager"));
    command.current_dir(folder.path());
    command.args([
        "--agent.listen-address=127.0.0.1:0",
        "--web.listen-address",
        &address,
    ]);
    let said = fails(&mut command, 1);
    assert!(
        said.contains(&address) && said.contains("--web.listen-address"),
        "{said}"
    );
}

/// What a program that has ended said in its log.
fn log_of(running: &mut Running) -> Vec<String> {
    let mut said = String::new();
    let stderr = running.child.stderr.as_mut().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    said.lines().map(str::to_owned).collect()
}

/// The lines that have `part` in them.
fn with<'a>(log: &'a [String], part: &str) -> Vec<&'a String> {
    log.iter().filter(|line| line.contains(part)).collect()
}

/// Sends bytes to the agents' port and returns what comes until the manager closes the connection.
fn exchange(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok();
    answer
}

/// A hello as a frame.
fn hello(incarnation: u64) -> Vec<u8> {
    let hello = ToManager::from(Hello {
        protocol: version::CURRENT,
        software: "test".into(),
        agent: "a1".parse().unwrap(),
        shard: 0,
        shards: 1,
        incarnation: Incarnation(incarnation),
        site: None,
        size: 1,
        web: None,
        silent: Duration::ZERO.into(),
        running: Vec::new(),
    });
    let json = serde_json::to_vec(&hello).unwrap();
    let length = u32::try_from(json.len()).unwrap();
    [&length.to_be_bytes()[..], &json].concat()
}

#[test]
fn the_log_says_each_change_once_and_in_one_line() {
    let patient = format!("timing: {{ link_grace: 60s, takeover: 60s }}\n{CONFIG}");
    let folder = folder(&patient);
    let storage = folder.path().join("netwolf-data");
    fs::create_dir(&storage).unwrap();
    fs::write(
        storage.join("members.json"),
        r#"{"shards":[{"agent":"a1","index":0}]}"#,
    )
    .unwrap();
    let mut running = Running::start(&mut program(folder.path()));
    let agents = running.announcement["agents"].as_str().unwrap().to_owned();
    let web = running.announcement["web"].as_str().unwrap().to_owned();

    let mut first = TcpStream::connect(&agents).unwrap();
    first.write_all(&hello(1)).unwrap();
    // It is in as soon as it is answered.
    first.read_exact(&mut [0; 4]).unwrap();
    for _ in 0..3 {
        let refusal = exchange(&agents, &hello(2));
        assert!(text(&refusal[4..]).contains("refused"));
    }
    exchange(&agents, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
    fs::write(
        folder.path().join("netwolf.yml"),
        "devises: []\ntimeing: {}\n",
    )
    .unwrap();
    let reload = format!("POST /-/reload HTTP/1.1\r\nHost: {web}\r\nConnection: close\r\n\r\n");
    assert!(text(&exchange(&web, reload.as_bytes())).contains("500"));
    running.signal("-TERM");
    assert_eq!(running.ends().0, Some(0));

    let log = log_of(&mut running);
    let once = |part: &str| {
        let lines = with(&log, part);
        assert_eq!(lines.len(), 1, "{part}: {log:#?}");
        lines[0].clone()
    };
    let waiting = once("waiting up to 10 s for 1 shard that was there before");
    assert!(
        waiting.contains("INFO") && waiting.contains("a1/0"),
        "{waiting}"
    );
    assert!(once("all shards that were there before are back").contains("INFO"));
    let refused = once("shard refused");
    assert!(
        refused.contains("WARN") && refused.contains(" ms ago"),
        "{refused}"
    );
    assert!(once("not a NetWolf agent?").contains("WARN"));
    for key in ["devises", "timeing"] {
        // The watcher may have read the file as well.
        for line in with(&log, key) {
            assert!(line.contains("ERROR") && line.contains("hint"), "{line}");
        }
    }
    assert!(!with(&log, "configuration rejected").is_empty());
    for line in &log {
        assert!(line.starts_with("20"), "a record is one line: {line}");
        assert!(!line.contains("netwolf_manager::"), "no targets: {line}");
    }
}

#[test]
fn a_log_in_json_is_flat() {
    let folder = folder(CONFIG);
    let mut running = Running::start(program(folder.path()).arg("--log.format=json"));
    running.signal("-TERM");
    assert_eq!(running.ends().0, Some(0));
    let log = log_of(&mut running);
    let records: Vec<serde_json::Value> = log
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let started = records
        .iter()
        .find(|record| record["message"] == "manager started")
        .unwrap();
    assert_eq!(started["n_devices"], 1);
}

#[test]
fn a_folder_in_use_and_a_missing_file_are_named_with_their_flags() {
    let folder = folder(CONFIG);
    let mut running = Running::start(&mut program(folder.path()));
    let said = fails(&mut program(folder.path()), 1);
    assert!(
        said.contains("\"netwolf-data\"") && said.contains("--storage.path"),
        "{said}"
    );
    running.child.kill().unwrap();
    running.child.wait().unwrap();
    // A killed one leaves no lock behind.
    Running::start(&mut program(folder.path())).signal("-TERM");

    fs::remove_file(folder.path().join("netwolf.yml")).unwrap();
    for flag in [None, Some("--check")] {
        let said = fails(program(folder.path()).args(flag), 2);
        assert!(
            said.contains("netwolf.yml") && said.contains("--config.file"),
            "{said}"
        );
    }
}
