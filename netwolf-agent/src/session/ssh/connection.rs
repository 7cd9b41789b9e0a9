//! A connection that is logged in: opens channels, writes, closes. Whoever uses it need not know by which client.

use std::{
    future::poll_fn,
    pin::pin,
    sync::Arc,
    task::Poll,
    time::{Duration, Instant},
};

use netwolf_secret::{Imprint, Outgoing};
use netwolf_wire::status::{Failure, Reason};
use tokio::time::{error::Elapsed, timeout};

use super::{error::without, general::General, lean::link::Link, took::Took};
use crate::{
    dialogue::manners::excerpt,
    session::feed::{Feed, Tap},
};

/// A device that does not take what we type for so long is not listening.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// A device that was well and that does not answer for so long when it is asked for a channel is gone: keepalives
/// and the kernel would notice later, or never where something between answers for it.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(8);
/// Bound on saying goodbye; after it the connection is cut.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(300);
/// Rows of the terminal: what a pager shows before it is switched off.
const ROWS: u32 = 200;

/// The client that has logged in.
pub(super) enum Client {
    General(General),
    Lean(Box<Link>),
}

impl Client {
    /// As `ssh_client` of a platform has it.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::General(_) => "general",
            Self::Lean(_) => "lean",
        }
    }
}

/// Does the same with either client.
macro_rules! by {
    ($client:expr, $each:ident => $action:expr) => {
        match $client {
            Client::General($each) => $action,
            Client::Lean($each) => $action,
        }
    };
}

/// The connection is gone; the feed was told why.
#[derive(Debug)]
pub(super) struct Gone;

/// Why there is no channel.
#[derive(Debug)]
pub(super) enum Opening {
    Gone,
    /// The device has refused it, in these words.
    Refused(String),
}

/// What to ask for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terminal<'a> {
    pub(super) name: &'a str,
    pub(super) columns: u32,
    pub(super) rows: u32,
}

/// A connection that is logged in. Dropping it cuts it.
pub(in crate::session) struct Connection {
    pub(super) client: Client,
    pub(super) feed: Arc<Feed>,
    pub(super) open_timeout: Duration,
    pub(super) password: Option<Imprint>,
    /// Name of the terminal to ask for.
    pub(super) terminal: String,
    pub(super) took: Took,
}

impl Connection {
    /// Where what the device sends is understood.
    pub(in crate::session) fn feed(&self) -> &Arc<Feed> {
        &self.feed
    }

    /// How long it took to log in.
    pub(in crate::session) fn took(&self) -> Took {
        self.took
    }

    /// The password of the login, if there is one: not to be shown when the device says it.
    pub(in crate::session) fn password(&self) -> Option<&Imprint> {
        self.password.as_ref()
    }

    /// What the device said, without the password of the login.
    pub(in crate::session) fn without_password(&self, text: &str) -> String {
        without(self.password.as_ref(), text)
    }

    /// Waits until the feed has something to look at. May be dropped at any time.
    pub(in crate::session) async fn woken(&mut self) {
        match &mut self.client {
            Client::General(_) => self.feed.notified().await,
            Client::Lean(link) => link.lean.woken().await,
        }
    }

    /// Whether it has ended, for a reason that the feed was told.
    pub(in crate::session) fn is_over(&self) -> bool {
        self.feed.lock().ended.is_some()
    }

    /// When [`Self::handle_timeout`] is due.
    pub(in crate::session) fn poll_timeout(&self) -> Option<Instant> {
        match &self.client {
            // It has a task that minds the time.
            Client::General(_) => None,
            Client::Lean(link) => link.lean.poll_timeout(),
        }
    }

    /// Does what is due; harmless before.
    pub(in crate::session) fn handle_timeout(&mut self, now: Instant) {
        if let Client::Lean(link) = &mut self.client {
            link.lean.handle_timeout(now);
        }
    }

    /// Opens a shell on a terminal of `width` columns; `tap` is fed from its first byte on.
    ///
    /// # Errors
    /// [`Reason::ChannelRefused`] and why.
    pub(in crate::session) async fn open_shell(
        &mut self,
        width: u32,
        tap: Tap,
    ) -> Result<(), Failure> {
        let deadline = self.open_timeout;
        self.open(tap, deadline).await?;
        // Not every device answers for the terminal, and none is worse off without an answer.
        let terminal = Terminal {
            name: &self.terminal,
            columns: width,
            rows: ROWS,
        };
        let asking =
            async { by!(&mut self.client, client => client.request_shell(&terminal).await) };
        let asked = timeout(deadline, asking).await;
        self.asked(&asked, deadline)
    }

