//! What shards tell of steps: events, and that a step was not sent.
//!
//! ```text
//!   attempt of the commands         attempt that only verifies
//!   started   leased -> running
//!   command   transcript, audit     transcript, audit
//!   mode      audit                 -
//!   ended     an end, or pending    unknown -> succeeded | failed, or verified anew
//! ```
//!
//! An attempt to verify that was taken for lost is heard as well when its shard tells of it after all: what it has found
//! settles the step as if it had come in time, and what it has not found is left to the attempt that came after it.
//!
//! Everything is told again on each new link until it is heard, so what was taken in once is known by its number.

use netwolf_wire::{
    ShardId,
    status::{Failure, Reason},
    step::{Attempt, CommandDone, MAX_MODE_LINES, ModeLine, StepEnd, StepEvent, StepNews},
};

use super::{
    Change, Effect, Machine, Taken,
    live::Key,
    outcome::{Why, lasting},
    untold::MODE_LINES_FROM,
};
use crate::{
    audit::Outcome as Told,
    model::{Output, Sent, SettledBy, StepState},
};

/// Which attempt of a step an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Commands,
    Verify,
}

impl Machine {
    /// A shard tells what happened to a step.
    pub fn handle_step_event(&mut self, shard: &ShardId, event: &StepEvent, now_ms: u64) -> Taken {
        let now_ms = self.clock(now_ms);
        let key = (event.id.run, event.id.step);
        if self.live(key).is_none() {
            return Taken::Stale;
        }
        let ended = matches!(event.what, StepNews::Ended(_));
        let taken = match self.which(shard, event.id) {
            None => Taken::Stale,
            Some((which, sent)) => match &event.what {
                StepNews::Accepted => Taken::Repeated,
                StepNews::Started => self.started(key, which, &sent, now_ms),
                StepNews::Command(done) => {
                    self.command_done(key, which, &sent, done, event.unix_ms, now_ms)
                }
                StepNews::Mode(line) => {
                    self.mode_line(key, which, &sent, line, event.unix_ms, now_ms)
                }
                StepNews::Ended(end) if which == Which::Verify => {
                    self.verified(key, &sent, end.clone(), now_ms);
                    Taken::News
                }
                StepNews::Ended(end) => self.ended(key, &sent, end.clone(), now_ms),
            },
        };
        if ended {
            // Also what is stale: the shard is to forget it.
            self.effects.push(Effect::Heard {
                shard: shard.clone(),
                id: event.id,
            });
        }
        taken
    }

    /// A step could certainly not be given to its shard.
    pub fn handle_not_sent(&mut self, id: Attempt, why: &str, now_ms: u64) -> Taken {
        let now_ms = self.clock(now_ms);
        let key = (id.run, id.step);
        let Some((_, live)) = self.live(key) else {
            return Taken::Stale;
        };
        let status = &live.step.status;
        let is = |sent: &Option<Sent>| sent.as_ref().is_some_and(|sent| sent.attempt == id.attempt);
        if is(&status.verify) {
            self.lose_verify(key, false, now_ms);
            return Taken::News;
        }
        if let Some(lost) = status
            .lost_verifies
            .iter()
            .find(|lost| lost.attempt == id.attempt)
        {
            let lost = lost.clone();
            self.late_verify_untyped(key, &lost, &Why::because(why), now_ms);
            return Taken::News;
        }
        // A shard that has told of it has had it, whatever is said here.
        let untold = status.sent.as_ref().is_some_and(|sent| {
            sent.attempt == id.attempt && sent.started_ms.is_none() && sent.outputs == 0
        });
        if !untold || !matches!(status.state, StepState::Leased | StepState::Unknown) {
            return Taken::Stale;
        }
        self.come_back(key, None, Why::because(why), now_ms);
        Taken::News
    }

    fn which(&self, shard: &ShardId, id: Attempt) -> Option<(Which, Sent)> {
        let (_, live) = self.live((id.run, id.step))?;
        let is = |sent: &&Sent| sent.attempt == id.attempt && sent.shard == *shard;
        let status = &live.step.status;
        let commands = status.sent.as_ref().filter(is);
        let verify = status.verify.iter().chain(&status.lost_verifies).find(is);
        commands
            .map(|sent| (Which::Commands, sent.clone()))
            .or_else(|| verify.map(|sent| (Which::Verify, sent.clone())))
    }

