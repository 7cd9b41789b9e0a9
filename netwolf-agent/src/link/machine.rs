//! What a link is to do next: connect, greet, beat, give up. Pure; `wires` moves the bytes.
//!
//! ```text
//!   Waiting --> Connecting --> Greeting --> Running
//!      ^ full jitter  | failed     | refused, late | silent, broken
//!      +--------------+------------+---------------+
//! ```

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use netwolf_wire::{
    Span,
    message::{Timing, Welcome},
};

use crate::random::Random;

/// Bounds of the wait before the link is tried again. The manager gives a lost link 2 s to return.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// Bound of the first wait.
const FIRST_RETRY: Duration = Duration::from_millis(300);
/// TCP connect to the manager, and its answer to the hello, each.
pub(super) const STEP_TIMEOUT: Duration = Duration::from_secs(5);
/// Heartbeats that may be under way; older ones are forgotten.
const MAX_BEATS: usize = 64;

/// A manager may ask for no heartbeats that are closer or farther apart.
const HEARTBEAT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_mins(1));
/// No other time of a link is longer.
const MAX_TIME: Duration = Duration::from_hours(24);

/// `timing` with what makes no sense brought to the next thing that does: a link must neither spin nor hang.
fn within_bounds(timing: Timing) -> Timing {
    let heartbeat = timing.heartbeat.get().clamp(HEARTBEAT.0, HEARTBEAT.1);
    let autonomy = timing.autonomy.get().clamp(heartbeat * 2, MAX_TIME);
    Timing {
        heartbeat: Span::from(heartbeat),
        silence: Span::from(timing.silence.get().clamp(heartbeat * 2, MAX_TIME)),
        autonomy: Span::from(autonomy),
        exclusive: Span::from(timing.exclusive.get().clamp(heartbeat * 2, autonomy)),
    }
}

/// How long leases run without the manager.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Autonomy {
    /// Those of most devices.
    pub(crate) ordinary: Duration,
    /// Those of which there may never be two; not longer.
    pub(crate) exclusive: Duration,
}

/// What is to be done now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Begin to connect; say how it went with `handle_connected` or `handle_lost`.
    Connect,
    /// Send a heartbeat with this number.
    Beat(u64),
    /// Close the link; why, in words. Nothing more is to be said about it.
    Close(&'static str),
}

#[derive(Debug)]
enum State {
    Waiting {
        until: Instant,
    },
    Connecting {
        deadline: Instant,
    },
    Greeting {
        heard: Instant,
        deadline: Instant,
    },
    Running {
        next_beat: Instant,
        timing: Timing,
        beats: VecDeque<(u64, Instant)>,
    },
}

/// One shard's link.
#[derive(Debug)]
pub(crate) struct Machine {
    state: State,
    failures: u32,
    /// When something was heard last, or the first hello was sent if nothing ever was; nothing before that.
    heard: Option<Instant>,
    random: Random,
    beat: u64,
}

impl Machine {
    /// A link that is to be made at once; `seed` decides the jitter.
    pub(crate) const fn new(seed: u64, now: Instant) -> Self {
        Self {
            state: State::Waiting { until: now },
            failures: 0,
            heard: None,
            random: Random::new(seed),
            beat: 0,
        }
    }

    /// What is to be done at `now`; call again until there is nothing.
    pub(crate) fn poll_action(&mut self, now: Instant) -> Option<Action> {
        match &mut self.state {
            State::Waiting { until } if now >= *until => {
                self.state = State::Connecting {
                    deadline: now + STEP_TIMEOUT,
                };
                Some(Action::Connect)
            }
            State::Connecting { deadline } if now >= *deadline => {
                self.handle_lost(now);
                Some(Action::Close("the manager could not be reached in time"))
            }
            State::Greeting { deadline, .. } if now >= *deadline => {
                self.handle_lost(now);
                Some(Action::Close("the manager did not answer the hello"))
            }
            State::Running { timing, .. }
                if self
                    .heard
                    .is_some_and(|heard| now >= heard + timing.silence.get()) =>
            {
                self.handle_lost(now);
                Some(Action::Close("the manager is silent"))
            }
            State::Running {
                next_beat,
                timing,
                beats,
                ..
            } if now >= *next_beat => {
                // A beat that is late moves those after it: two at once tell no more than one.
                *next_beat = now + timing.heartbeat.get();
                self.beat += 1;
                if beats.len() == MAX_BEATS {
                    beats.pop_front();
                }
                beats.push_back((self.beat, now));
                Some(Action::Beat(self.beat))
            }
            _ => None,
        }
    }

