//! `netwolf bench sessions`: simulated devices that are polled by a real agent for a real manager.

use std::{path::PathBuf, time::Duration};

use super::{
    Common,
    figures::Figures,
    interval, ladder, pass,
    scene::{Fleet, HEARTBEAT, Reading, Scene, Settings, Status, WELL},
    span,
};

/// What `netwolf bench sessions` takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// How many devices to simulate; each is polled over a session of its own.
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    sessions: u32,
    /// From one poll of a device to the next.
    #[arg(long, default_value = "1s", value_name = "TIME", value_parser = interval)]
    interval: Duration,
    /// How long to measure.
    #[arg(long, default_value_t = 15, value_name = "S", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    seconds: u64,
    /// How long to wait before, once all devices are up.
    #[arg(long, default_value_t = 5, value_name = "S")]
    settle: u64,
    /// Event loops of the agent, each on a core of its own.
    #[arg(long, default_value_t = 1, value_name = "K", value_parser = clap::value_parser!(u16).range(1..))]
    shards: u16,
    /// Between a command's echo and its output: real devices send them apart.
    #[arg(long, default_value = "2ms", value_name = "TIME", value_parser = span)]
    split: Duration,
    /// New logins a second.
    #[arg(long, default_value_t = 4000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    logins_per_second: u32,
    /// Link agent and manager by TLS, as on two machines, and not plainly.
    #[arg(long)]
    tls: bool,
    /// Double the sessions, from `--sessions` on, until polls are missed.
    #[arg(long)]
    ladder: bool,
    /// The ladder's last step at most.
    #[arg(long, value_name = "N", requires = "ladder", default_value_t = 64_000)]
    up_to: u32,
    /// Where the ladder's figures go, a line a step.
    #[arg(
        long,
        value_name = "FILE",
        requires = "ladder",
        default_value = "bench-ladder.csv"
    )]
    csv: PathBuf,
    /// Where the ladder's curve goes.
    #[arg(
        long,
        value_name = "FILE",
        requires = "ladder",
        default_value = "bench-ladder.svg"
    )]
    svg: PathBuf,
    #[command(flatten)]
    common: Common,
}

/// Measures once, or climbs the ladder.
pub(super) async fn run(args: &Args) -> anyhow::Result<()> {
    if args.ladder {
        let files = ladder::Files {
            csv: &args.csv,
            svg: &args.svg,
        };
        let steps = args.sessions..=args.up_to;
        return ladder::climb(&args.common, steps, files, |sessions| {
            let args = Args {
                sessions,
                ..args.clone()
            };
            async move { measure(&args).await }
        })
        .await;
    }
    args.common.print(&measure(args).await?)
}

async fn measure(args: &Args) -> anyhow::Result<Figures> {
    let common = &args.common;
    let settings = Settings {
        shards: args.shards,
        logins_per_second: args.logins_per_second,
        tls: args.tls,
    };
    let fleet = Fleet {
        split: args.split,
        ..Fleet::well(args.sessions)
    };
    common.progress(&format!("starting {} simulated devices", fleet.devices));
    let mut scene = Scene::set(&settings).await?;
    scene.add(&fleet).await?;
    let bare = scene.read().await?;
    scene.admit(&fleet)?;
    scene.until_up(common, 0).await?;
    let up = scene.read().await?;
    scene.begin_polling(args.interval)?;
    pass(common, args.settle, "all devices are up; settling").await;
    let (before, first) = (scene.status().await?, scene.read().await?);
    pass(common, args.seconds, "measuring").await;
    let last = scene.read().await?;
    tokio::time::sleep(HEARTBEAT).await;
    let after = scene.status().await?;
    scene.check()?;

    let mut figures = Figures::new("sessions");
    figures.text("agent_cores", &scene.cores(), "");
    figures.count(
        "sessions",
        args.sessions.into(),
        "to simulated Cisco IOS devices",
    );
    figures.measure(
        "interval_seconds",
        args.interval.as_secs_f64(),
        "from one poll of a device to the next",
    );
    figures.measure(
        "split_seconds",
        args.split.as_secs_f64(),
        "between echo and output",
    );
    window(&mut figures, &first, &last);
    memory(&mut figures, &bare, &last, args.sessions);
    logins(&mut figures, &bare, &up);
    punctuality(&mut figures, (&before, &after), &last, args.interval);
    scene.strike().await;
    Ok(figures)
}

