//! One device's dialogue over a kept shell: from bytes to command output. No IO and no clock; the driver is
//! `session::live`.
//!
//! ```text
//!   Seeking --> Confirming --> Enabling --> SettingUp --> Ready <--> Running
//!    a line      the same      (where        pager off,     ^           | deadline
//!    fits the    line came     wanted)       width          |           v
//!    prompt      again                                      +---- Interrupting --2 s--> Ended
//! ```
//!
//! The prompt is learned once: the last line fits the platform's expression, a newline is sent, and the same
//! line must come again. From then on only that literal text ends output, and only the last line is looked
//! at after each read. A banner that ends in `#` is neither the one nor the other.
//!
//! Echo: a device that has once echoed what was typed is taken to do so always, and whatever comes before
//! the echo of a command is left over from before it and dropped. That is what makes late prompts harmless.
//! It also shows when a line of output was taken for the prompt, after which only a silence ends output.
//!
//! Call order: [`Dialogue::handle_data`] and [`Dialogue::handle_timeout`] at any time; after each, drain
//! [`Dialogue::poll_transmit`] and [`Dialogue::poll_event`], and wait until [`Dialogue::poll_timeout`].
//! Invariants: at most one command is in flight; output holds neither echo nor prompt; output is bounded by
//! [`MAX_OUTPUT`] plus a line.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use netwolf_wire::status::{Failure, Reason};

use self::{
    cleaner::Cleaner,
    doubt::Doubt,
    manners::{Manners, excerpt},
};
use crate::secret::{Outgoing, Secret};

mod cleaner;
mod doubt;
mod echo;
mod ending;
pub(crate) mod exec;
mod login;
pub(crate) mod manners;

/// Output of one command beyond this is cut: the longest useful `show` output is some hundred KiB.
pub(crate) const MAX_OUTPUT: usize = 1 << 20;

/// How long a device has to show its prompt again after an interrupt.
pub(crate) const INTERRUPT_GRACE: Duration = Duration::from_secs(2);

/// A device that shows nothing new for so long at login is sent a newline.
const NUDGE: Duration = Duration::from_secs(2);

/// A prompt that might yet go on, or might be left over, is believed after so much silence.
const QUIET: Duration = Duration::from_millis(150);

/// Whole output of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Output {
    /// Lines as a terminal would show them.
    pub(crate) text: String,
    /// It was longer than [`MAX_OUTPUT`]; the text ends with the last line that fitted.
    pub(crate) truncated: bool,
    /// The line in which the device refused the command.
    pub(crate) rejected: Option<String>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Logged in, set up, waiting for a command.
    Ready,
    /// The command is done.
    Output(Output),
    /// The command was not done in time; it was stopped and the device waits for the next one.
    TimedOut,
    /// The command was not done in time and could not be stopped: the session is of no use any more.
    Broken,
    /// The login did not come to a prompt: the session is of no use.
    Failed(Failure),
}

/// A line that was typed and whose prompt has not come.
#[derive(Debug)]
struct Typed {
    text: String,
    deadline: Instant,
    echo_seen: bool,
    /// When a doubtful prompt is believed.
    believe_at: Option<Instant>,
    /// Bytes of lines before the doubtful prompt.
    lines_before: usize,
}

#[derive(Debug)]
enum State {
    Seeking {
        deadline: Instant,
        nudge: Instant,
    },
    Confirming {
        candidate: String,
        deadline: Instant,
        nudge: Instant,
    },
    Enabling {
        password_sent: bool,
        /// When the old prompt is taken for a refusal that has no words.
        judge_at: Option<Instant>,
        deadline: Instant,
    },
    SettingUp {
        step: usize,
        typed: Typed,
    },
    Ready,
    Running(Typed),
    Interrupting {
        until: Instant,
    },
    Ended,
}

