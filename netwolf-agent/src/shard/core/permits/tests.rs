use netwolf_wire::login::LoginOutcome::{Accepted, Refused, Unclear, Unused};
use proptest::prelude::*;

use super::*;

fn device(n: u64) -> DeviceName {
    DeviceName::new(&format!("r{n}")).unwrap()
}

fn ask_of(n: u64) -> LoginAsk {
    LoginAsk {
        device: device(n),
        epoch: Epoch(1),
        credential: "lab".into(),
    }
}

fn open() -> Failure {
    Failure {
        reason: Reason::CredentialHeld,
        message: "two devices refused it".into(),
        hint: None,
    }
}

/// Tasks and devices have the same number, which also is the way back.
struct Bench {
    permits: Permits<u64>,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let mut bench = Self {
            permits: Permits::default(),
            now: Instant::now(),
        };
        bench.permits.handle_link_up(bench.now);
        bench
    }

    fn ask(&mut self, n: u64) -> Option<Answered<u64>> {
        self.ask_as(n, false, false)
    }

    fn ask_as(&mut self, n: u64, offered: bool, probe: bool) -> Option<Answered<u64>> {
        let offered = Arc::new(AtomicBool::new(offered));
        self.permits.ask(TaskId(n), ask_of(n), n, offered, probe)
    }

    fn sent(&mut self) -> Vec<LoginAsk> {
        self.permits
            .poll_asks()
            .map_or(Vec::new(), |asks| asks.asks)
    }

    fn ended(&mut self) -> Vec<(DeviceName, LoginOutcome)> {
        let ended = self.permits.poll_ended().into_iter();
        ended
            .flat_map(|ended| ended.logins)
            .map(|login| (login.device, login.outcome))
            .collect()
    }

    fn permit(&mut self, n: u64) -> Vec<Answered<u64>> {
        let message = PermitsMessage {
            permits: vec![ask_of(n)],
        };
        self.permits
            .handle_permits(&message, |name| (*name == device(n)).then_some(TaskId(n)))
    }

    fn breaker(&mut self, failure: Option<Failure>) -> Vec<Answered<u64>> {
        let breaker = Breaker {
            credential: "lab".into(),
            open: failure,
        };
        self.permits.handle_breakers(Breakers {
            breakers: vec![breaker],
        })
    }

    fn end(&mut self, n: u64, outcome: LoginOutcome) {
        self.permits.end(TaskId(n), "lab", outcome);
    }

    /// A login from its ask to its end.
    fn log_in(&mut self, n: u64, outcome: LoginOutcome) {
        self.ask(n);
        self.sent();
        self.permit(n);
        self.end(n, outcome);
        self.ended();
    }
}

#[test]
fn an_ask_goes_to_the_manager_and_its_end_follows() {
    let mut bench = Bench::new();
    assert_eq!(bench.ask(1), None);
    assert_eq!(bench.sent(), [ask_of(1)]);
    assert_eq!(bench.sent(), []);
    assert_eq!(bench.permit(1), [(1, Verdict::Granted)]);
    assert_eq!(bench.permit(1), [], "once");
    bench.end(1, Accepted);
    bench.end(1, Accepted);
    assert_eq!(bench.ended(), [(device(1), Accepted)]);
}

#[test]
fn a_permit_under_another_lease_is_left_out() {
    let mut bench = Bench::new();
    bench.ask(1);
    bench.sent();
    let permit = LoginAsk {
        epoch: Epoch(2),
        ..ask_of(1)
    };
    let message = PermitsMessage {
        permits: vec![permit],
    };
    let answered = bench.permits.handle_permits(&message, |_| Some(TaskId(1)));
    assert_eq!(answered, []);
}

#[test]
fn a_new_lease_asks_anew() {
    let mut bench = Bench::new();
    for n in [1, 2] {
        bench.ask(n);
        bench.sent();
    }
    bench.permit(2);
    bench.ask(3);
    for n in [1, 2, 3] {
        bench.permits.handle_new_epoch(TaskId(n), Epoch(2));
    }
    assert_eq!(bench.ended(), [(device(1), Unused)], "not what is in use");
    let renewed = |n| LoginAsk {
        epoch: Epoch(2),
        ..ask_of(n)
    };
    let mut sent = bench.sent();
    sent.sort_by_key(|ask| ask.device.clone());
    assert_eq!(sent, [renewed(1), renewed(3)]);
    bench.end(2, Accepted);
    assert_eq!(bench.ended(), [(device(2), Accepted)]);
}

#[test]
fn what_the_manager_never_heard_of_is_not_ended() {
    let mut bench = Bench::new();
    bench.ask(1);
    bench.end(1, Unused);
    bench.ask(2);
    bench.permits.handle_task_ended(TaskId(2));
    assert_eq!((bench.sent(), bench.ended()), (vec![], vec![]));
}

#[test]
fn a_task_that_ends_without_a_word_has_its_permit_ended() {
    let mut bench = Bench::new();
    for (n, offered, granted) in [(1, false, false), (2, false, true), (3, true, true)] {
        bench.ask_as(n, offered, false);
        bench.sent();
        if granted {
            bench.permit(n);
        }
        bench.permits.handle_task_ended(TaskId(n));
        bench.permits.handle_task_ended(TaskId(n));
    }
    assert_eq!(
        bench.ended(),
        [
            (device(1), Unused),
            (device(2), Unused),
            (device(3), Unclear)
        ]
    );
}

