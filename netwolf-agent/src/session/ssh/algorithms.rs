//! Which SSH algorithms are offered, each on purpose, and what to say when a device knows none of them.
//!
//! The list is the modern one of OpenSSH and russh with four changes:
//!
//! - `ssh-rsa` is out: it signs with SHA-1, and russh would still take such a host key;
//! - the curves of NIST are in: a device that has nothing newer costs a tenth of a finite-field exchange;
//! - finite-field groups come last, the smallest of them first: group 14 takes 7 ms of the shard's own thread
//!   for each login, group 16 takes many times that, and meanwhile no other device of the shard is read;
//! - AES-GCM goes before `ChaCha20`: it needs no strict key exchange to be safe from a cut-off prefix.
//!
//! Invariants: nothing legacy is offered unless it was named; the names that are no algorithms but ask for
//! extensions (`ext-info-c`, strict key exchange) are in every list, because russh takes a list as it is.

use std::borrow::Cow;

use netwolf_ssh::Preferences;
use netwolf_wire::legacy::Legacy;
use russh::{
    AlgorithmKind, Preferred,
    cipher::{self, Name as Cipher},
    client::GexParams,
    compression,
    kex::{self, Name as Kex},
    keys::{Algorithm, EcdsaCurve, HashAlg},
    mac::{self, Name as Mac},
};

const KEX: &[Kex] = &[
    kex::MLKEM768X25519_SHA256,
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::ECDH_SHA2_NISTP256,
    kex::ECDH_SHA2_NISTP384,
    kex::ECDH_SHA2_NISTP521,
    kex::DH_GEX_SHA256,
    kex::DH_G14_SHA256,
    kex::DH_G15_SHA512,
    kex::DH_G16_SHA512,
    kex::DH_G17_SHA512,
    kex::DH_G18_SHA512,
];

/// No algorithms: with these names the two sides agree on RFC 8308 and on strict key exchange (Terrapin).
const KEX_EXTENSIONS: &[Kex] = &[
    kex::EXTENSION_SUPPORT_AS_CLIENT,
    kex::EXTENSION_SUPPORT_AS_SERVER,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
];

const HOST_KEYS: &[Algorithm] = &[
    Algorithm::Ed25519,
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP256,
    },
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP384,
    },
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP521,
    },
    Algorithm::Rsa {
        hash: Some(HashAlg::Sha512),
    },
    Algorithm::Rsa {
        hash: Some(HashAlg::Sha256),
    },
];

const CIPHERS: &[Cipher] = &[
    cipher::AES_128_GCM,
    cipher::AES_256_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_128_CTR,
    cipher::AES_192_CTR,
    cipher::AES_256_CTR,
];

const MACS: &[Mac] = &[
    mac::HMAC_SHA256_ETM,
    mac::HMAC_SHA512_ETM,
    mac::HMAC_SHA256,
    mac::HMAC_SHA512,
];

/// The legacy algorithms that can stand in for each other, the least bad one first.
const LEAST_BAD_FIRST: &[Legacy] = &[
    Legacy::Group14Sha1,
    Legacy::GroupExchangeSha1,
    Legacy::Group1Sha1,
    Legacy::SshRsa,
    Legacy::Aes256Cbc,
    Legacy::Aes192Cbc,
    Legacy::Aes128Cbc,
    Legacy::TripleDesCbc,
    Legacy::HmacSha1Etm,
    Legacy::HmacSha1,
];

/// What a group exchange asks for: 2048 bits cost 7 ms and are what devices have; russh would ask for 8192, at
/// a hundred times the cost, and would refuse less than 3072. Under 2048 russh itself refuses.
const GEX_BITS: (usize, usize, usize) = (2048, 2048, 8192);

/// What a group exchange asks for.
pub(super) fn group_exchange() -> GexParams {
    let (least, wanted, most) = GEX_BITS;
    GexParams::new(least, wanted, most).expect("the sizes are in order and 2048 is allowed")
}

