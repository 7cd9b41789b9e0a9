//! Windows: nobody is sent more than it takes, and nobody waits for ever.

use super::{
    device::Options,
    pair::{Field, Pair, WINDOW, message},
};
use crate::{
    codec::Reader,
    numbers::{CHANNEL_DATA, CHANNEL_EOF, CHANNEL_WINDOW_ADJUST},
};

/// The lengths of the pieces that came on a channel, and whether they follow in `text` from `from`.
#[track_caller]
fn pieces(pair: &mut Pair, text: &[u8], from: &mut usize) -> Vec<usize> {
    let mut lengths = Vec::new();
    for payload in pair.device.received() {
        assert_eq!(payload[0], CHANNEL_DATA);
        let mut reader = Reader::new(&payload[5..]);
        let bytes = reader.string().unwrap();
        assert!(reader.rest().is_empty());
        assert_eq!(bytes, &text[*from..*from + bytes.len()]);
        *from += bytes.len();
        lengths.push(bytes.len());
    }
    lengths
}

#[test]
fn a_device_is_sent_what_it_takes_and_the_rest_when_it_takes_more() {
    let mut pair = Pair::logged_in(Options::default());
    let channel = pair.open(10, 4);
    let text = b"show interfaces counters\n";
    let mut from = 0;
    pair.connection.send(channel, &text[..20]).unwrap();
    pair.connection.send(channel, &text[20..]).unwrap();
    for (more, expected) in [
        (0, &[4, 4, 2][..]),
        (0, &[]),
        (1, &[1]),
        (6, &[4, 2]),
        (u32::MAX, &[4, 4]),
        (9, &[]),
    ] {
        assert_eq!(pair.connection.is_sent(channel), from == text.len());
        pair.say_on(channel, CHANNEL_WINDOW_ADJUST, &[Field::N(more)])
            .unwrap();
        assert_eq!(pieces(&mut pair, text, &mut from), expected, "{more}");
    }
    assert_eq!(from, text.len());
    assert!(pair.connection.is_sent(channel));
    // A window that was opened further than there is has not come round to a small one.
    pair.connection.send(channel, &[b'x'; 100]).unwrap();
    assert!(pair.connection.is_sent(channel));
}

/// Junos confirms a channel with a window of none, and opens it when the shell is there.
#[test]
fn a_window_may_come_later_than_the_channel() {
    let mut pair = Pair::logged_in(Options::default());
    let channel = pair.open(0, 1 << 15);
    pair.connection.send(channel, b"x").unwrap();
    pair.pump().unwrap();
    assert!(pair.device.received().is_empty());
    pair.say_on(channel, CHANNEL_WINDOW_ADJUST, &[Field::N(1 << 21)])
        .unwrap();
    assert_eq!(pieces(&mut pair, b"x", &mut 0), [1]);
}

#[test]
fn all_that_came_is_told_at_once() {
    let mut pair = Pair::logged_in(Options::default());
    let channel = pair.open(1, 1);
    let text = "x".repeat(1000);
    for _ in 0..200 {
        let data = message(CHANNEL_DATA, &[Field::N(channel), Field::S(&text)]);
        pair.device.send(&data);
    }
    pair.deliver().unwrap();
    assert_eq!(pair.data(channel).len(), 200_000);
}

#[test]
fn an_end_waits_for_what_is_before_it() {
    let mut pair = Pair::logged_in(Options::default());
    let channel = pair.open(2, 100);
    pair.connection.send(channel, b"text").unwrap();
    pair.connection.send_eof(channel).unwrap();
    pair.connection.send(channel, b"behind the end").unwrap();
    pair.pump().unwrap();
    assert_eq!(pair.device.one()[0], CHANNEL_DATA);
    pair.say_on(channel, CHANNEL_WINDOW_ADJUST, &[Field::N(100)])
        .unwrap();
    let theirs = Field::N(channel + 100);
    assert_eq!(
        pair.device.received(),
        [
            message(CHANNEL_DATA, &[theirs, Field::S("xt")]),
            message(CHANNEL_EOF, &[theirs])
        ]
    );
}

#[test]
fn no_packet_is_longer_than_any_device_must_take() {
    let mut pair = Pair::logged_in(Options::default());
    for max in [u32::MAX, 0] {
        let channel = pair.open(u32::MAX, max);
        let text = vec![b'x'; 100_000];
        pair.connection.send(channel, &text).unwrap();
        let longest = pair.connection.output().len();
        pair.pump().unwrap();
        let lengths = pieces(&mut pair, &text, &mut 0);
        assert_eq!(lengths.iter().sum::<usize>(), text.len());
        assert!(lengths.iter().all(|n| *n + 9 <= 32_768), "{lengths:?}");
        assert!(longest < text.len() + 1000);
    }
}

#[test]
fn a_flood_never_waits_and_never_passes_its_bound() {
    let mut pair = Pair::logged_in(Options::default());
    let channel = pair.open(1, 1);
    let (mut window, mut n_bytes) = (WINDOW, 0_usize);
    for n in 0..2000_u32 {
        let length = (n * 37 % 9000 + 1).min(window);
        assert!(length > 0, "the device waits for ever");
        let text = "x".repeat(length as usize);
        window -= length;
        if n % 3 == 0 {
            pair.say_on(channel, CHANNEL_DATA, &[Field::S(&text)])
        } else {
            // Errors count, too.
            pair.say_on(channel, 95, &[Field::N(1), Field::S(&text)])
        }
        .unwrap();
        n_bytes += text.len();
        for payload in pair.device.received() {
            assert_eq!(payload[0], CHANNEL_WINDOW_ADJUST);
            let mut reader = Reader::new(&payload[1..]);
            assert_eq!(reader.uint32(), Ok(channel + 100));
            window += reader.uint32().unwrap();
            assert!(window <= WINDOW);
        }
        if n % 500 == 250 {
            pair.device.rekey();
        }
    }
    assert!(n_bytes > 50 * WINDOW as usize);
}
