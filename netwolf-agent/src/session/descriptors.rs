//! File descriptors for sessions: each takes one, and what else the agent opens needs some, too.
//!
//! Without this the process would run out of them wherever it asked next: a link, a secret's file. So sessions have a
//! number of places of their own; a device that finds none is told to wait, and the others do not notice.

use std::sync::Arc;

use netwolf_wire::status::{Failure, Reason};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Open files of an agent beside its sessions: logs, secrets that are read, name lookups, agents for keys, jump hosts.
const OTHERS: u64 = 32;

/// Open files of a shard beside its sessions: its event loop and its link.
const OF_A_SHARD: u64 = 4;

/// The places of an agent.
#[derive(Clone, Debug)]
pub(crate) struct Descriptors {
    places: Arc<Semaphore>,
    n_places: usize,
}

impl Descriptors {
    /// What a `limit` of open files leaves to the sessions of so many shards.
    pub(crate) fn within(limit: u64, shards: u16) -> Self {
        let n_places = limit.saturating_sub(OTHERS + OF_A_SHARD * u64::from(shards));
        let n_places = usize::try_from(n_places).unwrap_or(usize::MAX);
        let n_places = n_places.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            places: Arc::new(Semaphore::new(n_places)),
            n_places,
        }
    }

    /// How many sessions there can be.
    pub(crate) const fn n_places(&self) -> usize {
        self.n_places
    }

    /// A place for a session, for as long as it is held.
    ///
    /// # Errors
    /// [`Reason::NoDescriptor`] when all are taken.
    pub(super) fn take(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let place = self.places.clone().try_acquire_owned();
        place.map_err(|_| Failure {
            reason: Reason::NoDescriptor,
            message: format!(
                "all {} sessions that the agent may have open are taken",
                self.n_places
            ),
            hint: Some(HINT.into()),
        })
    }
}

/// What to do about it.
pub(super) const HINT: &str = "raise the agent's limit of open files (`ulimit -n`, systemd's LimitNOFILE), or start \
     another agent";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_leave_descriptors_for_others_and_give_theirs_back() {
        let descriptors = Descriptors::within(64, 2);
        assert_eq!(descriptors.n_places(), 24);
        let mut taken: Vec<_> = (0..24).map(|_| descriptors.take().unwrap()).collect();
        let failure = descriptors.take().unwrap_err();
        assert_eq!(failure.reason, Reason::NoDescriptor);
        taken.pop();
        assert!(descriptors.take().is_ok());
    }

    #[test]
    fn any_limit_gives_some_place() {
        assert_eq!(Descriptors::within(0, 8).n_places(), 1);
        let most = Descriptors::within(u64::MAX, 1).n_places();
        assert_eq!(most, Semaphore::MAX_PERMITS);
    }
}
