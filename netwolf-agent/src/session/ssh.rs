//! SSH: connect, log in, open, write, close. With its folder the only module that knows russh, and `netwolf-ssh`.
//!
//! ```text
//!   door --> credential, policy --> stream (TCP, or a way through a jump host)
//!                                     |
//!                                  greeting --> lean client, where it can do what was offered (see `lean`)
//!                                     |               |
//!                                     |   key exchange, host key --> log in --+
//!                                     |                                       +--> Connection
//!                                     +--> general client, russh:             |
//!                                         key exchange, host key --> log in --+
//! ```
//!
//! There are two clients, because a poller wants little of SSH and that at a small price, and devices want all kinds of
//! it. The lean one does what devices have had for ten years; russh does the rest: finite-field groups, SHA-1 and CBC
//! where they are named, keys of an ssh-agent, jump hosts, and devices that make no offer before we do. Which one it is
//! is decided when the device has made its offer, before anything is agreed on, on the same TCP connection; both offer
//! the same algorithms in the same order, so that neither ever settles for a worse one.
//!
//! russh's defaults are set on purpose, see `tuning` and `algorithms`; it has no deadline of its own before
//! login, so each step here has one. It also sends nothing when a channel is dropped, so every path here ends in a
//! close: of the channel where the connection goes on, of the whole connection by [`KillOnDrop`] otherwise.
//!
//! Bytes never pass through a `russh::Channel`: its reading half is dropped as soon as it is open, and the
//! callback feeds the machine directly (see [`super::feed`]).

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use netwolf_ssh::Greeting;
use netwolf_wire::{
    DeviceName,
    legacy::Legacy,
    platform::{Keepalive, Platform, Question, SshClient},
    status::{Failure, Reason},
    target::{self, HostKey, Target},
};
use russh::{
    Preferred,
    client::{self as russh_client, Handle},
};
use tokio::{sync::Semaphore, time::timeout};

use self::{
    auth::{Account, Peer},
    client::{Client, Sink},
    connection::Client as LoggedIn,
    credential::Credential,
    error::before_login,
    general::General,
    jump::JumpHosts,
    lean::{
        Lean, Unproven,
        greeting::{Greeted, greet},
        link::Link,
    },
    policy::Policy,
    stream::Stream,
};
use super::{
    feed::Feed,
    gate::Gate,
    host_key::AcceptedKeys,
    socket::{self, KillOnDrop, Socket},
    traffic::Traffic,
};

pub(super) use self::{
    connection::Connection, credential::read as read_secret,
    known_hosts_file::lookup as known_keys, took::Took,
};

/// Key exchanges of a shard at a time. One of group 14 takes some 6 ms of its thread, in two pieces, and hundreds
/// of them that come together would keep its other devices waiting for seconds.
const EXCHANGES_AT_ONCE: usize = 16;
/// An exchange that is not done after so long gives up its turn: devices that say nothing hold up nobody.
const TURN: Duration = Duration::from_millis(500);

thread_local! {
    static EXCHANGES: Arc<Semaphore> = Arc::new(Semaphore::new(EXCHANGES_AT_ONCE));
}

mod agent;
mod algorithms;
mod auth;
mod client;
mod connection;
mod credential;
mod error;
mod general;
pub(crate) mod jump;
pub(crate) mod known_hosts_file;
mod lean;
mod opened_keys;
mod policy;
mod questions;
pub(crate) mod scan;
mod stream;
mod took;
mod tuning;

/// What it takes to log in.
pub(super) struct Login<'a> {
    pub(super) device: &'a DeviceName,
    pub(super) target: &'a Target,
    pub(super) platform: &'a Platform,
    pub(super) accepted: &'a Arc<AcceptedKeys>,
    pub(super) jumps: &'a JumpHosts,
    /// Asked before a credential is offered, and told once it was.
    pub(super) gate: &'a Gate,
    pub(super) traffic: &'a Arc<Traffic>,
}

/// An SSH server to log in to: a device, or the jump host before it.
struct Door<'a> {
    /// Decides when the keys are renewed.
    name: &'a str,
    /// Address and port, and which way they are meant: names it in messages and among the accepted keys.
    endpoint: String,
    address: &'a str,
    port: u16,
    login: &'a target::Login,
    host_key: &'a HostKey,
    legacy: &'a [Legacy],
    questions: &'a [Question],
    /// Whether it may be asked for a sign of life.
    keepalive: bool,
    /// Which client may log in.
    client: SshClient,
    /// For each of the three steps: TCP, key exchange, login.
    deadline: Duration,
}

