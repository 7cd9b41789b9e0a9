//! Which host keys are taken from a device, with whatever that takes read beforehand.

use std::sync::Arc;

use netwolf_wire::{status::Failure, target::HostKey};
use russh::keys::Algorithm;

use super::{Door, algorithms, known_hosts_file};
use crate::session::{
    host_key::{AcceptedKeys, PresentedKey, Verifier},
    known_hosts::KnownKeys,
};

/// The policy for one device's host key, with what it needs read beforehand.
pub(super) enum Policy {
    Pinned {
        endpoint: String,
        fingerprint: String,
    },
    Known {
        endpoint: String,
        path: String,
        keys: KnownKeys,
    },
    AcceptNew {
        endpoint: String,
        accepted: Arc<AcceptedKeys>,
    },
}

impl Policy {
    /// Reads what the policy for `door` needs.
    ///
    /// # Errors
    /// When a `known_hosts` file cannot be read.
    pub(super) async fn of(door: &Door<'_>, accepted: &Arc<AcceptedKeys>) -> Result<Self, Failure> {
        let endpoint = door.endpoint.clone();
        Ok(match door.host_key {
            HostKey::Pinned(fingerprint) => Self::Pinned {
                endpoint,
                fingerprint: fingerprint.clone(),
            },
            HostKey::KnownHosts(path) => Self::Known {
                endpoint,
                keys: known_hosts_file::lookup(path, door.address, door.port).await?,
                path: path.clone(),
            },
            HostKey::AcceptNew => Self::AcceptNew {
                endpoint,
                accepted: accepted.clone(),
            },
        })
    }

    /// Those of `offered` that the device may prove itself with: a server with several keys then shows the one
    /// that is known.
    pub(super) fn algorithms(&self, offered: &[Algorithm]) -> Vec<Algorithm> {
        match self {
            Self::Known { keys, .. } => {
                let known: Vec<_> = keys.algorithms().collect();
                algorithms::of_known_kinds(offered, &known)
            }
            Self::Pinned { .. } | Self::AcceptNew { .. } => offered.to_vec(),
        }
    }

    /// Judges `key`.
    ///
    /// # Errors
    /// Why the key is not taken.
    pub(super) fn check(&self, key: &PresentedKey) -> Result<(), Failure> {
        match self {
            Self::Pinned {
                endpoint,
                fingerprint,
            } => Verifier::Pinned(fingerprint).check(endpoint, key),
            Self::Known {
                endpoint,
                path,
                keys,
            } => Verifier::Known { path, keys }.check(endpoint, key),
            Self::AcceptNew { endpoint, accepted } => {
                Verifier::AcceptNew(accepted).check(endpoint, key)
            }
        }
    }
}
