//! A connection whose peer must take what is written to it within a time, or is cut off.
//!
//! The kernel cuts off who takes nothing at all ([`crate::listen::prepare`]); here it is who takes so little that an
//! answer would never end, and a place and a piece of the page be held for ever. The server flushes at least once
//! for each chunk of an answer, so that the bound is a least pace and not one on the length of a page.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// A stream with a bound on how long a write waits for its peer.
#[derive(Debug)]
pub(super) struct Patient<S> {
    stream: S,
    patience: Duration,
    /// Runs from the first write that had to wait until all is with the operating system.
    deadline: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(super) const fn new(stream: S, patience: Duration) -> Self {
        Self {
            stream,
            patience,
            deadline: None,
        }
    }

    /// Ends a write that has waited for too long.
    fn judge<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            return written;
        }
        let deadline = self
            .deadline
            .get_or_insert_with(|| Box::pin(sleep(self.patience)));
        match deadline.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.judge(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.judge(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_ready() {
            self.deadline = None;
        }
        self.judge(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const PAGE: &[u8] = &[b'x'; 1000];

    #[tokio::test]
    async fn who_takes_too_little_is_cut_off() {
        let (ours, mut theirs) = duplex(100);
        let mut ours = Patient::new(ours, Duration::from_millis(100));
        let taking = async {
            let mut some = [0; 50];
            theirs.read_exact(&mut some).await.unwrap();
            // Held, so that it is no end of the connection that ends the write.
            theirs
        };
        let (written, _theirs) = tokio::join!(ours.write_all(PAGE), taking);
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn who_takes_it_all_is_not_counted_by_what_was_before() {
        let (ours, mut theirs) = duplex(100);
        let mut ours = Patient::new(ours, Duration::from_hours(1));
        for _ in 0..2 {
            let sending = async {
                ours.write_all(PAGE).await?;
                ours.flush().await
            };
            let mut page = [0; PAGE.len()];
            let (sent, taken) = tokio::join!(sending, theirs.read_exact(&mut page));
            assert!(sent.is_ok() && taken.is_ok());
            assert!(
                ours.deadline.is_none(),
                "the next answer has a time of its own"
            );
        }
    }
}
