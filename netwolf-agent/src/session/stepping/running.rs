//! The typing of a step: into its mode, its commands, out of the mode, the verify command.
//!
//! Everything is awaited with the session's orders in view, so that a step is stopped between two lines, or, when the
//! session is to close, at once.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use netwolf_wire::{
    platform::Mode,
    status::{Failure, Reason},
    step::{CommandDone, MAX_ANSWERED_TEXT, MAX_OUTPUT, ModeLine, StepEnd, StepNews},
};
use tokio::time::timeout_at;

use super::{Cut, Left};
use crate::{
    dialogue::{Answer, Output},
    plan::ForSteps,
    redact::redact,
    session::{
        Session,
        live::{Live, Outcome},
        showing::{cut, printable},
        step_task::{CheckedCommand, StepTask, Stop},
    },
};

/// A command that enters a mode has so long.
const ENTER_BOUND: Duration = Duration::from_secs(30);
/// All commands that leave a mode have so long together; a device that is slower gets a new session.
const LEAVE_BOUND: Duration = Duration::from_secs(5);

/// What a command brought, as it may be shown.
#[derive(Default)]
struct Shown {
    text: String,
    /// The device said more.
    truncated: bool,
}

/// A step under way on a session.
pub(super) struct Running<'a> {
    pub(super) session: &'a mut Session,
    pub(super) live: &'a mut Live,
    pub(super) step: &'a Arc<StepTask>,
    pub(super) for_steps: &'a ForSteps,
    /// Bytes of output that may still be kept.
    pub(super) room: usize,
    /// Commands that were carried out.
    pub(super) n_done: usize,
    pub(super) left: Left,
}

