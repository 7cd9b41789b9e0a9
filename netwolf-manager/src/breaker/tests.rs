//! One breaker, step by step.

use netwolf_wire::{
    login::LoginOutcome::{self, Accepted, Refused, Unclear, Unused},
    status::Reason,
};

use super::{view::BreakerState, *};
use crate::testing;

mod lent;

const LINK: LinkNo = LinkNo(1);

const NONE: [usize; 0] = [];

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A second before `time` has passed.
fn almost(time: Duration) -> Duration {
    time.saturating_sub(secs(1))
}

fn inventory(n: usize) -> Inventory {
    let names: Vec<_> = (0..n).map(|no| format!("sw-{no}")).collect();
    testing::inventory(names.iter().map(|name| (name.as_str(), 22)))
}

/// An inventory whose credential has another user name.
fn redefined(n: usize) -> Inventory {
    let mut inventory = inventory(n);
    for device in inventory.devices.values_mut() {
        let mut job = (*device.job).clone();
        job.target.login.username = "other".into();
        device.job = job.into();
    }
    inventory
}

struct Stage {
    now: Instant,
    breakers: Breakers,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    permits: Vec<usize>,
    probes: Vec<usize>,
    /// Whether it was told open, each time.
    told: Vec<bool>,
}

fn number(device: &DeviceName) -> usize {
    device
        .as_str()
        .strip_prefix("sw-")
        .unwrap()
        .parse()
        .unwrap()
}

impl Stage {
    fn new(n: usize) -> Self {
        let now = Instant::now();
        let mut breakers = Breakers::new(now, &inventory(n));
        // Noon.
        breakers.tell_time(now, 1_790_251_200_000);
        Self { now, breakers }
    }

    fn ask(&mut self, no: usize) {
        self.ask_on(LINK, no);
    }

    fn ask_on(&mut self, link: LinkNo, no: usize) {
        let ask = LoginAsk {
            device: format!("sw-{no}").parse().unwrap(),
            epoch: Epoch(1),
            credential: "monitoring".into(),
        };
        self.breakers.handle_ask(self.now, link, ask);
    }

    fn end(&mut self, no: usize, outcome: LoginOutcome) {
        let end = LoginEnd {
            device: format!("sw-{no}").parse().unwrap(),
            epoch: Epoch(1),
            credential: "monitoring".into(),
            outcome,
        };
        self.breakers.handle_ended(self.now, LINK, &end);
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.breakers
            .handle_timeout(self.now, &|_| Some((LINK, Epoch(1))));
    }

    fn said(&mut self) -> Said {
        let mut said = Said::default();
        while let Some(action) = self.breakers.poll_action() {
            match action {
                Action::Permit(_, ask) => said.permits.push(number(&ask.device)),
                Action::Probe(_, probe) => said.probes.push(number(&probe.device)),
                Action::Tell(breaker) => said.told.push(breaker.open.is_some()),
            }
        }
        said
    }

    fn permits(&mut self) -> Vec<usize> {
        self.said().permits
    }

    fn view(&self) -> CredentialView {
        self.breakers.views(self.now).remove(0)
    }

    /// Two devices refuse.
    fn open(&mut self) {
        for no in [0, 1] {
            self.ask(no);
            self.end(no, Refused);
        }
        assert_eq!(self.said().told, [true]);
    }
}

#[test]
fn devices_that_let_in_and_then_want_a_new_password_are_held_and_open_the_breaker() {
    let mut stage = Stage::new(20);
    (0..20).for_each(|no| stage.ask(no));
    assert_eq!(stage.permits(), [0, 1]);
    stage.end(0, Accepted);
    stage.end(1, Accepted);
    assert_eq!(stage.permits(), [2, 3, 4, 5]);
    stage.end(0, Refused);
    stage.end(1, Refused);
    assert_eq!(stage.permits(), NONE, "two in a row");
    assert_eq!(stage.view().n_refusals, 2);
    // Those in flight may still say yes.
    assert_eq!(stage.view().state, BreakerState::Closed);
    (2..=5).for_each(|no| stage.end(no, Unclear));
    assert_eq!(stage.view().state, BreakerState::Open);
}

