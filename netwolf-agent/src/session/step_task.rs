//! A step on its way from the shard to a device's task, and the latch between the two.
//!
//! ```text
//!   Waiting --task: start--> Started --shard: stop--> Cancelled, Fenced
//!      | shard: withdraw
//!   Withdrawn
//! ```
//!
//! The shard must know whether anything was typed when a step is cancelled or its link is lost, and the task must know
//! whether it may still type. Both turn one latch, so that exactly one of them is first.
//!
//! Invariant: what was withdrawn has typed nothing and never will.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};

use netwolf_wire::{
    status::{Failure, Reason},
    step::{StepCommand, StepOrder},
};
use regex::{Regex, RegexBuilder};

use crate::{
    dialogue::Answer,
    plan::{MAX_TIMEOUT, MIN_TIMEOUT},
};

/// A compiled expectation may take so much memory.
const REGEX_LIMIT: usize = 10 << 20;

const WAITING: u8 = 0;
const WITHDRAWN: u8 = 1;
const STARTED: u8 = 2;
const CANCELLED: u8 = 3;
const FENCED: u8 = 4;

/// Why a step that has started is to type nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Somebody wants it no more: the command that runs is finished, with its answers, and the mode is left.
    Cancelled,
    /// The link or the lease is lost: not one more key.
    Fenced,
}

/// A step that a device's task was given.
#[derive(Debug)]
pub(crate) struct StepTask {
    pub(crate) order: StepOrder,
    pub(crate) commands: Vec<CheckedCommand>,
    pub(crate) verify: Option<CheckedCommand>,
    /// What has not started by then never will; what has is ended.
    pub(crate) deadline: Instant,
    /// No two sessions of the device may stand at a time.
    pub(crate) exclusive: bool,
    latch: AtomicU8,
}

/// A command of a step, ready to be typed.
#[derive(Debug)]
pub(crate) struct CheckedCommand {
    pub(crate) text: String,
    pub(crate) timeout: Duration,
    expect: Vec<Regex>,
    reject: Vec<Regex>,
    pub(crate) answers: Arc<[Answer]>,
}

impl StepTask {
    /// Makes `order` ready, for a device on which `newline` ends a typed line.
    ///
    /// # Errors
    /// When an expression cannot be used.
    pub(crate) fn new(
        order: StepOrder,
        newline: &str,
        deadline: Instant,
        exclusive: bool,
    ) -> Result<Self, Failure> {
        let check = |command: &StepCommand| CheckedCommand::new(command, newline);
        Ok(Self {
            commands: order.commands.iter().map(check).collect::<Result<_, _>>()?,
            verify: order.verify.as_ref().map(check).transpose()?,
            order,
            deadline,
            exclusive,
            latch: AtomicU8::new(WAITING),
        })
    }

    fn turn(&self, from: u8, to: u8) -> bool {
        self.latch
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// The task is about to type the first key; false when it may not.
    pub(crate) fn start(&self) -> bool {
        self.turn(WAITING, STARTED)
    }

    /// The step is not to be carried out; true when nothing of it was typed and nothing ever will be.
    pub(crate) fn withdraw(&self) -> bool {
        self.turn(WAITING, WITHDRAWN) || self.is_withdrawn()
    }

    /// As [`Self::withdraw`], true only for who does it first: that one tells the end.
    pub(crate) fn withdraw_once(&self) -> bool {
        self.turn(WAITING, WITHDRAWN)
    }

    /// Whether it is neither begun nor withdrawn.
    pub(crate) fn waits(&self) -> bool {
        self.latch.load(Ordering::Acquire) == WAITING
    }

    /// Whether it is not to be carried out.
    pub(crate) fn is_withdrawn(&self) -> bool {
        self.latch.load(Ordering::Acquire) == WITHDRAWN
    }

    /// Whether something of it was typed, or is about to be.
    pub(crate) fn has_started(&self) -> bool {
        self.latch.load(Ordering::Acquire) >= STARTED
    }

    /// The step, which has started, is to type nothing more. What is fenced stays so. Tells whether that is new.
    pub(crate) fn stop(&self, stop: Stop) -> bool {
        match stop {
            Stop::Cancelled => self.turn(STARTED, CANCELLED),
            Stop::Fenced => self.turn(STARTED, FENCED) || self.turn(CANCELLED, FENCED),
        }
    }

    /// Why nothing more is to be typed, if so.
    pub(crate) fn stopped(&self) -> Option<Stop> {
        match self.latch.load(Ordering::Acquire) {
            CANCELLED => Some(Stop::Cancelled),
            FENCED => Some(Stop::Fenced),
            _ => None,
        }
    }
}

impl CheckedCommand {
    fn new(command: &StepCommand, newline: &str) -> Result<Self, Failure> {
        let unusable = |pattern: &str, error: &regex::Error| Failure {
            reason: Reason::NotAllowed,
            message: format!(
                "{pattern:?} of \"{}\" is not a regular expression that can be used: {error}",
                command.text
            ),
            hint: None,
        };
        let compile = |pattern: &String| {
            RegexBuilder::new(pattern)
                .size_limit(REGEX_LIMIT)
                .build()
                .map_err(|error| unusable(pattern, &error))
        };
        let answers = command.answers.iter().map(|answer| {
            let end = if answer.bare { "" } else { newline };
            Answer::new(&answer.ask, format!("{}{end}", answer.answer))
                .map_err(|error| unusable(&answer.ask, &error))
        });
        Ok(Self {
            text: command.text.clone(),
            timeout: command.timeout.get().clamp(MIN_TIMEOUT, MAX_TIMEOUT),
            expect: command
                .expect
                .iter()
                .map(compile)
                .collect::<Result<_, _>>()?,
            reject: command
                .reject
                .iter()
                .map(compile)
                .collect::<Result<_, _>>()?,
            answers: answers.collect::<Result<_, _>>()?,
        })
    }

