//! What an ended line does: the command found, carried out or refused; help on the way.

use std::sync::Arc;

use super::commands::{self, Action, Show};
use super::filter::{self, Filter};
use super::grammar::{self, Fault, Found, Node};
use super::pager::Pager;
use super::{DEFAULT_COLUMNS, DEFAULT_ROWS, IosDialogue, Mode, State, View, crlf, show};
use crate::dialogue::{Around, Dialogue as _, Output, Outputs};
use crate::table;

/// A hostname's longest form, in bytes.
const HOSTNAME_LIMIT: usize = 63;

impl IosDialogue {
    /// Runs one line that was typed and ended.
    pub(super) fn run_line(&mut self, line: &str, around: &Around<'_>, out: &mut Outputs) {
        let trimmed = line.trim_start();
        if trimmed.is_empty() || trimmed.starts_with('!') {
            self.print_prompt(out);
            return;
        }
        out.push(Output::Answer);
        if !self.profile.allows(line) {
            out.text("Command authorization failed.\r\n\r\n");
            return self.print_prompt(out);
        }
        if self.profile.remembers {
            out.push(Output::Ran(line.trim().to_owned()));
        }
        self.run(self.nodes(), line, 0, around, out);
    }

    /// Runs `line` from byte `start` on, as a command of `nodes`.
    fn run(
        &mut self,
        nodes: &'static [Node],
        line: &str,
        start: usize,
        around: &Around<'_>,
        out: &mut Outputs,
    ) {
        let (before, typed) = line.split_at_checked(start).unwrap_or(("", line));
        let (text, part) = filter::split(typed);
        let parsed = self
            .understand(nodes, text)
            .and_then(|found| Ok((Filter::parse(part)?, found)));
        let (filter, found) = match parsed {
            Ok((Some(_), found)) if !matches!(found.action, Action::Show(_) | Action::Do) => {
                let fault = Fault::Invalid {
                    place: text.chars().count(),
                };
                return self.refuse(&fault, before, line, out);
            }
            Ok((filter, found)) => (filter, found),
            Err(Fault::Invalid { .. }) if self.profile.remembers && self.mode == Mode::Config => {
                return self.configure(line, out);
            }
            Err(fault) => return self.refuse(&fault, before, line, out),
        };
        match found.action {
            Action::Show(what) => {
                out.push(Output::Shown);
                let body = self.show(what, found.argument, filter.as_ref(), around);
                return self.answer(filter::apply(filter.as_ref(), body), out);
            }
            // The rest of the line is parsed again, filter and all, as a command of the exec.
            Action::Do => {
                return self.run(commands::EXEC, line, start + found.argument_at, around, out);
            }
            Action::Leave if self.mode == Mode::Config => {
                if !self.place.up() {
                    self.leave_config();
                }
            }
            Action::Leave => return self.close(out),
            Action::End => self.leave_config(),
            Action::Enable => return self.enable(out),
            Action::Disable => self.mode = Mode::User,
            Action::Configure => {
                self.mode = Mode::Config;
                out.text("Enter configuration commands, one per line.  End with CNTL/Z.\r\n");
            }
            Action::Hostname => self.rename(found.argument, out),
            Action::Ask(question) => {
                out.text(question.asks());
                self.state = State::Asked(question);
                return;
            }
            Action::Write => out.text("Building configuration...\r\n[OK]\r\n"),
            Action::Length => self.length = found.argument.parse().unwrap_or(DEFAULT_ROWS),
            Action::Width => {
                self.line
                    .set_width(found.argument.parse().unwrap_or(DEFAULT_COLUMNS));
            }
        }
        self.print_prompt(out);
    }

    /// Takes a line of configuration that the tree of commands does not have.
    fn configure(&mut self, line: &str, out: &mut Outputs) {
        let grammar = self.profile.manner.traits().configuration;
        match self.place.take(grammar, line, true) {
            Ok(path) => {
                out.push(Output::Configured(path));
                self.print_prompt(out);
            }
            Err(at) => {
                let begin = line.trim_start();
                let fitting = begin.get(..at).unwrap_or(begin);
                let place = line.chars().count() - begin.chars().count() + fitting.chars().count();
                self.refuse(&Fault::Invalid { place }, "", line, out);
            }
        }
    }

