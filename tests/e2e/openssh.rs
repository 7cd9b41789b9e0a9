//! Debian's OpenSSH server with configuration, host key and user key of its own.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::lab::{PATIENCE, Process, eventually, have, leave_out};

/// Makes an ed25519 key at `path`. `None` where OpenSSH's tools are missing.
pub(crate) fn keygen(path: &Path, passphrase: &str, comment: &str) -> Option<()> {
    let made = Command::new(have("ssh-keygen", "openssh-client")?)
        .args(["-q", "-t", "ed25519", "-N", passphrase, "-C", comment, "-f"])
        .arg(path)
        .status()
        .unwrap();
    assert!(made.success());
    Some(())
}

/// A running server.
pub(crate) struct Sshd {
    process: Process,
    pub(crate) port: u16,
    /// The user who runs the test, and the only one who can log in where it is not root.
    pub(crate) user: String,
    pub(crate) user_key: PathBuf,
    /// As OpenSSH prints it: `SHA256:...`.
    pub(crate) host_key: String,
}

impl Sshd {
    /// Starts it with `more` lines of `sshd_config`; `None` where there is no OpenSSH server.
    pub(crate) fn start(folder: &Path, more: &str) -> Option<Self> {
        let (server_key, user_key) = (folder.join("host_key"), folder.join("user_key"));
        keygen(&server_key, "", "")?;
        keygen(&user_key, "", "")?;
        Self::with_keys(folder, &server_key, user_key, more)
    }

    /// Starts it with keys that there are already.
    pub(crate) fn with_keys(
        folder: &Path,
        server_key: &Path,
        user_key: PathBuf,
        more: &str,
    ) -> Option<Self> {
        let program = have("sshd", "openssh-server")?;
        let keygen = have("ssh-keygen", "openssh-client")?;
        let authorized = folder.join("authorized_keys");
        fs::copy(user_key.with_extension("pub"), &authorized).unwrap();
        fs::set_permissions(&authorized, fs::Permissions::from_mode(0o600)).unwrap();

        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let config = folder.join("sshd_config");
        // The first value of a key holds, so what is asked for stands before what is usual.
        let text = format!(
            "{more}\nListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\nLogLevel VERBOSE\n",
            server_key.display(),
            authorized.display(),
        );
        fs::write(&config, text).unwrap();
        // Debian's package makes this folder only when the service starts.
        if fs::create_dir_all("/run/sshd").is_err() {
            leave_out("/run/sshd is missing and cannot be made");
            return None;
        }
        let mut command = Command::new(program);
        command
            .arg("-D")
            .arg("-e")
            .arg("-f")
            .arg(&config)
            .stdout(Stdio::null());
        let process = Process::spawn("sshd", command, folder);
        eventually(PATIENCE, "sshd listens", || {
            TcpStream::connect(("127.0.0.1", port))
                .map(drop)
                .map_err(|error| error.to_string())
        });

        let output = Command::new(keygen)
            .arg("-lf")
            .arg(server_key.with_extension("pub"))
            .output()
            .unwrap();
        let host_key = String::from_utf8(output.stdout)
            .unwrap()
            .split(' ')
            .nth(1)
            .unwrap()
            .to_owned();
        let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout)
            .unwrap()
            .trim()
            .to_owned();
        Some(Self {
            process,
            port,
            user,
            user_key,
            host_key,
        })
    }

    /// How many times it let somebody in by a key.
    pub(crate) fn logins(&self) -> usize {
        self.process
            .log()
            .matches("Accepted publickey for ")
            .count()
    }

    /// How many times it refused a key.
    pub(crate) fn refusals(&self) -> usize {
        self.process.log().matches("Failed publickey for ").count()
    }

    /// Breaks every connection that it has, as a reboot does; the server goes on.
    pub(crate) fn cut_connections(&self) {
        kill_all(&self.process.children());
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        // Connections are processes of their own, which live on without the one that listens.
        let connections = self.process.children();
        self.process.stop();
        kill_all(&connections);
    }
}

fn kill_all(ids: &[String]) {
    for id in ids {
        // One that has ended meanwhile is what was asked for.
        drop(
            Command::new("kill")
                .args(["-KILL", id])
                .stderr(Stdio::null())
                .status(),
        );
    }
}
