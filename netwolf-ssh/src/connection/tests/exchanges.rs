//! Exchanges of keys: each algorithm, each way to begin one, and each way in which a device may get one wrong.

use super::{
    device::{Device, Fault, Options},
    pair::{Event, Field, KEEPALIVE, Pair, REKEY, message, settings},
};
use crate::{
    Error, Greeting,
    numbers::{
        CHANNEL_DATA, DEBUG, DISCONNECT, IGNORE, KEX_ECDH_INIT, KEXINIT, NEWKEYS, SERVICE_ACCEPT,
        UNIMPLEMENTED, USERAUTH_SUCCESS,
    },
};

const EXCHANGES: &[&str] = &[
    "mlkem768x25519-sha256",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
];
const CIPHERS: &[&str] = &[
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
];
const MACS: &[&str] = &[
    "hmac-sha2-256",
    "hmac-sha2-512",
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
];

fn options(exchanges: &str, ciphers: &str, macs: &str, strict: bool) -> Options {
    Options {
        exchanges: exchanges.into(),
        ciphers: ciphers.into(),
        macs: macs.into(),
        strict,
        ..Options::default()
    }
}

/// Text goes both ways, before and after keys are renewed.
#[track_caller]
fn check_session(options: Options) {
    let mut pair = Pair::logged_in(options);
    let channel = pair.open(1 << 20, 1 << 15);
    for n_exchanges in 1..=3 {
        check_text(&mut pair, channel);
        assert_eq!(pair.device.n_exchanges, n_exchanges);
        pair.device.rekey();
        pair.pump().unwrap();
    }
}

#[track_caller]
fn check_text(pair: &mut Pair, channel: u32) {
    for n in [1, 15, 16, 17, 1000] {
        let text = "x".repeat(n);
        pair.connection.send(channel, text.as_bytes()).unwrap();
        pair.pump().unwrap();
        let fields = [Field::N(channel + 100), Field::S(&text)];
        assert_eq!(pair.device.one(), message(CHANNEL_DATA, &fields));
        pair.say_on(channel, CHANNEL_DATA, &[Field::S(&text)])
            .unwrap();
        assert_eq!(pair.data(channel), text.as_bytes());
    }
}

#[test]
fn every_exchange_works_with_every_cipher_and_code() {
    for exchange in EXCHANGES {
        for cipher in CIPHERS {
            let macs = if cipher.ends_with("ctr") { MACS } else { &[""] };
            for mac in macs {
                check_session(options(exchange, cipher, mac, true));
            }
        }
    }
}

/// Where packets are numbered on, and where they are numbered anew: the device of the test fails where the client does
/// the other thing, as every check but that of AES-GCM counts the number in.
#[test]
fn packets_are_numbered_anew_with_new_keys_only_where_both_sides_are_strict() {
    for cipher in CIPHERS {
        for strict in [true, false] {
            check_session(options(
                "curve25519-sha256",
                cipher,
                "hmac-sha2-256",
                strict,
            ));
        }
    }
}

#[test]
fn what_is_put_in_before_the_first_keys_ends_a_strict_exchange_only() {
    for number in [IGNORE, DEBUG, UNIMPLEMENTED] {
        for strict in [true, false] {
            let mut pair = Pair::greet(Options {
                strict,
                ..Options::default()
            })
            .unwrap();
            pair.device
                .send_now(&message(number, &[Field::N(0), Field::N(0), Field::N(0)]));
            let expected = if strict {
                Err(Error::OutOfTurn(number))
            } else {
                Ok(())
            };
            assert_eq!(pair.pump(), expected, "{number}");
            assert_eq!(pair.connection.is_keyed(), !strict);
        }
    }
}

