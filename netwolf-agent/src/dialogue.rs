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
//! The prompt is learned at login: the last line fits the platform's expression, in silence a newline is sent,
//! and the same line must come again. No newline is typed where a question may stand. From then on only that literal text ends output, and only the last line is
//! looked at after each read. A banner that ends in `#` is neither the one nor the other. When another text
//! stands where the prompt should be and fits the expression, it is asked about in the same way (see
//! `relearn`): the hostname, the mode or a mark has changed.
//!
//! Echo: a device that has once echoed what was typed is taken to do so always, and whatever comes before
//! the echo of a command is left over from before it and dropped. That is what makes late prompts harmless.
//! It also shows when a line of output was taken for the prompt, after which only a silence ends output.
//!
//! Call order: [`Dialogue::handle_data`] and [`Dialogue::handle_timeout`] at any time; after each, drain
//! [`Dialogue::poll_transmit`] and [`Dialogue::poll_event`], and wait until [`Dialogue::poll_timeout`].
//! Invariants: at most one command is in flight; output holds neither echo nor prompt; output is bounded by
//! [`MAX_OUTPUT`] plus a line.
//!
//! ```
//! use std::{sync::Arc, time::{Duration, Instant}};
//! use netwolf_agent::dialogue::{Dialogue, Event, Manners};
//! use netwolf_wire::platform::{Platform, Transport};
//!
//! let mut platform = Platform::new("example", Transport::Shell);
//! platform.prompts.insert("user".into(), "[a-z0-9-]+#".into());
//! let manners = Arc::new(Manners::compile(&platform)?);
//! let mut now = Instant::now();
//! let mut dialogue = Dialogue::new(manners, None, Duration::from_secs(5), now);
//!
//! dialogue.handle_data(b"\r\nWelcome\r\nrtr-1#", now);
//! now = dialogue.poll_timeout().unwrap();
//! dialogue.handle_timeout(now);
//! assert_eq!(&*dialogue.poll_transmit().unwrap(), b"\n");
//! dialogue.handle_data(b"\r\nrtr-1#", now);
//! now = dialogue.poll_timeout().unwrap();
//! dialogue.handle_timeout(now);
//! assert_eq!(dialogue.poll_event(), Some(Event::Ready));
//!
//! dialogue.start_command("show clock", now + Duration::from_secs(5));
//! assert_eq!(&*dialogue.poll_transmit().unwrap(), b"show clock\n");
//! dialogue.handle_data(b"show clock\r\n10:11:12 UTC\r\nrtr-1#", now);
//! // The first time that a command is run, a silence must follow the prompt.
//! dialogue.handle_timeout(dialogue.poll_timeout().unwrap());
//! let Some(Event::Output(output)) = dialogue.poll_event() else { panic!() };
//! assert_eq!(output.text, "10:11:12 UTC\n");
//! # Ok::<(), netwolf_agent::dialogue::MannersError>(())
//! ```

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use netwolf_wire::status::Failure;

use self::{
    answering::Answering, asking::Asking, cleaner::Cleaner, doubt::Doubt, familiar::Familiar,
    manners::excerpt, relearn::Suspect, stopping::Stopping,
};

mod answering;
mod asking;
mod cleaner;
mod doubt;
mod echo;
mod ending;
pub mod exec;
mod familiar;
mod login;
pub(crate) mod manners;
pub(crate) mod modes;
mod relearn;
mod shown;
mod stopping;
mod timing;

pub(crate) use self::shown::shown;
pub use self::{
    answering::Answer,
    manners::{Manners, MannersError},
};
pub use netwolf_secret::{Imprint, Outgoing, Secret};

/// Output of one command beyond this is cut, in bytes: the longest useful `show` output is some hundred KiB.
pub const MAX_OUTPUT: usize = 1 << 20;

/// How long a device has to show its prompt again after an interrupt.
pub(crate) const INTERRUPT_GRACE: Duration = Duration::from_secs(2);

/// A device that shows nothing new for so long at login is sent a newline.
const NUDGE: Duration = Duration::from_secs(2);

/// A prompt that might yet go on, or might be left over, is believed after so much silence.
const QUIET: Duration = Duration::from_millis(150);

/// A prompt that is not the one which was learned is asked about after so much silence.
const STRANGE_QUIET: Duration = Duration::from_millis(300);

/// Where the platform wants it, an empty line is typed when nothing was typed for so long.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Whole output of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Output {
    /// Lines as a terminal would show them.
    pub text: String,
    /// It was longer than [`MAX_OUTPUT`]; the text ends with the last line that fitted.
    pub truncated: bool,
    /// The line in which the device refused the command.
    pub rejected: Option<String>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
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

