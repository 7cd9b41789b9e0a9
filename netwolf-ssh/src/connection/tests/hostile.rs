//! Devices that mean harm, or make no sense: they end their own connection, and nothing more.

use proptest::prelude::*;

use super::{
    device::{Fault, Options},
    pair::{Field, Pair, REKEY, message},
};
use crate::{
    Error, Greeting,
    numbers::{
        CHANNEL_OPEN, CHANNEL_REQUEST, DISCONNECT, GLOBAL_REQUEST, IGNORE, KEXINIT,
        USERAUTH_FAILURE, USERAUTH_SUCCESS,
    },
};

/// The most that may wait to be sent to a device that asks and does not read.
const BOUND: usize = 2 << 20;

/// A device that asks without end, and reads nothing, is ended before it takes much memory.
#[track_caller]
fn check_bound(mut pair: Pair, payload: &[u8]) {
    for _ in 0..1_000_000 {
        pair.device.send_now(payload);
        let result = pair.deliver();
        assert!(pair.connection.output().len() < BOUND);
        match result {
            Ok(()) => {}
            Err(error) => return assert_eq!(error, Error::Unread),
        }
    }
    panic!("what is to be answered grows without end");
}

#[test]
fn a_device_that_asks_and_does_not_read_is_ended() {
    let asks = [
        message(GLOBAL_REQUEST, &[Field::S("x"), Field::B(true)]),
        message(
            CHANNEL_OPEN,
            &[Field::S("x11"), Field::N(0), Field::N(0), Field::N(0)],
        ),
        vec![199],
    ];
    for ask in asks {
        check_bound(Pair::logged_in(Options::default()), &ask);
        // Nor do answers pile up that wait for keys.
        let mut pair = Pair::logged_in(Options::default());
        pair.device.options.fault = Fault::Silence;
        pair.now += REKEY;
        pair.connection.handle_timeout(pair.now).unwrap();
        check_bound(pair, &ask);
    }
    let mut pair = Pair::logged_in(Options::default());
    let channel = pair.open(1, 1);
    let ask = message(
        CHANNEL_REQUEST,
        &[Field::N(channel), Field::S("x"), Field::B(true)],
    );
    check_bound(pair, &ask);
}

#[test]
fn words_of_a_goodbye_are_of_a_length_and_a_kind_that_can_be_shown() {
    let mut pair = Pair::logged_in(Options::default());
    let words = "\u{1b}[2J\r\nx".repeat(20_000);
    let goodbye = message(DISCONNECT, &[Field::N(2), Field::S(&words), Field::S("")]);
    let Err(Error::Disconnected(told)) = pair.say(&goodbye) else {
        panic!("it is no goodbye");
    };
    assert!(told.starts_with(" [2J  x"), "{told:?}");
    assert!(told.len() < 1000);
    // Some say nothing, and some not even why.
    for (fields, told) in [
        (&[Field::N(12)][..], "too many connections"),
        (&[Field::N(12), Field::S("")], "too many connections"),
        (&[], ""),
    ] {
        let mut pair = Pair::logged_in(Options::default());
        let result = pair.say(&message(DISCONNECT, fields));
        assert_eq!(result, Err(Error::Disconnected(told.into())));
    }
}

#[test]
fn a_list_without_end_is_read_no_further() {
    let mut pair = Pair::keyed(Options::default());
    pair.connection.try_none("admin").unwrap();
    pair.accept_service();
    let methods = "x,".repeat(100_000);
    let payload = message(USERAUTH_FAILURE, &[Field::S(&methods), Field::B(false)]);
    let Ok(Some(crate::Reply::Refused { methods, .. })) = pair.reply(&payload) else {
        panic!("it is a refusal");
    };
    assert!(methods.len() <= 1000);
}

