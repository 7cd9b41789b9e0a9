//! What tasks tell: states, counters, and polls on their way to the manager.

use std::time::{Duration, Instant};

use netwolf_filter::{Extraction, Problem, ProblemKind};
use netwolf_wire::{
    DeviceName,
    message::{Polls, ToManager},
    series::{Poll, SeriesNo, Value},
    stats::ShardStats,
    status::{Failure, Reason, SessionState},
};

use super::{Core, statuses::mark};
use crate::{
    dialogue::MAX_OUTPUT,
    link::wires::Batch,
    plan::CompiledPlan,
    redact::redact,
    session::{Notice, Polled, TaskId},
    shard::series::{MAX_SERIES_OF_A_DEVICE, PollContext},
};

/// A poll waits at most so long for others to go with: people look at what a device says now.
const FLUSH_DELAY: Duration = Duration::from_millis(10);
/// Polls in one message.
const MAX_POLLS: usize = 500;
/// Samples in one message, about; with their declarations they stay far below the longest frame.
const MAX_SAMPLES: usize = 20_000;

impl Core {
    /// A task told something. What a task tells that was already stopped is of no interest.
    pub(in crate::shard) fn handle_notice(&mut self, id: TaskId, notice: Notice, now: Instant) {
        if let Notice::Ended(credential, outcome) = &notice {
            self.handle_login_ended(id, credential, *outcome);
            return;
        }
        let notice = match notice {
            Notice::Step(step, news) => return self.handle_step_news(step, *news, now),
            notice => notice,
        };
        let Some(name) = self.by_task.get(&id).cloned() else {
            return;
        };
        match notice {
            Notice::Held => self.note_held(&name, now),
            Notice::Queued => self.note_next_attempt(&name, None, now),
            Notice::Connecting(queued) => {
                self.stats.pacing_wait_seconds += queued.as_secs_f64();
                let idle = self
                    .devices
                    .get(&name)
                    .is_some_and(|device| device.status.state == SessionState::Idle);
                // A device that is well is not shown as down for the moment of a login.
                if !idle {
                    self.change_state(&name, SessionState::Connecting, None, now);
                }
            }
            Notice::Ask(ask) => self.handle_ask(id, &name, ask),
            Notice::Up(took) => {
                self.stats.logins += 1;
                self.pass_probe_on(id, &name);
                if let Some(device) = self.devices.get_mut(&name) {
                    device.status.login_seconds = Some(took.as_secs_f64());
                    device.status.failures = 0;
                }
                tracing::info!(device = %name, login_seconds = took.as_secs_f64(), "the device is up");
                self.change_state(&name, SessionState::Up, None, now);
                self.give_step(&name, now);
            }
            Notice::LoginFailed(failure, wait) => {
                *self.stats.login_failures.entry(failure.reason).or_default() += 1;
                self.pass_probe_on(id, &name);
                if let Some(device) = self.devices.get_mut(&name) {
                    device.status.failures = device.status.failures.saturating_add(1);
                }
                self.change_state(&name, SessionState::Backoff, Some(failure), now);
                self.note_next_attempt(&name, Some(now + wait), now);
            }
            Notice::Disconnected(failure, wait) => {
                *self.stats.disconnects.entry(failure.reason).or_default() += 1;
                self.drop_shows(&name);
                self.change_state(&name, SessionState::Backoff, Some(failure), now);
                self.note_next_attempt(&name, Some(now + wait), now);
            }
            Notice::Idle(wait) => {
                let reason = Reason::ClosedByDevice;
                *self.stats.disconnects.entry(reason).or_default() += 1;
                self.drop_shows(&name);
                self.change_state(&name, SessionState::Idle, None, now);
                self.note_next_attempt(&name, Some(now + wait), now);
                self.give_step(&name, now);
            }
            Notice::Aged => {
                *self.stats.disconnects.entry(Reason::MaxAge).or_default() += 1;
                self.drop_shows(&name);
                self.change_state(&name, SessionState::Connecting, None, now);
            }
            Notice::Polled(polled) => self.handle_polled(&name, *polled, now),
            Notice::PollFailed {
                plan,
                command,
                failure,
            } => {
                *self.stats.poll_failures.entry(failure.reason).or_default() += 1;
                if !self.is_current(&name, &plan) {
                    return;
                }
                self.note_command(&name, &plan.commands[command].text, Some(failure), now);
            }
            Notice::Skipped(n) => self.stats.polls_skipped += n,
            Notice::Relearned(n) => self.stats.prompt_relearns += n,
            Notice::Shown(request, outputs) => self.handle_shown(&name, request, outputs),
            // Told above, of tasks that were stopped, too.
            Notice::Ended(..) | Notice::Step(..) => {}
        }
    }

