//! Channels: shells and commands, their ends from either side, and refusals.

use super::{
    device::Options,
    pair::{Event, Field, Pair, WINDOW, message},
};
use crate::{
    Error,
    numbers::{
        CHANNEL_CLOSE, CHANNEL_DATA, CHANNEL_EOF, CHANNEL_EXTENDED_DATA, CHANNEL_FAILURE,
        CHANNEL_OPEN, CHANNEL_OPEN_CONFIRMATION, CHANNEL_OPEN_FAILURE, CHANNEL_REQUEST,
        CHANNEL_SUCCESS, GLOBAL_REQUEST, REQUEST_FAILURE,
    },
};

fn pair() -> Pair {
    Pair::logged_in(Options::default())
}

fn open() -> (Pair, u32) {
    let mut pair = pair();
    let channel = pair.open(1 << 20, 1 << 15);
    (pair, channel)
}

fn request(channel: u32, name: &str, want_reply: bool, rest: &[Field<'_>]) -> Vec<u8> {
    let mut fields = vec![Field::N(channel), Field::S(name), Field::B(want_reply)];
    fields.extend_from_slice(rest);
    message(CHANNEL_REQUEST, &fields)
}

fn on(channel: u32, number: u8) -> Vec<u8> {
    message(number, &[Field::N(channel)])
}

#[test]
fn a_shell_has_a_terminal() {
    let (mut pair, channel) = open();
    pair.connection
        .request_terminal(channel, "vt100", 200, 50)
        .unwrap();
    pair.connection.request_shell(channel).unwrap();
    pair.pump().unwrap();
    let theirs = channel + 100;
    let size = [200, 50, 0, 0].map(Field::N);
    let terminal = [&[Field::S("vt100")][..], &size, &[Field::S("\0")]].concat();
    assert_eq!(
        pair.device.received(),
        [
            request(theirs, "pty-req", false, &terminal),
            request(theirs, "shell", true, &[]),
        ]
    );
    pair.say(&on(channel, CHANNEL_SUCCESS)).unwrap();
    pair.say_on(channel, CHANNEL_DATA, &[Field::S("sw1# ")])
        .unwrap();
    assert_eq!(pair.data(channel), b"sw1# ");
    pair.connection.send(channel, b"show version\n").unwrap();
    pair.pump().unwrap();
    assert_eq!(
        pair.device.one(),
        message(
            CHANNEL_DATA,
            &[Field::N(theirs), Field::S("show version\n")]
        )
    );
}

#[test]
fn a_command_has_output_errors_and_an_end() {
    let (mut pair, channel) = open();
    pair.connection
        .request_exec(channel, "show version")
        .unwrap();
    pair.pump().unwrap();
    let theirs = channel + 100;
    assert_eq!(
        pair.device.one(),
        request(theirs, "exec", true, &[Field::S("show version")])
    );
    for payload in [
        on(channel, CHANNEL_SUCCESS),
        message(CHANNEL_DATA, &[Field::N(channel), Field::S("out")]),
        message(
            CHANNEL_EXTENDED_DATA,
            &[Field::N(channel), Field::N(1), Field::S("err")],
        ),
        request(channel, "exit-status", false, &[Field::N(7)]),
        on(channel, CHANNEL_EOF),
        on(channel, CHANNEL_CLOSE),
    ] {
        pair.say(&payload).unwrap();
    }
    assert_eq!(
        pair.events(),
        [
            Event::Data(channel, b"out".to_vec()),
            Event::ErrorData(channel, b"err".to_vec()),
            Event::Status(channel, 7),
            Event::Closed(channel),
        ]
    );
    assert_eq!(pair.device.one(), on(theirs, CHANNEL_CLOSE));
    // It is over, from both sides.
    pair.connection.send(channel, b"late").unwrap();
    pair.connection.request_exec(channel, "late").unwrap();
    pair.connection.send_eof(channel).unwrap();
    pair.connection.send_signal(channel, "INT").unwrap();
    pair.connection.close(channel).unwrap();
    assert!(pair.connection.output().is_empty());
    pair.say_on(channel, CHANNEL_DATA, &[Field::S("late")])
        .unwrap();
    assert_eq!(pair.events(), []);
    // And the next command is on its way.
    assert_ne!(pair.open(1, 1), channel);
}

#[test]
fn a_command_is_ended_by_a_signal() {
    let (mut pair, channel) = open();
    pair.connection.send_signal(channel, "INT").unwrap();
    pair.pump().unwrap();
    assert_eq!(
        pair.device.one(),
        request(channel + 100, "signal", false, &[Field::S("INT")])
    );
    let fields = [
        Field::S("INT"),
        Field::B(false),
        Field::S("interrupted"),
        Field::S(""),
    ];
    pair.say(&request(channel, "exit-signal", false, &fields))
        .unwrap();
    assert_eq!(pair.events(), [Event::Signal(channel, "INT".into())]);
}

#[test]
fn a_channel_may_be_refused() {
    for (fields, why) in [
        (
            &[Field::N(4), Field::S("no more lines"), Field::S("")][..],
            "resource shortage: no more lines",
        ),
        (
            &[Field::N(1), Field::S(""), Field::S("")],
            "administratively prohibited",
        ),
        (&[Field::N(99)], "for a reason without a name"),
        (
            &[Field::N(2), Field::S("a\r\nb\u{7}"), Field::S("")],
            "connect failed: a  b ",
        ),
    ] {
        let mut pair = pair();
        let channel = pair.connection.open_session().unwrap();
        pair.say_on(channel, CHANNEL_OPEN_FAILURE, fields).unwrap();
        let answer = pair.connection.poll_opened(channel);
        assert_eq!(answer, Some(Err(why.into())));
        assert_eq!(pair.events(), []);
        pair.connection.send(channel, b"x").unwrap();
        pair.device.received();
        pair.open(1, 1);
    }
}

#[test]
fn a_channel_that_is_closed_at_once_is_not_waited_for() {
    let mut pair = pair();
    let channel = pair.connection.open_session().unwrap();
    let confirmed = [channel, 9, 100, 100].map(Field::N);
    pair.device
        .send(&message(CHANNEL_OPEN_CONFIRMATION, &confirmed));
    pair.say(&on(channel, CHANNEL_CLOSE)).unwrap();
    assert!(matches!(pair.connection.poll_opened(channel), Some(Err(_))));
    assert_eq!(pair.events(), [Event::Closed(channel)]);
}

#[test]
fn a_channel_that_nobody_waits_for_any_more_is_closed_once_it_opens() {
    let mut pair = pair();
    let channel = pair.connection.open_session().unwrap();
    pair.connection.close(channel).unwrap();
    pair.pump().unwrap();
    pair.device.one();
    pair.say_on(
        channel,
        CHANNEL_OPEN_CONFIRMATION,
        &[9, 100, 100].map(Field::N),
    )
    .unwrap();
    assert_eq!(pair.device.one(), on(9, CHANNEL_CLOSE));
    pair.say_on(channel, CHANNEL_DATA, &[Field::S("late")])
        .unwrap();
    pair.say(&on(channel, CHANNEL_CLOSE)).unwrap();
    assert_eq!(pair.events(), []);
    assert!(pair.device.received().is_empty());
    assert_eq!(pair.connection.channels.n_kept(), 0);
    // And forgotten, where it is refused.
    let channel = pair.connection.open_session().unwrap();
    pair.connection.close(channel).unwrap();
    pair.say_on(channel, CHANNEL_OPEN_FAILURE, &[Field::N(1)])
        .unwrap();
    assert_eq!(pair.connection.channels.n_kept(), 0);
}

#[test]
fn a_request_may_be_refused() {
    let (mut pair, channel) = open();
    pair.connection.request_shell(channel).unwrap();
    pair.say(&on(channel, CHANNEL_FAILURE)).unwrap();
    assert_eq!(pair.events(), [Event::Refused(channel)]);
}

#[test]
fn a_refusal_of_what_was_not_asked_is_passed_over() {
    let (mut pair, channel) = open();
    pair.connection.request_exec(channel, "sleep 9").unwrap();
    pair.say(&on(channel, CHANNEL_SUCCESS)).unwrap();
    pair.connection.send_signal(channel, "INT").unwrap();
    pair.say(&on(channel, CHANNEL_FAILURE)).unwrap();
    assert_eq!(pair.events(), []);
}

#[test]
fn what_comes_after_we_have_closed_is_passed_over() {
    let (mut pair, channel) = open();
    pair.connection.close(channel).unwrap();
    pair.connection.close(channel).unwrap();
    pair.pump().unwrap();
    assert_eq!(pair.device.one(), on(channel + 100, CHANNEL_CLOSE));
    // A device that never closes it does not make us keep it.
    assert_eq!(pair.connection.channels.n_kept(), 0);
    let late = "x".repeat(20_000);
    for _ in 0..2 {
        pair.say_on(channel, CHANNEL_DATA, &[Field::S(&late)])
            .unwrap();
        pair.say_on(channel, CHANNEL_EXTENDED_DATA, &[Field::N(1), Field::S("")])
            .unwrap();
        pair.say(&request(channel, "exit-status", false, &[Field::N(0)]))
            .unwrap();
        pair.say(&on(channel, CHANNEL_EOF)).unwrap();
    }
    pair.say(&on(channel, CHANNEL_CLOSE)).unwrap();
    assert_eq!(pair.events(), []);
    assert!(pair.device.received().is_empty());
}

#[test]
fn requests_of_the_device_are_answered_where_it_asks() {
    let (mut pair, channel) = open();
    pair.say(&request(channel, "eow@openssh.com", false, &[]))
        .unwrap();
    assert!(pair.device.received().is_empty());
    pair.say(&request(channel, "keepalive@openssh.com", true, &[]))
        .unwrap();
    assert_eq!(pair.device.one(), on(channel + 100, CHANNEL_FAILURE));
    pair.say(&request(77, "keepalive@openssh.com", true, &[]))
        .unwrap();
    let global = |wants| {
        message(
            GLOBAL_REQUEST,
            &[Field::S("keepalive@openssh.com"), Field::B(wants)],
        )
    };
    pair.say(&global(false)).unwrap();
    assert!(pair.device.received().is_empty());
    pair.say(&global(true)).unwrap();
    assert_eq!(pair.device.one(), [REQUEST_FAILURE]);
    assert_eq!(pair.events(), []);
}

#[test]
fn no_device_opens_a_channel_to_us() {
    let mut pair = pair();
    let fields = [
        Field::S("forwarded-tcpip"),
        Field::N(5),
        Field::N(100),
        Field::N(100),
    ];
    pair.say(&message(CHANNEL_OPEN, &fields)).unwrap();
    let refused = [Field::N(5), Field::N(1), Field::S(""), Field::S("")];
    assert_eq!(pair.device.one(), message(CHANNEL_OPEN_FAILURE, &refused));
}

#[test]
fn channels_that_are_not_there_change_nothing() {
    let (mut pair, channel) = open();
    let nowhere = channel + 1;
    for number in [CHANNEL_EOF, CHANNEL_CLOSE, CHANNEL_SUCCESS, CHANNEL_FAILURE] {
        pair.say(&on(nowhere, number)).unwrap();
    }
    pair.say_on(nowhere, CHANNEL_DATA, &[Field::S("x")])
        .unwrap();
    pair.say_on(channel, CHANNEL_OPEN_FAILURE, &[Field::N(1)])
        .unwrap();
    let again = [500, 0, 0].map(Field::N);
    pair.say_on(channel, CHANNEL_OPEN_CONFIRMATION, &again)
        .unwrap();
    assert_eq!(pair.events(), []);
    assert!(pair.device.received().is_empty());
    pair.connection.send_eof(channel).unwrap();
    pair.pump().unwrap();
    assert_eq!(pair.device.one(), on(channel + 100, CHANNEL_EOF));
}

#[test]
fn several_channels_are_told_apart() {
    let mut pair = pair();
    let channels = [pair.open(9, 9), pair.open(9, 9), pair.open(9, 9)];
    for channel in channels {
        pair.say_on(channel, CHANNEL_DATA, &[Field::S(&channel.to_string())])
            .unwrap();
        assert_eq!(pair.data(channel), channel.to_string().as_bytes());
    }
    pair.say(&on(channels[1], CHANNEL_CLOSE)).unwrap();
    assert_eq!(pair.events(), [Event::Closed(channels[1])]);
    for channel in [channels[0], channels[2]] {
        pair.say_on(channel, CHANNEL_DATA, &[Field::S("x")])
            .unwrap();
        assert_eq!(pair.data(channel), b"x");
    }
}

#[test]
fn messages_that_are_cut_short_end_the_connection() {
    let (pair, channel) = open();
    drop(pair);
    for whole in [
        message(CHANNEL_DATA, &[Field::N(channel), Field::S("text")]),
        request(channel, "exit-status", false, &[Field::N(7)]),
        message(CHANNEL_OPEN_CONFIRMATION, &[channel, 1, 1, 1].map(Field::N)),
    ] {
        for n in 1..whole.len() {
            let (mut pair, _) = open();
            assert_eq!(pair.say(&whole[..n]), Err(Error::Malformed), "{whole:?}");
            assert_eq!(pair.events(), []);
        }
    }
}

#[test]
fn text_behind_the_window_is_taken_all_the_same() {
    let (mut pair, channel) = open();
    let text = "x".repeat(WINDOW as usize + 1000);
    pair.say_on(channel, CHANNEL_DATA, &[Field::S(&text)])
        .unwrap();
    assert_eq!(pair.data(channel).len(), text.len());
}
