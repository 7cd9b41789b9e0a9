//! Logins are paced: a token bucket, so that a thousand devices that come back together do not storm.
//!
//! A login asks once and is told how long to wait; it then has its place in the queue. Nobody is refused,
//! so the queue is as long as there are devices, and never longer.

use std::time::{Duration, Instant};

/// Logins a second for a whole agent, and how many may start at once after a quiet time.
///
/// AAA servers take some hundred requests a second; fifty leaves room for the people who log in.
pub(crate) const LOGINS_PER_SECOND: u32 = 50;

/// Hands out the times at which logins may start.
#[derive(Debug)]
pub(crate) struct Pacing {
    /// From one login to the next when the bucket is empty.
    gap: Duration,
    /// How far the bucket may run ahead: the burst.
    slack: Duration,
    /// When the bucket is full again; the further it lies ahead, the emptier the bucket is.
    full_at: Option<Instant>,
}

impl Pacing {
    /// The share of one of `shards` shards.
    pub(crate) fn for_shard(shards: u16) -> Self {
        let gap = Duration::from_secs(1) * u32::from(shards.max(1)) / LOGINS_PER_SECOND;
        let burst = (LOGINS_PER_SECOND / u32::from(shards.max(1))).max(1);
        Self {
            gap,
            slack: gap * (burst - 1),
            full_at: None,
        }
    }

    /// Takes a place in the queue: the login may start after the returned time.
    pub(crate) fn reserve(&mut self, now: Instant) -> Duration {
        let full_at = self.full_at.map_or(now, |at| at.max(now));
        let wait = full_at
            .saturating_duration_since(now)
            .saturating_sub(self.slack);
        self.full_at = Some(full_at + self.gap);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let now = Instant::now();
        let mut pacing = Pacing::for_shard(1);
        let waits: Vec<_> = (0..150).map(|_| pacing.reserve(now)).collect();
        assert!(waits[..50].iter().all(Duration::is_zero));
        assert_eq!(waits[50], Duration::from_millis(20));
        assert_eq!(waits[149], Duration::from_secs(2));
    }

    #[test]
    fn the_shards_of_an_agent_share_its_rate() {
        let now = Instant::now();
        let mut shards: Vec<_> = (0..4).map(|_| Pacing::for_shard(4)).collect();
        let within_a_second = shards
            .iter_mut()
            .flat_map(|pacing| (0..100).map(|_| pacing.reserve(now)).collect::<Vec<_>>())
            .filter(|wait| *wait <= Duration::from_secs(1))
            .count();
        assert!((90..=100).contains(&within_a_second), "{within_a_second}");
    }

    #[test]
    fn a_quiet_time_fills_the_bucket_and_no_more() {
        let start = Instant::now();
        let mut pacing = Pacing::for_shard(1);
        for _ in 0..100 {
            pacing.reserve(start);
        }
        let later = start + Duration::from_hours(1);
        let at_once = (0..100).filter(|_| pacing.reserve(later).is_zero()).count();
        assert_eq!(at_once, 50);
    }

    #[test]
    fn more_shards_than_logins_still_get_their_turn() {
        let now = Instant::now();
        let mut pacing = Pacing::for_shard(200);
        assert!(pacing.reserve(now).is_zero());
        assert_eq!(pacing.reserve(now), Duration::from_secs(4));
    }
}
