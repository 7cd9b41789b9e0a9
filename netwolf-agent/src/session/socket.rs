//! What is under an SSH session: TCP connected with a deadline, and a stream that is read through a shared buffer
//! and closed for certain.
//!
//! Why a stream of our own: russh reads each packet in two small reads, which cost a system call each, and
//! during a key exchange it does not notice that nobody wants the session any more. [`KillOnDrop`] ends the
//! stream under it, whatever it waits for.

use std::{
    cell::RefCell,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use netwolf_wire::status::{Failure, Reason};
use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    task::yield_now,
    time::timeout,
};

use super::{descriptors, traffic::Traffic};
use crate::dial::dial;

/// What was sent and not acknowledged for so long means that the path is gone.
const USER_TIMEOUT: Duration = Duration::from_secs(10);

/// What one read may bring; the buffer is shared by all sessions of a shard.
const READ_AT_ONCE: usize = 64 * 1024;

/// After so many bytes without a pause the other sessions of the shard have their turn. A device that floods has
/// always more to read.
const FAIR_SHARE: usize = 64 * 1024;

/// A session keeps at most so much of its own buffer while it is idle.
const KEPT_CAPACITY: usize = 1024;

/// Of Linux and the BSDs: the process, or the machine, has too many open files.
const EMFILE: i32 = 24;
const ENFILE: i32 = 23;

thread_local! {
    static READ_BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; READ_AT_ONCE].into());
}

/// Reads from `stream` into the buffer that all share, and gives `take` what came: nothing at the end of the stream.
pub(super) fn poll_read_shared<S: AsyncRead + Unpin, R>(
    stream: &mut S,
    cx: &mut Context<'_>,
    take: impl FnOnce(&mut [u8]) -> R,
) -> Poll<io::Result<R>> {
    READ_BUFFER.with_borrow_mut(|shared| {
        let mut read = ReadBuf::new(shared);
        Pin::new(stream)
            .poll_read(cx, &mut read)
            .map_ok(|()| take(read.filled_mut()))
    })
}

/// Gives the other sessions of the shard their turn, after [`FAIR_SHARE`] bytes without a pause.
#[derive(Debug, Default)]
pub(super) struct Fairness {
    without_pause: usize,
}

impl Fairness {
    /// Whether others are first. `cx` is woken when it is this session's turn again.
    pub(super) fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.without_pause >= FAIR_SHARE {
            self.without_pause = 0;
            // Not just to the end of the queue: others' sockets are looked at before this one goes on.
            return pin!(yield_now()).poll(cx);
        }
        Poll::Ready(())
    }

    /// So many bytes came; none means that there was a pause.
    pub(super) const fn count(&mut self, n: usize) {
        self.without_pause = if n == 0 { 0 } else { self.without_pause + n };
    }
}

/// Resolves `address` and connects, all within `deadline`.
///
/// # Errors
/// Why it did not come to a connection, in words.
pub(super) async fn connect(
    address: &str,
    port: u16,
    deadline: Duration,
) -> Result<TcpStream, Failure> {
    match timeout(
        deadline,
        resolve_and_connect(address, port, Instant::now() + deadline),
    )
    .await
    {
        Ok(result) => result,
        Err(_) => Err(Failure {
            reason: Reason::ConnectTimeout,
            message: format!(
                "no TCP connection to {address}:{port} within {} s",
                deadline.as_secs_f64()
            ),
            hint: Some(
                "is the device up, and does a firewall on the way let the agent through?".into(),
            ),
        }),
    }
}

async fn resolve_and_connect(
    address: &str,
    port: u16,
    deadline: Instant,
) -> Result<TcpStream, Failure> {
    let addresses: Vec<SocketAddr> = match tokio::net::lookup_host((address, port)).await {
        Ok(addresses) => addresses.collect(),
        Err(error) => return Err(unknown_host(address, &error.to_string())),
    };
    match dial(&addresses, deadline, TcpStream::connect).await {
        Ok(stream) => {
            tune(&stream);
            Ok(stream)
        }
        Err(Some((socket_address, error))) => Err(connect_failure(socket_address, &error)),
        Err(None) => Err(unknown_host(address, "the name has no address")),
    }
}

