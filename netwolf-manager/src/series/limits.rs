//! Bounds on what agents may declare: far above any sane fleet, so that only a fault meets them.

/// Series of one device: a chassis with 1,000 interfaces and ten counters each.
pub const SERIES_PER_DEVICE: u32 = 10_000;

/// Series numbers of one link: 20,000 devices with 100 series each, as a vector of 64 MB at most.
pub const SERIES_PER_LINK: u32 = 1 << 21;

/// Devices and families that one link may number.
pub const NUMBERS_PER_LINK: usize = 100_000;

/// Metric families in all.
pub const FAMILIES: usize = 10_000;

/// Bytes of a series' rendered labels, and of a family's help text.
pub const TEXT: usize = 16 << 10;

/// A sample may be so far ahead of our clock, in milliseconds, before its time is set to the present.
pub const FUTURE_MS: u64 = 2_000;
