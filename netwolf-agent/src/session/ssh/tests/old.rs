//! A device that knows nothing but what is no longer safe.

use std::collections::BTreeSet;

use super::{sshd::Sshd, *};

/// What a hint says in `legacy: [...]`.
fn named(hint: &str) -> Vec<Legacy> {
    let (_, rest) = hint
        .split_once("`legacy: [")
        .unwrap_or_else(|| panic!("nothing to copy in: {hint}"));
    let (list, _) = rest.split_once("]`").unwrap();
    list.split(", ")
        .map(|name| {
            *Legacy::ALL
                .iter()
                .find(|known| known.as_str() == name)
                .unwrap()
        })
        .collect()
}

/// Logs in to a server with `config`, and copies from each failure what its hint says, until that does.
async fn follow_the_hints(config: &str, rsa_user: bool, expected: &[Legacy]) {
    let Some(sshd) = Sshd::start(config).await else {
        return;
    };
    let mut target = sshd.target();
    if rsa_user {
        sshd.authorize("user_rsa");
        target.login.private_key = Some(SecretRef::File(sshd.path("user_rsa")));
    }
    let shared = Shared::default();
    for _ in 0..=expected.len() {
        match shared.try_login(&target).await {
            Ok(()) => {
                let found: BTreeSet<_> = target.legacy.iter().collect();
                assert_eq!(found, expected.iter().collect());
                return;
            }
            Err(failure) => {
                assert!(
                    matches!(failure.reason, Reason::HandshakeFailed | Reason::AuthFailed),
                    "{failure:?}"
                );
                let hint = failure.hint.unwrap();
                let more = named(&hint);
                target.legacy = if failure.reason == Reason::AuthFailed {
                    [target.legacy, more].concat()
                } else {
                    more
                };
            }
        }
    }
    panic!("with {:?} there was still no login", target.legacy);
}

#[tokio::test]
async fn the_hints_lead_to_a_login_on_a_very_old_device() {
    follow_the_hints(
        "KexAlgorithms diffie-hellman-group1-sha1\nHostKeyAlgorithms ssh-rsa\nCiphers 3des-cbc,aes128-cbc\n\
         MACs hmac-sha1\nPubkeyAcceptedAlgorithms ssh-rsa",
        true,
        &[
            Legacy::Group1Sha1,
            Legacy::SshRsa,
            Legacy::Aes128Cbc,
            Legacy::HmacSha1,
        ],
    )
    .await;
}

#[tokio::test]
async fn a_key_of_rsa_signs_with_sha_1_only_where_that_was_named() {
    follow_the_hints("PubkeyAcceptedAlgorithms ssh-rsa", true, &[Legacy::SshRsa]).await;
}

#[tokio::test]
async fn every_legacy_algorithm_logs_in_when_it_is_named() {
    for (config, legacy) in [
        (
            "KexAlgorithms diffie-hellman-group14-sha1",
            Legacy::Group14Sha1,
        ),
        (
            "KexAlgorithms diffie-hellman-group-exchange-sha1",
            Legacy::GroupExchangeSha1,
        ),
        ("Ciphers 3des-cbc", Legacy::TripleDesCbc),
        ("Ciphers aes192-cbc", Legacy::Aes192Cbc),
        ("Ciphers aes256-cbc", Legacy::Aes256Cbc),
    ] {
        follow_the_hints(config, false, &[legacy]).await;
    }
    follow_the_hints(
        "Ciphers aes128-ctr\nMACs hmac-sha1-etm@openssh.com",
        false,
        &[Legacy::HmacSha1Etm],
    )
    .await;
}

#[tokio::test]
async fn every_modern_key_exchange_logs_in_without_anything_named() {
    for name in [
        "sntrup761x25519-sha512@openssh.com,ecdh-sha2-nistp256",
        "ecdh-sha2-nistp521",
        "diffie-hellman-group-exchange-sha256",
        "diffie-hellman-group14-sha256",
        "diffie-hellman-group16-sha512",
    ] {
        follow_the_hints(&format!("KexAlgorithms {name}"), false, &[]).await;
    }
}
