//! The lean client: drives the machine of `netwolf-ssh` over a stream, in the device's own task.
//!
//! ```text
//!   stream --> shared buffer --> machine --> feed (the dialogue, or the output of a command)
//!   what is typed --> machine --> stream
//! ```
//!
//! Nothing runs by itself: whoever waits for the device drives it meanwhile ([`Lean::woken`], [`Lean::until`]). A
//! poll wakes one task, costs one read for each piece that the device sends and one write, and holds nothing of it
//! while the session is idle.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use netwolf_secret::Imprint;
use netwolf_ssh::{Connection, Error, Greeting, Handler, Settings};
use netwolf_wire::status::Failure;
use russh::keys::PublicKey;
use tokio::io::AsyncWrite;

use super::{
    client::presented,
    error::{runs_nothing, shell_closed},
    policy::Policy,
    stream::Stream,
};
use crate::session::{
    feed::Feed,
    socket::{Fairness, poll_read_shared},
    traffic::Traffic,
};

pub(super) mod greeting;
pub(super) mod link;
mod login;
pub(super) mod words;

/// Why a connection is over.
#[derive(Debug)]
pub(super) enum Cause {
    /// The device has closed the stream.
    End,
    /// The stream broke.
    Io(io::Error),
    /// The two sides do not understand each other any more.
    Ssh(Error),
}

impl From<Error> for Cause {
    fn from(error: Error) -> Self {
        Self::Ssh(error)
    }
}

/// Why a device has not proven who it is.
pub(super) enum Unproven {
    /// It did not come to that.
    Broken(Cause),
    /// Its host key is not taken.
    HostKey(Failure),
}

/// The connection is over, for the reason that [`Feed`] was told.
#[derive(Debug)]
pub(super) struct Over;

/// A connection to a device. Dropping it cuts it.
pub(super) struct Lean {
    stream: Stream,
    machine: Connection,
    feed: Arc<Feed>,
    traffic: Arc<Traffic>,
    /// Judges the host key, until that is done.
    policy: Option<Policy>,
    /// Why it was not taken.
    verdict: Option<Failure>,
    /// Not to be shown when the device says it.
    password: Option<Imprint>,
    /// There is something to look at.
    woken: bool,
    cause: Option<Cause>,
    /// Nothing can be sent any more. What the device has said before that is still heard: mostly it says why.
    unwritable: Option<io::Error>,
    fairness: Fairness,
}

impl Lean {
    /// Exchanges keys, and has the host key judged.
    ///
    /// # Errors
    /// Why it came to nothing.
    pub(super) async fn shake(
        stream: Stream,
        greeting: Greeting,
        mut rest: Vec<u8>,
        settings: &Settings,
        policy: Policy,
        (feed, traffic): (Arc<Feed>, Arc<Traffic>),
        password: Option<Imprint>,
    ) -> Result<Self, Unproven> {
        let machine = Connection::new(settings, greeting, Instant::now())
            .map_err(|error| Unproven::Broken(error.into()))?;
        let mut lean = Self {
            stream,
            machine,
            feed,
            traffic,
            policy: Some(policy),
            verdict: None,
            password,
            woken: false,
            cause: None,
            unwritable: None,
            fairness: Fairness::default(),
        };
        lean.take_in(&mut rest);
        let keyed = lean
            .until(|lean| lean.machine.is_keyed().then_some(()))
            .await;
        match (keyed, lean.verdict.take()) {
            (Ok(()), _) => {
                lean.policy = None;
                Ok(lean)
            }
            (Err(Over), Some(verdict)) => Err(Unproven::HostKey(verdict)),
            (Err(Over), None) => {
                let cause = lean.cause.take().unwrap_or(Cause::End);
                Err(Unproven::Broken(cause))
            }
        }
    }

    /// The machine, for what sends nothing.
    pub(super) const fn machine(&mut self) -> &mut Connection {
        &mut self.machine
    }

    /// Does something with the machine, after which there may be something to send.
    pub(super) fn order<T>(
        &mut self,
        order: impl FnOnce(&mut Connection) -> Result<T, Error>,
    ) -> Result<T, Over> {
        if self.cause.is_some() {
            return Err(Over);
        }
        order(&mut self.machine).map_err(|error| {
            self.end(error.into());
            Over
        })
    }