#[test]
fn what_comes_before_the_offer_ends_a_strict_exchange_only() {
    for strict in [true, false] {
        let mut device = Device::new(Options {
            strict,
            ..Options::default()
        });
        let line = device.out.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let put_in = [0, 0, 0, 12, 6, IGNORE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        device.out.splice(line..line, put_in);
        let result = Pair::greet_with(device, &settings());
        assert_eq!(result.err(), strict.then_some(Error::OutOfTurn(IGNORE)));
    }
}

/// Terrapin: somebody in between takes the first packets under keys away.
#[test]
fn what_was_taken_out_behind_new_keys_is_noticed() {
    for cipher in CIPHERS {
        let mut pair = Pair::keyed(options(
            "curve25519-sha256",
            cipher,
            "hmac-sha2-256-etm@openssh.com",
            true,
        ));
        pair.device
            .send_into_nowhere(&message(IGNORE, &[Field::S("")]));
        // So much that a length that is wrong does not just wait for more.
        let mut result = Ok(());
        for _ in 0..40 {
            result =
                result.and_then(|()| pair.say(&message(IGNORE, &[Field::S(&"x".repeat(9000))])));
        }
        assert!(
            matches!(result, Err(Error::Tampered | Error::Length)),
            "{cipher}: {result:?}"
        );
    }
}

#[test]
fn a_host_key_that_is_not_taken_sees_nothing_of_a_login() {
    let mut pair = Pair::greet(Options::default()).unwrap();
    pair.recorder.takes_key = false;
    pair.connection.try_password("admin", "secret").unwrap();
    assert_eq!(pair.pump(), Err(Error::HostKey));
    assert_eq!(pair.events(), [Event::HostKey]);
    assert_eq!(pair.recorder.key, pair.device.host_key());
    assert!(!pair.connection.is_keyed());
    // Nor does whoever goes on as if nothing were.
    assert_eq!(
        pair.connection.try_password("admin", "secret"),
        Err(Error::HostKey)
    );
    assert_eq!(pair.connection.open_session(), Err(Error::HostKey));
    pair.carry();
    assert_eq!(pair.device.numbers, [KEXINIT, KEX_ECDH_INIT]);
    assert!(pair.connection.output().is_empty());
}

/// A device with a fault ends the first exchange.
#[track_caller]
fn check_fault(fault: Fault, expected: Error, events: &[Event]) {
    let mut pair = Pair::greet(Options {
        fault,
        ..Options::default()
    })
    .unwrap();
    pair.connection.try_password("admin", "secret").unwrap();
    assert_eq!(pair.pump(), Err(expected));
    assert_eq!(pair.events(), events);
    assert!(!pair.connection.is_keyed());
}

#[test]
fn a_device_that_proves_nothing_is_not_asked_about() {
    check_fault(Fault::Signature, Error::Signature, &[]);
    check_fault(Fault::Share, Error::Exchange, &[]);
    check_fault(Fault::NoReply, Error::OutOfTurn(NEWKEYS), &[]);
    check_fault(Fault::TwoReplies, Error::OutOfTurn(31), &[Event::HostKey]);
}

#[test]
fn a_device_proves_who_it_is_each_time() {
    for (fault, expected) in [
        (Fault::OtherKey, Error::HostKey),
        (Fault::Signature, Error::Signature),
        (Fault::Share, Error::Exchange),
        (Fault::NoReply, Error::OutOfTurn(NEWKEYS)),
        // The second one comes under the keys of before, too.
        (Fault::TwoReplies, Error::OutOfTurn(31)),
    ] {
        let mut pair = Pair::logged_in(Options::default());
        pair.device.options.fault = fault;
        pair.device.rekey();
        assert_eq!(pair.pump(), Err(expected));
        assert_eq!(pair.events(), [], "{fault:?}: no second key is asked about");
    }
}

#[test]
fn a_guess_is_passed_over_where_it_is_wrong() {
    let mut pair = Pair::logged_in(Options {
        exchanges: "ecdh-sha2-nistp521,curve25519-sha256".into(),
        guesses: true,
        sends_guess: true,
        ..Options::default()
    });
    let channel = pair.open(1 << 20, 1 << 15);
    pair.device.rekey();
    pair.pump().unwrap();
    assert_eq!(pair.device.n_exchanges, 2);
    check_text(&mut pair, channel);
}

#[test]
fn new_keys_are_no_guess() {
    let mut pair = Pair::greet(Options {
        exchanges: "ecdh-sha2-nistp521,curve25519-sha256".into(),
        guesses: true,
        fault: Fault::NoReply,
        ..Options::default()
    })
    .unwrap();
    assert_eq!(pair.pump(), Err(Error::OutOfTurn(NEWKEYS)));
}

#[test]
fn each_offer_has_a_cookie_of_its_own() {
    let cookie = || {
        let pair = Pair::greet(Options::default()).unwrap();
        // Behind the length, that of the padding, and the number.
        pair.connection.output()[6..22].to_vec()
    };
    let cookies = [cookie(), cookie()];
    assert_ne!(cookies[0], cookies[1]);
    assert!(!cookies.contains(&vec![0; 16]));
}

#[test]
fn a_guess_is_used_where_it_is_right() {
    let options = |sends_guess| Options {
        exchanges: "mlkem768x25519-sha256,curve25519-sha256".into(),
        guesses: true,
        sends_guess,
        ..Options::default()
    };
    let mut pair = Pair::logged_in(options(false));
    let channel = pair.open(1 << 20, 1 << 15);
    check_text(&mut pair, channel);
    // What follows is not passed over, and is no answer.
    let result = Pair::greet(options(true)).unwrap().pump();
    assert_eq!(result, Err(Error::Malformed));
}

#[test]
fn messages_of_an_exchange_have_their_turn() {
    let mut pair = Pair::keyed(Options::default());
    pair.device.send_now(&[NEWKEYS]);
    assert_eq!(pair.pump(), Err(Error::OutOfTurn(NEWKEYS)));
    let mut pair = Pair::keyed(Options::default());
    pair.device.send_now(&[31, 0, 0, 0, 0]);
    assert_eq!(pair.pump(), Err(Error::OutOfTurn(31)));
    // Two offers in a row.
    let mut pair = Pair::greet(Options::default()).unwrap();
    let mut offer = settings().preferences.kexinit();
    offer[0] = KEXINIT;
    pair.device.send_now(&offer);
    assert_eq!(pair.deliver(), Err(Error::OutOfTurn(KEXINIT)));
}

#[test]
fn nothing_but_an_exchange_is_heard_before_there_are_keys() {
    for number in [
        SERVICE_ACCEPT,
        USERAUTH_SUCCESS,
        CHANNEL_DATA,
        80,
        81,
        7,
        6,
        200,
    ] {
        let mut pair = Pair::greet(Options {
            strict: false,
            ..Options::default()
        })
        .unwrap();
        pair.device
            .send_now(&message(number, &[Field::S("ssh-userauth"), Field::N(0)]));
        assert_eq!(pair.pump(), Err(Error::OutOfTurn(number)));
        assert_eq!(pair.events(), []);
    }
}

#[test]
fn a_goodbye_is_heard_at_any_time() {
    let goodbye = message(
        DISCONNECT,
        &[Field::N(12), Field::S("all lines are in use"), Field::S("")],
    );
    let gone = Err(Error::Disconnected("all lines are in use".into()));
    let mut pair = Pair::greet(Options::default()).unwrap();
    pair.device.send_now(&goodbye);
    assert_eq!(pair.pump(), gone);
    let mut pair = Pair::logged_in(Options::default());
    assert_eq!(pair.say(&goodbye), gone);
}

#[test]
fn a_goodbye_is_said_at_any_time() {
    let mut pair = Pair::greet(Options::default()).unwrap();
    pair.connection.disconnect().unwrap();
    pair.carry();
    assert_eq!(pair.device.one()[0], DISCONNECT);
    let mut pair = Pair::logged_in(Options::default());
    pair.now += REKEY;
    pair.connection.handle_timeout(pair.now).unwrap();
    pair.connection.disconnect().unwrap();
    pair.carry();
    let received = pair.device.received();
    assert_eq!(received.last().unwrap()[0], DISCONNECT);
}

/// Who begins an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begins {
    We,
    Device,
    Both,
}