/// The dialogue with one device.
#[derive(Debug)]
pub(crate) struct Dialogue {
    manners: Arc<Manners>,
    enable_secret: Option<Secret>,
    /// What the login was answered with: not typed here, and not to be shown either.
    password: Option<Secret>,
    /// Bound on each step of the login.
    step_timeout: Duration,
    cleaner: Cleaner,
    /// The literal prompt, without spaces at its end.
    prompt: Vec<u8>,
    /// Whether the device echoes, once that is known.
    echoes: Option<bool>,
    doubt: Doubt,
    /// A command was stopped, so that what comes late is no surprise.
    stopped: bool,
    state: State,
    transmit: Outgoing,
    events: VecDeque<Event>,
}

impl Dialogue {
    /// A dialogue that begins at `now` with a fresh shell; each step of the login may take `step_timeout`.
    pub(crate) fn new(
        manners: Arc<Manners>,
        enable_secret: Option<Secret>,
        step_timeout: Duration,
        now: Instant,
    ) -> Self {
        Self {
            manners,
            enable_secret,
            password: None,
            step_timeout,
            cleaner: Cleaner::new(MAX_OUTPUT),
            prompt: Vec::new(),
            echoes: None,
            doubt: Doubt::default(),
            stopped: false,
            state: State::Seeking {
                deadline: now + step_timeout,
                nudge: now + NUDGE,
            },
            transmit: Outgoing::default(),
            events: VecDeque::new(),
        }
    }

    /// Hides `password` in what the device says, too.
    pub(crate) fn hiding(mut self, password: Option<Secret>) -> Self {
        self.password = password;
        self
    }

    /// Takes in what the device sent. Tells whether the driver must look: something is to be sent, something
    /// happened, or the next timeout is sooner than it was.
    pub(crate) fn handle_data(&mut self, bytes: &[u8], now: Instant) -> bool {
        let timeout = self.poll_timeout();
        self.cleaner.feed(bytes);
        self.advance(now);
        !self.transmit.is_empty()
            || !self.events.is_empty()
            || self
                .poll_timeout()
                .is_some_and(|after| timeout.is_none_or(|before| after < before))
    }

    /// Types a command whose output must be whole at `deadline`.
    ///
    /// # Panics
    /// When the device does not wait for a command; [`Event::Ready`], [`Event::Output`] and
    /// [`Event::TimedOut`] say that it does.
    pub(crate) fn start_command(&mut self, text: &str, deadline: Instant) {
        assert!(
            matches!(self.state, State::Ready),
            "a command was started before the last one ended"
        );
        let typed = self.type_line(text, deadline);
        self.state = State::Running(typed);
    }

    /// What to send next.
    pub(crate) fn poll_transmit(&mut self) -> Option<Outgoing> {
        (!self.transmit.is_empty()).then(|| std::mem::take(&mut self.transmit))
    }