/// Neither setting is worth a session: a system without them still polls.
fn tune(stream: &TcpStream) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "nodelay was not set");
    }
    if let Err(error) = SockRef::from(stream).set_tcp_user_timeout(Some(USER_TIMEOUT)) {
        tracing::debug!(%error, "the user timeout was not set");
    }
}

fn unknown_host(address: &str, error: &str) -> Failure {
    Failure {
        reason: Reason::UnknownHost,
        message: format!("\"{address}\" does not resolve: {error}"),
        hint: Some("check `address`, and the name service of the agent's machine".into()),
    }
}

fn connect_failure(address: SocketAddr, error: &io::Error) -> Failure {
    let (reason, hint) = match error.kind() {
        io::ErrorKind::ConnectionRefused => (
            Reason::Refused,
            "is SSH enabled on the device, and is `port` right?",
        ),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => (
            Reason::Unreachable,
            "is there a route from the agent's machine to the device?",
        ),
        io::ErrorKind::PermissionDenied => (
            Reason::Unreachable,
            "a firewall on the agent's machine forbids it",
        ),
        io::ErrorKind::TimedOut => (
            Reason::ConnectTimeout,
            "is the device up, and does a firewall on the way let the agent through?",
        ),
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => (
            Reason::Refused,
            "the device took the connection and dropped it: has it free lines (VTYs)?",
        ),
        _ if matches!(error.raw_os_error(), Some(EMFILE | ENFILE)) => {
            (Reason::NoDescriptor, descriptors::HINT)
        }
        _ => (Reason::Other, "the agent's machine said no"),
    };
    Failure {
        reason,
        message: format!("cannot connect to {address}: {error}"),
        hint: Some(hint.into()),
    }
}

#[derive(Debug, Default)]
struct Killed {
    killed: bool,
    /// Who waits for the socket: always the one task that runs the session.
    waker: Option<Waker>,
}

/// Ends its [`Socket`] when dropped: no path leaves a connection open behind.
#[derive(Debug)]
pub(super) struct KillOnDrop(Arc<Mutex<Killed>>);

