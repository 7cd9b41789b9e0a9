//! What becomes of a step: it comes back, ends, is lost, is settled.

use netwolf_wire::status::{Failure, Reason};

use super::{
    Change, Machine,
    live::{Key, Wait},
    untold::{line, untold},
};
use crate::{
    audit::{Action, Outcome as Told, Record},
    model::{Sent, SettledBy, StepState},
};

/// Why a step stands where it does.
#[derive(Clone, Debug, Default)]
pub(super) struct Why {
    pub(super) reason: Option<String>,
    pub(super) hint: Option<String>,
}

impl Why {
    pub(super) fn because(reason: impl Into<String>) -> Self {
        Self {
            reason: Some(reason.into()),
            hint: None,
        }
    }

    /// Said of a command that was not typed.
    pub(super) fn untyped(&self) -> String {
        match &self.reason {
            Some(reason) => format!("it was not typed: {reason}"),
            None => "it was not typed".to_owned(),
        }
    }
}

impl From<Failure> for Why {
    fn from(failure: Failure) -> Self {
        Self {
            reason: Some(failure.message),
            hint: failure.hint,
        }
    }
}

/// How an attempt that has typed nothing ends its step, where to send it again would end the same way.
pub(super) const fn lasting(reason: Reason) -> Option<StepState> {
    match reason {
        Reason::StepDeadline | Reason::CommandTimeout => Some(StepState::TimedOut),
        // To be refused again may lock an account; what is not allowed stays so until somebody changes it.
        Reason::NotAllowed
        | Reason::CommandRejected
        | Reason::ModeFailed
        | Reason::SecretUnavailable
        | Reason::AuthFailed
        | Reason::CredentialHeld
        | Reason::PasswordChange
        | Reason::EnableFailed
        | Reason::HostKeyMismatch
        | Reason::HostKeyUnknown => Some(StepState::Failed),
        _ => None,
    }
}

impl Machine {
    /// A step has ended.
    pub(super) fn end_step(&mut self, key: Key, state: StepState, why: Why, now_ms: u64) {
        self.leave_wait(key);
        let Some((run, live)) = self.live(key) else {
            return;
        };
        let status = &live.step.status;
        let typed = !matches!(state, StepState::Cancelled)
            && status
                .sent
                .as_ref()
                .is_some_and(|sent| sent.started_ms.is_some());
        let watch_ms = (typed && run.verifies())
            .then(|| self.guards_hold_until(key.0, now_ms))
            .flatten();
        self.update(key, |status| {
            status.state = state;
            status.given_up = false;
            status.ended_ms = Some(now_ms);
            status.watch_until_ms = watch_ms;
            status.reason = why.reason;
            status.hint = why.hint;
        });
        self.watch(key);
    }

    /// An unknown step has been decided.
    pub(super) fn settle_step(
        &mut self,
        key: Key,
        state: StepState,
        by: SettledBy,
        why: Why,
        now_ms: u64,
    ) {
        self.end_step(key, state, why, now_ms);
        self.update(key, |status| status.settled_by = Some(by));
        // Whatever still verifies it has nothing to find out.
        self.call_back(key);
    }

