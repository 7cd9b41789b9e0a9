//! `netwolf bench freshness`: how long a value takes from the device's answer to the page of metrics.
//!
//! The page is fetched again and again; where it shows a device's answer for the first time, the time since that
//! answer is taken. So the figure holds all: filter, link, series store, page, and the way to the scraper.

use std::{
    collections::HashMap,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::Context;
use bytes::Bytes;
use hdrhistogram::Histogram;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, client::conn::http1::SendRequest, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::{
    Common,
    figures::Figures,
    interval, pass,
    scene::{Fleet, Scene, Settings},
};

/// When the output was whole, by the agent's clock, which is this machine's.
const ANSWERED: &str = "netwolf_device_last_success_timestamp_seconds{device=\"";
/// Longer times count as this long, in microseconds.
const LONGEST: u64 = 60_000_000;
/// From one look at the page to the next.
const LOOK: Duration = Duration::from_millis(2);

/// What `netwolf bench freshness` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many devices to simulate.
    #[arg(long, default_value_t = 500, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    sessions: u32,
    /// From one poll of a device to the next.
    #[arg(long, default_value = "1s", value_name = "TIME", value_parser = interval)]
    interval: Duration,
    /// How long to measure.
    #[arg(long, default_value_t = 15, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    #[command(flatten)]
    common: Common,
}

/// Watches the page.
pub(super) async fn run(args: &Args) -> anyhow::Result<()> {
    let common = &args.common;
    let settings = Settings {
        shards: 1,
        logins_per_second: 4000,
        tls: false,
    };
    let fleet = Fleet::well(args.sessions);
    common.progress("starting the devices");
    let mut scene = Scene::set(&settings).await?;
    scene.add(&fleet).await?;
    scene.admit(&fleet)?;
    scene.until_up(common, 0).await?;
    scene.begin_polling(args.interval)?;
    pass(common, 3, "all devices are up; settling").await;
    common.progress("watching the page");
    let mut watch = Watch::begin(&scene.web).await?;
    watch.look(false).await?;
    let end = Instant::now() + Duration::from_secs(args.seconds);
    while Instant::now() < end {
        watch.look(true).await?;
        tokio::time::sleep(LOOK).await;
    }

    let mut figures = Figures::new("freshness");
    figures.text("agent_cores", &scene.cores(), "");
    figures.count(
        "sessions",
        args.sessions.into(),
        "to simulated Cisco IOS devices",
    );
    figures.count(
        "answers_seen",
        watch.ages.len(),
        "device answers that came to the page",
    );
    figures.count("pages", watch.pages, "that were fetched");
    for (name, q) in [
        ("p50_ms", 0.5),
        ("p90_ms", 0.9),
        ("p99_ms", 0.99),
        ("max_ms", 1.0),
    ] {
        #[expect(clippy::cast_precision_loss, reason = "times of some seconds")]
        let ms = watch.ages.value_at_quantile(q) as f64 / 1000.0;
        figures.measure(
            name,
            ms,
            "from the device's answer to its value in a scraper's hands",
        );
    }
    scene.strike().await;
    common.print(&figures)
}

struct Watch {
    web: String,
    sender: SendRequest<Empty<Bytes>>,
    seen: HashMap<String, f64>,
    /// In microseconds.
    ages: Histogram<u64>,
    pages: u64,
}

impl Watch {
    async fn begin(web: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(web).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                crate::print::tell!("the manager's page: {error}");
            }
        });
        Ok(Self {
            web: web.into(),
            sender,
            seen: HashMap::new(),
            ages: Histogram::new_with_max(LONGEST, 3)?,
            pages: 0,
        })
    }

    /// Fetches the page; `count` is whether what is new on it counts.
    async fn look(&mut self, count: bool) -> anyhow::Result<()> {
        let request = Request::get("/metrics")
            .header(header::HOST, &self.web)
            .body(Empty::<Bytes>::new())?;
        self.sender.ready().await?;
        let page = self
            .sender
            .send_request(request)
            .await?
            .into_body()
            .collect()
            .await?
            .to_bytes();
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs_f64();
        self.pages += 1;
        let page = std::str::from_utf8(&page)?;
        for line in page.lines().filter_map(|line| line.strip_prefix(ANSWERED)) {
            let (device, answered) = line.split_once("\"} ").context("a sample has a value")?;
            let answered: f64 = answered.parse()?;
            let seen = self.seen.insert(device.to_owned(), answered);
            let is_new = seen.is_some_and(|seen| seen < answered);
            if is_new && count {
                // Answers are told in milliseconds, cut off: half of one is added on the average.
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "times of some seconds"
                )]
                let micros = ((now - answered).max(0.0) * 1e6) as u64;
                self.ages.saturating_record(micros);
            }
        }
        Ok(())
    }
}
