//! Logins against a server that counts what is tried; in the folder those against others.

use std::{io::Write, sync::atomic::AtomicU32, time::Instant};

use netwolf_wire::{
    SecretRef, Span,
    platform::{Platform, Transport},
    target::HostKey,
};
use russh::{
    Disconnect, MethodKind, MethodSet,
    kex::{
        self,
        dh::groups::{DH_GROUP14, DhGroup},
    },
    keys::{
        PrivateKey,
        ssh_key::{LineEnding, private::Ed25519Keypair},
    },
    server::{self, Auth, Server as _},
};
use tokio::net::TcpListener;

use self::relay::Relay;
use super::*;
use crate::{
    dialogue::manners::Manners,
    session::live::{Live, Outcome},
};

mod agent;
mod broken;
mod clients;
mod jump;
mod old;
mod questions;
mod rekey;
mod relay;
mod sshd;
mod traps;

/// Bound on everything that takes a moment.
const PATIENCE: Duration = Duration::from_mins(1);

/// Says where people see it that a test was left out; on CI nothing is.
fn leave_out(why: &str) {
    let on_ci = std::env::var_os("CI").is_some_and(|ci| !ci.is_empty());
    assert!(!on_ci, "on CI nothing is left out: {why}");
    // Past the test runner, which hides what a passing test prints.
    std::io::stderr()
        .write_all(format!("left out: {why}\n").as_bytes())
        .unwrap();
}