impl Drop for KillOnDrop {
    fn drop(&mut self) {
        let waker = {
            let mut killed = lock(&self.0);
            killed.killed = true;
            killed.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

fn lock(killed: &Mutex<Killed>) -> MutexGuard<'_, Killed> {
    killed.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The stream that russh is given.
pub(super) struct Socket<S> {
    stream: S,
    traffic: Arc<Traffic>,
    killed: Arc<Mutex<Killed>>,
    /// The first bytes that are written were sent already.
    said: usize,
    /// Read from the stream and not yet asked for.
    unread: Vec<u8>,
    taken: usize,
    fairness: Fairness,
}

impl<S> Socket<S> {
    /// Wraps `stream`; it lives no longer than the guard. What goes over it is counted in `traffic`.
    pub(super) fn new(stream: S, traffic: Arc<Traffic>) -> (Self, KillOnDrop) {
        Self::resume(stream, traffic, 0, Vec::new())
    }

    /// The same for a `stream` over which the first `said` bytes went already, whatever they are said to be, and that
    /// `unread` came from.
    pub(super) fn resume(
        stream: S,
        traffic: Arc<Traffic>,
        said: usize,
        unread: Vec<u8>,
    ) -> (Self, KillOnDrop) {
        let killed = Arc::new(Mutex::new(Killed::default()));
        let socket = Self {
            stream,
            traffic,
            killed: killed.clone(),
            said,
            unread,
            taken: 0,
            fairness: Fairness::default(),
        };
        (socket, KillOnDrop(killed))
    }

    /// Fails once the guard is gone, else sees to it that `cx` is woken then.
    fn check(&self, cx: &Context<'_>) -> io::Result<()> {
        let mut killed = lock(&self.killed);
        if killed.killed {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        match &killed.waker {
            Some(waker) if waker.will_wake(cx.waker()) => {}
            _ => killed.waker = Some(cx.waker().clone()),
        }
        Ok(())
    }

    fn take_unread(&mut self, buffer: &mut ReadBuf<'_>) {
        let n = buffer.remaining().min(self.unread.len() - self.taken);
        buffer.put_slice(&self.unread[self.taken..self.taken + n]);
        self.taken += n;
        if self.taken == self.unread.len() {
            self.taken = 0;
            self.unread.clear();
            self.unread.shrink_to(KEPT_CAPACITY);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Socket<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.check(cx)?;
        if this.unread.is_empty() {
            if this.fairness.poll_turn(cx).is_pending() {
                return Poll::Pending;
            }
            let result = poll_read_shared(&mut this.stream, cx, |read| {
                this.traffic.add_received(read.len());
                this.fairness.count(read.len());
                let (now, later) = read.split_at(buffer.remaining().min(read.len()));
                buffer.put_slice(now);
                this.unread.extend_from_slice(later);
            });
            if result.is_pending() {
                this.fairness.count(0);
            }
            return result;
        }
        this.take_unread(buffer);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        if self.said > 0 {
            let n = self.said.min(bytes.len());
            self.said -= n;
            return Poll::Ready(Ok(n));
        }
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(written)) = result {
            self.traffic.add_sent(written);
        }
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    async fn pair() -> (Socket<TcpStream>, KillOnDrop, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (socket, guard) = Socket::new(stream, Arc::default());
        (socket, guard, listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn small_reads_bring_everything_in_order() {
        let (mut socket, _guard, mut peer) = pair().await;
        let sent: Vec<u8> = (0..200_000_u32).flat_map(u32::to_be_bytes).collect();
        let expected = sent.clone();
        let writing = tokio::spawn(async move {
            peer.write_all(&sent).await.unwrap();
        });
        let mut received = vec![0; expected.len()];
        for piece in received.chunks_mut(777) {
            socket.read_exact(piece).await.unwrap();
        }
        writing.await.unwrap();
        assert!(received == expected);
        assert!(socket.unread.capacity() <= READ_AT_ONCE);
        assert_eq!(
            socket.read(&mut [0; 10]).await.unwrap(),
            0,
            "the end of the stream is seen"
        );
    }

    #[tokio::test]
    async fn a_dropped_guard_ends_a_read_that_waits() {
        let (mut socket, guard, mut peer) = pair().await;
        let reading = tokio::spawn(async move { socket.read(&mut [0; 10]).await });
        tokio::task::yield_now().await;
        drop(guard);
        let error = reading.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
        assert_eq!(
            peer.read(&mut [0; 10]).await.unwrap_or(0),
            0,
            "the peer sees the end"
        );
    }

    #[tokio::test]
    async fn a_small_packet_is_not_held_back_and_a_dead_path_is_given_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let stream = connect("127.0.0.1", port, Duration::from_secs(20))
            .await
            .unwrap();
        assert!(stream.nodelay().unwrap());
        let given_up = SockRef::from(&stream).tcp_user_timeout().unwrap();
        assert_eq!(given_up, Some(Duration::from_secs(10)));
    }

    #[tokio::test]
    async fn failures_to_connect_have_their_reasons() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let failure = connect("127.0.0.1", port, Duration::from_secs(5))
            .await
            .unwrap_err();
        assert_eq!(failure.reason, Reason::Refused);
        assert!(
            failure
                .hint
                .is_some_and(|hint| hint.contains("SSH enabled"))
        );
        let failure = connect("no-such-host.invalid", 22, Duration::from_secs(5))
            .await
            .unwrap_err();
        assert!(
            matches!(failure.reason, Reason::UnknownHost | Reason::ConnectTimeout),
            "{failure:?}"
        );
    }
}