/// The algorithms to offer: the modern ones, and behind them exactly the named ones.
pub(super) fn preferred(legacy: &[Legacy]) -> Preferred {
    let mut kex = KEX.to_vec();
    let mut key = HOST_KEYS.to_vec();
    let mut cipher = CIPHERS.to_vec();
    let mut mac = MACS.to_vec();
    for legacy in LEAST_BAD_FIRST
        .iter()
        .filter(|known| legacy.contains(known))
    {
        match legacy {
            Legacy::Group14Sha1 => kex.push(kex::DH_G14_SHA1),
            Legacy::Group1Sha1 => kex.push(kex::DH_G1_SHA1),
            Legacy::GroupExchangeSha1 => kex.push(kex::DH_GEX_SHA1),
            Legacy::SshRsa => key.push(Algorithm::Rsa { hash: None }),
            Legacy::Aes128Cbc => cipher.push(cipher::AES_128_CBC),
            Legacy::Aes192Cbc => cipher.push(cipher::AES_192_CBC),
            Legacy::Aes256Cbc => cipher.push(cipher::AES_256_CBC),
            Legacy::TripleDesCbc => cipher.push(cipher::TRIPLE_DES_CBC),
            Legacy::HmacSha1 => mac.push(mac::HMAC_SHA1),
            Legacy::HmacSha1Etm => mac.push(mac::HMAC_SHA1_ETM),
        }
    }
    kex.extend_from_slice(KEX_EXTENSIONS);
    Preferred {
        kex: kex.into(),
        key: key.into(),
        host_key_certificates: Cow::Borrowed(&[]),
        cipher: cipher.into(),
        mac: mac.into(),
        compression: Cow::Borrowed(&[compression::NONE]),
    }
}

/// The same for the lean client, which has its own ways to ask for extensions.
pub(super) fn names(preferred: &Preferred) -> Preferences {
    fn all<T: AsRef<str>>(list: &[T]) -> Vec<String> {
        list.iter().map(|name| name.as_ref().to_owned()).collect()
    }
    let is_algorithm = |kex: &&Kex| !KEX_EXTENSIONS.contains(kex);
    let exchanges: Vec<_> = preferred.kex.iter().filter(is_algorithm).collect();
    Preferences {
        exchanges: all(&exchanges),
        host_keys: preferred.key.iter().map(ToString::to_string).collect(),
        ciphers: all(&preferred.cipher),
        macs: all(&preferred.mac),
    }
}

/// Those of `offered` that a device with the `known` kinds of key can prove itself with; all where that is none.
///
/// A server with several keys then shows the one that is known. A key of RSA signs in several ways.
pub(super) fn of_known_kinds(offered: &[Algorithm], known: &[&str]) -> Vec<Algorithm> {
    let fits = |algorithm: &&Algorithm| {
        known.contains(&algorithm.as_str())
            || matches!(algorithm, Algorithm::Rsa { .. }) && known.contains(&"ssh-rsa")
    };
    let fitting: Vec<_> = offered.iter().filter(fits).cloned().collect();
    if fitting.is_empty() {
        offered.to_vec()
    } else {
        fitting
    }
}