impl Running<'_> {
    /// From the first key to the last, unless the session ends before.
    pub(super) async fn run(&mut self) -> StepEnd {
        let mode = self.step.order.mode.clone();
        let mut end = match &mode {
            Some(mode) => self.run_in(mode).await,
            None => self.commands().await,
        };
        if let Some(verify) = &self.step.verify
            && end == StepEnd::Succeeded
        {
            end = self.verify(verify).await;
        }
        end
    }

    /// Runs the commands in `mode`, and leaves it whatever has come of them.
    async fn run_in(&mut self, mode: &str) -> StepEnd {
        let allowed = self.for_steps.judge.mode(mode);
        let Some(Mode { enter, leave, .. }) = allowed.cloned() else {
            return StepEnd::Failed(mode_failed(mode, "the platform has no such mode"));
        };
        let mut end = StepEnd::Succeeded;
        for (place, command) in (0..).zip(&enter) {
            end = match self.enter(mode, place, command).await {
                Ok(()) => continue,
                Err(end) => end,
            };
            break;
        }
        if end == StepEnd::Succeeded {
            let prompt = self.live.prompt();
            let modes = self.for_steps.modes.as_ref();
            if modes.is_ok_and(|modes| modes.is_in(mode, &prompt)) {
                end = self.commands().await;
            } else {
                let what = format!("the prompt is \"{prompt}\", which is not of that mode");
                end = StepEnd::Failed(mode_failed(mode, &what));
            }
        }
        if matches!(self.left, Left::Good) {
            // Counted behind all that would have entered it, so that a place says which line it is.
            let first = u32::try_from(enter.len()).unwrap_or(u32::MAX);
            self.leave(first, &leave).await;
        }
        if end == StepEnd::Succeeded && self.step.verify.is_some() {
            let unknown = match &self.left {
                Left::Good => return end,
                Left::Doubtful if self.step.stopped() == Some(Stop::Fenced) => return end,
                Left::Doubtful => {
                    mode_failed(mode, "it was not left, so nothing could be verified")
                }
                Left::Lost(failure) => failure.clone(),
                Left::Stopped => closed(),
            };
            end = StepEnd::Unknown(unknown);
        }
        end
    }

    /// Types the command at `place` of those that enter `mode`.
    async fn enter(&mut self, mode: &str, place: u32, command: &str) -> Result<(), StepEnd> {
        self.may_type(self.n_done)?;
        let deadline = self.step.deadline.min(Instant::now() + ENTER_BOUND);
        let typed = self.type_line(command, &Arc::default(), deadline).await;
        // Whether the device has taken the line is not known where its session has ended or it was late.
        let doubt = match &typed {
            Err(Cut::Lost(failure)) => Some(failure.clone()),
            Ok(Outcome::TimedOut) => Some(late_line(command)),
            Ok(Outcome::Cut(why)) => Some(cut_short(command, why)),
            Ok(_) | Err(_) => None,
        };
        let entered = match typed {
            Ok(Outcome::Output(Output { rejected: None, .. })) => Ok(()),
            Ok(Outcome::Output(Output {
                rejected: Some(line),
                ..
            })) => {
                let what = format!("the device refused \"{command}\": \"{line}\"");
                Err(StepEnd::Failed(mode_failed(mode, &what)))
            }
            Ok(Outcome::TimedOut) => {
                let what = format!("\"{command}\" was not done in time");
                Err(StepEnd::Failed(mode_failed(mode, &what)))
            }
            Ok(Outcome::Refused | Outcome::Cut(_)) => {
                let what = format!("the device did not run \"{command}\"");
                Err(StepEnd::Failed(mode_failed(mode, &what)))
            }
            // None of the commands was typed.
            Err(Cut::Lost(failure)) => {
                let what = format!("the session was lost: {}", failure.message);
                self.left = Left::Lost(failure);
                Err(StepEnd::Failed(mode_failed(mode, &what)))
            }
            Err(Cut::Stopped | Cut::Withdrawn) => {
                self.left = Left::Stopped;
                Err(StepEnd::Failed(closed()))
            }
        };
        let failure = doubt.or_else(|| entered.as_ref().err().and_then(failure_of));
        self.tell_mode_line(place, command, failure).await;
        entered
    }

    async fn tell_mode_line(&mut self, no: u32, text: &str, failure: Option<Failure>) {
        let line = ModeLine {
            no,
            text: text.to_owned(),
            failure,
        };
        let news = StepNews::Mode(line);
        self.session.tell_step(self.step, news).await;
    }

    /// Leaves a mode, in bounded time; the first of the commands is told as the mode's line `first`. Where that does not
    /// succeed the session is made anew.
    async fn leave(&mut self, first: u32, commands: &[String]) {
        let deadline = Instant::now() + LEAVE_BOUND;
        for (place, command) in (first..).zip(commands) {
            if self.step.stopped() == Some(Stop::Fenced) {
                self.left = Left::Doubtful;
                return;
            }
            let left = match self.type_line(command, &Arc::default(), deadline).await {
                // What it says is of no interest: the prompt tells.
                Ok(Outcome::Output(_)) => None,
                Ok(_) => Some((Left::Doubtful, late_line(command))),
                Err(Cut::Lost(failure)) => Some((Left::Lost(failure.clone()), failure)),
                Err(Cut::Stopped | Cut::Withdrawn) => Some((Left::Stopped, closed())),
            };
            let (left, failure) = left.unzip();
            self.tell_mode_line(place, command, failure).await;
            if let Some(left) = left {
                self.left = left;
                return;
            }
        }
    }

    async fn commands(&mut self) -> StepEnd {
        let step = self.step.clone();
        for command in &step.commands {
            if let Err(end) = self.may_type(self.n_done) {
                return end;
            }
            match self.command(command).await {
                StepEnd::Succeeded => self.n_done += 1,
                end => return end,
            }
        }
        StepEnd::Succeeded
    }

    async fn verify(&mut self, verify: &CheckedCommand) -> StepEnd {
        match self.may_type(self.n_done) {
            Ok(()) => self.command(verify).await,
            // All is done, and only what would have shown it is missing.
            Err(StepEnd::Failed(failure)) if failure.reason == Reason::Fenced => {
                StepEnd::Unknown(failure)
            }
            Err(end) => end,
        }
    }

    /// Whether the next command may be typed, of which `n_done` have been.
    fn may_type(&self, n_done: usize) -> Result<(), StepEnd> {
        let n_all = self.step.commands.len();
        let after = |what: &str| format!("{what} after {n_done} of {n_all} commands");
        let failure = |reason, message| Failure {
            reason,
            message,
            hint: None,
        };
        match self.step.stopped() {
            Some(Stop::Cancelled) => {
                let message = after("cancelled");
                return Err(StepEnd::Failed(failure(Reason::Cancelled, message)));
            }
            Some(Stop::Fenced) => {
                let message = after("the link or the lease was lost");
                return Err(StepEnd::Failed(failure(Reason::Fenced, message)));
            }
            None => {}
        }
        if Instant::now() >= self.step.deadline {
            let message = after("the step's time was over");
            return Err(StepEnd::TimedOut(failure(Reason::StepDeadline, message)));
        }
        Ok(())
    }

    /// Types a command, waits for what comes of it, and tells that.
    async fn command(&mut self, command: &CheckedCommand) -> StepEnd {
        let started = Instant::now();
        let deadline = self.step.deadline.min(started + command.timeout);
        let result = self
            .type_line(&command.text, &command.answers, deadline)
            .await;
        let took = started.elapsed();
        let asked_too_often = self.live.take_asked_too_often();
        let (shown, end) = match result {
            Ok(Outcome::Output(output)) => {
                let shown = Shown {
                    text: self.shown(&output.text),
                    truncated: output.truncated,
                };
                let rejected = output.rejected.map(|line| self.shown(&line));
                let end = judge(command, rejected.as_deref(), &shown.text);
                (Some(shown), end)
            }
            Ok(Outcome::TimedOut) => (None, StepEnd::TimedOut(self.late(command, deadline))),
            Ok(Outcome::Refused) => {
                let message = format!("the device does not run \"{}\" on a channel", command.text);
                let hint = "may the user run commands?";
                let failure = rejected(message, hint);
                (None, StepEnd::Failed(failure))
            }
            Ok(Outcome::Cut(why)) => {
                let failure = cut_short(&command.text, &why);
                (None, StepEnd::Unknown(failure))
            }
            Err(Cut::Lost(failure)) => {
                self.left = Left::Lost(failure.clone());
                // It was late, and could not be stopped either.
                let end = if failure.reason == Reason::CommandTimeout {
                    StepEnd::TimedOut(failure)
                } else {
                    StepEnd::Unknown(failure)
                };
                (None, end)
            }
            Err(Cut::Stopped | Cut::Withdrawn) => {
                self.left = Left::Stopped;
                (None, StepEnd::Unknown(closed()))
            }
        };
        let end = match (end, asked_too_often) {
            (StepEnd::TimedOut(_), Some(question)) => {
                StepEnd::Failed(asked_again(&command.text, &self.shown(&question)))
            }
            (end, _) => end,
        };
        let failure = failure_of(&end);
        let is_verify = self
            .step
            .verify
            .as_ref()
            .is_some_and(|verify| std::ptr::eq(verify, command));
        let index = if is_verify {
            self.step.commands.len()
        } else {
            self.n_done
        };
        let done = self.done(index, took, shown, failure);
        self.session
            .tell_step(self.step, StepNews::Command(done))
            .await;
        end
    }

    /// What the device said, as it may be shown to whoever may see transcripts. A dialogue keeps no more than
    /// [`MAX_OUTPUT`] of it.
    fn shown(&self, text: &str) -> String {
        printable(&redact(&self.live.without_secrets(text)))
    }

    fn done(
        &mut self,
        index: usize,
        took: Duration,
        shown: Option<Shown>,
        failure: Option<Failure>,
    ) -> CommandDone {
        // A hash of the secrets, too, would tell who guesses them when the guess is right.
        let sha256 = shown.as_ref().map(|shown| sha256(&shown.text));
        let Shown { text, truncated } = shown.unwrap_or_default();
        let (text, cut_here) = cut(&text, MAX_OUTPUT.min(self.room));
        self.room -= text.len();
        CommandDone {
            index: u32::try_from(index).unwrap_or(u32::MAX),
            took: took.into(),
            text: text.to_owned(),
            truncated: truncated || cut_here,
            sha256: sha256.unwrap_or_default(),
            answered: self.answered(),
            failure,
        }
    }

    /// What was typed when the device asked, as far as it is told.
    fn answered(&mut self) -> Vec<String> {
        let answered = self.live.take_answered();
        let told = answered.iter().map(|answer| {
            let shown = self.shown(answer);
            cut(&shown, MAX_ANSWERED_TEXT).0.to_owned()
        });
        told.collect()
    }

    fn late(&self, command: &CheckedCommand, deadline: Instant) -> Failure {
        let CheckedCommand { text, timeout, .. } = command;
        if let Some(question) = self.live.take_unanswered() {
            return Failure {
                reason: Reason::UnansweredQuestion,
                message: format!(
                    "the device asks \"{question}\" after \"{text}\", and nothing answered it in time; the command was stopped"
                ),
                hint: Some(
                    "give the command an answer: `answers: [{ ask: ..., answer: ... }]`".into(),
                ),
            };
        }
        let (reason, message) = if deadline == self.step.deadline {
            let seconds = self.step.order.deadline.get().as_secs_f64();
            let message = format!("\"{text}\" was stopped when the step's {seconds} s were over");
            (Reason::StepDeadline, message)
        } else {
            let seconds = timeout.as_secs_f64();
            let message = format!("\"{text}\" was not done within {seconds} s and was stopped");
            (Reason::CommandTimeout, message)
        };
        Failure {
            reason,
            message,
            hint: Some("does it ask something, or does it need more time?".into()),
        }
    }

    /// Types one line and waits until it is done.
    async fn type_line(
        &mut self,
        text: &str,
        answers: &Arc<[Answer]>,
        deadline: Instant,
    ) -> Result<Outcome, Cut> {
        self.live
            .start_answering(text, deadline, answers)
            .await
            .map_err(Cut::Lost)?;
        loop {
            if self.step.stopped() == Some(Stop::Fenced) {
                self.live.withhold_answers();
            }
            if let Some(outcome) = self.live.pump().await.map_err(Cut::Lost)? {
                return Ok(outcome);
            }
            let orders = &mut self.session.orders;
            if orders.borrow_and_update().stop {
                return Err(Cut::Stopped);
            }
            let until = self.live.timeout();
            let live = &mut *self.live;
            let woken = async {
                tokio::select! {
                    () = live.woken() => Ok(()),
                    changed = orders.changed() => changed,
                }
            };
            let woken = match until {
                // Both ends of the wait lead to the same look.
                Some(at) => timeout_at(at.into(), woken).await.unwrap_or(Ok(())),
                None => woken.await,
            };
            if woken.is_err() {
                return Err(Cut::Stopped);
            }
        }
    }
}

