//! The agent's own page: the process, and whether its shards are linked. What agents know of devices and polls is on
//! the page of their manager.
//!
//! | Path | |
//! |---|---|
//! | `/metrics` | text 0.0.4, or OpenMetrics where asked for |
//! | `/-/healthy` | 200 as soon as the program runs |
//! | `/-/ready` | 200 while a shard is linked, else 503 |
//! | `/` | names the others |
//!
//! It runs beside the shards, in a thread that has little else to do. Bounds: [`MAX_CONNECTIONS`] at a time, headers
//! within [`HEADER_DEADLINE`], and a peer that takes nothing is cut off.

use std::{
    convert::Infallible,
    io,
    net::{SocketAddr, ToSocketAddrs},
    sync::Arc,
    time::Duration,
};

use http_body_util::Full;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, VARY},
    http::{Method, StatusCode},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use netwolf_exposition::accept;
use netwolf_wire::AgentName;
use socket2::SockRef;
use thiserror::Error;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

use crate::links::Links;

mod metrics;
mod trust;

pub use trust::Trust;

/// Connections at a time: a few Prometheus servers and people.
pub const MAX_CONNECTIONS: usize = 32;

/// From the start of a connection, or the end of a request, to the end of the next request's headers. Longer than a
/// usual scrape interval, so that scrapers can keep their connections.
pub const HEADER_DEADLINE: Duration = Duration::from_secs(75);

/// A request's line and headers.
const HEADER_BYTES: usize = 16 << 10;

/// What was sent must be acknowledged by then.
const USER_TIMEOUT: Duration = Duration::from_secs(10);

