//! How long manager and agents wait for each other.

use std::time::Duration;

/// Times of the links between the manager and its agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// From one sign of life of a shard to the next. One second, so that a lost shard is noticed within the
    /// interval in which people look at their graphs.
    pub heartbeat: Duration,
    /// A lost link has so long to come back before its devices go elsewhere: the restart of an agent by its
    /// supervisor fits.
    pub link_grace: Duration,
    /// A shard that is silent for so long, although its link stands, loses its devices: several heartbeats,
    /// because a machine that swaps for a moment is not gone.
    pub takeover: Duration,
    /// A shard that cannot reach the manager goes on polling for so long: a restart or an upgrade of the
    /// manager fits.
    pub autonomy: Duration,
    /// After its own start the manager waits so long for the shards that it knew before it moves devices.
    pub settle: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(1),
            link_grace: Duration::from_secs(2),
            takeover: Duration::from_secs(6),
            autonomy: Duration::from_mins(1),
            settle: Duration::from_secs(10),
        }
    }
}
