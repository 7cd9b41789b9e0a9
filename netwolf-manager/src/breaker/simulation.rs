//! A fleet, three agents and the breakers under virtual time: whatever the order in which messages come, an
//! account is not locked, and who can log in does.
//!
//! The agents are as simple as they may be: they connect at most so often a second, ask, wait a while for their
//! permit, log in, tell the end, and come again after a backoff with jitter.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap},
};

use netwolf_wire::login::LoginOutcome;
use proptest::prelude::*;

use super::*;
use crate::testing;

const AGENTS: usize = 3;

/// From one connection of an agent to the next.
const PACE: Duration = Duration::from_millis(20);

/// An agent waits so long for a permit.
const PERMIT_DEADLINE: Duration = Duration::from_secs(5);

/// An agent waits so long for what a device says to a login.
const HANG: Duration = Duration::from_secs(10);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Numbers that look random, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % n
    }

    fn between(&mut self, low: u64, high: u64) -> Duration {
        ms(low + self.below(high - low + 1))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Until its timer.
    Backoff,
    /// Connected; its ask is under way or waits.
    Asking,
    /// It has a permit.
    LoggingIn,
    Up,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// A device's backoff is over, of its nth life.
    Due(usize, u64),
    /// Its TCP connection and key exchange are done.
    Connected(usize, u64),
    AskArrives(usize, u64),
    PermitArrives(usize),
    /// It has waited long enough for its permit.
    NoPermit(usize, u64),
    LoginEnds(usize, u64),
    EndArrives(usize, Outcome),
    ProbeArrives(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Accepted,
    Refused,
    Unclear,
    Unused,
}

struct Device {
    name: DeviceName,
    phase: Phase,
    life: u64,
    failures: u32,
    knows_password: bool,
    /// It says nothing to what it is offered.
    hangs: bool,
    /// Its ask has come to the manager and was neither granted nor withdrawn.
    is_asking: bool,
    refused_at: Vec<Instant>,
    up_at: Option<Instant>,
    granted_at: Vec<Instant>,
}

struct Fleet {
    start: Instant,
    now: Instant,
    dice: Dice,
    breakers: Breakers,
    devices: Vec<Device>,
    index: BTreeMap<DeviceName, usize>,
    /// When each agent may connect again.
    free_at: [Instant; AGENTS],
    is_open: bool,
    events: BinaryHeap<Reverse<(Instant, u64, Event)>>,
    counted: u64,
    /// Of a hundred logins, so many break without an answer.
    n_unclear: u64,
    opened: usize,
}

fn login(device: &Device) -> LoginAsk {
    LoginAsk {
        device: device.name.clone(),
        epoch: Epoch(1),
        credential: "monitoring".into(),
    }
}

impl Fleet {
    fn new(n: usize, seed: u64, knows_password: impl Fn(&mut Dice) -> bool) -> Self {
        let now = Instant::now();
        let mut dice = Dice(seed);
        let names: Vec<_> = (0..n).map(|no| format!("sw-{no:04}")).collect();
        let inventory = testing::inventory(names.iter().map(|name| (name.as_str(), 22)));
        let devices: Vec<_> = names
            .iter()
            .map(|name| Device {
                name: name.parse().unwrap(),
                phase: Phase::Backoff,
                life: 0,
                failures: 0,
                knows_password: knows_password(&mut dice),
                hangs: false,
                is_asking: false,
                refused_at: Vec::new(),
                up_at: None,
                granted_at: Vec::new(),
            })
            .collect();
        let index = (0..n).map(|at| (devices[at].name.clone(), at)).collect();
        let mut this = Self {
            start: now,
            now,
            dice,
            breakers: Breakers::new(now, &inventory),
            devices,
            index,
            free_at: [now; AGENTS],
            is_open: false,
            events: BinaryHeap::new(),
            counted: 0,
            n_unclear: 0,
            opened: 0,
        };
        for at in 0..n {
            let after = this.dice.between(0, 100);
            this.at(after, Event::Due(at, 0));
        }
        this
    }

    fn at(&mut self, after: Duration, event: Event) {
        self.counted += 1;
        self.events
            .push(Reverse((self.now + after, self.counted, event)));
    }

    fn message(&mut self) -> Duration {
        self.dice.between(1, 20)
    }

    /// Runs until `end` after the start, or until nothing can happen any more.
    fn run(&mut self, end: Duration) {
        let end = self.start + end;
        loop {
            let event = self.events.peek().map(|Reverse((at, ..))| *at);
            let timer = self.breakers.poll_timeout();
            let Some(next) = event.into_iter().chain(timer).min() else {
                break;
            };
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            while let Some(Reverse((at, _, event))) = self.events.peek().copied() {
                if at > self.now {
                    break;
                }
                self.events.pop();
                self.handle(event);
            }
            self.settle();
        }
        self.now = end;
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Due(at, life) => {
                if self.devices[at].life == life && !self.is_open {
                    self.connect(at);
                }
            }
            Event::ProbeArrives(at) => {
                if self.devices[at].phase == Phase::Backoff {
                    self.connect(at);
                }
            }
            Event::Connected(at, life) => {
                if self.devices[at].life == life {
                    let after = self.message();
                    self.at(after, Event::AskArrives(at, life));
                    self.at(PERMIT_DEADLINE, Event::NoPermit(at, life));
                }
            }
            Event::AskArrives(at, life) => {
                // Messages of a link keep their order, so the withdrawal of an older life came before.
                if self.devices[at].life == life && self.devices[at].phase == Phase::Asking {
                    self.devices[at].is_asking = true;
                    let ask = login(&self.devices[at]);
                    self.breakers.handle_ask(self.now, link(at), ask);
                }
            }
            Event::PermitArrives(at) => {
                if self.devices[at].phase == Phase::Asking {
                    self.devices[at].phase = Phase::LoggingIn;
                    let (mut after, life) = (self.dice.between(50, 400), self.devices[at].life);
                    if self.devices[at].hangs {
                        after = HANG;
                    }
                    self.at(after, Event::LoginEnds(at, life));
                } else {
                    let after = self.message();
                    self.at(after, Event::EndArrives(at, Outcome::Unused));
                }
            }
            Event::NoPermit(at, life) => {
                if self.devices[at].life == life && self.devices[at].phase == Phase::Asking {
                    self.end(at, Outcome::Unused);
                }
            }
            Event::LoginEnds(at, life) => {
                if self.devices[at].life == life {
                    let is_unclear = self.dice.below(100) < self.n_unclear;
                    let outcome = if is_unclear || self.devices[at].hangs {
                        Outcome::Unclear
                    } else if self.devices[at].knows_password {
                        Outcome::Accepted
                    } else {
                        self.devices[at].refused_at.push(self.now);
                        Outcome::Refused
                    };
                    self.end(at, outcome);
                }
            }
            Event::EndArrives(at, outcome) => {
                self.devices[at].is_asking = false;
                let LoginAsk {
                    device,
                    epoch,
                    credential,
                } = login(&self.devices[at]);
                let outcome = match outcome {
                    Outcome::Accepted => LoginOutcome::Accepted,
                    Outcome::Refused => LoginOutcome::Refused,
                    Outcome::Unclear => LoginOutcome::Unclear,
                    Outcome::Unused => LoginOutcome::Unused,
                };
                let is_up = outcome == LoginOutcome::Accepted;
                self.breakers.handle_status(link(at), &device, is_up);
                let end = LoginEnd {
                    device,
                    epoch,
                    credential,
                    outcome,
                };
                self.breakers.handle_ended(self.now, link(at), &end);
            }
        }
    }

    fn connect(&mut self, at: usize) {
        let device = &mut self.devices[at];
        if device.phase != Phase::Backoff {
            return;
        }
        device.phase = Phase::Asking;
        device.life += 1;
        let life = device.life;
        let free_at = &mut self.free_at[at % AGENTS];
        *free_at = (*free_at).max(self.now) + PACE;
        let turn = *free_at - self.now;
        let handshake = self.dice.between(20, 200);
        self.at(turn + handshake, Event::Connected(at, life));
    }

    fn end(&mut self, at: usize, outcome: Outcome) {
        let after = self.message();
        self.at(after, Event::EndArrives(at, outcome));
        let device = &mut self.devices[at];
        if outcome == Outcome::Accepted {
            device.phase = Phase::Up;
            device.failures = 0;
            device.up_at = Some(self.now);
            return;
        }
        device.phase = Phase::Backoff;
        device.failures += 1;
        let (life, most) = (device.life, 1_000 << device.failures.min(7));
        let after = self.dice.between(100, most);
        self.at(after, Event::Due(at, life));
    }

    fn settle(&mut self) {
        let index = &self.index;
        let reach = |device: &DeviceName| Some((link(index[device]), Epoch(1)));
        self.breakers.handle_timeout(self.now, &reach);
        while let Some(action) = self.breakers.poll_action() {
            let after = self.message();
            match action {
                Action::Permit(_, ask) => {
                    let at = self.index[&ask.device];
                    self.devices[at].is_asking = false;
                    self.devices[at].granted_at.push(self.now);
                    self.at(after, Event::PermitArrives(at));
                }
                Action::Probe(_, probe) => {
                    let at = self.index[&probe.device];
                    self.at(after, Event::ProbeArrives(at));
                }
                Action::Tell(breaker) => self.tell(&breaker),
            }
        }
    }

    /// What every agent is told: nobody connects while it is open, and all come back when it closes.
    fn tell(&mut self, breaker: &Breaker) {
        let was_open = std::mem::replace(&mut self.is_open, breaker.open.is_some());
        self.opened += usize::from(self.is_open && !was_open);
        for at in 0..self.devices.len() {
            if was_open && !self.is_open && self.devices[at].phase == Phase::Backoff {
                let (after, life) = (self.dice.between(0, 2_000), self.devices[at].life);
                self.at(after, Event::Due(at, life));
            }
        }
    }

    fn n_up(&self) -> usize {
        self.devices.iter().filter(|d| d.phase == Phase::Up).count()
    }

    /// The most refusals within any 30 minutes.
    fn most_refusals(&self) -> usize {
        let mut all: Vec<_> = self.devices.iter().flat_map(|d| &d.refused_at).collect();
        all.sort();
        let within = |from: usize| {
            all[from..]
                .iter()
                .take_while(|at| ***at < *all[from] + HOLD)
                .count()
        };
        (0..all.len()).map(within).max().unwrap_or(0)
    }

    /// Every ask that the manager has is granted, waits for a place, or is of a device that is held, with words.
    fn check_no_ask_is_lost(&self) {
        let views = self.breakers.views(self.now);
        let n_asking = self.devices.iter().filter(|d| d.is_asking).count();
        assert_eq!(views[0].waiting, n_asking);
        if views[0].state == view::BreakerState::Closed && views[0].permits < views[0].window {
            for device in self.devices.iter().filter(|d| d.is_asking) {
                let hold = self.breakers.hold_of(self.now, &device.name);
                assert!(hold.is_some(), "{} waits for nothing", device.name);
            }
        }
    }

    fn check_holds(&self) {
        for device in &self.devices {
            for pair in device.refused_at.windows(2) {
                assert!(
                    pair[1] >= pair[0] + HOLD,
                    "{} was not left alone",
                    device.name
                );
            }
        }
    }
}

