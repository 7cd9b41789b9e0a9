//! SSH: connect, log in, open, write, close. With its folder the only module that knows russh.
//!
//! russh's defaults are set on purpose here: it has no deadline of its own before login, no keepalive, waits
//! with small packets (Nagle), grants windows of 2 MiB and renews all keys an hour after connect, in phase.
//! It also sends nothing when a channel is dropped, so every path here ends in a close: of the channel where
//! the connection goes on, of the whole connection by [`KillOnDrop`] otherwise.
//!
//! Bytes never pass through a `russh::Channel`: its reading half is dropped as soon as it is open, and the
//! callback feeds the machine directly (see [`super::feed`]).

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use netwolf_wire::{
    DeviceName, hash,
    status::{Failure, Reason},
    target::Target,
};
use russh::{
    ChannelWriteHalf, Disconnect, Limits, Preferred, Sig,
    client::{self as russh_client, Msg},
};
use tokio::time::timeout;

use self::{auth::Credential, client::Client, error::before_login, policy::Policy};
use super::{
    feed::{Feed, Tap},
    host_key::AcceptedKeys,
    socket::{self, KillOnDrop, Socket},
};
use crate::secret::{Outgoing, Secret};

pub(super) use auth::read as read_secret;

mod auth;
mod client;
mod error;
mod known_hosts_file;
mod policy;

/// Bytes that a device may send ahead on a channel. Thousands of devices that flood must not fill the memory.
const WINDOW: u32 = 256 * 1024;
/// The largest packet that is taken.
const MAX_PACKET: u32 = 32 * 1024;
/// A connection that is silent for so long is asked for a sign of life; three unanswered ones end it.
const KEEPALIVE: Duration = Duration::from_secs(15);
/// Keys are renewed after a time between these, by device, so that a fleet does not renew them at once.
const REKEY: (Duration, Duration) = (Duration::from_mins(45), Duration::from_mins(75));
/// A device that does not take what we type for so long is not listening.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// Bound on saying goodbye; after it the connection is cut.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(300);
/// Rows of the terminal: what a pager shows before it is switched off.
const ROWS: u32 = 200;

/// What it takes to log in, beside the target.
pub(super) struct Login<'a> {
    pub(super) device: &'a DeviceName,
    pub(super) target: &'a Target,
    pub(super) accepted: &'a Arc<AcceptedKeys>,
    /// Set once a key or password was sent, which the device may count against the account.
    pub(super) offered: &'a AtomicBool,
}

/// A connection that is logged in. Dropping it cuts it.
pub(super) struct Connection {
    handle: russh_client::Handle<Client>,
    channel: Option<ChannelWriteHalf<Msg>>,
    feed: Arc<Feed>,
    open_timeout: Duration,
    password: Option<Secret>,
    _kill: KillOnDrop,
}

/// Connects and logs in. Each of its three steps (TCP, key exchange, login) has the target's deadline.
///
/// # Errors
/// Which step failed and why, in words.
pub(super) async fn connect(login: Login<'_>) -> Result<Connection, Failure> {
    let Target {
        address,
        port,
        connect_timeout,
        ..
    } = login.target;
    let deadline = connect_timeout.get();
    let credential = Credential::resolve(&login.target.login).await?;
    let policy = Policy::of(&login).await?;
    let stream = socket::connect(address, *port, deadline).await?;

    let config = Arc::new(config(login.device, policy.algorithms()));
    let feed = Arc::new(Feed::default());
    let verdict = Arc::new(Mutex::new(None));
    let client = Client {
        feed: feed.clone(),
        policy,
        verdict: verdict.clone(),
    };
    let (socket, kill) = Socket::new(stream);
    let late = |step: &str, reason| Failure {
        reason,
        message: format!(
            "{address}:{port}: {step} did not finish within {} s",
            deadline.as_secs_f64()
        ),
        hint: Some(
            "is it an SSH server, and is the device overloaded or out of lines (VTYs)?".into(),
        ),
    };
    let mut handle = match timeout(
        deadline,
        russh_client::connect_stream(config, socket, client),
    )
    .await
    {
        Ok(Ok(handle)) => handle,
        Ok(Err(error)) => {
            let judged = verdict
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            return Err(
                judged.unwrap_or_else(|| before_login(&format!("{address}:{port}"), &error))
            );
        }
        Err(_) => {
            return Err(late(
                "the SSH greeting and key exchange",
                Reason::HandshakeTimeout,
            ));
        }
    };
    let account = &login.target.login;
    match timeout(
        deadline,
        auth::authenticate(&mut handle, account, &credential, &feed, login.offered),
    )
    .await
    {
        Ok(result) => result?,
        Err(_) if login.offered.load(Ordering::Relaxed) => {
            return Err(Failure {
                reason: Reason::LoginTimeout,
                message: format!(
                    "{address}:{port}: credential \"{}\" was offered and the login did not finish within {} s",
                    account.credential,
                    deadline.as_secs_f64()
                ),
                hint: Some(
                    "is the credential right, and does the device reach its AAA server? It is not offered \
                     again soon, lest the account be locked"
                        .into(),
                ),
            });
        }
        Err(_) => return Err(late("the login", Reason::LoginTimeout)),
    }
    Ok(Connection {
        handle,
        channel: None,
        feed,
        open_timeout: deadline,
        password: credential.into_password(),
        _kill: kill,
    })
}