#[test]
fn a_greeting_has_an_end() {
    let mut bytes = b"SSH-2.0-x\r\n".to_vec();
    let packet = [0, 0, 0, 12, 6, IGNORE, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let mut result = Ok(());
    while result.is_ok() && bytes.len() < BOUND {
        for _ in 0..1000 {
            bytes.extend_from_slice(&packet);
        }
        result = Greeting::read(&bytes).map(|greeting| assert!(greeting.is_none()));
    }
    result.unwrap_err();
}

/// Everything that may be done with a connection, whatever has become of it.
fn poke(pair: &mut Pair) {
    let connection = &mut pair.connection;
    let channel = connection.open_session().unwrap_or_default();
    drop(connection.try_password("admin", "secret"));
    drop(connection.answer(&["secret".into()]));
    drop(connection.send(channel, b"x"));
    drop(connection.request_exec(channel, "x"));
    drop(connection.close(channel));
    drop(connection.handle_timeout(pair.now + REKEY));
    connection.poll_login();
    connection.poll_opened(channel);
    connection.poll_timeout();
    drop(connection.disconnect());
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    // Numbers that mean something, with fields that nearly do.
    let number = prop_oneof![1..8_u8, 20..32_u8, 50..62_u8, 80..101_u8, any::<u8>()];
    let field = prop_oneof![
        (0..4_u32).prop_map(|number| number.to_be_bytes().to_vec()),
        any::<u32>().prop_map(|number| number.to_be_bytes().to_vec()),
        any::<bool>().prop_map(|value| vec![u8::from(value)]),
        "[a-z,@-]{0,12}".prop_map(|text| message(0, &[Field::S(&text)])[1..].to_vec()),
        proptest::collection::vec(any::<u8>(), 0..20),
    ];
    (number, proptest::collection::vec(field, 0..8)).prop_map(|(number, fields)| {
        let mut payload = vec![number];
        payload.extend(fields.concat());
        payload
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_greeting_is_the_end_of_us(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        drop(Greeting::read(&bytes));
        let with_version = [b"SSH-2.0-x\r\n", bytes.as_slice()].concat();
        drop(Greeting::read(&with_version));
        let offer = [&[KEXINIT], bytes.as_slice()].concat();
        drop(crate::Offer::read(&offer));
    }

    #[test]
    fn no_bytes_are_the_end_of_us(
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
        keyed in any::<bool>(),
    ) {
        let mut pair = Pair::greet(Options::default()).unwrap();
        if keyed {
            pair.pump().unwrap();
        }
        pair.device.out.extend_from_slice(&bytes);
        drop(pair.deliver());
        poke(&mut pair);
    }

    #[test]
    fn no_messages_are_the_end_of_us(
        payloads in proptest::collection::vec(payload(), 1..30),
        stage in 0..4,
        strict in any::<bool>(),
    ) {
        let options = Options { strict, ..Options::default() };
        let mut pair = match stage {
            0 => Pair::greet(options).unwrap(),
            1 => Pair::keyed(options),
            _ => Pair::logged_in(options),
        };
        if stage == 1 {
            pair.connection.try_questions("admin").unwrap();
        }
        if stage == 3 {
            pair.open(10, 10);
            pair.now += REKEY;
            pair.connection.handle_timeout(pair.now).unwrap();
        }
        for payload in &payloads {
            pair.device.send_now(payload);
            if pair.deliver().is_err() {
                break;
            }
        }
        if stage == 0 {
            prop_assert!(!pair.connection.login.is_done());
        }
        poke(&mut pair);
    }

    /// A session that was good, with a few bits changed under way.
    #[test]
    fn changed_bytes_are_the_end_of_the_connection_only(
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
        keyed in any::<bool>(),
    ) {
        let mut pair = Pair::greet(Options::default()).unwrap();
        if keyed {
            pair.pump().unwrap();
        } else {
            pair.carry();
        }
        pair.device.send(&message(IGNORE, &[Field::S("some text that may be changed")]));
        if keyed {
            pair.device.send_now(&[USERAUTH_SUCCESS]);
        }
        let i = at.index(pair.device.out.len());
        pair.device.out[i] ^= 1 << bit;
        let result = pair.deliver();
        if keyed {
            prop_assert!(!pair.connection.login.is_done());
        }
        drop(result);
        poke(&mut pair);
    }
}