impl<'a> Door<'a> {
    fn of(login: &Login<'a>) -> Self {
        let Login {
            device,
            target,
            platform,
            ..
        } = login;
        let Target { address, port, .. } = target;
        Self {
            name: device.as_str(),
            // The same address behind two jump hosts is two devices.
            endpoint: match &target.jump {
                Some(jump) => format!("{address}:{port} via {}:{}", jump.address, jump.port),
                None => format!("{address}:{port}"),
            },
            address,
            port: *port,
            login: &target.login,
            host_key: &target.host_key,
            legacy: &target.legacy,
            questions: &platform.questions,
            keepalive: platform.keepalive == Keepalive::Ssh,
            client: platform.ssh_client,
            deadline: target.connect_timeout.get(),
        }
    }

    fn late_greeting(&self) -> Failure {
        self.late(
            "the SSH greeting and key exchange",
            Reason::HandshakeTimeout,
        )
    }

    fn late(&self, step: &str, reason: Reason) -> Failure {
        Failure {
            reason,
            message: format!(
                "{}: {step} did not finish within {} s",
                self.endpoint,
                self.deadline.as_secs_f64()
            ),
            hint: Some(
                "is it an SSH server, and is the device overloaded or out of lines (VTYs)?".into(),
            ),
        }
    }
}

/// Connects and logs in. Each of its steps has the target's deadline.
///
/// # Errors
/// Which step failed and why, in words.
pub(super) async fn connect(login: Login<'_>) -> Result<Connection, Failure> {
    let door = Door::of(&login);
    let mut credential = Credential::resolve(door.login).await?;
    let policy = Policy::of(&door, login.accepted).await?;
    let began = Instant::now();
    let stream = match &login.target.jump {
        Some(jump) => Stream::Jump(login.jumps.way(jump, &login).await?),
        None => Stream::Tcp(socket::connect(door.address, door.port, door.deadline).await?),
    };
    let connect = began.elapsed();
    let feed = Arc::new(Feed::default());
    let shaken = shake(&door, stream, &feed, policy, &credential, login.traffic).await?;
    let key_exchange = began.elapsed().saturating_sub(connect);
    login.gate.permit(&door.login.credential).await?;
    let permitted = Instant::now();
    let offered = login.gate.offered();
    let sink = Sink::Device(feed.clone());
    let client = match shaken {
        Known::General(mut shaken) => {
            log_in(&mut shaken.handle, &door, &sink, &mut credential, &offered).await?;
            LoggedIn::General(General::new(shaken, login.traffic.count_general()))
        }
        Known::Lean(mut lean) => {
            log_in(&mut *lean, &door, &sink, &mut credential, &offered).await?;
            LoggedIn::Lean(Box::new(Link::new(*lean)))
        }
    };
    let ssh_client = client.name();
    tracing::debug!(device = %login.device, ssh_client, "logged in");
    let took = Took {
        connect,
        key_exchange,
        login: permitted.elapsed(),
    };
    Ok(Connection {
        client,
        feed,
        open_timeout: door.deadline,
        password: credential.imprint(),
        terminal: login.platform.terminal.clone(),
        took,
    })
}

/// A device that has proven who it is, by the client that has asked it.
enum Known {
    General(Shaken),
    Lean(Box<Lean>),
}

/// Greets the device, exchanges keys by the client that fits, and has the host key judged.
async fn shake(
    door: &Door<'_>,
    mut stream: Stream,
    feed: &Arc<Feed>,
    policy: Policy,
    credential: &Credential,
    traffic: &Arc<Traffic>,
) -> Result<Known, Failure> {
    let sink = Sink::Device(feed.clone());
    if door.client == SshClient::General || credential.agent.is_some() {
        let greeted = Greeted::default();
        let shaken = handshake(door, stream, greeted, &sink, policy, credential, traffic).await?;
        return Ok(Known::General(shaken));
    }
    let preferred = preferred(door, &policy);
    let settings = tuning::lean(door.name, algorithms::names(&preferred), door.keepalive);
    let greeting = greet(&mut stream, traffic, door.deadline);
    let greeting = timeout(door.deadline, greeting).await;
    let failed = |cause| lean::words::before_login(&door.endpoint, cause, door.legacy);
    let mut greeted = match greeting {
        Ok(greeted) => greeted.map_err(failed)?,
        Err(_) => return Err(door.late_greeting()),
    };
    let is_enough = |greeting: &mut Greeting| {
        greeting
            .offer()
            .is_ok_and(|offer| settings.preferences.are_met(&offer))
    };
    let Some(greeting) = greeted.greeting.take_if(is_enough) else {
        let shaken = handshake(door, stream, greeted, &sink, policy, credential, traffic).await?;
        return Ok(Known::General(shaken));
    };
    let left = door.deadline.saturating_sub(greeted.took);
    let rest = greeted.read.split_off(greeting.length());
    // Boxed, because it is large and over in a moment.
    let exchange = Box::pin(async {
        let shaking = Lean::shake(
            stream,
            greeting,
            rest,
            &settings,
            policy,
            (feed.clone(), traffic.clone()),
            credential.imprint(),
        );
        timeout(left, shaking).await
    });
    match in_turn(exchange).await {
        Ok(Ok(lean)) => Ok(Known::Lean(Box::new(lean))),
        Ok(Err(Unproven::HostKey(verdict))) => Err(verdict),
        Ok(Err(Unproven::Broken(cause))) => Err(failed(cause)),
        Err(_) => Err(door.late_greeting()),
    }
}

