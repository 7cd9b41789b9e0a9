//! A link's bytes, plain or encrypted, as two halves that two tasks hold.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf, ReadHalf, WriteHalf},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};
use tokio_rustls::TlsStream;

/// A connection between an agent and its manager.
#[derive(Debug)]
pub enum Stream {
    /// As it is.
    Plain(TcpStream),
    /// Encrypted, the other side known by its certificate where it has one.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// The two halves. Encrypted ones share one state behind a lock that is held for a record at a time.
    pub fn into_split(self) -> (Reading, Writing) {
        match self {
            Self::Plain(stream) => {
                let (read, write) = stream.into_split();
                (Reading(Read::Plain(read)), Writing(Write::Plain(write)))
            }
            Self::Tls(stream) => {
                let (read, write) = tokio::io::split(*stream);
                (Reading(Read::Tls(read)), Writing(Write::Tls(write)))
            }
        }
    }
}

/// The half that is read.
#[derive(Debug)]
pub struct Reading(Read);

/// The half that is written.
#[derive(Debug)]
pub struct Writing(Write);

#[derive(Debug)]
enum Read {
    Plain(OwnedReadHalf),
    Tls(ReadHalf<TlsStream<TcpStream>>),
}

#[derive(Debug)]
enum Write {
    Plain(OwnedWriteHalf),
    Tls(WriteHalf<TlsStream<TcpStream>>),
}

impl AsyncRead for Reading {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Read::Plain(half) => Pin::new(half).poll_read(cx, buffer),
            Read::Tls(half) => Pin::new(half).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Writing {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.get_mut().0 {
            Write::Plain(half) => Pin::new(half).poll_write(cx, bytes),
            Write::Tls(half) => Pin::new(half).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Write::Plain(half) => Pin::new(half).poll_flush(cx),
            Write::Tls(half) => Pin::new(half).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().0 {
            Write::Plain(half) => Pin::new(half).poll_shutdown(cx),
            Write::Tls(half) => Pin::new(half).poll_shutdown(cx),
        }
    }
}
