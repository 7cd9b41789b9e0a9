//! When a credential has something to do by the passing of time alone.

use std::time::Instant;

use super::{
    super::{FADE, HOLD, STRIKES},
    Credential, State,
};

impl Credential {
    /// When [`Self::handle_timeout`] has something to do.
    pub(in crate::breaker) fn poll_timeout(&self) -> Option<Instant> {
        let lapse = self.permits.values().map(|permit| permit.lapses).min();
        let next = match &self.state {
            State::Open { probe_at, .. } => Some(*probe_at),
            State::HalfOpen { until, .. } => Some(*until),
            State::Closed if self.strikes.len() >= STRIKES => self.accepted_at.map(|at| at + FADE),
            State::Closed => self.next_grant(),
        };
        let fades = self.accepted_at.filter(|_| self.credit > 0);
        let fades = fades.map(|at| at + FADE);
        let loans = self.next_end();
        lapse
            .into_iter()
            .chain(next)
            .chain(fades)
            .chain(loans)
            .min()
    }

    /// When somebody who waits may be granted a permit by the passing of time alone.
    fn next_grant(&self) -> Option<Instant> {
        // Then more may be in flight.
        let strike_ends = self.strikes.first().map(|at| *at + HOLD);
        let others = strike_ends.filter(|_| self.waiting.has_others());
        let again = self.waiting.first_again().map(|(turn, device)| {
            // The ends of logins are not waited for here.
            turn.max(self.again_at(turn, device))
        });
        let again = again.filter(|_| self.is_alone() && self.has_room());
        others.into_iter().chain(again).min()
    }
}