#[test]
fn at_most_two_log_in_at_first_and_each_acceptance_lets_one_more_in() {
    let mut stage = Stage::new(20);
    (0..20).for_each(|no| stage.ask(no));
    assert_eq!(stage.permits(), [0, 1]);
    stage.end(0, Accepted);
    assert_eq!(stage.permits(), [2, 3]);
    stage.end(1, Accepted);
    assert_eq!(stage.permits(), [4, 5]);
    // What acceptances have earned fades.
    stage.pass(FADE);
    stage.end(2, Unclear);
    stage.end(3, Unclear);
    assert_eq!(stage.permits(), NONE);
    stage.end(4, Unclear);
    assert_eq!(stage.permits(), [6]);
}

#[test]
fn after_a_refusal_one_logs_in_at_a_time_and_after_two_nobody() {
    let mut stage = Stage::new(6);
    (0..6).for_each(|no| stage.ask(no));
    assert_eq!(stage.permits(), [0, 1]);
    stage.end(0, Refused);
    assert_eq!(stage.permits(), NONE);
    stage.end(1, Unclear);
    assert_eq!(stage.permits(), [2]);
    stage.end(2, Refused);
    let said = stage.said();
    assert_eq!((said.permits, said.told), (vec![], vec![true]));
    stage.pass(almost(HOLD));
    assert_eq!(stage.said(), Said::default());

    let failure = stage.view().failure.unwrap();
    assert_eq!(failure.reason, Reason::CredentialHeld);
    for part in ["\"monitoring\"", "sw-0 at 12:00 UTC", "sw-2", "12:30 UTC"] {
        assert!(failure.message.contains(part), "{}", failure.message);
    }
    assert!(failure.hint.unwrap().contains("reload"));
}

#[test]
fn an_acceptance_between_forgives_and_half_an_hour_does() {
    let mut stage = Stage::new(6);
    stage.ask(0);
    stage.end(0, Refused);
    stage.ask(1);
    stage.end(1, Accepted);
    stage.ask(2);
    stage.end(2, Refused);
    assert_eq!(stage.view().state, BreakerState::Closed);
    stage.pass(HOLD);
    stage.ask(3);
    stage.end(3, Refused);
    assert_eq!(stage.view().state, BreakerState::Closed);
}

#[test]
fn a_device_that_refuses_is_left_alone_and_opens_nothing_by_itself() {
    let mut stage = Stage::new(3);
    stage.ask(0);
    stage.end(0, Refused);
    stage.said();
    for _ in 0..3 {
        stage.ask(0);
        let device = "sw-0".parse().unwrap();
        let held = stage.breakers.hold_of(stage.now, &device).unwrap();
        assert_eq!(held.reason, Reason::AuthFailed);
        assert!(held.message.contains("refused credential"));
        stage.pass(almost(HOLD));
        assert_eq!(stage.permits(), NONE);
        stage.pass(secs(1));
        assert_eq!(stage.permits(), [0]);
        stage.end(0, Refused);
        assert_eq!(stage.said(), Said::default());
    }
}

#[test]
fn among_many_logins_two_refusals_wait_for_what_the_others_say() {
    let mut stage = Stage::new(9);
    (0..9).for_each(|no| stage.ask(no));
    stage.end(0, Accepted);
    stage.end(1, Accepted);
    assert_eq!(stage.permits(), [0, 1, 2, 3, 4, 5]);
    stage.end(2, Refused);
    stage.end(3, Refused);
    assert_eq!(stage.said(), Said::default());
    // One says yes, and all goes on.
    stage.end(4, Accepted);
    assert_eq!(stage.permits(), [6, 7]);
    for no in [5, 6] {
        stage.end(no, Refused);
    }
    assert_eq!(stage.said().told, [] as [bool; 0]);
    stage.end(7, Refused);
    assert_eq!(stage.said().told, [true], "nobody is left to say yes");
}

