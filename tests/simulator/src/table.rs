//! Every family but live IOS: one engine, and a table of peculiarities for each.
//!
//! ```text
//!   open ──> Question ──key──> Line <──────────── answer
//!                               │ Enter               │ longer than the page
//!                               ├──> command ─────────┤──> More ──key──> Line
//!                               ├──> Secret (enable)  └──> Line
//!                               └──> Confirm (logout) ──> Closed, Uncommitted (leaving a mode) ──> Line
//! ```
//!
//! Each byte is handled alone, so it does not matter how the client cut its packets. What is
//! peculiar to a family is in [`traits`] (the words) and `platforms` (the tables), what it prints in
//! [`answers`] with its values in `values`; what a line does is in `run`, how typing is shown in `echo`.

mod answers;
mod echo;
mod filter;
mod pages;
mod platforms;
mod run;
#[cfg(test)]
mod tests;
mod traits;
mod values;
mod words;

use std::borrow::Cow;
use std::sync::Arc;

use crate::configuring::Place;
use crate::device::{Facts, Profile};
use crate::dialogue::{Around, Dialogue, Output, Outputs};

use echo::Echoer;
use pages::Pager;
use run::Next;
use traits::{Enter, Mode, Uncommitted};

pub(crate) use answers::written;
pub(crate) use platforms::traits;
pub(crate) use traits::Traits;
pub(crate) use values::{View, clock, fill};

/// Rows and columns of a terminal that did not say.
const DEFAULT_ROWS: usize = 24;
const DEFAULT_COLUMNS: usize = 80;
/// The longest line, in bytes; more is dropped.
const LINE_LIMIT: usize = 1024;

const CTRL_C: u8 = 0x03;
const CTRL_Z: u8 = 0x1a;
const ESCAPE: u8 = 0x1b;

/// What the next byte means. Without `Debug`, for it may hold a secret.
enum State {
    /// A key is awaited between login and prompt; what was typed of it.
    Question(Vec<u8>),
    /// A command line is being typed.
    Line,
    /// The enable secret is being typed, unseen.
    Secret(Vec<u8>),
    /// A page is full.
    More(Pager),
    /// A logout waits to be confirmed.
    Confirm,
    /// Configuration is about to be left, and it is asked what becomes of what waits for a commit; what was typed.
    Uncommitted(Vec<u8>),
    /// Over.
    Closed,
}

/// One login to one device. Without `Debug`, as [`State`].
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of its own at the device"
)]
pub(crate) struct TableDialogue {
    profile: Arc<Profile>,
    traits: &'static Traits,
    facts: Facts,
    hostname: Arc<str>,
    /// A hostname that waits for a commit.
    candidate: Option<Arc<str>>,
    /// Lines of configuration that wait for a commit, each below those that lead to it.
    lines_to_be: Vec<Vec<String>>,
    /// The bytes of these.
    bytes_to_be: usize,
    /// Whether lines wait for a commit where this login is.
    staged: bool,
    user: String,
    mode: Mode,
    /// What the prompt shows of the way into configuration.
    context: &'static str,
    /// Where in the configuration.
    place: Place,
    /// The configuration has changes that are not saved, as far as this login knows.
    changed: bool,
    /// The device shows its mark whatever this login knows.
    marked: bool,
    state: State,
    line: Vec<u8>,
    echo: Echoer,
    escape: Escape,
    /// The last byte was CR, so an LF right after it belongs to the same line end.
    after_cr: bool,
    rows: usize,
    /// Rows of the terminal itself, for a pager that is switched on again.
    terminal_rows: usize,
    pager_on: bool,
    pager_forced: bool,
    stamps: bool,
}

/// How much of an escape sequence was seen; sequences that are typed are swallowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    No,
    Began,
    Inside,
}

impl Dialogue for TableDialogue {
    fn open(&mut self, around: &Around<'_>, out: &mut Outputs) {
        self.look(around);
        if let Some(transcript) = &self.profile.transcript {
            let greeting = self.lines(&transcript.before_prompt);
            out.text(greeting);
            return self.print_prompt(around, out);
        }
        let motd = self.profile.motd.replace("{hostname}", &self.hostname);
        let greeting = self.fill(self.traits.greeting, around, "");
        out.text(self.lines(&motd));
        out.text(self.lines(&greeting));
        match self.traits.question {
            Some(question) if question.always || self.profile.questions => {
                out.text(self.lines(question.text));
                self.state = State::Question(Vec::new());
            }
            _ => self.print_prompt(around, out),
        }
    }

    fn exec(&mut self, command: &str, around: &Around<'_>, out: &mut Outputs) {
        self.look(around);
        out.push(Output::Answer);
        let status = self.run_exec(command.trim(), around, out);
        self.close(status, out);
    }

    fn handle_bytes(&mut self, bytes: &[u8], around: &Around<'_>, out: &mut Outputs) {
        self.look(around);
        for &byte in bytes {
            self.handle_byte(byte, around, out);
        }
    }

