//! Token buckets: so many at once, and so many a second after that. Pure; time comes in.

use std::{collections::HashMap, hash::Hash, net::IpAddr, time::Instant};

use foldhash::fast::RandomState;

/// How fast a bucket fills and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Added a second.
    pub per_second: f64,
    /// Held at most.
    pub burst: f64,
}

/// A bucket that begins full.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    level: f64,
    at: Instant,
}

impl Bucket {
    /// A full one.
    pub const fn full(rate: Rate, now: Instant) -> Self {
        Self {
            level: rate.burst,
            at: now,
        }
    }

    fn fill(&mut self, rate: Rate, now: Instant) {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.level = (self.level + since * rate.per_second).min(rate.burst);
        self.at = now;
    }

    /// Whether there is one to take.
    pub fn has(&mut self, rate: Rate, now: Instant) -> bool {
        self.fill(rate, now);
        self.level >= 1.0
    }

    /// Takes one, if there is one.
    pub fn take(&mut self, rate: Rate, now: Instant) -> bool {
        let has = self.has(rate, now);
        if has {
            self.level -= 1.0;
        }
        has
    }
}

/// Where a connection comes from, as far as it can be held to account: an address, or the 64 bits of an IPv6 address
/// that are one customer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source(IpAddr);

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => {
                let network = u128::from(address) >> 64 << 64;
                IpAddr::V6(network.into())
            }
            address @ IpAddr::V4(_) => address,
        })
    }
}

/// A bucket for each of many, of a bounded number.
#[derive(Debug)]
pub struct Buckets<K> {
    rate: Rate,
    limit: usize,
    by_key: HashMap<K, Bucket, RandomState>,
}

impl<K: Copy + Eq + Hash> Buckets<K> {
    /// Buckets for at most `limit` at a time.
    pub fn new(rate: Rate, limit: usize) -> Self {
        Self {
            rate,
            limit,
            by_key: HashMap::default(),
        }
    }

    /// The bucket of `key`; `None` when there is no room for it, so that nothing is known of it.
    fn of(&mut self, key: K, now: Instant) -> Option<&mut Bucket> {
        let rate = self.rate;
        if !self.by_key.contains_key(&key) && self.by_key.len() >= self.limit {
            // A full bucket says no more than a new one.
            self.by_key.retain(|_, bucket| {
                bucket.fill(rate, now);
                bucket.level < rate.burst
            });
            if self.by_key.len() >= self.limit {
                return None;
            }
        }
        Some(
            self.by_key
                .entry(key)
                .or_insert_with(|| Bucket::full(rate, now)),
        )
    }

    /// Whether there is one to take for `key`. Without room for another bucket there is.
    pub fn has(&mut self, key: K, now: Instant) -> bool {
        let rate = self.rate;
        self.of(key, now).is_none_or(|bucket| bucket.has(rate, now))
    }

    /// Takes one for `key`, if there is one. Without room for another bucket there is.
    pub fn take(&mut self, key: K, now: Instant) -> bool {
        let rate = self.rate;
        self.of(key, now)
            .is_none_or(|bucket| bucket.take(rate, now))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const RATE: Rate = Rate {
        per_second: 2.0,
        burst: 3.0,
    };

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let now = Instant::now();
        let mut bucket = Bucket::full(RATE, now);
        let mut taken = |now| (0..10).filter(|_| bucket.take(RATE, now)).count();
        assert_eq!(taken(now), 3);
        assert_eq!(taken(now + Duration::from_millis(400)), 0);
        assert_eq!(taken(now + Duration::from_millis(500)), 1);
        assert_eq!(taken(now + Duration::from_mins(1)), 3);
    }

    #[test]
    fn buckets_are_apart_and_of_a_bounded_number() {
        let now = Instant::now();
        let mut buckets = Buckets::new(RATE, 2);
        for key in [1, 2] {
            assert!((0..3).all(|_| buckets.take(key, now)));
            assert!(!buckets.take(key, now) && !buckets.has(key, now));
        }
        assert!(
            (0..9).all(|_| buckets.take(3, now)),
            "there is no room for it"
        );
        let later = now + Duration::from_secs(2);
        assert!(buckets.take(3, later), "full ones make room");
        assert_eq!(buckets.by_key.len(), 1);
    }

    #[test]
    fn a_customers_addresses_are_one_source() {
        let source = |text: &str| Source::from(text.parse::<IpAddr>().unwrap());
        assert_eq!(source("2001:db8:1:2::1"), source("2001:db8:1:2:ffff::9"));
        assert_ne!(source("2001:db8:1:2::1"), source("2001:db8:1:3::1"));
        assert_ne!(source("192.0.2.1"), source("192.0.2.2"));
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
    }
}
