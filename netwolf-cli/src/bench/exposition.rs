//! `netwolf bench exposition`: the page of metrics, fetched by one scraper and by fifty at a time.

use std::time::Instant;

use anyhow::Context;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinSet};

use super::{Common, feeder::Feeder, figures::Figures, process::forget_peak, sessions::count};

/// What `netwolf bench exposition` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many series stand on the page.
    #[arg(long, default_value_t = 1_000_000, value_name = "N", value_parser = clap::value_parser!(u32).range(100..=2_000_000))]
    series: u32,
    /// Series of one device.
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(10..=10_000))]
    per_device: u32,
    /// Scrapers that come at once.
    #[arg(long, default_value_t = 50, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    scrapers: u32,
    #[command(flatten)]
    common: Common,
}

/// The whole page.
const WHOLE: &str = "/metrics";

/// Pages of one device, since one takes less than can be measured.
const PROBES: u32 = 500;

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0";

/// Name, `Accept`, `Accept-Encoding`.
const FORMS: [(&str, &str, &str); 4] = [
    ("text", "text/plain", "identity"),
    ("openmetrics", OPEN_METRICS, "identity"),
    ("text_gzip", "text/plain", "gzip"),
    ("openmetrics_gzip", OPEN_METRICS, "gzip"),
];

/// Fetches pages.
pub(super) async fn run(args: &Args) -> anyhow::Result<()> {
    let common = &args.common;
    let (mut feeder, bare) = Feeder::ready(common, args.series, args.per_device).await?;
    let mut figures = Figures::new("exposition");
    figures.text("manager_cores", &feeder.cores.shown(), "");
    figures.count("series", feeder.series().into(), "of interfaces");
    let web = feeder.web.clone();
    // The first page finds memory that the declarations left.
    feeder.beside(fetch_all(&web, WHOLE, FORMS[0], 1)).await?;
    let grown = count(feeder.usage()?.rss.saturating_sub(bare.rss));
    figures.measure(
        "bytes_per_series",
        grown / f64::from(feeder.series()),
        "memory of the manager, less that of one with the same devices and no series",
    );
    for form in FORMS {
        for scrapers in [1, args.scrapers] {
            common.progress(&format!("{} for {scrapers}", form.0));
            // Nobody shares a page of before.
            tokio::time::sleep(std::time::Duration::from_millis(500)).await;
            forget_peak(feeder.pid()?)?;
            let (before, started) = (feeder.usage()?, Instant::now());
            let bytes = feeder
                .beside(fetch_all(&web, WHOLE, form, scrapers))
                .await?;
            let (seconds, after) = (started.elapsed(), feeder.usage()?);
            let name = format!("{}_{scrapers}", form.0);
            let cpu = after.cpu_since(&before);
            figures.measure(
                &format!("{name}_cpu_ms"),
                cpu * 1e3,
                "of the whole manager process, to 10 ms",
            );
            figures.measure(
                &format!("{name}_wall_ms"),
                seconds.as_secs_f64() * 1e3,
                "until the last scraper had it all",
            );
            let peak = count(after.peak.saturating_sub(before.rss));
            figures.measure(
                &format!("{name}_peak_mib"),
                peak / f64::from(1 << 20),
                "memory that it took meanwhile",
            );
            if scrapers == 1 {
                figures.measure(
                    &format!("{}_page_mib", form.0),
                    count(bytes) / f64::from(1 << 20),
                    "",
                );
            }
        }
    }
    common.progress("of one device");
    let last = args.series.div_ceil(args.per_device) - 1;
    let one_device = format!("/metrics?device=device-{last:05}");
    let before = feeder.usage()?;
    for _ in 0..PROBES {
        feeder
            .beside(fetch_all(&web, &one_device, FORMS[1], 1))
            .await?;
    }
    figures.measure(
        "one_device_cpu_ms",
        feeder.usage()?.cpu_since(&before) * 1e3 / f64::from(PROBES),
        "of the whole manager process for a page of one device, connection and polls of all included",
    );
    feeder.stop().await?;
    common.print(&figures)
}

/// Fetches the page `scrapers` times at once, and gives the bytes of one.
async fn fetch_all(
    web: &str,
    path: &str,
    form: (&'static str, &'static str, &'static str),
    scrapers: u32,
) -> anyhow::Result<u64> {
    let mut fetches = JoinSet::new();
    for _ in 0..scrapers {
        fetches.spawn(fetch(web.to_owned(), path.to_owned(), form));
    }
    let mut bytes = 0;
    while let Some(fetched) = fetches.join_next().await {
        bytes = fetched??;
    }
    Ok(bytes)
}

async fn fetch(
    web: String,
    path: String,
    (_, accept, encoding): (&str, &str, &str),
) -> anyhow::Result<u64> {
    let stream = TcpStream::connect(&web).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = Request::get(path)
        .header(header::HOST, &web)
        .header(header::ACCEPT, accept)
        .header(header::ACCEPT_ENCODING, encoding)
        .body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    anyhow::ensure!(
        response.status() == StatusCode::OK,
        "the page answered {}",
        response.status()
    );
    let mut body = response.into_body();
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        bytes += frame?.data_ref().map_or(0, Bytes::len) as u64;
    }
    drop(sender);
    connection
        .await?
        .context("the connection did not end well")?;
    Ok(bytes)
}