/// Both sides send all the while, and all of it arrives. That the client sends nothing else in between is seen to by
/// the device.
#[track_caller]
fn check_rekey(begins: Begins, strict: bool) {
    let mut pair = Pair::logged_in(Options {
        strict,
        ..Options::default()
    });
    let channel = pair.open(1 << 20, 1 << 15);
    let (mut sent, mut said) = (Vec::new(), Vec::new());
    let mut n = 0_u8;
    let mut both_send = |pair: &mut Pair| {
        n += 1;
        pair.connection.send(channel, &[n; 100]).unwrap();
        sent.extend_from_slice(&[n; 100]);
        let text = format!("line {n}\r\n");
        pair.device.send(&message(
            CHANNEL_DATA,
            &[Field::N(channel), Field::S(&text)],
        ));
        said.extend_from_slice(text.as_bytes());
    };
    for _ in 0..3 {
        both_send(&mut pair);
        if begins != Begins::Device {
            // Later than the sign of life that is due, too.
            pair.now += REKEY;
            pair.connection.handle_timeout(pair.now).unwrap();
        }
        both_send(&mut pair);
        if begins != Begins::We {
            pair.device.rekey();
        }
        // Each way of a step of the exchange, with more to send in between.
        for _ in 0..4 {
            both_send(&mut pair);
            pair.deliver().unwrap();
            both_send(&mut pair);
            pair.carry();
        }
        pair.pump().unwrap();
    }
    assert_eq!(pair.device.n_exchanges, 4, "{begins:?}");
    assert!(pair.connection.is_sent(channel));
    assert_eq!(pair.data(channel), said);
    let mut received = Vec::new();
    for payload in pair.device.received() {
        match payload[0] {
            CHANNEL_DATA => received.extend_from_slice(&payload[9..]),
            80 => {}
            other => panic!("{other}"),
        }
    }
    assert_eq!(received, sent);
}

