//! Agents that join, are known by their certificates, renew them and lose them; whoever does not belong stays out.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
    thread,
    time::{Duration, Instant, SystemTime},
};

use tempfile::TempDir;

use crate::lab::{self, Devices, Manager, PATIENCE, Page, Process, eventually};

mod strangers;

/// A manager whose agents' port is open to other machines, so that it demands TLS.
struct Scene {
    folder: TempDir,
    config: PathBuf,
    manager: Manager,
    /// Its agents' port, by an address of this machine.
    port: String,
}

impl Scene {
    fn start(devices: &str) -> Self {
        let folder = lab::folder();
        let config = lab::configuration(folder.path(), devices);
        let manager = Manager::start_on(&config, folder.path(), "127.0.0.1:0", "0.0.0.0:0");
        let port = manager.agents.replace("0.0.0.0", "127.0.0.1");
        Self {
            folder,
            config,
            manager,
            port,
        }
    }

    /// `netwolf WORDS...`, asked of this manager.
    fn ask(&self, words: &[&str]) -> (i32, String, String) {
        let url = format!("http://{}", self.manager.web);
        lab::netwolf(&[words, &["--manager.url", &url]].concat())
    }

    /// A token in a file, made with these flags.
    fn invite(&self, flags: &[&str]) -> PathBuf {
        self.invited(flags).0
    }

    fn invited(&self, flags: &[&str]) -> (PathBuf, serde_json::Value) {
        let words = [&["agents", "invite", "--output", "json"], flags].concat();
        let (code, out, err) = self.ask(&words);
        assert_eq!(code, 0, "{err}");
        let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
        let token = answer["token"].as_str().unwrap();
        assert!(token.starts_with("NW1."), "{token}");
        let path = self.folder.path().join("token");
        fs::write(&path, token).unwrap();
        (path, answer)
    }

    /// The command of an agent with a storage folder of its own.
    fn agent(&self, name: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netwolf"));
        command
            .args(["agent", "--name", name, "--shards", "1"])
            .args(["--manager.address", &self.port])
            .arg("--storage.path")
            .arg(self.storage(name));
        command
    }

    fn storage(&self, name: &str) -> PathBuf {
        self.folder.path().join(format!("storage-{name}"))
    }

    /// As [`Scene::agent`], with a token.
    fn joining(&self, name: &str, token: &Path) -> Command {
        let mut command = self.agent(name);
        command.arg("--join");
        command.arg(format!("file:{}", token.display()));
        command
    }

    fn ready(&self, name: &str, command: Command) -> Process {
        Process::ready(name, command, self.folder.path()).0
    }

    /// An agent that has joined.
    fn joined(&self, name: &str) -> Process {
        let token = self.invite(&[]);
        self.ready(name, self.joining(name, &token))
    }

    #[track_caller]
    fn wait_until_linked(&self, agent: &str) {
        eventually(PATIENCE, &format!("{agent} is linked"), || {
            let agents = self.manager.json("/api/v1/agents")?;
            let shards = agents["shards"].as_array().ok_or("no list")?;
            let up = shards
                .iter()
                .any(|shard| shard["agent"] == agent && shard["up"] == true);
            up.then_some(()).ok_or_else(|| agents.to_string())
        });
    }

    fn counter(&self, series: &str) -> f64 {
        let page = lab::get(&self.manager.web, "/metrics", "").unwrap();
        let line = page.lines().find_map(|line| line.strip_prefix(series));
        let value = line.unwrap_or_else(|| panic!("no {series} in {page}"));
        value.trim().parse().unwrap()
    }
}

/// Runs an agent that is to fail: its exit code and what it says.
fn fails(command: &mut Command) -> (i32, String) {
    let Output { status, stderr, .. } = command.output().unwrap();
    (
        status.code().unwrap_or(-1),
        String::from_utf8(stderr).unwrap(),
    )
}

