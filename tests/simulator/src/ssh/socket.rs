//! A TCP stream that two may hold: russh, which reads and writes it, and the device's table of
//! lines, which may cut it. Between russh and the socket stands the device's gate.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::device::{Device, Passage};

/// A share of a socket for one reader and writer.
#[derive(Debug)]
pub(super) struct SharedStream {
    socket: Arc<TcpStream>,
    device: Arc<Device>,
    /// Bytes written so far.
    written: Arc<AtomicU64>,
    /// How often the device's connections had been cut before this one was made.
    cuts: u64,
}

impl SharedStream {
    /// `written` is kept up to date with the number of bytes that the kernel took.
    pub(super) fn new(
        socket: &Arc<TcpStream>,
        device: &Arc<Device>,
        written: &Arc<AtomicU64>,
    ) -> Self {
        Self {
            socket: Arc::clone(socket),
            device: Arc::clone(device),
            written: Arc::clone(written),
            cuts: device.lines.cuts(),
        }
    }

    /// Whether a gate that is not open is still shut after whoever waits was told to be woken.
    fn is_shut(&self, context: &Context<'_>) -> bool {
        if self.device.gate.passage() == Passage::Open {
            return false;
        }
        self.device.gate.wait(context.waker());
        self.device.gate.passage() != Passage::Open && self.device.lines.cuts() == self.cuts
    }
}

/// Repeats `attempt` until it does something other than find the socket not ready after all.
fn retry<T>(
    mut ready: impl FnMut() -> Poll<io::Result<()>>,
    mut attempt: impl FnMut() -> io::Result<T>,
) -> Poll<io::Result<T>> {
    loop {
        ready!(ready())?;
        match attempt() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            done => return Poll::Ready(done),
        }
    }
}

impl AsyncRead for SharedStream {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let socket = &self.socket;
        loop {
            if self.device.gate.passage() == Passage::Deaf && self.is_shut(context) {
                return Poll::Pending;
            }
            let read = retry(
                || socket.poll_read_ready(context),
                || socket.try_read(buffer.initialize_unfilled()),
            );
            let count = ready!(read)?;
            // What came meanwhile is gone, but the end of the stream is not.
            if count > 0 && self.device.gate.passage() == Passage::HalfOpen {
                continue;
            }
            buffer.advance(count);
            return Poll::Ready(Ok(()));
        }
    }
}

impl AsyncWrite for SharedStream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.device.gate.passage() == Passage::HalfOpen {
            return Poll::Ready(Ok(bytes.len()));
        }
        let socket = &self.socket;
        let count = ready!(retry(
            || socket.poll_write_ready(context),
            || socket.try_write(bytes),
        ))?;
        let more = u64::try_from(count).unwrap_or(u64::MAX);
        self.written.fetch_add(more, Ordering::Relaxed);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The kernel sends by itself.
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(socket2::SockRef::from(&*self.socket).shutdown(std::net::Shutdown::Write))
    }
}