    /// Whether the device's lease is for `plan`. A poll that was under way when a new plan came is of the old
    /// one: its intervals and commands hold no more.
    fn is_current(&self, name: &DeviceName, plan: &CompiledPlan) -> bool {
        self.devices
            .get(name)
            .is_some_and(|device| device.job.plan == plan.digest)
    }

    fn handle_polled(&mut self, name: &DeviceName, polled: Polled, now: Instant) {
        let Polled {
            plan,
            command,
            unix_ms,
            took,
            delay,
            extraction,
            truncated,
        } = polled;
        let device = self.devices.get_mut(name);
        let Some(device) = device.filter(|device| device.job.plan == plan.digest) else {
            self.stats.polls_skipped += 1;
            return;
        };
        let Ok(ready) = self.plans.get(plan.digest) else {
            return;
        };
        let spec = &plan.commands[command];
        count(
            &mut self.stats,
            &spec.collector,
            took,
            &extraction,
            truncated,
        );
        self.stats.poll_delay_seconds.observe(delay.as_secs_f64());
        let fault = fault_of(&extraction, truncated);
        let has_too_many = too_many(&extraction).is_some();
        let families = &ready.families[command];
        if device.guesses.len() <= command {
            device
                .guesses
                .resize(plan.commands.len().max(command + 1), Vec::new());
        }
        let guesses = &mut device.guesses[command];
        let poll = PollContext {
            device: device.no,
            seq: self.buffer.next_seq(),
            interval: spec.interval,
            now,
        };
        let mut samples: Vec<(SeriesNo, Value)> = Vec::with_capacity(extraction.samples.len());
        let mut left_out = 0;
        for (index, sample) in extraction.samples.into_iter().enumerate() {
            let guess = guesses.get(index).copied();
            match self
                .series
                .number(poll, families[sample.family], sample.labels, guess)
            {
                Some(no) => samples.push((no, Value(sample.value))),
                None => left_out += 1,
            }
        }
        guesses.clear();
        guesses.extend(samples.iter().map(|(no, _)| *no));
        self.stats.parse_problems += left_out;
        self.stats.excess_outputs += u64::from(has_too_many || left_out > 0);
        let fault = fault.or_else(|| excess_of(left_out));
        if device.note_command(&spec.text, fault) {
            mark(&mut self.dirty, &mut self.statuses_at, name, now);
        }
        self.stats.samples += samples.len() as u64;
        self.buffer.push(Poll(poll.device, unix_ms, samples));
        let due = if self.buffer.unsent() >= MAX_POLLS {
            now
        } else {
            now + FLUSH_DELAY
        };
        self.flush_at = Some(self.flush_at.map_or(due, |at| at.min(due)));
    }

    /// When [`Self::poll_batch`] has something, on a link that stands.
    pub(in crate::shard) const fn flush_at(&self) -> Option<Instant> {
        self.flush_at
    }

