//! Quantiles of a histogram that only counts by bucket.

use serde::Deserialize;

/// Cumulative counts up to each bound, the last one for all.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Buckets {
    pub(crate) bounds: Vec<f64>,
    pub(crate) counts: Vec<u64>,
}

impl Buckets {
    /// The `q`-quantile of what was counted since `before`, interpolated within its bucket as Prometheus does;
    /// `None` when nothing was, infinite past the last bound.
    #[expect(clippy::cast_precision_loss, reason = "counts of some minutes")]
    pub(crate) fn quantile(&self, before: &Self, q: f64) -> Option<f64> {
        let before = before.counts.iter().copied().chain(std::iter::repeat(0));
        let new = self
            .counts
            .iter()
            .zip(before)
            .map(|(now, before)| now.saturating_sub(before) as f64);
        let counts: Vec<f64> = new.collect();
        let total = counts.last().copied().filter(|total| *total > 0.0)?;
        let rank = q * total;
        let bucket = counts
            .iter()
            .position(|count| *count >= rank)
            .unwrap_or(counts.len() - 1);
        let Some(upper) = self.bounds.get(bucket) else {
            return Some(f64::INFINITY);
        };
        let (lower, below) = match bucket.checked_sub(1) {
            Some(previous) => (self.bounds[previous], counts[previous]),
            None => (0.0, 0.0),
        };
        Some(lower + (upper - lower) * (rank - below) / (counts[bucket] - below).max(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn buckets(counts: &[u64]) -> Buckets {
        Buckets {
            bounds: vec![0.001, 0.01, 0.1],
            counts: counts.into(),
        }
    }

    #[test]
    fn a_quantile_counts_only_what_is_new_and_interpolates() {
        let before = buckets(&[100, 100, 100, 100]);
        let now = buckets(&[100, 200, 200, 200]);
        let median = now.quantile(&before, 0.5).unwrap();
        assert!((median - 0.0055).abs() < 1e-9, "{median}");
    }

    #[test]
    fn nothing_new_has_none_and_past_the_last_bound_is_infinite() {
        let now = buckets(&[1, 2, 3, 4]);
        assert_eq!(now.quantile(&now, 0.5), None);
        let over = buckets(&[0, 0, 0, 9]).quantile(&buckets(&[0, 0, 0, 0]), 0.5);
        assert_eq!(over, Some(f64::INFINITY));
    }
}
