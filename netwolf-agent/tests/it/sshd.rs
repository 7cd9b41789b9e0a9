//! A real OpenSSH server as a device: exec channels on a kept connection.

use std::{
    fs::Permissions,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Stdio},
};

use netwolf_wire::{
    Span,
    status::Reason,
    target::{HostKey, Login, Target},
};

use crate::support::*;

const SSHD: &str = "/usr/sbin/sshd";

/// An sshd with keys and configuration of its own, for whoever runs the test.
struct Sshd {
    child: Child,
    port: u16,
    files: Files,
    user: String,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        // Connections have processes of their own; they end with the connections.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn run(program: &str, args: &[&str]) -> String {
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

impl Sshd {
    /// Starts a server, or says why not.
    async fn start() -> Option<Self> {
        if !Path::new(SSHD).exists() {
            leave_out("/usr/sbin/sshd (Debian: openssh-server) is missing");
            return None;
        }
        let files = Files::new();
        let user = run("id", &["-un"]);
        if user == "root" {
            // The directory that sshd wants to find when it runs as root; the Debian unit makes it, too.
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        for (name, kind) in [
            ("host_ed25519", "ed25519"),
            ("host_rsa", "rsa"),
            ("user_key", "ed25519"),
        ] {
            let passphrase = if name == "user_key" {
                "tell nobody"
            } else {
                ""
            };
            run(
                "ssh-keygen",
                &[
                    "-q",
                    "-t",
                    kind,
                    "-N",
                    passphrase,
                    "-C",
                    "",
                    "-f",
                    &files.path(name),
                ],
            );
        }
        std::fs::copy(files.path("user_key.pub"), files.path("authorized_keys")).unwrap();
        std::fs::set_permissions(files.path("authorized_keys"), Permissions::from_mode(0o600))
            .unwrap();
        files.write("passphrase", "tell nobody\n");
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             PermitRootLogin prohibit-password\nMaxSessions 10\nPrintMotd no\nSetEnv HOME={}\n",
            files.path("host_ed25519"),
            files.path("host_rsa"),
            files.path("authorized_keys"),
            // A shell reads the user's own start-up files otherwise, and they are no part of the test.
            files.path(""),
        );
        files.write("sshd_config", &config);
        let child = Command::new(SSHD)
            .args(["-D", "-e", "-f", &files.path("sshd_config")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let sshd = Self {
            child,
            port,
            files,
            user,
        };
        eventually("sshd to listen", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        })
        .await;
        Some(sshd)
    }

    fn target(&self) -> Target {
        // Only the RSA key is known: the server must be asked for that one and not for its first.
        let key = std::fs::read_to_string(self.files.path("host_rsa.pub")).unwrap();
        self.files
            .write("known_hosts", &format!("[127.0.0.1]:{} {key}", self.port));
        Target {
            address: "127.0.0.1".into(),
            port: self.port,
            login: Login {
                credential: "lab".into(),
                username: self.user.clone(),
                private_key: Some(self.files.secret("user_key")),
                passphrase: Some(self.files.secret("passphrase")),
                password: None,
                enable_secret: None,
                ssh_agent: None,
                allow: Vec::new(),
            },
            host_key: HostKey::KnownHosts(self.files.path("known_hosts")),
            connect_timeout: Span::from_secs(20),
            jump: None,
            legacy: Vec::new(),
            max_age: None,
        }
    }
}

const LOAD: &str = "cat /proc/loadavg";

fn load_command(interval_ms: u64) -> netwolf_wire::job::Command {
    command(
        LOAD,
        interval_ms,
        5000,
        vec![gauge("netwolf_load_average", r"^(?P<value>\d+\.\d+) ")],
    )
}

#[tokio::test]
async fn a_linux_machine_is_polled_over_one_connection() {
    let Some(sshd) = Sshd::start().await else {
        return;
    };
    let mut manager = Manager::start().await;
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    let commands = vec![
        load_command(200),
        command("cat /no/such/file", 200, 5000, Vec::new()),
        command(
            "head -c 3000000 /dev/zero | tr '\\0' x | fold -w 100",
            500,
            20_000,
            Vec::new(),
        ),
    ];
    let plan = plan(linux(), commands);
    let lease = manager.lease("box", sshd.target(), &plan);
    link.plan(&plan).await;
    link.assign(vec![lease]).await;
    link.until("ten samples and both faults", |world| {
        world.samples("box").len() >= 10
            && world.fails("box", Reason::CommandRejected)
            && world.fails("box", Reason::OutputTruncated)
    })
    .await;
    let failing = &link.world.statuses["box"].failing;
    let rejected = failing
        .iter()
        .find(|failing| failing.failure.reason == Reason::CommandRejected)
        .unwrap();
    assert!(
        rejected.failure.message.contains("No such file"),
        "{rejected:?}"
    );
    link.until("counters", |world| {
        world.stats.logins == 1 && world.stats.disconnects.is_empty()
    })
    .await;
    agent.shutdown().await;
}

#[tokio::test]
async fn a_hundred_command_timeouts_leave_no_channel_taken() {
    let Some(sshd) = Sshd::start().await else {
        return;
    };
    let mut manager = Manager::start().await;
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    // `cat` waits for input until it is told that there is none.
    let plan = plan(
        linux(),
        vec![load_command(1000), command("cat", 20, 20, Vec::new())],
    );
    let lease = manager.lease("box", sshd.target(), &plan);
    link.plan(&plan).await;
    link.assign(vec![lease]).await;
    link.until("a hundred timeouts", |world| {
        world.stats.poll_failures.get(&Reason::CommandTimeout) >= Some(&100)
    })
    .await;
    let samples = link.world.samples("box").len();
    link.until("samples after them", |world| {
        world.samples("box").len() > samples
    })
    .await;
    let stats = &link.world.stats;
    assert!(
        stats.disconnects.is_empty() && stats.login_failures.is_empty(),
        "{stats:?}"
    );
    assert_eq!(stats.logins, 1);
    agent.shutdown().await;
}

#[tokio::test]
async fn commands_that_do_not_stop_cost_the_connection_before_the_device_runs_out_of_channels() {
    let Some(sshd) = Sshd::start().await else {
        return;
    };
    let mut manager = Manager::start().await;
    let agent = manager.agent("a1");
    let mut link = manager.welcome().await;
    // Neither the end of its input nor a signal makes it stop.
    let marker = sshd.files.path("marker");
    let stubborn = format!("trap '' TERM HUP; sleep 5 # {marker}");
    let plan = plan(
        linux(),
        vec![load_command(500), command(&stubborn, 100, 50, Vec::new())],
    );
    let lease = manager.lease("box", sshd.target(), &plan);
    link.plan(&plan).await;
    link.assign(vec![lease]).await;
    link.until("the connection to be replaced", |world| {
        world
            .stats
            .disconnects
            .contains_key(&Reason::CommandTimeout)
            && world.stats.logins >= 2
    })
    .await;
    let samples = link.world.samples("box").len();
    link.until("samples again", |world| {
        world.samples("box").len() > samples
    })
    .await;
    let stats = &link.world.stats;
    assert!(
        !stats.disconnects.contains_key(&Reason::ChannelRefused),
        "{stats:?}"
    );
    agent.shutdown().await;
    eventually("what was started to be gone", || !is_running(&marker)).await;
}

/// Whether a process has `marker` in its command line.
fn is_running(marker: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap();
    processes.flatten().any(|process| {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(marker)
    })
}
