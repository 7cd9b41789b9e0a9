//! `netwolf bench placement`: one solution of where devices belong, on one core.

use std::time::{Duration, Instant};

use netwolf_manager::placement::{DeviceKey, ShardKey, solve};
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
    let shards: Vec<ShardKey> = (0..=args.shards)
        .map(|number| {
            let agent = AgentName::new(&format!("agent-{}", number / 4))?;
            Ok(ShardKey::of(&ShardId {
                agent,
                index: number % 4,
            }))
        })
        .collect::<anyhow::Result<_>>()?;
    let (all, most) = (&shards[..], &shards[..shards.len() - 1]);
    let nothing = vec![None; devices.len()];
    let timed = |shards: &[ShardKey], previous: &[Option<usize>]| {
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
    args.common.print(&figures)
}