    /// Why `output` is not what was expected, if it is not.
    pub(crate) fn disappointment(&self, output: &str) -> Option<Failure> {
        let text = &self.text;
        let missing = self.expect.iter().find(|expect| !expect.is_match(output));
        let message = if let Some(missing) = missing {
            format!(
                "the output of \"{text}\" has nothing that fits {:?}",
                missing.as_str()
            )
        } else {
            let rejected = self.reject.iter().find(|reject| reject.is_match(output))?;
            format!("the output of \"{text}\" fits {:?}", rejected.as_str())
        };
        Some(Failure {
            reason: Reason::UnexpectedOutput,
            message,
            hint: Some("the step's transcript has the output".into()),
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use netwolf_wire::{
        DeviceName, Epoch,
        step::{Attempt, RunId, StepAnswer},
    };

    use super::*;

    pub(crate) fn command(text: &str) -> StepCommand {
        StepCommand {
            text: text.into(),
            timeout: Duration::from_secs(5).into(),
            expect: Vec::new(),
            reject: Vec::new(),
            answers: Vec::new(),
        }
    }

    pub(crate) fn order(step: u32, device: &str, epoch: u64, commands: &[&str]) -> StepOrder {
        StepOrder {
            id: Attempt {
                run: RunId(1),
                step,
                attempt: 1,
            },
            device: DeviceName::new(device).unwrap(),
            epoch: Epoch(epoch),
            mode: None,
            commands: commands.iter().map(|text| command(text)).collect(),
            verify: None,
            changes: false,
            login: None,
            deadline: Duration::from_mins(1).into(),
        }
    }

    fn task() -> StepTask {
        StepTask::new(order(0, "r1", 1, &["show"]), "\n", Instant::now(), false).unwrap()
    }

    #[test]
    fn what_was_withdrawn_never_starts_and_what_has_started_is_not_withdrawn() {
        let withdrawn = task();
        assert!(withdrawn.withdraw() && !withdrawn.start() && withdrawn.withdraw());
        assert!(!withdrawn.has_started() && !withdrawn.stop(Stop::Fenced));
        let started = task();
        assert!(started.start() && !started.start() && !started.withdraw());
        assert_eq!(started.stopped(), None);
        assert!(started.stop(Stop::Cancelled));
        assert!(started.stop(Stop::Fenced) && !started.stop(Stop::Fenced));
        assert!(!started.stop(Stop::Cancelled));
        assert_eq!(started.stopped(), Some(Stop::Fenced));
        assert!(started.has_started());
    }

    #[test]
    fn expectations_and_answers_are_compiled() {
        let mut order = order(0, "r1", 1, &["reload"]);
        order.commands[0].expect = vec!["(?m)^ok$".into()];
        order.commands[0].reject = vec!["% Invalid".into()];
        order.commands[0].answers = [(true, "y"), (false, "")]
            .map(|(bare, answer)| StepAnswer {
                ask: "confirm".into(),
                answer: answer.into(),
                bare,
            })
            .into();
        let task = StepTask::new(order.clone(), "\r", Instant::now(), false).unwrap();
        let command = &task.commands[0];
        assert_eq!(command.disappointment("a\nok\n"), None);
        let missing = command.disappointment("okay").unwrap();
        assert_eq!(missing.reason, Reason::UnexpectedOutput);
        assert!(missing.message.contains("nothing that fits"), "{missing:?}");
        let rejected = command.disappointment("ok\n% Invalid").unwrap();
        assert!(
            rejected.message.contains("fits \"% Invalid\""),
            "{rejected:?}"
        );
        assert_eq!(command.answers.len(), 2);
        order.commands[0].expect = vec!["(".into()];
        let refused = StepTask::new(order, "\n", Instant::now(), false).unwrap_err();
        assert_eq!(refused.reason, Reason::NotAllowed);
    }
}
