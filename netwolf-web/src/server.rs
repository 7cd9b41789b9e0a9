//! Serves HTTP/1.1, plain or over TLS, within bounds: so many connections at a time and half of them for one address,
//! handshakes within [`HANDSHAKE_DEADLINE`] and at a bounded pace, headers of [`HEADER_BYTES`], the first of a
//! connection within [`FIRST_HEADER_DEADLINE`] and the next within [`HEADER_DEADLINE`], a peer that takes nothing is
//! cut off (see [`crate::listen::prepare`]), one that takes too little after [`WRITE_DEADLINE`], and after the stop
//! requests in flight have [`DRAIN`] to end.
//!
//! A handshake is made in the task of its connection, so that nobody waits for it at the door.

use std::{
    error::Error,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use http_body_util::Limited;
use hyper::{
    Request, Response,
    body::{Body, Incoming},
    server::conn::http1,
    service::Service,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use self::{crowd::Crowd, guarded::Guarded, patient::Patient};
use crate::{
    bucket::{Buckets, Rate},
    gate::Gate,
    listen,
    refusals::Reason,
};

mod crowd;
mod guarded;
mod patient;

/// From the start of a connection to the end of the first request's headers. Whoever connects has something to
/// ask; connections that nobody uses must not keep others out for long.
pub const FIRST_HEADER_DEADLINE: Duration = Duration::from_secs(10);

/// From the end of a request to the end of the next request's headers. Longer than a usual scrape interval, so that
/// scrapers can keep their connections.
pub const HEADER_DEADLINE: Duration = Duration::from_secs(75);

/// A request's line and headers.
pub const HEADER_BYTES: usize = 16 << 10;

/// Each piece of an answer, half a megabyte at most, has to be with the operating system by then: who is slower would
/// wait for a large page longer than any scrape may take.
pub const WRITE_DEADLINE: Duration = Duration::from_secs(30);

/// From the end of a request's headers to the beginning of the answer, the body's coming included: agents are waited
/// for 10 s, and a body that takes longer never ends.
pub const ANSWER_DEADLINE: Duration = Duration::from_mins(1);

/// Requests in flight have so long to end; the program is to be gone within a second.
pub const DRAIN: Duration = Duration::from_millis(500);

/// After a failure to accept, such as no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A TLS handshake is over by then.
pub const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(5);

/// Handshakes from one address: each costs a millisecond of a core, and whoever has much to ask keeps a connection.
pub const HANDSHAKES: Rate = Rate {
    burst: 128,
    interval: Duration::from_millis(20),
};

/// The first byte of a TLS connection: a record of a handshake.
const TLS_HANDSHAKE: u8 = 0x16;

/// What people see who forget the `s` of `https`.
const SPEAK_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n\
Connection: close\r\n\r\nthis port speaks https, and this was a request by http\n";

/// Runs a connection to its end, or until the first request should have come and has not.
async fn unless_idle<E>(
    connection: impl Future<Output = Result<(), E>>,
    asked: &AtomicBool,
    first_header: Duration,
) -> Result<(), E> {
    let mut connection = pin!(connection);
    match timeout(first_header, &mut connection).await {
        Ok(ended) => ended,
        Err(_) if asked.load(Relaxed) => connection.await,
        Err(_) => {
            debug!("web connection closed: no request came");
            Ok(())
        }
    }
}

/// A request with a body of bounded length.
pub type Asked = Request<Limited<Incoming>>;

/// What is answered to requests, from anything that can serve them.
pub trait Pages: Service<Asked, Response = Response<Self::Content>> {
    /// Bodies of answers.
    type Content: Body<Data = bytes::Bytes, Error: Into<Box<dyn Error + Send + Sync>>>
        + Send
        + 'static;
}

impl<S, B> Pages for S
where
    S: Service<Asked, Response = Response<B>>,
    B: Body<Data = bytes::Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    type Content = B;
}

/// A port before it is served.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    gate: Arc<Gate>,
    n_connections: usize,
    deadlines: Deadlines,
}

/// How long connections are waited for.
#[derive(Clone, Copy, Debug)]
struct Deadlines {
    handshake: Duration,
    first_header: Duration,
    write: Duration,
}

impl Deadlines {
    const USUAL: Self = Self {
        handshake: HANDSHAKE_DEADLINE,
        first_header: FIRST_HEADER_DEADLINE,
        write: WRITE_DEADLINE,
    };
}

impl Server {
    /// Serves those whom `gate` lets through, `n_connections` at a time; beyond them they wait in the operating
    /// system's queue.
    pub const fn new(listener: TcpListener, gate: Arc<Gate>, n_connections: usize) -> Self {
        Self {
            listener,
            gate,
            n_connections,
            deadlines: Deadlines::USUAL,
        }
    }

