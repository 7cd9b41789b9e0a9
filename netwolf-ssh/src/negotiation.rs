//! Which algorithms the two sides use (RFC 4253, section 7.1): the first one of ours that the device knows, of each
//! kind.
//!
//! Not all that may be wanted is done here: finite fields, CBC and SHA-1 are not. [`Preferences::are_met`] tells,
//! before anything was agreed on, whether the choice falls on what is.

use crate::{
    codec::{Reader, Write},
    error::Error,
    numbers::KEXINIT,
};

/// With this name a client asks for the extensions of RFC 8308.
const EXT_INFO: &str = "ext-info-c";
/// With these names the two sides agree on strict key exchange, which nothing can be cut out of (Terrapin).
const STRICT_CLIENT: &str = "kex-strict-c-v00@openssh.com";
const STRICT_SERVER: &str = "kex-strict-s-v00@openssh.com";
/// Length of the random bytes that an offer begins with, behind its number.
pub(crate) const COOKIE: usize = 16;
const NO_COMPRESSION: &str = "none";

/// How a secret is agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kex {
    MlKem768X25519,
    X25519,
    NistP256,
    NistP384,
    NistP521,
}

/// How a host key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HostKeyAlgorithm {
    Ed25519,
    EcdsaP256,
    EcdsaP384,
    EcdsaP521,
    RsaSha256,
    RsaSha512,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CipherName {
    Aes128Gcm,
    Aes256Gcm,
    ChaCha20Poly1305,
    Aes128Ctr,
    Aes192Ctr,
    Aes256Ctr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MacName {
    Sha256,
    Sha512,
    /// The check is of what is encrypted.
    Sha256Etm,
    Sha512Etm,
}

const KEXES: &[(&str, Kex)] = &[
    ("mlkem768x25519-sha256", Kex::MlKem768X25519),
    ("curve25519-sha256", Kex::X25519),
    ("curve25519-sha256@libssh.org", Kex::X25519),
    ("ecdh-sha2-nistp256", Kex::NistP256),
    ("ecdh-sha2-nistp384", Kex::NistP384),
    ("ecdh-sha2-nistp521", Kex::NistP521),
];

const HOST_KEYS: &[(&str, HostKeyAlgorithm)] = &[
    ("ssh-ed25519", HostKeyAlgorithm::Ed25519),
    ("ecdsa-sha2-nistp256", HostKeyAlgorithm::EcdsaP256),
    ("ecdsa-sha2-nistp384", HostKeyAlgorithm::EcdsaP384),
    ("ecdsa-sha2-nistp521", HostKeyAlgorithm::EcdsaP521),
    ("rsa-sha2-512", HostKeyAlgorithm::RsaSha512),
    ("rsa-sha2-256", HostKeyAlgorithm::RsaSha256),
];

const CIPHERS: &[(&str, CipherName)] = &[
    ("aes128-gcm@openssh.com", CipherName::Aes128Gcm),
    ("aes256-gcm@openssh.com", CipherName::Aes256Gcm),
    (
        "chacha20-poly1305@openssh.com",
        CipherName::ChaCha20Poly1305,
    ),
    ("aes128-ctr", CipherName::Aes128Ctr),
    ("aes192-ctr", CipherName::Aes192Ctr),
    ("aes256-ctr", CipherName::Aes256Ctr),
];

const MACS: &[(&str, MacName)] = &[
    ("hmac-sha2-256", MacName::Sha256),
    ("hmac-sha2-512", MacName::Sha512),
    ("hmac-sha2-256-etm@openssh.com", MacName::Sha256Etm),
    ("hmac-sha2-512-etm@openssh.com", MacName::Sha512Etm),
];

fn named<T: Copy>(table: &[(&str, T)], name: &str) -> Option<T> {
    table
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, one)| *one)
}

impl CipherName {
    /// Whether it checks what it encrypts, so that no code of its own is needed for that.
    const fn checks(self) -> bool {
        matches!(
            self,
            Self::Aes128Gcm | Self::Aes256Gcm | Self::ChaCha20Poly1305
        )
    }
}

/// What may be used, by the names that SSH gives it, the best first. Names of what is not done here are welcome.
#[derive(Clone, Debug, Default)]
pub struct Preferences {
    /// Ways to agree on a secret.
    pub exchanges: Vec<String>,
    /// Ways in which a host key may sign.
    pub host_keys: Vec<String>,
    /// Ciphers, for both directions.
    pub ciphers: Vec<String>,
    /// Message authentication codes, for both directions.
    pub macs: Vec<String>,
}

impl Preferences {
    /// Whether the choice that these and `offer` lead to is of what is done here.
    pub fn are_met(&self, offer: &Offer) -> bool {
        self.choose(offer).is_ok()
    }