#[test]
fn a_breaker_turns_away_all_but_the_probe() {
    let mut bench = Bench::new();
    bench.ask(1);
    bench.sent();
    bench.ask(2);
    assert_eq!(
        {
            let mut turned_away = bench.breaker(Some(open()));
            turned_away.sort_by_key(|(n, _)| *n);
            turned_away
        },
        [(1, Verdict::Held(open())), (2, Verdict::Held(open()))]
    );
    assert_eq!(
        bench.ended(),
        [(device(1), Unused)],
        "the manager heard of one"
    );
    assert_eq!(bench.ask(3), Some((3, Verdict::Held(open()))));
    assert_eq!(bench.ask_as(4, false, true), None);
    assert_eq!(bench.sent(), [ask_of(4)]);
    assert_eq!(bench.breaker(Some(open())), [], "the probe waits on");
    assert_eq!(bench.permit(4), [(4, Verdict::Granted)]);
    assert_eq!(bench.breaker(None), []);
    assert_eq!(bench.permits.held("lab"), None);
}

#[test]
fn a_breaker_that_a_new_link_does_not_name_is_closed() {
    for list_comes in [true, false] {
        let mut bench = Bench::new();
        bench.breaker(Some(open()));
        bench.permits.handle_link_down();
        bench.permits.handle_link_up(bench.now);
        assert_eq!(
            bench.permits.held("lab"),
            Some(open()),
            "until the list is there"
        );
        if list_comes {
            bench.permits.handle_breakers(Breakers {
                breakers: Vec::new(),
            });
        } else {
            let at = bench.permits.poll_timeout().unwrap();
            assert!(bench.permits.handle_timeout(at));
        }
        assert_eq!(bench.permits.held("lab"), None);
        assert_eq!(bench.permits.poll_timeout(), None);
    }
}

#[test]
fn without_a_link_only_a_credential_that_was_seen_to_be_good_is_tried() {
    let mut bench = Bench::new();
    bench.permits.handle_link_down();
    assert!(matches!(bench.ask(1), Some((1, Verdict::Held(_)))));

    bench.permits.handle_link_up(bench.now);
    bench.log_in(1, Accepted);
    bench.permits.handle_link_down();
    assert_eq!(bench.ask(1), Some((1, Verdict::Granted)));
    assert_eq!(bench.ask(2), Some((2, Verdict::Granted)));
    bench.end(1, Accepted);
    bench.end(2, Refused);
    assert!(matches!(bench.ask(3), Some((3, Verdict::Held(_)))));
    // Of what the manager did not permit it hears the refusal.
    bench.permits.handle_link_up(bench.now);
    assert_eq!(bench.ended(), [(device(2), Refused)]);
}

#[test]
fn who_waits_when_the_link_is_lost_goes_on_by_our_own_lights() {
    let mut bench = Bench::new();
    for n in [1, 2] {
        bench.ask(n);
    }
    bench.sent();
    bench.permit(2);
    bench.ask(3);
    let mut answered = bench.permits.handle_link_down();
    answered.sort_by_key(|(n, _)| *n);
    assert!(
        matches!(
            answered.as_slice(),
            [(1, Verdict::Held(_)), (3, Verdict::Held(_))]
        ),
        "{answered:?}"
    );
    // A permit that was used when the link was lost has lapsed.
    bench.end(2, Accepted);
    bench.permits.handle_link_up(bench.now);
    assert_eq!(bench.ended(), []);

    bench.ask(1);
    assert_eq!(bench.permits.handle_link_down(), [(1, Verdict::Granted)]);
}

#[derive(Clone, Debug)]
enum Step {
    Ask(u64, bool),
    Send,
    Permit(u64),
    End(u64, LoginOutcome),
    TaskEnds(u64),
    Breaker(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let n = 0..4_u64;
    prop_oneof![
        (n.clone(), any::<bool>()).prop_map(|(n, probe)| Step::Ask(n, probe)),
        Just(Step::Send),
        n.clone().prop_map(Step::Permit),
        (
            n.clone(),
            prop_oneof![Just(Accepted), Just(Refused), Just(Unclear), Just(Unused)]
        )
            .prop_map(|(n, outcome)| Step::End(n, outcome)),
        n.prop_map(Step::TaskEnds),
        any::<bool>().prop_map(Step::Breaker),
    ]
}

proptest! {
    /// On a link that holds, whatever happens in whatever order.
    #[test]
    fn every_ask_that_was_sent_is_ended_exactly_once(steps in proptest::collection::vec(step(), 1..80)) {
        let mut bench = Bench::new();
        let (mut sent, mut ended) = (HashMap::<DeviceName, i32>::new(), HashMap::new());
        for step in steps {
            match step {
                Step::Ask(n, probe) => { bench.ask_as(n, false, probe); }
                Step::Send => {}
                Step::Permit(n) => { bench.permit(n); }
                Step::End(n, outcome) => bench.end(n, outcome),
                Step::TaskEnds(n) => bench.permits.handle_task_ended(TaskId(n)),
                Step::Breaker(is_open) => { bench.breaker(is_open.then(open)); }
            }
            for (name, _) in bench.ended() {
                *ended.entry(name).or_insert(0) += 1;
            }
            for ask in bench.sent() {
                *sent.entry(ask.device.clone()).or_insert(0) += 1;
                let waiting = sent[&ask.device] - ended.get(&ask.device).copied().unwrap_or(0);
                prop_assert_eq!(waiting, 1, "an ask goes before the one before it was ended");
            }
        }
        for n in 0..4 {
            bench.permits.handle_task_ended(TaskId(n));
        }
        for (name, _) in bench.ended() {
            *ended.entry(name).or_insert(0) += 1;
        }
        prop_assert_eq!(sent, ended);
        prop_assert!(bench.permits.asks.is_empty());
    }
}