    /// When [`Self::poll_action`] is due.
    pub(crate) fn poll_timeout(&self) -> Instant {
        match &self.state {
            State::Waiting { until } => *until,
            State::Connecting { deadline } | State::Greeting { deadline, .. } => *deadline,
            State::Running {
                next_beat, timing, ..
            } => self.heard.map_or(*next_beat, |heard| {
                (heard + timing.silence.get()).min(*next_beat)
            }),
        }
    }

    /// TCP stands and the hello was sent.
    pub(crate) fn handle_connected(&mut self, now: Instant) {
        self.state = State::Greeting {
            heard: *self.heard.get_or_insert(now),
            deadline: now + STEP_TIMEOUT,
        };
    }

    /// For how long nothing was heard, as the hello says it.
    pub(crate) fn silent(&self, now: Instant) -> Duration {
        self.heard
            .map_or(Duration::ZERO, |heard| now.saturating_duration_since(heard))
    }

    /// The manager took the shard in. The protocol version is the caller's to check.
    pub(crate) fn handle_welcome(&mut self, welcome: &Welcome, now: Instant) {
        self.failures = 0;
        self.heard = Some(now);
        self.beat = 0;
        self.state = State::Running {
            next_beat: now,
            timing: within_bounds(welcome.timing),
            beats: VecDeque::new(),
        };
    }

    /// The manager did not take the shard in, but may later.
    pub(crate) fn handle_refused(&mut self, now: Instant) {
        // Asking more often would not change its mind.
        self.failures = u32::MAX;
        self.state = State::Waiting {
            until: now + RETRY.1,
        };
    }

    /// Something came.
    pub(crate) const fn handle_frame(&mut self, now: Instant) {
        self.heard = Some(now);
    }

    /// The answer to heartbeat `beat` came: when that one was sent, unless it is too old to be known.
    pub(crate) fn handle_renew(&mut self, beat: u64) -> Option<Instant> {
        let State::Running { beats, .. } = &mut self.state else {
            return None;
        };
        while let Some((number, sent)) = beats.pop_front() {
            if number == beat {
                return Some(sent);
            }
        }
        None
    }

    /// The link broke, or could not be made.
    pub(crate) fn handle_lost(&mut self, now: Instant) {
        let (least, most) = RETRY;
        let bound = FIRST_RETRY
            .saturating_mul(1 << self.failures.min(8))
            .min(most);
        self.failures = self.failures.saturating_add(1);
        self.state = State::Waiting {
            until: now + self.random.between(least, bound),
        };
    }

    /// Whether samples may be sent.
    pub(crate) const fn is_running(&self) -> bool {
        matches!(self.state, State::Running { .. })
    }

    /// What the hello that waits for its answer said was heard last: leases run from there.
    pub(crate) const fn greeting_since(&self) -> Option<Instant> {
        match &self.state {
            State::Greeting { heard, .. } => Some(*heard),
            _ => None,
        }
    }

