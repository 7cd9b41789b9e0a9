//! What devices say to a credential, and what follows from it.

use std::time::Instant;

use netwolf_wire::{DeviceName, login::LoginOutcome};

use super::{
    super::{FADE, FRESH, HOLD, PROBE_PAUSE, STRIKES, WINDOW},
    Credential, Refusal, State,
};
use crate::fleet::LinkNo;

impl Credential {
    /// A login ended, or an ask is withdrawn.
    pub(in crate::breaker) fn ended(
        &mut self,
        now: Instant,
        link: LinkNo,
        device: &DeviceName,
        outcome: LoginOutcome,
    ) {
        self.totals.count(outcome);
        self.waiting.forget_of(link, device);
        if self.permits.get(device).is_some_and(|p| p.link == link) {
            self.permits.remove(device);
        }
        match outcome {
            LoginOutcome::Accepted => self.accepted(now, device),
            LoginOutcome::Refused => self.refused(now, device),
            LoginOutcome::Unclear => {
                self.unclear.insert(device.clone());
                self.n_unclear += u32::from(self.is_probing(device));
                self.lose_probe(now, device);
            }
            LoginOutcome::Unused => {
                self.lose_probe(now, device);
            }
        }
        self.trip(now);
    }

    fn accepted(&mut self, now: Instant, device: &DeviceName) {
        self.fade(now);
        self.refused.remove(device);
        self.unclear.remove(device);
        self.strikes.clear();
        (self.retried_at, self.doubted_at) = (None, None);
        self.accepted_at = Some(now);
        if self.state == State::Closed {
            self.is_careful = false;
            self.credit = (self.credit + 1).min(WINDOW - STRIKES);
        } else {
            self.state = State::Closed;
            (self.is_careful, self.credit, self.n_unclear) = (true, 0, 0);
            (self.is_asked, self.is_untold) = (false, true);
        }
    }

    fn refused(&mut self, now: Instant, device: &DeviceName) {
        self.unclear.remove(device);
        // One step back, not all: where many devices have passwords of their own, two refusals in a row with nobody
        // left in flight would come soon and mean nothing.
        self.credit = self.credit.saturating_sub(1);
        let former = self.refused.get(device).copied();
        let is_own = former.is_some_and(|former| self.is_own(&former));
        let refusal = Refusal {
            at: now,
            is_lifted: false,
            is_own,
        };
        self.refused.insert(device.clone(), refusal);
        match self.state {
            State::Closed => {
                self.strikes.retain(|at| now < *at + HOLD);
                let is_lifted = former.is_some_and(|former| former.is_lifted);
                if is_own || is_lifted {
                    // That it refuses again says nothing new of the credential.
                    self.retried_at = Some(now);
                    if !is_own {
                        self.doubted_at = Some(now);
                    }
                } else {
                    self.strikes.push(now);
                }
            }
            State::Open { since, .. } | State::HalfOpen { since, .. } => {
                self.open(now, since, now + HOLD);
            }
        }
    }

    fn open(&mut self, now: Instant, since: Instant, probe_at: Instant) {
        self.state = State::Open {
            since,
            refused_at: now,
            probe_at,
        };
        self.n_unclear = 0;
        (self.is_asked, self.is_untold) = (false, true);
    }

    /// Opens the breaker after too many refusals, unless a device may still say yes: among many permits in
    /// flight two refusals in a row mean little.
    pub(super) fn trip(&mut self, now: Instant) {
        self.fade(now);
        let is_within = |time| self.accepted_at.is_some_and(|at| now < at + time);
        let may_be_saved = is_within(FADE) && !self.permits.is_empty();
        if self.state == State::Closed && self.strikes.len() >= STRIKES && !may_be_saved {
            // What others took just now is probably good, and these devices are wrong: one more tells.
            let pause = if is_within(FRESH) { PROBE_PAUSE } else { HOLD };
            self.open(now, now, now + pause);
        }
    }

    /// What acceptances have earned is spent some seconds after the last one.
    pub(super) fn fade(&mut self, now: Instant) {
        if self.accepted_at.is_none_or(|at| now >= at + FADE) {
            self.credit = 0;
        }
    }

    /// Permits in flight at most.
    pub(in crate::breaker) fn window(&self) -> usize {
        match (&self.state, self.strikes.len()) {
            (State::Open { .. }, _) => 0,
            (State::HalfOpen { .. }, _) => 1,
            (State::Closed, f) if f >= STRIKES => 0,
            (State::Closed, _) if self.is_careful => 1,
            (State::Closed, f) => STRIKES - f + self.credit,
        }
    }
}
