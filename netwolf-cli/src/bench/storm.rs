//! `netwolf bench storm`: logins by an expensive key exchange on a shard that polls, and what its other devices
//! notice of them.

use std::time::Duration;

use super::{
    Common,
    figures::Figures,
    interval, pass,
    scene::{Fleet, Reading, Scene, Settings, WELL},
    sessions::{count, window},
};

/// What `netwolf bench storm` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Devices that are polled.
    #[arg(long, default_value_t = 2000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=50_000))]
    sessions: u32,
    /// Devices that come together and know no key exchange but diffie-hellman-group14.
    #[arg(long, default_value_t = 500, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    group14: u32,
    /// From one poll of a device to the next.
    #[arg(long, default_value = "1s", value_name = "TIME", value_parser = interval)]
    interval: Duration,
    /// New logins a second.
    #[arg(long, default_value_t = 4000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    logins_per_second: u32,
    #[command(flatten)]
    common: Common,
}

/// Measures a calm time, then the storm.
pub(super) async fn run(args: &Args) -> anyhow::Result<()> {
    let common = &args.common;
    let settings = Settings {
        shards: 1,
        logins_per_second: args.logins_per_second,
        tls: false,
    };
    let polled = Fleet::well(args.sessions);
    let storm = Fleet {
        name: "g",
        devices: args.group14 as usize,
        key_exchange: "group14",
        ..polled.clone()
    };
    common.progress("starting the devices");
    let mut scene = Scene::set(&settings).await?;
    scene.add(&polled).await?;
    scene.add(&storm).await?;
    scene.admit(&polled)?;
    scene.until_up(common, 0).await?;
    scene.begin_polling(args.interval)?;
    pass(common, 3, "the polled devices are up; settling").await;
    let first = scene.read().await?;
    pass(common, 10, "measuring a calm time").await;
    let calm = scene.read().await?;
    scene.admit(&storm)?;
    common.progress("the storm begins");
    scene.until_up(common, 0).await?;
    let after = scene.read().await?;

    let mut figures = Figures::new("storm");
    figures.text("agent_cores", &scene.cores(), "");
    figures.count("sessions", args.sessions.into(), "that are polled");
    figures.count(
        "group14_logins",
        after.logins - calm.logins,
        "that came together",
    );
    let seconds = (after.at - calm.at).as_secs_f64();
    figures.measure("storm_seconds", seconds, "until all were up");
    let cpu = after.agent.cpu_since(&calm.agent);
    figures.measure(
        "storm_agent_cpu_cores",
        cpu / seconds,
        "cores that the agent kept busy meanwhile",
    );
    window(&mut figures, &first, &calm);
    gaps(&mut figures, "calm", &calm);
    gaps(&mut figures, "storm", &after);
    scene.strike().await;
    common.print(&figures)
}

/// The gaps of the devices that only want to be polled.
pub(super) fn gaps(figures: &mut Figures, when: &str, reading: &Reading) {
    let gaps = reading.gaps(WELL);
    let means = "from one poll of a device to the next, as the device saw it";
    figures.measure(&format!("{when}_gap_p50_ms"), gaps.quantile_ms(0.5), means);
    figures.measure(&format!("{when}_gap_p99_ms"), gaps.quantile_ms(0.99), "");
    figures.measure(&format!("{when}_gap_max_ms"), gaps.longest_ms(), "");
    figures.measure(
        &format!("{when}_silent"),
        count(gaps.silent),
        "devices that saw no poll at all",
    );
}
