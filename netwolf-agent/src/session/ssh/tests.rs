//! Logins against a server that counts what is tried.

use std::{sync::atomic::AtomicU32, time::Instant};

use netwolf_wire::{
    SecretRef, Span,
    platform::{Platform, Transport},
    target::HostKey,
};
use russh::{
    MethodKind, MethodSet,
    keys::{
        PrivateKey,
        ssh_key::{LineEnding, private::Ed25519Keypair},
    },
    server::{self, Auth, Server as _},
};
use tokio::net::TcpListener;

use super::*;
use crate::{
    dialogue::manners::Manners,
    session::live::{Live, Outcome},
};

/// What was tried.
#[derive(Debug, Default)]
struct Tried {
    keys: AtomicU32,
    passwords: AtomicU32,
    answers: AtomicU32,
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
        if command == b"forbidden" {
            return session.channel_failure(channel);
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
    _dir: tempfile::TempDir,
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
        let mut server = Server::default();
        let tried = server.0.clone();
        let config = server::Config {
            methods: MethodSet::from(methods),
            auth_rejection_time: rejection,
            auth_rejection_time_initial: Some(Duration::ZERO),
            keys: vec![PrivateKey::from(Ed25519Keypair::from_seed(&[1; 32]))],
            ..server::Config::default()
        };
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
        let target = Target {
            address: "127.0.0.1".into(),
            port,
            login: netwolf_wire::target::Login {
                credential: "lab".into(),
                username: "netwolf".into(),
                private_key: with_key.then(|| file("key", &key)),
                passphrase: None,
                password: Some(file("password", password)),
                enable_secret: None,
            },
            host_key: HostKey::AcceptNew,
            connect_timeout: Span::from_secs(20),
        };
        Self {
            tried,
            target,
            serving,
            _dir: dir,
        }
    }

    /// Logs in; tells also whether a credential was sent.
    async fn connect(&self) -> (Result<Connection, Failure>, bool) {
        let offered = AtomicBool::new(false);
        let login = Login {
            device: &DeviceName::new("r1").unwrap(),
            target: &self.target,
            accepted: &Arc::default(),
            offered: &offered,
        };
        let result = connect(login).await;
        (result, offered.load(Ordering::Relaxed))
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
    let platform = Platform {
        name: "linux".into(),
        description: String::new(),
        transport: Transport::Exec,
        prompt: None,
        setup: Vec::new(),
        pagers: Vec::new(),
        enable: None,
        failures: Vec::new(),
        newline: "\n".into(),
        interrupt: "\u{3}".into(),
        width: 511,
    };
    let manners = Arc::new(Manners::compile(&platform).unwrap());
    let patience = Duration::from_secs(20);
    let mut live = Live::open(connection, &manners, None, patience)
        .await
        .ok()
        .unwrap();
    for command in ["forbidden", "one", "forbidden", "forbidden", "two"] {
        live.start(command, Instant::now() + patience)
            .await
            .unwrap();
        let outcome = timeout(patience, async {
            loop {
                if let Some(outcome) = live.pump().await.unwrap() {
                    break outcome;
                }
                live.feed().wake.notified().await;
            }
        });
        match outcome.await.unwrap() {
            Outcome::Refused => assert_eq!(command, "forbidden"),
            Outcome::Output(output) => assert_eq!(output.text, command),
            Outcome::TimedOut => panic!("{command} was not answered"),
        }
    }
    assert_eq!(lab.tried.counts(), [0, 1, 0], "one login served them all");
    live.close().await;
}
