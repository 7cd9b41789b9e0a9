//! How the connections of a remote fare, all together.

use std::sync::Mutex;

use tokio::time::Instant;

use super::lock;

/// Shared by the connections of a remote.
#[derive(Debug)]
pub(super) struct Health(Mutex<Shared>);

#[derive(Debug)]
struct Shared {
    lanes: Vec<Lane>,
    /// When the receiver last took something.
    taken: Option<Instant>,
}

/// One connection.
#[derive(Clone, Debug, Default)]
struct Lane {
    /// Time of the oldest sample that it has not sent yet.
    oldest_ms: Option<u64>,
    /// Why the receiver takes nothing from it just now.
    trouble: Option<String>,
}

impl Health {
    /// So many connections, with nothing to send.
    pub(super) fn new(n_lanes: usize) -> Self {
        Self(Mutex::new(Shared {
            lanes: vec![Lane::default(); n_lanes],
            taken: None,
        }))
    }

    /// A connection has samples to send of which the oldest is of this time, or none.
    pub(super) fn begun(&self, lane: usize, oldest_ms: Option<u64>) {
        lock(&self.0).lanes[lane].oldest_ms = oldest_ms;
    }

    /// Time of the oldest sample that a connection has not sent yet.
    pub(super) fn oldest(&self) -> Option<u64> {
        lock(&self.0)
            .lanes
            .iter()
            .filter_map(|lane| lane.oldest_ms)
            .min()
    }

    /// The receiver takes nothing from a connection. Returns whether all had been well.
    pub(super) fn ails(&self, lane: usize, why: &str) -> bool {
        let lanes = &mut lock(&self.0).lanes;
        let were_well = lanes.iter().all(|lane| lane.trouble.is_none());
        lanes[lane].trouble = Some(why.to_owned());
        were_well
    }

    /// The receiver has taken something from a connection. Returns whether that was the last in trouble.
    pub(super) fn is_well(&self, lane: usize) -> bool {
        let mut shared = lock(&self.0);
        shared.taken = Some(Instant::now());
        let was_ailing = shared.lanes[lane].trouble.take().is_some();
        was_ailing && shared.lanes.iter().all(|lane| lane.trouble.is_none())
    }

    /// Whether the receiver has taken something since.
    pub(super) fn was_taken_after(&self, time: Instant) -> bool {
        lock(&self.0).taken.is_some_and(|taken| taken > time)
    }

    /// Why the receiver takes nothing just now, from one of the connections.
    pub(super) fn trouble(&self) -> Option<String> {
        let shared = lock(&self.0);
        shared.lanes.iter().find_map(|lane| lane.trouble.clone())
    }
}
