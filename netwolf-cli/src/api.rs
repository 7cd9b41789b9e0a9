//! A client of the manager's HTTP API: one GET a connection, with a deadline.

use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};

/// A manager on loopback answers in milliseconds; past this it is in trouble, and we say so.
const DEADLINE: Duration = Duration::from_secs(3);

/// Fetches `path` from the manager at `address` and reads the JSON of the answer.
///
/// # Errors
/// When the manager is not there, does not answer in time, or answers with anything but 200 and that JSON.
pub(crate) async fn get<T: serde::de::DeserializeOwned>(
    address: &str,
    path: &str,
) -> anyhow::Result<T> {
    let body = timeout(DEADLINE, fetch(address, path))
        .await
        .with_context(|| format!("no answer from http://{address}{path} in {DEADLINE:?}"))??;
    serde_json::from_slice(&body)
        .with_context(|| format!("unexpected answer from http://{address}{path}"))
}

async fn fetch(address: &str, path: &str) -> anyhow::Result<Bytes> {
    let stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("cannot connect to the manager at {address}"))?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(path)
        .header(header::HOST, address)
        .body(Empty::<Bytes>::new())?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        Ok::<_, hyper::Error>((status, response.into_body().collect().await?.to_bytes()))
    };
    tokio::pin!(connection);
    let (status, body) = tokio::select! {
        exchanged = exchange => exchanged?,
        closed = &mut connection => bail!("the manager closed the connection: {closed:?}"),
    };
    if status != StatusCode::OK {
        bail!("http://{address}{path} answered {status}");
    }
    Ok(body)
}
