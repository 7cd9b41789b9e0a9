//! A Cisco IOS router at the terminal: echo, prompt, modes, `enable`, pager, commands.
//!
//! ```text
//!            CR                 last line typed
//!   Line ──────────> command ──> answer ──> Line
//!    │                  │          └─ longer than the page ──> More ──> Line
//!    │                  └─ enable ──> Secret ──> Line
//!    └─ exit ──> Closed
//! ```
//!
//! Each byte is handled alone, so it does not matter how the client cut its packets.
//! What a line does is in `run`, what it prints in `show`, what may be typed in `commands`, editing
//! in `line`. Answers that need no code are written in `answers/cisco_ios`.

mod commands;
mod filter;
mod grammar;
mod interfaces;
mod line;
mod pager;
mod processes;
mod run;
mod show;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::clock::Moment;
use crate::configuring::Place;
use crate::device::{Facts, Profile};
use crate::dialogue::{Around, Dialogue, Output, Outputs};

use commands::{Action, Question};
use filter::Filter;
use grammar::Node;
use line::{Edit, Line};
use pager::{Key, Pager};

/// Rows and columns of a terminal that did not say.
const DEFAULT_ROWS: usize = 24;
const DEFAULT_COLUMNS: usize = 80;
/// Wrong enable secrets until the device gives up.
const SECRET_TRIES: u8 = 3;
/// The hostname is cut to this in the configuration prompt.
const CONFIG_PROMPT_NAME: usize = 20;

const CTRL_C: u8 = 0x03;
const CTRL_Z: u8 = 0x1a;
const ESCAPE: u8 = 0x1b;

/// What may be typed and what the prompt shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    User,
    Privileged,
    Config,
}

/// What the next byte means. Without `Debug`, for it may hold a secret.
enum State {
    /// A command line is being typed.
    Line,
    /// The enable secret is being typed, unseen.
    Secret { typed: Vec<u8>, wrong: u8 },
    /// Something is asked before it is done.
    Asked(Question),
    /// A page is full; the rest waits for a key.
    More(Pager),
    /// Over.
    Closed,
}

/// How much of an escape sequence (as of an arrow key) was seen; sequences are swallowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    No,
    Began,
    Inside,
}

/// One login to one IOS device. Without `Debug`, as [`State`].
pub(crate) struct IosDialogue {
    profile: Arc<Profile>,
    facts: Facts,
    hostname: Arc<str>,
    mode: Mode,
    /// Where in the configuration.
    place: Place,
    state: State,
    line: Line,
    escape: Escape,
    /// The last byte was CR, so an LF right after it belongs to the same line end.
    after_cr: bool,
    /// Rows of a page; 0 switches the pager off.
    length: usize,
    /// Pages are made although the pager is off.
    pager_forced: bool,
}

impl Dialogue for IosDialogue {
    fn open(&mut self, around: &Around<'_>, out: &mut Outputs) {
        self.hostname = Arc::clone(around.hostname);
        out.text(crlf(
            &self.profile.motd.replace("{hostname}", &self.hostname),
        ));
        self.print_prompt(out);
    }

    fn exec(&mut self, command: &str, around: &Around<'_>, out: &mut Outputs) {
        self.hostname = Arc::clone(around.hostname);
        self.length = 0;
        let command = command.trim();
        let (text, part) = filter::split(command);
        out.push(Output::Answer);
        let parsed = self
            .understand(commands::EXEC, text)
            .and_then(|found| Ok((found.action, found.argument, Filter::parse(part)?)));
        // IOS runs the command as the line's autocommand: any fault in it is told in one way,
        // and the exit status is 0 whatever happened.
        let body = match parsed {
            Ok((Action::Show(what), argument, filter)) => {
                out.push(Output::Shown);
                let filter = filter.as_ref();
                filter::apply(filter, self.show(what, argument, filter, around))
            }
            Ok((Action::Leave, ..)) => String::new(),
            _ => format!("Line has invalid autocommand \"{command}\"\n"),
        };
        out.text("\r\n");
        out.text(crlf(&body));
        self.close(out);
    }

    fn handle_bytes(&mut self, bytes: &[u8], around: &Around<'_>, out: &mut Outputs) {
        if *self.hostname != **around.hostname {
            self.hostname = Arc::clone(around.hostname);
        }
        self.pager_forced = around.pager_forced;
        for &byte in bytes {
            self.handle_byte(byte, around, out);
        }
    }

    fn resize(&mut self, columns: usize, rows: usize) {
        self.line.set_width(if columns == 0 {
            DEFAULT_COLUMNS
        } else {
            columns
        });
        self.length = if rows == 0 { DEFAULT_ROWS } else { rows };
    }

    fn prompt(&self) -> String {
        match self.mode {
            Mode::User => format!("{}>", self.hostname),
            Mode::Privileged => format!("{}#", self.hostname),
            Mode::Config => {
                let name: String = self.hostname.chars().take(CONFIG_PROMPT_NAME).collect();
                format!("{name}(config{})#", self.place.shown().unwrap_or_default())
            }
        }
    }
}

impl IosDialogue {
    pub(crate) fn new(profile: Arc<Profile>, facts: Facts, hostname: Arc<str>) -> Self {
        let mode = if profile.privileged {
            Mode::Privileged
        } else {
            Mode::User
        };
        Self {
            profile,
            facts,
            hostname,
            mode,
            place: Place::default(),
            state: State::Line,
            line: Line::new(DEFAULT_COLUMNS),
            escape: Escape::No,
            after_cr: false,
            length: DEFAULT_ROWS,
            pager_forced: false,
        }
    }