/// How far the echo of a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EchoSeen {
    /// It may still come.
    NotYet,
    /// It came, and may come once more, behind a prompt.
    MayRepeat,
    /// What comes is output.
    Over,
}

/// A line that was typed and whose prompt has not come.
#[derive(Debug)]
struct Typed {
    text: String,
    deadline: Instant,
    echo: EchoSeen,
    /// The echo came more than once.
    echo_repeated: bool,
    /// The prompt is believed after a silence only: its text may stand in the output, too.
    settles: bool,
    /// When a doubtful prompt is believed.
    believe_at: Option<Instant>,
    /// Bytes of lines before the doubtful prompt.
    lines_before: usize,
    /// Another text that stands where the prompt should.
    suspect: Option<Suspect>,
    /// Prompts that answer what was typed before this.
    owed_before: u32,
    /// Prompts that answer newlines which were typed since.
    owed_after: u32,
}

#[derive(Debug)]
enum State {
    Seeking {
        /// When a newline is sent behind a line that may be a prompt.
        ask_at: Option<Instant>,
        deadline: Instant,
        nudge: Instant,
    },
    Confirming {
        candidate: String,
        /// When the candidate, which came again, is believed.
        believe_at: Option<Instant>,
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
    Ready {
        /// When an empty line is due that keeps the session.
        keepalive: Option<Instant>,
    },
    Running(Typed),
    Interrupting(Stopping),
    Ended,
}

impl Typed {
    /// Whether what comes is output.
    fn echo_seen(&self) -> bool {
        self.echo != EchoSeen::NotYet
    }
}

impl State {
    fn typed(&mut self) -> Option<&mut Typed> {
        match self {
            Self::SettingUp { typed, .. } | Self::Running(typed) => Some(typed),
            _ => None,
        }
    }
}

/// The dialogue with one device.
#[derive(Debug)]
pub struct Dialogue {
    manners: Arc<Manners>,
    /// Until the login is over.
    enable_secret: Option<Secret>,
    /// Not to be shown: the same, and what the login was answered with.
    hidden: Vec<Imprint>,
    /// Bound on each step of the login.
    step_timeout: Duration,
    cleaner: Cleaner,
    /// The literal prompt, without spaces at its end.
    prompt: Vec<u8>,
    /// How often another prompt was learned since the login.
    relearns: u64,
    /// Whether the device echoes, once that is known.
    echoes: Option<bool>,
    doubt: Doubt,
    familiar: Familiar,
    asking: Asking,
    /// What the command that runs may be asked.
    answering: Answering,
    /// What stood there as a question when a command was stopped.
    unanswered: Option<String>,
    /// What was asked so often that the command was stopped.
    asked_too_often: Option<String>,
    /// `enable` was typed: once is enough.
    enable_typed: bool,
    /// The secret that it asked for was.
    enable_secret_typed: bool,
    /// Prompts that answer newlines which were typed while no command ran.
    owed: u32,
    /// A command was stopped, so that what comes late is no surprise.
    stopped: bool,
    state: State,
    transmit: Outgoing,
    events: VecDeque<Event>,
}

impl Dialogue {
    /// A dialogue that begins at `now` with a fresh shell; each step of the login may take `step_timeout`.
    pub fn new(
        manners: Arc<Manners>,
        enable_secret: Option<Secret>,
        step_timeout: Duration,
        now: Instant,
    ) -> Self {
        Self {
            manners,
            hidden: enable_secret.iter().map(Secret::imprint).collect(),
            enable_secret,
            step_timeout,
            cleaner: Cleaner::new(MAX_OUTPUT),
            prompt: Vec::new(),
            relearns: 0,
            echoes: None,
            doubt: Doubt::default(),
            familiar: Familiar::default(),
            asking: Asking::default(),
            answering: Answering::default(),
            unanswered: None,
            asked_too_often: None,
            enable_typed: false,
            enable_secret_typed: false,
            owed: 0,
            stopped: false,
            state: State::Seeking {
                ask_at: None,
                deadline: now + step_timeout,
                nudge: now + NUDGE,
            },
            transmit: Outgoing::default(),
            events: VecDeque::new(),
        }
    }

    /// Hides `password` in what the device says, too.
    #[must_use]
    pub fn hiding(mut self, password: Option<Imprint>) -> Self {
        self.hidden.extend(password);
        self
    }