#[test]
fn refusals_among_logins_that_hang_open_the_breaker_in_some_seconds() {
    let mut stage = Stage::new(9);
    (0..9).for_each(|no| stage.ask(no));
    stage.end(0, Accepted);
    stage.end(1, Refused);
    stage.end(2, Refused);
    stage.said();
    assert_eq!(stage.view().window, 0);
    assert_eq!(stage.breakers.poll_timeout(), Some(stage.now + FADE));
    stage.pass(FADE);
    assert_eq!(stage.said().told, [true]);
    // One of them says yes at last: the password is good.
    stage.end(3, Accepted);
    let said = stage.said();
    assert_eq!((said.told, said.permits.len()), (vec![false], 1));
}

#[test]
fn one_device_probes_after_half_an_hour_and_again_after_another() {
    let mut stage = Stage::new(4);
    stage.open();
    stage.pass(HOLD);
    assert_eq!(stage.said().probes, [2, 3], "those that did not refuse");
    assert_eq!(stage.view().state, BreakerState::HalfOpen);
    stage.ask(0);
    assert_eq!(stage.permits(), NONE, "another one");
    stage.ask(2);
    stage.ask(3);
    assert_eq!(stage.permits(), [2]);
    stage.end(2, Refused);
    assert_eq!(stage.said().told, [true], "the next probe is later");
    stage.pass(almost(HOLD));
    assert_eq!(stage.said().probes, NONE);
    stage.pass(secs(1));
    let said = stage.said();
    assert_eq!(said.probes, [3], "who has not refused yet");
    assert_eq!(said.permits, [3], "it has asked before");
}

#[test]
fn a_probe_that_is_let_in_closes_the_breaker_carefully() {
    let mut stage = Stage::new(8);
    stage.open();
    stage.pass(HOLD);
    stage.said();
    (2..8).for_each(|no| stage.ask(no));
    assert_eq!(stage.permits(), [2]);
    stage.end(2, Accepted);
    let said = stage.said();
    assert_eq!((said.told, said.permits), (vec![false], vec![3]));
    stage.end(3, Accepted);
    assert_eq!(stage.permits(), [4, 5, 6]);
}

#[test]
fn a_probe_that_decides_nothing_is_followed_by_another() {
    let mut stage = Stage::new(5);
    stage.open();
    stage.pass(HOLD);
    assert_eq!(stage.said().probes, [2, 3, 4]);
    // None asks.
    stage.pass(PROBE_DEADLINE);
    stage.pass(PROBE_PAUSE);
    assert_eq!(stage.said().probes, [2, 3, 4]);
    // One gives up, and the others may still ask.
    stage.end(2, Unused);
    assert_eq!(stage.view().state, BreakerState::HalfOpen);
    for outcome in [Unused, Unclear] {
        let probe = stage.view().probe.unwrap();
        stage.ask(number(&probe));
        stage.end(number(&probe), outcome);
        stage.pass(almost(PROBE_PAUSE));
        assert_eq!(stage.said().probes, NONE);
        stage.pass(secs(1));
        assert_eq!(stage.said().probes.len(), 3);
    }
    // Servers may count what broke: the pauses grow.
    for doubling in 0..12 {
        let probe = number(&stage.view().probe.unwrap());
        stage.ask(probe);
        stage.end(probe, Unclear);
        let pause = (PROBE_PAUSE * (1 << u32::saturating_sub(doubling + 2, 3))).min(HOLD);
        stage.pass(almost(pause));
        assert_eq!(stage.said().probes, NONE, "{doubling}");
        stage.pass(secs(1));
        assert_eq!(stage.said().probes.len(), 3, "{doubling}");
    }
}

#[test]
fn devices_that_are_up_or_out_of_reach_do_not_probe() {
    let mut stage = Stage::new(4);
    stage.open();
    let up = "sw-2".parse().unwrap();
    stage.breakers.handle_status(LINK, &up, true);
    stage.now += HOLD;
    stage.breakers.handle_timeout(stage.now, &|_| None);
    assert_eq!(stage.said().probes, NONE);
    stage.pass(PROBE_PAUSE);
    assert_eq!(stage.said().probes, [3]);
}