    fn started(&mut self, key: Key, which: Which, sent: &Sent, now_ms: u64) -> Taken {
        if sent.started_ms.is_some() {
            return Taken::Repeated;
        }
        self.update(key, |status| {
            if let Some(sent) = status.attempt_mut(sent.attempt) {
                sent.started_ms = Some(now_ms);
            }
            if which == Which::Commands && status.state == StepState::Leased {
                status.state = StepState::Running;
            }
        });
        self.contradicted(key, which, now_ms);
        Taken::News
    }

    /// A shard that has said that it typed nothing tells of typing. It is never sent again then.
    fn contradicted(&mut self, key: Key, which: Which, now_ms: u64) {
        let pending = self
            .live(key)
            .is_some_and(|(_, live)| live.step.status.state == StepState::Pending);
        if which == Which::Commands && pending {
            let why = Why {
                reason: Some("its agent tells of typing that was not to be expected".to_owned()),
                hint: Some("look at what the device has, and settle the step".to_owned()),
            };
            self.lose(key, usize::MAX, why, now_ms);
        }
    }

    fn command_done(
        &mut self,
        key: Key,
        which: Which,
        sent: &Sent,
        done: &CommandDone,
        time_ms: u64,
        now_ms: u64,
    ) -> Taken {
        let Some((run, live)) = self.live(key) else {
            return Taken::Stale;
        };
        let program = run.run.spec.program(&live.step.spec);
        let n_commands = match which {
            Which::Commands => program.commands.len(),
            Which::Verify => 0,
        };
        let index = done.index as usize;
        let verify = index == n_commands;
        let command = if verify {
            program.verify.as_ref()
        } else {
            program.commands.get(index).filter(|_| index < n_commands)
        };
        let Some(command) = command.map(|command| command.text.clone()) else {
            return Taken::Stale;
        };
        if done.index < sent.outputs {
            return Taken::Repeated;
        }
        let outcome = outcome_of(done.failure.as_ref());
        self.record(
            key,
            sent,
            done.index,
            &command,
            time_ms,
            outcome,
            Some(done.sha256.clone()).filter(|hash| !hash.is_empty()),
            &done.answered,
            done.failure.as_ref().map(|failure| failure.message.clone()),
        );
        self.told.push(Change::Output(Box::new(Output {
            id: super::stepping::attempt(key, sent),
            verify,
            command,
            time_ms,
            done: done.clone(),
        })));
        self.typed(key, which, sent.attempt, now_ms, |sent| {
            sent.outputs = done.index + 1;
            sent.doubted.retain(|doubted| *doubted != done.index);
            sent.failed |= done.failure.is_some();
            sent.in_doubt = outcome == Told::Unknown;
        });
        Taken::News
    }

    /// Such a line is in the audit log as any other that was typed; its place is behind those of all commands.
    fn mode_line(
        &mut self,
        key: Key,
        which: Which,
        sent: &Sent,
        line: &ModeLine,
        time_ms: u64,
        now_ms: u64,
    ) -> Taken {
        if line.no >= MAX_MODE_LINES {
            return Taken::Stale;
        }
        if line.no < sent.mode_lines {
            return Taken::Repeated;
        }
        let Some((run, there)) = self.live(key) else {
            return Taken::Stale;
        };
        let lines = &run.run.spec.program(&there.step.spec).mode_lines;
        let leaves = !lines.leave.is_empty() && line.no as usize >= lines.enter.len();
        let why = line.failure.as_ref();
        let detail = why.map_or("of the mode", |failure| &failure.message);
        let index = MODE_LINES_FROM + line.no;
        let (outcome, detail) = (outcome_of(why), Some(detail.to_owned()));
        let command = &line.text;
        self.record(
            key,
            sent,
            index,
            command,
            time_ms,
            outcome,
            None,
            &[],
            detail,
        );
        self.typed(key, which, sent.attempt, now_ms, |sent| {
            sent.mode_lines = line.no + 1;
            sent.doubted.retain(|doubted| *doubted != index);
            sent.failed |= why.is_some();
            // A mode that one of its lines has not left is left by ending the session.
            sent.in_doubt = outcome == Told::Unknown || (leaves && why.is_some());
        });
        Taken::News
    }

