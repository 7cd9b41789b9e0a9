//! A small seeded generator (`SplitMix64`), so that whatever is random can be repeated in a test.
//!
//! Not for secrets: it spreads retries over time, nothing else.

use std::time::Duration;

/// A stream of numbers that follows from its seed alone.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// Starts the stream of `seed`.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A time of at least `from` and less than `to`; `from` when there is nothing between them.
    pub(crate) fn between(&mut self, from: Duration, to: Duration) -> Duration {
        let span = to.saturating_sub(from);
        // 53 bits are what a double holds, and finer than any timer.
        #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
        let fraction = (self.next() >> 11) as f64 / (1_u64 << 53) as f64;
        from + span.mul_f64(fraction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_give_equal_streams_and_others_do_not() {
        let take = |seed| {
            let mut random = Random::new(seed);
            [random.next(), random.next(), random.next()]
        };
        assert_eq!(take(7), take(7));
        assert_ne!(take(7), take(8));
    }

    #[test]
    fn a_time_between_stays_between() {
        let mut random = Random::new(1);
        let (from, to) = (Duration::from_secs(1), Duration::from_secs(3));
        for _ in 0..1000 {
            let time = random.between(from, to);
            assert!((from..to).contains(&time), "{time:?}");
        }
        assert_eq!(random.between(to, from), to);
    }
}