    /// How long leases run without the manager, once it said so.
    pub(crate) const fn autonomy(&self) -> Option<Autonomy> {
        match &self.state {
            State::Running { timing, .. } => Some(Autonomy {
                ordinary: timing.autonomy.get(),
                exclusive: timing.exclusive.get(),
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use netwolf_wire::version;

    use super::*;

    fn welcome() -> Welcome {
        Welcome {
            protocol: version::CURRENT,
            software: "test".into(),
            timing: Timing {
                heartbeat: Span::from_secs(1),
                silence: Span::from_secs(3),
                autonomy: Span::from_secs(60),
                exclusive: Span::from_secs(4),
            },
        }
    }

    fn running(now: Instant) -> Machine {
        let mut machine = Machine::new(1, now);
        assert_eq!(machine.poll_action(now), Some(Action::Connect));
        machine.handle_connected(now);
        assert_eq!(machine.greeting_since(), Some(now));
        machine.handle_welcome(&welcome(), now);
        machine
    }

    #[test]
    fn beats_follow_each_other_and_renewals_name_when_they_were_sent() {
        let start = Instant::now();
        let mut machine = running(start);
        assert_eq!(machine.poll_action(start), Some(Action::Beat(1)));
        assert_eq!(machine.poll_action(start), None);
        let next = machine.poll_timeout();
        assert_eq!(next, start + Duration::from_secs(1));
        assert_eq!(machine.poll_action(next), Some(Action::Beat(2)));
        assert_eq!(machine.handle_renew(2), Some(next));
        assert_eq!(
            machine.handle_renew(1),
            None,
            "an answer that was overtaken tells nothing new"
        );
    }

    #[test]
    fn times_that_make_no_sense_are_brought_within_bounds() {
        let now = Instant::now();
        let greet = |span: Span| {
            let mut machine = running(now);
            let mut welcome = welcome();
            welcome.timing = Timing {
                heartbeat: span,
                silence: span,
                autonomy: span,
                exclusive: span,
            };
            machine.handle_welcome(&welcome, now);
            assert_eq!(machine.poll_action(now), Some(Action::Beat(1)));
            assert_eq!(machine.poll_action(now), None, "it does not spin");
            (machine.poll_timeout() - now, machine.autonomy())
        };
        let (beat, autonomy) = greet(Span::from_millis(0));
        let both = |time| {
            Some(Autonomy {
                ordinary: time,
                exclusive: time,
            })
        };
        assert_eq!((beat, autonomy), (HEARTBEAT.0, both(HEARTBEAT.0 * 2)));
        let (beat, autonomy) = greet(Span::from(Duration::MAX));
        assert_eq!((beat, autonomy), (HEARTBEAT.1, both(MAX_TIME)));
    }

    #[test]
    fn a_silent_manager_is_left() {
        let start = Instant::now();
        let mut machine = running(start);
        let mut now = start;
        machine.handle_frame(start + Duration::from_secs(1));
        let closed = loop {
            now = now.max(machine.poll_timeout());
            match machine.poll_action(now) {
                Some(Action::Close(_)) => break now,
                Some(Action::Beat(_)) | None => {}
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(closed, start + Duration::from_secs(4));
        assert!(!machine.is_running());
    }

    #[test]
    fn retries_are_spread_and_bounded() {
        let now = Instant::now();
        let mut longest = Duration::ZERO;
        for seed in 0..200 {
            let mut machine = Machine::new(seed, now);
            for _ in 0..20 {
                machine.poll_action(now);
                machine.handle_lost(now);
                let wait = machine.poll_timeout() - now;
                assert!(wait >= RETRY.0 && wait <= RETRY.1, "{wait:?}");
                longest = longest.max(wait);
                machine = Machine {
                    state: State::Waiting { until: now },
                    ..machine
                };
            }
        }
        assert!(longest > RETRY.1.mul_f64(0.9));
    }

    #[test]
    fn silence_is_counted_from_what_was_heard_last() {
        let start = Instant::now();
        let mut machine = Machine::new(1, start);
        let mut now = start;
        let say_hello = |machine: &mut Machine, now: &mut Instant| {
            machine.handle_lost(*now);
            *now = machine.poll_timeout();
            assert_eq!(machine.poll_action(*now), Some(Action::Connect));
            let silent = machine.silent(*now);
            machine.handle_connected(*now);
            silent
        };
        assert_eq!(say_hello(&mut machine, &mut now), Duration::ZERO);
        let first = now;
        for _ in 0..3 {
            assert_eq!(say_hello(&mut machine, &mut now), now - first);
        }
        let heard = now;
        machine.handle_frame(heard);
        assert_eq!(machine.greeting_since(), Some(first));
        machine.handle_welcome(&welcome(), heard);
        assert_eq!(say_hello(&mut machine, &mut now), now - heard);
    }

    #[test]
    fn every_step_has_a_deadline() {
        let now = Instant::now();
        let mut machine = Machine::new(1, now);
        machine.poll_action(now);
        assert!(matches!(
            machine.poll_action(machine.poll_timeout()),
            Some(Action::Close(_))
        ));
        let now = machine.poll_timeout();
        assert_eq!(machine.poll_action(now), Some(Action::Connect));
        machine.handle_connected(now);
        assert!(matches!(
            machine.poll_action(machine.poll_timeout()),
            Some(Action::Close(_))
        ));
    }
}