    fn echo_ahead(&self, bytes: &[u8]) -> Vec<u8> {
        match self.state {
            State::Line if self.traits.echo == traits::Echo::Twice => echo::raw(bytes),
            _ => Vec::new(),
        }
    }

    fn resize(&mut self, columns: usize, rows: usize) {
        self.echo.set_width(if columns == 0 {
            DEFAULT_COLUMNS
        } else {
            columns
        });
        self.terminal_rows = if rows == 0 { DEFAULT_ROWS } else { rows };
        self.rows = self.terminal_rows;
    }

    fn prompt(&self) -> String {
        let all = self.prompt_text(None);
        all.rsplit('\n').next().unwrap_or_default().to_owned()
    }
}

impl TableDialogue {
    pub(crate) fn new(profile: Arc<Profile>, facts: Facts, hostname: Arc<str>, user: &str) -> Self {
        let traits = profile.manner.traits();
        let mode = match (traits.start, traits.enable) {
            (Mode::User, Some(_)) if profile.privileged => Mode::Privileged,
            (start, _) => start,
        };
        let mode = match &profile.transcript {
            Some(transcript) => run::mode_of(traits, &transcript.prompt).unwrap_or(mode),
            None => mode,
        };
        Self {
            profile,
            traits,
            facts,
            hostname,
            candidate: None,
            lines_to_be: Vec::new(),
            bytes_to_be: 0,
            staged: false,
            // RouterOS takes wishes for the terminal behind a plus sign.
            user: user.split('+').next().unwrap_or_default().to_owned(),
            mode,
            context: "",
            place: Place::default(),
            changed: false,
            marked: false,
            state: State::Line,
            line: Vec::new(),
            echo: Echoer::new(traits.echo, DEFAULT_COLUMNS),
            escape: Escape::No,
            after_cr: false,
            rows: DEFAULT_ROWS,
            terminal_rows: DEFAULT_ROWS,
            pager_on: true,
            pager_forced: false,
            stamps: traits.stamps,
        }
    }

    /// Takes over what may have changed since the last call.
    fn look(&mut self, around: &Around<'_>) {
        if *self.hostname != **around.hostname {
            self.hostname = Arc::clone(around.hostname);
        }
        self.marked = around.mark;
        self.pager_forced = around.pager_forced;
    }

    fn handle_byte(&mut self, byte: u8, around: &Around<'_>, out: &mut Outputs) {
        let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
        let nothing = match byte {
            b'\n' => after_cr || self.traits.enter == Enter::Cr,
            byte => byte == 0,
        };
        if nothing || self.swallow_escape(byte) {
            return;
        }
        match std::mem::replace(&mut self.state, State::Line) {
            State::Line => self.type_byte(byte, around, out),
            State::Question(typed) => self.answer_question(byte, typed, around, out),
            State::Secret(typed) => self.type_secret(byte, typed, around, out),
            State::More(pager) => self.turn_page(byte, pager, around, out),
            State::Confirm => {
                out.text([byte]);
                out.text("\r\n");
                if byte.eq_ignore_ascii_case(&b'y') {
                    self.close(0, out);
                } else {
                    self.print_prompt(around, out);
                }
            }
            State::Uncommitted(typed) => self.answer_uncommitted(byte, typed, around, out),
            State::Closed => self.state = State::Closed,
        }
    }

    /// Whether `byte` is part of an escape sequence.
    fn swallow_escape(&mut self, byte: u8) -> bool {
        let (next, part) = match (self.escape, byte) {
            (Escape::No, ESCAPE) => (Escape::Began, true),
            (Escape::Began, b'[' | b'O') | (Escape::Inside, 0x20..=0x3f) => (Escape::Inside, true),
            (Escape::Began, b'a'..=b'z') | (Escape::Inside, 0x40..=0x7e) => (Escape::No, true),
            _ => (Escape::No, false),
        };
        self.escape = next;
        part
    }

    fn type_byte(&mut self, byte: u8, around: &Around<'_>, out: &mut Outputs) {
        match byte {
            b'\r' | b'\n' => {
                let line = String::from_utf8_lossy(&std::mem::take(&mut self.line)).into_owned();
                let prompt = self.prompt();
                self.echo.end(&prompt, &line, self.traits.line_end, out);
                self.run_line(&line, around, out);
            }
            CTRL_C | CTRL_Z => {
                self.line.clear();
                out.text("^C");
                out.text(self.traits.line_end);
                if byte == CTRL_Z && self.mode == Mode::Config {
                    match self.mind_uncommitted(out) {
                        None => self.end_configure(),
                        Some(Next::Failure(words)) => out.text(self.lines(&words)),
                        Some(_) => return,
                    }
                }
                self.print_prompt(around, out);
            }
            // Ctrl-U and Ctrl-X take the whole line away.
            0x08 | 0x7f if self.line.pop().is_some() => self.echo.back(out),
            0x15 | 0x18 => {
                while self.line.pop().is_some() {
                    self.echo.back(out);
                }
            }
            _ if byte >= b' ' && byte != 0x7f && self.line.len() < LINE_LIMIT => {
                self.line.push(byte);
                self.echo.push(byte, out);
            }
            _ => {}
        }
    }

