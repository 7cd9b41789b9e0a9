//! Many devices behind one jump host, which is a real OpenSSH server.

use std::collections::BTreeMap;

use netwolf_simulator::{Fleet, FleetConfig};
use netwolf_wire::{login::LoginOutcome, target::Jump};
use russh::server::ChannelOpenHandle;
use tokio::{sync::mpsc, task::JoinSet};

use super::{sshd::Sshd, *};
use crate::session::{Notice, TaskId, Verdict};

const DEVICES: usize = 50;

/// What gates ask and tell.
type Notices = mpsc::Receiver<(TaskId, Notice)>;

/// A jump host on a path that can be cut, and devices behind it.
struct Lab {
    sshd: Sshd,
    relay: Relay,
    fleet: Fleet,
    platform: Arc<Platform>,
    targets: Vec<Target>,
    dir: tempfile::TempDir,
}

/// Knows the jump host's log well enough to count who came.
const LOGIN: &str = "Accepted publickey";

impl Lab {
    async fn start(devices: usize, config: &str) -> Option<Self> {
        let sshd = Sshd::start(config).await?;
        let relay = Relay::start(sshd.port).await;
        let fleet = Fleet::start(FleetConfig::new(devices, "netwolf", "secret"))
            .await
            .unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("password"), "secret").unwrap();
        let Target {
            address,
            login,
            host_key,
            ..
        } = sshd.target();
        let jump = Jump {
            address,
            port: relay.port(),
            login,
            host_key,
            legacy: Vec::new(),
        };
        let targets = fleet.devices().iter().map(|device| {
            let mut target = target(device.address().port());
            target.login.password = Some(SecretRef::File(dir.path().join("password")));
            target.jump = Some(Box::new(jump.clone()));
            target
        });
        let platform = Platform {
            prompts: [("user".into(), "[A-Za-z0-9-]+[>#]".into())].into(),
            setup: vec!["terminal length 0".into()],
            ..Platform::new("cisco_ios", Transport::Shell)
        };
        Some(Self {
            targets: targets.collect(),
            platform: Arc::new(platform),
            sshd,
            relay,
            fleet,
            dir,
        })
    }

    /// Logs in to all devices and out again, each by a gate of its own; with what the gates ask and tell.
    fn log_in_by_gates(&self, shared: &Arc<Shared>) -> (JoinSet<Result<(), Failure>>, Notices) {
        let (sender, notices) = mpsc::channel(64);
        let mut logins = JoinSet::new();
        for (n, target) in (1..).zip(self.targets.clone()) {
            let gate = Gate::new(TaskId(n), sender.clone(), PATIENCE);
            let (shared, platform) = (shared.clone(), self.platform.clone());
            logins.spawn(async move {
                let connection = shared.connect_through(&gate, &target, &platform).await.0?;
                let credential = &target.login.credential;
                gate.finish(credential, LoginOutcome::Accepted).await;
                connection.close().await;
                Ok(())
            });
        }
        (logins, notices)
    }

    /// Logs in to all devices at once.
    async fn connect_all(&self, shared: &Arc<Shared>) -> Vec<Result<Live, Failure>> {
        let mut logins = JoinSet::new();
        for target in self.targets.clone() {
            let (shared, platform) = (shared.clone(), self.platform.clone());
            logins.spawn(async move {
                let connection = shared.connect(&target, &platform).await.0?;
                Ok(live(connection, &platform).await)
            });
        }
        timeout(PATIENCE, logins.join_all()).await.unwrap()
    }
}

fn sharing(idle: Duration) -> Arc<Shared> {
    Arc::new(Shared {
        accepted: Arc::default(),
        jumps: JumpHosts::closing_after(idle),
        traffic: Arc::default(),
    })
}

/// Waits for the end of a session and tells of what it ended.
async fn end_of(mut live: Live) -> Failure {
    loop {
        match live.pump().await {
            Ok(_) => timeout(PATIENCE, live.woken()).await.unwrap(),
            Err(failure) => return failure,
        }
    }
}