#[test]
fn an_agent_joins_once_and_comes_back_by_its_certificate() {
    let devices = Devices::start(2);
    let scene = Scene::start(&devices.inventory());
    let token = scene.invite(&[]);
    let mut agent = scene.ready("a1", scene.joining("a1", &token));
    lab::wait_until_up(&scene.manager.web, 2.0);

    let identity = scene.storage("a1").join("identity.pem");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(&identity), mode(&scene.storage("a1"))),
        (0o600, 0o700)
    );
    let data = scene.folder.path().join("data/trust");
    assert_eq!(
        (mode(&data), mode(&data.join("trust.json"))),
        (0o700, 0o600)
    );
    let secret = fs::read_to_string(&token).unwrap();
    let secret = secret.rsplit('.').next().unwrap();
    for entry in fs::read_dir(&data).unwrap() {
        let kept = fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!kept.contains(secret), "a token is kept by its hash only");
    }
    for log in [agent.log(), scene.manager.process.log()] {
        assert!(!log.contains(secret), "{log}");
    }
    let page = lab::get(&scene.manager.web, "/metrics", "").unwrap();
    let expiry = "netwolf_agent_certificate_expiry_timestamp_seconds{agent=\"a1\"}";
    assert!(page.contains(expiry), "{page}");

    // The token is used up and not needed any more.
    agent.signal("INT");
    agent.wait(PATIENCE);
    fs::remove_file(&token).unwrap();
    let _agent = scene.ready("a1", scene.joining("a1", &token));
    lab::wait_until_up(&scene.manager.web, 2.0);
}

#[test]
fn a_token_is_good_once_for_a_short_time_and_for_its_agent() {
    let scene = Scene::start("devices: []\n");
    let token = scene.invite(&[]);
    let _a1 = scene.ready("a1", scene.joining("a1", &token));
    let (code, said) = fails(&mut scene.joining("a2", &token));
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("has been used") && said.contains("netwolf agents invite"),
        "{said}"
    );

    let (token, answer) = scene.invited(&["--ttl", "1s"]);
    let ends = humantime::parse_rfc3339(answer["expires"].as_str().unwrap()).unwrap();
    eventually(PATIENCE, "the token's end", || {
        let left = ends.duration_since(SystemTime::now());
        left.map_or(Ok(()), |left| Err(format!("{left:?} are left")))
    });
    let (code, said) = fails(&mut scene.joining("a3", &token));
    assert!(code == 1 && said.contains("has expired"), "{said}");

    let token = scene.invite(&["--name", "a4"]);
    let (code, said) = fails(&mut scene.joining("a5", &token));
    assert!(code == 1 && said.contains("--name a4"), "{said}");
    // A name that has a certificate is not given to whoever has some token.
    let token = scene.invite(&[]);
    fs::rename(scene.storage("a1"), scene.storage("elsewhere")).unwrap();
    let (code, said) = fails(&mut scene.joining("a1", &token));
    assert!(code == 1 && said.contains("invite --name a1"), "{said}");
    assert!(scene.counter("netwolf_manager_refused_certificates_total{reason=\"taken\"}") >= 1.0);

    let (code, _, said) = scene.ask(&["agents", "invite", "--ttl", "25h"]);
    assert!(code == 1 && said.contains("24h"), "{said}");
}

#[test]
fn a_token_does_not_stand_on_a_command_line() {
    let scene = Scene::start("devices: []\n");
    let token = fs::read_to_string(scene.invite(&[])).unwrap();
    let (code, said) = fails(scene.agent("a1").args(["--join", &token]));
    assert!(
        code == 2 && said.contains("file:") && said.contains("NETWOLF_JOIN"),
        "{said}"
    );
    assert!(!said.contains(token.rsplit('.').next().unwrap()), "{said}");
    let mut command = scene.agent("a1");
    command.env("NETWOLF_JOIN", token);
    let _agent = scene.ready("a1", command);
    scene.wait_until_linked("a1");
}

#[test]
fn a_token_is_not_shown_to_another_manager() {
    let (ours, other) = (Scene::start("devices: []\n"), Scene::start("devices: []\n"));
    let token = ours.invite(&[]);
    let mut command = other.joining("a1", &token);
    let (code, said) = fails(&mut command);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("the token was not sent"), "{said}");
    assert_eq!(
        other.counter("netwolf_manager_refused_certificates_total{reason=\"unknown\"}"),
        0.0
    );
    assert!(
        other.counter("netwolf_manager_refused_connections_total{reason=\"handshake\"}") >= 1.0
    );
    // It was not used up either.
    let mut agent = ours.ready("a1", ours.joining("a1", &token));
    // Nor does an agent that has joined believe another manager later.
    agent.signal("INT");
    agent.wait(PATIENCE);
    fs::rename(ours.storage("a1"), other.storage("a1")).unwrap();
    let agent = other.ready("a1", other.agent("a1"));
    eventually(PATIENCE, "the other manager is not believed", || {
        let log = agent.log();
        let said = log.contains("is another manager at this address");
        if said { Ok(()) } else { Err(log) }
    });
}

