//! Logins: held, probed, counted.

use std::sync::atomic::AtomicBool;

use netwolf_wire::{
    login::{Breaker, LoginOutcome},
    message::{Breakers, Probe},
};

use super::*;
use crate::session::gate::Ask;

fn open(credential: &str) -> Breakers {
    let failure = Failure {
        reason: Reason::CredentialHeld,
        message: "sw1 and sw2 refused it".into(),
        hint: None,
    };
    Breakers {
        breakers: vec![Breaker {
            credential: credential.into(),
            open: Some(failure),
        }],
    }
}

fn closed(credential: &str) -> Breakers {
    Breakers {
        breakers: vec![Breaker {
            credential: credential.into(),
            open: None,
        }],
    }
}

impl Bench {
    fn say(&mut self, id: TaskId, notice: Notice) {
        self.core.handle_notice(id, notice, self.now);
    }

    fn probe(&mut self, device: &str, epoch: u64) -> Vec<Effect> {
        self.probe_with(device, epoch, "c")
    }

    fn probe_with(&mut self, device: &str, epoch: u64, credential: &str) -> Vec<Effect> {
        self.core.handle_probe(Probe {
            device: name(device),
            epoch: Epoch(epoch),
            credential: credential.into(),
        });
        self.effects()
    }

    /// What the manager is told of ends of logins.
    fn login_ends(&mut self) -> Vec<(String, LoginOutcome)> {
        let ended = std::iter::from_fn(|| self.core.permits.poll_ended());
        ended
            .flat_map(|ended| ended.logins)
            .map(|login| (login.device.to_string(), login.outcome))
            .collect()
    }
}

fn failure(reason: Reason) -> Failure {
    Failure {
        reason,
        message: "no".into(),
        hint: None,
    }
}

#[test]
fn a_breaker_holds_the_devices_of_its_credential_and_lets_them_go() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    bench.core.handle_breakers(open("other"), bench.now);
    assert!(bench.effects().is_empty());
    bench.core.handle_breakers(open("c"), bench.now);
    assert!(matches!(bench.effects().as_slice(), [Effect::Hold(held, true)] if *held == id));
    bench.say(id, Notice::Held);
    let status = bench.status("r1");
    assert_eq!(status.state, SessionState::Backoff);
    let failure = status.failure.clone().unwrap();
    assert_eq!(failure.reason, Reason::CredentialHeld);
    assert!(failure.message.contains("sw1"), "{failure:?}");
    // A device that comes meanwhile does not begin at all.
    match bench.assign("r2", 2).as_slice() {
        [Effect::Start { held, .. }] => assert!(*held),
        other => panic!("{other:?}"),
    }
    bench.core.handle_breakers(closed("c"), bench.now);
    let released = bench.effects();
    assert_eq!(released.len(), 2);
    assert!(
        released
            .iter()
            .all(|effect| matches!(effect, Effect::Hold(_, false)))
    );
}

#[test]
fn a_lost_link_holds_what_was_never_seen_to_be_good() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    bench.core.handle_link_down(bench.now);
    assert!(matches!(
        bench.effects().as_slice(),
        [Effect::Hold(_, true)]
    ));
    bench.say(id, Notice::Held);
    let failure = bench.status("r1").failure.clone().unwrap();
    assert!(failure.message.contains("no link"), "{failure:?}");
    bench.core.handle_welcome(bench.now, AUTONOMY, bench.now);
    assert!(matches!(
        bench.effects().as_slice(),
        [Effect::Hold(_, false)]
    ));
}

#[test]
fn a_probe_is_made_by_a_device_that_waits_and_passed_on_by_any_other() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    bench.core.handle_breakers(open("c"), bench.now);
    bench.say(id, Notice::Held);
    bench.effects();
    assert!(matches!(bench.probe("r1", 1).as_slice(), [Effect::Probe(probe)] if *probe == id));
    // It does not even come to ask.
    bench.say(
        id,
        Notice::LoginFailed(failure(Reason::Refused), Duration::from_secs(1)),
    );
    assert_eq!(bench.login_ends(), [("r1".into(), LoginOutcome::Unused)]);

    assert!(bench.probe("r1", 9).is_empty(), "of another lease");
    assert_eq!(bench.login_ends(), [("r1".into(), LoginOutcome::Unused)]);
    assert!(bench.probe("r7", 1).is_empty(), "not here");
    bench.say(id, Notice::Up(Duration::ZERO));
    assert!(
        bench.probe("r1", 1).is_empty(),
        "it has nothing to log in to"
    );
    assert_eq!(bench.login_ends(), [("r1".into(), LoginOutcome::Unused)]);

    let id = bench.started("r2", 2);
    bench.probe("r2", 2);
    bench.revoke("r2", 2);
    assert_eq!(bench.login_ends(), [("r2".into(), LoginOutcome::Unused)]);
    bench.core.handle_ended(id, bench.now);
    assert_eq!(bench.login_ends(), []);
}