fn config(
    device: &DeviceName,
    algorithms: Option<Vec<russh::keys::Algorithm>>,
) -> russh_client::Config {
    let (from, to) = REKEY;
    let spread = hash::hash64(device.as_str().as_bytes())
        % u64::try_from(to.saturating_sub(from).as_millis()).unwrap_or(1);
    let mut preferred = Preferred::DEFAULT;
    if let Some(algorithms) = algorithms {
        preferred.key = algorithms.into();
    }
    russh_client::Config {
        limits: Limits {
            rekey_time_limit: from + Duration::from_millis(spread),
            ..Limits::default()
        },
        window_size: WINDOW,
        maximum_packet_size: MAX_PACKET,
        preferred,
        keepalive_interval: Some(KEEPALIVE),
        nodelay: true,
        ..russh_client::Config::default()
    }
}

impl Connection {
    /// Where what the device sends is understood.
    pub(super) fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }

    /// The password of the login, if there is one: not to be shown when the device says it.
    pub(super) const fn take_password(&mut self) -> Option<Secret> {
        self.password.take()
    }

    /// Opens a shell on a terminal of `width` columns; `tap` is fed from its first byte on.
    ///
    /// # Errors
    /// [`Reason::ChannelRefused`] and why.
    pub(super) async fn open_shell(&mut self, width: u32, tap: Tap) -> Result<(), Failure> {
        self.open(tap).await?;
        let Some(channel) = &self.channel else {
            return Err(gone());
        };
        let asked = async {
            // Not every device answers for the terminal, and none is worse off without an answer.
            channel
                .request_pty(false, "vt100", width, ROWS, 0, 0, &[])
                .await?;
            channel.request_shell(true).await
        };
        asked.await.map_err(|_| self.why_gone())
    }

    /// Runs `command` on a channel of its own; `tap` is fed with its output.
    ///
    /// # Errors
    /// [`Reason::ChannelRefused`] and why.
    pub(super) async fn exec(&mut self, command: &str, tap: Tap) -> Result<(), Failure> {
        self.open(tap).await?;
        let Some(channel) = &self.channel else {
            return Err(gone());
        };
        channel
            .exec(true, command)
            .await
            .map_err(|_| self.why_gone())
    }

    async fn open(&mut self, tap: Tap) -> Result<(), Failure> {
        let refused = |message| Failure {
            reason: Reason::ChannelRefused,
            message,
            hint: Some(
                "does the user have the right to a shell, and has the device free lines (VTYs)?"
                    .into(),
            ),
        };
        // A confirmation that comes after this deadline would leave a channel that nobody closes, so the
        // caller gives up the connection after any error here.
        let channel = match timeout(self.open_timeout, self.handle.channel_open_session()).await {
            Ok(Ok(channel)) => channel,
            Ok(Err(russh::Error::ChannelOpenFailure(why))) => {
                return Err(refused(format!("the device refused a channel: {why:?}")));
            }
            Ok(Err(_)) => return Err(self.why_gone()),
            Err(_) => {
                let seconds = self.open_timeout.as_secs_f64();
                return Err(refused(format!(
                    "the device granted no channel within {seconds} s"
                )));
            }
        };
        // With its reading half gone russh hands data to the callback alone, and never waits for us.
        let (_, channel) = channel.split();
        let mut inner = self.feed.lock();
        inner.channel = Some(channel.id().into());
        inner.tap = tap;
        drop(inner);
        self.channel = Some(channel);
        Ok(())
    }

    /// Types `bytes`.
    ///
    /// # Errors
    /// Why the session is over.
    pub(super) async fn write(&self, bytes: Outgoing) -> Result<(), Failure> {
        let Some(channel) = &self.channel else {
            return Err(gone());
        };
        match timeout(WRITE_TIMEOUT, channel.data_bytes(Bytes::from_owner(bytes))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(self.why_gone()),
            Err(_) => Err(Failure {
                reason: Reason::ConnectionLost,
                message: format!("the device took no input for {} s", WRITE_TIMEOUT.as_secs()),
                hint: None,
            }),
        }
    }

    /// Tells the command of an exec channel to stop, in the two ways that servers understand.
    pub(super) async fn interrupt(&self) {
        if let Some(channel) = &self.channel {
            let asked = async {
                channel.signal(Sig::TERM).await?;
                channel.eof().await
            };
            if !matches!(timeout(WRITE_TIMEOUT, asked).await, Ok(Ok(()))) {
                tracing::trace!("a command could not be told to stop");
            }
        }
    }

    /// Closes the current channel; the connection stays.
    pub(super) async fn close_channel(&mut self) {
        {
            let mut inner = self.feed.lock();
            inner.channel = None;
            inner.tap = Tap::None;
        }
        if let Some(channel) = self.channel.take()
            && !matches!(timeout(WRITE_TIMEOUT, channel.close()).await, Ok(Ok(())))
        {
            tracing::trace!("a channel could not be closed");
        }
    }

    /// The command's channel was closed by the device: there is nothing left to close.
    pub(super) fn channel_is_closed(&mut self) {
        self.channel = None;
    }

    /// Says goodbye and closes the connection.
    pub(super) async fn close(mut self) {
        let goodbye = async {
            self.close_channel().await;
            if self
                .handle
                .disconnect(Disconnect::ByApplication, "", "")
                .await
                .is_ok()
                && let Err(error) = (&mut self.handle).await
            {
                tracing::trace!(%error, "the session ended with an error");
            }
        };
        if timeout(CLOSE_TIMEOUT, goodbye).await.is_err() {
            tracing::trace!("the device did not take the goodbye");
        }
    }

    fn why_gone(&self) -> Failure {
        self.feed.lock().ended.clone().unwrap_or_else(gone)
    }
}

fn gone() -> Failure {
    Failure {
        reason: Reason::ConnectionLost,
        message: "the connection is gone".into(),
        hint: None,
    }
}

#[cfg(test)]
mod tests;
