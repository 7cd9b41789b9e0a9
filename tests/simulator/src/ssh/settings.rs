//! How russh serves one connection: the platform's settings, and the faults' own.

use std::borrow::Cow;
use std::time::Duration;

use russh::keys::Algorithm;
use russh::server::Config;
use russh::{Limits, MethodKind, MethodSet, Preferred, SshId, cipher, kex, mac};

use super::keyring::Keyring;
use crate::device::{Faults, HostKeyType, KeyExchange};
use crate::manner::Manner;

/// Rejected attempts a connection may make. IOS allows 3; clients that offer several keys first
/// need more.
const LOGIN_ATTEMPTS: usize = 6;
/// A rejection takes this long, so that a client that tries in a loop does not spin.
const REJECTION_DELAY: Duration = Duration::from_millis(50);
/// What a client may send ahead, in bytes: people type and pollers send lines.
const WINDOW: u32 = 16 * 1024;
/// The largest packet a client may send, in bytes.
const PACKET: u32 = 8 * 1024;
/// SSH's own bound on the bytes under one key (RFC 4253, section 9).
const REKEY_BYTES: usize = 1 << 30;
/// And on its time.
const REKEY_INTERVAL: Duration = Duration::from_hours(1);

/// What all connections of a fleet start from.
#[derive(Debug)]
pub(super) struct Basis {
    pub(super) keyring: Keyring,
    pub(super) host_key_type: HostKeyType,
    pub(super) methods: MethodSet,
    pub(super) exec_timeout: Duration,
}

impl Basis {
    /// The settings of a connection to a device of `manner` with `faults`.
    pub(super) fn config(&self, manner: Manner, faults: &Faults) -> Config {
        let kind = match faults.host_key_type {
            Some(kind) => kind,
            None if faults.legacy_only => HostKeyType::Rsa,
            None => self.host_key_type,
        };
        let or = |set: usize, usual: usize| if set == 0 { usual } else { set };
        let bytes = or(faults.rekey_bytes, REKEY_BYTES).min(REKEY_BYTES);
        let interval = if faults.rekey_interval.is_zero() {
            REKEY_INTERVAL
        } else {
            faults.rekey_interval
        };
        let identification = manner.traits().identification;
        Config {
            server_id: SshId::Standard(Cow::Borrowed(identification)),
            methods: self.methods(faults),
            auth_rejection_time: REJECTION_DELAY,
            auth_rejection_time_initial: Some(Duration::ZERO),
            keys: vec![self.keyring.key(kind, faults.changed_host_key)],
            limits: Limits::new(bytes, bytes, interval),
            window_size: WINDOW,
            maximum_packet_size: PACKET,
            preferred: preferred(manner, faults),
            max_auth_attempts: LOGIN_ATTEMPTS,
            inactivity_timeout: Some(self.exec_timeout),
            nodelay: true,
            ..Config::default()
        }
    }

    /// How one may log in.
    pub(super) fn methods(&self, faults: &Faults) -> MethodSet {
        if !faults.keyboard_interactive_only {
            return self.methods.clone();
        }
        let mut methods = MethodSet::empty();
        methods.push(MethodKind::KeyboardInteractive);
        methods
    }
}

fn preferred(manner: Manner, faults: &Faults) -> Preferred {
    if let Some(exchange) = faults.key_exchange {
        const CURVE25519: &[kex::Name] = &[kex::CURVE25519];
        const GROUP14: &[kex::Name] = &[kex::DH_G14_SHA256];
        return Preferred {
            kex: Cow::Borrowed(match exchange {
                KeyExchange::Curve25519 => CURVE25519,
                KeyExchange::Group14 => GROUP14,
            }),
            ..Preferred::DEFAULT
        };
    }
    if faults.legacy_only {
        return Preferred {
            kex: Cow::Borrowed(&[kex::DH_G14_SHA1]),
            key: Cow::Borrowed(&[Algorithm::Rsa { hash: None }]),
            cipher: Cow::Borrowed(&[cipher::AES_128_CBC]),
            mac: Cow::Borrowed(&[mac::HMAC_SHA1]),
            ..Preferred::DEFAULT
        };
    }
    if manner == Manner::FortinetFortios {
        // Its set of key exchanges is an old one; clients know and ask for nothing newer.
        return Preferred {
            kex: Cow::Borrowed(&[
                kex::CURVE25519_PRE_RFC_8731,
                kex::DH_GEX_SHA256,
                kex::DH_G14_SHA1,
            ]),
            ..Preferred::DEFAULT
        };
    }
    Preferred::DEFAULT
}
