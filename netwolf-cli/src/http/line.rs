//! One kept connection to a server: questions one after the other, or one answer that goes on and on.

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Method, Request, StatusCode,
    body::Incoming,
    client::conn::http1::{SendRequest, handshake},
    header,
    header::HeaderValue,
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    task::JoinHandle,
    time::timeout,
};
use zeroize::Zeroizing;

use super::{Access, Address, Peer};

/// A list of 50,000 devices has some 30 MB.
const MAX_BODY: usize = 256 << 20;

/// A connection; closed when it is dropped.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<hyper::Result<()>>,
    address: &'a Address,
    peer: &'a Peer,
    access: &'a Access,
}

impl Drop for Line<'_> {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl<'a> Line<'a> {
    /// Begins to speak over `stream`.
    pub(super) async fn over<S>(
        stream: S,
        address: &'a Address,
        peer: &'a Peer,
        access: &'a Access,
    ) -> anyhow::Result<Self>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        Ok(Self {
            sender,
            // What ends it is told by the request that it breaks.
            driver: tokio::spawn(connection),
            address,
            peer,
            access,
        })
    }

    /// Whether another question can be asked over it.
    pub(crate) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Asks for `path` and reads all that comes, whatever its status.
    ///
    /// # Errors
    /// When the connection breaks, or the answer is not whole in time.
    pub(crate) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let (url, deadline) = (self.address.url(path), self.peer.deadline);
        let exchange = async {
            let answer = self.send(method, path, body, "application/json").await?;
            whole(answer).await
        };
        timeout(deadline, exchange)
            .await
            .with_context(|| format!("no answer from {url} within {} s", deadline.as_secs()))?
    }

    /// Asks for `path` as a stream of events; its head has come by the deadline, and its body has none.
    ///
    /// # Errors
    /// When the connection breaks, or no answer begins in time.
    pub(crate) async fn open(&mut self, path: &str) -> anyhow::Result<hyper::Response<Incoming>> {
        let (url, deadline) = (self.address.url(path), self.peer.deadline);
        let asking = self.send(
            Method::GET,
            path,
            None,
            "text/event-stream, application/json",
        );
        timeout(deadline, asking)
            .await
            .with_context(|| format!("no answer from {url} within {} s", deadline.as_secs()))?
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
        accept: &'static str,
    ) -> anyhow::Result<hyper::Response<Incoming>> {
        let Address {
            authority, prefix, ..
        } = self.address;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{prefix}{path}"))
            .header(header::HOST, authority)
            .header(header::ACCEPT, accept);
        if let Some(token) = &self.access.token {
            let value = Zeroizing::new(format!("Bearer {}", **token));
            let mut value = HeaderValue::from_str(&value)
                .context("the token has characters that no token has")?;
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let request = request.body(Full::new(body.unwrap_or_default()))?;
        let ready = self.sender.ready().await;
        let sent = match ready {
            Ok(()) => self.sender.send_request(request).await,
            Err(error) => Err(error),
        };
        match sent {
            Ok(answer) => Ok(answer),
            Err(error) => bail!("{} closed the connection: {error}", self.peer.name),
        }
    }
}

/// A body to its end.
pub(crate) async fn whole(
    answer: hyper::Response<Incoming>,
) -> anyhow::Result<(StatusCode, Bytes)> {
    let status = answer.status();
    let body = Limited::new(answer.into_body(), MAX_BODY).collect().await;
    let body = body.map_err(|error| anyhow::anyhow!("the answer broke off: {error}"))?;
    Ok((status, body.to_bytes()))
}
