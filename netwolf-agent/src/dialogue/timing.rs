//! When something is due, and what is done then. Part of [`Dialogue`]'s machine.
//!
//! | Timer | Runs while | When it is over |
//! |---|---|---|
//! | step deadline | logging in, setting up | the login has failed |
//! | ask | a line that may be the first prompt stands at the end | a newline asks about it |
//! | nudge | no line looks like a prompt | a newline is sent, unless a question may stand there |
//! | answer | a question or a doubtful pager stands at the end | it is answered |
//! | answer of a step | a question that it has an answer to stands at the end | it is answered |
//! | belief | a doubtful prompt stands at the end | it is the prompt |
//! | suspicion | a strange prompt stands at the end | a newline asks about it |
//! | command deadline | a command runs | it is interrupted |
//! | grace | it is being interrupted | the session is broken |
//! | keepalive | nothing was typed | an empty line is typed, unless the device has begun a line |

use std::time::Instant;

use netwolf_wire::status::Reason;

use super::{Dialogue, Event, KEEPALIVE, NUDGE, State, Typed};

impl Dialogue {
    /// When [`Self::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let own = match &self.state {
            State::Seeking {
                ask_at,
                deadline,
                nudge,
            } => soonest(Some(*deadline.min(nudge)), *ask_at),
            State::Confirming {
                believe_at,
                deadline,
                nudge,
                ..
            } => soonest(Some(*deadline.min(nudge)), *believe_at),
            State::Enabling {
                deadline, judge_at, ..
            } => soonest(Some(*deadline), *judge_at),
            State::SettingUp { typed, .. } | State::Running(typed) => Some(typed.next_timeout()),
            State::Interrupting(stopping) => Some(stopping.next_timeout()),
            State::Ready { keepalive } => *keepalive,
            State::Ended => None,
        };
        let answer = soonest(self.asking.answer_at(), self.answering.due_at());
        soonest(own, answer)
    }

    /// Time has passed. Harmless when nothing was due.
    pub fn handle_timeout(&mut self, now: Instant) {
        match &mut self.state {
            State::Seeking { deadline, .. } | State::Confirming { deadline, .. }
                if now >= *deadline =>
            {
                self.fail_no_prompt("no prompt was recognised");
            }
            State::Enabling { deadline, .. } if now >= *deadline => {
                self.fail(
                    Reason::EnableFailed,
                    "the device did not become privileged in time".into(),
                    None,
                );
            }
            State::SettingUp { typed, .. } if now >= typed.deadline => {
                let what = format!("no prompt came after \"{}\"", self.quote_typed());
                self.fail_no_prompt(&what);
            }
            // A prompt that stands there is believed sooner than that it is too late.
            State::Running(typed) if now >= typed.deadline => {
                if typed.believe_at.is_some() && typed.echo_seen() {
                    self.finish(now);
                } else {
                    self.interrupt(now);
                }
            }
            State::Interrupting(stopping) if now >= stopping.until => {
                self.end();
                self.events.push_back(Event::Broken);
            }
            _ if self.asking.answer_at().is_some_and(|at| now >= at) => self.answer(now),
            State::Running(_) if is_due(self.answering.due_at(), now) => self.answer_of_step(now),
            State::Seeking { ask_at, .. } if is_due(*ask_at, now) => self.ask_candidate(now),
            State::Confirming { believe_at, .. } if is_due(*believe_at, now) => {
                self.believe_candidate(now);
            }
            State::Seeking { nudge, .. } | State::Confirming { nudge, .. } if now >= *nudge => {
                *nudge = now + NUDGE;
                if self.may_nudge() {
                    self.send_newline();
                }
            }
            State::Enabling { judge_at, .. } if is_due(*judge_at, now) => self.refuse_enable(""),
            State::SettingUp { typed, .. } | State::Running(typed)
                if is_due(typed.believe_at, now) =>
            {
                self.finish(now);
            }
            State::SettingUp { typed, .. } | State::Running(typed)
                if is_due(typed.suspicion_at(), now) =>
            {
                self.settle_suspicion(now);
            }
            State::Interrupting(stopping) if is_due(stopping.settle_at, now) => {
                self.settle_stop(now);
            }
            State::Ready {
                keepalive: Some(at),
            } if now >= *at => {
                *at = now + KEEPALIVE;
                // What stands on the line may ask something, such as whether to reload.
                if self.cleaner.shown().is_empty() || self.shows_prompt() {
                    self.owed = self.owed.saturating_add(1);
                    self.send_newline();
                }
            }
            _ => {}
        }
    }

    /// Something came: whatever was to be believed in silence is looked at anew.
    pub(super) fn silence_ends(&mut self) {
        self.asking.silence_ends();
        self.answering.silence_ends();
        match &mut self.state {
            State::Seeking { ask_at, .. } => *ask_at = None,
            State::Confirming { believe_at, .. } => *believe_at = None,
            State::Enabling { judge_at, .. } => *judge_at = None,
            State::SettingUp { typed, .. } | State::Running(typed) => {
                let believed = typed.believe_at.take().is_some();
                if believed && typed.lines_before < self.cleaner.lines().len() {
                    self.doubt.note_right();
                }
                typed.look_again();
            }
            State::Interrupting(stopping) => stopping.settle_at = None,
            State::Ready { .. } | State::Ended => {}
        }
    }

    /// Nothing is expected any more, and nothing is kept.
    pub(super) fn end(&mut self) {
        self.asking.silence_ends();
        self.answering.withhold();
        self.cleaner.clear();
        self.state = State::Ended;
    }

    fn quote_typed(&mut self) -> String {
        self.state
            .typed()
            .map(|typed| typed.text.clone())
            .unwrap_or_default()
    }
}

impl Typed {
    fn next_timeout(&self) -> Instant {
        let sooner = soonest(self.believe_at, self.suspicion_at());
        sooner.map_or(self.deadline, |at| at.min(self.deadline))
    }
}

fn is_due(at: Option<Instant>, now: Instant) -> bool {
    at.is_some_and(|at| now >= at)
}

fn soonest(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    [one, other].into_iter().flatten().min()
}
