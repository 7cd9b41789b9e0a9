//! How values move: pure, integer arithmetic on (device key, time), so that every machine and
//! every run agrees.
//!
//! Invariants: [`Cpu::five_seconds`] is never the same in two seconds running; [`grown`] never
//! falls as time goes on.

use std::time::Duration;

/// Scatters the bits of `value` (the finaliser of splitmix64).
pub(crate) fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// One number from two: a key for a part of something that has a key.
pub(crate) fn part(key: u64, which: u64) -> u64 {
    mix(key ^ mix(which))
}

/// A number from `low` to `high`, both included, that depends on `key` alone.
pub(crate) fn pick(key: u64, low: u64, high: u64) -> u64 {
    low + key % (high - low + 1)
}

/// A line that goes up and down between 0 and `height` once in `period`, `at` units on.
fn zigzag(at: u64, period: u64, height: u64) -> u64 {
    let half = period / 2;
    let place = at % period;
    let distance = if place < half { place } else { period - place };
    distance * height / half
}

/// How the CPU load of one device moves; what does not change in its life is worked out once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cpu {
    key: u64,
    base: u64,
    period: u64,
}

impl Cpu {
    /// The law of the device with `key`.
    pub(crate) fn new(key: u64) -> Self {
        Self {
            key,
            base: pick(part(key, 1), 2, 24),
            period: pick(part(key, 2), 240, 900),
        }
    }

    /// Load over the last five seconds, in percent, at second `second` of the device's life.
    ///
    /// Odd and even take turns, so the figure differs from that of the second before.
    pub(crate) fn five_seconds(&self, second: u64) -> u64 {
        let swell = zigzag(second + self.key % 900, self.period, 16);
        let flutter = mix(self.key ^ second) % 10;
        let rough = (self.base + swell + flutter).min(96);
        (rough & !1) + (second & 1)
    }

    /// The part of [`five_seconds`](Self::five_seconds) spent on interrupts, in percent; never
    /// more than the whole.
    pub(crate) fn interrupts(&self, second: u64) -> u64 {
        pick(part(self.key, second ^ 0x1e77_0000), 0, 3).min(self.five_seconds(second) / 2)
    }

    /// The mean load of the `window` seconds up to `second`, in percent, rounded: of one in five, as each tells of
    /// five.
    pub(crate) fn mean(&self, second: u64, window: u64) -> u64 {
        let first = second.saturating_sub(window - 1);
        let every_fifth = || (first..=second).rev().step_by(5);
        let sum: u64 = every_fifth().map(|at| self.five_seconds(at)).sum();
        let count = u64::try_from(every_fifth().count()).unwrap_or(u64::MAX);
        (sum + count / 2) / count
    }
}

/// A level that wanders around the middle of `low..=high`, for memory in use.
pub(crate) fn level(key: u64, second: u64, low: u64, high: u64) -> u64 {
    let slow = zigzag(
        second + key % 3_600,
        pick(part(key, 3), 1_800, 7_200),
        (high - low) * 9 / 10,
    );
    let quick = pick(part(key, second ^ 0x1e7e_1000), 0, (high - low) / 10);
    (low + slow + quick).min(high)
}

/// What a counter stands at after `elapsed`, when it grows by `rate` a second on average and the
/// rate swings by up to 60 % in a period that depends on `key`.
///
/// The exact integral of the rate as one fraction: it cannot fall, however short the step.
pub(crate) fn grown(key: u64, rate: u64, elapsed: Duration) -> u64 {
    const SWING_PERCENT: i128 = 60;
    let period = pick(part(key, 4), 120, 1_800) * 1_000;
    let phase = pick(part(key, 5), 0, 1_799) * 1_000;
    let at = u64::try_from(elapsed.as_millis()).expect("milliseconds since boot fit in 64 bits");
    // The integral of a zigzag from -1 to 1 and back, times the period.
    let integral = |time: u64| {
        let place = time % period;
        let half = period / 2;
        let area = |place: u64| i128::from(2 * place * (half - place));
        if place < half {
            -area(place)
        } else {
            area(place - half)
        }
    };
    let swing = SWING_PERCENT * (integral(at + phase) - integral(phase));
    let even = 100 * i128::from(at) * i128::from(period);
    let total = i128::from(rate) * (even + swing) / i128::from(100 * 1_000 * period);
    u64::try_from(total.max(0)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_is_a_percentage_that_never_repeats_in_the_next_second() {
        for device in 0..50 {
            let cpu = Cpu::new(mix(device));
            for second in 0..2_000 {
                let now = cpu.five_seconds(second);
                assert!(now <= 97);
                assert_ne!(
                    now,
                    cpu.five_seconds(second + 1),
                    "device {device} at {second}"
                );
                assert!(cpu.interrupts(second) <= now);
            }
        }
    }

    #[test]
    fn counters_never_fall_however_short_the_step() {
        for device in 0..20 {
            let key = mix(device);
            for rate in [1, 7, 1_000, 40_000_000] {
                let mut before = 0;
                for milliseconds in (0..4_000).chain((10_000_000..10_004_000).step_by(3)) {
                    let now = grown(key, rate, Duration::from_millis(milliseconds));
                    assert!(
                        now >= before,
                        "device {device}, rate {rate}, at {milliseconds} ms"
                    );
                    before = now;
                }
            }
        }
    }

    #[test]
    fn counters_grow_at_their_rate_in_the_long_run() {
        let day = Duration::from_hours(24);
        for device in 0..20 {
            let total = grown(mix(device), 1_000, day);
            assert!((84_000_000..=89_000_000).contains(&total), "{total}");
        }
    }

    #[test]
    fn means_cover_their_window_and_less_at_boot() {
        let cpu = Cpu::new(mix(7));
        assert_eq!(cpu.mean(0, 300), cpu.five_seconds(0));
        let expected: u64 = (45..=100)
            .step_by(5)
            .map(|second| cpu.five_seconds(second))
            .sum();
        assert_eq!(cpu.mean(100, 60), (expected + 6) / 12);
    }

    #[test]
    fn levels_stay_in_range() {
        for second in 0..5_000 {
            let now = level(mix(3), second, 1_000, 2_000);
            assert!((1_000..=2_000).contains(&now));
        }
    }
}