    /// The next batch of polls, with what has to be declared for it; call while the link has room.
    pub(in crate::shard) fn poll_batch(&mut self, now: Instant) -> Option<Batch> {
        if self.flush_at.is_none_or(|at| now < at) {
            return None;
        }
        let Self { series, buffer, .. } = self;
        let polls = buffer.next_batch(MAX_POLLS, MAX_SAMPLES, |device| series.is_live(device));
        let mut declares = Vec::new();
        self.series.declare(&polls, &mut declares);
        if self.buffer.unsent() == 0 {
            self.flush_at = None;
        }
        if polls.is_empty() {
            return None;
        }
        let mut messages: Vec<ToManager> = declares.into_iter().map(ToManager::from).collect();
        messages.push(Polls { polls }.into());
        Some(Batch {
            messages,
            up_to: self.buffer.cursor(),
        })
    }

    /// The link has no room: look again a little later.
    pub(in crate::shard) fn put_off_flush(&mut self, now: Instant) {
        if self.flush_at.is_some() {
            self.flush_at = Some(now + FLUSH_DELAY);
        }
    }
}

/// Counts a poll.
fn count(
    stats: &mut ShardStats,
    collector: &str,
    took: Duration,
    extraction: &Extraction,
    truncated: bool,
) {
    stats.polls += 1;
    stats.parse_problems += extraction.problem_count() as u64;
    if truncated {
        stats.truncated += 1;
        *stats
            .poll_failures
            .entry(Reason::OutputTruncated)
            .or_default() += 1;
    }
    let seconds = took.as_secs_f64();
    match stats.poll_seconds.get_mut(collector) {
        Some(histogram) => histogram.observe(seconds),
        None => stats
            .poll_seconds
            .entry(collector.to_owned())
            .or_default()
            .observe(seconds),
    }
}

/// What is wrong with a command that was answered.
fn fault_of(extraction: &Extraction, truncated: bool) -> Option<Failure> {
    if truncated {
        return Some(Failure {
            reason: Reason::OutputTruncated,
            message: format!("the output was longer than {MAX_OUTPUT} bytes and was cut"),
            hint: Some("ask for less, with a filter such as `| include`".into()),
        });
    }
    if let Some(problem) = too_many(extraction) {
        return Some(Failure {
            reason: Reason::TooManySeries,
            message: without_secrets(problem),
            hint: Some(EXCESS_HINT.into()),
        });
    }
    // Lines that could not be read are counted; nothing to read at all is worth a word.
    let problem = extraction
        .problems
        .iter()
        .find(|problem| problem.kind == ProblemKind::NoMatch)
        .or_else(|| {
            let nothing = extraction.samples.is_empty();
            extraction.problems.first().filter(|_| nothing)
        })?;
    Some(Failure {
        reason: Reason::ParseFailed,
        message: without_secrets(problem),
        hint: Some("does the rule fit this device's software version?".into()),
    })
}

/// A problem in words; it quotes what a device said, and people read it far from there.
fn without_secrets(problem: &Problem) -> String {
    let problem = Problem {
        text: redact(&problem.text),
        ..problem.clone()
    };
    problem.to_string()
}

const EXCESS_HINT: &str = "make no label of what differs in every output, such as a counter or a time; \
    conditions and `max_series` of a rule say what of it is wanted";

/// What is told where a bound of its own cut the output's series short.
fn too_many(extraction: &Extraction) -> Option<&Problem> {
    let mut problems = extraction.problems.iter();
    problems.find(|problem| problem.kind == ProblemKind::TooMany)
}

/// What is wrong with a device of whose series so many were left out of an output.
fn excess_of(left_out: u64) -> Option<Failure> {
    (left_out > 0).then(|| Failure {
        reason: Reason::TooManySeries,
        // Without how many: a text that differs at every poll would be told at every poll.
        message: format!("the device has {MAX_SERIES_OF_A_DEVICE} series, and more are left out"),
        hint: Some(EXCESS_HINT.into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_quotes_no_secret() {
        let extraction = Extraction {
            problems: vec![Problem {
                rule: "users".into(),
                kind: ProblemKind::NoMatch,
                text: "enable secret 9 $9$abc$def".into(),
            }],
            ..Extraction::default()
        };
        let failure = fault_of(&extraction, false).unwrap();
        assert_eq!(
            failure.message,
            "rule \"users\": nothing in the output matches; it begins with: \"enable secret 9 <removed>\""
        );
    }
}
