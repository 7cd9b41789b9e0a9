//! The demo's live line: what the manager counted since the last look.

use std::{io::IsTerminal, time::Instant};

use serde::Deserialize;

use super::write;
use crate::{api, buckets::Buckets};

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

/// A quantile in milliseconds, as it is shown.
fn quantile(before: &Buckets, now: &Buckets, q: f64) -> String {
    match now.quantile(before, q) {
        None => "-".into(),
        Some(seconds) if seconds.is_finite() => format!("{:.1}", seconds * 1000.0),
        Some(_) => format!(">{:.0}", now.bounds.last().copied().unwrap_or(0.0) * 1000.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_shown_in_milliseconds() {
        let buckets = |counts: &[u64]| Buckets {
            bounds: vec![0.001, 0.01, 0.1],
            counts: counts.into(),
        };
        let (before, now) = (buckets(&[0, 0, 0, 0]), buckets(&[0, 9, 9, 9]));
        assert_eq!(quantile(&before, &now, 0.5), "5.5");
        assert_eq!(quantile(&now, &now, 0.5), "-");
        assert_eq!(quantile(&before, &buckets(&[0, 0, 0, 9]), 0.5), ">100");
    }
}
