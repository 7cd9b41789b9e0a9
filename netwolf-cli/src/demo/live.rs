//! The demo's live line: what the manager counted since the last look.

use std::{io::IsTerminal, time::Instant};

use serde::Deserialize;

use super::write;
use crate::api;

/// What we read of `/api/v1/status`; it tells more.
#[derive(Clone, Deserialize)]
struct Status {
    devices: Devices,
    polls_total: u64,
    samples_total: u64,
    poll_seconds: Buckets,
}

#[derive(Clone, Deserialize)]
struct Devices {
    total: u64,
    up: u64,
}

/// How long polls took: cumulative counts up to each bound, the last one for all.
#[derive(Clone, Deserialize)]
struct Buckets {
    bounds: Vec<f64>,
    counts: Vec<u64>,
}

/// Asks the manager and prints, once a call.
pub(super) struct Live {
    web: String,
    started: Instant,
    previous: Option<(Instant, Status)>,
    on_terminal: bool,
}

impl Live {
    pub(super) fn new(web: &str) -> Self {
        Self {
            web: web.into(),
            started: Instant::now(),
            previous: None,
            on_terminal: std::io::stdout().is_terminal(),
        }
    }

    /// One look at the manager, one line.
    pub(super) async fn tick(&mut self) -> anyhow::Result<()> {
        let line = match api::get::<Status>(&self.web, "/api/v1/status").await {
            Ok(status) => self.line(status),
            Err(error) => format!("the manager does not answer: {error:#}"),
        };
        if self.on_terminal {
            // Back to the start of the line, and clear what the last one left.
            write(&format!("\r\x1b[2K{line}"))
        } else {
            write(&format!("{line}\n"))
        }
    }

    /// Fits 80 columns up to a thousand devices, so that a terminal can rewrite it in place.
    fn line(&mut self, status: Status) -> String {
        let now = Instant::now();
        let up = format!(
            "{:>3} s  devices up {:>width$}/{}",
            self.started.elapsed().as_secs(),
            status.devices.up,
            status.devices.total,
            width = status.devices.total.to_string().len(),
        );
        let line = match &self.previous {
            Some((then, before)) => {
                let seconds = now.duration_since(*then).as_secs_f64();
                format!(
                    "{up}  polls/s {:>4.0}  p50/p99 {}/{} ms  samples/s {:>5.0}",
                    rate(before.polls_total, status.polls_total, seconds),
                    quantile(&before.poll_seconds, &status.poll_seconds, 0.50),
                    quantile(&before.poll_seconds, &status.poll_seconds, 0.99),
                    rate(before.samples_total, status.samples_total, seconds),
                )
            }
            None => up,
        };
        self.previous = Some((now, status));
        line
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
fn rate(before: u64, now: u64, seconds: f64) -> f64 {
    now.saturating_sub(before) as f64 / seconds.max(0.001)
}

/// The `q`-quantile of what was counted between the two looks, in milliseconds, interpolated within its bucket
/// as Prometheus does; `-` when nothing was.
#[expect(clippy::cast_precision_loss, reason = "counts of one second")]
fn quantile(before: &Buckets, now: &Buckets, q: f64) -> String {
    let before = before.counts.iter().copied().chain(std::iter::repeat(0));
    let new = now
        .counts
        .iter()
        .zip(before)
        .map(|(now, before)| now.saturating_sub(before) as f64);
    let counts: Vec<f64> = new.collect();
    let total = counts.last().copied().unwrap_or(0.0);
    if total == 0.0 {
        return "-".into();
    }
    let rank = q * total;
    let bucket = counts
        .iter()
        .position(|count| *count >= rank)
        .unwrap_or(counts.len() - 1);
    let Some(upper) = now.bounds.get(bucket) else {
        return format!(">{:.0}", now.bounds.last().copied().unwrap_or(0.0) * 1000.0);
    };
    let (lower, below) = match bucket.checked_sub(1) {
        Some(previous) => (now.bounds[previous], counts[previous]),
        None => (0.0, 0.0),
    };
    let seconds = lower + (upper - lower) * (rank - below) / (counts[bucket] - below).max(1.0);
    format!("{:.1}", seconds * 1000.0)
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
        let (before, now) = (
            buckets(&[100, 100, 100, 100]),
            buckets(&[100, 200, 200, 200]),
        );
        assert_eq!(quantile(&before, &now, 0.5), "5.5");
    }

    #[test]
    fn nothing_new_is_a_dash_and_past_the_last_bound_is_said() {
        let now = buckets(&[1, 2, 3, 4]);
        assert_eq!(quantile(&now, &now, 0.5), "-");
        assert_eq!(
            quantile(&buckets(&[0, 0, 0, 0]), &buckets(&[0, 0, 0, 9]), 0.5),
            ">100"
        );
    }
}
