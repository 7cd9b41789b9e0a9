//! A way through a jump host: one channel of its connection, as the stream of one device's session.
//!
//! Bytes go from the callback into the way's own inbox: with russh's queue between, one device that is not read
//! would stop the connection for all. A way is closed for certain, by a task that outlives it for a moment,
//! because a channel that is dropped says nothing to the other side.

use std::{
    collections::HashMap,
    io,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use netwolf_wire::status::{Failure, Reason};
use russh::{Channel, ChannelWriteHalf, client::Msg};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    runtime::Handle,
    sync::Notify,
    time::timeout,
};

use super::{User, lost, through};
use crate::session::ssh::error::JumpBroken;

/// Bytes of one device that nobody has read. When they are more, this device's way is cut, and the session ends
/// as lost and is counted so; the others do not wait for it.
const INBOX_DEPTH: usize = 4 << 20;
/// A way that is left is closed by the jump host once the device has closed it; after this time, by us.
const CLOSE_PATIENCE: Duration = Duration::from_secs(3);
/// An empty inbox keeps so much memory.
const KEPT_CAPACITY: usize = 1024;

/// All ways of one connection, as its callback sees them.
pub(in crate::session::ssh) struct Ways {
    /// The jump host, for messages.
    endpoint: String,
    all: Mutex<AllWays>,
    /// Tells the one who closes the connection that it has ended.
    over: Notify,
}

#[derive(Default)]
struct AllWays {
    open: HashMap<u32, Arc<Inbox>>,
    /// Why the connection ended, once it has.
    ended: Option<Failure>,
}