#[test]
fn an_agent_is_who_its_certificate_says() {
    let scene = Scene::start("devices: []\n");
    let mut agent = scene.joined("a1");
    agent.signal("INT");
    agent.wait(PATIENCE);
    let (code, said) = fails(
        Command::new(env!("CARGO_BIN_EXE_netwolf"))
            .args(["agent", "--name", "a2", "--manager.address", &scene.port])
            .arg("--storage.path")
            .arg(scene.storage("a1")),
    );
    assert!(code == 2 && said.contains("--name a1"), "{said}");
}

#[test]
fn a_revoked_agent_is_out_at_once_and_comes_back_by_a_token_for_its_name() {
    let scene = Scene::start("devices: []\n");
    let mut agent = scene.joined("a1");
    scene.wait_until_linked("a1");
    let revoked = Instant::now();
    let (code, out, err) = scene.ask(&["agents", "revoke", "a1"]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("a1 is revoked, 1 link closed"), "{out}");
    // It calls again, is told, and ends: there is nothing that it could do.
    assert_eq!(agent.wait(PATIENCE).code(), Some(1));
    lab::say(&format!(
        "out {:.2} s after the revocation",
        revoked.elapsed().as_secs_f64()
    ));
    let log = agent.log();
    assert!(
        log.contains("revoked") && log.contains("invite --name a1"),
        "{log}"
    );
    assert!(scene.counter("netwolf_manager_refused_hellos_total{reason=\"revoked\"}") >= 1.0);
    let agents = scene.manager.json("/api/v1/agents").unwrap();
    assert_eq!(agents["certificates"][0]["revoked"], true, "{agents}");
    let (_, out, _) = scene.ask(&["agents"]);
    assert!(out.contains("a1 is revoked"), "{out}");
    let (code, said) = fails(&mut scene.agent("a1"));
    assert!(code == 1 && said.contains("revoked"), "{said}");

    fs::remove_dir_all(scene.storage("a1")).unwrap();
    let token = scene.invite(&["--name", "a1"]);
    let _agent = scene.ready("a1", scene.joining("a1", &token));
    scene.wait_until_linked("a1");
    let (code, _, said) = scene.ask(&["agents", "revoke", "a9"]);
    assert!(code == 1 && said.contains("no agent"), "{said}");
}

#[test]
fn a_certificate_is_renewed_while_its_link_stands() {
    let scene = Scene::start("devices: []\n");
    let token = scene.invite(&[]);
    let mut command = scene.joining("a1", &token);
    let web = lab::free_address();
    command.args(["--renew-every", "1s", "--web.listen-address", &web]);
    let _agent = scene.ready("a1", command);
    scene.wait_until_linked("a1");
    let identity = || fs::read(scene.storage("a1").join("identity.pem")).unwrap();
    let first = identity();
    eventually(PATIENCE, "two renewals", || {
        let n = scene.counter("netwolf_manager_certificates_total{kind=\"renewal\"}");
        if n >= 2.0 { Ok(()) } else { Err(n.to_string()) }
    });
    assert_ne!(identity(), first);
    let page = Page::parse(&lab::get(&web, "/metrics", "").unwrap());
    assert!(page.sum("netwolf_agent_own_certificate_expiry_timestamp_seconds") > 1.7e9);
    assert_eq!(page.sum("netwolf_agent_link_up"), 1.0);
    assert_eq!(
        page.sum("netwolf_agent_certificate_renewal_failures_total"),
        0.0
    );
}