    /// What happened next.
    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Self::handle_timeout`] is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Seeking { deadline, nudge }
            | State::Confirming {
                deadline, nudge, ..
            } => Some(*deadline.min(nudge)),
            State::Enabling {
                deadline, judge_at, ..
            } => Some(judge_at.map_or(*deadline, |at| at.min(*deadline))),
            State::SettingUp { typed, .. } | State::Running(typed) => Some(
                typed
                    .believe_at
                    .map_or(typed.deadline, |at| at.min(typed.deadline)),
            ),
            State::Interrupting { until } => Some(*until),
            State::Ready | State::Ended => None,
        }
    }

    /// Time has passed. Harmless when nothing was due.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        match &mut self.state {
            State::Seeking { deadline, .. } | State::Confirming { deadline, .. }
                if now >= *deadline =>
            {
                self.fail_no_prompt("no prompt was recognised");
            }
            State::Seeking { nudge, .. } | State::Confirming { nudge, .. } if now >= *nudge => {
                *nudge = now + NUDGE;
                self.send_newline();
            }
            State::Enabling { deadline, .. } if now >= *deadline => {
                self.fail(
                    Reason::EnableFailed,
                    "the device did not become privileged in time".into(),
                    None,
                );
            }
            State::Enabling { judge_at, .. } if judge_at.is_some_and(|at| now >= at) => {
                self.refuse_enable("");
            }
            State::SettingUp { typed, .. } if now >= typed.deadline => {
                let what = format!("no prompt came after \"{}\"", typed.text);
                self.fail_no_prompt(&what);
            }
            State::Running(typed) if now >= typed.deadline => {
                self.transmit.push(&self.manners.interrupt);
                self.cleaner.clear();
                self.stopped = true;
                self.state = State::Interrupting {
                    until: now + INTERRUPT_GRACE,
                };
            }
            State::SettingUp { typed, .. } | State::Running(typed)
                if typed.believe_at.is_some_and(|at| now >= at) =>
            {
                self.finish(now);
            }
            State::Interrupting { until } if now >= *until => {
                self.state = State::Ended;
                self.events.push_back(Event::Broken);
            }
            _ => {}
        }
    }

    fn advance(&mut self, now: Instant) {
        if self.answer_pager() {
            return;
        }
        match &self.state {
            State::Seeking { .. } => self.seek(now),
            State::Confirming { .. } => self.confirm(now),
            State::Enabling { .. } => self.enable(now),
            State::SettingUp { .. } | State::Running(_) => self.look_for_end(now),
            State::Interrupting { .. } => {
                if self.shows_prompt() {
                    self.become_ready(Event::TimedOut);
                } else if self.cleaner.lines().len() > QUIET_LINES {
                    let lines = self.cleaner.lines().len();
                    self.cleaner.drop_front(lines);
                }
            }
            // Nobody asked.
            State::Ready => self.note_leftovers(self.cleaner.lines().len(), now),
            State::Ended => self.cleaner.clear(),
        }
    }

    fn answer_pager(&mut self) -> bool {
        let line = self.cleaner.current_line();
        let shown = line.trim_ascii_end();
        let found = self.manners.pagers.iter().find(|pager| {
            let mark = pager.mark.trim();
            !mark.is_empty() && shown.ends_with(mark.as_bytes())
        });
        let Some(pager) = found else { return false };
        // The spaces around the mark go with it.
        let before = &shown[..shown.len() - pager.mark.trim().len()];
        let cut = line.len() - before.trim_ascii_end().len();
        let answer = match self.state {
            State::Ready | State::Ended => return false,
            State::Interrupting { .. } => self.manners.interrupt.clone(),
            _ => pager.answer.clone(),
        };
        self.transmit.push(&answer);
        self.cleaner.cut_line_end(cut);
        true
    }

    fn type_line(&mut self, text: &str, deadline: Instant) -> Typed {
        self.cleaner.clear();
        self.transmit.push(text);
        self.transmit.push(&self.manners.newline);
        Typed {
            text: text.into(),
            deadline,
            echo_seen: false,
            believe_at: None,
            lines_before: 0,
        }
    }

    fn become_ready(&mut self, event: Event) {
        self.stopped = matches!(event, Event::TimedOut);
        self.cleaner.clear();
        self.state = State::Ready;
        self.events.push_back(event);
    }

    fn shows_prompt(&self) -> bool {
        self.cleaner.current_line().trim_ascii_end() == self.prompt
    }

    /// What of the device's text may stand in a message: short, and without the secrets that it was sent.
    fn quote(&self, text: &str) -> String {
        let secrets = [&self.enable_secret, &self.password];
        let hidden = secrets
            .into_iter()
            .flatten()
            .fold(text.to_owned(), |text, secret| secret.hide_in(&text));
        excerpt(&hidden)
    }
}

/// While a command is being stopped, so many bytes of lines are let pile up before they are dropped.
const QUIET_LINES: usize = 4 * 1024;

/// Device text as it is worked with from here on.
fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests;
