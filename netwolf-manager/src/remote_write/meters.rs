//! What is counted of each remote.

use std::time::Duration;

use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

use super::Remote;

/// Upper bounds of the histogram of requests, in seconds: from a receiver on the same machine to one that is timed out.
const SEND_BUCKETS: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0];

type Seconds = Gauge<f64, std::sync::atomic::AtomicU64>;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RemoteLabel {
    remote: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    remote: String,
    reason: &'static str,
}

type Histograms = Family<RemoteLabel, Histogram, fn() -> Histogram>;

/// Families of all remotes.
#[derive(Clone, Debug)]
pub struct Meters {
    samples: Family<RemoteLabel, Counter>,
    failed: Family<ReasonLabels, Counter>,
    dropped: Family<ReasonLabels, Counter>,
    out_of_order: Family<RemoteLabel, Counter>,
    retries: Family<RemoteLabel, Counter>,
    stale_markers: Family<RemoteLabel, Counter>,
    sent_bytes: Family<RemoteLabel, Counter>,
    pending: Family<RemoteLabel, Gauge>,
    limit: Family<RemoteLabel, Gauge>,
    newest: Family<RemoteLabel, Seconds>,
    newest_sent: Family<RemoteLabel, Seconds>,
    send_seconds: Histograms,
}

/// The meters of one remote.
#[derive(Clone, Debug)]
pub(crate) struct Meter {
    /// Samples that the receiver has taken.
    pub(super) samples: Counter,
    /// Samples that the receiver has refused for good.
    pub(super) refused: Counter,
    /// Samples that had to make room for newer ones.
    queue_full: Counter,
    /// Samples that waited for too long.
    pub(super) too_old: Counter,
    /// Samples that were not sent before the end.
    ended: Counter,
    /// Samples that are not behind the last one of their series.
    pub(super) out_of_order: Counter,
    /// Requests that are sent once more.
    pub(super) retries: Counter,
    /// Series that ended.
    pub(super) stale_markers: Counter,
    /// Bytes of requests, compressed.
    pub(super) sent_bytes: Counter,
    /// Samples that wait or are under way.
    pending: Gauge,
    /// Samples that may wait.
    pub(super) limit: Gauge,
    /// Time of the newest sample that came.
    newest: Seconds,
    /// Time up to which the receiver has taken everything.
    newest_sent: Seconds,
    /// Times of requests.
    pub(super) send_seconds: Histogram,
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Shows the later one of two times.
fn advance(shown: &Seconds, ms: u64) {
    let seconds = Duration::from_millis(ms).as_secs_f64();
    // Two connections may miss each other's; the next request puts that right.
    if seconds > shown.get() {
        shown.set(seconds);
    }
}

impl Meter {
    /// Samples came, the newest of this time.
    pub(super) fn came(&self, n_samples: usize, newest_ms: u64) {
        self.pending.inc_by(count(n_samples));
        advance(&self.newest, newest_ms);
    }

    /// Samples had to make room.
    pub(super) fn overflowed(&self, n_samples: usize) {
        self.queue_full.inc_by(n_samples as u64);
        self.done(n_samples);
    }

    /// The receiver has everything but what is of this time or newer; everything, where there is none.
    pub(super) fn sent_until(&self, oldest_ms: Option<u64>) {
        let oldest = oldest_ms.map(|ms| Duration::from_millis(ms).as_secs_f64());
        self.newest_sent
            .set(oldest.unwrap_or_else(|| self.newest.get()));
    }

    /// Samples are neither waiting nor under way any more.
    pub(super) fn done(&self, n_samples: usize) {
        self.pending.dec_by(count(n_samples));
    }

    /// Samples that were not sent.
    pub(super) fn n_dropped(&self) -> u64 {
        [&self.queue_full, &self.too_old, &self.ended]
            .map(Counter::get)
            .iter()
            .sum()
    }

    /// Samples that wait or are under way.
    pub(super) fn n_pending(&self) -> u64 {
        u64::try_from(self.pending.get()).unwrap_or_default()
    }

    /// Seconds from the time up to which the receiver has everything to the newest sample; `None` before both.
    pub(super) fn behind(&self) -> Option<f64> {
        let (newest, sent) = (self.newest.get(), self.newest_sent.get());
        (newest > 0.0 && sent > 0.0).then(|| (newest - sent).max(0.0))
    }

