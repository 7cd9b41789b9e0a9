//! A connection does not see in what pieces bytes come.

use proptest::prelude::*;

use super::{
    device::Options,
    pair::{Event, Field, Pair, message},
};
use crate::{
    Reply,
    numbers::{
        CHANNEL_CLOSE, CHANNEL_DATA, CHANNEL_REQUEST, CHANNEL_SUCCESS, USERAUTH_FAILURE,
        USERAUTH_SUCCESS,
    },
};

const CIPHERS: &[(&str, &str)] = &[
    ("aes128-gcm@openssh.com", ""),
    ("chacha20-poly1305@openssh.com", ""),
    ("aes128-ctr", "hmac-sha2-256"),
    ("aes256-ctr", "hmac-sha2-512-etm@openssh.com"),
];

/// A session from its first byte to its last, where bytes come in these pieces: what the handler was told, and what
/// reached the device.
fn session((cipher, mac): (&str, &str), pieces: &[usize]) -> (Vec<Event>, Vec<Vec<u8>>) {
    let mut pair = Pair::greet(Options {
        ciphers: cipher.into(),
        macs: mac.into(),
        ..Options::default()
    })
    .unwrap();
    pair.pieces = pieces.to_vec();
    let mut received = Vec::new();
    pair.connection.try_none("admin").unwrap();
    pair.accept_service();
    received.extend(pair.device.received());
    let refused = message(USERAUTH_FAILURE, &[Field::S("password"), Field::B(false)]);
    assert!(matches!(
        pair.reply(&refused),
        Ok(Some(Reply::Refused { .. }))
    ));
    pair.connection.try_password("admin", "secret").unwrap();
    pair.pump().unwrap();
    received.extend(pair.device.received());
    assert_eq!(pair.reply(&[USERAUTH_SUCCESS]), Ok(Some(Reply::Accepted)));
    let channel = pair.open(50, 20);
    pair.connection
        .request_exec(channel, "show version")
        .unwrap();
    pair.connection.send(channel, &[b'x'; 200]).unwrap();
    pair.pump().unwrap();
    // All of this is on its way at once, with new keys in its midst.
    let on = Field::N(channel);
    pair.device.send(&message(CHANNEL_SUCCESS, &[on]));
    for n in 0..6_u32 {
        let text = "y".repeat(7_usize.pow(n));
        let data = message(CHANNEL_DATA, &[on, Field::S(&text)]);
        pair.device.send(&data);
        if n == 2 {
            pair.device.rekey();
        }
    }
    let status = [on, Field::S("exit-status"), Field::B(false), Field::N(3)];
    pair.device.send(&message(CHANNEL_REQUEST, &status));
    pair.device.send(&message(CHANNEL_CLOSE, &[on]));
    pair.pump().unwrap();
    assert_eq!(pair.device.n_exchanges, 2);
    received.extend(pair.device.received());
    (pair.events(), received)
}

#[track_caller]
fn check_pieces(cipher: (&str, &str), pieces: &[usize]) {
    let whole = session(cipher, &[usize::MAX]);
    assert_eq!(whole.0.len(), 1 + 6 + 2);
    assert_eq!(session(cipher, pieces), whole, "{cipher:?}, {pieces:?}");
}

#[test]
fn one_byte_at_a_time() {
    for cipher in CIPHERS {
        check_pieces(*cipher, &[1]);
    }
}

/// The first piece of each delivery ends at every place of a packet, and the rest comes at once.
#[test]
fn cut_once_at_every_place() {
    for cipher in CIPHERS {
        for n in 1..120 {
            check_pieces(*cipher, &[n, usize::MAX]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_pieces(
        cipher in 0..CIPHERS.len(),
        pieces in proptest::collection::vec(1..300_usize, 1..40),
    ) {
        check_pieces(CIPHERS[cipher], &pieces);
    }
}
