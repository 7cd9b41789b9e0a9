//! Samples that wait for one connection: bounded, the oldest is dropped first.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::{Written, lock};

/// Samples of a request: 300 KB or so before compression.
pub(super) const BATCH: usize = 5_000;

/// A sample waits so long for others at most: it is seen as fresh as it was measured.
const LINGER: Duration = Duration::from_secs(1);

/// A sample that is on its way.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(super) series: Arc<Written>,
    pub(super) value: f64,
    /// Unix time in milliseconds.
    pub(super) time_ms: u64,
}

/// Samples in the order in which they came.
#[derive(Debug)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    wake: Notify,
    limit: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    samples: VecDeque<Sample>,
    /// When the next batch is sent, full or not.
    due: Option<Instant>,
    is_closed: bool,
}

impl Queue {
    /// Room for `limit` samples.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            waiting: Mutex::default(),
            wake: Notify::new(),
            limit,
        }
    }

    /// Adds samples. Returns how many old ones had to go.
    pub(super) fn push(&self, samples: Vec<Sample>) -> usize {
        if samples.is_empty() {
            return 0;
        }
        let mut waiting = lock(&self.waiting);
        let was_full = waiting.samples.len() >= BATCH;
        waiting.samples.extend(samples);
        let n_over = waiting.samples.len().saturating_sub(self.limit);
        drop(waiting.samples.drain(..n_over));
        let is_first = waiting.due.is_none();
        waiting.due.get_or_insert_with(|| Instant::now() + LINGER);
        let is_full = waiting.samples.len() >= BATCH;
        drop(waiting);
        if is_first || is_full && !was_full {
            self.wake.notify_one();
        }
        n_over
    }

    /// Nothing more comes; what waits is due.
    pub(super) fn close(&self) {
        lock(&self.waiting).is_closed = true;
        self.wake.notify_one();
    }

    /// The oldest samples, as many as make a request, once there are so many or one has waited long enough; `None` when
    /// the queue is closed and empty. For one reader.
    pub(super) async fn batch(&self) -> Option<Vec<Sample>> {
        loop {
            let due = {
                let mut waiting = lock(&self.waiting);
                let is_due = waiting.due.is_some_and(|due| due <= Instant::now());
                let n_samples = waiting.samples.len();
                if n_samples >= BATCH || n_samples > 0 && (is_due || waiting.is_closed) {
                    let batch = waiting.samples.drain(..n_samples.min(BATCH)).collect();
                    let is_empty = waiting.samples.is_empty();
                    waiting.due = (!is_empty).then(|| Instant::now() + LINGER);
                    if is_empty {
                        // What an outage has made of it.
                        waiting.samples.shrink_to(BATCH);
                    }
                    return Some(batch);
                }
                if waiting.is_closed {
                    return None;
                }
                waiting.due
            };
            match due {
                Some(due) => tokio::select! {
                    () = self.wake.notified() => {}
                    () = sleep_until(due) => {}
                },
                None => self.wake.notified().await,
            }
        }
    }

    /// Time of the sample that has waited longest.
    pub(super) fn oldest(&self) -> Option<u64> {
        lock(&self.waiting)
            .samples
            .front()
            .map(|sample| sample.time_ms)
    }

    /// Takes everything out, for an end without delivery. Returns how many there were.
    pub(super) fn clear(&self) -> usize {
        std::mem::take(&mut lock(&self.waiting).samples).len()
    }
}
