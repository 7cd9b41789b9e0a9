//! Logins are paced: by a token bucket for all of an agent, so that a thousand devices that come back together
//! do not storm, and by a window for each device that allows only so many logins a minute.
//!
//! A login asks the bucket once and is told how long to wait; it then has its place in the queue. Nobody is
//! refused, so the queue is as long as there are devices, and never longer.

use std::{
    collections::VecDeque,
    num::NonZeroU32,
    time::{Duration, Instant},
};

/// Logins a second for a whole agent, and how many may start at once after a quiet time.
///
/// AAA servers take some hundred requests a second, and devices that an agent has lost wait for others to log in.
pub(crate) const LOGINS_PER_SECOND: NonZeroU32 = NonZeroU32::new(100).expect("it is not zero");

/// What devices count logins by.
const MINUTE: Duration = Duration::from_mins(1);
/// Devices that allow sixty logins a minute have been seen to mean one a second.
const MAX_GAP: Duration = Duration::from_secs(1);
/// A larger limit is no limit: a session is not made anew ten times a second.
const MAX_LIMIT: u32 = 600;

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
    /// The share of one of `shards` shards of an agent that makes at most `per_second` logins a second.
    pub(crate) fn for_shard(shards: u16, per_second: NonZeroU32) -> Self {
        let shards = u32::from(shards.max(1));
        let gap = Duration::from_secs(1) * shards / per_second.get();
        let burst = (per_second.get() / shards).max(1);
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

/// The logins of one device, reconnects included.
///
/// It lives with the device's task: a device that moves to another shard is counted anew there.
#[derive(Debug, Default)]
pub(crate) struct DevicePace {
    /// When logins of the last minute began, oldest first; at most as many as the limit.
    starts: VecDeque<Instant>,
}

impl DevicePace {
    /// How long the next login must still wait where `limit` logins a minute are allowed; `None` says that it
    /// may begin.
    pub(crate) fn wait(&self, limit: Option<u32>, now: Instant) -> Option<Duration> {
        let limit = limit.filter(|limit| *limit <= MAX_LIMIT)?.max(1);
        let last = *self.starts.back()?;
        let mut at = last + (MINUTE / limit).min(MAX_GAP);
        let allowed = usize::try_from(limit).unwrap_or(usize::MAX);
        if let Some(oldest) = self.starts.len().checked_sub(allowed) {
            at = at.max(self.starts[oldest] + MINUTE);
        }
        (at > now).then(|| at - now)
    }

    /// A login begins.
    pub(crate) fn start(&mut self, limit: Option<u32>, now: Instant) {
        let Some(limit) = limit.filter(|limit| *limit <= MAX_LIMIT) else {
            self.starts.clear();
            return;
        };
        self.starts.push_back(now);
        let kept = usize::try_from(limit.max(1)).unwrap_or(usize::MAX);
        while self.starts.len() > kept {
            self.starts.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let now = Instant::now();
        let mut pacing = Pacing::for_shard(1, LOGINS_PER_SECOND);
        let waits: Vec<_> = (0..150).map(|_| pacing.reserve(now)).collect();
        assert!(waits[..100].iter().all(Duration::is_zero));
        assert_eq!(waits[100], Duration::from_millis(10));
        assert_eq!(waits[149], Duration::from_millis(500));
    }

    #[test]
    fn the_shards_of_an_agent_share_its_rate() {
        let now = Instant::now();
        let mut shards: Vec<_> = (0..4)
            .map(|_| Pacing::for_shard(4, LOGINS_PER_SECOND))
            .collect();
        let within_a_second = shards
            .iter_mut()
            .flat_map(|pacing| (0..200).map(|_| pacing.reserve(now)).collect::<Vec<_>>())
            .filter(|wait| *wait <= Duration::from_secs(1))
            .count();
        assert!((190..=200).contains(&within_a_second), "{within_a_second}");
    }

    #[test]
    fn a_quiet_time_fills_the_bucket_and_no_more() {
        let start = Instant::now();
        let mut pacing = Pacing::for_shard(1, LOGINS_PER_SECOND);
        for _ in 0..200 {
            pacing.reserve(start);
        }
        let later = start + Duration::from_hours(1);
        let at_once = (0..200).filter(|_| pacing.reserve(later).is_zero()).count();
        assert_eq!(at_once, 100);
    }

    #[test]
    fn more_shards_than_logins_still_get_their_turn() {
        let now = Instant::now();
        let mut pacing = Pacing::for_shard(200, LOGINS_PER_SECOND);
        assert!(pacing.reserve(now).is_zero());
        assert_eq!(pacing.reserve(now), Duration::from_secs(2));
    }

    #[test]
    fn another_rate_is_another_gap() {
        let now = Instant::now();
        let mut pacing = Pacing::for_shard(1, NonZeroU32::new(2).unwrap());
        let waits: Vec<_> = (0..4).map(|_| pacing.reserve(now).as_millis()).collect();
        assert_eq!(waits, [0, 0, 500, 1000]);
    }

    /// Logs in as often as the pace allows, and tells when.
    fn logins(limit: u32, n: usize) -> Vec<Duration> {
        let start = Instant::now();
        let mut now = start;
        let mut pace = DevicePace::default();
        let mut at = Vec::new();
        for _ in 0..n {
            while let Some(wait) = pace.wait(Some(limit), now) {
                now += wait;
            }
            pace.start(Some(limit), now);
            at.push(now - start);
        }
        at
    }

    #[test]
    fn a_device_never_sees_more_logins_a_minute_than_it_allows() {
        for limit in [1, 2, 10, 60, 150] {
            let at = logins(limit, 400);
            let limit = usize::try_from(limit).unwrap();
            for (first, over) in at.iter().zip(at.iter().skip(limit)) {
                assert!(*over >= *first + MINUTE, "{limit}: {first:?} {over:?}");
            }
        }
        let at = logins(60, 3);
        assert_eq!(
            at[1],
            Duration::from_secs(1),
            "one a second where sixty are allowed"
        );
    }

    #[test]
    fn no_limit_means_no_wait_and_no_memory() {
        let now = Instant::now();
        let mut pace = DevicePace::default();
        for limit in [None, Some(u32::MAX)] {
            for _ in 0..1000 {
                assert_eq!(pace.wait(limit, now), None);
                pace.start(limit, now);
            }
            assert!(pace.starts.is_empty());
        }
    }
}
