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
//! It runs beside the shards, in a thread that has little else to do. Bounds: [`MAX_CONNECTIONS`] at a time, and those
//! of [`netwolf_web::server`].

use std::{convert::Infallible, net::SocketAddr, sync::Arc};

use http_body_util::Full;
use hyper::{
    Response,
    body::Bytes,
    header::{ACCEPT, ALLOW, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, VARY},
    http::{Method, StatusCode},
    service::service_fn,
};
use netwolf_exposition::accept;
use netwolf_web::{
    gate::Gate,
    listen::{ListenError, listen},
    server::{Asked, Server},
};
use netwolf_wire::AgentName;
use tokio::net::TcpListener;

use crate::links::Links;

mod metrics;
mod trust;

pub use trust::Trust;

/// Connections at a time: a few Prometheus servers and people.
pub const MAX_CONNECTIONS: usize = 32;

/// The flag of its address, as errors name it.
const FLAG: &str = "--web.listen-address";

/// The page before it is served.
#[derive(Debug)]
pub struct Web {
    listener: TcpListener,
    address: SocketAddr,
    gate: Arc<Gate>,
}

impl Web {
    /// Listens on the first address of `text` that can be had, for those whom `gate` lets through; `:PORT` is that port
    /// on all interfaces. Nothing there changes anything or tells a secret, so it may be anywhere.
    ///
    /// # Errors
    /// [`ListenError`], which names a way out.
    pub async fn listen(text: &str, gate: Gate) -> Result<Self, ListenError> {
        let (listener, address) = listen(text, FLAG).await?;
        Ok(Self {
            listener,
            address,
            gate: Arc::new(gate),
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until it is dropped; connections that stand end with the event loop.
    pub async fn serve(self, agent: AgentName, links: Links, trust: Trust) {
        let page = Arc::new(Page {
            metrics: metrics::Metrics::new(&links, &self.gate.refusals, trust),
            agent,
            links,
        });
        let pages = service_fn(move |request: Asked| {
            let answer = page.answer(request.method(), request.uri().path(), request.headers());
            std::future::ready(Ok::<_, Infallible>(answer))
        });
        let server = Server::new(self.listener, self.gate.clone(), MAX_CONNECTIONS);
        tokio::select! {
            () = server.serve(pages, std::future::pending()) => {}
            () = self.gate.follow() => {}
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
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
    };

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
        let web = Web::listen("127.0.0.1:0", Gate::new(None).unwrap())
            .await
            .unwrap();
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
}