/// Waits until `condition` holds of something that nobody tells of.
async fn eventually(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "patience ran out before: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A device on this machine that is logged in to without any secret, until a test gives one.
fn target(port: u16) -> Target {
    Target {
        address: "127.0.0.1".into(),
        port,
        login: target::Login {
            credential: "lab".into(),
            username: "netwolf".into(),
            private_key: None,
            passphrase: None,
            password: None,
            enable_secret: None,
            ssh_agent: None,
            allow: Vec::new(),
        },
        host_key: HostKey::AcceptNew,
        connect_timeout: Span::from_secs(20),
        jump: None,
        legacy: Vec::new(),
        max_age: None,
    }
}

/// What all logins of an agent share.
#[derive(Default)]
struct Shared {
    accepted: Arc<AcceptedKeys>,
    jumps: JumpHosts,
    traffic: Arc<Traffic>,
}

impl Shared {
    /// Logs in; tells also whether a credential was sent.
    async fn connect(
        &self,
        target: &Target,
        platform: &Platform,
    ) -> (Result<Connection, Failure>, bool) {
        self.connect_through(&Gate::free(), target, platform).await
    }

    /// The same, with leave that `gate` gives.
    async fn connect_through(
        &self,
        gate: &Gate,
        target: &Target,
        platform: &Platform,
    ) -> (Result<Connection, Failure>, bool) {
        let login = Login {
            device: &DeviceName::new("r1").unwrap(),
            target,
            platform,
            accepted: &self.accepted,
            jumps: &self.jumps,
            gate,
            traffic: &self.traffic,
        };
        let result = connect(login).await;
        (result, gate.offered().load(Ordering::Relaxed))
    }

    /// Logs in and out again, or tells why not.
    async fn try_login(&self, target: &Target) -> Result<(), Failure> {
        let connection = self.connect(target, &linux()).await.0?;
        connection.close().await;
        Ok(())
    }
}

fn linux() -> Platform {
    Platform::new("linux", Transport::Exec)
}

/// Makes a session of `connection` that runs commands.
async fn live(connection: Connection, platform: &Platform) -> Live {
    let manners = Arc::new(Manners::compile(platform).unwrap());
    match Live::open(connection, &manners, None, PATIENCE).await {
        Ok(live) => live,
        Err(failure) => panic!("{failure:?}"),
    }
}

/// Runs `command` and tells what became of it.
async fn run(live: &mut Live, command: &str, limit: Duration) -> Result<Outcome, Failure> {
    live.start(command, Instant::now() + limit).await?;
    loop {
        if let Some(outcome) = live.pump().await? {
            return Ok(outcome);
        }
        let wake = live.woken_by(live.timeout());
        timeout(PATIENCE, wake).await.unwrap();
    }
}

/// What was tried.
#[derive(Debug, Default)]
struct Tried {
    /// Bits that a group exchange asked for at least, and would like.
    group: Mutex<Option<(usize, usize)>>,
    keys: AtomicU32,
    passwords: AtomicU32,
    answers: AtomicU32,
    /// A password came.
    seen: tokio::sync::Notify,
}

impl Tried {
    fn counts(&self) -> [u32; 3] {
        [&self.keys, &self.passwords, &self.answers].map(|counter| counter.load(Ordering::SeqCst))
    }
}

#[derive(Clone, Default)]
struct Server(Arc<Tried>);

impl server::Server for Server {
    type Handler = Self;

    fn new_client(&mut self, _: Option<std::net::SocketAddr>) -> Self {
        self.clone()
    }
}

impl server::Handler for Server {
    type Error = russh::Error;

    async fn lookup_dh_gex_group(
        &mut self,
        asked: &russh::client::GexParams,
    ) -> Result<Option<DhGroup>, russh::Error> {
        let bits = (asked.min_group_size(), asked.preferred_group_size());
        *self.0.group.lock().unwrap() = Some(bits);
        Ok(Some(DH_GROUP14.clone()))
    }

    async fn auth_publickey_offered(
        &mut self,
        _: &str,
        _: server::PublicKeyOffer<'_>,
    ) -> Result<Auth, russh::Error> {
        self.0.keys.fetch_add(1, Ordering::SeqCst);
        Ok(Auth::reject())
    }

    async fn auth_password(&mut self, _: &str, password: &str) -> Result<Auth, russh::Error> {
        self.0.passwords.fetch_add(1, Ordering::SeqCst);
        self.0.seen.notify_one();
        Ok(if password == "right" {
            Auth::Accept
        } else {
            Auth::reject()
        })
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _: &str,
        _: &str,
        response: Option<server::Response<'a>>,
    ) -> Result<Auth, russh::Error> {
        let Some(mut response) = response else {
            return Ok(Auth::Partial {
                name: "".into(),
                instructions: "".into(),
                prompts: vec![("Password: ".into(), false)].into(),
            });
        };
        self.0.answers.fetch_add(1, Ordering::SeqCst);
        let right = response.next().is_some_and(|answer| &*answer == b"right");
        Ok(if right { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        _: russh::Channel<server::Msg>,
        reply: server::ChannelOpenHandle,
        _: &mut server::Session,
    ) -> Result<(), russh::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: russh::ChannelId,
        command: &[u8],
        session: &mut server::Session,
    ) -> Result<(), russh::Error> {
        match command {
            b"forbidden" => return session.channel_failure(channel),
            b"rude" => return session.disconnect(Disconnect::ByApplication, "go, right", ""),
            b"indiscreet" => {
                session.channel_success(channel)?;
                session.extended_data(channel, 1, b"not with right!\n".to_vec())?;
                session.exit_status_request(channel, 127)?;
                return session.close(channel);
            }
            _ => {}
        }
        session.channel_success(channel)?;
        session.data(channel, command.to_vec())?;
        session.exit_status_request(channel, 0)?;
        session.close(channel)
    }
}

/// A server that runs, and files with secrets for it.
struct Lab {
    tried: Arc<Tried>,
    target: Target,
    serving: tokio::task::JoinHandle<std::io::Result<()>>,
    dir: tempfile::TempDir,
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Lab {
    /// A server that offers `methods` and takes `rejection` to say no.
    async fn start(
        methods: &[MethodKind],
        rejection: Duration,
        password: &str,
        with_key: bool,
    ) -> Self {
        Self::with_config(methods, rejection, password, with_key, |_| {}).await
    }

    /// The same, with what `change` changes of the server.
    async fn with_config(
        methods: &[MethodKind],
        rejection: Duration,
        password: &str,
        with_key: bool,
        change: impl FnOnce(&mut server::Config),
    ) -> Self {
        let mut server = Server::default();
        let tried = server.0.clone();
        let mut config = server::Config {
            methods: MethodSet::from(methods),
            auth_rejection_time: rejection,
            auth_rejection_time_initial: Some(Duration::ZERO),
            keys: vec![PrivateKey::from(Ed25519Keypair::from_seed(&[1; 32]))],
            ..server::Config::default()
        };
        change(&mut config);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving =
            tokio::spawn(async move { server.run_on_socket(Arc::new(config), &listener).await });

        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &str| {
            let path = dir.path().join(name);
            std::fs::write(&path, content).unwrap();
            SecretRef::File(path)
        };
        let key = PrivateKey::from(Ed25519Keypair::from_seed(&[2; 32]));
        let key = key.to_openssh(LineEnding::default()).unwrap();
        let mut target = target(port);
        target.login.private_key = with_key.then(|| file("key", &key));
        target.login.password = Some(file("password", password));
        Self {
            tried,
            target,
            serving,
            dir,
        }
    }

    /// Logs in; tells also whether a credential was sent.
    async fn connect(&self) -> (Result<Connection, Failure>, bool) {
        Shared::default().connect(&self.target, &linux()).await
    }
}

/// Logs in to a server that offers `methods`; tells the outcome, and how many keys, passwords and answers it saw.
async fn log_in(
    methods: &[MethodKind],
    password: &str,
    with_key: bool,
) -> (Result<(), Reason>, [u32; 3]) {
    let lab = Lab::start(methods, Duration::from_millis(1), password, with_key).await;
    let (result, offered) = lab.connect().await;
    let counts = lab.tried.counts();
    assert_eq!(offered, counts != [0; 3]);
    let result = match result {
        Ok(connection) => {
            connection.close().await;
            Ok(())
        }
        Err(failure) => {
            assert!(!failure.message.contains(password), "{failure:?}");
            Err(failure.reason)
        }
    };
    (result, counts)
}

const PASSWORD: MethodKind = MethodKind::Password;
const QUESTIONS: MethodKind = MethodKind::KeyboardInteractive;
const KEY: MethodKind = MethodKind::PublicKey;

#[tokio::test]
async fn questions_are_answered_where_there_is_no_password_method() {
    assert_eq!(
        log_in(&[QUESTIONS], "right", false).await,
        (Ok(()), [0, 0, 1])
    );
    assert_eq!(
        log_in(&[PASSWORD, QUESTIONS], "right", false).await,
        (Ok(()), [0, 1, 0])
    );
}

#[tokio::test]
async fn one_wrong_password_is_sent_once() {
    let refused = Err(Reason::AuthFailed);
    assert_eq!(
        log_in(&[PASSWORD, QUESTIONS], "wrong", false).await,
        (refused, [0, 1, 0])
    );
    assert_eq!(
        log_in(&[QUESTIONS], "wrong", false).await,
        (refused, [0, 0, 1])
    );
}

#[tokio::test]
async fn a_key_goes_first_and_the_password_follows() {
    assert_eq!(
        log_in(&[KEY, PASSWORD], "right", true).await,
        (Ok(()), [1, 1, 0])
    );
}

#[tokio::test]
async fn nothing_is_sent_to_a_device_that_wants_something_else() {
    assert_eq!(
        log_in(&[KEY], "right", false).await,
        (Err(Reason::AuthFailed), [0, 0, 0])
    );
}

#[tokio::test]
async fn a_login_that_is_not_answered_tells_whether_a_credential_was_sent() {
    let mut lab = Lab::start(&[PASSWORD], Duration::from_mins(1), "wrong", false).await;
    lab.target.connect_timeout = Span::from_secs(3);
    let (result, offered) = lab.connect().await;
    let failure = result.err().unwrap();
    assert_eq!(
        (failure.reason, offered, lab.tried.counts()),
        (Reason::LoginTimeout, true, [0, 1, 0]),
        "{failure:?}"
    );
    assert!(
        failure.message.contains("\"lab\" was offered"),
        "{failure:?}"
    );
    assert!(failure.hint.is_some());
}

#[tokio::test]
async fn a_refused_command_costs_its_channel_and_not_the_connection() {
    let lab = Lab::start(&[PASSWORD], Duration::from_millis(1), "right", false).await;
    let connection = lab
        .connect()
        .await
        .0
        .unwrap_or_else(|failure| panic!("{failure:?}"));
    let mut live = live(connection, &linux()).await;
    for command in ["forbidden", "one", "forbidden", "forbidden", "two"] {
        match run(&mut live, command, PATIENCE).await.unwrap() {
            Outcome::Refused => assert_eq!(command, "forbidden"),
            Outcome::Output(output) => assert_eq!(output.text, command),
            other => panic!("{command}: {other:?}"),
        }
    }
    assert_eq!(lab.tried.counts(), [0, 1, 0], "one login served them all");
    live.close().await;
}

#[tokio::test]
async fn a_password_that_the_device_repeats_is_not_shown() {
    let lab = Lab::start(&[PASSWORD], Duration::from_millis(1), "right", false).await;
    let connection = lab.connect().await.0.ok().unwrap();
    let mut live = live(connection, &linux()).await;
    let Outcome::Output(output) = run(&mut live, "indiscreet", PATIENCE).await.unwrap() else {
        panic!()
    };
    assert_eq!(output.rejected.as_deref(), Some("not with ***!"));
    let failure = run(&mut live, "rude", PATIENCE).await.unwrap_err();
    assert!(failure.message.contains("go, ***"), "{failure:?}");
}

#[tokio::test]
async fn a_host_key_that_changed_is_never_taken_however_often_it_is_tried() {
    let first = Lab::start(&[PASSWORD], Duration::from_millis(1), "right", false).await;
    let other = |config: &mut server::Config| {
        config.keys = vec![PrivateKey::from(Ed25519Keypair::from_seed(&[9; 32]))];
    };
    let second =
        Lab::with_config(&[PASSWORD], Duration::from_millis(1), "right", false, other).await;
    let relay = Relay::start(first.target.port).await;
    let mut target = first.target.clone();
    target.port = relay.port();
    let shared = Shared::default();
    shared.try_login(&target).await.unwrap();
    relay.lead_to(second.target.port);
    for _ in 0..3 {
        let failure = shared.try_login(&target).await.unwrap_err();
        assert_eq!(failure.reason, Reason::HostKeyMismatch, "{failure:?}");
    }
    assert_eq!(second.tried.counts(), [0; 3], "nobody was told anything");
    relay.lead_to(first.target.port);
    shared.try_login(&target).await.unwrap();
}

#[tokio::test]
async fn a_secret_that_never_comes_does_not_hold_up_the_login_for_ever() {
    let lab = Lab::start(&[PASSWORD], Duration::from_millis(1), "right", false).await;
    let mut target = lab.target.clone();
    // Nobody writes into it, so reading it would wait for ever.
    let pipe = lab.dir.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    target.login.password = Some(SecretRef::File(pipe.clone()));
    let failure = Shared::default().try_login(&target).await.unwrap_err();
    assert_eq!(failure.reason, Reason::SecretUnavailable, "{failure:?}");
    assert!(
        failure.message.contains("pipe") && failure.hint.is_some(),
        "{failure:?}"
    );
    target.login.password = None;
    target.host_key = HostKey::KnownHosts(pipe.display().to_string());
    let failure = Shared::default().try_login(&target).await.unwrap_err();
    assert_eq!(failure.reason, Reason::HostKeyUnknown, "{failure:?}");
}

/// Logs in to a server with these key exchanges, its favourite first; tells what a group exchange asked for.
async fn group_asked_for(exchanges: &[kex::Name]) -> Option<(usize, usize)> {
    let kex = exchanges.to_vec();
    let change = |config: &mut server::Config| config.preferred.kex = kex.into();
    let lab = Lab::with_config(
        &[PASSWORD],
        Duration::from_millis(1),
        "right",
        false,
        change,
    )
    .await;
    Shared::default().try_login(&lab.target).await.unwrap();
    *lab.tried.group.lock().unwrap()
}

#[tokio::test]
async fn a_group_exchange_asks_for_what_devices_have_and_only_where_there_is_nothing_cheaper() {
    let exchange = kex::DH_GEX_SHA256;
    assert_eq!(group_asked_for(&[exchange]).await, Some((2048, 2048)));
    let cheap = kex::ECDH_SHA2_NISTP256;
    assert_eq!(group_asked_for(&[exchange, cheap]).await, None);
}

#[tokio::test]
async fn key_exchanges_take_turns_and_a_silent_device_holds_up_nobody() {
    let silent: Vec<_> = (0..EXCHANGES_AT_ONCE)
        .map(|_| tokio::spawn(in_turn(std::future::pending::<()>())))
        .collect();
    tokio::task::yield_now().await;
    let started = std::time::Instant::now();
    in_turn(std::future::ready(())).await;
    assert!(
        started.elapsed() >= TURN,
        "it had to wait for a turn, and got one"
    );
    let free = EXCHANGES.with(|turns| turns.available_permits());
    assert_eq!(free, EXCHANGES_AT_ONCE, "nobody holds one now");
    silent.iter().for_each(tokio::task::JoinHandle::abort);
}
