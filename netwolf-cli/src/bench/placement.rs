//! `netwolf bench placement`: one solution of where devices belong, on one core.

use std::time::{Duration, Instant};

use netwolf_manager::placement::{DeviceKey, Shard, solve};
use netwolf_wire::{AgentName, DeviceName, ShardId};

use super::{Common, figures::Figures, sessions::count};

/// What `netwolf bench placement` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many devices there are.
    #[arg(long, default_value_t = 100_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    devices: u32,
    /// How many shards there are.
    #[arg(long, default_value_t = 1000, value_name = "N", value_parser = clap::value_parser!(u16).range(2..))]
    shards: u16,
    /// How often to solve; the median counts.
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1000))]
    runs: u16,
    /// Joins and leaves in a row, drawn at random from a fixed seed.
    #[arg(long, default_value_t = 100, value_name = "N")]
    churn: u32,
    #[command(flatten)]
    common: Common,
}

/// Solves from nothing, then after one shard has joined, then after one has left.
pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let devices: Vec<DeviceKey> = (0..args.devices)
        .map(|number| {
            Ok(DeviceKey::of(
                &format!("device-{number}").parse::<DeviceName>()?,
            ))
        })
        .collect::<anyhow::Result<_>>()?;
    let shards: Vec<Shard> = (0..=args.shards)
        .map(|number| {
            let agent = AgentName::new(&format!("agent-{}", number / 4))?;
            let index = number % 4;
            Ok(Shard::of(&ShardId { agent, index }, 1))
        })
        .collect::<anyhow::Result<_>>()?;
    let (all, most) = (&shards[..], &shards[..shards.len() - 1]);
    let nothing = vec![None; devices.len()];
    let timed = |shards: &[Shard], previous: &[Option<usize>]| {
        let mut times: Vec<(Duration, Vec<Option<usize>>)> = (0..args.runs)
            .map(|_| {
                let started = Instant::now();
                let placed = solve(&devices, shards, previous);
                (started.elapsed(), placed)
            })
            .collect();
        times.sort_by_key(|(time, _)| *time);
        let median = times.len() / 2;
        times.swap_remove(median)
    };
    let moved = |before: &[Option<usize>], after: &[Option<usize>]| {
        let moved = before
            .iter()
            .zip(after)
            .filter(|(before, after)| before != after);
        count(moved.count() as u64) / f64::from(args.devices)
    };
    let (first, placed) = timed(most, &nothing);
    let (join, joined) = timed(all, &placed);
    // The last one leaves again: who was there has no place.
    let last = shards.len() - 1;
    let orphaned: Vec<_> = joined
        .iter()
        .map(|shard| shard.filter(|shard| *shard != last))
        .collect();
    let (leave, left) = timed(most, &orphaned);

    let mut figures = Figures::new("placement");
    figures.count("devices", args.devices.into(), "");
    figures.count("shards", args.shards.into(), "");
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    figures.measure(
        "solve_ms",
        ms(first),
        "from nothing, the median of the runs, one core",
    );
    figures.measure("join_ms", ms(join), "after one more shard has joined");
    figures.measure(
        "join_moved_ratio",
        moved(&placed, &joined),
        "devices that moved for it",
    );
    figures.measure("leave_ms", ms(leave), "after that one has left");
    figures.measure(
        "leave_moved_ratio",
        moved(&joined, &left),
        "devices that moved for it",
    );
    let churn = churn(&devices, &shards, args.churn);
    figures.count(
        "churn_changes",
        args.churn.into(),
        "joins and leaves in a row",
    );
    figures.measure(
        "churn_worst_moved_ratio",
        churn.moved / f64::from(args.devices),
        "devices that moved for one of them, at most",
    );
    figures.measure(
        "churn_worst_load_ratio",
        churn.load,
        "the fullest shard beside the mean, at most",
    );
    args.common.print(&figures)
}

/// The worst of all changes.
#[derive(Clone, Copy, Debug, Default)]
struct Churn {
    moved: f64,
    load: f64,
}

/// Lets shards leave and come back, one at a time; at least three quarters of them are always there.
fn churn(devices: &[DeviceKey], pool: &[Shard], changes: u32) -> Churn {
    // A generator of its own, so that the same changes come in every run.
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below as u64).unwrap_or(0)
    };
    let mut is_there = vec![true; pool.len()];
    // By place in the pool, which stays when others come and go.
    let mut at: Vec<Option<usize>> = vec![None; devices.len()];
    let mut worst = Churn::default();
    for change in 0..=changes {
        let absent: Vec<_> = (0..pool.len()).filter(|shard| !is_there[*shard]).collect();
        if change > 0 {
            let comes = absent.len() > random(pool.len() / 4 + 1);
            let shard = if comes {
                absent[random(absent.len())]
            } else {
                let present: Vec<_> = (0..pool.len()).filter(|shard| is_there[*shard]).collect();
                present[random(present.len())]
            };
            is_there[shard] = comes;
        }
        let present: Vec<usize> = (0..pool.len()).filter(|shard| is_there[*shard]).collect();
        let shards: Vec<Shard> = present.iter().map(|shard| pool[*shard]).collect();
        let index = |shard: usize| present.binary_search(&shard).ok();
        let previous: Vec<_> = at.iter().map(|shard| index((*shard)?)).collect();
        let placed = solve(devices, &shards, &previous);
        let after: Vec<_> = placed
            .iter()
            .map(|shard| Some(present[(*shard)?]))
            .collect();
        let mut loads = vec![0_u64; shards.len()];
        placed.iter().flatten().for_each(|shard| loads[*shard] += 1);
        let mean = count(devices.len() as u64) / count(shards.len() as u64);
        let most = loads.into_iter().max().unwrap_or_default();
        worst.load = worst.load.max(count(most) / mean);
        if change > 0 {
            let moved = at
                .iter()
                .zip(&after)
                .filter(|(before, after)| before != after);
            worst.moved = worst.moved.max(count(moved.count() as u64));
        }
        at = after;
    }
    worst
}