#[test]
fn nothing_is_lost_or_early_while_keys_are_renewed() {
    for strict in [true, false] {
        check_rekey(Begins::We, strict);
        check_rekey(Begins::Device, strict);
        check_rekey(Begins::Both, strict);
    }
}

#[test]
fn keys_are_renewed_after_a_gigabyte() {
    let mut pair = Pair::logged_in(Options::default());
    let payload = message(IGNORE, &[Field::S(&"x".repeat(200 * 1000))]);
    for n in 0_u64.. {
        pair.say(&payload).unwrap();
        if pair.device.n_exchanges == 2 {
            let n_bytes = (n + 1) * payload.len() as u64;
            assert!(n_bytes.abs_diff(1 << 30) < 1 << 20, "{n_bytes}");
            break;
        }
        assert!(n < 6000, "keys are never renewed");
    }
    for _ in 0..10 {
        pair.say(&payload).unwrap();
    }
    assert_eq!(pair.device.n_exchanges, 2, "once for each gigabyte");
}

#[test]
fn keys_are_renewed_on_demand_and_once_at_a_time() {
    let mut pair = Pair::logged_in(Options::default());
    for n_exchanges in 2..4 {
        pair.connection.renew_keys().unwrap();
        pair.connection.renew_keys().unwrap();
        pair.pump().unwrap();
        assert_eq!(pair.device.n_exchanges, n_exchanges);
    }
}

#[test]
fn a_device_that_does_not_answer_an_offer_holds_what_is_sent() {
    let mut pair = Pair::logged_in(Options::default());
    let channel = pair.open(1 << 20, 1 << 15);
    pair.device.options.fault = Fault::Silence;
    pair.now += REKEY;
    pair.connection.handle_timeout(pair.now).unwrap();
    pair.connection.send(channel, b"show version\n").unwrap();
    assert!(pair.connection.is_sent(channel), "nobody need wait for it");
    pair.pump().unwrap();
    assert_eq!(pair.device.numbers.last(), Some(&KEX_ECDH_INIT));
    // Such a device ends for want of signs of life.
    let at = pair.connection.poll_timeout().unwrap();
    assert!(at <= pair.now + KEEPALIVE);
}

#[test]
fn an_offer_with_nothing_in_common_begins_nothing() {
    for (exchanges, ciphers) in [
        ("diffie-hellman-group1-sha1", "aes128-ctr"),
        ("curve25519-sha256", "3des-cbc"),
    ] {
        let device = Device::new(options(exchanges, ciphers, "hmac-sha2-256", true));
        let greeting = Greeting::read(&device.out).unwrap().unwrap();
        assert!(!settings().preferences.are_met(&greeting.offer().unwrap()));
        let result = Pair::greet_with(device, &settings());
        assert_eq!(result.err(), Some(Error::NothingInCommon));
    }
    // Nor later.
    let mut pair = Pair::logged_in(Options::default());
    pair.device.options.ciphers = "3des-cbc".into();
    pair.device.rekey();
    assert_eq!(pair.pump(), Err(Error::NothingInCommon));
}