    fn handle_byte(&mut self, byte: u8, around: &Around<'_>, out: &mut Outputs) {
        let after_cr = std::mem::replace(&mut self.after_cr, byte == b'\r');
        if (byte == b'\n' && after_cr) || byte == 0 {
            return;
        }
        if self.swallow_escape(byte) {
            return;
        }
        let state = std::mem::replace(&mut self.state, State::Line);
        match state {
            State::Line => self.type_byte(byte, around, out),
            State::Secret { typed, wrong } => self.type_secret(byte, typed, wrong, out),
            State::Asked(question) => self.answer_question(byte, question, out),
            State::More(pager) => self.turn_page(byte, pager, out),
            State::Closed => self.state = State::Closed,
        }
    }

    /// Whether `byte` is part of an escape sequence.
    fn swallow_escape(&mut self, byte: u8) -> bool {
        let (next, part) = match (self.escape, byte) {
            (Escape::No, ESCAPE) => (Escape::Began, true),
            (Escape::Began, b'[' | b'O') | (Escape::Inside, 0x20..=0x3f) => (Escape::Inside, true),
            // A letter after a lone escape is a command to the line editor that is not offered.
            (Escape::Began, b'a'..=b'z') | (Escape::Inside, 0x40..=0x7e) => (Escape::No, true),
            _ => (Escape::No, false),
        };
        self.escape = next;
        part
    }

    fn type_byte(&mut self, byte: u8, around: &Around<'_>, out: &mut Outputs) {
        match byte {
            b'\r' | b'\n' => {
                out.text("\r\n");
                let line = self.line.take();
                self.run_line(&line, around, out);
            }
            CTRL_C | CTRL_Z => {
                self.line.take();
                if self.mode == Mode::Config || byte == CTRL_Z {
                    out.text(if byte == CTRL_C { "^C" } else { "^Z" });
                }
                out.text("\r\n");
                self.leave_config();
                self.print_prompt(out);
            }
            b'?' => self.help(out),
            b'\t' => self.complete(out),
            // Ctrl-L and Ctrl-R print the line again.
            0x0c | 0x12 => {
                out.text("\r\n");
                self.print_prompt(out);
                self.line.reprint(out);
            }
            _ => match Edit::of(byte) {
                Some(edit) => self.line.edit(edit, out),
                None if byte >= b' ' && byte != 0x7f => self.line.push(byte, out),
                None => {}
            },
        }
    }

    fn type_secret(&mut self, byte: u8, mut typed: Vec<u8>, wrong: u8, out: &mut Outputs) {
        match byte {
            b'\r' | b'\n' => {
                out.text("\r\n");
                if self
                    .profile
                    .enable_secret
                    .as_ref()
                    .is_some_and(|secret| secret.matches(&typed))
                {
                    self.mode = Mode::Privileged;
                } else if wrong + 1 < SECRET_TRIES {
                    out.text("Password: ");
                    self.state = State::Secret {
                        typed: Vec::new(),
                        wrong: wrong + 1,
                    };
                    return;
                } else {
                    out.text("% Bad secrets\r\n\r\n");
                }
                self.print_prompt(out);
            }
            CTRL_C | CTRL_Z => {
                out.text("\r\n");
                self.print_prompt(out);
            }
            _ => {
                match Edit::of(byte) {
                    Some(Edit::Character) => drop(typed.pop()),
                    Some(_) => typed.clear(),
                    None if typed.len() < line::LIMIT => typed.push(byte),
                    None => {}
                }
                self.state = State::Secret { typed, wrong };
            }
        }
    }

    /// A key at a question: Return takes what stands in brackets.
    fn answer_question(&mut self, byte: u8, question: Question, out: &mut Outputs) {
        let is_yes = match byte {
            b'\r' | b'\n' => true,
            b'y' | b'Y' => question != Question::Copy,
            _ => false,
        };
        // A name may be typed in full.
        if question == Question::Copy && byte.is_ascii_graphic() {
            out.text([byte]);
            self.state = State::Asked(question);
            return;
        }
        out.text("\r\n");
        if !is_yes {
            return self.print_prompt(out);
        }
        if self.profile.remembers {
            out.push(Output::Ran(format!("{} (confirmed)", question.command())));
        }
        match question {
            Question::Reload => self.close(out),
            Question::ClearCounters => self.print_prompt(out),
            Question::Copy => {
                out.text("Building configuration...\r\n[OK]\r\n");
                self.print_prompt(out);
            }
        }
    }

    fn turn_page(&mut self, byte: u8, mut pager: Pager, out: &mut Outputs) {
        let key = match byte {
            b' ' => Key::Page,
            b'\r' | b'\n' => Key::Row,
            _ => Key::Quit,
        };
        if pager.press(key, out) {
            self.print_prompt(out);
        } else {
            self.state = State::More(pager);
        }
    }

    fn print_prompt(&mut self, out: &mut Outputs) {
        let prompt = self.prompt();
        self.line.begin_after(prompt.chars().count());
        out.push(Output::Prompt(prompt.into_bytes()));
    }

    fn close(&mut self, out: &mut Outputs) {
        self.state = State::Closed;
        out.push(Output::Close { status: 0 });
    }

    fn leave_config(&mut self) {
        self.place.clear();
        if self.mode == Mode::Config {
            self.mode = Mode::Privileged;
        }
    }

    fn nodes(&self) -> &'static [Node] {
        if self.mode == Mode::Config {
            commands::CONFIG
        } else {
            commands::EXEC
        }
    }
}

/// The device as `show` commands see it.
#[derive(Clone, Copy)]
struct View<'a> {
    facts: Facts,
    hostname: &'a str,
    now: Moment,
}

/// Line ends as a terminal wants them.
fn crlf(text: &str) -> String {
    text.replace('\n', "\r\n")
}