    /// Something was typed, and is noted by `note`.
    fn typed(
        &mut self,
        key: Key,
        which: Which,
        attempt: u32,
        now_ms: u64,
        note: impl FnOnce(&mut Sent),
    ) {
        self.update(key, |status| {
            if let Some(sent) = status.attempt_mut(attempt) {
                note(sent);
                sent.started_ms.get_or_insert(now_ms);
            }
            if which == Which::Commands && status.state == StepState::Leased {
                status.state = StepState::Running;
            }
        });
        self.contradicted(key, which, now_ms);
    }

    fn ended(&mut self, key: Key, sent: &Sent, end: StepEnd, now_ms: u64) -> Taken {
        let Some((_, live)) = self.live(key) else {
            return Taken::Stale;
        };
        let state = live.step.status.state;
        let untyped = matches!(end, StepEnd::NotRun(_) | StepEnd::Cancelled);
        match state {
            StepState::Leased | StepState::Running | StepState::Unknown => {}
            // It was told to have typed nothing, and now it is told to have typed: then it has.
            StepState::Pending if !untyped => {}
            _ => return Taken::Repeated,
        }
        let unknown = state == StepState::Unknown;
        let began = sent.started_ms.is_some();
        if !untyped && !began {
            // From here on nobody is believed who says that it was never sent.
            self.update(key, |status| {
                if let Some(sent) = &mut status.sent {
                    sent.started_ms = Some(now_ms);
                }
            });
        }
        let (state, why) = match end {
            StepEnd::Succeeded => (StepState::Succeeded, Why::default()),
            StepEnd::Failed(failure) => (StepState::Failed, failure.into()),
            StepEnd::TimedOut(failure) => (StepState::TimedOut, failure.into()),
            StepEnd::Cancelled => {
                let why = self.why_over(key, Why::because("its agent has cancelled it"));
                (StepState::Cancelled, why)
            }
            // Whoever says that it types is not believed that it has not: the step is not sent again.
            StepEnd::NotRun(failure) if began => {
                self.update(key, |status| {
                    if let Some(sent) = &mut status.sent {
                        sent.doubted.clear();
                    }
                });
                let state = lasting(failure.reason).unwrap_or(StepState::Failed);
                (state, failure.into())
            }
            StepEnd::NotRun(failure) => {
                let ends = lasting(failure.reason);
                self.come_back(key, ends, failure.into(), now_ms);
                return Taken::News;
            }
            StepEnd::Unknown(_) if unknown => return Taken::Repeated,
            StepEnd::Unknown(failure) => {
                // Its agent types nothing more: only the line under way may have been carried out, and not even that
                // where it says that it has kept all others back.
                let under_way = usize::from(failure.reason != Reason::Fenced);
                self.lose(key, under_way, failure.into(), now_ms);
                return Taken::News;
            }
        };
        if unknown {
            self.untyped(key, &why, now_ms);
            self.settle_step(key, state, SettledBy::Agent, why, now_ms);
        } else {
            self.end_step(key, state, why, now_ms);
        }
        Taken::News
    }

