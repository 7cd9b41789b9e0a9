//! The wait for the shards of before, as the log tells it: once when it begins and once when it is over.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use netwolf_wire::ShardId;
use tracing::{info, warn};

use crate::fleet::Fleet;

/// Shards that a line of the log names; of the others it says how many they are.
const NAMED: usize = 8;

/// A wait that goes on.
#[derive(Debug)]
pub(super) struct Wait {
    since: Instant,
    shards: BTreeSet<ShardId>,
}

impl Wait {
    /// Begins to wait for `shards`; `None` where there are none.
    pub(super) fn begin(
        now: Instant,
        settle: Duration,
        shards: &BTreeSet<ShardId>,
    ) -> Option<Self> {
        if shards.is_empty() {
            return None;
        }
        let (seconds, n_shards) = (settle.as_secs_f64(), shards.len());
        let plural = if n_shards == 1 {
            "shard that was"
        } else {
            "shards that were"
        };
        info!(
            shards = names(shards.iter()),
            "waiting up to {seconds} s for {n_shards} {plural} there before"
        );
        Some(Self {
            since: now,
            shards: shards.clone(),
        })
    }

    /// It is over.
    pub(super) fn end(self, now: Instant, fleet: &Fleet) {
        let waited = now.saturating_duration_since(self.since);
        let elapsed_seconds = (waited.as_secs_f64() * 10.0).round() / 10.0;
        let present: BTreeSet<_> = fleet.shards().collect();
        let missing: Vec<_> = self
            .shards
            .iter()
            .filter(|s| !present.contains(s))
            .collect();
        if missing.is_empty() {
            info!(
                elapsed_seconds,
                "all shards that were there before are back"
            );
        } else {
            warn!(
                elapsed_seconds,
                n_missing = missing.len(),
                missing = names(missing.into_iter()),
                "not all shards that were there before came back in time; nobody waits for them any more"
            );
        }
    }
}

/// The first of them by name, as `a1/0, a1/1 and 3 more`.
fn names<'a>(shards: impl ExactSizeIterator<Item = &'a ShardId>) -> String {
    let more = shards.len().saturating_sub(NAMED);
    let named: Vec<_> = shards.take(NAMED).map(ToString::to_string).collect();
    let named = named.join(", ");
    if more == 0 {
        named
    } else {
        format!("{named} and {more} more")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded() {
        let shards: Vec<_> = (0..11)
            .map(|index| ShardId {
                agent: "a1".parse().unwrap(),
                index,
            })
            .collect();
        assert_eq!(names(shards.iter().take(2)), "a1/0, a1/1");
        assert!(names(shards.iter()).ends_with("a1/7 and 3 more"));
        assert!(Wait::begin(Instant::now(), Duration::from_secs(10), &BTreeSet::new()).is_none());
    }
}