    /// What the two sides use from now on.
    pub(crate) fn choose(&self, offer: &Offer) -> Result<Chosen, Error> {
        let direction = |ciphers, macs| -> Result<_, Error> {
            let cipher = common(&self.ciphers, ciphers, CIPHERS)?;
            let mac = if cipher.checks() {
                None
            } else {
                Some(common(&self.macs, macs, MACS)?)
            };
            Ok((cipher, mac))
        };
        let plain = |names: &[String]| names.iter().any(|name| name == NO_COMPRESSION);
        if !plain(&offer.compressions_out) || !plain(&offer.compressions_in) {
            return Err(Error::NothingInCommon);
        }
        let kex = common(&self.exchanges, &offer.exchanges, KEXES)?;
        let host_key = common(&self.host_keys, &offer.host_keys, HOST_KEYS)?;
        // A guess is right when the first of both lists agree.
        let guessed = offer.guesses
            && (offer.exchanges.first() != self.exchanges.first()
                || offer.host_keys.first() != self.host_keys.first());
        Ok(Chosen {
            kex,
            host_key,
            sending: direction(&offer.ciphers_out, &offer.macs_out)?,
            receiving: direction(&offer.ciphers_in, &offer.macs_in)?,
            guessed_wrong: guessed,
        })
    }

    /// Those that our own offer was made of.
    pub(crate) fn of_kexinit(kexinit: &[u8]) -> Result<Self, Error> {
        let offer = Offer::read(kexinit)?;
        Ok(Self {
            exchanges: offer.exchanges,
            host_keys: offer.host_keys,
            ciphers: offer.ciphers_out,
            macs: offer.macs_out,
        })
    }

    /// The same without what is not done here.
    #[must_use]
    pub(crate) fn only_known(&self) -> Self {
        fn known<T: Copy>(names: &[String], table: &[(&str, T)]) -> Vec<String> {
            let is_known = |name: &&String| named(table, name).is_some();
            names.iter().filter(is_known).cloned().collect()
        }
        Self {
            exchanges: known(&self.exchanges, KEXES),
            host_keys: known(&self.host_keys, HOST_KEYS),
            ciphers: known(&self.ciphers, CIPHERS),
            macs: known(&self.macs, MACS),
        }
    }

    /// Our offer, with a place for the cookie.
    pub(crate) fn kexinit(&self) -> Vec<u8> {
        let mut exchanges = self.exchanges.join(",");
        for extension in [EXT_INFO, STRICT_CLIENT] {
            exchanges.push(',');
            exchanges.push_str(extension);
        }
        let ciphers = self.ciphers.join(",");
        let macs = self.macs.join(",");
        let mut out = Vec::with_capacity(512);
        out.put_byte(KEXINIT);
        out.extend_from_slice(&[0; COOKIE]);
        out.put_string(exchanges.as_bytes());
        out.put_string(self.host_keys.join(",").as_bytes());
        for both_ways in [&ciphers, &macs, NO_COMPRESSION, ""] {
            out.put_string(both_ways.as_bytes());
            out.put_string(both_ways.as_bytes());
        }
        out.put_boolean(false);
        out.put_uint32(0);
        out
    }
}

/// The first of ours that is among theirs, if it is done here.
fn common<T: Copy>(ours: &[String], theirs: &[String], table: &[(&str, T)]) -> Result<T, Error> {
    ours.iter()
        .find(|name| theirs.contains(name))
        .and_then(|name| named(table, name))
        .ok_or(Error::NothingInCommon)
}

/// What a device offers: names, the best first. `out` is what goes to the device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offer {
    exchanges: Vec<String>,
    host_keys: Vec<String>,
    ciphers_out: Vec<String>,
    ciphers_in: Vec<String>,
    macs_out: Vec<String>,
    macs_in: Vec<String>,
    compressions_out: Vec<String>,
    compressions_in: Vec<String>,
    /// It has sent the first message of the exchange that it takes to be the choice.
    guesses: bool,
}

impl Offer {
    pub(crate) fn read(kexinit: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(kexinit);
        if reader.byte()? != KEXINIT {
            return Err(Error::Malformed);
        }
        for _cookie in 0..COOKIE {
            reader.byte()?;
        }
        let mut list = || -> Result<Vec<String>, Error> {
            Ok(reader.names()?.into_iter().map(str::to_owned).collect())
        };
        let mut offer = Self {
            exchanges: list()?,
            host_keys: list()?,
            ciphers_out: list()?,
            ciphers_in: list()?,
            macs_out: list()?,
            macs_in: list()?,
            compressions_out: list()?,
            compressions_in: list()?,
            guesses: false,
        };
        let _languages = (list()?, list()?);
        offer.guesses = reader.boolean()?;
        Ok(offer)
    }

