//! `netwolf bench runs`: steps of automation, from their submission to their end in the journal, on devices that
//! are simulated and otherwise left alone.
//!
//! A device has one step at a time, so many steps on few devices are many runs that wait for each other.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};

use super::{
    Common,
    figures::Figures,
    scene::{Fleet, HEARTBEAT, Reading, Scene, Settings},
    sessions::count,
    span,
};
use crate::{
    buckets::Buckets,
    manager::{self, Client},
    print,
};

/// What is typed: its output is as long as most.
const COMMAND: &str = "show processes cpu";
/// From one look at the runs to the next.
const LOOK: Duration = Duration::from_millis(200);
/// Steps a second at which something is wrong.
const SLOWEST: u32 = 20;

/// What `netwolf bench runs` takes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// How many steps to have run, at least: each run has one on every device.
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    steps: u32,
    /// How many devices to simulate.
    #[arg(long, default_value_t = 200, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    devices: u32,
    /// Steps of one run that are under way together.
    #[arg(long, default_value_t = 500, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    in_flight: u32,
    /// Event loops of the agent, each on a core of its own.
    #[arg(long, default_value_t = 1, value_name = "K", value_parser = clap::value_parser!(u16).range(1..))]
    shards: u16,
    /// Between a command's echo and its output: real devices send them apart.
    #[arg(long, default_value = "2ms", value_name = "TIME", value_parser = span)]
    split: Duration,
    #[command(flatten)]
    common: Common,
}

/// Measures.
pub(super) async fn run(args: &Args) -> anyhow::Result<()> {
    let common = &args.common;
    let settings = Settings {
        shards: args.shards,
        logins_per_second: 4000,
        tls: false,
    };
    let fleet = Fleet {
        split: args.split,
        ..Fleet::well(args.devices)
    };
    common.progress(&format!("starting {} simulated devices", fleet.devices));
    let mut scene = Scene::set(&settings).await?;
    scene.add(&fleet).await?;
    scene.admit(&fleet)?;
    scene.until_up(common, 0).await?;
    // The one poll of each device is over.
    tokio::time::sleep(HEARTBEAT).await;

    let url: manager::Url = scene.web.parse().map_err(anyhow::Error::msg)?;
    let client = manager::Args::from(url).reach.client()?;
    let n_runs = args.steps.div_ceil(args.devices);
    let n_steps = n_runs * args.devices;
    let folder = scene.storage().join("runs");
    let (before, bytes) = (Page::read(&client).await?, journal_bytes(&folder)?);
    let first = scene.read().await?;
    common.progress(&format!(
        "submitting {}",
        print::count(n_runs as usize, "run")
    ));
    let mut last_run = 0;
    for no in 0..n_runs {
        last_run = submit(&client, args, no).await?;
    }
    let submitted = Instant::now();
    until_over(&client, common, &mut scene, n_steps).await?;
    let last = scene.read().await?;
    let (after, bytes) = (
        Page::read(&client).await?,
        journal_bytes(&folder)?.saturating_sub(bytes),
    );
    let failed = of_all(&client, |run| {
        run["n_steps"].as_u64().unwrap_or(0) - run["steps"]["succeeded"].as_u64().unwrap_or(0)
    })
    .await?;
    ensure!(
        failed == 0,
        "{failed} of {n_steps} steps did not succeed; `runs` of the manager told why, the last is {last_run}"
    );

    let mut figures = Figures::new("runs");
    figures.text("agent_cores", &scene.cores(), "");
    figures.measure(
        "submit_ms",
        (submitted - first.at).as_secs_f64() * 1e3 / f64::from(n_runs),
        "until a run is written down and answered for",
    );
    costs(&mut figures, args, n_runs, (&first, &last));
    figures.measure(
        "journal_bytes_per_step",
        count(bytes) / f64::from(n_steps),
        "on the disk, outputs and the write-ahead log included",
    );
    journal(&mut figures, &before, &after, f64::from(n_steps));
    scene.strike().await;
    common.print(&figures)
}

/// What steps cost, and how quick they were.
fn costs(figures: &mut Figures, args: &Args, n_runs: u32, (first, last): (&Reading, &Reading)) {
    let n_steps = n_runs * args.devices;
    let steps = f64::from(n_steps);
    let seconds = (last.at - first.at).as_secs_f64();
    figures.count(
        "steps",
        n_steps.into(),
        "of one command each, all succeeded",
    );
    figures.count("runs", n_runs.into(), "that wait for each other's devices");
    figures.count(
        "devices",
        args.devices.into(),
        "simulated Cisco IOS devices",
    );
    figures.measure(
        "steps_per_second",
        steps / seconds,
        "from the first submission to the end of the last step in the journal",
    );
    figures.measure(
        "commands_per_step",
        count(last.commands - first.commands) / steps,
        "as the devices counted them: 1, or something was typed twice or not",
    );
    figures.measure(
        "cpu_us_per_step",
        last.agent.cpu_since(&first.agent) * 1e6 / steps,
        "of the whole agent process",
    );
    figures.measure(
        "manager_cpu_us_per_step",
        last.manager.cpu_since(&first.manager) * 1e6 / steps,
        "of the whole manager process, journal and audit log included",
    );
    figures.measure(
        "simulator_cpu_us_per_step",
        last.simulators.cpu_since(&first.simulators) * 1e6 / steps,
        "of the devices; no part of NetWolf's cost",
    );
}

