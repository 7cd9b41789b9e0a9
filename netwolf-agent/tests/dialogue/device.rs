//! A device that answers at once: what is typed goes in, what its terminal shows comes out.

use std::{collections::VecDeque, fmt::Write};

use crate::faces::{Echo, Face};

/// What a command does.
#[derive(Clone, Debug)]
pub(crate) struct Command {
    pub(crate) text: String,
    /// Lines without their ends.
    pub(crate) output: Vec<String>,
    /// The pager shows up after so many lines.
    pub(crate) page: Option<usize>,
    /// The prompt is another one afterwards.
    pub(crate) prompt: Option<&'static str>,
    /// It stops after so many lines, until it is interrupted.
    pub(crate) hangs: Option<(usize, Late)>,
}

/// What an interrupt finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Late {
    /// The command is stopped.
    Stopped,
    /// The command has just ended, with a prompt; there is another one for the interrupt.
    Ended,
}

#[derive(Debug, PartialEq)]
enum Mode {
    /// Waits for the answer to the question at login; what has come of it.
    Question(String),
    /// Takes commands.
    Shell,
    /// Waits for the enable secret.
    Secret,
    /// Waits for a key; the lines that are left.
    Pager(VecDeque<String>),
    /// Waits for an interrupt; the lines that are left.
    Hanging(VecDeque<String>, Late),
}

/// The device.
pub(crate) struct Device {
    face: Face,
    commands: Vec<Command>,
    mode: Mode,
    prompt: String,
    typed: String,
    after_return: bool,
    shown: String,
}

impl Device {
    /// A device that was just logged in to.
    pub(crate) fn new(face: Face, commands: Vec<Command>) -> Self {
        let mut device = Self {
            face,
            commands,
            mode: Mode::Shell,
            prompt: face.user.unwrap_or(face.prompt).into(),
            typed: String::new(),
            after_return: false,
            shown: face.banner.into(),
        };
        if let Some((question, _)) = face.question {
            device.shown.push_str(question);
            device.mode = Mode::Question(String::new());
        } else {
            device.show_prompt();
        }
        device
    }

    /// Takes what is typed.
    pub(crate) fn type_in(&mut self, bytes: &[u8]) {
        for key in String::from_utf8_lossy(bytes).chars() {
            let second = self.after_return && key == '\n';
            self.after_return = key == '\r';
            if second {
                continue;
            }
            match &mut self.mode {
                Mode::Question(so_far) => {
                    so_far.push(key);
                    let (_, answer) = self.face.question.expect("it was asked");
                    if so_far.ends_with(answer) {
                        self.mode = Mode::Shell;
                        self.shown.push_str("\r\n");
                        self.show_prompt();
                    }
                }
                Mode::Pager(lines) => {
                    let lines = std::mem::take(lines);
                    self.mode = Mode::Shell;
                    let (_, wipe) = self.face.pager.expect("it was shown");
                    self.shown.push_str(wipe);
                    self.show_lines(lines, None);
                }
                Mode::Hanging(lines, late) => {
                    if key == '\u{3}' {
                        let (lines, late) = (std::mem::take(lines), *late);
                        self.mode = Mode::Shell;
                        if late == Late::Ended {
                            self.show_lines(lines, None);
                        }
                        self.shown.push_str("^C\r\n");
                        self.show_prompt();
                    }
                }
                Mode::Shell | Mode::Secret => match key {
                    '\r' | '\n' => self.enter(),
                    '\u{3}' => self.typed.clear(),
                    key => self.typed.push(key),
                },
            }
        }
    }

    /// What is to be seen since the last look.
    pub(crate) fn look(&mut self) -> String {
        std::mem::take(&mut self.shown)
    }

    fn enter(&mut self) {
        let typed = std::mem::take(&mut self.typed);
        if std::mem::replace(&mut self.mode, Mode::Shell) == Mode::Secret {
            self.prompt = self.face.prompt.into();
            self.shown.push_str("\r\n");
            self.show_prompt();
            return;
        }
        self.echo(&typed);
        if self.face.user.is_some() && typed == "enable" {
            self.mode = Mode::Secret;
            self.shown.push_str("Password: ");
            return;
        }
        let known = self.commands.iter().find(|command| command.text == typed);
        match known.cloned() {
            Some(command) => {
                if let Some(prompt) = command.prompt {
                    self.prompt = prompt.into();
                }
                let mut lines = VecDeque::from(command.output);
                if let Some((n, late)) = command.hangs {
                    for line in lines.drain(..n) {
                        write!(self.shown, "{line}\r\n").expect("text takes text");
                    }
                    self.mode = Mode::Hanging(lines, late);
                } else {
                    self.show_lines(lines, command.page);
                }
            }
            None => self.show_prompt(),
        }
    }

    fn show_lines(&mut self, mut lines: VecDeque<String>, page: Option<usize>) {
        let page = page.filter(|_| self.face.pager.is_some());
        let n = page.unwrap_or(lines.len()).min(lines.len());
        for line in lines.drain(..n) {
            self.shown.push_str(&line);
            self.shown.push_str("\r\n");
        }
        match self.face.pager {
            Some((mark, _)) if !lines.is_empty() => {
                self.shown.push_str(mark);
                self.mode = Mode::Pager(lines);
            }
            _ => self.show_prompt(),
        }
    }

    fn show_prompt(&mut self) {
        self.shown.push_str(self.face.above);
        if self.face.echo == Echo::Drawn {
            self.shown.push_str("\x1b[24;1H\x1b[2K\x1b[24;1H\x1b[?25h");
        }
        self.shown.push_str(&self.prompt);
        if self.face.echo == Echo::Drawn {
            let column = self.prompt.len() + 1;
            write!(self.shown, "\x1b[24;1H\x1b[24;{column}H\x1b[?25h").expect("text takes text");
        }
    }

    fn echo(&mut self, typed: &str) {
        let before = self.prompt.len();
        match self.face.echo {
            Echo::None => {}
            Echo::Plain => self.shown.push_str(typed),
            Echo::TwoReturns => {
                self.shown.push_str(typed);
                self.shown.push('\r');
            }
            Echo::Wrapped(width) => {
                for (n, key) in typed.chars().enumerate() {
                    if n > 0 && (before + n).is_multiple_of(width) {
                        self.shown.push_str("\r\n");
                    }
                    self.shown.push(key);
                }
            }
            Echo::Twice => {
                self.shown.push_str(typed);
                if !typed.is_empty() {
                    self.shown.push_str("\r\n");
                    self.shown.push_str(&self.prompt);
                    self.shown.push_str(typed);
                }
            }
            Echo::Repainted => {
                for (at, _) in typed.match_indices(' ') {
                    let part = typed.get(..at).expect("a space is a character");
                    write!(self.shown, "\r\x1b[K{}{part}\x1b[K", self.prompt)
                        .expect("text takes text");
                }
                write!(self.shown, "\r\x1b[K{}{typed}\r", self.prompt).expect("text takes text");
            }
            Echo::Drawn => {
                for (n, key) in typed.chars().enumerate() {
                    let (column, next) = (before + n + 1, before + n + 2);
                    write!(self.shown, "\x1b[24;{column}H{key}\x1b[24;{next}H\x1b[?25h")
                        .expect("text takes text");
                }
                self.shown.push_str("\x1b[24;0H\x1bE\x1b[24;1H");
                return;
            }
        }
        self.shown.push_str("\r\n");
    }
}