/// What may be used with `door`, the best first.
fn preferred(door: &Door<'_>, policy: &Policy) -> Preferred {
    let mut preferred = algorithms::preferred(door.legacy);
    preferred.key = policy.algorithms(&preferred.key).into();
    preferred
}

/// A connection whose other side has proven who it is. Dropping it cuts it.
struct Shaken {
    handle: Handle<Client>,
    kill: KillOnDrop,
}

/// Exchanges greetings and keys over `stream` by the general client, and judges the host key. It goes on from what was
/// `greeted` already.
async fn handshake(
    door: &Door<'_>,
    stream: Stream,
    greeted: Greeted,
    sink: &Sink,
    policy: Policy,
    credential: &Credential,
    traffic: &Arc<Traffic>,
) -> Result<Shaken, Failure> {
    let config = tuning::config(door.name, preferred(door, &policy), door.keepalive);
    let verdict = Arc::new(Mutex::new(None));
    let client = Client {
        sink: sink.clone(),
        policy,
        verdict: verdict.clone(),
        password: credential.imprint(),
    };
    let left = door.deadline.saturating_sub(greeted.took);
    let (socket, kill) = Socket::resume(stream, traffic.clone(), greeted.said, greeted.read);
    let connecting = russh_client::connect_stream(config, socket, client);
    // Boxed, because it is large and over in a moment.
    let exchange = Box::pin(async { timeout(left, connecting).await });
    match in_turn(exchange).await {
        Ok(Ok(handle)) => Ok(Shaken { handle, kill }),
        Ok(Err(error)) => {
            let judged = verdict
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            Err(judged.unwrap_or_else(|| before_login(&door.endpoint, &error, door.legacy)))
        }
        Err(_) => Err(door.late_greeting()),
    }
}

/// Runs a key exchange when it is its turn, which comes: whoever is before it has [`TURN`] at most.
async fn in_turn<F: Future + Unpin>(mut exchange: F) -> F::Output {
    let exchanges = EXCHANGES.with(Arc::clone);
    let turn = exchanges.acquire().await;
    // Whoever takes longer waits for the device, and costs the shard nothing meanwhile.
    let done = timeout(TURN, &mut exchange).await;
    drop(turn);
    match done {
        Ok(done) => done,
        Err(_) => exchange.await,
    }
}

/// Logs in to `peer`; sets `offered` before the first thing of the credential is sent.
async fn log_in<P: Peer>(
    peer: &mut P,
    door: &Door<'_>,
    sink: &Sink,
    credential: &mut Credential,
    offered: &AtomicBool,
) -> Result<(), Failure> {
    let account = Account {
        login: door.login,
        legacy: door.legacy,
        questions: door.questions,
        sink,
        offered,
    };
    let authenticating = auth::authenticate(peer, &account, credential);
    match timeout(door.deadline, authenticating).await {
        Ok(result) => result,
        Err(_) if offered.load(Ordering::Relaxed) => Err(Failure {
            reason: Reason::LoginTimeout,
            message: format!(
                "{}: credential \"{}\" was offered and the login did not finish within {} s",
                door.endpoint,
                door.login.credential,
                door.deadline.as_secs_f64()
            ),
            hint: Some(
                "is the credential right, and does the device reach its AAA server? It is not offered \
                 again soon, lest the account be locked"
                    .into(),
            ),
        }),
        Err(_) => Err(door.late("the login", Reason::LoginTimeout)),
    }
}

#[cfg(test)]
mod tests;