    /// What `text` asks for: a command of `nodes`, or outside configuration one whose answer is written. The
    /// tree comes first, because it has what is polled every second.
    pub(super) fn understand<'a>(
        &self,
        nodes: &'static [Node],
        text: &'a str,
    ) -> Result<Found<'a>, Fault> {
        let privileged = self.mode != Mode::User;
        let fault = match grammar::parse(nodes, text, privileged) {
            Err(fault @ Fault::Invalid { .. }) if commands::has_shows(nodes) => fault,
            result => return result,
        };
        let reply = table::written("cisco_ios", text).ok_or(fault)?;
        Ok(Found {
            action: Action::Show(Show::Written(reply)),
            argument: "",
            argument_at: 0,
        })
    }

    fn rename(&mut self, name: &str, out: &mut Outputs) {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.len() <= HOSTNAME_LIMIT && name.chars().all(legal) {
            self.hostname = Arc::from(name);
            out.push(Output::Hostname(Arc::clone(&self.hostname)));
        } else {
            out.text("% Hostname contains one or more illegal characters.\r\n");
        }
    }

    /// Tells what is wrong with `line`, whose faulty command begins after `before`.
    fn refuse(&mut self, fault: &Fault, before: &str, line: &str, out: &mut Outputs) {
        match fault {
            Fault::Invalid { place } => {
                let column = self.prompt().chars().count() + before.chars().count() + place;
                let blanks = " ".repeat(column);
                out.text(format!(
                    "{blanks}^\r\n% Invalid input detected at '^' marker.\r\n\r\n"
                ));
            }
            Fault::Ambiguous => {
                out.text(format!("% Ambiguous command:  \"{}\"\r\n", line.trim()));
            }
            Fault::Incomplete => out.text("% Incomplete command.\r\n\r\n"),
            Fault::NeedsSubcommand { keyword } => {
                out.text(format!(
                    "% Type \"{keyword} ?\" for a list of subcommands\r\n"
                ));
            }
            Fault::BadPattern => out.text("% Failed to compile regular expression.\r\n\r\n"),
        }
        self.print_prompt(out);
    }

    fn enable(&mut self, out: &mut Outputs) {
        if self.mode == Mode::Privileged {
            self.print_prompt(out);
        } else if self.profile.enable_secret.is_some() {
            out.text("Password: ");
            self.state = State::Secret {
                typed: Vec::new(),
                wrong: 0,
            };
        } else {
            out.text("% No password set\r\n");
            self.print_prompt(out);
        }
    }

    /// The output of one command; `filter` may leave out of it what it would take out anyhow.
    pub(super) fn show(
        &self,
        what: Show,
        argument: &str,
        filter: Option<&Filter>,
        around: &Around<'_>,
    ) -> String {
        let view = View {
            facts: self.facts,
            hostname: &self.hostname,
            now: around.now,
        };
        show::show(what, argument, filter, view, around)
    }

    /// Prints a command's output, a page at a time where the pager is on.
    fn answer(&mut self, body: String, out: &mut Outputs) {
        let length = match self.length {
            0 if self.pager_forced => DEFAULT_ROWS,
            length => length,
        };
        if length == 0 {
            out.text(crlf(&body));
            return self.print_prompt(out);
        }
        let mut pager = Pager::new(body, length, self.line.width());
        if pager.begin(out) {
            self.print_prompt(out);
        } else {
            self.state = State::More(pager);
        }
    }

    /// Lists what may come next, and prints the line again.
    pub(super) fn help(&mut self, out: &mut Outputs) {
        out.text("?\r\n");
        let typed = self.line.text();
        match grammar::help(self.nodes(), &typed, self.mode != Mode::User) {
            Ok(list) => out.text(crlf(&list)),
            Err(Fault::Ambiguous) => {
                out.text(format!("% Ambiguous command:  \"{typed}\"\r\n"));
            }
            Err(_) => out.text("% Unrecognized command\r\n"),
        }
        self.print_prompt(out);
        self.line.reprint(out);
    }

    /// Completes the last word if only one word begins so, and prints the line again.
    pub(super) fn complete(&mut self, out: &mut Outputs) {
        let typed = self.line.text();
        if let Some(rest) = grammar::complete(self.nodes(), &typed, self.mode != Mode::User) {
            self.line.append(rest);
            self.line.append(" ");
        }
        out.text("\r\n");
        self.print_prompt(out);
        self.line.reprint(out);
    }
}