#[tokio::test]
async fn fifty_devices_share_one_login_on_the_jump_host() {
    let Some(lab) = Lab::start(DEVICES, "").await else {
        return;
    };
    let shared = sharing(Duration::from_millis(200));
    let mut sessions = Vec::new();
    for session in lab.connect_all(&shared).await {
        sessions.push(session.unwrap_or_else(|failure| panic!("{failure:?}")));
    }
    for live in &mut sessions {
        let Outcome::Output(output) = run(live, "show clock", PATIENCE).await.unwrap() else {
            panic!()
        };
        assert!(output.text.contains(':'), "{output:?}");
    }
    assert_eq!(lab.fleet.totals().logins, DEVICES as u64);
    assert_eq!((lab.sshd.logged(LOGIN), lab.relay.taken()), (1, 1));

    // A connection that breaks costs all of them their session, and is made anew once.
    lab.relay.cut();
    for live in sessions {
        let failure = end_of(live).await;
        assert_eq!(failure.reason, Reason::JumpFailed, "{failure:?}");
        let endpoint = format!("jump host 127.0.0.1:{}", lab.relay.port());
        assert!(failure.message.contains(&endpoint), "{failure:?}");
    }
    let mut sessions = Vec::new();
    // It had not stood for long, so the next attempt may have to wait for a moment.
    while sessions.len() < DEVICES {
        sessions.clear();
        for session in lab.connect_all(&shared).await {
            match session {
                Ok(live) => sessions.push(live),
                Err(failure) => assert_eq!(failure.reason, Reason::JumpFailed, "{failure:?}"),
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(lab.sshd.logged(LOGIN), 2);

    // It is closed once nobody has used it for a while, and the devices' lines are free.
    for live in sessions {
        live.close().await;
    }
    eventually("the jump host to be left", || {
        lab.sshd.logged("Received disconnect") == 1
    })
    .await;
    eventually("the lines to be free", || lab.fleet.totals().sessions == 0).await;
}

#[tokio::test]
async fn a_session_that_is_dropped_frees_its_line_behind_the_jump_host() {
    let Some(lab) = Lab::start(1, "").await else {
        return;
    };
    let shared = sharing(PATIENCE);
    // More often than the device has lines.
    for _ in 0..20 {
        let live = lab.connect_all(&shared).await.pop().unwrap();
        drop(live.unwrap_or_else(|failure| panic!("{failure:?}")));
        eventually("the line to be free", || lab.fleet.totals().sessions == 0).await;
    }
    assert_eq!(lab.sshd.logged(LOGIN), 1);
}

#[tokio::test]
async fn what_is_wrong_behind_the_jump_host_is_told_of_the_device() {
    let Some(mut lab) = Lab::start(1, "").await else {
        return;
    };
    let shared = sharing(PATIENCE);
    let target = &mut lab.targets[0];
    let good = target.clone();
    target.host_key = HostKey::Pinned("SHA256:of somebody else".into());
    let failure = shared.try_login(target).await.unwrap_err();
    assert_eq!(failure.reason, Reason::HostKeyMismatch, "{failure:?}");
    let through = format!("via 127.0.0.1:{}", lab.relay.port());
    assert!(failure.message.contains(&through), "{failure:?}");

    std::fs::write(lab.dir.path().join("wrong"), "guess").unwrap();
    target.host_key = HostKey::AcceptNew;
    target.login.password = Some(SecretRef::File(lab.dir.path().join("wrong")));
    let failure = shared.try_login(target).await.unwrap_err();
    assert_eq!(failure.reason, Reason::AuthFailed, "{failure:?}");

    *target = good.clone();
    target.port = 1;
    let failure = shared.try_login(target).await.unwrap_err();
    assert_eq!(failure.reason, Reason::JumpFailed, "{failure:?}");
    assert!(
        failure.message.contains("cannot reach 127.0.0.1:1"),
        "{failure:?}"
    );
    assert!(failure.hint.is_some());

    // A device that takes the connection and says nothing: the way is closed again.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    target.port = listener.local_addr().unwrap().port();
    target.connect_timeout = Span::from_secs(1);
    let silent = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heard = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut heard)
            .await
            .ok();
    });
    let failure = shared.try_login(target).await.unwrap_err();
    assert_eq!(failure.reason, Reason::HandshakeTimeout, "{failure:?}");
    timeout(PATIENCE, silent).await.unwrap().unwrap();
    assert_eq!(lab.sshd.logged(LOGIN), 1, "one login for all of this");
}

