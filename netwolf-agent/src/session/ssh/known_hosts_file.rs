//! Reads `known_hosts` files. One that cannot be read vouches for nobody: the login fails.

use std::{
    collections::HashMap,
    io,
    path::Path,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::SystemTime,
};

use netwolf_wire::status::{Failure, Reason};
use russh::keys::ssh_key::{
    KnownHosts,
    known_hosts::{Entry, HostPatterns, Marker as FileMarker},
};

use crate::session::known_hosts::{Hosts, KnownHost, KnownKeys, Marker};

/// A file of ten thousand devices has about 5 MB.
const MAX_FILE: u64 = 64 << 20;

/// What tells that a file has changed.
type Stamp = (Option<SystemTime>, u64);

/// A file as it was when it had this stamp.
type ReadFile = (Stamp, Arc<Vec<KnownHost>>);

/// Parsed files by path, as long as they do not change: a thousand logins read a file once.
static FILES: LazyLock<Mutex<HashMap<String, ReadFile>>> = LazyLock::new(Mutex::default);

/// What the file at `path` says of the device at `address` and `port`.
///
/// # Errors
/// [`Reason::HostKeyUnknown`] when the file cannot be read.
pub(super) async fn lookup(path: &str, address: &str, port: u16) -> Result<KnownKeys, Failure> {
    let (path, address) = (path.to_owned(), address.to_owned());
    let shown = path.clone();
    let found = tokio::task::spawn_blocking(move || {
        let lines = read(&path)?;
        Ok::<_, io::Error>(KnownKeys::of(lines.iter(), &address, port))
    });
    let error = match found.await {
        Ok(Ok(keys)) => return Ok(keys),
        Ok(Err(error)) => error.to_string(),
        Err(error) => error.to_string(),
    };
    Err(Failure {
        reason: Reason::HostKeyUnknown,
        message: format!("cannot read the known hosts file \"{shown}\": {error}"),
        hint: Some(
            "create it on the agent's machine, or pin the device's key with `host_key`".into(),
        ),
    })
}

fn read(path: &str) -> io::Result<Arc<Vec<KnownHost>>> {
    let metadata = std::fs::metadata(Path::new(path))?;
    if metadata.len() > MAX_FILE {
        return Err(io::Error::other("the file is too long"));
    }
    let stamp = (metadata.modified().ok(), metadata.len());
    let lock = || FILES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((known, lines)) = lock().get(path)
        && *known == stamp
    {
        return Ok(lines.clone());
    }
    let lines = Arc::new(parse(&std::fs::read_to_string(path)?));
    lock().insert(path.to_owned(), (stamp, lines.clone()));
    Ok(lines)
}

/// A line that cannot be read vouches for nothing, and revokes nothing that a device could present to us.
fn parse(text: &str) -> Vec<KnownHost> {
    KnownHosts::new(text)
        .filter_map(|entry| match entry {
            Ok(entry) => convert(&entry),
            Err(error) => {
                tracing::debug!(%error, "a line of a known hosts file was left out");
                None
            }
        })
        .collect()
}

fn convert(entry: &Entry) -> Option<KnownHost> {
    let mut key = entry.public_key().clone();
    key.set_comment("");
    Some(KnownHost {
        marker: entry.marker().map(|marker| match marker {
            FileMarker::CertAuthority => Marker::CertAuthority,
            FileMarker::Revoked => Marker::Revoked,
        }),
        hosts: match entry.host_patterns() {
            HostPatterns::Patterns(patterns) => Hosts::Patterns(patterns.clone()),
            HostPatterns::HashedName { salt, hash } => Hosts::Hashed {
                salt: salt.clone(),
                hash: *hash,
            },
        },
        key: key.to_openssh().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    #[tokio::test]
    async fn lines_are_read_and_bad_ones_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("known_hosts");
        let text = format!(
            "# comment\nr1,192.0.2.1 {KEY} some comment\nnonsense\n@revoked r2 {KEY}\nr3 ssh-future AAAA\n"
        );
        std::fs::write(&path, text).unwrap();
        let path = path.to_str().unwrap();
        let keys = lookup(path, "r1", 22).await.unwrap();
        assert_eq!(
            (keys.good.as_slice(), keys.revoked.len()),
            ([KEY.to_owned()].as_slice(), 0)
        );
        let keys = lookup(path, "r2", 22).await.unwrap();
        assert_eq!((keys.good.len(), keys.revoked.len()), (0, 1));
        // A file that changes is read again.
        std::fs::write(path, format!("r4 {KEY}\n")).unwrap();
        assert_eq!(lookup(path, "r4", 22).await.unwrap().good.len(), 1);
    }

    #[tokio::test]
    async fn a_missing_file_fails_closed() {
        let failure = lookup("/nowhere/known_hosts", "r1", 22).await.unwrap_err();
        assert_eq!(failure.reason, Reason::HostKeyUnknown);
        assert!(failure.message.contains("/nowhere/known_hosts"));
    }
}
