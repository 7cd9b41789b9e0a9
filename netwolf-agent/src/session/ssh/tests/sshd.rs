//! A real OpenSSH server: keys with passphrases, host keys, a path that goes silent.

use std::{
    fs::Permissions,
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::LazyLock,
};

use super::*;

const SSHD: &str = "/usr/sbin/sshd";

/// An sshd with keys and configuration of its own, for whoever runs the test.
pub(super) struct Sshd {
    child: Child,
    pub(super) port: u16,
    dir: tempfile::TempDir,
    user: String,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        // Connections have processes of their own; they end with the connections.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Runs `program` to its end and tells what it printed.
pub(super) fn tool(program: &str, args: &[&str]) -> String {
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Makes a key pair with ssh-keygen.
pub(super) fn make_key(path: &Path, kind: &str, passphrase: &str, more: &[&str]) {
    let path = path.to_str().unwrap();
    let mut args = vec!["-q", "-t", kind, "-N", passphrase, "-C", "", "-f", path];
    args.extend_from_slice(more);
    tool("ssh-keygen", &args);
}

/// Name, private and public half of a key.
type KeyPair = (String, Vec<u8>, Vec<u8>);

/// The keys that every server here has; made once, because that takes long.
static KEYS: LazyLock<Vec<KeyPair>> = LazyLock::new(|| {
    let dir = tempfile::tempdir().unwrap();
    let short = ["-b", "2048"];
    [
        ("host_ed25519", "ed25519", &[][..]),
        ("host_rsa", "rsa", &short),
        ("host_ecdsa", "ecdsa", &[]),
        ("user_key", "ed25519", &[]),
        ("user_rsa", "rsa", &short),
    ]
    .into_iter()
    .map(|(name, kind, more)| {
        let path = dir.path().join(name);
        make_key(&path, kind, "", more);
        let private = std::fs::read(&path).unwrap();
        let public = std::fs::read(path.with_extension("pub")).unwrap();
        (name.to_owned(), private, public)
    })
    .collect()
});

impl Sshd {
    /// Starts a server whose configuration has `extra` at its top, where it counts before all else; or says why
    /// not.
    pub(super) async fn start(extra: &str) -> Option<Self> {
        if !Path::new(SSHD).exists() {
            leave_out("/usr/sbin/sshd (Debian: openssh-server) is missing");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let user = tool("id", &["-un"]);
        if user == "root" {
            // The directory that sshd wants to find when it runs as root; the Debian unit makes it, too.
            std::fs::create_dir_all("/run/sshd").unwrap();
        }
        let path = |name: &str| dir.path().join(name).display().to_string();
        for (name, private, public) in &*KEYS {
            std::fs::write(path(name), private).unwrap();
            std::fs::set_permissions(path(name), Permissions::from_mode(0o600)).unwrap();
            std::fs::write(path(name) + ".pub", public).unwrap();
        }
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let config = format!(
            "{extra}\nPort {port}\nListenAddress 127.0.0.1\nHostKey {}\nHostKey {}\nHostKey {}\n\
             AuthorizedKeysFile {}\nPidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nPrintMotd no\nLogLevel VERBOSE\n\
             MaxStartups 200\nSetEnv HOME={}\n",
            path("host_ed25519"),
            path("host_rsa"),
            path("host_ecdsa"),
            path("authorized_keys"),
            path(""),
        );
        std::fs::write(path("sshd_config"), config).unwrap();
        let child = Command::new(SSHD)
            .args(["-D", "-E", &path("log"), "-f", &path("sshd_config")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let sshd = Self {
            child,
            port,
            dir,
            user,
        };
        sshd.authorize("user_key");
        eventually("sshd to listen", || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        })
        .await;
        Some(sshd)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Lets the owner of the key `name` in, and nobody else.
    pub(super) fn authorize(&self, name: &str) {
        let line = std::fs::read(self.path(&format!("{name}.pub"))).unwrap();
        let keys = self.path("authorized_keys");
        std::fs::write(&keys, line).unwrap();
        std::fs::set_permissions(keys, Permissions::from_mode(0o600)).unwrap();
    }

    /// How to log in with the key that is let in from the start.
    pub(super) fn target(&self) -> Target {
        let mut target = target(self.port);
        target.login.username.clone_from(&self.user);
        target.login.private_key = Some(SecretRef::File(self.path("user_key")));
        target
    }

    /// How often its log says `what`.
    pub(super) fn logged(&self, what: &str) -> usize {
        let log = std::fs::read_to_string(self.path("log")).unwrap_or_default();
        log.matches(what).count()
    }
}

#[tokio::test]
async fn keys_with_passphrases_open_and_log_in() {
    let Some(sshd) = Sshd::start("").await else {
        return;
    };
    std::fs::write(sshd.path("passphrase"), "tell nobody\n").unwrap();
    std::fs::write(sshd.path("wrong"), "guessed\n").unwrap();
    let short = ["-b", "2048"];
    let old = ["-b", "2048", "-m", "PEM"];
    for (name, kind, format) in [
        ("id_ed25519", "ed25519", &[][..]),
        ("id_rsa", "rsa", &short),
        ("id_ecdsa", "ecdsa", &[]),
        ("id_rsa_pem", "rsa", &old),
    ] {
        make_key(&sshd.path(name), kind, "tell nobody", format);
        sshd.authorize(name);
        let mut target = sshd.target();
        target.login.private_key = Some(SecretRef::File(sshd.path(name)));
        target.login.passphrase = Some(SecretRef::File(sshd.path("passphrase")));
        let shared = Shared::default();
        if let Err(failure) = shared.try_login(&target).await {
            panic!("{name}: {failure:?}");
        }
        target.login.passphrase = Some(SecretRef::File(sshd.path("wrong")));
        let failure = shared.try_login(&target).await.unwrap_err();
        assert_eq!(failure.reason, Reason::SecretUnavailable, "{name}");
        assert!(!failure.message.contains("guessed"), "{failure:?}");
        target.login.passphrase = None;
        let failure = shared.try_login(&target).await.unwrap_err();
        assert_eq!(failure.reason, Reason::SecretUnavailable, "{name}");
        assert!(failure.message.contains(name), "{failure:?}");
    }
}

#[tokio::test]
async fn a_scan_finds_every_key_and_logs_nobody_in() {
    let Some(sshd) = Sshd::start("").await else {
        return;
    };
    let found = crate::host_keys::scan("127.0.0.1", sshd.port, &[], PATIENCE)
        .await
        .unwrap();
    let expected: Vec<_> = ["ed25519", "ecdsa", "rsa"]
        .iter()
        .map(|kind| {
            let file = sshd.path(&format!("host_{kind}.pub"));
            let shown = tool("ssh-keygen", &["-l", "-f", file.to_str().unwrap()]);
            let fingerprint = shown.split(' ').nth(1).unwrap().to_owned();
            let line = std::fs::read_to_string(file).unwrap().trim().to_owned();
            (fingerprint, line)
        })
        .collect();
    let seen: Vec<_> = found
        .iter()
        .map(|key| (key.fingerprint.clone(), key.line.clone()))
        .collect();
    assert_eq!(seen, expected);
    assert_eq!(found[0].algorithm, "ssh-ed25519");
    assert_eq!(sshd.logged("Accepted") + sshd.logged("Failed"), 0);

    // What was found is what a login is checked against.
    let mut target = sshd.target();
    target.host_key = HostKey::Pinned(found[0].fingerprint.clone());
    Shared::default().try_login(&target).await.unwrap();
    let lines: String = [
        "# somebody else's authority, which vouches for nobody here\n".to_owned(),
        format!("@cert-authority * {}\n", found[2].line),
        format!("[127.0.0.1]:{} {}\n", sshd.port, found[1].line),
    ]
    .concat();
    std::fs::write(sshd.path("known_hosts"), lines).unwrap();
    target.host_key = HostKey::KnownHosts(sshd.path("known_hosts").display().to_string());
    Shared::default().try_login(&target).await.unwrap();
    let authority = format!("@cert-authority * {}\n", found[2].line);
    std::fs::write(sshd.path("known_hosts"), authority).unwrap();
    let failure = Shared::default().try_login(&target).await.unwrap_err();
    assert_eq!(
        failure.reason,
        Reason::HostKeyUnknown,
        "an authority is no key of another type: {failure:?}"
    );
}

#[tokio::test]
async fn a_scan_of_what_is_no_ssh_server_says_so() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let limit = Duration::from_millis(300);
    let failure = crate::host_keys::scan("127.0.0.1", port, &[], limit)
        .await
        .unwrap_err();
    assert_eq!(failure.reason, Reason::HandshakeTimeout, "{failure:?}");
    drop(listener);
    let failure = crate::host_keys::scan("127.0.0.1", port, &[], PATIENCE)
        .await
        .unwrap_err();
    assert_eq!(failure.reason, Reason::Refused, "{failure:?}");
}

#[tokio::test]
async fn a_session_over_a_path_that_went_silent_is_given_up_within_ten_seconds_of_a_command() {
    let Some(sshd) = Sshd::start("").await else {
        return;
    };
    let relay = Relay::start(sshd.port).await;
    let mut target = sshd.target();
    target.port = relay.port();
    let connection = Shared::default().connect(&target, &linux()).await.0;
    let mut live = live(connection.ok().unwrap(), &linux()).await;
    let Outcome::Output(output) = run(&mut live, "echo there", PATIENCE).await.unwrap() else {
        panic!()
    };
    assert_eq!(output.text, "there\n");
    // Both kernels still say that the connection is well: only we can notice.
    relay.freeze();
    let begin = Instant::now();
    let failure = run(&mut live, "echo nobody", Duration::from_secs(5))
        .await
        .unwrap_err();
    assert!(begin.elapsed() < Duration::from_secs(10), "{failure:?}");
    live.close().await;
}