fn link(at: usize) -> LinkNo {
    LinkNo((at % AGENTS) as u64)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn a_password_that_is_wrong_everywhere_is_refused_twice_in_30_minutes(seed: u64, n_unclear in 0u64..50) {
        let mut fleet = Fleet::new(1_000, seed, |_| false);
        fleet.n_unclear = n_unclear;
        fleet.run(Duration::from_mins(29));
        let refused = fleet.devices.iter().map(|d| d.refused_at.len()).sum::<usize>();
        prop_assert_eq!(refused, 2);
        fleet.check_no_ask_is_lost();
        fleet.run(Duration::from_hours(5));
        prop_assert!(fleet.most_refusals() <= 2);
        // Each half hour one device tries.
        let refused = fleet.devices.iter().map(|d| d.refused_at.len()).sum::<usize>();
        prop_assert!((9..=11).contains(&refused), "{refused}");

        // The password is put right, and an operator says so.
        fleet.n_unclear = 0;
        for device in &mut fleet.devices {
            device.knows_password = true;
        }
        fleet.breakers.handle_reload(fleet.now);
        fleet.run(Duration::from_hours(5) + Duration::from_mins(2));
        prop_assert_eq!(fleet.n_up(), 1_000);
    }

    #[test]
    fn a_good_password_lets_all_in_at_the_agents_pace(seed: u64) {
        let mut fleet = Fleet::new(1_000, seed, |_| true);
        fleet.run(Duration::from_secs(2));
        let before = fleet.n_up();
        fleet.run(Duration::from_secs(3));
        // Three agents connect 50 times a second each, and the window lets some 120 of those in.
        prop_assert!(fleet.n_up() - before >= 90, "{before}, {}", fleet.n_up());
        fleet.check_no_ask_is_lost();
        fleet.run(Duration::from_secs(13));
        prop_assert_eq!((fleet.n_up(), fleet.opened), (1_000, 0));
    }

    #[test]
    fn devices_that_hang_leave_places_to_the_others(seed: u64) {
        let mut fleet = Fleet::new(1_000, seed, |_| true);
        for device in fleet.devices.iter_mut().step_by(5) {
            device.hangs = true;
        }
        fleet.run(Duration::from_mins(3));
        // Those that were up go away at once, as after a power cut, while all that hang ask on and on.
        for at in 0..fleet.devices.len() {
            if fleet.devices[at].phase == Phase::Up {
                fleet.devices[at].phase = Phase::Backoff;
                let (after, life) = (fleet.dice.between(0, 2_000), fleet.devices[at].life);
                fleet.at(after, Event::Due(at, life));
            }
        }
        fleet.run(Duration::from_mins(4));
        prop_assert!(fleet.n_up() >= 792, "{} after a minute", fleet.n_up());
        // Who found no place in its turn comes again after its backoff, of two minutes at most.
        fleet.run(Duration::from_mins(6));
        prop_assert_eq!((fleet.n_up(), fleet.opened), (800, 0));
    }

    #[test]
    fn a_few_devices_with_passwords_of_their_own_do_not_keep_the_others_out(seed: u64) {
        let mut fleet = Fleet::new(1_000, seed, |dice| dice.below(100) >= 3);
        let n_good = fleet.devices.iter().filter(|d| d.knows_password).count();
        fleet.run(Duration::from_mins(4));
        prop_assert_eq!(fleet.n_up(), n_good, "opened {} times", fleet.opened);
        fleet.check_holds();
        // Somebody asks for a reload, for whatever reason, again and again.
        let opened = fleet.opened;
        for reload in 1..4 {
            fleet.breakers.handle_reload(fleet.now);
            fleet.run(Duration::from_mins(4) + Duration::from_mins(10 * reload));
        }
        prop_assert_eq!(fleet.opened, opened);
    }
}

proptest! {
    // Hours of virtual time and hundreds of thousands of events each.
    #![proptest_config(ProptestConfig::with_cases(2))]

    #[test]
    fn where_half_refuse_the_others_log_in_and_each_that_refuses_is_left_alone(seed: u64, n_unclear in 0u64..20) {
        let mut fleet = Fleet::new(1_000, seed, |dice| dice.below(2) == 0);
        fleet.n_unclear = n_unclear;
        let n_good = fleet.devices.iter().filter(|d| d.knows_password).count();
        let mut hours = 0;
        while fleet.n_up() < n_good {
            hours += 1;
            prop_assert!(hours <= 36, "{} of {n_good}", fleet.n_up());
            fleet.run(Duration::from_hours(hours));
            fleet.check_no_ask_is_lost();
        }
        fleet.check_holds();
        // Once those are known that refuse, they do not open the breaker for others any more.
        let opened = fleet.opened;
        fleet.run(Duration::from_hours(hours + 2));
        fleet.check_holds();
        prop_assert!(fleet.opened <= opened + 1, "{opened}, {}", fleet.opened);
    }
}
