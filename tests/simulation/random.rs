//! A small seeded generator (`SplitMix64`): the same on every machine.

use std::time::Duration;

/// A stream of numbers that follows from its seed alone.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number of `from..=to`.
    pub(crate) const fn number(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from + 1)
    }

    /// An index of something that has `len` places.
    pub(crate) fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.next() % len as u64).expect("it is less than `len`")
    }

    /// A time of so many milliseconds, with microseconds behind.
    pub(crate) const fn ms(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_micros(self.number(from * 1000, to * 1000))
    }

    /// Whether one of `of` draws was won.
    pub(crate) const fn one_in(&mut self, of: u64) -> bool {
        self.next().is_multiple_of(of)
    }
}