    /// An attempt has certainly typed nothing: its step is to be sent again, unless nothing is begun any more or to
    /// send it again would end the same way.
    pub(super) fn come_back(&mut self, key: Key, ends: Option<StepState>, why: Why, now_ms: u64) {
        let Some((_, live)) = self.live(key) else {
            return;
        };
        let status = &live.step.status;
        let unknown = status.state == StepState::Unknown;
        let returns = status.returns + 1;
        if unknown {
            self.untyped(key, &why, now_ms);
        }
        let Some((run, live)) = self.live(key) else {
            return;
        };
        let status = &live.step.status;
        // Where another attempt was made, what has not been typed by this one may stand in that one's way.
        let over = run.is_over() || (unknown && status.verifies > 0);
        let state = match ends {
            _ if over => StepState::Cancelled,
            Some(state) => state,
            None if returns > self.settings.max_returns => StepState::Failed,
            None => StepState::Pending,
        };
        match state {
            StepState::Pending => {
                let pause_ms = self.backoff_ms(returns);
                self.update(key, |status| {
                    status.state = StepState::Pending;
                    status.returns = returns;
                    status.given_up = false;
                    status.ended_ms = None;
                    status.reason = why.reason;
                    status.hint = why.hint;
                });
                self.wait(key, Wait::Until(now_ms.saturating_add(pause_ms)));
            }
            StepState::Cancelled => {
                let why = self.why_over(key, why);
                self.end_untyped(key, state, unknown, why, now_ms);
            }
            _ if ends.is_none() => {
                let last = why.reason.unwrap_or_default();
                let why = Why {
                    reason: Some(format!(
                        "it came back {returns} times with nothing typed: {last}"
                    )),
                    hint: why.hint,
                };
                self.end_untyped(key, state, unknown, why, now_ms);
            }
            _ => self.end_untyped(key, state, unknown, why, now_ms),
        }
    }

    /// What the audit log has as typed perhaps, and its agent has told nothing of before it told the end, was not typed:
    /// the log is told so, with lines of their own.
    pub(super) fn untyped(&mut self, key: Key, why: &Why, now_ms: u64) {
        let Some((run, live)) = self.live(key) else {
            return;
        };
        let Some(sent) = live.step.status.sent.clone() else {
            return;
        };
        if sent.doubted.is_empty() {
            return;
        }
        let spec = run.run.spec.clone();
        let program = spec.program(&live.step.spec);
        for index in &sent.doubted {
            if let Some(text) = line(program, *index) {
                let (refused, detail) = (Told::Refused, Some(why.untyped()));
                self.record(key, &sent, *index, text, now_ms, refused, None, &[], detail);
            }
        }
        self.update(key, |status| {
            if let Some(sent) = &mut status.sent {
                sent.doubted.clear();
            }
        });
    }

    fn end_untyped(&mut self, key: Key, state: StepState, unknown: bool, why: Why, now_ms: u64) {
        if unknown {
            self.settle_step(key, state, SettledBy::Agent, why, now_ms);
        } else {
            self.end_step(key, state, why, now_ms);
        }
    }

    /// How long a step waits that came back so often.
    pub(super) fn backoff_ms(&self, returns: u32) -> u64 {
        let doubled = self.settings.backoff_ms << returns.saturating_sub(1).min(20);
        doubled.min(self.settings.max_backoff_ms)
    }

    /// Why a step is not begun any more.
    pub(super) fn why_over(&self, key: Key, why: Why) -> Why {
        let Some(run) = self.runs.get(&key.0) else {
            return why;
        };
        let status = &run.run.status;
        if let Some(who) = &status.cancelled_by {
            return Why::because(format!("the run was cancelled by {who}"));
        }
        if let Some(stop) = &status.stopped_by {
            return Why::because(format!("the run was stopped: {stop}"));
        }
        if status.overdue {
            return Why::because("the run's deadline was over");
        }
        why
    }

