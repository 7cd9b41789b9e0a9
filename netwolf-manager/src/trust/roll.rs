//! Who has a certificate, and whose is worth nothing any more. Pure; time comes in as Unix seconds.
//!
//! Invariants: certificates of an agent that were made up to its revocation are never taken again; one that is made
//! after it is later than it, even when the clock was set back in between.

use std::collections::BTreeMap;

use netwolf_wire::{
    AgentName,
    tls::{BACKDATE_SECONDS, CERTIFICATE_SECONDS, certificate::Validity},
};
use serde::{Deserialize, Serialize};

/// What is known of an agent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    /// When its last certificate ends.
    expires: u64,
    /// Certificates made up to then are not taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoked: Option<u64>,
}

impl Entry {
    /// Until when there is something to be known: a certificate of a revoked agent must end first, and one that has
    /// ended is shown for as long as it held, so that alerts see it.
    fn ends(&self) -> u64 {
        self.expires.saturating_add(CERTIFICATE_SECONDS)
    }
}

/// The agents that have certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Roll(BTreeMap<AgentName, Entry>);

/// When a certificate was made, as it says.
pub const fn made(validity: Validity) -> u64 {
    validity.from.saturating_add(BACKDATE_SECONDS)
}

impl Roll {
    /// From when to when a certificate of `agent` that is made now holds. Writes it down.
    pub fn issue(&mut self, agent: &AgentName, now: u64) -> Validity {
        let entry = self.0.entry(agent.clone()).or_default();
        let made = entry.revoked.map_or(now, |revoked| now.max(revoked + 1));
        let validity = Validity {
            from: made.saturating_sub(BACKDATE_SECONDS),
            to: made + CERTIFICATE_SECONDS,
        };
        entry.expires = validity.to;
        validity
    }

    /// Whether a certificate of `agent` that was made at `made` is taken.
    pub fn admits(&self, agent: &AgentName, made: u64) -> bool {
        let revoked = self.0.get(agent).and_then(|entry| entry.revoked);
        revoked.is_none_or(|revoked| made > revoked)
    }

    /// Takes back all certificates of `agent`. Tells whether it had any that still held.
    pub fn revoke(&mut self, agent: &AgentName, now: u64) -> bool {
        let held = self.holds(agent, now);
        if let Some(entry) = self.0.get_mut(agent) {
            // Clocks that were set back must not make an old certificate good: the last one was made then.
            let last = entry.expires.saturating_sub(CERTIFICATE_SECONDS);
            entry.revoked = entry.revoked.max(Some(now.max(last)));
        }
        held
    }

    /// Whether `agent` has a certificate that is good now.
    pub fn holds(&self, agent: &AgentName, now: u64) -> bool {
        self.0.get(agent).is_some_and(|entry| {
            let last = entry.expires.saturating_sub(CERTIFICATE_SECONDS);
            entry.expires > now && self.admits(agent, last)
        })
    }

    /// The agents that have or had a certificate: when the last one ends, and since when they are revoked, if they
    /// have not joined again.
    pub fn iter(&self) -> impl Iterator<Item = (&AgentName, u64, Option<u64>)> {
        self.0.iter().map(|(agent, entry)| {
            let last = entry.expires.saturating_sub(CERTIFICATE_SECONDS);
            let revoked = entry.revoked.filter(|_| !self.admits(agent, last));
            (agent, entry.expires, revoked)
        })
    }

    /// Forgets who has had nothing for long.
    pub fn prune(&mut self, now: u64) {
        self.0.retain(|_, entry| entry.ends() > now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: u64 = 1_800_000_000;

    fn name() -> AgentName {
        "a".parse().unwrap()
    }

    #[test]
    fn a_certificate_is_good_from_its_making_until_it_is_revoked() {
        let mut roll = Roll::default();
        assert!(!roll.holds(&name(), T));
        assert!(!roll.revoke(&name(), T), "there is nothing to revoke");
        let first = roll.issue(&name(), T);
        assert_eq!(made(first), T);
        assert!(roll.holds(&name(), T) && roll.admits(&name(), T));
        assert!(roll.revoke(&name(), T + 10));
        assert!(!roll.holds(&name(), T + 10) && !roll.admits(&name(), made(first)));
        assert!(!roll.revoke(&name(), T + 20), "it is revoked already");
    }

    #[test]
    fn an_agent_that_joins_again_is_taken_and_its_old_certificate_is_not() {
        let mut roll = Roll::default();
        let old = roll.issue(&name(), T);
        roll.revoke(&name(), T + 10);
        for now in [T + 10, T - 500, T + 600] {
            let mut roll = roll.clone();
            let new = roll.issue(&name(), now);
            assert!(roll.admits(&name(), made(new)), "{now}");
            assert!(!roll.admits(&name(), made(old)));
            assert_eq!(roll.iter().next().unwrap().2, None);
        }
    }

    #[test]
    fn a_clock_that_was_set_back_spares_no_certificate() {
        let mut roll = Roll::default();
        let certificate = roll.issue(&name(), T);
        roll.revoke(&name(), T - 3600);
        assert!(!roll.admits(&name(), made(certificate)));
    }

    #[test]
    fn a_revocation_is_kept_until_the_certificate_has_ended() {
        let mut roll = Roll::default();
        let certificate = roll.issue(&name(), T);
        roll.revoke(&name(), T + 10);
        roll.prune(certificate.to);
        assert!(!roll.admits(&name(), made(certificate)));
        roll.prune(certificate.to + CERTIFICATE_SECONDS);
        assert_eq!(roll, Roll::default());
    }
}
