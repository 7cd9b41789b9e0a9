//! What a `known_hosts` file says of one device. Pure; `ssh` reads the lines, this matches the names.
//!
//! Names are matched as OpenSSH does: `host` for port 22, `[host]:port` for another, `*` and `?`, `!` for
//! all but, and hashed names. A line with `@cert-authority` vouches for nothing here.

use aws_lc_rs::hmac;

/// One line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct KnownHost {
    pub(super) marker: Option<Marker>,
    pub(super) hosts: Hosts,
    /// Algorithm and key, as [`super::host_key::PresentedKey::text`] has them.
    pub(super) key: String,
}

/// What a line says beyond "this is its key".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Marker {
    CertAuthority,
    Revoked,
}

/// Whom a line is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Hosts {
    Patterns(Vec<String>),
    Hashed { salt: Vec<u8>, hash: [u8; 20] },
}

/// The keys that a file lists for one device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KnownKeys {
    pub(crate) good: Vec<String>,
    pub(crate) revoked: Vec<String>,
}

impl KnownKeys {
    /// Collects what `lines` say of the device at `address` and `port`.
    pub(super) fn of<'a>(
        lines: impl Iterator<Item = &'a KnownHost>,
        address: &str,
        port: u16,
    ) -> Self {
        let name = if port == 22 {
            address.to_lowercase()
        } else {
            format!("[{}]:{port}", address.to_lowercase())
        };
        let mut keys = Self::default();
        for line in lines.filter(|line| line.hosts.match_name(&name)) {
            match line.marker {
                None => keys.good.push(line.key.clone()),
                Some(Marker::Revoked) => keys.revoked.push(line.key.clone()),
                Some(Marker::CertAuthority) => {}
            }
        }
        keys
    }

    /// The algorithms of the good keys: what a device may be asked to prove itself with.
    pub(super) fn algorithms(&self) -> impl Iterator<Item = &str> {
        self.good.iter().filter_map(|key| key.split(' ').next())
    }
}

/// How OpenSSH hides a name. Nothing is trusted because of the hash: a collision would show a key for
/// comparison that is then compared whole.
fn hashed(salt: &[u8], name: &str) -> [u8; 20] {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
    let tag = hmac::sign(&key, name.as_bytes());
    tag.as_ref().try_into().expect("SHA-1 makes 20 bytes")
}

impl Hosts {
    fn match_name(&self, name: &str) -> bool {
        match self {
            Self::Hashed { salt, hash } => hashed(salt, name) == *hash,
            Self::Patterns(patterns) => {
                let mut matched = false;
                for pattern in patterns {
                    let pattern = pattern.to_lowercase();
                    if let Some(pattern) = pattern.strip_prefix('!') {
                        if glob(pattern.as_bytes(), name.as_bytes()) {
                            return false;
                        }
                    } else {
                        matched |= glob(pattern.as_bytes(), name.as_bytes());
                    }
                }
                matched
            }
        }
    }
}

/// Whether `pattern` with `*` and `?` matches all of `name`, in time of the product of their lengths.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    // Where to go on when what follows the last `*` did not match: the star takes one byte more.
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, n));
                p += 1;
            }
            Some(byte) if *byte == b'?' || *byte == name[n] => {
                p += 1;
                n += 1;
            }
            _ => match retry {
                Some((after_star, taken)) => {
                    (p, n) = (after_star, taken + 1);
                    retry = Some((after_star, taken + 1));
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(marker: Option<Marker>, patterns: &str, key: &str) -> KnownHost {
        KnownHost {
            marker,
            hosts: Hosts::Patterns(patterns.split(',').map(Into::into).collect()),
            key: key.into(),
        }
    }

    #[track_caller]
    fn check(patterns: &str, address: &str, port: u16, expected: bool) {
        let lines = [line(None, patterns, "ssh-ed25519 k")];
        let keys = KnownKeys::of(lines.iter(), address, port);
        assert_eq!(
            !keys.good.is_empty(),
            expected,
            "{patterns} {address} {port}"
        );
    }

    #[test]
    fn names_match_as_openssh_matches_them() {
        check("r1.example.net", "r1.example.net", 22, true);
        check("R1.example.net", "r1.EXAMPLE.net", 22, true);
        check("r1.example.net", "r1.example.net", 2222, false);
        check("[r1.example.net]:2222", "r1.example.net", 2222, true);
        check("[r1.example.net]:2222", "r1.example.net", 22, false);
        check("other,192.0.2.1", "192.0.2.1", 22, true);
        check("*.example.net,!r1.example.net", "r1.example.net", 22, false);
        check("*.example.net,!r1.example.net", "r2.example.net", 22, true);
        check("r?", "r1", 22, true);
        check("r?", "r12", 22, false);
        check("*a*b*c", "xxaxxbxxc", 22, true);
        check("*a*b*c", "xxaxxbxx", 22, false);
        check("r1", "r11", 22, false);
    }

    #[test]
    fn hashed_names_match() {
        // RFC 2202, test case 2 of HMAC-SHA-1.
        let published = 0xeffc_df6a_e5eb_2fa2_d274_16d5_f184_df9c_u128.to_be_bytes();
        assert_eq!(
            hashed(b"Jefe", "what do ya want for nothing?")[..16],
            published
        );
        let salt = b"some salt of 20 byte".to_vec();
        let hash = hashed(&salt, "[192.0.2.1]:2200");
        let hosts = Hosts::Hashed { salt, hash };
        assert!(hosts.match_name("[192.0.2.1]:2200"));
        assert!(!hosts.match_name("192.0.2.1"));
    }

    #[test]
    fn markers_are_honoured() {
        let lines = [
            line(None, "r1", "ssh-rsa a"),
            line(Some(Marker::Revoked), "*", "ssh-rsa b"),
            line(Some(Marker::CertAuthority), "*", "ssh-rsa c"),
        ];
        let keys = KnownKeys::of(lines.iter(), "r1", 22);
        assert_eq!(
            (keys.good, keys.revoked),
            (vec!["ssh-rsa a".into()], vec!["ssh-rsa b".into()])
        );
    }
}