#[test]
fn a_reload_or_another_definition_lets_one_device_try_at_once() {
    let mut stage = Stage::new(4);
    stage.open();
    stage.breakers.handle_reload(stage.now);
    stage.pass(secs(0));
    assert_eq!(stage.said().probes, [2, 3]);
    stage.ask(2);
    stage.end(2, Refused);
    stage.said();
    stage.breakers.handle_inventory(stage.now, &inventory(4));
    stage.pass(secs(0));
    assert_eq!(stage.said().probes, NONE, "nothing has changed");
    stage.breakers.handle_inventory(stage.now, &redefined(4));
    stage.pass(secs(0));
    assert_eq!(stage.said().probes, [3]);

    // Who was held for its own refusal is not any more.
    let mut stage = Stage::new(4);
    stage.ask(0);
    stage.end(0, Refused);
    stage.ask(0);
    assert_eq!(stage.permits(), [0]);
    stage.breakers.handle_reload(stage.now);
    assert_eq!(stage.permits(), [0]);
    stage.end(0, Refused);
    assert_eq!(stage.said(), Said::default(), "it has said so before");
    assert_eq!(stage.view().window, 1, "one refusal counts");
}

#[test]
fn devices_that_refused_are_tried_after_a_reload_one_by_one_and_open_nothing() {
    let mut stage = Stage::new(12);
    for bad in 0..5 {
        stage.ask(bad);
        stage.end(bad, Refused);
        stage.pass(secs(1));
        let good = 5 + bad;
        stage.ask(good);
        stage.end(good, Accepted);
    }
    (0..5).for_each(|no| stage.ask(no));
    stage.said();
    for _ in 0..3 {
        stage.breakers.handle_reload(stage.now);
        for bad in 0..5 {
            assert_eq!(stage.permits(), [bad], "alone");
            stage.end(bad, Refused);
            stage.ask(bad);
        }
        // Others are not held up by them.
        stage.ask(10);
        assert_eq!(stage.permits(), [10]);
        stage.end(10, Accepted);
        assert_eq!(stage.said(), Said::default());
    }
    assert_eq!(stage.view().state, BreakerState::Closed);
}

#[test]
fn of_devices_that_refused_one_is_tried_after_a_reload_where_nobody_was_accepted() {
    let mut stage = Stage::new(6);
    for no in 0..3 {
        stage.ask(no);
        stage.end(no, Refused);
        stage.pass(HOLD);
    }
    (0..3).for_each(|no| stage.ask(no));
    stage.said();
    stage.breakers.handle_inventory(stage.now, &redefined(6));
    stage.breakers.handle_reload(stage.now);
    stage.end(0, Refused);
    assert_eq!(stage.permits(), NONE, "nothing says that it is good");
    stage.ask(5);
    assert_eq!(stage.permits(), [5]);
    stage.end(5, Accepted);
    assert_eq!(stage.permits(), [1], "now something does");
}

#[test]
fn those_that_refused_do_not_keep_a_breaker_open_while_others_are_up() {
    let mut stage = Stage::new(4);
    for no in [2, 3] {
        let device = format!("sw-{no}").parse().unwrap();
        stage.breakers.handle_status(LINK, &device, true);
    }
    stage.open();
    stage.pass(HOLD);
    stage.pass(HOLD);
    assert_eq!(stage.said(), Said::default(), "they would refuse again");
    // Another one needs it.
    let device = "sw-3".parse().unwrap();
    stage.breakers.handle_status(LINK, &device, false);
    stage.pass(PROBE_PAUSE);
    assert_eq!(stage.said().probes, [3]);
    stage.ask(3);
    stage.end(3, Refused);
    stage.pass(HOLD);
    assert_eq!(stage.said().probes, NONE);
    // An operator wants to know.
    stage.breakers.handle_reload(stage.now);
    stage.pass(secs(0));
    assert_eq!(stage.said().probes.len(), 3);
}

