//! Whether a device's host key is the one that is expected. Pure but for the memory of accepted keys.
//!
//! Invariant: no policy accepts any key; in doubt (no file, no entry, a marker that says no) the answer is no.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use netwolf_wire::status::{Failure, Reason};

use super::known_hosts::KnownKeys;

/// The key that a device presents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PresentedKey {
    /// Such as `ssh-ed25519`.
    pub(crate) algorithm: String,
    /// As OpenSSH writes it: `SHA256:...`.
    pub(crate) fingerprint: String,
    /// The whole public key, in the form of a `known_hosts` line without host and comment.
    pub(crate) text: String,
}

/// Keys that were accepted at first sight, shared by all shards of the agent for as long as it runs.
#[derive(Debug, Default)]
pub(crate) struct AcceptedKeys(Mutex<HashMap<String, PresentedKey>>);

impl AcceptedKeys {
    /// The key that is in force for `endpoint` after it presented `key`.
    fn first_or(&self, endpoint: &str, key: &PresentedKey) -> PresentedKey {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.entry(endpoint.to_owned())
            .or_insert_with(|| key.clone())
            .clone()
    }
}

/// Judges the key of one device.
pub(crate) enum Verifier<'a> {
    /// Exactly the key with this fingerprint.
    Pinned(&'a str),
    /// A key that a file lists.
    Known {
        /// For messages.
        path: &'a str,
        /// What the file says of the device.
        keys: &'a KnownKeys,
    },
    /// The first one, and then only that.
    AcceptNew(&'a AcceptedKeys),
}

impl Verifier<'_> {
    /// Judges `key` of the device at `endpoint` (address and port).
    ///
    /// # Errors
    /// Why the key is not taken.
    pub(crate) fn check(&self, endpoint: &str, key: &PresentedKey) -> Result<(), Failure> {
        let PresentedKey {
            algorithm,
            fingerprint,
            ..
        } = key;
        let presents = format!("{endpoint} presents the {algorithm} key {fingerprint}");
        match self {
            Self::Pinned(pinned) if *pinned == fingerprint => Ok(()),
            Self::Pinned(pinned) => Err(mismatch(
                format!("{presents}, pinned is {pinned}"),
                "if the key was changed on purpose, or another type was pinned, put the new fingerprint into `host_key`",
            )),
            Self::Known { path, keys } => {
                if keys.revoked.iter().any(|revoked| revoked == &key.text) {
                    Err(mismatch(
                        format!("{presents}, which \"{path}\" marks as revoked"),
                        "give the device a new host key",
                    ))
                } else if keys.good.iter().any(|good| good == &key.text) {
                    Ok(())
                } else if keys.good.is_empty() {
                    Err(Failure {
                        reason: Reason::HostKeyUnknown,
                        message: format!("{presents}, and \"{path}\" has no key for it"),
                        hint: Some(
                            "compare the fingerprint with the device's console, then add the key (see ssh-keyscan) or pin it with `host_key`".into(),
                        ),
                    })
                } else {
                    Err(mismatch(
                        format!("{presents}, \"{path}\" has another one"),
                        "if the key was changed on purpose, replace its line in the file",
                    ))
                }
            }
            Self::AcceptNew(accepted) => {
                let first = accepted.first_or(endpoint, key);
                if first == *key {
                    Ok(())
                } else {
                    Err(mismatch(
                        format!("{presents}, at first it was {}", first.fingerprint),
                        "if the key was changed on purpose, restart the agent or pin the key with `host_key`",
                    ))
                }
            }
        }
    }
}

fn mismatch(message: String, hint: &str) -> Failure {
    Failure {
        reason: Reason::HostKeyMismatch,
        message,
        hint: Some(hint.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> PresentedKey {
        PresentedKey {
            algorithm: "ssh-ed25519".into(),
            fingerprint: format!("SHA256:{name}"),
            text: format!("ssh-ed25519 {name}"),
        }
    }

    #[track_caller]
    fn check(verifier: &Verifier<'_>, name: &str, expected: Option<Reason>) {
        let found = verifier
            .check("r1:22", &key(name))
            .err()
            .map(|failure| failure.reason);
        assert_eq!(found, expected);
    }

    #[test]
    fn only_the_pinned_key_is_taken() {
        check(&Verifier::Pinned("SHA256:a"), "a", None);
        check(
            &Verifier::Pinned("SHA256:a"),
            "b",
            Some(Reason::HostKeyMismatch),
        );
    }

    #[test]
    fn only_a_known_key_that_is_not_revoked_is_taken() {
        let none = KnownKeys::default();
        check(
            &Verifier::Known {
                path: "f",
                keys: &none,
            },
            "a",
            Some(Reason::HostKeyUnknown),
        );
        let keys = KnownKeys {
            good: vec!["ssh-ed25519 a".into(), "ssh-rsa c".into()],
            revoked: vec!["ssh-ed25519 z".into()],
        };
        check(
            &Verifier::Known {
                path: "f",
                keys: &keys,
            },
            "a",
            None,
        );
        check(
            &Verifier::Known {
                path: "f",
                keys: &keys,
            },
            "b",
            Some(Reason::HostKeyMismatch),
        );
        check(
            &Verifier::Known {
                path: "f",
                keys: &keys,
            },
            "z",
            Some(Reason::HostKeyMismatch),
        );
        // Known by a key of another type only: somebody else may be answering.
        let rsa = KnownKeys {
            good: vec!["ssh-rsa c".into()],
            revoked: Vec::new(),
        };
        check(
            &Verifier::Known {
                path: "f",
                keys: &rsa,
            },
            "a",
            Some(Reason::HostKeyMismatch),
        );
        let revoked = KnownKeys {
            good: vec!["ssh-ed25519 z".into()],
            revoked: vec!["ssh-ed25519 z".into()],
        };
        check(
            &Verifier::Known {
                path: "f",
                keys: &revoked,
            },
            "z",
            Some(Reason::HostKeyMismatch),
        );
    }

    #[test]
    fn accept_new_takes_the_first_key_and_then_only_that() {
        let accepted = AcceptedKeys::default();
        check(&Verifier::AcceptNew(&accepted), "a", None);
        check(
            &Verifier::AcceptNew(&accepted),
            "b",
            Some(Reason::HostKeyMismatch),
        );
        check(&Verifier::AcceptNew(&accepted), "a", None);
    }
}
