//! Faults that are put in between nodes, so that the checks have something to find.

use super::*;

impl World {
    pub(super) fn tampered_up(&self, mut message: ToManager) -> ToManager {
        if self.mutation == Some(Mutation::OldEpochsPass)
            && let ToManager::Declare(declare) = &mut message
        {
            for device in &mut declare.devices {
                if let Some((_, epoch)) = self.leases.get(&device.device) {
                    device.epoch = *epoch;
                }
            }
        }
        message
    }

    pub(super) fn tampered_down(&mut self, no: u64, mut message: ToAgent) -> Option<ToAgent> {
        match (&mut message, self.mutation) {
            (ToAgent::Revoke(revoke), Some(Mutation::RevokesAreIgnored)) => {
                let leases = std::mem::take(&mut revoke.leases);
                self.push_up(no, Packet::Message(Revoked { leases }.into()));
                None
            }
            (ToAgent::Welcome(welcome), Some(Mutation::NothingAges)) => {
                welcome.timing.autonomy = Span::from_secs(3600);
                Some(message)
            }
            (ToAgent::Welcome(welcome), Some(Mutation::NothingIsExclusive)) => {
                welcome.timing.exclusive = welcome.timing.autonomy;
                Some(message)
            }
            _ => Some(message),
        }
    }
}
