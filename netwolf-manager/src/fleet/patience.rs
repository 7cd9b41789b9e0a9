//! How long the manager waits for whom, and how long one member may be out of touch. No IO, no clock.

use std::time::Duration;

/// How long the fleet waits for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// From one sign of life of a shard to the next.
    pub heartbeat: Duration,
    /// A lost link has so long to come back.
    pub link_grace: Duration,
    /// A link that is silent for so long is dead.
    pub takeover: Duration,
    /// A shard that is cut off goes on for so long by itself.
    pub autonomy: Duration,
    /// Known shards have so long to come back after a start.
    pub settle: Duration,
}

/// From the end of a shard's autonomy until its sessions are closed for certain: a second in which they may
/// close in order, and the way of the last renewal.
pub(super) const CLOSING: Duration = Duration::from_millis(1_500);

/// How long one member may be out of touch.
pub(super) struct Allowed {
    /// Its link stands and nothing comes.
    pub(super) silent: Duration,
    /// Its link is gone.
    pub(super) lost: Duration,
    /// Its exclusive leases have lapsed, and their sessions are closed.
    pub(super) exclusive: Duration,
}

impl Patience {
    /// For a member that was welcomed under other times perhaps: it beats and goes on as it was told then.
    pub(super) fn towards(&self, welcome: &Self) -> Allowed {
        let lapsed = self.lapsed(self.autonomy.max(welcome.autonomy));
        Allowed {
            silent: self.takeover.max(welcome.takeover).max(lapsed),
            lost: self.link_grace.max(lapsed),
            exclusive: self.exclusive().max(welcome.exclusive()) + CLOSING,
        }
    }

    /// How long an exclusive lease runs without the manager: it is over when the takeover time is.
    pub fn exclusive(&self) -> Duration {
        let over_by_takeover = self.takeover.saturating_sub(CLOSING);
        self.autonomy.min(over_by_takeover.max(self.heartbeat * 2))
    }

    /// From a start until exclusive leases that somebody holds perhaps have lapsed.
    pub(crate) fn fence_of_a_start(&self) -> Duration {
        self.exclusive() + CLOSING
    }

    /// So long known shards are waited for after a start: any of them may have been linked until just then.
    pub(crate) fn settle_time(&self) -> Duration {
        self.settle.max(self.lapsed(self.autonomy))
    }

    /// When the sessions of a shard that nobody hears of are closed for certain, where that matters: where no
    /// device may ever have two.
    fn lapsed(&self, autonomy: Duration) -> Duration {
        if self.autonomy < self.takeover {
            autonomy + CLOSING
        } else {
            Duration::ZERO
        }
    }
}