    /// Does what is due.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        let done = self.order(|machine| machine.handle_timeout(now));
        self.woken |= done.is_err();
    }

    /// When that is due.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.machine.poll_timeout()
    }

    /// Whether all that was sent on `channel` has left.
    pub(super) fn is_sent(&mut self, channel: u32) -> bool {
        self.machine.is_sent(channel) && self.machine.output().is_empty()
    }

    pub(super) const fn is_over(&self) -> bool {
        self.cause.is_some()
    }

    /// Waits until there is something to look at.
    pub(super) async fn woken(&mut self) {
        std::future::poll_fn(|cx| {
            let over = !self.woken && self.poll_io(cx).is_ready();
            if std::mem::take(&mut self.woken) || over {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }

    /// Waits until `check` gives something, and until all that is to be sent has left: a way through a jump host
    /// holds a place in the queue of all its ways for what is half sent, and whoever waits elsewhere meanwhile, for
    /// leave to log in as it may be, would hold up the one that it waits for.
    ///
    /// # Errors
    /// The connection ended before.
    pub(super) async fn until<T>(
        &mut self,
        mut check: impl FnMut(&mut Self) -> Option<T>,
    ) -> Result<T, Over> {
        let mut found = None;
        std::future::poll_fn(|cx| {
            let over = self.poll_io(cx).is_ready();
            if found.is_none() {
                found = check(self);
            }
            if over {
                return Poll::Ready(found.take().ok_or(Over));
            }
            match found.take_if(|_| self.machine.output().is_empty()) {
                Some(found) => Poll::Ready(Ok(found)),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Says goodbye, and waits until the device has hung up.
    pub(super) async fn say_goodbye(&mut self) -> Result<(), Over> {
        self.order(Connection::disconnect)?;
        self.until(|lean| lean.machine.output().is_empty().then_some(()))
            .await?;
        let closed = std::future::poll_fn(|cx| Pin::new(&mut self.stream).poll_shutdown(cx)).await;
        if let Err(error) = closed {
            self.end(Cause::Io(error));
        }
        self.until(|_| None).await
    }

    /// Sends and takes in whatever there is; ready only when the connection is over.
    fn poll_io(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.cause.is_none() {
            // Whatever comes may have an answer, which is sent before anything is waited for.
            self.send(cx);
            if self.poll_receive(cx).is_pending() {
                match self.unwritable.take() {
                    Some(error) => self.end(Cause::Io(error)),
                    None => return Poll::Pending,
                }
            }
        }
        Poll::Ready(())
    }

    /// Sends as much as the stream takes now.
    fn send(&mut self, cx: &mut Context<'_>) {
        while self.unwritable.is_none() && !self.machine.output().is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, self.machine.output()) {
                Poll::Ready(Ok(0)) => self.unwritable = Some(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(n)) => {
                    self.traffic.add_sent(n);
                    self.machine.sent(n);
                }
                Poll::Ready(Err(error)) => self.unwritable = Some(error),
                Poll::Pending => return,
            }
        }
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        ready!(self.fairness.poll_turn(cx));
        let mut receiver = Receiver {
            feed: &self.feed,
            policy: self.policy.as_ref(),
            verdict: &mut self.verdict,
            woken: &mut self.woken,
        };
        let machine = &mut self.machine;
        let read = poll_read_shared(&mut self.stream, cx, |bytes| {
            let result = machine.handle_input(bytes, &mut receiver, Instant::now());
            (bytes.len(), result)
        });
        if read.is_pending() {
            self.fairness.count(0);
        }
        match ready!(read) {
            Ok((0, _)) => self.end(Cause::End),
            Ok((n, result)) => {
                self.traffic.add_received(n);
                self.fairness.count(n);
                if let Err(error) = result {
                    self.end(error.into());
                }
            }
            Err(error) => self.end(Cause::Io(error)),
        }
        Poll::Ready(())
    }

    /// Takes in what was read before.
    fn take_in(&mut self, bytes: &mut [u8]) {
        let mut receiver = Receiver {
            feed: &self.feed,
            policy: self.policy.as_ref(),
            verdict: &mut self.verdict,
            woken: &mut self.woken,
        };
        let result = self
            .machine
            .handle_input(bytes, &mut receiver, Instant::now());
        if let Err(error) = result {
            self.end(error.into());
        }
    }

    /// The first cause counts.
    fn end(&mut self, cause: Cause) {
        if self.cause.is_none() {
            self.feed
                .end(|| words::ended(&cause, self.password.as_ref()));
            self.woken = true;
            self.cause = Some(cause);
        }
    }
}

/// Where it goes what the machine tells.
struct Receiver<'a> {
    feed: &'a Feed,
    policy: Option<&'a Policy>,
    verdict: &'a mut Option<Failure>,
    woken: &'a mut bool,
}

impl Handler for Receiver<'_> {
    fn host_key(&mut self, key: &[u8]) -> bool {
        let presented = PublicKey::from_bytes(key)
            .map_err(russh::Error::from)
            .and_then(|key| presented(&key.into()));
        let judgement = match (presented, self.policy) {
            (Ok(key), Some(policy)) => policy.check(&key),
            (Err(_), _) | (_, None) => return false,
        };
        let good = judgement.is_ok();
        *self.verdict = judgement.err();
        good
    }

    fn data(&mut self, channel: u32, bytes: &[u8]) {
        *self.woken |= self.feed.data(channel, bytes);
    }

    fn error_data(&mut self, channel: u32, bytes: &[u8]) {
        *self.woken |= self.feed.stderr(channel, bytes);
    }

    fn exit_status(&mut self, channel: u32, status: u32) {
        self.feed.status(channel, status);
    }

    fn exit_signal(&mut self, channel: u32, name: &str) {
        self.feed.signal(channel, name);
    }

    fn refused(&mut self, channel: u32) {
        *self.woken |= self.feed.refused(channel, runs_nothing);
    }

    fn closed(&mut self, channel: u32) {
        *self.woken |= self.feed.closed(channel, shell_closed);
    }
}
