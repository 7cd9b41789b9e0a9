//! Devices that mean harm, or make no sense: they end their own connection, and nothing more.

use proptest::prelude::*;

use super::{
    device::{Device, Fault, Options},
    pair::{Field, Pair, REKEY, message, settings},
};
use crate::{
    Error, Greeting,
    numbers::{
        CHANNEL_CLOSE, CHANNEL_DATA, CHANNEL_EOF, CHANNEL_EXTENDED_DATA, CHANNEL_OPEN,
        CHANNEL_OPEN_CONFIRMATION, CHANNEL_REQUEST, CHANNEL_SUCCESS, CHANNEL_WINDOW_ADJUST,
        DISCONNECT, EXT_INFO, GLOBAL_REQUEST, IGNORE, KEXINIT, SERVICE_ACCEPT, USERAUTH_BANNER,
        USERAUTH_FAILURE, USERAUTH_OF_METHOD, USERAUTH_SUCCESS,
    },
};

/// The most that may wait to be sent to a device that asks and does not read.
const BOUND: usize = 2 << 20;

/// A device that asks without end, and reads nothing, is ended before it takes much memory.
#[track_caller]
fn check_bound(mut pair: Pair, payload: &[u8], reads: bool) {
    for _ in 0..1_000_000 {
        pair.device.send_now(payload);
        let result = pair.deliver();
        assert!(pair.connection.output().len() < BOUND);
        if reads {
            pair.carry();
        }
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
        check_bound(Pair::logged_in(Options::default()), &ask, false);
        // Nor do answers pile up that wait for keys, where it does read.
        let mut pair = Pair::logged_in(Options::default());
        pair.device.options.fault = Fault::Silence;
        pair.now += REKEY;
        pair.connection.handle_timeout(pair.now).unwrap();
        check_bound(pair, &ask, true);
    }
    let mut pair = Pair::logged_in(Options::default());
    let channel = pair.open(1, 1);
    let ask = message(
        CHANNEL_REQUEST,
        &[Field::N(channel), Field::S("x"), Field::B(true)],
    );
    check_bound(pair, &ask, false);
}

#[test]
fn a_device_that_asks_and_reads_may_ask_for_ever() {
    let mut pair = Pair::logged_in(Options::default());
    let ask = message(GLOBAL_REQUEST, &[Field::S("x"), Field::B(true)]);
    for _ in 0..50_000 {
        pair.device.send_now(&ask);
        pair.deliver().unwrap();
        pair.carry();
    }
    assert_eq!(pair.device.received().len(), 50_000);
}

#[test]
fn nothing_is_heard_after_the_end() {
    let mut pair = Pair::logged_in(Options::default());
    let channel = pair.open(100, 100);
    let malformed = Err(Error::Malformed);
    assert!(pair.connection.poll_timeout().is_some());
    assert_eq!(pair.say(&[CHANNEL_DATA]), malformed);
    assert_eq!(pair.connection.poll_timeout(), None);
    assert_eq!(
        pair.say_on(channel, CHANNEL_DATA, &[Field::S("x")]),
        malformed
    );
    assert_eq!(pair.connection.handle_timeout(pair.now), malformed);
    assert_eq!(pair.events(), []);
    assert_eq!(pair.connection.send(channel, b"x"), malformed);
    assert!(pair.connection.output().is_empty());
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
    assert!(told.len() < 5000);
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
    drop(connection.answer(&["secret"]));
    drop(connection.send(channel, b"x"));
    drop(connection.request_exec(channel, "x"));
    drop(connection.close(channel));
    drop(connection.handle_timeout(pair.now + REKEY));
    connection.poll_login();
    connection.poll_opened(channel);
    connection.poll_timeout();
    drop(connection.disconnect());
}

/// A session from its first message to its last, as far as it comes: every kind of message that a device sends.
fn session(pair: &mut Pair) -> Result<(), Error> {
    pair.pump()?;
    pair.connection.try_none("admin")?;
    pair.say(&message(
        EXT_INFO,
        &[
            Field::N(1),
            Field::S("server-sig-algs"),
            Field::S("rsa-sha2-256"),
        ],
    ))?;
    pair.say(&message(SERVICE_ACCEPT, &[Field::S("ssh-userauth")]))?;
    pair.say(&message(
        USERAUTH_BANNER,
        &[Field::S("hello"), Field::S("")],
    ))?;
    pair.say(&message(
        USERAUTH_FAILURE,
        &[Field::S("password,keyboard-interactive"), Field::B(false)],
    ))?;
    pair.connection.try_questions("admin")?;
    pair.say(&message(
        USERAUTH_OF_METHOD,
        &[
            Field::S("name"),
            Field::S("above"),
            Field::S(""),
            Field::N(1),
            Field::S("?"),
            Field::B(true),
        ],
    ))?;
    pair.connection.answer(&["!"])?;
    pair.say(&[USERAUTH_SUCCESS])?;
    let channel = pair.connection.open_session()?;
    let on = Field::N(channel);
    pair.say(&message(
        CHANNEL_OPEN_CONFIRMATION,
        &[on, Field::N(7), Field::N(5), Field::N(2)],
    ))?;
    pair.connection.poll_opened(channel);
    pair.connection.request_exec(channel, "show version")?;
    pair.connection.send(channel, b"some text")?;
    pair.device.rekey();
    for (number, rest) in [
        (CHANNEL_SUCCESS, &[][..]),
        (CHANNEL_WINDOW_ADJUST, &[Field::N(3)]),
        (CHANNEL_DATA, &[Field::S("out")]),
        (CHANNEL_EXTENDED_DATA, &[Field::N(1), Field::S("err")]),
        (
            CHANNEL_REQUEST,
            &[Field::S("exit-status"), Field::B(true), Field::N(3)],
        ),
        (
            CHANNEL_REQUEST,
            &[
                Field::S("exit-signal"),
                Field::B(false),
                Field::S("INT"),
                Field::B(false),
                Field::S(""),
                Field::S(""),
            ],
        ),
        (CHANNEL_EOF, &[]),
        (CHANNEL_CLOSE, &[]),
    ] {
        pair.say_on(channel, number, rest)?;
    }
    let global = [Field::S("keepalive@openssh.com"), Field::B(true)];
    pair.say(&message(GLOBAL_REQUEST, &global))
}

#[test]
fn a_session_that_is_not_changed_comes_to_its_end() {
    let mut pair = Pair::greet(Options::default()).unwrap();
    session(&mut pair).unwrap();
    assert_eq!(pair.events().len(), 6);
    assert_eq!(pair.device.n_exchanges, 2);
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

    /// A session that is good but for one message, which is changed, cut short or goes on too long under good keys.
    #[test]
    fn no_changed_message_is_the_end_of_us(
        nth in 0..25_usize,
        at in any::<prop::sample::Index>(),
        with in prop_oneof![Just(0), Just(0xff_u8), any::<u8>()],
        how in 0..4,
    ) {
        let mut device = Device::new(Options::default());
        device.changes = Some(Box::new(move |n, payload| {
            if n == nth + 1 {
                let i = at.index(payload.len());
                match how {
                    0 => payload[i] = with,
                    1 => payload.truncate(i.max(1)),
                    2 => payload.extend(vec![with; 100]),
                    // A length, mostly.
                    _ => payload.splice(i.., [0xff; 8]).for_each(drop),
                }
            }
        }));
        let mut pair = Pair::greet_with(device, &settings()).unwrap();
        drop(session(&mut pair));
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
