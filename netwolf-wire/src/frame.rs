//! Messages over a byte stream: a length of four bytes, big endian, then one message.
//!
//! ```text
//!   +-----------+--------------------------------------+
//!   | length u32| {"heartbeat":{...}}  or  zstd frame  |
//!   +-----------+--------------------------------------+
//! ```
//!
//! The payload tells which of the two it is by its first bytes: JSON begins with `{`, zstd with its magic
//! number. Small messages go as JSON, readable on the wire; from [`COMPRESS_FROM`] bytes they are compressed.
//!
//! Invariants: no frame exceeds [`MAX_FRAME`] and no message [`MAX_MESSAGE`]; a message longer than a frame may be is at
//! most [`MAX_RATIO`] times as long as its own; all are checked from the declared sizes, before anything is allocated. "Not there yet" is not an error; the end of the
//! stream inside a frame is one.

use std::{io, marker::PhantomData};

use futures_util::{SinkExt, StreamExt, TryStreamExt};
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_util::codec::{FramedRead, FramedWrite};

use self::{codec::Codec, format::JsonZstd};

mod codec;
mod format;

/// The longest frame, in bytes. A shard that reattaches with 20,000 leases needs about a tenth of it.
pub const MAX_FRAME: usize = 4 << 20;

/// The longest message once inflated, in bytes.
pub const MAX_MESSAGE: usize = 16 << 20;

/// The longest message, and its frame, of somebody who has not shown who it is: a request for a certificate needs a
/// thirtieth of it.
pub const MAX_STRANGE: usize = 64 << 10;

/// How many times longer than its frame a message may be that is longer than [`MAX_FRAME`]: what costs the reader more
/// than a frame of plain text must cost the sender something as well. Lists of devices and samples shrink much less.
pub const MAX_RATIO: usize = 256;

/// Messages of at least so many bytes are compressed: below that a zstd frame gains little and hides the text.
pub const COMPRESS_FROM: usize = 1024;

