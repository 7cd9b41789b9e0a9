//! What a device's configuration says of keys that it was seen to have, for people who review them. A login
//! judges by the same rules; nothing here lets anybody in.

use netwolf_wire::{status::Failure, target::HostKey};

use crate::{
    host_keys::FoundKey,
    session::{
        host_key::{AcceptedKeys, PresentedKey, Verifier},
        known_hosts::KnownKeys,
        once,
    },
};

/// Judges each of `keys`, which the device at `address` and `port` was seen to have, by `policy`: nothing
/// where a login would take it, else why it would not. With [`HostKey::AcceptNew`] nothing is known before
/// the first login, so every key would be taken.
///
/// # Errors
/// When a `known_hosts` file cannot be read.
pub async fn judge(
    policy: &HostKey,
    address: &str,
    port: u16,
    keys: &[FoundKey],
) -> Result<Vec<Option<Failure>>, Failure> {
    let endpoint = format!("{address}:{port}");
    let known = match policy {
        HostKey::KnownHosts(path) => once::known_keys(path, address, port).await?,
        HostKey::Pinned(_) | HostKey::AcceptNew => KnownKeys::default(),
    };
    let judged = keys.iter().map(|key| {
        let presented = PresentedKey {
            algorithm: key.algorithm.clone(),
            fingerprint: key.fingerprint.clone(),
            text: key.line.clone(),
        };
        let none = AcceptedKeys::default();
        let verifier = match policy {
            HostKey::Pinned(fingerprint) => Verifier::Pinned(fingerprint),
            HostKey::KnownHosts(path) => Verifier::Known { path, keys: &known },
            HostKey::AcceptNew => Verifier::AcceptNew(&none),
        };
        verifier.check(&endpoint, &presented).err()
    });
    Ok(judged.collect())
}

#[cfg(test)]
mod tests {
    use netwolf_wire::status::Reason;

    use super::*;

    const ED25519: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPPh53OcWWsXkWjMyc1hVRb1sqk5zBfAFv5uVABxUnL";

    fn keys() -> [FoundKey; 2] {
        let key = |algorithm: &str, fingerprint: &str, line: &str| FoundKey {
            algorithm: algorithm.into(),
            fingerprint: fingerprint.into(),
            line: line.into(),
        };
        [
            key("ssh-ed25519", "SHA256:one", ED25519),
            key(
                "ssh-rsa",
                "SHA256:two",
                "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQE=",
            ),
        ]
    }

    async fn check(policy: HostKey, expected: Result<[Option<Reason>; 2], Reason>) {
        let judged = judge(&policy, "192.0.2.1", 2200, &keys()).await;
        let reasons = judged.map(|judged| {
            judged
                .into_iter()
                .map(|failure| failure.map(|failure| failure.reason))
                .collect::<Vec<_>>()
        });
        assert_eq!(
            reasons.map_err(|failure| failure.reason),
            expected.map(Vec::from),
            "{policy:?}"
        );
    }

    #[tokio::test]
    async fn keys_are_judged_as_a_login_judges_them() {
        let mismatch = Some(Reason::HostKeyMismatch);
        check(HostKey::Pinned("SHA256:one".into()), Ok([None, mismatch])).await;
        check(HostKey::AcceptNew, Ok([None, None])).await;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("known_hosts");
        let policy = || HostKey::KnownHosts(path.to_str().unwrap().into());
        check(policy(), Err(Reason::HostKeyUnknown)).await;
        std::fs::write(&path, format!("[192.0.2.1]:2200 {ED25519}\n")).unwrap();
        check(policy(), Ok([None, mismatch])).await;
        std::fs::write(&path, format!("@revoked [192.0.2.1]:2200 {ED25519} old\n")).unwrap();
        check(policy(), Ok([mismatch, Some(Reason::HostKeyUnknown)])).await;
    }
}
