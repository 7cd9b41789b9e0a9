//! The way out for samples, while a configuration is in force.

use std::sync::Arc;

use netwolf_wire::Epoch;
use serde::Serialize;

use super::{
    Meters, Remote, Remotes, Written,
    health::Health,
    meters::Meter,
    queue::{Queue, Sample},
    sender::Sender,
};

/// What receivers know as the end of a series; no other value has these bits.
const STALE: u64 = 0x7ff0_0000_0000_0002;
/// A value that is no number, as Prometheus writes it.
const NAN: u64 = 0x7ff8_0000_0000_0001;

/// Hands samples to the senders of all remotes.
#[derive(Debug)]
pub(crate) struct Outlet {
    no: u32,
    remotes: Remotes,
    targets: Vec<Target>,
}

/// How far a remote is, for people.
#[derive(Clone, Debug, Serialize)]
pub struct RemoteView {
    /// Its name.
    pub name: String,
    /// Samples that it has taken.
    pub samples_total: u64,
    /// Samples that it has refused.
    pub failed_samples_total: u64,
    /// Samples that were not sent.
    pub dropped_samples_total: u64,
    /// Samples that wait or are under way.
    pub pending_samples: u64,
    /// From the time up to which it has taken everything to that of the newest sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behind_seconds: Option<f64>,
    /// Why it takes nothing just now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// One remote.
#[derive(Debug)]
struct Target {
    name: String,
    health: Arc<Health>,
    meter: Meter,
    /// One a connection.
    queues: Vec<Arc<Queue>>,
}

impl Target {
    fn new(remote: &Remote, meters: &Meters) -> Self {
        let meter = meters.of(&remote.name);
        let limit = remote.queue_samples;
        meter.limit.set(i64::try_from(limit).unwrap_or(i64::MAX));
        let share = limit.div_ceil(remote.connections);
        let queues = (0..remote.connections).map(|_| Arc::new(Queue::new(share)));
        Self {
            name: remote.name.clone(),
            health: Arc::new(Health::new(remote.connections)),
            meter,
            queues: queues.collect(),
        }
    }

    fn view(&self) -> RemoteView {
        let meter = &self.meter;
        RemoteView {
            name: self.name.clone(),
            samples_total: meter.samples.get(),
            failed_samples_total: meter.refused.get(),
            dropped_samples_total: meter.n_dropped(),
            pending_samples: meter.n_pending(),
            behind_seconds: meter.behind(),
            trouble: self.health.trouble(),
        }
    }

    /// Sends samples, a series always by the same connection: so they arrive in order.
    fn send(&self, samples: &[Sample], newest_ms: u64) {
        let mut parts = vec![Vec::new(); self.queues.len()];
        for sample in samples {
            parts[sample.series.lane(self.queues.len())].push(sample.clone());
        }
        self.meter.came(samples.len(), newest_ms);
        for (queue, part) in self.queues.iter().zip(parts) {
            self.meter.overflowed(queue.push(part));
        }
    }
}

impl Outlet {
    /// The `no`th outlet, and what sends for it.
    pub(super) fn new(no: u32, remotes: Remotes, meters: &Meters) -> (Self, Vec<Sender>) {
        let mut senders = Vec::new();
        let mut targets = Vec::new();
        for remote in &remotes.remotes {
            let target = Target::new(remote, meters);
            let remote = Arc::new(remote.clone());
            senders.extend(target.queues.iter().cloned().enumerate().map(|queue| {
                let (health, meter) = (target.health.clone(), target.meter.clone());
                Sender::new(remote.clone(), queue, health, meter)
            }));
            targets.push(target);
        }
        let outlet = Self {
            no,
            remotes,
            targets,
        };
        (outlet, senders)
    }

    /// How far each remote is.
    pub(super) fn view(&self) -> Vec<RemoteView> {
        self.targets.iter().map(Target::view).collect()
    }

    pub(super) fn no(&self) -> u32 {
        self.no
    }

    /// As configured.
    pub(super) fn remotes(&self) -> &Remotes {
        &self.remotes
    }

    /// Series have ended: receivers are told, where they know them. One that was sent a moment before `now_ms` is open
    /// still: its sample may not be in the queue yet, or it has just begun anew.
    pub(crate) fn end<'a>(&self, series: impl Iterator<Item = &'a Arc<Written>>, now_ms: u64) {
        let mut markers = Vec::new();
        for series in series {
            markers.extend(series.end(now_ms).map(|time_ms| Sample {
                series: series.clone(),
                value: f64::from_bits(STALE),
                time_ms,
            }));
        }
        if markers.is_empty() {
            return;
        }
        for target in &self.targets {
            target.meter.stale_markers.inc_by(markers.len() as u64);
            // A marker is as old as the sample before it, so it makes nothing newer.
            target.send(&markers, 0);
        }
    }
}

/// Samples of one message, which go out together.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    outlet: &'a Outlet,
    now_ms: u64,
    samples: Vec<Sample>,
    newest_ms: u64,
    n_out_of_order: u64,
}

impl<'a> Outgoing<'a> {
    /// None yet; `now_ms` is the present wall clock time.
    pub(crate) fn new(outlet: &'a Outlet, now_ms: u64) -> Self {
        Self {
            outlet,
            now_ms,
            samples: Vec::new(),
            newest_ms: 0,
            n_out_of_order: 0,
        }
    }

    /// Where they go.
    pub(crate) fn outlet(&self) -> &'a Outlet {
        self.outlet
    }

    /// A sample of a series, of a poll under a lease.
    pub(crate) fn push(&mut self, series: &Arc<Written>, value: f64, time_ms: u64, epoch: Epoch) {
        let Some(time_ms) = series.next(time_ms, epoch, self.now_ms) else {
            self.n_out_of_order += 1;
            return;
        };
        self.newest_ms = self.newest_ms.max(time_ms);
        self.samples.push(Sample {
            series: series.clone(),
            value: if value.is_nan() {
                f64::from_bits(NAN)
            } else {
                value
            },
            time_ms,
        });
    }

    /// Off they go.
    pub(crate) fn send(self) {
        for target in &self.outlet.targets {
            target.meter.out_of_order.inc_by(self.n_out_of_order);
            if !self.samples.is_empty() {
                target.send(&self.samples, self.newest_ms);
            }
        }
    }
}