#[test]
fn failures_in_a_row_and_the_next_attempt_are_told() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    for n in 1..=3 {
        bench.say(
            id,
            Notice::LoginFailed(failure(Reason::Refused), Duration::from_secs(2)),
        );
        let status = bench.status("r1");
        assert_eq!(status.failures, n);
        assert_eq!(status.next_attempt_ms, Some(1_700_000_002_000));
        bench.say(id, Notice::Connecting(Duration::from_millis(1500)));
        assert_eq!(bench.status("r1").next_attempt_ms, None);
    }
    assert!((bench.core.stats().pacing_wait_seconds - 4.5).abs() < 1e-9);
    bench.say(id, Notice::Up(Duration::ZERO));
    assert_eq!(bench.status("r1").failures, 0);
    // A device that refused its credential waits for a permit, however long.
    bench.say(
        id,
        Notice::LoginFailed(failure(Reason::AuthFailed), Duration::from_secs(2)),
    );
    bench.say(id, Notice::Queued);
    let status = bench.status("r1");
    assert_eq!(status.next_attempt_ms, None);
    assert_eq!(status.failure.as_ref().unwrap().reason, Reason::AuthFailed);
}

#[test]
fn a_session_that_is_made_anew_for_its_age_is_no_failure() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    bench.say(id, Notice::Up(Duration::ZERO));
    bench.say(id, Notice::Aged);
    let status = bench.status("r1");
    assert_eq!((status.failure.clone(), status.failures), (None, 0));
    assert_ne!(status.state, SessionState::Backoff);
    assert_eq!(bench.core.stats().disconnects[&Reason::MaxAge], 1);
}

#[test]
fn a_device_that_let_in_and_then_wants_a_new_password_has_refused_after_all() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    let (ask, _told) = Ask::for_test("c", Arc::new(AtomicBool::new(true)));
    bench.say(id, Notice::Ask(ask));
    bench.core.permits.poll_asks().unwrap();
    for outcome in [
        LoginOutcome::Accepted,
        LoginOutcome::Refused,
        // Of what it did not ask for, only a refusal says anything.
        LoginOutcome::Accepted,
    ] {
        bench.say(id, Notice::Ended("c".into(), outcome));
    }
    assert_eq!(
        bench.login_ends(),
        [
            ("r1".into(), LoginOutcome::Accepted),
            ("r1".into(), LoginOutcome::Refused)
        ]
    );
    assert!(bench.core.permits.held("c").is_none());
    bench.core.handle_link_down(bench.now);
    assert!(bench.core.permits.held("c").is_some(), "it is not proven");
}

#[test]
fn an_ask_is_answered_through_an_effect() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    bench.core.handle_breakers(open("c"), bench.now);
    bench.effects();
    let (ask, mut told) = Ask::for_test("c", Arc::new(AtomicBool::new(false)));
    bench.say(id, Notice::Ask(ask));
    for effect in bench.effects() {
        match effect {
            Effect::Answer(answer, verdict) => answer.give(verdict),
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(told.try_recv(), Ok(Verdict::Held(_))));
    assert!(
        bench.core.poll_answer().is_none(),
        "the manager is not bothered"
    );
}

#[test]
fn a_probe_for_the_credential_of_a_jump_host_lets_just_that_one_be_tried() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    bench.core.handle_breakers(open("jump"), bench.now);
    bench.effects();
    let asks = |bench: &mut Bench, credential: &str| {
        let (ask, told) = Ask::for_test(credential, Arc::new(AtomicBool::new(false)));
        bench.say(id, Notice::Ask(ask));
        (bench.core.permits.poll_asks(), told)
    };
    assert!(matches!(
        bench.probe_with("r1", 1, "jump").as_slice(),
        [Effect::Probe(_)]
    ));
    let (sent, _told) = asks(&mut bench, "jump");
    assert_eq!(sent.unwrap().asks[0].credential, "jump");
    bench.say(id, Notice::Ended("jump".into(), LoginOutcome::Accepted));
    assert_eq!(bench.login_ends(), [("r1".into(), LoginOutcome::Accepted)]);
    // Once.
    assert!(asks(&mut bench, "jump").0.is_none());

    // A login that comes by another way has not tried it: somebody else is to.
    bench.probe_with("r1", 1, "jump");
    let (sent, _told) = asks(&mut bench, "c");
    assert!(sent.is_some());
    bench.say(id, Notice::Up(Duration::ZERO));
    let ended: Vec<_> = std::iter::from_fn(|| bench.core.permits.poll_ended())
        .flat_map(|ended| ended.logins)
        .map(|login| (login.credential, login.outcome))
        .collect();
    assert_eq!(ended, [("jump".to_owned(), LoginOutcome::Unused)]);
}

#[test]
fn an_acceptance_without_a_link_lets_the_others_of_its_credential_go() {
    let mut bench = Bench::new();
    let id = bench.started("r1", 1);
    bench.assign("r2", 2);
    // Permitted on the link, accepted after its loss.
    let (ask, _told) = Ask::for_test("c", Arc::new(AtomicBool::new(false)));
    bench.say(id, Notice::Ask(ask));
    let asks = bench.core.permits.poll_asks().unwrap().asks;
    bench
        .core
        .handle_permits(&netwolf_wire::message::Permits { permits: asks });
    bench.core.handle_link_down(bench.now);
    bench.effects();
    bench.say(id, Notice::Ended("c".into(), LoginOutcome::Accepted));
    let released = bench.effects();
    assert_eq!(released.len(), 2, "{released:?}");
    assert!(
        released
            .iter()
            .all(|effect| matches!(effect, Effect::Hold(_, false)))
    );
}