#[tokio::test]
async fn a_jump_host_that_fails_is_tried_once_for_all_its_devices_and_then_left_alone() {
    let Some(mut lab) = Lab::start(10, "").await else {
        return;
    };
    for target in &mut lab.targets {
        let jump = target.jump.as_mut().unwrap();
        jump.host_key = HostKey::Pinned("SHA256:of somebody else".into());
    }
    let shared = sharing(PATIENCE);
    for session in lab.connect_all(&shared).await {
        let failure = session.err().unwrap();
        assert_eq!(failure.reason, Reason::JumpFailed, "{failure:?}");
        assert!(failure.message.contains("pinned is"), "{failure:?}");
        assert!(failure.hint.is_some());
    }
    assert_eq!(lab.relay.taken(), 1);
    assert_eq!(lab.fleet.totals().connections, 0);
}

#[tokio::test]
async fn a_jump_host_that_forbids_forwarding_is_told_so() {
    let Some(lab) = Lab::start(1, "AllowTcpForwarding no").await else {
        return;
    };
    let failure = sharing(PATIENCE)
        .try_login(&lab.targets[0])
        .await
        .unwrap_err();
    assert_eq!(failure.reason, Reason::JumpFailed, "{failure:?}");
    assert!(failure.hint.unwrap().contains("AllowTcpForwarding"));
}

