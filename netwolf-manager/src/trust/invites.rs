//! Invites that were given out: each good for one agent and a short time. Pure; time comes in as Unix seconds.
//!
//! Invariants: of a secret only its SHA-256 is kept; an invite is good once; what is wrong with an invite is told
//! only to whoever has its secret.

use std::collections::BTreeMap;

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use base64ct::{Base64, Encoding};
use netwolf_wire::{AgentName, certify::Invite};
use serde::{Deserialize, Serialize};

/// How long an invite is good unless something else is asked for, in seconds.
pub const TTL_DEFAULT: u64 = 15 * 60;

/// The longest that can be asked for, in seconds.
pub const TTL_MAX: u64 = 24 * 60 * 60;

/// How many may be open at a time.
pub const MAX_OPEN: usize = 4096;

/// An invite that is over is remembered so long, in seconds, to say why it is refused.
const REMEMBERED: u64 = 24 * 60 * 60;

/// What is kept of an invite.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// SHA-256 of the secret, base64.
    hash: String,
    /// The one agent that may use it, if it is for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    agent: Option<AgentName>,
    /// Unix seconds.
    expires: u64,
    #[serde(default)]
    used: bool,
}

/// The invites of a manager.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Invites(BTreeMap<String, Kept>);

/// Why an invite is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is none of this id, or the secret is another.
    Unknown,
    /// It was good until then, in Unix seconds.
    Expired(u64),
    /// An agent has joined with it.
    Used,
    /// It is for this agent.
    Name(AgentName),
}

/// What a good invite allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// It was made for the agent that uses it, which may therefore take the place of another of its name.
    pub is_bound: bool,
}

fn hash(secret: &str) -> String {
    Base64::encode_string(digest(&SHA256, secret.as_bytes()).as_ref())
}

impl Invites {
    /// Takes a new invite in; `false` when there are too many.
    pub fn add(&mut self, invite: &Invite, agent: Option<AgentName>, expires: u64) -> bool {
        if self.0.values().filter(|kept| !kept.used).count() >= MAX_OPEN {
            return false;
        }
        let kept = Kept {
            hash: hash(invite.secret.reveal()),
            agent,
            expires,
            used: false,
        };
        self.0.insert(invite.id.clone(), kept);
        true
    }

    /// Whether `agent` may use the invite now. It stays unused.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn check(&self, invite: &Invite, agent: &AgentName, now: u64) -> Result<Allowed, Fault> {
        let kept = self.0.get(&invite.id);
        let theirs = hash(invite.secret.reveal());
        // Of an unknown id a hash is compared, too, so that time does not tell.
        let ours = kept.map_or("", |kept| &kept.hash);
        let same = verify_slices_are_equal(ours.as_bytes(), theirs.as_bytes()).is_ok();
        let kept = kept.filter(|_| same).ok_or(Fault::Unknown)?;
        match &kept.agent {
            _ if kept.used => Err(Fault::Used),
            _ if kept.expires <= now => Err(Fault::Expired(kept.expires)),
            Some(name) if name != agent => Err(Fault::Name(name.clone())),
            bound => Ok(Allowed {
                is_bound: bound.is_some(),
            }),
        }
    }

    /// The invite is used up.
    pub fn spend(&mut self, id: &str) {
        if let Some(kept) = self.0.get_mut(id) {
            kept.used = true;
        }
    }

    /// Forgets what has been over for long.
    pub fn prune(&mut self, now: u64) {
        self.0
            .retain(|_, kept| kept.expires.saturating_add(REMEMBERED) > now);
    }
}

#[cfg(test)]
mod tests {
    use netwolf_wire::certify::InviteSecret;

    use super::*;

    const T: u64 = 1_800_000_000;

    fn name(text: &str) -> AgentName {
        text.parse().unwrap()
    }

    fn invite(id: &str, secret: &str) -> Invite {
        Invite {
            id: id.into(),
            secret: InviteSecret::new(secret),
        }
    }

    fn invites(agent: Option<AgentName>) -> Invites {
        let mut invites = Invites::default();
        assert!(invites.add(&invite("i", "s"), agent, T + 900));
        invites
    }

    #[test]
    fn an_invite_is_good_once_and_until_it_expires() {
        let mut invites = invites(None);
        let good = |invites: &Invites, now| invites.check(&invite("i", "s"), &name("a"), now);
        assert_eq!(good(&invites, T + 899), Ok(Allowed { is_bound: false }));
        assert_eq!(good(&invites, T + 900), Err(Fault::Expired(T + 900)));
        invites.spend("i");
        assert_eq!(good(&invites, T), Err(Fault::Used));
    }

    #[test]
    fn who_has_another_secret_learns_nothing() {
        let mut invites = invites(Some(name("a")));
        invites.spend("i");
        for (id, secret) in [("i", "x"), ("x", "s"), ("i", "")] {
            let said = invites.check(&invite(id, secret), &name("b"), T + 10_000);
            assert_eq!(said, Err(Fault::Unknown));
        }
    }

    #[test]
    fn an_invite_for_one_agent_is_for_no_other() {
        let invites = invites(Some(name("a")));
        let check = |agent| invites.check(&invite("i", "s"), &name(agent), T);
        assert_eq!(check("a"), Ok(Allowed { is_bound: true }));
        assert_eq!(check("b"), Err(Fault::Name(name("a"))));
    }

    #[test]
    fn what_is_kept_holds_no_secret_and_outlives_a_restart() {
        let mut invites = Invites::default();
        assert!(invites.add(&invite("i", "hush-hush"), Some(name("a")), T));
        let text = serde_json::to_string(&invites).unwrap();
        assert!(!text.contains("hush"), "{text}");
        assert_eq!(serde_json::from_str::<Invites>(&text).unwrap(), invites);
    }

    #[test]
    fn old_ones_are_forgotten_and_open_ones_are_bounded() {
        let mut invites = invites(None);
        invites.prune(T + 900 + REMEMBERED - 1);
        assert_eq!(invites.0.len(), 1);
        invites.prune(T + 900 + REMEMBERED);
        assert_eq!(invites.0.len(), 0);
        for n in 0..MAX_OPEN {
            assert!(invites.add(&invite(&n.to_string(), "s"), None, T));
        }
        assert!(!invites.add(&invite("one more", "s"), None, T));
    }
}