    fn answer_question(
        &mut self,
        byte: u8,
        mut typed: Vec<u8>,
        around: &Around<'_>,
        out: &mut Outputs,
    ) {
        let Some(question) = self.traits.question else {
            return self.print_prompt(around, out);
        };
        let is_end = matches!(byte, b'\r' | b'\n');
        if question.with_enter && !is_end {
            out.text([byte]);
            typed.push(byte);
            self.state = State::Question(typed);
            return;
        }
        let key = typed.last().copied().unwrap_or(byte).to_ascii_lowercase();
        let among = |keys: &str| keys.bytes().any(|one| one == key);
        if among(question.refuse) {
            out.text("\r\n");
            self.close(0, out);
        } else if question.accept.is_empty() || among(question.accept) {
            out.text("\r\n");
            self.print_prompt(around, out);
        } else {
            // Line ends behind an answer are no answers.
            if !is_end {
                out.text("\r\n");
                out.text(self.lines(question.text));
            }
            self.state = State::Question(Vec::new());
        }
    }

    fn answer_uncommitted(
        &mut self,
        byte: u8,
        mut typed: Vec<u8>,
        around: &Around<'_>,
        out: &mut Outputs,
    ) {
        if !matches!(byte, b'\r' | b'\n') {
            if typed.len() < LINE_LIMIT {
                out.text([byte]);
                typed.push(byte);
            }
            self.state = State::Uncommitted(typed);
            return;
        }
        out.text(self.traits.line_end);
        match (
            self.traits.uncommitted,
            typed.first().map(u8::to_ascii_lowercase),
        ) {
            (Some(Uncommitted::AsksToCommit(_)), Some(b'y')) => {
                self.commit(out);
                self.end_configure();
            }
            (Some(Uncommitted::AsksToCommit(_)), Some(b'n'))
            | (Some(Uncommitted::AsksToGiveUp(_)), Some(b'y') | None) => self.end_configure(),
            _ => {}
        }
        self.print_prompt(around, out);
    }

    fn type_secret(
        &mut self,
        byte: u8,
        mut typed: Vec<u8>,
        around: &Around<'_>,
        out: &mut Outputs,
    ) {
        match byte {
            b'\r' | b'\n' => {
                out.text("\r\n");
                let secret = self.profile.enable_secret.as_ref();
                if secret.is_some_and(|secret| secret.matches(&typed)) {
                    self.mode = Mode::Privileged;
                } else if let Some(enable) = self.traits.enable {
                    out.text(self.lines(enable.refusal));
                }
                self.print_prompt(around, out);
            }
            CTRL_C | CTRL_Z => {
                out.text("\r\n");
                self.print_prompt(around, out);
            }
            0x08 | 0x7f => {
                typed.pop();
                self.state = State::Secret(typed);
            }
            _ => {
                if typed.len() < LINE_LIMIT {
                    typed.push(byte);
                }
                self.state = State::Secret(typed);
            }
        }
    }

    fn turn_page(&mut self, byte: u8, mut pager: Pager, around: &Around<'_>, out: &mut Outputs) {
        let key = pager.key(byte);
        if pager.press(key, out) {
            self.print_prompt(around, out);
        } else {
            self.state = State::More(pager);
        }
    }

    fn end_configure(&mut self) {
        self.mode = match self.traits.start {
            Mode::User if self.traits.enable.is_some() => Mode::Privileged,
            start => start,
        };
        self.context = "";
        self.place.clear();
        if std::mem::take(&mut self.staged) {
            self.give_up();
        }
    }

    /// Nothing waits for a commit any more.
    fn give_up(&mut self) {
        self.changed = false;
        self.candidate = None;
        self.lines_to_be.clear();
        self.bytes_to_be = 0;
    }

    fn close(&mut self, status: u32, out: &mut Outputs) {
        self.state = State::Closed;
        out.push(Output::Close { status });
    }

    /// `text` with the family's line ends.
    fn lines(&self, text: &str) -> String {
        text.replace('\n', self.traits.line_end)
    }

    fn view<'a>(&'a self, around: &Around<'_>, argument: &'a str, context: &'a str) -> View<'a> {
        View {
            facts: self.facts,
            now: around.now,
            hostname: &self.hostname,
            user: &self.user,
            argument,
            context,
            marked: self.marked || self.changed,
            paging: self.pager_on,
        }
    }

    fn fill(&self, template: &str, around: &Around<'_>, argument: &str) -> String {
        let context = match self.place.shown() {
            // The name of a session stands before the place in it.
            Some(place) if !self.context.is_empty() && self.staged => {
                Cow::Owned(format!("{}{place}", self.context))
            }
            place => Cow::Borrowed(place.unwrap_or(self.context)),
        };
        values::fill(template, self.view(around, argument, &context))
    }
}