#[test]
fn soon_after_an_acceptance_a_device_that_did_not_refuse_probes_at_once() {
    let mut stage = Stage::new(6);
    stage.ask(5);
    stage.end(5, Accepted);
    let device = "sw-5".parse().unwrap();
    stage.breakers.handle_status(LINK, &device, true);
    stage.open();
    stage.pass(PROBE_PAUSE);
    assert_eq!(stage.said().probes, [2, 3, 4]);
    stage.ask(4);
    stage.end(4, Refused);
    stage.pass(almost(HOLD));
    assert_eq!(stage.said().probes, NONE, "that was a third one");
    stage.pass(secs(1));
    assert_eq!(stage.said().probes.len(), 2);
}

#[test]
fn another_definition_is_tried_by_one_at_first() {
    let mut stage = Stage::new(20);
    (0..20).for_each(|no| stage.ask(no));
    (0..8).for_each(|no| stage.end(no, Accepted));
    (8..16).for_each(|no| stage.end(no, Unclear));
    stage.said();
    assert!(stage.view().window > 8);
    stage.breakers.handle_inventory(stage.now, &redefined(20));
    assert_eq!(stage.view().window, 1);
}

#[test]
fn devices_that_hang_come_last_and_have_half_of_the_places() {
    let mut stage = Stage::new(9);
    for no in 0..4 {
        stage.ask(no);
        stage.end(no, Unclear);
    }
    stage.said();
    (0..4).for_each(|no| stage.ask(no));
    assert_eq!(stage.permits(), [0], "one of two places");
    stage.ask(5);
    stage.ask(6);
    assert_eq!(stage.permits(), [5]);
    stage.end(5, Accepted);
    // Three places, of which two are for others.
    assert_eq!(stage.permits(), [6]);
    stage.end(6, Accepted);
    assert_eq!(stage.permits(), [1]);
}

#[test]
fn permits_lapse_with_their_time_their_link_and_their_lease() {
    let mut stage = Stage::new(9);
    (0..9).for_each(|no| stage.ask(no));
    assert_eq!(stage.permits(), [0, 1]);
    assert_eq!(stage.breakers.poll_timeout(), Some(stage.now + LAPSE));
    stage.pass(LAPSE);
    assert_eq!(stage.permits(), [2, 3]);
    let revoked = "sw-2".parse().unwrap();
    stage.breakers.handle_revoked(stage.now, &revoked);
    assert_eq!(stage.permits(), [4]);
    stage.ask_on(LinkNo(2), 7);
    stage.breakers.handle_link_down(stage.now, LINK);
    assert_eq!(stage.permits(), [7], "what the link asked is gone with it");
    assert_eq!(stage.view().waiting, 0);
    // What a device said counts nevertheless.
    stage.end(3, Refused);
    assert_eq!((stage.view().n_refusals, stage.view().window), (1, 1));
}

#[test]
fn an_ask_is_withdrawn_and_a_device_waits_once() {
    let mut stage = Stage::new(9);
    (0..4).for_each(|no| stage.ask(no));
    stage.ask(3);
    assert_eq!((stage.permits(), stage.view().waiting), (vec![0, 1], 2));
    stage.end(2, Unused);
    assert_eq!(stage.view().waiting, 1);
    // Its login ended, and that was not told.
    stage.ask(0);
    assert_eq!(stage.permits(), [3]);
    assert_eq!((stage.view().permits, stage.view().waiting), (2, 1));
}

#[test]
fn what_is_not_of_the_inventory_is_left_out() {
    let mut stage = Stage::new(2);
    stage.ask(7);
    stage.end(7, Refused);
    assert_eq!((stage.permits(), stage.view().n_refusals), (vec![], 0));
    stage.ask(0);
    stage.ask(1);
    stage.breakers.handle_inventory(stage.now, &inventory(1));
    assert_eq!((stage.view().permits, stage.view().n_devices), (1, 1));
    stage
        .breakers
        .handle_inventory(stage.now, &Inventory::default());
    assert!(stage.breakers.views(stage.now).is_empty());
    // Links may know of an open one of that name.
    stage.said();
    stage.breakers.handle_inventory(stage.now, &inventory(1));
    assert_eq!(stage.said().told, [false]);
}
