//! One shard of an agent as it is shown.

use std::{
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use netwolf_wire::{Incarnation, ShardId, stats::ShardStats};

use super::lock;
use crate::{clock::Tick, fleet::LinkNo};

/// A shard that was lost is shown as down for so long: time enough for an alert on it to fire and be seen.
pub const SHOWN_AFTER_LOSS: Duration = Duration::from_mins(10);

/// A shard that is linked, or was not long ago.
#[derive(Debug)]
pub struct AgentSlot {
    /// Which one.
    pub shard: ShardId,
    /// Tells its lives apart.
    pub incarnation: Incarnation,
    /// The program's version.
    pub software: String,
    /// Where it is, by its own word.
    pub site: Option<String>,
    /// Where its link comes from.
    pub peer: SocketAddr,
    /// Where its agent's own page is, as far as that can be reached from here.
    pub web: Option<SocketAddr>,
    /// Since when this link has stood, Unix time in milliseconds.
    pub linked_since_ms: u64,
    /// Its link.
    pub link: LinkNo,
    /// Whether it can be sent steps of runs.
    pub knows_steps: bool,
    lost: AtomicU64,
    leaves: AtomicBool,
    /// `None` before the first heartbeat of its life.
    stats: Mutex<Option<ShardStats>>,
}

/// Where a page is that listens on `web` on the machine of `peer`: on all of its addresses, and then on the one that
/// the link comes from; or on loopback, which is nobody's but its own.
fn reachable(web: SocketAddr, peer: SocketAddr) -> Option<SocketAddr> {
    let peer = peer.ip().to_canonical();
    if web.ip().is_unspecified() {
        return Some(SocketAddr::new(peer, web.port()));
    }
    (peer.is_loopback() || !web.ip().is_loopback()).then_some(web)
}

impl AgentSlot {
    /// A shard whose link has come up; `web` is where its agent's own page listens.
    pub fn new(
        shard: ShardId,
        incarnation: Incarnation,
        software: String,
        site: Option<String>,
        peer: SocketAddr,
        web: Option<SocketAddr>,
        linked_since_ms: u64,
    ) -> Self {
        Self {
            shard,
            incarnation,
            software,
            site,
            peer,
            web: web.and_then(|web| reachable(web, peer)),
            linked_since_ms,
            link: LinkNo(0),
            knows_steps: false,
            lost: AtomicU64::new(0),
            leaves: AtomicBool::new(false),
            stats: Mutex::default(),
        }
    }

    /// The same, behind that link, of a version that can be sent steps or cannot.
    #[must_use]
    pub fn behind(self, link: LinkNo, knows_steps: bool) -> Self {
        Self {
            link,
            knows_steps,
            ..self
        }
    }

    /// Whether its link stands.
    pub fn is_up(&self) -> bool {
        self.lost.load(Relaxed) == 0
    }

    /// It wants to leave: its devices go elsewhere.
    pub fn leave(&self) {
        self.leaves.store(true, Relaxed);
    }

    /// Whether it wants to leave.
    pub fn is_leaving(&self) -> bool {
        self.is_up() && self.leaves.load(Relaxed)
    }

    pub(super) fn lose(&self, now: Tick) {
        self.lost.store(now.0, Relaxed);
    }

    pub(super) fn is_forgotten(&self, now: Tick) -> bool {
        let shown = SHOWN_AFTER_LOSS.as_secs() * 1_000;
        !self.is_up() && !Tick(self.lost.load(Relaxed)).is_within(shown, now)
    }

    /// Whether it told its counters: until then they are unknown, not 0.
    pub fn has_stats(&self) -> bool {
        lock(&self.stats).is_some()
    }

    /// Calls `f` with its own counters, as it told them last; with all 0 where it did not yet.
    pub fn with_stats<R>(&self, f: impl FnOnce(&ShardStats) -> R) -> R {
        match &*lock(&self.stats) {
            Some(stats) => f(stats),
            None => f(&ShardStats::default()),
        }
    }

    /// Takes the counters over from the former link of the same life, which go on counting.
    pub(super) fn succeed(&self, former: &Self) {
        if former.incarnation == self.incarnation {
            lock(&self.stats).clone_from(&lock(&former.stats));
        }
    }

    /// It told its counters.
    pub fn set_stats(&self, stats: ShardStats) {
        *lock(&self.stats) = Some(stats);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_where_the_manager_can_reach_it() {
        let check = |web: &str, peer: &str, expected: Option<&str>| {
            let reached = reachable(web.parse().unwrap(), peer.parse().unwrap());
            assert_eq!(reached.map(|web| web.to_string()).as_deref(), expected);
        };
        check(
            "192.0.2.1:9797",
            "198.51.100.1:4000",
            Some("192.0.2.1:9797"),
        );
        check(
            "0.0.0.0:9797",
            "198.51.100.1:4000",
            Some("198.51.100.1:9797"),
        );
        check(
            "[::]:9797",
            "[::ffff:198.51.100.1]:4000",
            Some("198.51.100.1:9797"),
        );
        check(
            "[::]:9797",
            "[2001:db8::1]:4000",
            Some("[2001:db8::1]:9797"),
        );
        check("127.0.0.1:9797", "127.0.0.1:4000", Some("127.0.0.1:9797"));
        check("127.0.0.1:9797", "198.51.100.1:4000", None);
    }
}
