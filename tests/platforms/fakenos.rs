//! Devices that `FakeNOS` plays (`pip install fakenos`), which knows nothing of NetWolf: recorded by
//! `netwolf record` and polled by `netwolf standalone`.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde::Deserialize;
use serde_json::Value;

use crate::lab::{self, PASSWORD, PATIENCE, Process, eventually};

/// Platforms that both know, and a command each that `FakeNOS` answers.
const WANTED: [(&str, &str); 4] = [
    ("cisco_ios", "show version"),
    ("cisco_asa", "show module"),
    ("hp_procurve", "show vlans"),
    ("arista_eos", "show processes top once"),
];

/// What the script says of one device.
#[derive(Deserialize)]
struct Played {
    port: u16,
    command: String,
    output: Option<String>,
}

/// Devices that end with the test.
struct Devices {
    _process: Process,
    played: BTreeMap<String, Played>,
}

impl Devices {
    /// `None` where Python has no `FakeNOS`.
    fn start(folder: &Path) -> Option<Self> {
        let python = std::env::var("NETWOLF_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let has = Command::new(&python)
            .args(["-c", "import fakenos"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if !has.is_ok_and(|status| status.success()) {
            assert!(
                std::env::var_os("CI").is_none_or(|value| value.is_empty()),
                "FakeNOS is missing: pip install fakenos"
            );
            lab::leave_out("FakeNOS is not in this machine's Python (pip install fakenos)");
            return None;
        }
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/platforms/fakenos_devices.py");
        let mut command = Command::new(python);
        command
            .arg(script)
            .args(WANTED.map(|(platform, command)| format!("{platform}={command}")))
            .env("FAKENOS_PASSWORD", PASSWORD)
            .stdout(Stdio::piped());
        let mut process = Process::spawn("fakenos", command, folder);
        let line = process.lines().recv_timeout(PATIENCE);
        let line = line.unwrap_or_else(|_| panic!("FakeNOS was not ready:\n{}", process.log()));
        let played = serde_json::from_str(&line).unwrap();
        Some(Self {
            _process: process,
            played,
        })
    }
}

/// A platform of the user's own: bundled EOS runs commands on channels of their own, which `FakeNOS` has not.
const EOS_BY_SHELL: &str = "
name: arista_eos
transport: shell
prompts:
  user: '\\A[-0-9A-Za-z_]{1,64}>\\z'
  privileged: '\\A[-0-9A-Za-z_]{1,64}#\\z'
setup: [terminal length 0, terminal width 32767]
failures: ['^% ?Invalid input']
";

/// Writes a configuration with a collector of one command for each platform.
fn configure(folder: &Path, devices: &Devices) -> PathBuf {
    let collectors = folder.join("collectors");
    let platforms = folder.join("platforms");
    for folder in [&collectors, &platforms] {
        fs::create_dir(folder).unwrap();
    }
    fs::write(platforms.join("eos.yml"), EOS_BY_SHELL).unwrap();
    let mut inventory = String::from("devices:\n");
    for (platform, Played { port, command, .. }) in &devices.played {
        fs::write(
            collectors.join(format!("{platform}.yml")),
            format!(
                "name: lines\nplatforms: [{platform}]\ncommands:\n  - command: {command}\n    rules:\n      \
                 - name: words\n        regex: {{ patterns: ['(?P<number>\\d+)'] }}\n        metrics:\n          \
                 - {{ name: netwolf_first_number, kind: gauge, help: A number., value: number }}\n"
            ),
        )
        .unwrap();
        writeln!(
            inventory,
            "  - {{ name: {platform}, address: 127.0.0.1, port: {port}, platform: {platform}, \
             host_key: accept-new, collectors: [lines] }}"
        )
        .unwrap();
    }
    let password = folder.join("password");
    fs::write(&password, PASSWORD).unwrap();
    let config = folder.join("netwolf.yml");
    let secret = format!("\"file:{}\"", password.display());
    let text = format!(
        "library: {{ platforms: platforms, collectors: collectors }}\n\
         defaults: {{ credential: lab, connect_timeout: 30s, timeout: 20s }}\n\
         credentials:\n  lab: {{ username: netwolf, password: {secret}, enable_secret: {secret} }}\n{inventory}"
    );
    fs::write(&config, text).unwrap();
    config
}

/// The lines of a text without blanks at their ends, which a terminal does not show.
fn lines(text: &str) -> Vec<&str> {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let end = lines
        .iter()
        .rposition(|line| !line.is_empty())
        .map_or(0, |last| last + 1);
    lines[..end].to_vec()
}

#[test]
fn devices_that_others_wrote_are_recorded_whole_and_polled() {
    let folder = lab::folder();
    let Some(devices) = Devices::start(folder.path()) else {
        return;
    };
    let config = configure(folder.path(), &devices);
    for (platform, played) in &devices.played {
        let transcript = folder.path().join(format!("{platform}.json"));
        let output = Command::new(env!("CARGO_BIN_EXE_netwolf"))
            .args(["record", "--config.file", config.to_str().unwrap()])
            .args(["--output", transcript.to_str().unwrap()])
            .args([platform, &played.command])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{platform}: {said}");
        let transcript: Value = serde_json::from_slice(&fs::read(transcript).unwrap()).unwrap();
        assert_eq!(transcript["hostname"], platform.as_str());
        let recorded = transcript["commands"][0]["output"].as_str().unwrap();
        match &played.output {
            Some(expected) => assert_eq!(lines(recorded), lines(expected), "{platform}"),
            None => assert!(recorded.contains("Version"), "{platform}: {recorded}"),
        }
    }

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
    let web = ready["web"].as_str().unwrap();
    eventually(PATIENCE, "a number of each device", || {
        let page = lab::Page::parse(&lab::get(web, "/metrics", "")?);
        let numbers = page.series("netwolf_first_number", &[]).count();
        if numbers == WANTED.len() {
            Ok(())
        } else {
            Err(format!("{numbers} numbers"))
        }
    });
}
