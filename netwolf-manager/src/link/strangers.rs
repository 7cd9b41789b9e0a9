//! Whose handshake is paid for: a handshake costs the manager more than a caller. Pure; time comes in.
//!
//! ```text
//!   address --> had an agent with a certificate in the last hour? -- yes --> a bucket of its own
//!                 | no
//!                 +--> bucket of the address, then the bucket of all strangers
//! ```
//!
//! Invariant: strangers, however many, take nothing from the addresses of agents.

use std::{
    collections::HashMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use foldhash::fast::RandomState;

use netwolf_web::bucket::{Bucket, Buckets, Rate, network};

/// Of an address that is not known: the shards of a few machines behind it that join at the same time.
pub const STRANGER: Rate = Rate {
    burst: 64,
    interval: Duration::from_millis(50),
};

/// Of all addresses that are not known together, which are all when a manager starts: a tenth of a core at most, and
/// room for a thousand shards that come at once.
pub const STRANGERS: Rate = Rate {
    burst: 1000,
    interval: Duration::from_millis(5),
};

/// Of an address that is known: all shards of a site may be behind it.
pub const KNOWN: Rate = Rate {
    burst: 1000,
    interval: Duration::from_millis(10),
};

/// An address is known for so long after a link of it was there.
pub const KNOWN_FOR: Duration = Duration::from_hours(1);

/// Addresses that are known at most; more than links that can be.
const MAX_KNOWN: usize = 8192;

/// Why a connection is closed before anything is done for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// Its address has had its share of strangers' connections.
    Source,
    /// Strangers have had theirs.
    Strangers,
    /// Its address is known, and has had its share all the same.
    Known,
}

/// Whether an address is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acquaintance {
    /// Nobody with a certificate was there of late.
    Stranger,
    /// An agent was.
    Known,
}

#[derive(Debug)]
struct Friend {
    seen: Instant,
    bucket: Bucket,
}

/// The addresses that call.
#[derive(Debug)]
pub struct Strangers {
    /// By [`network`].
    known: HashMap<IpAddr, Friend, RandomState>,
    sources: Buckets,
    all: Bucket,
}

impl Strangers {
    /// Nobody is known.
    pub fn new(now: Instant) -> Self {
        Self {
            known: HashMap::default(),
            sources: Buckets::new(STRANGER, now),
            all: Bucket::new(STRANGERS, now),
        }
    }

    /// Somebody calls from `source`.
    ///
    /// # Errors
    /// [`Excess`] when it is to be hung up on.
    pub fn call(&mut self, source: IpAddr, now: Instant) -> Result<Acquaintance, Excess> {
        if let Some(friend) = self
            .known
            .get_mut(&network(source))
            .filter(|f| f.is_known(now))
        {
            let taken = friend.bucket.take(now);
            return taken.then_some(Acquaintance::Known).ok_or(Excess::Known);
        }
        if !self.sources.take(source, now) {
            return Err(Excess::Source);
        }
        if !self.all.take(now) {
            return Err(Excess::Strangers);
        }
        Ok(Acquaintance::Stranger)
    }

    /// An agent with a certificate is, or was until now, at `source`.
    pub fn meet(&mut self, source: IpAddr, now: Instant) {
        if let Some(friend) = self.known.get_mut(&network(source)) {
            friend.seen = now;
            return;
        }
        if self.known.len() >= MAX_KNOWN {
            self.known.retain(|_, friend| friend.is_known(now));
        }
        if self.known.len() < MAX_KNOWN {
            let bucket = Bucket::new(KNOWN, now);
            self.known
                .insert(network(source), Friend { seen: now, bucket });
        }
    }
}

impl Friend {
    fn is_known(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.seen) <= KNOWN_FOR
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(n: u32) -> IpAddr {
        IpAddr::V4((0x0a00_0000 + n).into())
    }

    fn count(strangers: &mut Strangers, source: IpAddr, calls: usize, now: Instant) -> usize {
        (0..calls)
            .filter(|_| strangers.call(source, now).is_ok())
            .count()
    }

    #[test]
    fn a_flood_of_strangers_takes_nothing_from_agents() {
        let now = Instant::now();
        let mut strangers = Strangers::new(now);
        strangers.meet(source(0), now);
        let taken: usize = (1..=100)
            .map(|n| count(&mut strangers, source(n), 1000, now))
            .sum();
        assert_eq!(taken, 1000, "the burst of all");
        assert_eq!(strangers.call(source(101), now), Err(Excess::Strangers));
        assert_eq!(strangers.call(source(0), now), Ok(Acquaintance::Known));
    }

    #[test]
    fn one_stranger_does_not_shut_out_the_others() {
        let now = Instant::now();
        let mut strangers = Strangers::new(now);
        assert_eq!(count(&mut strangers, source(1), 1000, now), 64);
        assert_eq!(strangers.call(source(1), now), Err(Excess::Source));
        assert_eq!(strangers.call(source(2), now), Ok(Acquaintance::Stranger));
        let later = now + Duration::from_secs(1);
        assert_eq!(count(&mut strangers, source(1), 1000, later), 20);
    }

    #[test]
    fn an_address_is_known_for_an_hour_after_its_last_link() {
        let now = Instant::now();
        let mut strangers = Strangers::new(now);
        strangers.meet(source(1), now);
        assert_eq!(count(&mut strangers, source(1), 2000, now), 1000);
        assert_eq!(strangers.call(source(1), now), Err(Excess::Known));
        let last = now + KNOWN_FOR;
        assert_eq!(strangers.call(source(1), last), Ok(Acquaintance::Known));
        strangers.meet(source(1), last);
        let later = last + KNOWN_FOR;
        assert_eq!(strangers.call(source(1), later), Ok(Acquaintance::Known));
        let after = later + Duration::from_secs(1);
        assert_eq!(strangers.call(source(1), after), Ok(Acquaintance::Stranger));
    }
}
