//! The manager's own state, from a snapshot.

use crate::{
    board::CoreState,
    exposition::{OwnFamily, Type},
};

/// How full a queue is.
#[derive(Clone, Copy, Debug)]
pub struct Queue {
    /// Its name.
    pub name: &'static str,
    /// What waits in it.
    pub depth: usize,
    /// What fits in it.
    pub limit: usize,
}

/// Families of the core's state, of `n_devices` in the inventory and of `n_series` held.
pub fn families(
    core: &CoreState,
    queues: &[Queue],
    n_devices: usize,
    n_series: usize,
) -> Vec<OwnFamily> {
    let gauge = |name: &str, help| OwnFamily::new(name, Type::Gauge, help);
    let counter = |name: &str, help| OwnFamily::new(name, Type::Counter, help);

    let mut build = OwnFamily::new(
        "netwolf_build",
        Type::Info,
        "The program that serves this page.",
    );
    build.add(&[("version", env!("CARGO_PKG_VERSION"))], 1.0);

    let mut leases = gauge(
        "netwolf_manager_leases",
        "Devices of the inventory by the state of their lease.",
    );
    let unassigned = n_devices.saturating_sub(core.held + core.revoking);
    for (state, n) in [
        ("held", core.held),
        ("revoking", core.revoking),
        ("unassigned", unassigned),
    ] {
        leases.count(&[("state", state)], n as u64);
    }

    let mut waiting = gauge(
        "netwolf_manager_lease_moves_waiting",
        "Devices that are to move to another shard and wait for their turn.",
    );
    waiting.count(&[], core.moves_waiting as u64);

    let mut depth = gauge(
        "netwolf_manager_queue_depth",
        "Messages that wait in a queue of the manager.",
    );
    let mut limit = gauge(
        "netwolf_manager_queue_limit",
        "Messages that fit in a queue of the manager.",
    );
    for queue in queues {
        depth.count(&[("queue", queue.name)], queue.depth as u64);
        limit.count(&[("queue", queue.name)], queue.limit as u64);
    }

    let mut series = gauge(
        "netwolf_manager_series",
        "Series of devices that are held, stale ones included.",
    );
    series.count(&[], n_series as u64);

    let totals = [
        (
            "netwolf_manager_lease_grants",
            "Leases granted to shards.",
            core.totals.grants,
        ),
        (
            "netwolf_manager_lease_moves",
            "Leases revoked for the sake of balance.",
            core.totals.moves,
        ),
        (
            "netwolf_manager_lease_takeovers",
            "Leases that ended with a lost or silent shard.",
            core.totals.takeovers,
        ),
        (
            "netwolf_manager_lease_adoptions",
            "Leases that shards brought along.",
            core.totals.adoptions,
        ),
    ];
    let totals = totals.map(|(name, help, value)| {
        let mut family = counter(name, help);
        family.count(&[], value);
        family
    });
    [build, leases, waiting, depth, limit, series]
        .into_iter()
        .chain(totals)
        .collect()
}