/// Why there is no common algorithm, in words, and the way out if there is one.
pub(super) fn nothing_in_common(
    kind: &AlgorithmKind,
    theirs: &[String],
    named: &[Legacy],
) -> (String, String) {
    let (what, legacies): (_, &[Legacy]) = match kind {
        AlgorithmKind::Kex => (
            "key exchange",
            &[
                Legacy::Group14Sha1,
                Legacy::GroupExchangeSha1,
                Legacy::Group1Sha1,
            ],
        ),
        AlgorithmKind::Key => ("host key algorithm", &[Legacy::SshRsa]),
        AlgorithmKind::Cipher => (
            "cipher",
            &[
                Legacy::Aes256Cbc,
                Legacy::Aes192Cbc,
                Legacy::Aes128Cbc,
                Legacy::TripleDesCbc,
            ],
        ),
        AlgorithmKind::Mac => (
            "message authentication code",
            &[Legacy::HmacSha1Etm, Legacy::HmacSha1],
        ),
        AlgorithmKind::Compression => ("compression", &[]),
    };
    let message = format!("no common {what}; the device offers only");
    let would_do = legacies.iter().find(|legacy| {
        !named.contains(legacy) && theirs.iter().any(|name| name == legacy.as_str())
    });
    let hint = match would_do {
        Some(legacy) => {
            let all: Vec<_> = named
                .iter()
                .chain([legacy])
                .map(|one| one.as_str())
                .collect();
            format!(
                "update the device's SSH settings, or accept what is no longer safe for it with \
                 `legacy: [{}]`",
                all.join(", ")
            )
        }
        None => {
            "update the device's SSH settings: what it offers is not there, not even by `legacy`"
                .to_owned()
        }
    };
    (message, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names<T: AsRef<str>>(list: &[T]) -> Vec<&str> {
        list.iter().map(AsRef::as_ref).collect()
    }

    fn all(preferred: &Preferred) -> Vec<String> {
        let mut all: Vec<String> = preferred.key.iter().map(ToString::to_string).collect();
        all.extend(names(&preferred.kex).iter().map(ToString::to_string));
        all.extend(names(&preferred.cipher).iter().map(ToString::to_string));
        all.extend(names(&preferred.mac).iter().map(ToString::to_string));
        all
    }

    #[test]
    fn nothing_legacy_is_offered_by_default_and_each_exactly_when_named() {
        let modern = all(&preferred(&[]));
        for legacy in Legacy::ALL {
            assert!(
                !modern.iter().any(|name| name == legacy.as_str()),
                "{legacy:?}"
            );
            let mut with = all(&preferred(&[*legacy]));
            let place = with.iter().position(|name| name == legacy.as_str());
            with.remove(place.unwrap_or_else(|| panic!("{legacy:?} is not offered")));
            assert_eq!(with, modern, "{legacy:?}");
        }
    }

    #[test]
    fn legacy_comes_last_and_never_twice() {
        let twice: Vec<_> = Legacy::ALL.iter().chain(Legacy::ALL).copied().collect();
        let preferred = preferred(&twice);
        let kex = names(&preferred.kex);
        let place = |name: &str| kex.iter().position(|known| *known == name).unwrap();
        assert!(place("curve25519-sha256") < place("diffie-hellman-group14-sha256"));
        assert!(place("diffie-hellman-group14-sha256") < place("diffie-hellman-group16-sha512"));
        assert!(place("diffie-hellman-group18-sha512") < place("diffie-hellman-group14-sha1"));
        assert!(place("diffie-hellman-group14-sha1") < place("diffie-hellman-group1-sha1"));
        let mut all = all(&preferred);
        let n = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), n);
    }

    #[test]
    fn the_names_of_extensions_are_in_every_list() {
        for legacy in [&[][..], Legacy::ALL] {
            let preferred = preferred(legacy);
            let kex = names(&preferred.kex);
            assert!(kex.contains(&"ext-info-c"), "{kex:?}");
            assert!(kex.contains(&"kex-strict-c-v00@openssh.com"), "{kex:?}");
        }
    }

    #[test]
    fn a_group_exchange_asks_for_what_devices_have() {
        let gex = group_exchange();
        assert_eq!(
            (gex.min_group_size(), gex.preferred_group_size()),
            (2048, 2048)
        );
    }

    #[test]
    fn known_kinds_of_key_are_asked_for_and_nothing_is_asked_for_that_was_not_offered() {
        let modern = preferred(&[]).key.into_owned();
        let names = |known: &[&str]| -> Vec<String> {
            let kinds = of_known_kinds(&modern, known);
            kinds.iter().map(ToString::to_string).collect()
        };
        assert_eq!(names(&["ssh-rsa"]), ["rsa-sha2-512", "rsa-sha2-256"]);
        assert_eq!(names(&["ssh-ed25519"]), ["ssh-ed25519"]);
        assert_eq!(
            names(&["ecdsa-sha2-nistp384", "ssh-ed25519"]),
            ["ssh-ed25519", "ecdsa-sha2-nistp384"]
        );
        assert_eq!(names(&["ssh-dss"]).len(), modern.len());
        assert_eq!(names(&[]).len(), modern.len());
    }

    #[track_caller]
    fn check(kind: &AlgorithmKind, theirs: &[&str], named: &[Legacy], expected: &str) {
        let theirs: Vec<_> = theirs.iter().map(ToString::to_string).collect();
        let (_, hint) = nothing_in_common(kind, &theirs, named);
        assert!(hint.contains(expected), "{hint}");
    }

    #[test]
    fn the_hint_can_be_copied() {
        check(
            &AlgorithmKind::Kex,
            &["diffie-hellman-group1-sha1"],
            &[],
            "`legacy: [diffie-hellman-group1-sha1]`",
        );
        check(
            &AlgorithmKind::Kex,
            &["diffie-hellman-group1-sha1", "diffie-hellman-group14-sha1"],
            &[],
            "`legacy: [diffie-hellman-group14-sha1]`",
        );
        check(
            &AlgorithmKind::Cipher,
            &["aes128-cbc", "3des-cbc"],
            &[Legacy::Group1Sha1],
            "`legacy: [diffie-hellman-group1-sha1, aes128-cbc]`",
        );
        check(
            &AlgorithmKind::Key,
            &["ssh-rsa"],
            &[],
            "`legacy: [ssh-rsa]`",
        );
        check(
            &AlgorithmKind::Mac,
            &["hmac-md5", "hmac-sha1"],
            &[],
            "`legacy: [hmac-sha1]`",
        );
        check(
            &AlgorithmKind::Key,
            &["ssh-dss"],
            &[],
            "not even by `legacy`",
        );
        check(
            &AlgorithmKind::Mac,
            &["hmac-md5"],
            &[],
            "not even by `legacy`",
        );
    }
}