/// Why a frame could not be read or written. The link cannot go on after any of them.
#[derive(Debug, Error)]
pub enum FrameError {
    /// The stream failed, or ended inside a frame.
    #[error("the link broke")]
    Io(#[source] io::Error),
    /// The declared length of the frame is over [`MAX_FRAME`], or a stranger's over [`MAX_STRANGE`].
    #[error(
        "a frame of more than {MAX_FRAME} bytes, or a stranger's of more than {MAX_STRANGE}, was announced or was to be sent"
    )]
    FrameTooLong,
    /// The declared size of the inflated message is over [`MAX_MESSAGE`], [`MAX_STRANGE`] or [`MAX_RATIO`], or none is
    /// declared.
    #[error(
        "a message of more than {MAX_MESSAGE} bytes, a stranger's of more than {MAX_STRANGE}, too long for its frame, or of no declared size"
    )]
    MessageTooLong,
    /// The payload is not a zstd frame although it begins like one.
    #[error("a compressed message could not be inflated")]
    Inflate(#[source] io::Error),
    /// The payload is not a message.
    #[error("a message could not be read")]
    Decode(#[source] serde_json::Error),
    /// A message could not be written as JSON.
    #[error("a message could not be written")]
    Encode(#[source] serde_json::Error),
}

impl FrameError {
    /// Whether the bytes were wrong, rather than the stream broken.
    pub const fn is_malformed(&self) -> bool {
        !matches!(self, Self::Io(_))
    }

    fn from_io(error: io::Error) -> Self {
        // So the codec says "too long", reading and writing; "ended inside a frame" is another kind.
        if matches!(
            error.kind(),
            io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput
        ) {
            Self::FrameTooLong
        } else {
            Self::Io(error)
        }
    }
}

type Bytes<R> = futures_util::stream::MapErr<FramedRead<R, Codec>, fn(io::Error) -> FrameError>;

/// The reading half of a link; `M` is what the other side says.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use netwolf_wire::{frame::{FrameReader, FrameWriter}, message::{Renew, ToAgent}};
///
/// let (here, there) = tokio::io::duplex(64);
/// FrameWriter::new(here).send(&ToAgent::from(Renew { beat: 7 })).await?;
/// let message = FrameReader::<_, ToAgent>::new(there).next().await?;
/// assert_eq!(message, Some(ToAgent::Renew(Renew { beat: 7 })));
/// # Ok::<_, netwolf_wire::frame::FrameError>(()) }).unwrap();
/// ```
pub struct FrameReader<R, M> {
    inner: tokio_serde::Framed<Bytes<R>, M, (), JsonZstd>,
}

impl<R: AsyncRead + Unpin, M: DeserializeOwned + Unpin> FrameReader<R, M> {
    /// Reads messages from `stream`.
    pub fn new(stream: R) -> Self {
        Self::bounded(stream, MAX_FRAME, MAX_MESSAGE)
    }

    /// Reads messages from somebody who has not shown who it is: none has more than [`MAX_STRANGE`] bytes.
    pub fn of_stranger(stream: R) -> Self {
        Self::bounded(stream, MAX_STRANGE, MAX_STRANGE)
    }

    fn bounded(stream: R, frame: usize, message: usize) -> Self {
        let bytes =
            FramedRead::new(stream, Codec::new(frame)).map_err(FrameError::from_io as fn(_) -> _);
        Self {
            inner: tokio_serde::Framed::new(bytes, JsonZstd::inflating(message)),
        }
    }

    /// The next message; `None` once the other side has closed the stream between two frames.
    /// It may be dropped and called again without losing bytes.
    ///
    /// # Errors
    /// [`FrameError`]; the reader is of no use after one.
    pub async fn next(&mut self) -> Result<Option<M>, FrameError> {
        self.inner.next().await.transpose()
    }
}

/// The writing half of a link.
pub struct FrameWriter<W, M> {
    bytes: FramedWrite<W, Codec>,
    format: JsonZstd,
    message: PhantomData<fn(M)>,
}

impl<W: AsyncWrite + Unpin, M: Serialize> FrameWriter<W, M> {
    /// Writes messages to `stream`.
    pub fn new(stream: W) -> Self {
        Self {
            bytes: FramedWrite::new(stream, Codec::new(MAX_FRAME)),
            format: JsonZstd::inflating(MAX_MESSAGE),
            message: PhantomData,
        }
    }

    /// Puts `message` behind those that wait; they are written when the buffer is full or on [`Self::flush`].
    ///
    /// # Errors
    /// [`FrameError`], also when the message is too long. Nothing of it is sent then.
    pub async fn feed(&mut self, message: &M) -> Result<(), FrameError> {
        let bytes =
            tokio_serde::Serializer::serialize(std::pin::Pin::new(&mut self.format), message)?;
        self.bytes.feed(bytes).await.map_err(FrameError::from_io)
    }

    /// Waits until everything is handed to the operating system.
    ///
    /// # Errors
    /// [`FrameError::Io`] when the stream fails.
    pub async fn flush(&mut self) -> Result<(), FrameError> {
        SinkExt::<bytes::Bytes>::flush(&mut self.bytes)
            .await
            .map_err(FrameError::from_io)
    }

    /// Writes one message and flushes.
    ///
    /// # Errors
    /// As [`Self::feed`] and [`Self::flush`].
    pub async fn send(&mut self, message: &M) -> Result<(), FrameError> {
        self.feed(message).await?;
        self.flush().await
    }

    /// Writes what waits and tells the other side that nothing more comes.
    ///
    /// # Errors
    /// [`FrameError::Io`] when the stream fails.
    pub async fn close(mut self) -> Result<(), FrameError> {
        self.flush().await?;
        let stream = self.bytes.get_mut();
        stream.shutdown().await.map_err(FrameError::Io)
    }
}

#[cfg(test)]
mod tests;
