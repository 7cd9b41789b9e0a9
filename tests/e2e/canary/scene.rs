//! One device for each kind of secret, and one for each way to fail with one.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
};

use netwolf_simulator::{FleetConfig, Transcript};

use super::{
    props::{program, ssh_agent, talkative_receiver},
    search::Words,
};
use crate::{
    lab::{self, Devices, Process},
    openssh::{self, Sshd},
};

/// Simulated devices with one password each fleet, named after what is special about them.
fn fleet(name: &str, password: &str, more: impl FnOnce(&mut FleetConfig)) -> Devices {
    let mut config = FleetConfig::new(1, "netwolf", password);
    config.name_prefix = name.into();
    // A device that greets people with their own password, before and after the login.
    config.banner = format!("Hello {password}, who are you?\n");
    config.motd = format!("{{hostname}} welcomes {password}\n");
    more(&mut config);
    Devices::of(config)
}

/// A device that says `prompt` and answers as `commands` say.
fn transcript(prompt: &str, greeting: &str, commands: &[(&str, String)]) -> Arc<Transcript> {
    let commands: Vec<_> = commands
        .iter()
        .map(|(command, output)| serde_json::json!({ "command": command, "output": output }))
        .collect();
    let transcript = serde_json::json!({
        "format": 1, "platform": "cisco_ios", "hostname": "echo", "prompt": prompt,
        "before_prompt": greeting, "commands": commands,
    });
    Arc::new(Transcript::parse(&transcript.to_string()).unwrap())
}

/// One device for each kind of secret and for each way to fail with one.
pub(super) struct Scene {
    pub(super) words: Words,
    _secrets: tempfile::TempDir,
    pub(super) folder: tempfile::TempDir,
    pub(super) config: PathBuf,
    pub(super) socket: PathBuf,
    /// What systemd would hand over.
    pub(super) credentials: PathBuf,
    /// That `exec:` may run.
    pub(super) programs: [PathBuf; 2],
    _simulator: Process,
    pub(super) simulator_id: u32,
    _fleets: Vec<Devices>,
    _agent: Process,
    _sshd: Sshd,
}

/// Devices that come up, and those that do not with the reason.
pub(super) const UP: [&str; 11] = [
    "quiet",
    "by-credential",
    "by-exec",
    "asks",
    "by-file",
    "by-env",
    "by-key",
    "by-agent",
    "enabled",
    "echo",
    "behind-sshd",
];
pub(super) const DOWN: [(&str, &str); 6] = [
    ("vault-fails", "secret_unavailable"),
    ("vault-forbidden", "secret_unavailable"),
    ("stale", "auth_failed"),
    ("not-enabled", "enable_failed"),
    ("mute", "no_prompt"),
    ("behind-gate", "jump_failed"),
];

impl Scene {
    /// Lets a command run the programs of the scene.
    pub(super) fn allowed(&self) -> Vec<String> {
        let flag = |program: &PathBuf| format!("--secret.exec-allow={}", program.display());
        self.programs.iter().map(flag).collect()
    }