#[tokio::test]
async fn a_login_that_is_given_up_leaves_the_jump_host_to_the_next_one() {
    let Some(lab) = Lab::start(1, "").await else {
        return;
    };
    let shared = sharing(PATIENCE);
    // Polled until it connects, and dropped in the middle, as when a device is taken away.
    {
        let attempt = shared.try_login(&lab.targets[0]);
        tokio::pin!(attempt);
        while lab.relay.taken() == 0 {
            tokio::select! {
                biased;
                _ = &mut attempt => break,
                () = tokio::time::sleep(Duration::from_millis(1)) => {}
            }
        }
    }
    timeout(PATIENCE, shared.try_login(&lab.targets[0]))
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_credential_that_the_jump_host_refuses_is_offered_once_for_all_its_devices() {
    let Some(mut lab) = Lab::start(10, "").await else {
        return;
    };
    // A key that nobody lets in.
    for target in &mut lab.targets {
        let jump = target.jump.as_mut().unwrap();
        jump.login.credential = "jump".into();
        jump.login.private_key = Some(SecretRef::File(lab.sshd.path("user_rsa")));
    }
    let shared = sharing(PATIENCE);
    let (logins, mut notices) = lab.log_in_by_gates(&shared);
    let answering = async {
        let (mut asks, mut ends) = (BTreeMap::new(), Vec::new());
        while let Some((_, notice)) = notices.recv().await {
            match notice {
                Notice::Ask(ask) => {
                    *asks.entry(ask.credential).or_insert(0) += 1;
                    ask.answer.give(Verdict::Granted);
                }
                Notice::Ended(credential, outcome) => ends.push((credential, outcome)),
                other => panic!("{other:?}"),
            }
        }
        (asks, ends)
    };
    let (results, (asks, ends)) = timeout(PATIENCE, async {
        tokio::join!(logins.join_all(), answering)
    })
    .await
    .unwrap();
    for result in results {
        let failure = result.unwrap_err();
        assert_eq!(failure.reason, Reason::JumpFailed, "{failure:?}");
        assert!(
            failure.message.contains("did not take credential \"jump\""),
            "{failure:?}"
        );
    }
    assert_eq!(asks, [("jump".to_owned(), 1)].into());
    assert_eq!(ends, [("jump".to_owned(), LoginOutcome::Refused)]);
    eventually("sshd to log it", || lab.sshd.logged("Failed publickey") > 0).await;
    assert_eq!(lab.sshd.logged("Failed publickey"), 1);
}

#[tokio::test]
async fn devices_that_wait_for_leave_to_log_in_hold_up_none_that_has_it() {
    let Some(mut lab) = Lab::start(DEVICES, "").await else {
        return;
    };
    for target in &mut lab.targets {
        target.login.credential = "device".into();
    }
    let shared = sharing(PATIENCE);
    let (logins, mut notices) = lab.log_in_by_gates(&shared);
    // As a manager gives leave that does not know yet whether the credential is right: to one after the other.
    let answering = async {
        let mut waiting = Vec::new();
        while let Some((_, notice)) = notices.recv().await {
            match notice {
                Notice::Ask(ask) if ask.credential == "device" => {
                    waiting.push(ask);
                    if waiting.len() < DEVICES {
                        continue;
                    }
                }
                Notice::Ask(ask) => {
                    ask.answer.give(Verdict::Granted);
                    continue;
                }
                Notice::Ended(credential, _) if credential == "device" => {}
                Notice::Ended(..) => continue,
                other => panic!("{other:?}"),
            }
            if let Some(next) = waiting.pop() {
                next.answer.give(Verdict::Granted);
            }
        }
    };
    let (results, ()) = timeout(PATIENCE, async {
        tokio::join!(logins.join_all(), answering)
    })
    .await
    .unwrap();
    for result in results {
        result.unwrap();
    }
}

#[tokio::test]
async fn a_jump_host_whose_credential_is_held_is_not_connected_to() {
    let Some(lab) = Lab::start(3, "").await else {
        return;
    };
    let shared = sharing(PATIENCE);
    let held = Failure {
        reason: Reason::CredentialHeld,
        message: "r9 refused it".into(),
        hint: None,
    };
    for target in &lab.targets {
        let (sender, mut notices) = mpsc::channel(8);
        let gate = Gate::new(TaskId(1), sender, PATIENCE);
        let answering = async {
            match notices.recv().await {
                Some((_, Notice::Ask(ask))) => ask.answer.give(Verdict::Held(held.clone())),
                other => panic!("{other:?}"),
            }
        };
        let connecting = shared.connect_through(&gate, target, &lab.platform);
        let ((result, _), ()) = tokio::join!(connecting, answering);
        assert_eq!(result.map(drop).unwrap_err(), held);
    }
    assert_eq!(lab.relay.taken(), 0);
}

#[tokio::test]
async fn a_jump_login_goes_on_when_the_device_that_it_began_for_is_gone() {
    let slow = Slow::default();
    // Taken, so that the jump host judges nobody.
    let thinks = slow.judging.lock().await;
    let (target, dir, serving) = behind(&slow).await;
    let shared = sharing(PATIENCE);
    let (sender, mut notices) = mpsc::channel(8);
    let gate = Gate::new(TaskId(1), sender, PATIENCE);
    let granting = async {
        match notices.recv().await {
            Some((_, Notice::Ask(ask))) => ask.answer.give(Verdict::Granted),
            other => panic!("{other:?}"),
        }
        eventually("the password to be sent", || {
            slow.passwords.load(Ordering::SeqCst) == 1
        })
        .await;
    };
    let platform = linux();
    tokio::select! {
        _ = shared.connect_through(&gate, &target, &platform) => panic!("nobody let it in"),
        () = granting => {}
    }
    // The device is stopped, and others need the jump host.
    gate.finish("lab", LoginOutcome::Unused).await;
    drop(thinks);
    let failure = shared.try_login(&target).await.unwrap_err();
    assert!(failure.message.contains("did not reach"), "{failure:?}");
    assert_eq!(slow.passwords.load(Ordering::SeqCst), 1);
    match notices.recv().await {
        Some((_, Notice::Ended(credential, LoginOutcome::Accepted))) => {
            assert_eq!(credential, "lab");
        }
        other => panic!("{other:?}"),
    }
    serving.abort();
    drop(dir);
}

/// A jump host that takes its time with every way.
#[derive(Clone, Default)]
struct Slow {
    asked: Arc<Mutex<Vec<ChannelOpenHandle>>>,
    closed: Arc<AtomicU32>,
    passwords: Arc<AtomicU32>,
    /// Nobody is let in while it is taken.
    judging: Arc<tokio::sync::Mutex<()>>,
}

impl server::Server for Slow {
    type Handler = Self;

    fn new_client(&mut self, _: Option<std::net::SocketAddr>) -> Self {
        self.clone()
    }
}

impl server::Handler for Slow {
    type Error = russh::Error;

    async fn auth_password(&mut self, _: &str, _: &str) -> Result<Auth, russh::Error> {
        self.passwords.fetch_add(1, Ordering::SeqCst);
        drop(self.judging.lock().await);
        Ok(Auth::Accept)
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        _: russh::Channel<server::Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut server::Session,
    ) -> Result<(), russh::Error> {
        self.asked.lock().unwrap().push(reply);
        Ok(())
    }

    async fn channel_close(
        &mut self,
        _: russh::ChannelId,
        _: &mut server::Session,
    ) -> Result<(), russh::Error> {
        self.closed.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

/// A device behind the jump host, which runs; the folder has the password.
async fn behind(
    slow: &Slow,
) -> (
    Target,
    tempfile::TempDir,
    tokio::task::JoinHandle<std::io::Result<()>>,
) {
    let config = server::Config {
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![PrivateKey::from(Ed25519Keypair::from_seed(&[1; 32]))],
        ..server::Config::default()
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut server = slow.clone();
    let serving =
        tokio::spawn(async move { server.run_on_socket(Arc::new(config), &listener).await });
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("password"), "any").unwrap();
    let mut target = target(22);
    target.login.password = Some(SecretRef::File(dir.path().join("password")));
    target.connect_timeout = Span::from_secs(2);
    target.jump = Some(Box::new(Jump {
        address: "127.0.0.1".into(),
        port,
        login: target.login.clone(),
        host_key: HostKey::AcceptNew,
        legacy: Vec::new(),
    }));
    (target, dir, serving)
}

#[tokio::test]
async fn a_way_that_opens_too_late_is_closed_and_few_are_asked_for_meanwhile() {
    let slow = Slow::default();
    let (target, _dir, serving) = behind(&slow).await;
    let shared = sharing(PATIENCE);
    // On a loaded machine the jump host itself may be late; then it is tried again after a while.
    let mut late = 0;
    let begin = Instant::now();
    let refused = loop {
        assert!(begin.elapsed() < PATIENCE, "{late} were late");
        let failure = shared.try_login(&target).await.unwrap_err();
        assert_eq!(failure.reason, Reason::JumpFailed, "{failure:?}");
        if failure
            .message
            .contains("did not reach 127.0.0.1:22 within 2 s")
        {
            late += 1;
        } else if failure.message.contains("still tries to reach") {
            break failure;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!(late, 4, "{refused:?}");
    let asked: Vec<_> = slow.asked.lock().unwrap().drain(..).collect();
    assert_eq!(asked.len(), 4);
    for reply in asked {
        reply.accept().await;
    }
    eventually("all late ways to be closed", || {
        slow.closed.load(Ordering::SeqCst) == 4
    })
    .await;
    // And there is room for another one.
    let failure = shared.try_login(&target).await.unwrap_err();
    assert!(failure.message.contains("did not reach"), "{failure:?}");
    serving.abort();
}