impl Ways {
    /// The ways through the jump host at `endpoint`.
    pub(super) fn new(endpoint: &str) -> Self {
        Self {
            endpoint: endpoint.into(),
            all: Mutex::default(),
            over: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, AllWays> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn inbox(&self, channel: u32) -> Option<Arc<Inbox>> {
        self.lock().open.get(&channel).cloned()
    }

    /// The jump host opened `channel`.
    pub(in crate::session::ssh) fn opened(&self, channel: u32) {
        self.lock().open.insert(channel, Arc::default());
    }

    /// Bytes came on `channel`.
    pub(in crate::session::ssh) fn data(&self, channel: u32, bytes: &[u8]) {
        if let Some(inbox) = self.inbox(channel) {
            inbox.change(|content| {
                if content.bytes.len() - content.taken + bytes.len() > INBOX_DEPTH {
                    content.broken = Some(too_much());
                } else if content.broken.is_none() {
                    content.bytes.extend_from_slice(bytes);
                }
            });
        }
    }

    /// No more bytes will come on `channel`.
    pub(in crate::session::ssh) fn eof(&self, channel: u32) {
        if let Some(inbox) = self.inbox(channel) {
            inbox.change(|content| content.eof = true);
        }
    }

    /// The jump host closed `channel`.
    pub(in crate::session::ssh) fn closed(&self, channel: u32) {
        let inbox = self.inbox(channel);
        if let Some(inbox) = inbox {
            inbox.change(|content| {
                content.eof = true;
                content.closed = true;
            });
            inbox.gone.notify_one();
        }
    }

    /// The connection ended, and with it all ways. The first reason counts.
    pub(in crate::session::ssh) fn end(&self, failure: impl FnOnce() -> Failure) {
        let mut all = self.lock();
        let failure = all.ended.get_or_insert_with(failure).clone();
        let inboxes: Vec<_> = all.open.values().cloned().collect();
        drop(all);
        self.over.notify_one();
        let failure = through(&self.endpoint, failure);
        for inbox in inboxes {
            inbox.change(|content| {
                content.closed = true;
                content.broken.get_or_insert_with(|| failure.clone());
            });
            inbox.gone.notify_one();
        }
    }

    /// Waits until the connection has ended.
    pub(super) async fn over(&self) {
        while self.ended().is_none() {
            self.over.notified().await;
        }
    }

    /// Why the connection ended, once it has.
    pub(in crate::session::ssh) fn ended(&self) -> Option<Failure> {
        self.lock().ended.clone()
    }

    fn forget(&self, channel: u32) {
        self.lock().open.remove(&channel);
    }

    /// The inbox of `channel`; one that is broken where the connection ended meanwhile.
    fn claim(&self, channel: u32) -> Arc<Inbox> {
        let all = self.lock();
        let inbox = all.open.get(&channel).cloned().unwrap_or_default();
        let ended = all.ended.clone();
        drop(all);
        if let Some(failure) = ended {
            inbox.change(|content| {
                content.closed = true;
                content
                    .broken
                    .get_or_insert_with(|| through(&self.endpoint, failure));
            });
        }
        inbox
    }
}

fn too_much() -> Failure {
    Failure {
        reason: Reason::ConnectionLost,
        message: "the device sends more through the jump host than is read".into(),
        hint: None,
    }
}

/// What came for one device.
#[derive(Default)]
struct Inbox {
    content: Mutex<Content>,
    /// Tells the one who closes the way that the jump host has closed it.
    gone: Notify,
}

#[derive(Default)]
struct Content {
    bytes: Vec<u8>,
    /// How many of them were read.
    taken: usize,
    eof: bool,
    /// There is nothing left to close.
    closed: bool,
    broken: Option<Failure>,
    /// Who reads: always the one task that runs the device's session.
    waker: Option<Waker>,
}

impl Inbox {
    fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Content)) {
        let mut content = self.lock();
        change(&mut content);
        let waker = content.waker.take();
        drop(content);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// The way to one device. Dropping it closes it.
pub(in crate::session::ssh) struct Way {
    inbox: Arc<Inbox>,
    /// The jump host, for messages.
    endpoint: String,
    writer: Pin<Box<dyn AsyncWrite + Send>>,
    /// What closes it; taken when that begins.
    channel: Option<(ChannelWriteHalf<Msg>, User)>,
}

impl Way {
    /// Takes over a channel that was opened on the connection of `user`.
    pub(super) fn new(channel: Channel<Msg>, user: User) -> Self {
        let id = channel.id().into();
        // With its reading half gone russh hands data to the callback alone, and never waits for us.
        let (_, channel) = channel.split();
        let link = user.link();
        Self {
            inbox: link.ways.claim(id),
            endpoint: link.endpoint.clone(),
            writer: Box::pin(channel.make_writer()),
            channel: Some((channel, user)),
        }
    }

    /// A write that fails means that the jump host's connection is gone: a device that is gone takes no bytes.
    fn broken(&self) -> io::Error {
        let broken = self.inbox.lock().broken.clone();
        let failure = broken.unwrap_or_else(|| lost(&self.endpoint));
        io::Error::other(JumpBroken(failure))
    }
}

impl AsyncRead for Way {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut content = self.inbox.lock();
        let Content { bytes, taken, .. } = &mut *content;
        if bytes.len() > *taken {
            let n = buffer.remaining().min(bytes.len() - *taken);
            buffer.put_slice(&bytes[*taken..*taken + n]);
            *taken += n;
            if *taken == bytes.len() {
                *taken = 0;
                bytes.clear();
                bytes.shrink_to(KEPT_CAPACITY);
            }
            return Poll::Ready(Ok(()));
        }
        if content.broken.is_some() {
            drop(content);
            return Poll::Ready(Err(self.broken()));
        }
        if content.eof {
            return Poll::Ready(Ok(()));
        }
        content.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl AsyncWrite for Way {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        match ready!(this.writer.as_mut().poll_write(cx, bytes)) {
            Ok(n) => Poll::Ready(Ok(n)),
            Err(_) => Poll::Ready(Err(this.broken())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().writer.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The end is told when the way is dropped, by the task that also waits for the answer.
        Poll::Ready(Ok(()))
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        let Some((channel, user)) = self.channel.take() else {
            return;
        };
        // Without a runtime everything is about to end, and the connection with it.
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let inbox = self.inbox.clone();
        runtime.spawn(close(channel, inbox, user));
    }
}

/// Closes a way. russh remembers every channel that it was told to close before the other side closed it, for as
/// long as the connection lives, so the other side goes first where it can.
async fn close(channel: ChannelWriteHalf<Msg>, inbox: Arc<Inbox>, user: User) {
    let link = user.link();
    let closed = || inbox.lock().closed;
    let goodbye = async {
        if !closed() {
            channel.eof().await?;
        }
        while !closed() {
            inbox.gone.notified().await;
        }
        Ok::<_, russh::Error>(())
    };
    if timeout(CLOSE_PATIENCE, goodbye).await.is_err()
        && timeout(CLOSE_PATIENCE, channel.close()).await.is_err()
    {
        tracing::debug!(jump_host = %link.endpoint, "a way through the jump host could not be closed");
    }
    link.ways.forget(channel.id().into());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure() -> Failure {
        Failure {
            reason: Reason::ClosedByDevice,
            message: "the device closed the connection".into(),
            hint: None,
        }
    }

    #[test]
    fn what_a_device_says_before_anybody_listens_is_kept() {
        let ways = Ways::new("jump:22");
        ways.opened(1);
        ways.data(1, b"SSH-2.0-");
        let inbox = ways.claim(1);
        ways.data(1, b"Early\r\n");
        ways.closed(1);
        let content = inbox.lock();
        assert_eq!(content.bytes, b"SSH-2.0-Early\r\n");
        assert!(content.eof && content.closed && content.broken.is_none());
    }

    #[test]
    fn a_device_that_floods_is_cut_and_no_other() {
        let ways = Ways::new("jump:22");
        let [loud, quiet] = [1, 2].map(|channel| {
            ways.opened(channel);
            ways.claim(channel)
        });
        for _ in 0..=INBOX_DEPTH / 8192 {
            ways.data(1, &[0; 8192]);
        }
        ways.data(2, b"well");
        assert_eq!(
            loud.lock().broken.as_ref().map(|failure| failure.reason),
            Some(Reason::ConnectionLost)
        );
        assert!(loud.lock().bytes.len() <= INBOX_DEPTH);
        let quiet = quiet.lock();
        assert_eq!((quiet.bytes.as_slice(), quiet.eof), (&b"well"[..], false));
    }

    #[test]
    fn the_end_of_the_connection_ends_all_ways_and_those_that_come_too_late() {
        let ways = Ways::new("jump:22");
        ways.opened(1);
        let early = ways.claim(1);
        ways.end(failure);
        for inbox in [early, ways.claim(2)] {
            let content = inbox.lock();
            let broken = content.broken.as_ref().unwrap();
            assert_eq!(broken.reason, Reason::JumpFailed);
            assert!(
                broken.message.starts_with("jump host jump:22: "),
                "{broken:?}"
            );
            assert!(content.closed);
        }
    }

    #[test]
    fn bytes_of_a_way_that_is_closed_are_kept_by_nobody() {
        let ways = Ways::new("jump:22");
        ways.opened(1);
        drop(ways.claim(1));
        ways.forget(1);
        ways.data(1, b"late");
        ways.closed(1);
        assert!(ways.lock().open.is_empty());
    }
}