    /// Serves until `stop`, and then to the end of the requests in flight; or until it is dropped.
    pub async fn serve<P>(self, pages: P, stop: impl Future<Output = ()>)
    where
        P: Pages + Clone + Send + Sync + 'static,
        P::Future: Send,
        P::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let mut stop = pin!(stop);
        let permits = Arc::new(Semaphore::new(self.n_connections));
        let crowd = Crowd::new(self.n_connections.div_ceil(2));
        let mut handshakes = Buckets::new(HANDSHAKES, Instant::now());
        let graceful = GracefulShutdown::new();
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = async {
                    let permit = permits.clone().acquire_owned().await;
                    (permit, self.listener.accept().await)
                } => accepted,
            };
            let (stream, peer, permit) = match accepted {
                (Ok(permit), Ok((stream, peer))) => (stream, peer, permit),
                (_, Err(error)) => {
                    warn!(%error, "cannot accept a web connection");
                    let pause = tokio::time::sleep(ACCEPT_PAUSE);
                    tokio::select! {
                        () = &mut stop => break,
                        () = pause => continue,
                    }
                }
                (Err(_), Ok(_)) => break,
            };
            let Some(counted) = crowd.enter(peer.ip()) else {
                self.gate.refusals.count(Reason::Connections);
                continue;
            };
            let is_tls = self.gate.config().tls.is_some();
            if is_tls && !handshakes.take(peer.ip(), Instant::now()) {
                self.gate.refusals.count(Reason::Handshake);
                continue;
            }
            listen::prepare(&stream);
            let connection = Connection {
                gate: self.gate.clone(),
                peer,
                deadlines: self.deadlines,
                watcher: graceful.watcher(),
            };
            let pages = pages.clone();
            tokio::spawn(async move {
                connection.serve(stream, pages).await;
                drop((permit, counted));
            });
        }
        drop(self.listener);
        if timeout(DRAIN, graceful.shutdown()).await.is_err() {
            debug!("requests in flight were cut off");
        }
    }
}

/// One that was accepted.
struct Connection {
    gate: Arc<Gate>,
    peer: SocketAddr,
    deadlines: Deadlines,
    watcher: Watcher,
}

impl Connection {
    async fn serve<P>(self, stream: TcpStream, pages: P)
    where
        P: Pages + Clone + Send + Sync + 'static,
        P::Future: Send,
        P::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let (config, write) = (self.gate.config(), self.deadlines.write);
        let Some(tls) = config.tls.clone() else {
            return self.http(Patient::new(stream, write), false, pages).await;
        };
        let handshake = async {
            let mut first = [TLS_HANDSHAKE];
            stream.peek(&mut first).await?;
            let mut stream = Patient::new(stream, write);
            if first != [TLS_HANDSHAKE] {
                stream.write_all(SPEAK_TLS).await?;
                stream.shutdown().await?;
                return Ok(None);
            }
            TlsAcceptor::from(tls).accept(stream).await.map(Some)
        };
        match timeout(self.deadlines.handshake, handshake).await {
            Ok(Ok(Some(stream))) => {
                // As of the handshake: what was not verified then is not verified later.
                let has_certificate =
                    config.is_verified && stream.get_ref().1.peer_certificates().is_some();
                return self.http(stream, has_certificate, pages).await;
            }
            Ok(Ok(None)) => debug!(peer.addr = %self.peer, "plain HTTP on a port of TLS"),
            Ok(Err(error)) => debug!(peer.addr = %self.peer, %error, "no TLS handshake"),
            Err(_) => debug!(peer.addr = %self.peer, "no TLS handshake in time"),
        }
        self.gate.refusals.count(Reason::Handshake);
    }

    async fn http<P, S>(self, stream: S, has_certificate: bool, pages: P)
    where
        P: Pages + Clone + Send + Sync + 'static,
        P::Future: Send,
        P::Error: Into<Box<dyn Error + Send + Sync>>,
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let asked = Arc::new(AtomicBool::new(false));
        let service = Guarded {
            gate: self.gate,
            peer: self.peer,
            has_certificate,
            asked: asked.clone(),
            pages,
        };
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(HEADER_DEADLINE)
            .max_buf_size(HEADER_BYTES);
        let connection = http.serve_connection(TokioIo::new(stream), service);
        let connection = self.watcher.watch(connection);
        if let Err(error) = unless_idle(connection, &asked, self.deadlines.first_header).await {
            debug!(%error, "web connection ended");
        }
    }
}

#[cfg(test)]
mod tests;