    /// Nobody knows what became of a step: what may have been typed, from the line behind the last known one, is told to
    /// the audit log, lines of its mode among it, and its verify command is sent, where there is one.
    pub(super) fn lose(&mut self, key: Key, may_have_typed: usize, why: Why, now_ms: u64) {
        self.leave_wait(key);
        let Some((run, live)) = self.live(key) else {
            return;
        };
        let spec = run.run.spec.clone();
        let program = spec.program(&live.step.spec);
        let can_verify = program.verify.is_some()
            && run.verifies()
            && live.step.status.verifies < self.settings.max_verifies;
        let mut doubted = Vec::new();
        if let Some(sent) = live.step.status.sent.clone() {
            let mut untold = untold(program, &sent);
            untold.truncate(may_have_typed);
            doubted.extend(untold.iter().map(|(index, _)| *index));
            for (index, text) in untold {
                let (unknown, detail) = (Told::Unknown, why.reason.clone());
                self.record(key, &sent, index, &text, now_ms, unknown, None, &[], detail);
            }
        }
        self.update(key, |status| {
            status.state = StepState::Unknown;
            status.ended_ms = Some(now_ms);
            status.given_up = !can_verify;
            if let Some(sent) = &mut status.sent {
                sent.doubted = doubted;
            }
            status.reason = why.reason;
            status.hint = why.hint;
        });
        if can_verify {
            self.make_ready(key);
        }
    }

    /// An attempt to verify is nobody's any more, or its end is not known: that its command may have been typed is told
    /// to the audit log, unless its line is there already.
    pub(super) fn lose_verify_typed(&mut self, key: Key, why: &Why, now_ms: u64) {
        if let Some((run, live)) = self.live(key)
            && let Some(sent) = live.step.status.verify.clone()
            && sent.outputs == 0
            && let Some(command) = &run.run.spec.program(&live.step.spec).verify
        {
            let (text, detail) = (command.text.clone(), why.reason.clone());
            // It is the first and only command of such an attempt.
            self.record(
                key,
                &sent,
                0,
                &text,
                now_ms,
                Told::Unknown,
                None,
                &[],
                detail,
            );
        }
        self.lose_verify(key, false, now_ms);
    }

    /// An attempt to verify is nobody's any more, but its shard may still tell of it.
    pub(super) fn lose_verify_hold(&mut self, key: Key, why: &Why, now_ms: u64) {
        self.update(key, |status| {
            status.lost_verifies.extend(status.verify.clone());
        });
        self.lose_verify_typed(key, why, now_ms);
    }

    /// An attempt to verify has brought nothing: another one, or none any more.
    pub(super) fn lose_verify(&mut self, key: Key, never_again: bool, now_ms: u64) {
        let Some((run, live)) = self.live(key) else {
            return;
        };
        let status = &live.step.status;
        let unknown = status.state == StepState::Unknown;
        let again = unknown
            && !never_again
            && run.verifies()
            && status.verifies < self.settings.max_verifies;
        let pause_ms = self.backoff_ms(status.verifies);
        self.update(key, |status| {
            status.verify = None;
            status.given_up = unknown && !again;
        });
        if again {
            self.wait(key, Wait::Until(now_ms.saturating_add(pause_ms)));
        }
    }

    /// Nothing settles an unknown step by itself any more.
    pub(super) fn give_up(&mut self, key: Key) {
        self.leave_wait(key);
        self.update(key, |status| status.given_up = true);
    }

    /// Adds a line about a command to the audit log.
    #[expect(
        clippy::too_many_arguments,
        reason = "a line of the log has as many columns"
    )]
    pub(super) fn record(
        &mut self,
        key: Key,
        sent: &Sent,
        index: u32,
        command: &str,
        time_ms: u64,
        outcome: Told,
        sha256: Option<String>,
        answered: &[String],
        detail: Option<String>,
    ) {
        let Some((run, live)) = self.live(key) else {
            return;
        };
        let spec = &live.step.spec;
        let requester = run.run.spec.requester.as_str();
        let record = Record {
            step: Some(key.1),
            attempt: Some(sent.attempt),
            index: Some(index),
            device: Some(spec.device.clone()),
            credential: Some(spec.credential.to_string()),
            epoch: Some(sent.epoch),
            agent: Some(sent.shard.agent.clone()),
            command: Some(command.to_owned()),
            output_sha256: sha256,
            answered: answered.to_vec(),
            detail,
            ..Record::new(time_ms, Action::Command, key.0, requester, outcome)
        };
        self.told.push(Change::Audit(Box::new(record)));
    }
}
