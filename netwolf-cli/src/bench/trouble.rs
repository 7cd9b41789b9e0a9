//! `netwolf bench trouble`: devices that are dead or that flood, and what the others notice of them.

use std::time::Duration;

use super::{
    Common,
    figures::Figures,
    interval, pass,
    scene::{Fleet, Scene, Settings},
    sessions::window,
    storm::gaps,
};

/// What `netwolf bench trouble` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Devices that are well.
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=50_000))]
    sessions: u32,
    /// Devices that die while they are polled, as a share of those that are well.
    #[arg(long, default_value_t = 0.05, value_name = "SHARE", value_parser = share)]
    dead: f64,
    /// Devices that answer each command with 100 MB.
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=10))]
    flooding: u32,
    /// From one poll of a device to the next.
    #[arg(long, default_value = "1s", value_name = "TIME", value_parser = interval)]
    interval: Duration,
    /// How long to measure.
    #[arg(long, default_value_t = 20, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    #[command(flatten)]
    common: Common,
}

/// Time from the start of the simulators until trouble begins: all are up by then, or it begins with their login.
const DEAD: &str = "steps:\n  - { at: 25s, fault: half_open }\n";
const FLOOD: &str = "steps:\n  - { at: 25s, fault: { flood: 100000000 } }\n";
/// A little more than that, from when all were told of.
const BEGUN: u64 = 26;

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text
        .parse()
        .map_err(|_| "a share such as 0.05 is wanted".to_owned())?;
    if (0.0..=1.0).contains(&share) {
        Ok(share)
    } else {
        Err("a share lies between 0 and 1".into())
    }
}

/// Measures a calm time, then the trouble.
pub(super) async fn run(args: &Args) -> anyhow::Result<()> {
    let common = &args.common;
    let settings = Settings {
        shards: 1,
        logins_per_second: 4000,
        tls: false,
    };
    let well = Fleet::well(args.sessions);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of some thousand"
    )]
    let n_dead = (f64::from(args.sessions) * args.dead).round() as usize;
    let dead = Fleet {
        name: "d",
        devices: n_dead,
        scenario: Some(DEAD),
        ..well.clone()
    };
    let flooding = Fleet {
        name: "f",
        devices: args.flooding as usize,
        scenario: Some(FLOOD),
        ..well.clone()
    };
    common.progress("starting the devices");
    let mut scene = Scene::set(&settings).await?;
    let fleets = [&well, &dead, &flooding];
    for fleet in fleets {
        scene.add(fleet).await?;
    }
    for fleet in fleets {
        scene.admit(fleet)?;
    }
    let begun = tokio::time::Instant::now() + Duration::from_secs(BEGUN);
    scene.until_up(common, 0).await?;
    scene.begin_polling(args.interval)?;
    pass(common, 2, "all devices are up; settling").await;
    let first = scene.read().await?;
    pass(common, 8, "measuring a calm time").await;
    let calm = scene.read().await?;
    common.progress("waiting for the trouble to begin");
    tokio::time::sleep_until(begun).await;
    let begun = scene.read().await?;
    pass(common, args.seconds, "measuring beside trouble").await;
    let last = scene.read().await?;
    scene.check()?;

    let mut figures = Figures::new("trouble");
    figures.text("agent_cores", &scene.cores(), "");
    figures.count("sessions", args.sessions.into(), "to devices that are well");
    figures.count(
        "dead",
        n_dead as u64,
        "devices whose bytes vanish, on sessions that were up",
    );
    figures.count(
        "flooding",
        args.flooding.into(),
        "devices that answer each command with 100 MB",
    );
    window(&mut figures, &first, &calm);
    gaps(&mut figures, "calm", &calm);
    let seconds = (last.at - begun.at).as_secs_f64();
    let cpu = last.agent.cpu_since(&begun.agent);
    figures.measure(
        "trouble_agent_cpu_cores",
        cpu / seconds,
        "cores that the agent kept busy meanwhile",
    );
    gaps(&mut figures, "trouble", &last);
    scene.strike().await;
    common.print(&figures)
}
