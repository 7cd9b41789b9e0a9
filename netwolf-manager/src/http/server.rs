//! Serves HTTP/1.1 with bounds: [`MAX_CONNECTIONS`] at a time, headers of [`HEADER_BYTES`] within
//! [`HEADER_DEADLINE`], a peer that takes nothing is cut off (see [`crate::listen::prepare`]), and after the
//! stop requests in flight have [`DRAIN`] to end.

use std::{sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use crate::listen;

/// Connections at a time: a few Prometheus servers, people, and room to spare.
pub const MAX_CONNECTIONS: usize = 256;

/// From the start of a connection, or the end of a request, to the end of the next request's headers. Longer
/// than a usual scrape interval, so that scrapers can keep their connections.
pub const HEADER_DEADLINE: Duration = Duration::from_secs(75);

/// A request's line and headers.
pub const HEADER_BYTES: usize = 16 << 10;

/// Requests in flight have so long to end; the program is to be gone within a second.
pub const DRAIN: Duration = Duration::from_millis(500);

/// After a failure to accept, such as no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until it is cancelled.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADER_DEADLINE)
        .max_buf_size(HEADER_BYTES);
    loop {
        // Beyond the cap connections wait in the operating system's queue.
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = async {
                let permit = permits.clone().acquire_owned().await;
                (permit, listener.accept().await)
            } => accepted,
        };
        let (stream, permit) = match accepted {
            (Ok(permit), Ok((stream, _))) => (stream, permit),
            (_, Err(error)) => {
                warn!(%error, "cannot accept a web connection");
                let pause = tokio::time::sleep(ACCEPT_PAUSE);
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = pause => continue,
                }
            }
            (Err(_), Ok(_)) => break,
        };
        listen::prepare(&stream);
        let service = TowerToHyperService::new(router.clone());
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                debug!(%error, "web connection ended");
            }
            drop(permit);
        });
    }
    drop(listener);
    if timeout(DRAIN, graceful.shutdown()).await.is_err() {
        debug!("requests in flight were cut off");
    }
}