    #[expect(
        clippy::too_many_lines,
        reason = "a scene is told from its beginning to its end"
    )]
    pub(super) fn new() -> Option<Self> {
        let mut words = Words::new();
        let (secrets, folder) = (lab::folder(), lab::folder());
        let file = |name: &str, kind: &str| {
            let path = secrets.path().join(name);
            fs::write(&path, words.canary(kind)).unwrap();
            path
        };
        let password = file("password", "password-file");
        let passphrase = file("passphrase", "passphrase");
        let enable = file("enable", "enable-secret");
        let gate = file("gate", "jump-password");
        let wrong = file("wrong", "wrong-password");
        let wrong_enable = file("wrong_enable", "wrong-enable-secret");
        let printed = file("printed", "password-exec");
        let failing = file("failing", "failing-exec");
        let quiet_enable = file("quiet_enable", "wiped-enable-secret");
        let answer = file("answer", "keyboard-answer");
        let basic = file("basic", "remote-basic");
        let bearer = file("bearer", "remote-bearer");
        let credentials = secrets.path().join("credentials");
        fs::create_dir(&credentials).unwrap();
        fs::write(
            credentials.join("router"),
            words.canary("password-credential"),
        )
        .unwrap();
        let vault = program(secrets.path(), "vault", "cat \"$1\"");
        // It says on both of its outputs what it should not.
        let broken = program(
            secrets.path(),
            "broken",
            "cat \"$1\"; cat \"$1\" >&2; exit 7",
        );
        let receiver = talkative_receiver();
        let key = secrets.path().join("id_ed25519");
        openssh::keygen(
            &key,
            words.canary("passphrase"),
            words.canary("key-comment"),
        )?;
        let public = fs::read_to_string(key.with_extension("pub")).unwrap();
        let (agent, socket, agent_public) =
            ssh_agent(secrets.path(), words.canary("agent-key-comment"))?;
        let server_key = secrets.path().join("host_key");
        openssh::keygen(&server_key, "", "")?;
        let sshd = Sshd::with_keys(
            secrets.path(),
            &server_key,
            key.clone(),
            "AllowTcpForwarding yes",
        )?;

        // A simulator as people run it, whose own arguments and environment are looked at too.
        let inventory = folder.path().join("simulated.yml");
        let mut command = Command::new(env!("CARGO_BIN_EXE_netwolf"));
        command
            .args([
                "simulator",
                "--devices",
                "4",
                "--first-port",
                "0",
                "--password-file",
            ])
            .arg(&password)
            .arg("--enable-secret-file")
            .arg(&enable)
            .arg("--inventory")
            .arg(&inventory)
            .env("RUST_LOG", "netwolf_simulator=trace")
            .env("NETWOLF_DECOY", &words.decoy);
        let (simulator, _) = Process::ready("simulator", command, folder.path());
        let simulated = fs::read_to_string(&inventory).unwrap();
        let simulated: Vec<_> = simulated
            .lines()
            .filter_map(|line| line.split_once(", ")?.1.strip_suffix(" }"))
            .collect();

        let secret = |kind| words.canary(kind);
        let told = secret("password-file");
        let echo = transcript(
            "echo#",
            &format!("Your password is {told}.\n"),
            &[
                (
                    "show clock",
                    format!("% Invalid input: \"{told}\" is no clock\n"),
                ),
                (
                    "show running-config",
                    format!(
                        "hostname {}\nusername netwolf password 0 {told}\nHello {told}, nice to see you\n\
                         {} is what you typed at enable\nend\n",
                        words.decoy,
                        secret("enable-secret"),
                    ),
                ),
            ],
        );
        let fleets = vec![
            fleet("by-env", secret("password-env"), |_| {}),
            fleet("by-key", "", |config| config.authorized_keys = vec![public]),
            fleet("by-agent", "", |config| {
                config.authorized_keys = vec![agent_public];
            }),
            fleet("gate", secret("jump-password"), |_| {}),
            fleet("echo", told, |config| config.transcript = Some(echo)),
            fleet("mute", told, |config| {
                config.transcript = Some(transcript(&format!("hm, {told}, hm>"), "", &[]));
            }),
            fleet("by-credential", secret("password-credential"), |_| {}),
            fleet("quiet", secret("password-credential"), |config| {
                config.enable_secret = Some(secret("wiped-enable-secret").into());
            }),
            fleet("by-exec", secret("password-exec"), |_| {}),
            fleet("asks", secret("keyboard-answer"), |config| {
                config.faults.keyboard_interactive_only = true;
            }),
        ];
        let place = |n: usize| {
            let device = &fleets[n].fleet().devices()[0];
            format!(
                "address: {}, port: {}, platform: cisco_ios, host_key: \"{}\"",
                device.address().ip(),
                device.address().port(),
                device.host_key()
            )
        };
        let (user, port, host_key) = (&sshd.user, sshd.port, &sshd.host_key);
        let gate_place = place(3).replace("platform: cisco_ios, ", "");
        let show = |path: &Path| path.display().to_string();
        let config = folder.path().join("netwolf.yml");
        let decoy = &words.decoy;
        let text = format!(
            "defaults: {{ interval: 1s, connect_timeout: 5s, collectors: [clock], labels: {{ note: {decoy} }} }}\n\
             library: {{ collectors: collectors }}\n\
             credentials:\n\
             \x20 file: {{ username: netwolf, password: \"file:{password}\" }}\n\
             \x20 env: {{ username: netwolf, password: env:NETWOLF_CANARY }}\n\
             \x20 key: {{ username: netwolf, private_key: \"file:{key}\", passphrase: \"file:{passphrase}\" }}\n\
             \x20 agent: {{ username: netwolf, ssh_agent: env:SSH_AUTH_SOCK }}\n\
             \x20 enable: {{ username: netwolf, password: \"file:{password}\", enable_secret: \"file:{enable}\" }}\n\
             \x20 stale: {{ username: netwolf, password: \"file:{wrong}\" }}\n\
             \x20 not-enabled: {{ username: netwolf, password: \"file:{password}\", enable_secret: \"file:{wrong_enable}\" }}\n\
             \x20 gate: {{ username: netwolf, password: \"file:{gate}\" }}\n\
             \x20 sshd: {{ username: {user}, private_key: \"file:{key}\", passphrase: \"file:{passphrase}\" }}\n\
             \x20 handed: {{ username: netwolf, password: \"credential:router\" }}\n\
             \x20 quiet: {{ username: netwolf, password: \"credential:router\", enable_secret: \"exec:{vault} {quiet_enable}\" }}\n\
             \x20 vault: {{ username: netwolf, password: \"exec:{vault} '{printed}'\" }}\n\
             \x20 broken: {{ username: netwolf, password: \"exec:{broken} {failing}\" }}\n\
             \x20 forbidden: {{ username: netwolf, password: \"exec:/bin/cat {printed}\" }}\n\
             \x20 asked: {{ username: netwolf, password: \"file:{answer}\" }}\n\
             remote_write:\n\
             \x20 - {{ name: basic, url: \"http://{receiver}/api/v1/write\", username: netwolf, password: \"file:{basic}\" }}\n\
             \x20 - {{ name: bearer, url: \"http://{receiver}/api/v1/write\", bearer_token: \"file:{bearer}\" }}\n\
             jump_hosts:\n\
             \x20 gate: {{ {gate_place}, credential: gate }}\n\
             \x20 sshd: {{ address: 127.0.0.1, port: {port}, credential: sshd, host_key: \"{host_key}\" }}\n\
             devices:\n\
             \x20 - {{ name: by-file, credential: file, {by_file} }}\n\
             \x20 - {{ name: by-env, credential: env, {by_env} }}\n\
             \x20 - {{ name: by-key, credential: key, {by_key} }}\n\
             \x20 - {{ name: by-agent, credential: agent, {by_agent} }}\n\
             \x20 - {{ name: enabled, credential: enable, {enabled} }}\n\
             \x20 - {{ name: echo, credential: enable, {echo} }}\n\
             \x20 - {{ name: mute, credential: file, {mute} }}\n\
             \x20 - {{ name: stale, credential: stale, {stale} }}\n\
             \x20 - {{ name: not-enabled, credential: not-enabled, {not_enabled} }}\n\
             \x20 - {{ name: behind-gate, credential: file, jump_host: gate, {by_file} }}\n\
             \x20 - {{ name: by-credential, credential: handed, {by_credential} }}\n\
             \x20 - {{ name: quiet, credential: quiet, {quiet} }}\n\
             \x20 - {{ name: by-exec, credential: vault, {by_exec} }}\n\
             \x20 - {{ name: asks, credential: asked, {asks} }}\n\
             \x20 - {{ name: vault-fails, credential: broken, {by_exec} }}\n\
             \x20 - {{ name: vault-forbidden, credential: forbidden, {by_exec} }}\n\
             \x20 - {{ name: behind-sshd, credential: env, jump_host: sshd, {by_env} }}\n",
            password = show(&password),
            key = show(&key),
            passphrase = show(&passphrase),
            enable = show(&enable),
            wrong = show(&wrong),
            wrong_enable = show(&wrong_enable),
            gate = show(&gate),
            by_file = simulated[0],
            enabled = simulated[1],
            stale = simulated[2],
            not_enabled = simulated[3],
            by_env = place(0),
            by_key = place(1),
            by_agent = place(2),
            echo = place(4),
            mute = place(5),
            by_credential = place(6),
            quiet = place(7),
            by_exec = place(8),
            asks = place(9),
            quiet_enable = show(&quiet_enable),
            vault = show(&vault),
            broken = show(&broken),
            printed = show(&printed),
            failing = show(&failing),
            answer = show(&answer),
            basic = show(&basic),
            bearer = show(&bearer),
        );
        fs::write(&config, text).unwrap();
        fs::create_dir(folder.path().join("collectors")).unwrap();
        fs::write(folder.path().join("collectors/clock.yml"), CLOCK).unwrap();

        // The private key itself, of which nothing but the agent may know a line.
        let body = fs::read_to_string(&key).unwrap();
        let line = body.lines().nth(2).unwrap().to_owned();
        words.canaries.push(("private-key", line));
        Some(Self {
            words,
            _secrets: secrets,
            folder,
            config,
            socket,
            credentials,
            programs: [vault, broken],
            simulator_id: simulator.id(),
            _simulator: simulator,
            _fleets: fleets,
            _agent: agent,
            _sshd: sshd,
        })
    }
}

/// Commands that work, one that the echoing device refuses with the password in its words.
const CLOCK: &str = "\
name: clock
platforms: [cisco_ios]
commands:
  - command: show clock
    rules:
      - name: clock
        regex: { patterns: ['(?P<hour>[0-9]+):[0-9]+:'] }
        metrics: [{ name: netwolf_lab_hour, kind: gauge, help: Hour., value: hour }]
  - command: show running-config
    rules:
      - name: hostname
        regex: { patterns: ['(?m)^hostname (?P<name>.*)$'], match: every }
        metrics: [{ name: netwolf_lab_info, kind: info, help: Name., labels: { name: '${name}' } }]
";
