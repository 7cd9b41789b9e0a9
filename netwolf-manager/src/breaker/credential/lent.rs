//! Devices that a credential is lent to: for a step of a run, which logs in with it beside the session that
//! monitoring has.
//!
//! Asks and ends count as those of any device. What differs is who probes: a device that borrows logs in only for a
//! step, so nobody can be told to try, and where no device uses the credential for monitoring an open breaker closes
//! by itself when one was to try. Then one permit is in flight until the next acceptance, and one refusal opens it
//! again.
//!
//! Invariant: a loan ends, and a credential that nobody has any more is forgotten, but not before its refusals have
//! ceased to count: a changed password is refused no more often by many runs than by one.

use std::time::Instant;

use netwolf_wire::{DeviceName, target::Login};

use super::{
    super::{HOLD, STRIKES},
    Credential, State,
};

impl Credential {
    /// A device may be logged in to with it until then. Where it is only lent, the latest word on how is the one
    /// that holds.
    pub(in crate::breaker) fn lend(
        &mut self,
        now: Instant,
        login: &Login,
        device: DeviceName,
        until: Instant,
    ) {
        if self.devices.is_empty() && self.login != *login {
            self.redefine(now, login, Vec::new());
        }
        let end = self.lent.entry(device).or_insert(until);
        *end = until.max(*end);
    }

    /// No device uses it for monitoring any more; tells whether one has it for a step.
    pub(in crate::breaker) fn leave_inventory(&mut self, now: Instant) -> bool {
        let login = self.login.clone();
        self.redefine(now, &login, Vec::new());
        !self.lent.is_empty()
    }

    /// Whether a device has it, for monitoring or for a step.
    pub(in crate::breaker) fn is_had_by(&self, device: &DeviceName) -> bool {
        self.has(device) || self.lent.contains_key(device)
    }

    /// Ends the loans that are due. A device that has refused, or is being tried, is remembered for as long as that
    /// counts.
    pub(super) fn end_loans(&mut self, now: Instant) {
        let (permits, refused) = (&self.permits, &self.refused);
        let ended = self.lent.extract_if(.., |device, until| {
            let counts = |at: Instant| now < at + HOLD;
            now >= *until
                && !permits.contains_key(device)
                && !refused
                    .get(device)
                    .is_some_and(|refusal| counts(refusal.at))
        });
        let ended: Vec<_> = ended.map(|(device, _)| device).collect();
        for device in ended {
            if self.has(&device) {
                continue;
            }
            self.waiting.take(&device);
            self.refused.remove(&device);
            self.unclear.remove(&device);
        }
    }

    /// When the next loan may end.
    pub(super) fn next_end(&self) -> Option<Instant> {
        let end = |(device, until): (&DeviceName, &Instant)| {
            let refusal = self.refused.get(device).map(|refusal| refusal.at + HOLD);
            let permit = self.permits.get(device).map(|permit| permit.lapses);
            [Some(*until), refusal, permit].into_iter().flatten().max()
        };
        self.lent.iter().filter_map(end).min()
    }

    /// Nobody uses it for monitoring.
    pub(super) fn is_only_lent(&self) -> bool {
        self.devices.is_empty()
    }

    /// Whether nobody has it and nothing of it counts.
    pub(in crate::breaker) fn is_forgotten(&self, now: Instant) -> bool {
        let counts = |at: &Instant| now < *at + HOLD;
        self.devices.is_empty()
            && self.lent.is_empty()
            && self.state == State::Closed
            && !self.strikes.iter().any(counts)
    }

    /// The time has come for somebody to try, and there is nobody who could be told to.
    pub(super) fn close_for_loans(&mut self, now: Instant) {
        self.state = State::Closed;
        self.strikes = vec![now; STRIKES - 1];
        (self.is_careful, self.credit, self.n_unclear) = (true, 0, 0);
        (self.is_asked, self.is_untold) = (false, true);
    }
}