    /// Runs `command` on a channel of its own; `tap` is fed with its output.
    ///
    /// # Errors
    /// [`Reason::ChannelRefused`] and why.
    pub(in crate::session) async fn exec(
        &mut self,
        command: &str,
        tap: Tap,
    ) -> Result<(), Failure> {
        let deadline = self.open_timeout.min(ANSWER_TIMEOUT);
        self.open(tap, deadline).await?;
        let asking = async { by!(&mut self.client, client => client.request_exec(command).await) };
        let asked = timeout(deadline, asking).await;
        self.asked(&asked, deadline)
    }

    /// What became of asking for a shell or a command.
    fn asked(
        &self,
        asked: &Result<Result<(), Gone>, Elapsed>,
        deadline: Duration,
    ) -> Result<(), Failure> {
        match asked {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Gone)) => Err(self.why_gone()),
            Err(_) => Err(deaf(deadline)),
        }
    }

    async fn open(&mut self, tap: Tap, deadline: Duration) -> Result<(), Failure> {
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
        let opening = async { by!(&mut self.client, client => client.open().await) };
        let channel = match timeout(deadline, opening).await {
            Ok(Ok(channel)) => channel,
            Ok(Err(Opening::Refused(why))) => {
                let why = excerpt(&self.without_password(&why));
                return Err(refused(format!("the device refused a channel: {why}")));
            }
            Ok(Err(Opening::Gone)) => return Err(self.why_gone()),
            Err(_) => {
                let seconds = deadline.as_secs_f64();
                return Err(refused(format!(
                    "the device granted no channel within {seconds} s"
                )));
            }
        };
        let mut inner = self.feed.lock();
        inner.channel = Some(channel);
        inner.tap = tap;
        Ok(())
    }

    /// Types `bytes`.
    ///
    /// # Errors
    /// Why the session is over.
    pub(in crate::session) async fn write(&mut self, bytes: Outgoing) -> Result<(), Failure> {
        let written = {
            let mut writing =
                pin!(async { by!(&mut self.client, client => client.write(bytes).await) });
            // A line fits into the socket's buffer, so that mostly no deadline is needed.
            match poll_fn(|cx| Poll::Ready(writing.as_mut().poll(cx))).await {
                Poll::Ready(written) => Ok(written),
                Poll::Pending => timeout(WRITE_TIMEOUT, writing).await,
            }
        };
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(Gone)) => Err(self.why_gone()),
            Err(_) => Err(deaf(WRITE_TIMEOUT)),
        }
    }

    /// Tells the command of an exec channel to stop, in the two ways that servers understand.
    pub(in crate::session) async fn interrupt(&mut self) {
        let asked = async { by!(&mut self.client, client => client.interrupt().await) };
        if !matches!(timeout(WRITE_TIMEOUT, asked).await, Ok(Ok(()))) {
            tracing::trace!("a command could not be told to stop");
        }
    }

    /// Closes the current channel; the connection stays.
    pub(in crate::session) async fn close_channel(&mut self) {
        {
            let mut inner = self.feed.lock();
            inner.channel = None;
            inner.tap = Tap::None;
        }
        let closing = async { by!(&mut self.client, client => client.close_channel().await) };
        if !matches!(timeout(WRITE_TIMEOUT, closing).await, Ok(Ok(()))) {
            tracing::trace!("a channel could not be closed");
        }
    }

    /// The command's channel was closed by the device: there is nothing left to close.
    pub(in crate::session) fn channel_is_closed(&mut self) {
        by!(&mut self.client, client => client.forget_channel());
    }

    /// Renews the keys.
    #[cfg(test)]
    pub(super) async fn renew_keys(&mut self) {
        match &mut self.client {
            Client::General(general) => general.handle.rekey_soon().await.unwrap(),
            Client::Lean(link) => link
                .lean
                .order(netwolf_ssh::Connection::renew_keys)
                .unwrap(),
        }
    }

    /// Which client has logged in.
    #[cfg(test)]
    pub(super) const fn is_lean(&self) -> bool {
        matches!(self.client, Client::Lean(_))
    }

    /// Says goodbye and closes the connection.
    pub(in crate::session) async fn close(mut self) {
        let goodbye = async {
            self.close_channel().await;
            by!(&mut self.client, client => client.say_goodbye().await)
        };
        if timeout(CLOSE_TIMEOUT, goodbye).await.is_err() {
            tracing::trace!("the device did not take the goodbye");
        }
    }

    fn why_gone(&self) -> Failure {
        self.feed.lock().ended.clone().unwrap_or_else(|| Failure {
            reason: Reason::ConnectionLost,
            message: "the connection is gone".into(),
            hint: None,
        })
    }
}

/// A device that does not take what is sent.
fn deaf(limit: Duration) -> Failure {
    Failure {
        reason: Reason::ConnectionLost,
        message: format!("the device took no input for {} s", limit.as_secs_f64()),
        hint: None,
    }
}
