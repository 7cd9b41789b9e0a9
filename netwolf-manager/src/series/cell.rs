//! One series' latest sample, written by the link of the device's shard and read by scrapes.
//!
//! The stores are single and unordered: a scrape that falls between two of them shows a value that is one
//! sample old or new, never a mixture, because the value is one word.

use std::sync::{
    Arc,
    atomic::{AtomicU32, AtomicU64, Ordering::Relaxed},
};

use netwolf_wire::{Epoch, series::Kind};

use super::limits;
use crate::{
    board::DeviceSlot,
    clock::{Tick, patience_ms},
};

/// The latest sample of a series, which counts among those of its device while it is there.
#[derive(Debug)]
pub(super) struct Cell {
    device: Arc<DeviceSlot>,
    bits: AtomicU64,
    /// When the output was whole, Unix time in milliseconds by the agent's clock; only to tell old from new.
    time_ms: AtomicU64,
    /// When it came in; 0 before the first.
    arrived: AtomicU64,
    /// The lower half of the epoch, which is enough to tell one lease from the next.
    epoch: AtomicU32,
    interval_ms: AtomicU32,
}

/// What became of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Taken,
    /// A newer one is held.
    Late,
    /// Not a value that the kind allows.
    Invalid,
}

/// Whether a series of a kind may have a value: a counter is never negative nor NaN, an info metric is always 1,
/// a state holds or not.
/// OpenMetrics readers refuse a whole page for one such value.
fn is_valid(kind: Kind, value: f64) -> bool {
    match kind {
        Kind::Gauge => true,
        Kind::Counter => value >= 0.0,
        Kind::Info => value.to_bits() == 1.0f64.to_bits(),
        Kind::StateSet => [0.0f64, 1.0].map(f64::to_bits).contains(&value.to_bits()),
    }
}

impl Cell {
    /// `None` when the device has as many series as it may have.
    pub(super) fn new(device: Arc<DeviceSlot>) -> Option<Self> {
        device.add_series(limits::SERIES_PER_DEVICE).then(|| Self {
            device,
            bits: AtomicU64::new(0),
            time_ms: AtomicU64::new(0),
            arrived: AtomicU64::new(0),
            epoch: AtomicU32::new(0),
            interval_ms: AtomicU32::new(0),
        })
    }

    /// Whose series it is.
    pub(super) fn device(&self) -> &Arc<DeviceSlot> {
        &self.device
    }

    /// As it was declared.
    pub(super) fn interval_ms(&self) -> u32 {
        self.interval_ms.load(Relaxed)
    }

    /// It is declared under a lease. Times of another lease may be of another clock, so any sample is newer.
    pub(super) fn declare(&self, epoch: Epoch, interval_ms: u32) {
        self.interval_ms.store(interval_ms, Relaxed);
        self.renew(epoch);
    }

    /// Its device has another lease.
    pub(super) fn renew(&self, epoch: Epoch) {
        #[expect(clippy::cast_possible_truncation, reason = "the lower half is wanted")]
        let epoch = epoch.0 as u32;
        if self.epoch.swap(epoch, Relaxed) != epoch {
            self.time_ms.store(0, Relaxed);
        }
    }

    /// Takes a sample in, unless a newer one is held. A series that is stale takes any: the agent's clock may
    /// have been set back.
    pub(super) fn set(&self, kind: Kind, value: f64, time_ms: u64, now: Tick) -> Outcome {
        if !is_valid(kind, value) {
            return Outcome::Invalid;
        }
        if time_ms < self.time_ms.load(Relaxed) && self.is_alive(now) {
            return Outcome::Late;
        }
        self.bits.store(value.to_bits(), Relaxed);
        self.time_ms.store(time_ms, Relaxed);
        self.arrived.store(now.0, Relaxed);
        Outcome::Taken
    }

    fn is_alive(&self, now: Tick) -> bool {
        let patience = patience_ms(u64::from(self.interval_ms()));
        Tick(self.arrived.load(Relaxed)).is_within(patience, now)
    }

    /// The value, while the series is to be shown.
    pub(super) fn fresh(&self, now: Tick) -> Option<f64> {
        let shown = self.is_alive(now) && !self.device.has_left();
        shown.then(|| f64::from_bits(self.bits.load(Relaxed)))
    }

    /// The same, if it came in after `since`.
    pub(super) fn fresh_since(&self, since: Tick, now: Tick) -> Option<f64> {
        let is_newer = self.arrived.load(Relaxed) > since.0;
        self.fresh(now).filter(|_| is_newer)
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        self.device.remove_series();
    }
}