/// CPU time a poll.
pub(super) fn window(figures: &mut Figures, first: &Reading, last: &Reading) {
    let seconds = (last.at - first.at).as_secs_f64();
    let polls = count(last.commands - first.commands);
    let agent = last.agent.cpu_since(&first.agent);
    let manager = last.manager.cpu_since(&first.manager);
    let simulators = last.simulators.cpu_since(&first.simulators);
    figures.measure(
        "polls_per_second",
        polls / seconds,
        "as the devices counted them",
    );
    figures.measure(
        "cpu_us_per_poll",
        agent * 1e6 / polls,
        "of the whole agent process, filter and link included",
    );
    figures.measure(
        "agent_cpu_cores",
        agent / seconds,
        "cores that the agent kept busy",
    );
    figures.measure(
        "manager_cpu_us_per_poll",
        manager * 1e6 / polls,
        "of the whole manager process",
    );
    figures.measure(
        "simulator_cpu_us_per_poll",
        simulators * 1e6 / polls,
        "of the devices; no part of NetWolf's cost",
    );
    figures.measure(
        "simulator_cpu_cores",
        simulators / seconds,
        "near 1 for each of their cores: they are the bound",
    );
}

fn memory(figures: &mut Figures, bare: &Reading, last: &Reading, sessions: u32) {
    let grown = last.agent.rss.saturating_sub(bare.agent.rss);
    figures.measure(
        "rss_bytes_per_session",
        count(grown) / f64::from(sessions),
        "resident memory of the agent, less that of one without devices",
    );
    figures.measure(
        "polls_per_session",
        count(last.commands) / f64::from(sessions),
        "done by then; memory grows over the first 100",
    );
}

/// CPU time of a login: all that the agent used until the last device was up, less one poll of each.
fn logins(figures: &mut Figures, bare: &Reading, up: &Reading) {
    let logins = count(up.logins - bare.logins);
    let polls = figures.get("cpu_us_per_poll") * logins / 1e6;
    let cpu = (up.agent.cpu_since(&bare.agent) - polls).max(0.0);
    figures.measure(
        "login_cpu_ms",
        cpu * 1e3 / logins,
        "from connect to the first prompt, CPU of the agent",
    );
    let seconds = (up.at - bare.at).as_secs_f64();
    figures.measure(
        "logins_per_second",
        logins / seconds,
        "until all were up, the devices' own work included",
    );
    figures.measure(
        "logins_per_second_per_core",
        logins / cpu,
        "that the agent's CPU would allow",
    );
}

/// Whether polls came when they were due.
pub(super) fn punctuality(
    figures: &mut Figures,
    (before, after): (&Status, &Status),
    last: &Reading,
    interval: Duration,
) {
    let delay = |q| {
        let seconds = after
            .poll_delay_seconds
            .quantile(&before.poll_delay_seconds, q);
        seconds.unwrap_or(f64::NAN) * 1e3
    };
    figures.measure(
        "p50_ms",
        delay(0.50),
        "from when a poll was due to its whole output",
    );
    figures.measure("p99_ms", delay(0.99), "");
    let missed = after.polls_skipped_total - before.polls_skipped_total;
    figures.count(
        "missed",
        missed,
        "polls left out because the one before was not done",
    );
    let gaps = last.gaps(WELL);
    figures.measure(
        "gap_p99_ms",
        gaps.quantile_ms(0.99),
        "from one poll of a device to the next, as the device saw it",
    );
    figures.measure("gap_max_ms", gaps.longest_ms(), "");
    let bound = u64::try_from((interval + Duration::from_secs(1)).as_micros()).unwrap_or(u64::MAX);
    figures.count(
        "late",
        gaps.over(bound) + gaps.silent,
        "polls that came a second late, and devices that saw none",
    );
}

#[expect(clippy::cast_precision_loss, reason = "counts of some minutes")]
pub(super) fn count(count: u64) -> f64 {
    count as f64
}
