//! A real ssh-agent that signs.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use super::{
    sshd::{Sshd, make_key},
    *,
};
use crate::session::ssh::credential;

/// An ssh-agent of the test's own.
struct SshAgent {
    child: Child,
    socket: PathBuf,
}

impl Drop for SshAgent {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl SshAgent {
    async fn start(dir: &Path) -> Option<Self> {
        if !Path::new("/usr/bin/ssh-agent").exists() || !Path::new("/usr/bin/ssh-add").exists() {
            leave_out("ssh-agent or ssh-add (Debian: openssh-client) is missing");
            return None;
        }
        let socket = dir.join("agent.socket");
        let child = Command::new("/usr/bin/ssh-agent")
            .arg("-D")
            .arg("-a")
            .arg(&socket)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let agent = Self { child, socket };
        eventually("the ssh-agent to listen", || agent.socket.exists()).await;
        Some(agent)
    }

    fn add(&self, key: &Path) {
        let output = Command::new("/usr/bin/ssh-add")
            .arg(key)
            .env("SSH_AUTH_SOCK", &self.socket)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
    }
}

#[tokio::test]
async fn keys_of_an_ssh_agent_log_in_and_few_of_them_are_offered() {
    let Some(sshd) = Sshd::start("").await else {
        return;
    };
    let Some(agent) = SshAgent::start(&sshd.path("")).await else {
        return;
    };
    let mut target = sshd.target();
    target.login.private_key = None;
    target.login.ssh_agent = Some(SecretRef::File(agent.socket.clone()));
    let shared = Shared::default();

    let failure = shared.try_login(&target).await.unwrap_err();
    assert_eq!(failure.reason, Reason::SecretUnavailable, "{failure:?}");
    assert!(failure.message.contains("has no key"), "{failure:?}");

    for name in ["a", "user_rsa", "c", "d"] {
        if name != "user_rsa" {
            make_key(&sshd.path(name), "ed25519", "", &[]);
        }
        agent.add(&sshd.path(name));
    }
    for name in ["user_rsa", "c"] {
        sshd.authorize(name);
        if let Err(failure) = shared.try_login(&target).await {
            panic!("{name}: {failure:?}");
        }
    }
    sshd.authorize("d");
    let refused = sshd.logged("Failed publickey");
    let failure = shared.try_login(&target).await.unwrap_err();
    assert_eq!(failure.reason, Reason::AuthFailed, "{failure:?}");
    assert!(failure.message.contains("ssh-agent"), "{failure:?}");
    eventually("sshd to log it", || {
        sshd.logged("Failed publickey") >= refused + 3
    })
    .await;
    assert_eq!(sshd.logged("Failed publickey"), refused + 3);
}

#[tokio::test]
async fn the_password_is_reached_however_many_ways_there_are_to_sign() {
    let lab = Lab::start(&[KEY, PASSWORD], Duration::from_millis(1), "right", false).await;
    let Some(agent) = SshAgent::start(lab.dir.path()).await else {
        return;
    };
    for name in ["a", "b", "c"] {
        let path = lab.dir.path().join(name);
        make_key(&path, "rsa", "", &[]);
        agent.add(&path);
    }
    let mut target = lab.target.clone();
    target.login.ssh_agent = Some(SecretRef::File(agent.socket.clone()));
    target.legacy = vec![Legacy::SshRsa];
    Shared::default().try_login(&target).await.unwrap();
    assert_eq!(lab.tried.counts(), [4, 1, 0]);
}

#[tokio::test]
async fn an_ssh_agent_that_is_not_there_or_silent_is_told_with_a_way_out() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("socket");
    let mut target = target(1);
    target.login.ssh_agent = Some(SecretRef::File(socket.clone()));
    let check = async |what: &str| {
        let failure = Shared::default().try_login(&target).await.unwrap_err();
        assert_eq!(failure.reason, Reason::SecretUnavailable, "{failure:?}");
        assert!(failure.message.contains(what), "{failure:?}");
        assert!(failure.hint.unwrap().contains("ssh-add"));
    };
    check("is not there").await;
    let _silent = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    check("did not answer within").await;
}

#[test]
fn a_variable_names_the_socket_of_the_ssh_agent() {
    let login = target(1).login;
    let found = credential::socket(&login, &SecretRef::Env("PATH".into())).unwrap();
    assert_eq!(found.into_os_string(), std::env::var_os("PATH").unwrap());
    let unset = SecretRef::Env("NETWOLF_TEST_NO_AGENT".into());
    let failure = credential::socket(&login, &unset).unwrap_err();
    assert_eq!(failure.reason, Reason::SecretUnavailable);
    assert!(failure.message.contains("NETWOLF_TEST_NO_AGENT"));
}
