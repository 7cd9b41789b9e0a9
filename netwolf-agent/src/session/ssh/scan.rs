//! Asks a server for its host keys, one connection for each kind, without a login.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use netwolf_wire::{
    legacy::Legacy,
    status::{Failure, Reason},
};
use russh::{
    AlgorithmKind, client,
    keys::{Algorithm, PublicKeyOrCertificate},
};
use tokio::time::timeout_at;

use super::{algorithms, client::presented, error::before_login, tuning};
use crate::session::{
    host_key::PresentedKey,
    socket::{self, Socket},
};

/// Looks at the key and goes no further.
struct Collector(Arc<Mutex<Option<PresentedKey>>>);

impl client::Handler for Collector {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        key: &PublicKeyOrCertificate,
    ) -> Result<bool, russh::Error> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(presented(key)?);
        // Which ends the connection before anything is told about a user.
        Ok(false)
    }
}

/// The keys of the server at `address` and `port`, the best kind first; all within `deadline`.
///
/// # Errors
/// Why no key was seen.
pub(crate) async fn scan(
    address: &str,
    port: u16,
    legacy: &[Legacy],
    deadline: Duration,
) -> Result<Vec<PresentedKey>, Failure> {
    let until = Instant::now() + deadline;
    let endpoint = format!("{address}:{port}");
    let offered = algorithms::preferred(legacy);
    let mut found: Vec<PresentedKey> = Vec::new();
    let mut last = None;
    for kind in kinds(&offered.key) {
        let mut preferred = offered.clone();
        preferred.key = kind.into();
        let left = until.saturating_duration_since(Instant::now());
        let stream = match socket::connect(address, port, left).await {
            Ok(stream) => stream,
            Err(failure) => {
                last = Some(failure);
                break;
            }
        };
        let seen = Arc::new(Mutex::new(None));
        let (socket, _kill) = Socket::new(stream, Arc::default());
        let connecting = client::connect_stream(
            tuning::config(&endpoint, preferred, false),
            socket,
            Collector(seen.clone()),
        );
        let result = timeout_at(until.into(), connecting).await;
        let key = seen.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (key, result) {
            (Some(key), _) if found.contains(&key) => {}
            (Some(key), _) => found.push(key),
            // It has no key of this kind.
            (
                None,
                Ok(Err(
                    error @ russh::Error::NoCommonAlgo {
                        kind: AlgorithmKind::Key,
                        ..
                    },
                )),
            ) => last = Some(before_login(&endpoint, &error, legacy)),
            (None, Ok(Err(error))) => {
                last = Some(before_login(&endpoint, &error, legacy));
                break;
            }
            (None, Ok(Ok(_)) | Err(_)) => {
                last = Some(Failure {
                    reason: Reason::HandshakeTimeout,
                    message: format!(
                        "{endpoint}: not all keys were seen within {} s",
                        deadline.as_secs_f64()
                    ),
                    hint: Some("is it an SSH server, and is the device overloaded?".into()),
                });
                break;
            }
        }
    }
    match last {
        Some(failure) if found.is_empty() => Err(failure),
        // What was seen is shown, and what made it incomplete is not worth hiding it.
        Some(failure) => {
            tracing::debug!(error = %failure.message, "a host key scan ended with this");
            Ok(found)
        }
        None => Ok(found),
    }
}

/// The algorithms of each kind of key: RSA is one kind that signs in several ways.
fn kinds(offered: &[Algorithm]) -> Vec<Vec<Algorithm>> {
    let mut kinds: Vec<Vec<Algorithm>> = Vec::new();
    for algorithm in offered {
        match kinds
            .iter_mut()
            .find(|kind| is_rsa(&kind[0]) && is_rsa(algorithm))
        {
            Some(kind) => kind.push(algorithm.clone()),
            None => kinds.push(vec![algorithm.clone()]),
        }
    }
    kinds
}

const fn is_rsa(algorithm: &Algorithm) -> bool {
    matches!(algorithm, Algorithm::Rsa { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rsa_is_one_kind() {
        let kinds = kinds(&algorithms::preferred(Legacy::ALL).key);
        let lengths: Vec<_> = kinds.iter().map(Vec::len).collect();
        assert_eq!(lengths, [1, 1, 1, 1, 3]);
    }
}
