//! A credential as it is shown, in metrics and in the API.

use std::time::Instant;

use netwolf_wire::{DeviceName, login::LoginOutcome, status::Failure};

use super::{
    credential::{Credential, State},
    words::Wall,
};

/// Refusals that are shown of one credential, the latest.
pub const REFUSALS: usize = 50;

/// What devices said since the manager's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// They took it.
    pub accepted: u64,
    /// They refused it.
    pub refused: u64,
    /// They said neither.
    pub unclear: u64,
    /// They were not offered it after all.
    pub unused: u64,
}

impl Totals {
    pub(super) fn count(&mut self, outcome: LoginOutcome) {
        match outcome {
            LoginOutcome::Accepted => self.accepted += 1,
            LoginOutcome::Refused => self.refused += 1,
            LoginOutcome::Unclear => self.unclear += 1,
            LoginOutcome::Unused => self.unused += 1,
        }
    }

    /// By the words that outcomes have as label values.
    pub fn by_outcome(&self) -> [(&'static str, u64); 4] {
        [
            ("accepted", self.accepted),
            ("refused", self.refused),
            ("unclear", self.unclear),
            ("unused", self.unused),
        ]
    }
}

/// Whether permits are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// As the window allows.
    Closed,
    /// To nobody.
    Open,
    /// To one device.
    HalfOpen,
}

impl BreakerState {
    /// As the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// A device that refused a credential when it was last offered it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusalView {
    /// The device.
    pub device: DeviceName,
    /// When, Unix time in milliseconds.
    pub at_ms: u64,
    /// Until when it is not tried, Unix time in milliseconds; nothing after a reload.
    pub held_until_ms: Option<u64>,
}

/// One credential at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialView {
    /// Its name.
    pub name: String,
    /// Its breaker.
    pub state: BreakerState,
    /// When the breaker opened, Unix time in milliseconds.
    pub since_ms: Option<u64>,
    /// When a device is to try, Unix time in milliseconds.
    pub next_probe_ms: Option<u64>,
    /// The device that tries now, or the first of those that were told to.
    pub probe: Option<DeviceName>,
    /// Why nobody may try it.
    pub failure: Option<Failure>,
    /// Devices that use it.
    pub n_devices: usize,
    /// Devices whose last word was no.
    pub n_refusals: usize,
    /// The latest [`REFUSALS`] of them.
    pub refusals: Vec<RefusalView>,
    /// Permits in flight.
    pub permits: usize,
    /// Permits that may be in flight.
    pub window: usize,
    /// Asks that wait.
    pub waiting: usize,
    /// What devices said.
    pub totals: Totals,
}

impl CredentialView {
    pub(super) fn of(credential: &Credential, now: Instant, wall: &Wall) -> Self {
        let (state, since, next_probe, probe) = match &credential.state {
            State::Closed => (BreakerState::Closed, None, None, None),
            State::Open {
                since, probe_at, ..
            } => (BreakerState::Open, Some(since), Some(probe_at), None),
            State::HalfOpen { since, probes, .. } => {
                (BreakerState::HalfOpen, Some(since), None, probes.first())
            }
        };
        let mut refusals: Vec<_> = credential.refused.iter().collect();
        refusals.sort_by_key(|(_, refusal)| std::cmp::Reverse(refusal.at));
        let refusals = refusals
            .into_iter()
            .take(REFUSALS)
            .map(|(device, refusal)| RefusalView {
                device: device.clone(),
                at_ms: wall.unix_ms(refusal.at),
                held_until_ms: refusal
                    .held_until()
                    .filter(|until| now < *until)
                    .map(|until| wall.unix_ms(until)),
            });
        Self {
            name: credential.name().to_owned(),
            state,
            since_ms: since.map(|at| wall.unix_ms(*at)),
            next_probe_ms: next_probe.map(|at| wall.unix_ms(*at)),
            probe: probe.cloned(),
            failure: credential.breaker(wall).open,
            n_devices: credential.devices.len(),
            n_refusals: credential.refused.len(),
            refusals: refusals.collect(),
            permits: credential.n_permits(),
            window: credential.window(),
            waiting: credential.waiting.len(),
            totals: credential.totals,
        }
    }
}