/// What the journal takes on the disk.
fn journal_bytes(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name
            .to_string_lossy()
            .starts_with(netwolf_runs::journal::FILE)
        {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}

fn journal(figures: &mut Figures, before: &Page, after: &Page, steps: f64) {
    let grown = |name: &str| after.sum(name) - before.sum(name);
    let commits = grown("netwolf_run_journal_commits_total");
    figures.measure("commits_per_step", commits / steps, "of the journal");
    for (name, q) in [("commit_p50_ms", 0.5), ("commit_p99_ms", 0.99)] {
        let [now, then] =
            [after, before].map(|page| page.buckets("netwolf_run_journal_fsync_seconds"));
        let seconds = now.quantile(&then, q).unwrap_or(f64::NAN);
        figures.measure(
            name,
            seconds * 1e3,
            "until a group of changes is on the disk",
        );
    }
    figures.measure(
        "audit_records_per_step",
        grown("netwolf_run_audit_records_total") / steps,
        "",
    );
}

/// Submits one run on all devices; its number.
async fn submit(client: &Client, args: &Args, no: u32) -> anyhow::Result<u64> {
    let body = json!({
        "commands": [COMMAND], "where": ["name=*"], "name": format!("bench {no}"),
        "rollout": { "in_flight": args.in_flight }, "run_deadline": "12h", "step_deadline": "10m",
    });
    let run = client.post("/api/v1/runs", Some(&body)).await?;
    run["id"].as_u64().context("a run has a number")
}

/// Waits until all steps have ended.
async fn until_over(
    client: &Client,
    common: &Common,
    scene: &mut Scene,
    n_steps: u32,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + Duration::from_secs(60 + u64::from(n_steps / SLOWEST));
    let mut shown = Instant::now();
    loop {
        scene.check()?;
        let is_open = |run: &Value| u64::from(run["ended"].is_null());
        if of_all(client, is_open).await? == 0 {
            return Ok(());
        }
        if shown.elapsed() >= Duration::from_secs(1) {
            shown = Instant::now();
            let succeeded = |run: &Value| run["steps"]["succeeded"].as_u64().unwrap_or(0);
            let done = of_all(client, succeeded).await?;
            common.progress(&format!("steps done {done}/{n_steps}"));
        }
        if Instant::now() > deadline {
            bail!("the runs do not end; is the machine busy?");
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// The sum of what `read` finds in each run.
async fn of_all(client: &Client, read: impl Fn(&Value) -> u64) -> anyhow::Result<u64> {
    let (mut sum, mut before) = (0, None);
    loop {
        let more = before.map(|before: u64| format!("&before={before}"));
        let path = format!("/api/v1/runs?limit=1000{}", more.unwrap_or_default());
        let page = client.get(&path).await?;
        let runs = page["runs"].as_array().context("a list of runs")?;
        sum += runs.iter().map(&read).sum::<u64>();
        before = page["next"].as_u64();
        if before.is_none() {
            return Ok(sum);
        }
    }
}

/// The manager's own page of metrics.
struct Page(String);

impl Page {
    async fn read(client: &Client) -> anyhow::Result<Self> {
        client.page("/metrics?collect[]=netwolf").await.map(Self)
    }

    /// Labels and value of each series called `name`.
    fn series<'p>(&'p self, name: &'p str) -> impl Iterator<Item = (&'p str, f64)> {
        self.0.lines().filter_map(move |line| {
            let rest = line.strip_prefix(name)?;
            let (labels, value) = rest.rsplit_once(' ')?;
            let is_it = labels.is_empty() || labels.starts_with('{');
            Some((labels, value.parse().ok()?)).filter(|_| is_it)
        })
    }

    fn sum(&self, name: &str) -> f64 {
        self.series(name).map(|(_, value)| value).sum()
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts are whole"
    )]
    fn buckets(&self, name: &str) -> Buckets {
        let mut buckets = Buckets::default();
        for (labels, value) in self.series(&format!("{name}_bucket")) {
            let bound = labels
                .split("le=\"")
                .nth(1)
                .and_then(|rest| rest.split('"').next());
            match bound.map(str::parse::<f64>) {
                Some(Ok(bound)) if bound.is_finite() => buckets.bounds.push(bound),
                _ => {}
            }
            buckets.counts.push(value as u64);
        }
        buckets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_by_names_and_buckets() {
        let page = Page(
            "# TYPE a gauge\na 1\na_total 5\na{x=\"1\"} 2\n\
             t_bucket{le=\"0.001\"} 1\nt_bucket{le=\"0.01\"} 4\nt_bucket{le=\"+Inf\"} 4\nt_sum 1\n"
                .into(),
        );
        assert!((page.sum("a") - 3.0).abs() < 1e-9);
        let buckets = page.buckets("t");
        assert_eq!(buckets.counts, [1, 4, 4]);
        let median = buckets.quantile(&Buckets::default(), 0.5).unwrap();
        assert!((0.001..0.01).contains(&median), "{median}");
    }
}
