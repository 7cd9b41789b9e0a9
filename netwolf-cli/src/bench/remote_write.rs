//! `netwolf bench remote-write`: what it costs the manager to send every sample on.
//!
//! Series get a sample each second, first by a manager that sends nothing and then by one that sends to a receiver which
//! takes everything and reads nothing: the difference is the cost.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use anyhow::bail;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinHandle, time::sleep_until};

use super::{Common, feeder::Feeder, figures::Figures, sessions::count};

/// What `netwolf bench remote-write` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many series are fed, each once a second.
    #[arg(long, default_value_t = 100_000, value_name = "N", value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    series: u32,
    /// Series of one device.
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(10..=10_000))]
    per_device: u32,
    /// How long to measure, each time.
    #[arg(long, default_value_t = 10, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    #[command(flatten)]
    common: Common,
}

/// What waits at the end has arrived by then.
const PATIENCE: Duration = Duration::from_secs(30);

/// A receiver that takes everything.
struct Sink {
    url: String,
    requests: Arc<AtomicU64>,
    bytes: Arc<AtomicU64>,
    server: JoinHandle<()>,
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Sink {
    async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/api/v1/write", listener.local_addr()?);
        let (requests, bytes) = (Arc::default(), Arc::default());
        let counts = (Arc::clone(&requests), Arc::clone(&bytes));
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let counts = counts.clone();
                let service = service_fn(move |request| take(request, counts.clone()));
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Ok(Self {
            url,
            requests,
            bytes,
            server,
        })
    }
}

async fn take(
    request: Request<Incoming>,
    (requests, bytes): (Arc<AtomicU64>, Arc<AtomicU64>),
) -> hyper::Result<Response<Empty<Bytes>>> {
    let body = request.into_body().collect().await?.to_bytes();
    requests.fetch_add(1, Relaxed);
    bytes.fetch_add(body.len() as u64, Relaxed);
    Ok(Response::new(Empty::new()))
}

/// CPU time and memory of a manager.
struct Cost {
    cpu_per_sample: f64,
    rss: u64,
    samples: u64,
    cores: String,
}

/// Feeds a manager, which sends what it gets to `sink`, if there is one.
async fn feed(args: &Args, sink: Option<&Sink>) -> anyhow::Result<Cost> {
    let url = sink.map(|sink| sink.url.as_str());
    let (mut feeder, _) =
        Feeder::ready_with(&args.common, args.series, args.per_device, url).await?;
    args.common.progress("measuring");
    let (before, fed) = (feeder.usage()?, feeder.samples);
    for _ in 0..args.seconds {
        let next = Instant::now() + Duration::from_secs(1);
        feeder.round().await?;
        feeder.settle().await?;
        let rest = async {
            sleep_until(next.into()).await;
            Ok(())
        };
        feeder.beside(rest).await?;
    }
    let samples = feeder.samples;
    if url.is_some() {
        feeder.sent_on(samples, PATIENCE).await?;
    }
    let after = feeder.usage()?;
    let cost = Cost {
        cpu_per_sample: after.cpu_since(&before) / count(samples - fed),
        rss: after.rss,
        samples,
        cores: feeder.cores.shown(),
    };
    feeder.stop().await?;
    Ok(cost)
}

/// Measures both managers.
pub(super) async fn run(args: &Args) -> anyhow::Result<()> {
    let without = feed(args, None).await?;
    let sink = Sink::start().await?;
    let with = feed(args, Some(&sink)).await?;
    let (requests, bytes) = (sink.requests.load(Relaxed), sink.bytes.load(Relaxed));
    if requests == 0 {
        bail!("nothing was sent");
    }
    let mut figures = Figures::new("remote-write");
    figures.text("manager_cores", &with.cores, "");
    figures.count(
        "series",
        args.series.into(),
        "of interfaces, a sample a second each",
    );
    figures.measure(
        "cpu_ns_per_sample_received",
        without.cpu_per_sample * 1e9,
        "of the whole manager process, which sends nothing",
    );
    figures.measure(
        "cpu_ns_per_sample_sent",
        (with.cpu_per_sample - without.cpu_per_sample) * 1e9,
        "more, where every sample is sent on",
    );
    figures.measure(
        "bytes_per_sample_sent",
        count(bytes) / count(with.samples),
        "compressed",
    );
    figures.measure(
        "samples_per_request",
        count(with.samples) / count(requests),
        "each of another series",
    );
    figures.measure(
        "bytes_per_series",
        count(with.rss.saturating_sub(without.rss)) / f64::from(args.series),
        "memory, more than that of a manager that sends nothing",
    );
    args.common.print(&figures)
}
