//! A connection that is logged in: opens channels, writes, closes.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use netwolf_secret::{Imprint, Outgoing};
use netwolf_wire::status::{Failure, Reason};
use russh::{
    ChannelWriteHalf, Disconnect, Sig,
    client::{Handle, Msg},
};
use tokio::time::timeout;

use super::{client::Client, took::Took};
use crate::session::{
    feed::{Feed, Tap},
    socket::KillOnDrop,
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

/// A connection that is logged in. Dropping it cuts it.
pub(in crate::session) struct Connection {
    pub(super) handle: Handle<Client>,
    pub(super) channel: Option<ChannelWriteHalf<Msg>>,
    pub(super) feed: Arc<Feed>,
    pub(super) open_timeout: Duration,
    pub(super) password: Option<Imprint>,
    /// Name of the terminal to ask for.
    pub(super) terminal: String,
    pub(super) took: Took,
    pub(super) _kill: KillOnDrop,
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
        match &self.password {
            Some(password) => password.hide_in(text),
            None => text.to_owned(),
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
        self.open(tap, self.open_timeout).await?;
        let Some(channel) = &self.channel else {
            return Err(gone());
        };
        let asked = async {
            // Not every device answers for the terminal, and none is worse off without an answer.
            channel
                .request_pty(false, &self.terminal, width, ROWS, 0, 0, &[])
                .await?;
            channel.request_shell(true).await
        };
        asked.await.map_err(|_| self.why_gone())
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
        self.open(tap, self.open_timeout.min(ANSWER_TIMEOUT))
            .await?;
        let Some(channel) = &self.channel else {
            return Err(gone());
        };
        channel
            .exec(true, command)
            .await
            .map_err(|_| self.why_gone())
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
        let channel = match timeout(deadline, self.handle.channel_open_session()).await {
            Ok(Ok(channel)) => channel,
            Ok(Err(russh::Error::ChannelOpenFailure(why))) => {
                return Err(refused(format!("the device refused a channel: {why:?}")));
            }
            Ok(Err(_)) => return Err(self.why_gone()),
            Err(_) => {
                let seconds = deadline.as_secs_f64();
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
    pub(in crate::session) async fn write(&self, bytes: Outgoing) -> Result<(), Failure> {
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
    pub(in crate::session) async fn interrupt(&self) {
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
    pub(in crate::session) async fn close_channel(&mut self) {
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
    pub(in crate::session) fn channel_is_closed(&mut self) {
        self.channel = None;
    }

    /// Says goodbye and closes the connection.
    pub(in crate::session) async fn close(mut self) {
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
