//! When devices are placed on shards, as these come and go. No IO, no clock.
//!
//! ```text
//!   Awaiting --(all known shards are back, or settle is over)--> Gathering --(placed)--> Settled
//!      ^ only after a start with known shards                       ^ a start without any
//! ```
//!
//! After a start with known shards not before all of them are back or `settle` has passed, so that a restart
//! of the manager moves nothing; after a join when membership has been quiet for [`QUIET`], so that the shards
//! of an agent count as one change; after a loss at once.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use netwolf_wire::ShardId;

/// After a join, membership must have been quiet for so long before devices are placed.
pub const QUIET: Duration = Duration::from_millis(500);

/// Joins that follow each other, or siblings that were announced and do not come, delay placement for no longer.
pub const JOIN_PATIENCE: Duration = Duration::from_secs(2);

/// The machine.
#[derive(Debug)]
pub(super) struct Gathering {
    phase: Phase,
    /// Known from before the start and not back yet.
    awaited: BTreeSet<ShardId>,
    /// When devices are to be placed, and the first join that this waits for.
    place_at: Option<Instant>,
    joining_since: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Shards known from before have until then to come back.
    Awaiting {
        until: Instant,
    },
    /// No placement was made yet.
    Gathering,
    Settled,
}

impl Gathering {
    /// A start; `known` shards have until `until` to come back.
    pub(super) fn new(until: Instant, known: BTreeSet<ShardId>) -> Self {
        let phase = if known.is_empty() {
            Phase::Gathering
        } else {
            Phase::Awaiting { until }
        };
        Self {
            phase,
            awaited: known,
            place_at: None,
            joining_since: None,
        }
    }

    /// Whether devices have been placed.
    pub(super) fn is_settled(&self) -> bool {
        self.phase == Phase::Settled
    }

    /// Known from before and not back yet.
    pub(super) fn awaited(&self) -> &BTreeSet<ShardId> {
        &self.awaited
    }

    /// Whether shards known from before are waited for.
    pub(super) fn awaits_known(&self) -> bool {
        matches!(self.phase, Phase::Awaiting { .. })
    }

    /// What the start still waits for, for people.
    pub(super) fn waits_for(&self, has_shards: bool) -> Option<String> {
        match self.phase {
            Phase::Settled => None,
            Phase::Awaiting { .. } => Some(format!(
                "waiting for {} of the shards that were there before the start",
                self.awaited.len()
            )),
            Phase::Gathering if has_shards => Some("waiting until no more shards join".into()),
            Phase::Gathering => Some("waiting for the first agent".into()),
        }
    }

    /// A shard has joined, one of `siblings`; `is_complete` when no agent lacks any.
    pub(super) fn joined(
        &mut self,
        now: Instant,
        shard: &ShardId,
        siblings: u16,
        is_complete: bool,
    ) {
        self.awaited.remove(shard);
        // An agent that has come back with fewer shards: nobody waits for the others.
        self.awaited
            .retain(|known| known.agent != shard.agent || known.index < siblings);
        let since = *self.joining_since.get_or_insert(now);
        let patience = if is_complete { QUIET } else { JOIN_PATIENCE };
        self.place_at = Some((now + patience).min(since + JOIN_PATIENCE));
    }

    /// A shard is gone: its devices have none now, and nothing is gained by waiting.
    pub(super) fn left(&mut self, now: Instant) {
        self.place_at = Some(now);
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self.phase {
            Phase::Awaiting { until } => Some(until),
            Phase::Gathering | Phase::Settled => self.place_at,
        }
    }

    /// Ends the wait for known shards when it is over. Returns whether some of them are given up.
    pub(super) fn handle_timeout(&mut self, now: Instant, has_shards: bool) -> bool {
        let Phase::Awaiting { until } = self.phase else {
            return false;
        };
        if !self.awaited.is_empty() && now < until {
            return false;
        }
        self.phase = Phase::Gathering;
        // Whoever came back has had its time to gather.
        self.place_at = has_shards.then_some(now);
        !std::mem::take(&mut self.awaited).is_empty()
    }

    /// Whether devices are to be placed now; says so once.
    pub(super) fn take_placement(&mut self, now: Instant, has_shards: bool) -> bool {
        let is_due = self.place_at.is_some_and(|at| now >= at)
            && !matches!(self.phase, Phase::Awaiting { .. });
        if is_due {
            self.place_at = None;
            self.joining_since = None;
            // A first placement without a shard was none.
            if has_shards {
                self.phase = Phase::Settled;
            }
        }
        is_due
    }
}