#[test]
fn an_authority_is_replaced_without_losing_an_agent() {
    let devices = Devices::start(2);
    let scene = Scene::start(&devices.inventory());
    let token = scene.invite(&[]);
    let mut command = scene.joining("a1", &token);
    command.args(["--renew-every", "1s"]);
    let mut agent = scene.ready("a1", command);
    lab::wait_until_up(&scene.manager.web, 2.0);
    let (code, _, err) = scene.ask(&["authorities", "rotate"]);
    assert_eq!(code, 0, "{err}");
    let (code, _, err) = scene.ask(&["authorities", "rotate"]);
    assert!(code == 1 && err.contains("going on"), "{err}");
    let (_, out, _) = scene.ask(&["authorities"]);
    assert_eq!(out.lines().count(), 3, "{out}");
    let identity = scene.storage("a1").join("identity.pem");
    eventually(PATIENCE, "the agent knows both authorities", || {
        let text = fs::read_to_string(&identity).unwrap();
        let n = text.matches("BEGIN CERTIFICATE").count();
        if n == 3 {
            Ok(())
        } else {
            Err(format!("{n} certificates"))
        }
    });
    // With a certificate of the new one it is let in by a manager that shows the old one, after a restart of both.
    agent.signal("INT");
    agent.wait(PATIENCE);
    let Scene {
        manager,
        config,
        folder,
        ..
    } = &scene;
    let (web, agents) = (manager.web.clone(), manager.agents.clone());
    manager.process.signal("TERM");
    let manager = eventually(PATIENCE, "the manager's ports are free", || {
        TcpListener::bind(&agents).map_err(|error| error.to_string())?;
        Ok(Manager::start_on(config, folder.path(), &web, &agents))
    });
    let _agent = scene.ready("a1", scene.agent("a1"));
    lab::wait_until_up(&manager.web, 2.0);
    // And a new agent joins in the middle of it.
    let _other = scene.joined("a2");
}

#[test]
fn a_port_that_others_can_reach_takes_nobody_without_tls() {
    let scene = Scene::start("devices: []\n");
    // The address that is called is a loopback one; what counts is where the manager listens.
    let agent = scene.ready("a1", scene.agent("a1"));
    eventually(PATIENCE, "plain links are turned away", || {
        let n = scene.counter("netwolf_manager_refused_connections_total{reason=\"plaintext\"}");
        if n >= 1.0 { Ok(()) } else { Err(agent.log()) }
    });
    let log = scene.manager.process.log();
    assert!(log.contains("netwolf agents invite"), "{log}");
    assert_eq!(scene.counter("netwolf_manager_insecure_plaintext"), 0.0);
    let agents = scene.manager.json("/api/v1/agents").unwrap();
    assert_eq!(agents["shards"], serde_json::json!([]));
}

#[test]
fn who_wants_plaintext_says_so_and_it_shows() {
    let folder = lab::folder();
    let config = lab::configuration(folder.path(), "devices: []\n");
    let mut command = Command::new(env!("CARGO_BIN_EXE_netwolf"));
    command
        .args(["manager", "--insecure-plaintext"])
        .args(["--web.listen-address", "127.0.0.1:0"])
        .args(["--agent.listen-address", "0.0.0.0:0"])
        .arg("--config.file")
        .arg(config)
        .arg("--storage.path")
        .arg(folder.path().join("data"));
    let manager = Manager::ready(command, folder.path());
    let page = manager.metrics().unwrap();
    assert_eq!(page.sum("netwolf_manager_insecure_plaintext"), 1.0);
    assert!(manager.process.log().contains("--insecure-plaintext"));
    let _agent = manager.agent_with("a1", 1, folder.path(), |command| {
        command.arg("--insecure-plaintext");
    });
    eventually(PATIENCE, "the agent is linked", || {
        let n = manager.metrics()?.sum("netwolf_manager_links");
        if n == 1.0 { Ok(()) } else { Err(n.to_string()) }
    });
}

#[test]
fn an_agent_with_an_identity_never_goes_plain() {
    let scene = Scene::start("devices: []\n");
    let mut agent = scene.joined("a1");
    agent.signal("INT");
    agent.wait(PATIENCE);
    // Somebody who speaks no TLS has taken the manager's place.
    let thief = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = thief.local_addr().unwrap().to_string();
    let mut command = Command::new(env!("CARGO_BIN_EXE_netwolf"));
    command
        .args(["agent", "--insecure-plaintext", "--shards", "1"])
        .args(["--manager.address", &address])
        .arg("--storage.path")
        .arg(scene.storage("a1"));
    let agent = scene.ready("a1", command);
    for _ in 0..2 {
        let (mut stream, _) = thief.accept().unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut first = [0];
        stream.read_exact(&mut first).unwrap();
        assert_eq!(first, [0x16], "the first byte of TLS");
        // What it answers is no TLS.
        stream.write_all(b"\0\0\0\x02{}").unwrap();
    }
    assert!(agent.log().contains("does nothing"), "{}", agent.log());
}