/// After a failure to accept, such as no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why there is no page.
#[derive(Debug, Error)]
pub enum WebError {
    /// It is no address, or its name does not resolve.
    #[error(
        "{address:?} given with `--web.listen-address` is not an address to listen on\n  hint: write it as HOST:PORT, such as `127.0.0.1:9797`, or as `:9797` for all interfaces"
    )]
    Address {
        /// As it was written.
        address: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It is taken, or not ours.
    #[error(
        "cannot listen on {address} given with `--web.listen-address`\n  hint: is another program listening there?"
    )]
    Bind {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The page before it is served.
#[derive(Debug)]
pub struct Web {
    listener: TcpListener,
    address: SocketAddr,
}

impl Web {
    /// Listens on the first address of `text` that can be had; `:PORT` is that port on all interfaces. Nothing there
    /// changes anything or tells a secret, so it may be anywhere.
    ///
    /// # Errors
    /// [`WebError`], which names a way out.
    pub async fn listen(text: &str) -> Result<Self, WebError> {
        let full = if text.starts_with(':') {
            format!("0.0.0.0{text}")
        } else {
            text.to_owned()
        };
        let no_address = |source| WebError::Address {
            address: text.to_owned(),
            source,
        };
        let addresses = full.to_socket_addrs().map_err(no_address)?;
        let mut failure = no_address(io::ErrorKind::AddrNotAvailable.into());
        for address in addresses {
            let bound = TcpListener::bind(address).await;
            match bound.and_then(|listener| Ok((listener.local_addr()?, listener))) {
                Ok((address, listener)) => return Ok(Self { listener, address }),
                Err(source) => failure = WebError::Bind { address, source },
            }
        }
        Err(failure)
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until it is dropped; connections that stand end with the event loop.
    pub async fn serve(self, agent: AgentName, links: Links, trust: Trust) {
        let page = Arc::new(Page {
            metrics: metrics::Metrics::new(&links, trust),
            agent,
            links,
        });
        let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            // Beyond the cap connections wait in the operating system's queue.
            let Ok(permit) = permits.clone().acquire_owned().await else {
                return;
            };
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let page = page.clone();
                    tokio::spawn(async move {
                        page.connection(stream).await;
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a web connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

/// What requests are answered from.
#[derive(Debug)]
struct Page {
    agent: AgentName,
    links: Links,
    metrics: metrics::Metrics,
}

impl Page {
    async fn connection(self: Arc<Self>, stream: TcpStream) {
        let set = stream
            .set_nodelay(true)
            .and_then(|()| SockRef::from(&stream).set_tcp_user_timeout(Some(USER_TIMEOUT)));
        if let Err(error) = set {
            tracing::debug!(%error, "cannot set socket options");
        }
        let service = service_fn(move |request: Request<Incoming>| {
            let answer = self.answer(request.method(), request.uri().path(), request.headers());
            std::future::ready(Ok::<_, Infallible>(answer))
        });
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_DEADLINE)
            .max_buf_size(HEADER_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        if let Err(error) = served.await {
            tracing::debug!(%error, "web connection ended");
        }
    }

    fn answer(&self, method: &Method, path: &str, headers: &HeaderMap) -> Answer {
        if ![Method::GET, Method::HEAD].contains(method) {
            let answer = plain(StatusCode::METHOD_NOT_ALLOWED, "405: use GET\n");
            return with(answer, &[(ALLOW, "GET, HEAD")]);
        }
        match path {
            "/metrics" => self.metrics(headers),
            "/-/healthy" => plain(StatusCode::OK, "NetWolf agent is healthy.\n"),
            "/-/ready" if self.links.iter().any(|is_up| is_up) => plain(StatusCode::OK, "ready\n"),
            "/-/ready" => plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "not ready: no shard is linked to a manager\n",
            ),
            "/" => {
                // A name has no letters that mean something in HTML.
                let html = format!("{HEAD}<p>Agent {}.</p>{PATHS}", self.agent);
                with(
                    plain(StatusCode::OK, html),
                    &[(CONTENT_TYPE, "text/html; charset=utf-8")],
                )
            }
            _ => plain(
                StatusCode::NOT_FOUND,
                "404: there are /metrics, /-/healthy and /-/ready\n",
            ),
        }
    }

    fn metrics(&self, headers: &HeaderMap) -> Answer {
        // Several headers of one name mean the same as one with commas.
        let accepted = headers.get_all(ACCEPT).iter();
        let accepted: Vec<_> = accepted.filter_map(|value| value.to_str().ok()).collect();
        let format = accept::format(Some(&accepted.join(",")));
        let answer = plain(StatusCode::OK, self.metrics.page(format));
        with(
            answer,
            &[(CONTENT_TYPE, format.content_type()), (VARY, "Accept")],
        )
    }
}

type Answer = Response<Full<Bytes>>;

const HEAD: &str = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>NetWolf agent</title>\
<style>body{font-family:sans-serif;max-width:50em;margin:2em auto}</style></head><body><h1>NetWolf agent</h1>";

const PATHS: &str = "<ul><li><a href=\"/metrics\">/metrics</a>: metrics of the process and of its links</li>\
<li><a href=\"/-/healthy\">/-/healthy</a>: whether the program runs</li>\
<li><a href=\"/-/ready\">/-/ready</a>: whether a shard is linked to a manager</li></ul>\
<p>What it polls is on the page of its manager.</p></body></html>\n";

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(text.into()));
    *answer.status_mut() = status;
    with(answer, &[(CONTENT_TYPE, "text/plain; charset=utf-8")])
}

fn with(mut answer: Answer, headers: &[(HeaderName, &'static str)]) -> Answer {
    for (name, value) in headers {
        let value = HeaderValue::from_static(value);
        answer.headers_mut().insert(name, value);
    }
    answer
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("{request}Host: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn the_page_tells_of_the_links() {
        let web = Web::listen("127.0.0.1:0").await.unwrap();
        let (address, links) = (web.address(), Links::new(2));
        let serving =
            tokio::spawn(web.serve("a1".parse().unwrap(), links.clone(), Trust::default()));
        let get = async |path: &str| ask(address, &format!("GET {path} HTTP/1.1\r\n")).await;
        assert!(get("/-/healthy").await.starts_with("HTTP/1.1 200"));
        assert!(get("/-/ready").await.starts_with("HTTP/1.1 503"));
        links.set(1, true);
        assert!(get("/-/ready").await.starts_with("HTTP/1.1 200"));
        let page = get("/metrics").await;
        assert!(page.contains("text/plain; version=0.0.4"), "{page}");
        assert!(
            page.contains("\nnetwolf_agent_link_up{shard=\"1\"} 1\n"),
            "{page}"
        );
        let accept = "GET /metrics HTTP/1.1\r\nAccept: text/plain;q=0.5\r\nAccept: application/openmetrics-text\r\n";
        assert!(ask(address, accept).await.ends_with("# EOF\n"));
        assert!(get("/").await.contains("<p>Agent a1.</p>"));
        assert!(get("/nothing").await.starts_with("HTTP/1.1 404"));
        let posted = ask(address, "POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n").await;
        assert!(
            posted.starts_with("HTTP/1.1 405") && posted.contains("allow: GET, HEAD"),
            "{posted}"
        );
        serving.abort();
    }

    #[tokio::test]
    async fn errors_name_the_address_and_the_flag() {
        let taken = Web::listen("127.0.0.1:0").await.unwrap();
        let address = taken.address().to_string();
        let error = Web::listen(&address).await.unwrap_err().to_string();
        assert!(
            error.contains(&address) && error.contains("--web.listen-address"),
            "{error}"
        );
        let error = Web::listen("9797").await.unwrap_err();
        assert!(matches!(error, WebError::Address { .. }), "{error}");
        assert!(
            Web::listen(":0")
                .await
                .unwrap()
                .address()
                .ip()
                .is_unspecified()
        );
    }
}