    /// Whether the device knows strict key exchange.
    pub(crate) fn is_strict(&self) -> bool {
        self.exchanges.iter().any(|name| name == STRICT_SERVER)
    }
}

/// What the two sides use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    pub(crate) kex: Kex,
    pub(crate) host_key: HostKeyAlgorithm,
    pub(crate) sending: (CipherName, Option<MacName>),
    pub(crate) receiving: (CipherName, Option<MacName>),
    /// The next message of the device belongs to another exchange, and is to be passed over.
    pub(crate) guessed_wrong: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &str) -> Vec<String> {
        names.split_whitespace().map(str::to_owned).collect()
    }

    fn ours() -> Preferences {
        Preferences {
            exchanges: list("curve25519-sha256 ecdh-sha2-nistp256 diffie-hellman-group14-sha256"),
            host_keys: list("ssh-ed25519 rsa-sha2-256 ssh-rsa"),
            ciphers: list("aes128-gcm@openssh.com aes128-ctr aes128-cbc"),
            macs: list("hmac-sha2-256 hmac-sha1"),
        }
    }

    fn theirs(exchanges: &str, host_keys: &str, ciphers: &str, macs: &str) -> Offer {
        Offer {
            exchanges: list(exchanges),
            host_keys: list(host_keys),
            ciphers_out: list(ciphers),
            ciphers_in: list(ciphers),
            macs_out: list(macs),
            macs_in: list(macs),
            compressions_out: list("none zlib"),
            compressions_in: list("none"),
            guesses: false,
        }
    }

    #[test]
    fn the_first_of_ours_that_they_know_is_chosen() {
        let offer = theirs(
            "diffie-hellman-group14-sha256 ecdh-sha2-nistp256 curve25519-sha256",
            "rsa-sha2-256",
            "aes128-ctr",
            "hmac-sha1 hmac-sha2-256",
        );
        let chosen = ours().choose(&offer).unwrap();
        assert_eq!(chosen.kex, Kex::X25519);
        assert_eq!(chosen.host_key, HostKeyAlgorithm::RsaSha256);
        let ctr = (CipherName::Aes128Ctr, Some(MacName::Sha256));
        assert_eq!((chosen.sending, chosen.receiving), (ctr, ctr));
    }

    #[track_caller]
    fn check_elsewhere(offer: &Offer) {
        assert!(!ours().are_met(offer), "{offer:?}");
    }

    #[test]
    fn what_is_not_done_here_is_told_before_anything_is_agreed_on() {
        let gcm = "aes128-gcm@openssh.com";
        check_elsewhere(&theirs(
            "diffie-hellman-group14-sha256",
            "ssh-ed25519",
            gcm,
            "",
        ));
        check_elsewhere(&theirs("curve25519-sha256", "ssh-rsa", gcm, ""));
        check_elsewhere(&theirs(
            "curve25519-sha256",
            "ssh-ed25519",
            "aes128-cbc",
            "hmac-sha2-256",
        ));
        check_elsewhere(&theirs(
            "curve25519-sha256",
            "ssh-ed25519",
            "aes128-ctr",
            "hmac-sha1",
        ));
        check_elsewhere(&theirs("", "", "", ""));
        let mut packed = theirs("curve25519-sha256", "ssh-ed25519", gcm, "");
        assert!(ours().are_met(&packed));
        packed.compressions_in = list("zlib");
        check_elsewhere(&packed);
    }

    #[test]
    fn an_offer_of_ours_reads_as_it_was_written_and_has_no_name_that_is_not_done_here() {
        let written = ours().only_known().kexinit();
        let offer = Offer::read(&written).unwrap();
        assert_eq!(
            offer.exchanges,
            list(
                "curve25519-sha256 ecdh-sha2-nistp256 ext-info-c \
                 kex-strict-c-v00@openssh.com"
            )
        );
        assert_eq!(offer.host_keys, list("ssh-ed25519 rsa-sha2-256"));
        assert_eq!(offer.ciphers_in, list("aes128-gcm@openssh.com aes128-ctr"));
        assert_eq!(offer.macs_out, list("hmac-sha2-256"));
        assert_eq!(offer.compressions_in, list("none"));
        assert!(!offer.is_strict());
        for n in 0..written.len() - 4 {
            assert!(Offer::read(&written[..n]).is_err(), "{n}");
        }
    }

    #[test]
    fn a_wrong_guess_is_noticed() {
        let mut offer = theirs(
            "curve25519-sha256",
            "ssh-ed25519",
            "aes128-gcm@openssh.com",
            "",
        );
        offer.guesses = true;
        assert!(!ours().choose(&offer).unwrap().guessed_wrong);
        offer
            .exchanges
            .insert(0, "diffie-hellman-group14-sha256".into());
        assert!(ours().choose(&offer).unwrap().guessed_wrong);
    }
}
