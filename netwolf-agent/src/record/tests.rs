use netwolf_simulator::{Fleet, FleetConfig};
use netwolf_wire::{
    SecretRef, Span,
    platform::Transport,
    status::Reason,
    target::{HostKey, Login},
};

use super::*;

struct Lab {
    fleet: Fleet,
    target: Target,
    platform: Platform,
    dir: tempfile::TempDir,
}

impl Lab {
    async fn start(password: &str) -> Self {
        Self::greeting(password, None).await
    }

    async fn greeting(password: &str, motd: Option<&str>) -> Self {
        let mut config = FleetConfig::new(1, "netwolf", "correct-horse");
        config.privileged = true;
        if let Some(motd) = motd {
            config.motd = motd.into();
        }
        let fleet = Fleet::start(config).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("password"), password).unwrap();
        let address = fleet.devices()[0].address();
        let target = Target {
            address: address.ip().to_string(),
            port: address.port(),
            login: Login {
                credential: "lab".into(),
                username: "netwolf".into(),
                private_key: None,
                passphrase: None,
                ssh_agent: None,
                password: Some(SecretRef::File(dir.path().join("password"))),
                enable_secret: None,
                allow: Vec::new(),
            },
            host_key: HostKey::Pinned(fleet.host_key().to_owned()),
            connect_timeout: Span::from_secs(30),
            jump: None,
            legacy: Vec::new(),
            max_age: None,
        };
        let platform = Platform {
            prompts: [("any".into(), "[A-Za-z0-9-]+[>#]".into())].into(),
            setup: vec!["terminal length 0".into()],
            failures: vec!["^% ".into()],
            ..Platform::new("cisco_ios", Transport::Shell)
        };
        Self {
            fleet,
            target,
            platform,
            dir,
        }
    }

    async fn record(&self, commands: &[&str], timeout: Duration) -> Result<Recording, Failure> {
        let commands: Vec<String> = commands.iter().map(|command| (*command).into()).collect();
        let request = Request {
            device: &DeviceName::new("r1").unwrap(),
            target: &self.target,
            platform: &self.platform,
            commands: &commands,
            timeout,
        };
        record(&request, |_| {}).await
    }
}

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_transcript_has_what_was_shown_and_one_login_is_enough() {
    let lab = Lab::start("correct-horse").await;
    let recording = lab
        .record(&["show version", "show clock"], PATIENCE)
        .await
        .unwrap();
    let transcript = &recording.transcript;
    assert!(recording.failed.is_empty(), "{:?}", recording.failed);
    assert_eq!(
        (transcript.prompt.as_str(), transcript.hostname.as_str()),
        ("sim-0001#", "sim-0001")
    );
    assert!(
        transcript.before_prompt.contains("noc#") && !transcript.before_prompt.contains("0001#"),
        "{:?}",
        transcript.before_prompt
    );
    let [version, clock] = &transcript.commands[..] else {
        panic!("{transcript:?}")
    };
    assert_eq!(version.command, "show version");
    assert!(
        version.output.starts_with("Cisco IOS"),
        "{}",
        version.output
    );
    assert!(clock.output.lines().count() == 1, "{:?}", clock.output);
    assert_eq!(lab.fleet.totals().logins, 1);
    while lab.fleet.totals().sessions > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn secrets_are_taken_out_and_counted() {
    let motd = "\nask the correct-horse, it knows\nsnmp-server community s3cr3t RO\n\n";
    let lab = Lab::greeting("correct-horse", Some(motd)).await;
    let recording = lab.record(&["show clock"], PATIENCE).await.unwrap();
    let text = serde_json::to_string(&recording.transcript).unwrap();
    assert!(text.contains("snmp-server community"), "{text}");
    assert!(
        !text.contains("correct-horse") && !text.contains("s3cr3t"),
        "{text}"
    );
    assert_eq!(recording.removed, 2, "{text}");
}

#[tokio::test]
async fn a_refused_command_is_named_and_the_others_are_kept() {
    let lab = Lab::start("correct-horse").await;
    let recording = lab
        .record(&["show nonsense", "show clock"], PATIENCE)
        .await
        .unwrap();
    assert_eq!(recording.transcript.commands.len(), 1);
    let (command, failure) = &recording.failed[0];
    assert_eq!(command, "show nonsense");
    assert_eq!(failure.reason, Reason::CommandRejected);
}

#[tokio::test]
async fn a_late_command_is_named_and_the_session_goes_on_or_ends_in_words() {
    let mut lab = Lab::start("correct-horse").await;
    lab.target.connect_timeout = Span::from_secs(3);
    lab.fleet.devices()[0].update_faults(|faults| faults.hang = true);
    let recording = lab
        .record(&["show clock", "show users"], Duration::from_millis(200))
        .await;
    // A device that hangs does not even confirm its prompt, or it hangs at the first command.
    match recording {
        Ok(recording) => {
            assert_eq!(recording.failed.len(), 2);
            assert_eq!(recording.failed[0].1.reason, Reason::CommandTimeout);
        }
        Err(failure) => assert_eq!(failure.reason, Reason::NoPrompt, "{failure:?}"),
    }
}

#[tokio::test]
async fn a_wrong_password_is_sent_once_and_told_without_it() {
    let lab = Lab::start("wrong-pony").await;
    let failure = lab.record(&["show clock"], PATIENCE).await.unwrap_err();
    assert_eq!(failure.reason, Reason::AuthFailed);
    assert!(!failure.message.contains("wrong-pony"));
    assert_eq!(lab.fleet.devices()[0].login_failures(), 1);
    std::fs::remove_file(lab.dir.path().join("password")).unwrap();
    let failure = lab.record(&["show clock"], PATIENCE).await.unwrap_err();
    assert_eq!(failure.reason, Reason::SecretUnavailable);
}

#[test]
fn a_hostname_is_read_from_any_prompt() {
    for (prompt, expected) in [
        ("leaf1#", Some("leaf1")),
        ("RP/0/RSP0/CPU0:core-1#", Some("core-1")),
        ("netwolf@mx-1> ", Some("mx-1")),
        ("<sw.core>", Some("sw.core")),
        ("[~ne40]", Some("ne40")),
        ("A:sr1# ", Some("sr1")),
        ("vyos@edge:~$", Some("edge")),
        ("", None),
        ("#", None),
    ] {
        assert_eq!(hostname(prompt), expected, "{prompt:?}");
    }
}
