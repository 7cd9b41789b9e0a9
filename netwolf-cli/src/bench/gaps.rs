//! From one poll of a device to the next, as the devices saw it.

use netwolf_simulator::Gaps;

/// The gaps of several simulators.
#[derive(Clone, Debug, Default)]
pub(super) struct Merged {
    /// Microseconds and how many, shortest first.
    counts: Vec<(u64, u64)>,
    pub(super) silent: u64,
    longest_silence: u64,
}

impl Merged {
    pub(super) fn add(&mut self, gaps: Gaps) {
        self.counts.extend(gaps.counts);
        self.counts.sort_unstable();
        self.silent += gaps.silent;
        self.longest_silence = self.longest_silence.max(gaps.longest_silence);
    }

    /// The `q`-quantile in milliseconds; NaN where there is none.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts of some minutes"
    )]
    pub(super) fn quantile_ms(&self, q: f64) -> f64 {
        let total: u64 = self.counts.iter().map(|(_, count)| count).sum();
        let rank = (q * total as f64).ceil() as u64;
        let mut seen = 0;
        let found = self.counts.iter().find(|(_, count)| {
            seen += count;
            seen >= rank
        });
        found.map_or(f64::NAN, |(micros, _)| *micros as f64 / 1000.0)
    }

    /// The longest, ended or not, in milliseconds.
    #[expect(clippy::cast_precision_loss, reason = "times of some minutes")]
    pub(super) fn longest_ms(&self) -> f64 {
        let ended = self.counts.last().map_or(0, |(micros, _)| *micros);
        ended.max(self.longest_silence) as f64 / 1000.0
    }

    /// How many were longer than `micros`.
    pub(super) fn over(&self, micros: u64) -> u64 {
        let longer = self.counts.iter().filter(|(gap, _)| *gap > micros);
        longer.map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_of_two_simulators_are_one_distribution() {
        let mut merged = Merged::default();
        merged.add(Gaps {
            counts: vec![(1_000, 98), (3_000, 1)],
            silent: 1,
            longest_silence: 9_000,
        });
        merged.add(Gaps {
            counts: vec![(2_000, 1)],
            ..Gaps::default()
        });
        let at = |q| format!("{:.1}", merged.quantile_ms(q));
        assert_eq!(
            (at(0.5), at(0.99), at(1.0)),
            ("1.0".into(), "2.0".into(), "3.0".into())
        );
        assert_eq!((merged.over(1_000), merged.silent), (2, 1));
        assert_eq!(format!("{:.1}", merged.longest_ms()), "9.0");
        assert!(Merged::default().quantile_ms(0.5).is_nan());
    }
}