    /// Takes in what the device sent. Tells whether the driver must look: something is to be sent, something
    /// happened, or the next timeout is sooner than it was.
    pub fn handle_data(&mut self, bytes: &[u8], now: Instant) -> bool {
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
    pub fn start_command(&mut self, text: &str, deadline: Instant) {
        self.start_command_answering(text, deadline, Arc::default());
    }

    /// As [`Self::start_command`], and `answers` are typed where the device asks for them meanwhile.
    ///
    /// # Panics
    /// As there.
    pub fn start_command_answering(
        &mut self,
        text: &str,
        deadline: Instant,
        answers: Arc<[Answer]>,
    ) {
        assert!(
            matches!(self.state, State::Ready { .. }),
            "a command was started before the last one ended"
        );
        let mut typed = self.type_line(text, deadline);
        typed.settles = !self.familiar.is_plain(text);
        self.answering = Answering::new(answers);
        self.unanswered = None;
        self.asked_too_often = None;
        self.state = State::Running(typed);
    }

    /// Types no answer any more, whatever the device asks; the command that runs is waited for.
    pub fn withhold_answers(&mut self) {
        self.answering.withhold();
    }

    /// The question that stood there when the last command was past its deadline, if it looked like one.
    pub fn take_unanswered(&mut self) -> Option<String> {
        self.unanswered.take()
    }

    /// What the last command asked again and again, however often it was answered, so that it was stopped.
    pub fn take_asked_too_often(&mut self) -> Option<String> {
        self.asked_too_often.take()
    }

    /// What the last command was answered, without the key that ends a line.
    pub fn take_answered(&mut self) -> Vec<String> {
        self.answering.take_told()
    }

    /// The literal prompt, once it is learned.
    pub(crate) fn prompt(&self) -> String {
        String::from_utf8_lossy(&self.prompt).into_owned()
    }

    /// What to send next.
    pub fn poll_transmit(&mut self) -> Option<Outgoing> {
        (!self.transmit.is_empty()).then(|| std::mem::take(&mut self.transmit))
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// How often the prompt had changed and was learned again since the login.
    pub const fn relearns(&self) -> u64 {
        self.relearns
    }

    /// Whether the device was sent the enable secret.
    pub(crate) const fn enable_secret_typed(&self) -> bool {
        self.enable_secret_typed
    }

    /// Memory that the device's text takes, in bytes: at most three times [`MAX_OUTPUT`].
    pub const fn held(&self) -> usize {
        self.cleaner.held()
    }

    fn advance(&mut self, now: Instant) {
        self.silence_ends();
        if self.see_pager(now) || self.hear_question(now) {
            return;
        }
        match &self.state {
            State::Seeking { .. } => self.seek(now),
            State::Confirming { .. } => self.confirm(now),
            State::Enabling { .. } => self.enable(now),
            State::SettingUp { .. } => self.look_for_end(now),
            State::Running(_) => {
                self.look_for_end(now);
                self.hear_of_step(now);
            }
            State::Interrupting(_) => self.watch_stop(now),
            // Nobody asked.
            State::Ready { .. } => {
                self.note_leftovers(self.cleaner.lines().len(), now);
                if self.shows_prompt() {
                    self.owed = self.owed.saturating_sub(1);
                    self.cleaner.clear();
                }
            }
            State::Ended => self.cleaner.clear(),
        }
    }

    fn type_line(&mut self, text: &str, deadline: Instant) -> Typed {
        self.cleaner.clear();
        self.transmit.push(text);
        self.transmit.push(&self.manners.newline);
        Typed {
            text: text.into(),
            deadline,
            echo: EchoSeen::NotYet,
            echo_repeated: false,
            settles: false,
            believe_at: None,
            lines_before: 0,
            suspect: None,
            owed_before: std::mem::take(&mut self.owed),
            owed_after: 0,
        }
    }

    fn send_newline(&mut self) {
        self.transmit.push(&self.manners.newline);
    }

    fn become_ready(&mut self, event: Event, now: Instant) {
        self.stopped = matches!(event, Event::TimedOut);
        self.cleaner.clear();
        self.answering.withhold();
        self.state = State::Ready {
            keepalive: self.manners.types_to_keep.then(|| now + KEEPALIVE),
        };
        self.events.push_back(event);
    }

    fn shows_prompt(&self) -> bool {
        self.cleaner.shown() == self.prompt
    }

    /// What of the device's text may stand in a message: short, and without the secrets that it was sent.
    fn quote(&self, text: &str) -> String {
        let secrets = self.hidden.iter();
        let hidden = secrets.fold(text.to_owned(), |text, secret| secret.hide_in(&text));
        excerpt(&hidden)
    }
}

/// Device text as it is worked with from here on.
fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests;
