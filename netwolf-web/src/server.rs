//! Serves HTTP/1.1 with bounds: so many connections at a time, headers of [`HEADER_BYTES`], the first of a
//! connection within [`FIRST_HEADER_DEADLINE`] and the next within [`HEADER_DEADLINE`], a peer that takes nothing is
//! cut off (see [`crate::listen::prepare`]), one that takes too little after [`WRITE_DEADLINE`], and after the stop
//! requests in flight have [`DRAIN`] to end.

use std::{
    error::Error,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use hyper::{
    Request, Response,
    body::{Body, Incoming},
    server::conn::http1,
    service::Service,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
};
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};
use tracing::{debug, warn};

use self::patient::Patient;
use crate::listen;

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

/// Requests in flight have so long to end; the program is to be gone within a second.
pub const DRAIN: Duration = Duration::from_millis(500);

/// After a failure to accept, such as no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Notes that a request has come.
#[derive(Debug)]
struct Noting<S> {
    service: S,
    asked: Arc<AtomicBool>,
}

impl<S: Service<R>, R> Service<R> for Noting<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn call(&self, request: R) -> Self::Future {
        self.asked.store(true, Relaxed);
        self.service.call(request)
    }
}

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

/// What is answered to requests, from anything that can serve them.
pub trait Pages: Service<Request<Incoming>, Response = Response<Self::Content>> {
    /// Bodies of answers.
    type Content: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static;
}

impl<S, B> Pages for S
where
    S: Service<Request<Incoming>, Response = Response<B>>,
    B: Body<Data: Send, Error: Into<Box<dyn Error + Send + Sync>>> + Send + 'static,
{
    type Content = B;
}

/// A port before it is served.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    n_connections: usize,
    first_header: Duration,
}

impl Server {
    /// Serves `n_connections` at a time; beyond them they wait in the operating system's queue.
    pub const fn new(listener: TcpListener, n_connections: usize) -> Self {
        Self {
            listener,
            n_connections,
            first_header: FIRST_HEADER_DEADLINE,
        }
    }

    /// Serves until `stop`, and then to the end of the requests in flight; or until it is dropped.
    pub async fn serve<P>(self, pages: P, stop: impl Future<Output = ()>)
    where
        P: Pages + Clone + Send + 'static,
        P::Future: Send,
        P::Error: Into<Box<dyn Error + Send + Sync>>,
    {
        let mut stop = pin!(stop);
        let permits = Arc::new(Semaphore::new(self.n_connections));
        let graceful = GracefulShutdown::new();
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(HEADER_DEADLINE)
            .max_buf_size(HEADER_BYTES);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = async {
                    let permit = permits.clone().acquire_owned().await;
                    (permit, self.listener.accept().await)
                } => accepted,
            };
            let (stream, permit) = match accepted {
                (Ok(permit), Ok((stream, _))) => (stream, permit),
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
            listen::prepare(&stream);
            let asked = Arc::new(AtomicBool::new(false));
            let service = Noting {
                service: pages.clone(),
                asked: asked.clone(),
            };
            let stream = TokioIo::new(Patient::new(stream, WRITE_DEADLINE));
            let connection = graceful.watch(http.serve_connection(stream, service));
            let first_header = self.first_header;
            tokio::spawn(async move {
                if let Err(error) = unless_idle(connection, &asked, first_header).await {
                    debug!(%error, "web connection ended");
                }
                drop(permit);
            });
        }
        drop(self.listener);
        if timeout(DRAIN, graceful.shutdown()).await.is_err() {
            debug!("requests in flight were cut off");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use bytes::Bytes;
    use http_body_util::Full;
    use hyper::service::service_fn;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpStream,
        sync::oneshot,
    };

    use super::*;

    /// Longer than anything takes, on any machine.
    const PATIENCE: Duration = Duration::from_secs(30);

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

    async fn ask(socket: &mut TcpStream) -> usize {
        socket.write_all(REQUEST).await.unwrap();
        let mut answer = [0; 1024];
        socket.read(&mut answer).await.unwrap()
    }

    #[tokio::test]
    async fn who_asks_nothing_is_closed_and_who_has_asked_may_stay() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server {
            first_header: Duration::from_secs(1),
            ..Server::new(listener, 4)
        };
        let pages = service_fn(async |_| {
            Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"here"))))
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let serving = tokio::spawn(server.serve(pages, async move { drop(stopped.await) }));
        let mut asks = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut asks).await > 0);
        let mut silent = TcpStream::connect(address).await.unwrap();
        // Half a request is none.
        silent.write_all(&REQUEST[..10]).await.unwrap();
        let end = timeout(PATIENCE, silent.read(&mut [0; 64])).await.unwrap();
        assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
        assert!(
            ask(&mut asks).await > 0,
            "it connected before the other one"
        );
        drop(stop);
        timeout(PATIENCE, serving).await.unwrap().unwrap();
    }
}
