//! How often something may happen: a bucket that fills with time, and a bounded number of them by address. Pure: time
//! comes in as `now`.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

/// A size and a pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// So much at once.
    pub burst: u32,
    /// From one to the next in the long run.
    pub interval: Duration,
}

/// Holds up to `burst` tokens and gets one each `interval`.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    rate: Rate,
    /// When it would be full if nobody took anything more: what is left to fill is what was taken.
    full_at: Instant,
}

impl Bucket {
    /// A full one.
    pub const fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, full_at: now }
    }

    /// Takes a token, if there is one.
    pub fn take(&mut self, now: Instant) -> bool {
        let Rate { burst, interval } = self.rate;
        let full_at = self.full_at.max(now) + interval;
        if full_at - now > interval.saturating_mul(burst) {
            return false;
        }
        self.full_at = full_at;
        true
    }

    /// Whether there is a token to take.
    pub fn has(&self, now: Instant) -> bool {
        let mut probe = *self;
        probe.take(now)
    }

    /// How it fills.
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    fn is_full(&self, now: Instant) -> bool {
        self.full_at <= now
    }
}

/// Addresses that are remembered; beyond them the others share a bucket.
const MAX_ADDRESSES: usize = 4096;

/// A bucket for each address.
#[derive(Debug)]
pub struct Buckets {
    rate: Rate,
    by_address: HashMap<IpAddr, Bucket>,
    /// Of whoever has none of his own.
    others: Bucket,
}

impl Buckets {
    /// All full.
    pub fn new(rate: Rate, now: Instant) -> Self {
        Self {
            rate,
            by_address: HashMap::new(),
            others: Bucket::new(rate, now),
        }
    }

    /// Whether the address's bucket has a token.
    pub fn has(&self, address: IpAddr, now: Instant) -> bool {
        match self.by_address.get(&network(address)) {
            Some(bucket) => bucket.has(now),
            None => self.by_address.len() < MAX_ADDRESSES || self.others.has(now),
        }
    }

    /// Takes a token of the address's bucket, if there is one.
    pub fn take(&mut self, address: IpAddr, now: Instant) -> bool {
        let address = network(address);
        if let Some(bucket) = self.by_address.get_mut(&address) {
            return bucket.take(now);
        }
        if self.by_address.len() >= MAX_ADDRESSES {
            self.by_address.retain(|_, bucket| !bucket.is_full(now));
        }
        if self.by_address.len() >= MAX_ADDRESSES {
            return self.others.take(now);
        }
        let mut bucket = Bucket::new(self.rate, now);
        let is_taken = bucket.take(now);
        self.by_address.insert(address, bucket);
        is_taken
    }
}

/// What counts as one address: of IPv6 the first 64 bits, because a host has as many of them as it likes.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) >> 64 << 64;
            IpAddr::V6(network.into())
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        burst: 3,
        interval: Duration::from_secs(1),
    };

    #[test]
    fn a_burst_and_then_one_an_interval() {
        let start = Instant::now();
        let mut bucket = Bucket::new(RATE, start);
        let mut taken = |seconds: f64| bucket.take(start + Duration::from_secs_f64(seconds));
        assert!(taken(0.0) && taken(0.0) && taken(0.0));
        assert!(!taken(0.0) && !taken(0.9));
        assert!(taken(1.0) && !taken(1.5));
        assert!(taken(100.0) && taken(100.0) && taken(100.0) && !taken(100.0));
    }

    #[test]
    fn an_address_has_its_own_and_a_crowd_shares_one() {
        let start = Instant::now();
        let mut buckets = Buckets::new(RATE, start);
        let address = |n: u32| IpAddr::V4(n.into());
        for _ in 0..RATE.burst {
            assert!(buckets.take(address(1), start));
        }
        assert!(!buckets.take(address(1), start));
        for n in 2..=u32::try_from(MAX_ADDRESSES).unwrap() {
            assert!(buckets.take(address(n), start));
        }
        let strangers = (0..100).map(|n| address(1_000_000 + n));
        let n_let_in = strangers
            .filter(|stranger| buckets.take(*stranger, start))
            .count();
        assert_eq!(n_let_in, 3);
        assert!(!buckets.has(address(2_000_000), start));
        assert!(!buckets.has(address(1), start) && buckets.has(address(2), start));
        assert_eq!(buckets.by_address.len(), MAX_ADDRESSES);
        // Who has been quiet is forgotten.
        assert!(buckets.take(address(2_000_000), start + RATE.interval));
    }

    #[test]
    fn a_network_of_one_host_is_one_address() {
        let same = |a: &str, b: &str| network(a.parse().unwrap()) == network(b.parse().unwrap());
        assert!(same("2001:db8::1", "2001:db8::ffff:1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!same("2001:db8::1", "2001:db8:0:1::1") && !same("192.0.2.1", "192.0.2.2"));
    }
}