    /// Samples were not sent before the end.
    pub(super) fn lost(&self, n_samples: usize) {
        self.ended.inc_by(n_samples as u64);
        self.done(n_samples);
    }
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            samples: Family::default(),
            failed: Family::default(),
            dropped: Family::default(),
            out_of_order: Family::default(),
            retries: Family::default(),
            stale_markers: Family::default(),
            sent_bytes: Family::default(),
            pending: Family::default(),
            limit: Family::default(),
            newest: Family::default(),
            newest_sent: Family::default(),
            send_seconds: Family::new_with_constructor(|| Histogram::new(SEND_BUCKETS)),
        }
    }
}

const REFUSED: &str = "refused";
const QUEUE_FULL: &str = "queue_full";
const TOO_OLD: &str = "too_old";
const ENDED: &str = "ended";

impl Meters {
    /// Shows them with the others.
    pub fn register(&self, registry: &mut Registry) {
        registry.register(
            "samples",
            "Samples that the receiver has taken",
            self.samples.clone(),
        );
        registry.register(
            "failed_samples",
            "Samples that the receiver has refused for good",
            self.failed.clone(),
        );
        registry.register(
            "dropped_samples",
            "Samples that were not sent, because the queue was full or they had waited for too long",
            self.dropped.clone(),
        );
        registry.register(
            "out_of_order_samples",
            "Samples left out because one of their time or later was sent",
            self.out_of_order.clone(),
        );
        registry.register("retries", "Requests sent once more", self.retries.clone());
        registry.register(
            "stale_markers",
            "Series that ended, which the receiver is told by a stale marker",
            self.stale_markers.clone(),
        );
        registry.register(
            "sent_bytes",
            "Bytes of requests, compressed",
            self.sent_bytes.clone(),
        );
        registry.register(
            "pending_samples",
            "Samples that wait or are under way",
            self.pending.clone(),
        );
        registry.register(
            "queue_limit_samples",
            "Samples that may wait",
            self.limit.clone(),
        );
        registry.register(
            "newest_sample_timestamp_seconds",
            "Time of the newest sample that is to be sent",
            self.newest.clone(),
        );
        registry.register(
            "newest_sent_timestamp_seconds",
            "Time up to which the receiver has taken everything",
            self.newest_sent.clone(),
        );
        registry.register(
            "send_seconds",
            "Time of a request, from its first byte to the receiver's answer",
            self.send_seconds.clone(),
        );
    }

    /// The meters of a remote; all are shown from now on, those that count from 0.
    pub(crate) fn of(&self, name: &str) -> Meter {
        let remote = RemoteLabel {
            remote: name.to_owned(),
        };
        let because = |family: &Family<ReasonLabels, Counter>, reason| {
            let remote = name.to_owned();
            family.get_or_create_owned(&ReasonLabels { remote, reason })
        };
        Meter {
            samples: self.samples.get_or_create_owned(&remote),
            refused: because(&self.failed, REFUSED),
            queue_full: because(&self.dropped, QUEUE_FULL),
            too_old: because(&self.dropped, TOO_OLD),
            ended: because(&self.dropped, ENDED),
            out_of_order: self.out_of_order.get_or_create_owned(&remote),
            retries: self.retries.get_or_create_owned(&remote),
            stale_markers: self.stale_markers.get_or_create_owned(&remote),
            sent_bytes: self.sent_bytes.get_or_create_owned(&remote),
            pending: self.pending.get_or_create_owned(&remote),
            limit: self.limit.get_or_create_owned(&remote),
            newest: self.newest.get_or_create_owned(&remote),
            newest_sent: self.newest_sent.get_or_create_owned(&remote),
            send_seconds: self.send_seconds.get_or_create_owned(&remote),
        }
    }

    /// Shows those of `former` no more that are not among `present`.
    pub(super) fn forget(&self, former: &[Remote], present: &[Remote]) {
        for gone in former {
            if present.iter().any(|remote| remote.name == gone.name) {
                continue;
            }
            let remote = RemoteLabel {
                remote: gone.name.clone(),
            };
            self.samples.remove(&remote);
            self.out_of_order.remove(&remote);
            self.retries.remove(&remote);
            self.stale_markers.remove(&remote);
            self.sent_bytes.remove(&remote);
            self.pending.remove(&remote);
            self.limit.remove(&remote);
            self.newest.remove(&remote);
            self.newest_sent.remove(&remote);
            self.send_seconds.remove(&remote);
            for reason in [REFUSED, QUEUE_FULL, TOO_OLD, ENDED] {
                let remote = gone.name.clone();
                let labels = ReasonLabels { remote, reason };
                self.failed.remove(&labels);
                self.dropped.remove(&labels);
            }
        }
    }
}
