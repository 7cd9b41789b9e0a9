//! What a shard counts of itself, sent with every heartbeat; counters run from the start of the incarnation.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::status::Reason;

/// Upper bounds of the poll histogram's buckets, in seconds; the last bucket has none.
///
/// A poll on a healthy LAN takes milliseconds, over a slow WAN hundreds, and 5 s is the default timeout.
pub const POLL_BUCKETS: [f64; 12] = [
    0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0,
];

/// A shard's counters and gauges.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShardStats {
    /// Devices that it holds leases of.
    pub devices: u64,
    /// Sessions that are up.
    pub sessions: u64,
    /// Sessions of the general SSH client, which take more memory than others.
    pub general_client_sessions: u64,
    /// Logins that succeeded.
    pub logins: u64,
    /// Logins that failed, by reason.
    pub login_failures: BTreeMap<Reason, u64>,
    /// Sessions that were up and ended, by reason.
    pub disconnects: BTreeMap<Reason, u64>,
    /// Polls that brought whole output.
    pub polls: u64,
    /// Polls that did not, by reason.
    pub poll_failures: BTreeMap<Reason, u64>,
    /// Polls left out because the one before was still running or the time had passed.
    pub polls_skipped: u64,
    /// Samples made.
    pub samples: u64,
    /// Steps of runs that were begun and have ended.
    pub steps: u64,
    /// Those of them that did not succeed.
    pub step_failures: u64,
    /// Steps that are not forgotten, because they wait, run, or were not heard of.
    pub steps_held: u64,
    /// Lines or values that a rule could not read.
    pub parse_problems: u64,
    /// Outputs of which samples were left out, because their rule, command or device has more series than it may have.
    pub excess_outputs: u64,
    /// Polls that wait for the link.
    pub buffered_polls: u64,
    /// Polls dropped, oldest first, because the buffer was full or their lease was gone.
    pub dropped_polls: u64,
    /// Prompts that had changed and were learned again.
    pub prompt_relearns: u64,
    /// Outputs that were cut at the bound.
    pub truncated: u64,
    /// Sum of the times that logins waited for their turn, in seconds.
    pub pacing_wait_seconds: f64,
    /// Bytes that came from devices, as they were on the wire.
    pub received_bytes: u64,
    /// Bytes that went to devices, as they were on the wire.
    pub sent_bytes: u64,
    /// Tasks of the event loop: one a device, and those of the connections.
    pub tasks: u64,
    /// The share of its core's time that the event loop worked of late, from 0 to 1.
    pub busy_ratio: f64,
    /// From the moment a command is due until its output is whole.
    pub poll_delay_seconds: Histogram,
    /// From the moment a command is typed until its output is whole, by collector.
    pub poll_seconds: BTreeMap<String, Histogram>,
}

/// Counts by bucket, not cumulative; bounds are [`POLL_BUCKETS`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Observations at or under each bound and over the one before it.
    pub buckets: [u64; POLL_BUCKETS.len()],
    /// Observations over the last bound.
    pub over: u64,
    /// Sum of all observations, in seconds.
    pub sum: f64,
}

impl Histogram {
    /// Counts one observation.
    pub fn observe(&mut self, seconds: f64) {
        match POLL_BUCKETS.iter().position(|bound| seconds <= *bound) {
            Some(bucket) => self.buckets[bucket] += 1,
            None => self.over += 1,
        }
        self.sum += seconds;
    }

    /// How many observations there were.
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum::<u64>() + self.over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_its_own_bucket() {
        let mut histogram = Histogram::default();
        for seconds in [0.001, 0.0011, 5.0, 5.1] {
            histogram.observe(seconds);
        }
        assert_eq!((histogram.buckets[0], histogram.buckets[1]), (1, 1));
        assert_eq!((histogram.buckets[11], histogram.over), (1, 1));
        assert_eq!(histogram.count(), 4);
    }
}