fn mode_failed(mode: &str, what: &str) -> Failure {
    Failure {
        reason: Reason::ModeFailed,
        message: format!("mode \"{mode}\": {what}"),
        hint: Some("are `enter`, `leave` and the prompt of the platform's `modes` right for this device, and may the user enter it?".into()),
    }
}

/// A device that asks the same whatever it is answered.
fn asked_again(command: &str, question: &str) -> Failure {
    Failure {
        reason: Reason::UnansweredQuestion,
        message: format!(
            "the device asks \"{question}\" after \"{command}\" again and again, whatever it is answered; the command was stopped"
        ),
        hint: Some("is the answer right, and does its `ask` fit this question only?".into()),
    }
}

fn late_line(command: &str) -> Failure {
    Failure {
        reason: Reason::CommandTimeout,
        message: format!("\"{command}\" was not done in time"),
        hint: None,
    }
}

fn cut_short(command: &str, why: &str) -> Failure {
    Failure {
        reason: Reason::ClosedByDevice,
        message: format!("\"{command}\" was cut short by the device: {why}"),
        hint: None,
    }
}

/// Why a step ended so, where there is something to be said.
fn failure_of(end: &StepEnd) -> Option<Failure> {
    match end {
        StepEnd::Failed(failure)
        | StepEnd::TimedOut(failure)
        | StepEnd::NotRun(failure)
        | StepEnd::Unknown(failure) => Some(failure.clone()),
        StepEnd::Succeeded | StepEnd::Cancelled => None,
    }
}

/// Whether what a command brought is what it should be. Only what is shown counts: an expectation that secrets would
/// answer could be used to guess them.
fn judge(command: &CheckedCommand, rejected_by: Option<&str>, shown: &str) -> StepEnd {
    if let Some(line) = rejected_by {
        let message = format!("the device refused \"{}\": \"{line}\"", command.text);
        let hint = "does this device know the command, and may the user run it?";
        return StepEnd::Failed(rejected(message, hint));
    }
    match command.disappointment(shown) {
        Some(failure) => StepEnd::Failed(failure),
        None => StepEnd::Succeeded,
    }
}

fn rejected(message: String, hint: &str) -> Failure {
    Failure {
        reason: Reason::CommandRejected,
        message,
        hint: Some(hint.into()),
    }
}

fn closed() -> Failure {
    Failure {
        reason: Reason::ConnectionLost,
        message: "the device's session was closed under the step, for its lease or the agent ended"
            .into(),
        hint: None,
    }
}

fn sha256(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    let hex = digest.as_ref().iter().map(|byte| format!("{byte:02x}"));
    hex.collect()
}
