//! Bounds on what agents may declare: far above any sane fleet, so that only a fault meets them.

/// Series of one device: a chassis with 1,000 interfaces and ten counters each.
pub const SERIES_PER_DEVICE: u32 = 10_000;

/// Series numbers of one link: 20,000 devices with 100 series each.
pub const SERIES_PER_LINK: u32 = 1 << 21;

/// Devices that one link may number.
pub const DEVICES_PER_LINK: usize = 100_000;

/// Series of one link that may wait for another family to go or for their device to come.
pub const WAITING_PER_LINK: usize = 20_000;

/// Metric families in all, and those that one link may number.
pub const FAMILIES: usize = 10_000;

/// Bytes of a series' rendered labels.
pub const LABELS: usize = 4 << 10;

/// Bytes of a family's help text; what is over is cut off.
pub const HELP: usize = 1 << 10;

/// A series that is polled more seldom, in milliseconds, would be shown for weeks after its end: no command
/// may have such an interval.
pub const INTERVAL_MS: u32 = 7 * 24 * 60 * 60 * 1_000;

/// A sample may be so far ahead of our clock, in milliseconds, before its time is set to the present.
pub const FUTURE_MS: u64 = 2_000;
