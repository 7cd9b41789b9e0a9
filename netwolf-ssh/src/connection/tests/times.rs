//! What is due when: signs of life, new keys, and nothing in between.

use std::time::Duration;

use super::{
    device::{Device, Options},
    pair::{Field, KEEPALIVE, Pair, REKEY, message, settings},
};
use crate::{
    Error,
    numbers::{GLOBAL_REQUEST, IGNORE, REQUEST_FAILURE, REQUEST_SUCCESS, UNIMPLEMENTED},
};

const SHORTLY: Duration = Duration::from_millis(1);

/// Whether a sign of life was asked for, and nothing else came.
#[track_caller]
fn is_asked(pair: &mut Pair) -> bool {
    pair.carry();
    let all = pair.device.received();
    let asked = message(
        GLOBAL_REQUEST,
        &[Field::S("keepalive@openssh.com"), Field::B(true)],
    );
    assert!(all.iter().all(|payload| *payload == asked), "{all:?}");
    assert!(all.len() < 2);
    !all.is_empty()
}

/// Goes on to when something is due, and does it.
#[track_caller]
fn wait(pair: &mut Pair) -> Result<(), Error> {
    pair.now = pair.connection.poll_timeout().unwrap();
    pair.connection.handle_timeout(pair.now)
}

#[test]
fn nothing_is_due_before_somebody_is_logged_in() {
    let mut pair = Pair::keyed(Options::default());
    assert_eq!(pair.connection.poll_timeout(), None);
    pair.now += REKEY * 2;
    pair.connection.handle_timeout(pair.now).unwrap();
    assert!(pair.connection.output().is_empty());
}

#[test]
fn a_device_that_is_silent_is_asked_and_given_up_in_the_end() {
    let mut pair = Pair::logged_in(Options::default());
    let heard = pair.now;
    for n in 1..=3 {
        wait(&mut pair).unwrap();
        assert_eq!(pair.now, heard + KEEPALIVE * n);
        assert!(is_asked(&mut pair));
    }
    assert_eq!(wait(&mut pair), Err(Error::NoSignOfLife));
    assert_eq!(pair.now, heard + KEEPALIVE * 4);
}

#[test]
fn any_packet_is_a_sign_of_life() {
    for number in [REQUEST_SUCCESS, REQUEST_FAILURE, UNIMPLEMENTED, IGNORE] {
        let mut pair = Pair::logged_in(Options::default());
        for _ in 0..5 {
            for _ in 0..2 {
                wait(&mut pair).unwrap();
                assert!(is_asked(&mut pair));
            }
            pair.now += SHORTLY;
            // Cisco's have no field where SSH has one.
            pair.say(&[number]).unwrap();
            let due = pair.connection.poll_timeout();
            assert_eq!(due, Some(pair.now + KEEPALIVE));
        }
    }
}

#[test]
fn what_is_not_due_is_not_done() {
    let mut pair = Pair::logged_in(Options::default());
    for _ in 0..3 {
        let due = pair.connection.poll_timeout().unwrap();
        pair.now = due.checked_sub(SHORTLY).unwrap();
        pair.connection.handle_timeout(pair.now).unwrap();
        assert!(!is_asked(&mut pair));
        assert_eq!(pair.connection.poll_timeout(), Some(due));
        wait(&mut pair).unwrap();
        assert!(is_asked(&mut pair));
        assert!(pair.connection.poll_timeout().unwrap() > pair.now);
    }
}

#[test]
fn keys_are_renewed_in_time_and_again() {
    let mut settings = settings();
    settings.keepalive = None;
    let device = Device::new(Options::default());
    let mut pair = Pair::greet_with(device, &settings).unwrap();
    pair.pump().unwrap();
    pair.log_in();
    for n_exchanges in 2..5 {
        let keyed = pair.now;
        assert_eq!(pair.connection.poll_timeout(), Some(keyed + REKEY));
        wait(&mut pair).unwrap();
        assert_eq!(pair.connection.poll_timeout(), None, "one is under way");
        pair.connection.handle_timeout(pair.now).unwrap();
        pair.pump().unwrap();
        assert_eq!(pair.device.n_exchanges, n_exchanges);
    }
}

#[test]
fn times_without_end_never_come() {
    let mut settings = settings();
    settings.keepalive = Some(Duration::MAX);
    settings.rekey_after = Duration::MAX;
    let device = Device::new(Options::default());
    let mut pair = Pair::greet_with(device, &settings).unwrap();
    pair.pump().unwrap();
    pair.log_in();
    assert_eq!(pair.connection.poll_timeout(), None);
    pair.now += REKEY * 1000;
    pair.connection.handle_timeout(pair.now).unwrap();
    assert!(pair.connection.output().is_empty());
}
