//! The bounds and times of the machine.

/// Bounds and times; see the fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Live steps of all runs, at most: what a manager keeps in memory.
    pub max_live: usize,
    /// Attempts in the hands of shards, at most: fewer than a shard takes, so that none ever refuses one.
    pub in_flight: usize,
    /// A step that has not ended so long after its deadline is unknown: a link that was lost may have come back by
    /// then, and what an agent tells late still settles it.
    pub grace_ms: u64,
    /// Shards have so long to return after a restart of the manager; what they held is unknown then.
    pub settle_ms: u64,
    /// How often an attempt may come back with nothing typed.
    pub max_returns: u32,
    /// How often it is tried to verify an unknown step.
    pub max_verifies: u32,
    /// A step that came back is sent again after so long, and after twice as long each time.
    pub backoff_ms: u64,
    /// The longest such wait.
    pub max_backoff_ms: u64,
    /// A device that has no place is looked for again after so long, and then after longer waits, eight times as long
    /// at most.
    pub look_ms: u64,
    /// A step fails whose device has had no place for so long, or for the step's deadline where that is longer: who
    /// waits for a run is told of it long before the run's deadline. Devices that move have one within seconds.
    pub unplaced_ms: u64,
    /// A step fails of which nobody has said so long after its guards' time that they have held: whoever watches them
    /// may have begun a little late.
    pub watch_grace_ms: u64,
    /// A run that has ended with unknown steps is kept for so long, for late evidence.
    pub linger_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_live: 100_000,
            in_flight: 2_000,
            grace_ms: 10_000,
            settle_ms: 30_000,
            max_returns: 8,
            max_verifies: 8,
            backoff_ms: 250,
            max_backoff_ms: 30_000,
            look_ms: 1_000,
            unplaced_ms: 60_000,
            watch_grace_ms: 10_000,
            linger_ms: 60 * 60 * 1_000,
        }
    }
}
