//! `netwolf bench ingest`: samples over a link into the series store.

use std::time::{Duration, Instant};

use super::{Common, feeder::Feeder, figures::Figures, sessions::count};

/// What `netwolf bench ingest` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many series are fed.
    #[arg(long, default_value_t = 100_000, value_name = "N", value_parser = clap::value_parser!(u32).range(100..=2_000_000))]
    series: u32,
    /// Series of one device.
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(10..=10_000))]
    per_device: u32,
    /// How long to measure.
    #[arg(long, default_value_t = 10, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    #[command(flatten)]
    common: Common,
}

/// Feeds a manager as fast as it takes it.
pub(super) async fn run(args: &Args) -> anyhow::Result<()> {
    let common = &args.common;
    let (mut feeder, bare) = Feeder::ready(common, args.series, args.per_device).await?;
    let (declared, wire, samples) = (feeder.usage()?, feeder.wire(), feeder.samples);
    common.progress("measuring");
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(args.seconds) {
        feeder.round().await?;
    }
    feeder.settle().await?;
    let seconds = started.elapsed().as_secs_f64();
    let (last, sent) = (feeder.usage()?, count(feeder.samples - samples));
    let cpu = last.cpu_since(&declared);

    let mut figures = Figures::new("ingest");
    figures.text("manager_cores", &feeder.cores.shown(), "");
    figures.count(
        "series",
        feeder.series().into(),
        "of interfaces, ten samples a poll",
    );
    figures.measure("samples_per_second", sent / seconds, "that came in");
    figures.measure(
        "samples_per_second_per_core",
        sent / cpu,
        "that the manager's CPU would allow, socket to series store",
    );
    figures.measure(
        "cpu_ns_per_sample",
        cpu * 1e9 / sent,
        "of the whole manager process",
    );
    figures.measure(
        "bytes_per_sample_plain",
        feeder.plain_bytes_per_sample(),
        "as JSON",
    );
    figures.measure(
        "bytes_per_sample",
        count(feeder.wire() - wire) / sent,
        "on the wire, compressed",
    );
    let grown = count(last.rss.saturating_sub(bare.rss));
    figures.measure(
        "bytes_per_series",
        grown / f64::from(feeder.series()),
        "memory of the manager, less that of one with the same devices and no series",
    );
    feeder.stop().await?;
    common.print(&figures)
}