    /// An attempt that only verifies has ended, which may have been taken for lost before.
    fn verified(&mut self, key: Key, sent: &Sent, end: StepEnd, now_ms: u64) {
        let Some((_, live)) = self.live(key) else {
            return;
        };
        let status = &live.step.status;
        let unknown = status.state == StepState::Unknown;
        let late = status
            .verify
            .as_ref()
            .is_none_or(|verify| verify.attempt != sent.attempt);
        match end {
            StepEnd::Succeeded if unknown => {
                self.forget_verify(key, sent.attempt);
                let why = Why::because("its verify command found what it was to do");
                self.settle_step(key, StepState::Succeeded, SettledBy::Verify, why, now_ms);
            }
            StepEnd::Failed(failure) if unknown && failure.reason == Reason::UnexpectedOutput => {
                self.forget_verify(key, sent.attempt);
                let why = Why {
                    reason: Some(format!(
                        "its verify command did not find what it was to do: {}",
                        failure.message
                    )),
                    hint: failure.hint,
                };
                self.settle_step(key, StepState::Failed, SettledBy::Verify, why, now_ms);
            }
            // That it has found nothing was known: another attempt was made, or none is made any more.
            StepEnd::NotRun(failure) if late => {
                self.late_verify_untyped(key, sent, &failure.into(), now_ms);
            }
            StepEnd::Cancelled if late => {
                let why = Why::because("its agent has cancelled it");
                self.late_verify_untyped(key, sent, &why, now_ms);
            }
            _ if late => self.forget_verify(key, sent.attempt),
            // A verify command that the device does not take tells nothing of the commands before it.
            StepEnd::Failed(failure) | StepEnd::NotRun(failure) => {
                self.lose_verify(key, lasting(failure.reason).is_some(), now_ms);
            }
            StepEnd::Unknown(failure) => self.lose_verify_typed(key, &failure.into(), now_ms),
            StepEnd::Succeeded | StepEnd::TimedOut(_) | StepEnd::Cancelled => {
                self.lose_verify(key, false, now_ms);
            }
        }
    }

    /// Nothing more is to be heard of an attempt to verify.
    fn forget_verify(&mut self, key: Key, attempt: u32) {
        self.update(key, |status| {
            status.verify.take_if(|sent| sent.attempt == attempt);
            status.lost_verifies.retain(|sent| sent.attempt != attempt);
        });
    }

    /// An attempt to verify that was taken for lost has typed nothing, and the audit log has it as typed perhaps.
    fn late_verify_untyped(&mut self, key: Key, sent: &Sent, why: &Why, now_ms: u64) {
        if sent.outputs == 0
            && sent.started_ms.is_none()
            && let Some((run, live)) = self.live(key)
            && let Some(command) = &run.run.spec.program(&live.step.spec).verify
        {
            let text = command.text.clone();
            let (refused, detail) = (Told::Refused, Some(why.untyped()));
            self.record(key, sent, 0, &text, now_ms, refused, None, &[], detail);
        }
        self.forget_verify(key, sent.attempt);
    }
}

/// The audit log's word for how a line that was typed has ended. Failed is what the device has said so, or has said
/// something else than it should; where it could not say anything nobody knows.
const fn outcome_of(failure: Option<&Failure>) -> Told {
    let Some(failure) = failure else {
        return Told::Succeeded;
    };
    match failure.reason {
        Reason::CommandTimeout | Reason::StepDeadline | Reason::UnansweredQuestion => {
            Told::TimedOut
        }
        Reason::NotAllowed | Reason::Cancelled | Reason::TooManySteps => Told::Refused,
        Reason::CommandRejected
        | Reason::UnexpectedOutput
        | Reason::ModeFailed
        | Reason::OutputTruncated
        | Reason::ParseFailed
        | Reason::TooManySeries => Told::Failed,
        Reason::ConnectionLost
        | Reason::ClosedByDevice
        | Reason::MaxAge
        | Reason::ChannelRefused
        | Reason::Fenced
        | Reason::NoAgent
        | Reason::UnknownHost
        | Reason::Refused
        | Reason::Unreachable
        | Reason::ConnectTimeout
        | Reason::HandshakeTimeout
        | Reason::HandshakeFailed
        | Reason::HostKeyMismatch
        | Reason::HostKeyUnknown
        | Reason::NoDescriptor
        | Reason::SecretUnavailable
        | Reason::AuthFailed
        | Reason::CredentialHeld
        | Reason::PasswordChange
        | Reason::JumpFailed
        | Reason::LoginTimeout
        | Reason::NoPrompt
        | Reason::EnableFailed
        | Reason::Other => Told::Unknown,
    }
}
