//! Connections to receivers: plain for `http`, TLS for `https`.
//!
//! Files and the system's authorities are read for each connection, so that a renewed certificate is taken without a
//! reload; connections are few and stay.

use std::{
    error::Error,
    io,
    pin::Pin,
    task::{Context, Poll},
};

use hyper::{
    Uri,
    rt::{Read, ReadBufCursor, Write},
};
use hyper_util::{
    client::legacy::connect::{Connected, Connection, HttpConnector},
    rt::TokioIo,
};
use netwolf_web::client::Trust;
use rustls_pki_types::ServerName;
use tokio::{net::TcpStream, task::spawn_blocking};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::either::Either;
use tower_service::Service;

type BoxError = Box<dyn Error + Send + Sync>;

/// Whom a receiver's certificate has to convince, and by which name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// Authorities and an identity of our own.
    pub trust: Trust,
    /// The name in the receiver's certificate, where it is not the host of the URL.
    pub server_name: Option<String>,
}

/// Makes connections.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    plain: HttpConnector,
    tls: Tls,
}

impl Connector {
    pub(super) fn new(mut plain: HttpConnector, tls: Tls) -> Self {
        plain.enforce_http(false);
        Self { plain, tls }
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.plain.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let tls = (uri.scheme_str() == Some("https")).then(|| self.tls.clone());
        let host = uri.host().unwrap_or_default().to_owned();
        let connecting = self.plain.call(uri);
        Box::pin(async move {
            let stream = connecting.await?.into_inner();
            let stream = match tls {
                None => Either::Left(stream),
                Some(tls) => Either::Right(encrypted(stream, tls, host).await?),
            };
            Ok(Stream(TokioIo::new(stream)))
        })
    }
}

async fn encrypted(
    stream: TcpStream,
    tls: Tls,
    host: String,
) -> Result<TlsStream<TcpStream>, BoxError> {
    let Tls { trust, server_name } = tls;
    let name = server_name.unwrap_or(host);
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    let server = ServerName::try_from(bare.to_owned())?;
    let config = spawn_blocking(move || trust.load()).await??;
    Ok(TlsConnector::from(config).connect(server, stream).await?)
}

/// A connection of either kind.
#[derive(Debug)]
pub(super) struct Stream(TokioIo<Either<TcpStream, TlsStream<TcpStream>>>);

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, bytes)
    }
}
