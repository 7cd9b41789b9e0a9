//! What an ended line does: the command found, carried out or refused.

use std::fmt::Write as _;
use std::sync::Arc;

use super::pages::Pager;
use super::traits::{Does, Mode, Traits, Uncommitted};
use super::words::{self, Fault, Found};
use super::{State, TableDialogue, answers, filter, values};
use crate::configuring;
use crate::device::MEMORY_LIMIT;
use crate::dialogue::{Around, Dialogue as _, Output, Outputs};

/// A hostname's longest form, in bytes.
const HOSTNAME_LIMIT: usize = 63;

/// What shows the configuration in force, on one platform or another.
const SHOW_CONFIGURATION: &[&str] = &[
    "show running-config",
    "show running-configuration",
    "show configuration",
    "show configuration commands",
    "show configuration | display set",
    "show config running",
    "show",
    "display current-configuration",
    "admin display-config",
    "admin show configuration",
    "/export",
];

/// The mode whose prompt ends as `prompt` does.
pub(super) fn mode_of(traits: &Traits, prompt: &str) -> Option<Mode> {
    let last = prompt.trim_end().chars().last()?;
    let modes = [Mode::User, Mode::Privileged, Mode::Config];
    modes
        .into_iter()
        .zip(traits.prompts)
        .find(|(_, template)| template.trim_end().ends_with(last))
        .map(|(mode, _)| mode)
}

/// What an answered line left behind.
pub(super) enum Next {
    /// Output, behind which the prompt comes.
    Body(String),
    /// Output of no command: failure words.
    Failure(String),
    /// The session is over or waits for something else.
    Elsewhere,
}

impl TableDialogue {
    /// Runs one line that was typed and ended.
    pub(super) fn run_line(&mut self, line: &str, around: &Around<'_>, out: &mut Outputs) {
        let line = line.trim();
        if line.is_empty() {
            return self.print_prompt(around, out);
        }
        out.push(Output::Answer);
        if self.profile.remembers {
            out.push(Output::Ran(line.to_owned()));
        }
        match self.run(line, around, out) {
            Next::Body(body) => {
                let mut all = String::new();
                if self.stamps && self.mode != Mode::Config {
                    writeln!(all, "{}", values::stamp(around.now.unix))
                        .expect("a string takes all");
                }
                all.push_str(&body);
                self.answer(all, around, out);
            }
            Next::Failure(words) => {
                out.text(self.lines(&words));
                self.print_prompt(around, out);
            }
            Next::Elsewhere => {}
        }
    }

    /// Runs one command without a shell; gives the exit status.
    pub(super) fn run_exec(
        &mut self,
        command: &str,
        around: &Around<'_>,
        out: &mut Outputs,
    ) -> u32 {
        if self.profile.remembers {
            out.push(Output::Ran(command.to_owned()));
        }
        // Without a terminal lines end in a bare LF.
        match self.run(command, around, out) {
            Next::Body(body) => {
                out.text(body);
                0
            }
            Next::Failure(words) => {
                out.text(words);
                self.traits.failure_status
            }
            Next::Elsewhere => 0,
        }
    }

    fn run(&mut self, line: &str, around: &Around<'_>, out: &mut Outputs) -> Next {
        if !self.profile.allows(line) {
            return self.refuse(Fault::Unknown(0), line, around);
        }
        if let Some(body) = self.replayed(line) {
            return Next::Body(body);
        }
        // Some tables know commands with a bar in them: those come first.
        let whole = self.find(line);
        let bar = line.rsplit_once('|');
        match (whole, bar) {
            (Ok(found), _) => self.carry_out(&found, line, around, out),
            (Err(_), _) if self.profile.remembers && self.mode == Mode::Config => {
                self.configure(line, around, out)
            }
            (Err(fault), None) if self.profile.remembers && self.traits.configuration.anywhere => {
                match self.place.take(self.traits.configuration, line, false) {
                    Ok(path) => self.configured(path, out),
                    Err(_) => self.refuse(fault, line, around),
                }
            }
            (Err(fault), None) => self.refuse(fault, line, around),
            (Err(fault), Some((command, part))) => match self.find(command) {
                Ok(found) if found.command.does == Does::Nothing => {
                    let mut body = self.fill(found.command.reply, around, found.argument);
                    self.add_configuration(found.command.words, &mut body, around);
                    match filter::apply(part, &body) {
                        Some(body) => Next::Body(body),
                        None => self.refuse(Fault::Unknown(command.len() + 1), line, around),
                    }
                }
                _ => self.refuse(fault, line, around),
            },
        }
    }

    /// What was recorded of `line`, if this is a replay.
    fn replayed(&self, line: &str) -> Option<String> {
        let transcript = self.profile.transcript.as_ref()?;
        let recorded = transcript.output(line)?;
        let mut body = recorded.replace("\r\n", "\n");
        if !body.is_empty() && !body.ends_with('\n') {
            body.push('\n');
        }
        Some(body)
    }

    fn find<'a>(&self, line: &'a str) -> Result<Found<'a>, Fault> {
        // A replayed device shows what was recorded and nothing else.
        let answers = match self.profile.transcript {
            Some(_) => &[],
            None => answers::of(self.traits.answers),
        };
        let acts = self.traits.commands.iter().copied().flatten();
        let abbreviates = self.traits.abbreviates;
        words::find(acts.chain(answers), line, self.mode, abbreviates)
    }

    fn carry_out(
        &mut self,
        found: &Found<'_>,
        line: &str,
        around: &Around<'_>,
        out: &mut Outputs,
    ) -> Next {
        let argument = found.argument.trim_matches('"');
        let number = || argument.parse::<usize>().unwrap_or(0);
        let before = self.mode;
        match found.command.does {
            Does::Nothing => {}
            Does::Rows => {
                self.rows = number();
                self.pager_on = self.rows > 0;
            }
            Does::PagerOff => self.pager_on = false,
            Does::PagerOn => (self.pager_on, self.rows) = (true, self.terminal_rows),
            Does::Columns => self.echo.set_width(number()),
            Does::Enable => return self.enable(out),
            Does::Disable => self.mode = Mode::User,
            Does::Configure(context) => {
                self.begin_configure(context, self.traits.uncommitted.is_some());
            }
            Does::Session(context) => self.begin_configure(context, true),
            Does::Line => return self.configure_from_outside(found, line, around, out),
            Does::EndConfigure => {
                if let Some(next) = self.mind_uncommitted(out) {
                    return next;
                }
                self.end_configure();
            }
            Does::Abort => self.end_configure(),
            Does::EndBlock => {
                let edited = self.place.up_from("edit");
                let within = self.place.up() || edited;
                // A mode that was entered without a block is left by an `end` of its own.
                if self.place.shown().is_none() && (!within || self.context.is_empty()) {
                    self.end_configure();
                }
            }
            Does::EndEdit => {
                if !self.place.up_from("edit") {
                    return self.refuse(Fault::Unknown(0), line, around);
                }
            }
            Does::Top => self.place.clear(),
            Does::Hostname | Does::Candidate => {
                let name = argument.strip_prefix("name=").unwrap_or(argument);
                let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
                if name.is_empty() || name.len() > HOSTNAME_LIMIT || !name.chars().all(legal) {
                    return self.refuse(Fault::Unknown(line.len() - argument.len()), line, around);
                }
                self.changed = true;
                if found.command.does == Does::Hostname {
                    self.rename(Arc::from(name), out);
                } else {
                    self.candidate = Some(Arc::from(name));
                }
            }
            Does::Commit => self.commit(out),
            Does::CommitSession if self.staged => {
                self.commit(out);
                self.end_configure();
            }
            Does::CommitSession => return self.refuse(Fault::Unknown(0), line, around),
            Does::Discard => self.give_up(),
            Does::Stamps(on) => self.stamps = on,
            Does::Leave if self.mode == Mode::Config => {
                if !self.place.up() {
                    if let Some(next) = self.mind_uncommitted(out) {
                        return next;
                    }
                    self.end_configure();
                }
            }
            Does::Leave | Does::Logout => {
                out.text(self.lines(found.command.reply));
                return self.leave(out);
            }
        }
        let mut reply = self.fill(found.command.reply, around, argument);
        self.add_configuration(found.command.words, &mut reply, around);
        if before != self.mode {
            // A change of mode is no output to be paged.
            out.text(self.lines(&reply));
            self.print_prompt(around, out);
            return Next::Elsewhere;
        }
        Next::Body(reply)
    }

    fn begin_configure(&mut self, context: &'static str, stages: bool) {
        self.mode = Mode::Config;
        self.context = context;
        self.staged = stages;
    }

    /// Takes a line of configuration that no table knows.
    fn configure(&mut self, line: &str, around: &Around<'_>, out: &mut Outputs) -> Next {
        let abbreviates = self.traits.abbreviates;
        let taken = self
            .place
            .take(self.traits.configuration, line, abbreviates);
        match taken {
            Ok(path) => self.configured(path, out),
            Err(at) => self.refuse(Fault::Unknown(at), line, around),
        }
    }

    /// A line of configuration that is typed outside: it leads in, or is taken and leads nowhere.
    fn configure_from_outside(
        &mut self,
        found: &Found<'_>,
        line: &str,
        around: &Around<'_>,
        out: &mut Outputs,
    ) -> Next {
        if !self.profile.remembers {
            return self.refuse(Fault::Unknown(0), line, around);
        }
        let abbreviates = self.traits.abbreviates;
        // The first word is part of the configuration on some families, and leads to it on others.
        let grammar = self.traits.configuration;
        let taken = self
            .place
            .take(grammar, line, abbreviates)
            .or_else(|_| self.place.take(grammar, found.argument, abbreviates));
        let path = match taken {
            Ok(path) => path,
            Err(at) => {
                let begin = line.len() - found.argument.len();
                return self.refuse(Fault::Unknown(begin + at), line, around);
            }
        };
        let next = self.configured(path, out);
        if self.place.shown().is_some() {
            self.begin_configure("", self.traits.uncommitted.is_some());
            self.print_prompt(around, out);
            return Next::Elsewhere;
        }
        next
    }

    /// The last line of `path` is configured: at once, or at the next commit where there are commits.
    fn configured(&mut self, path: Vec<String>, out: &mut Outputs) -> Next {
        self.changed = true;
        if !self.staged {
            out.push(Output::Configured(path));
            return Next::Body(String::new());
        }
        let bytes = path.iter().map(String::len).sum::<usize>();
        // More than the device would remember is dropped here already.
        if self.bytes_to_be + bytes <= MEMORY_LIMIT {
            self.bytes_to_be += bytes;
            self.lines_to_be.push(path);
        }
        Next::Body(String::new())
    }

    pub(super) fn commit(&mut self, out: &mut Outputs) {
        let lines = std::mem::take(&mut self.lines_to_be);
        for path in lines {
            out.push(Output::Configured(path));
        }
        if let Some(name) = self.candidate.take() {
            self.rename(name, out);
        }
        self.give_up();
    }

    /// Whether configuration is not left because something waits for a commit.
    pub(super) fn mind_uncommitted(&mut self, out: &mut Outputs) -> Option<Next> {
        if self.lines_to_be.is_empty() && self.candidate.is_none() {
            return None;
        }
        match self.traits.uncommitted {
            None | Some(Uncommitted::GivenUp) => None,
            Some(Uncommitted::Kept(words)) => Some(Next::Failure(words.to_owned())),
            Some(Uncommitted::AsksToCommit(question) | Uncommitted::AsksToGiveUp(question)) => {
                out.text(self.lines(question));
                self.state = State::Uncommitted(Vec::new());
                Some(Next::Elsewhere)
            }
        }
    }

    /// Adds what was configured to the answer of a command that shows the configuration.
    fn add_configuration(&self, command: &str, body: &mut String, around: &Around<'_>) {
        if self.profile.remembers && SHOW_CONFIGURATION.contains(&command) {
            let lines = (around.configuration)();
            if !lines.is_empty() {
                *body = configuring::merged(body, &lines);
            }
        }
    }

    fn rename(&mut self, name: Arc<str>, out: &mut Outputs) {
        self.hostname = name;
        out.push(Output::Hostname(Arc::clone(&self.hostname)));
    }

    fn leave(&mut self, out: &mut Outputs) -> Next {
        if let Some(question) = self.traits.farewell {
            out.text(self.lines(question));
            self.state = State::Confirm;
        } else {
            self.close(0, out);
        }
        Next::Elsewhere
    }

    fn enable(&mut self, out: &mut Outputs) -> Next {
        let asks = self.profile.enable_secret.is_some() && self.mode == Mode::User;
        match self.traits.enable {
            Some(enable) if asks => {
                out.text(self.lines(enable.question));
                self.state = State::Secret(Vec::new());
                Next::Elsewhere
            }
            _ => {
                self.mode = Mode::Privileged;
                Next::Body(String::new())
            }
        }
    }

    /// Tells what is wrong with `line`.
    fn refuse(&self, fault: Fault, line: &str, around: &Around<'_>) -> Next {
        let (template, at) = match fault {
            Fault::Unknown(at) => (self.traits.unknown, at),
            Fault::Incomplete => (self.traits.incomplete, 0),
        };
        let before = line.get(..at).unwrap_or_default();
        let column = self.prompt().chars().count() + before.chars().count();
        let word = line
            .get(at..)
            .and_then(|rest| rest.split_whitespace().next())
            .unwrap_or_default();
        let words = template
            .replace("{{pad}}", &" ".repeat(column))
            .replace("{{column}}", &(before.chars().count() + 1).to_string())
            .replace("{{word}}", word)
            .replace("{{line}}", line);
        Next::Failure(self.fill(&words, around, ""))
    }

    /// Prints a command's output, a page at a time where the pager is on.
    fn answer(&mut self, body: String, around: &Around<'_>, out: &mut Outputs) {
        let style = self.traits.pager;
        let paged = self.pager_forced || (self.pager_on && self.rows > 0);
        if let Some(style) = style.filter(|_| paged) {
            let rows = if self.rows > 0 {
                self.rows
            } else {
                self.terminal_rows
            };
            let mut rest = Pager::new(style, body, rows, self.traits.line_end);
            if !rest.begin(out) {
                self.state = State::More(rest);
                return;
            }
        } else {
            out.text(self.lines(&body));
        }
        self.print_prompt(around, out);
    }

    /// The whole prompt, with lines above it, ended by `\n` inside.
    pub(super) fn prompt_text(&self, around: Option<&Around<'_>>) -> String {
        if let Some(transcript) = &self.profile.transcript
            && mode_of(self.traits, &transcript.prompt) == Some(self.mode)
        {
            return transcript
                .prompt
                .replace(&*transcript.hostname, &self.hostname);
        }
        let template = match self.mode {
            Mode::User => self.traits.prompts[0],
            Mode::Privileged => self.traits.prompts[1],
            Mode::Config => self.traits.prompts[2],
        };
        let users = Vec::new;
        let still = Around {
            now: crate::clock::Moment {
                unix: std::time::Duration::ZERO,
                since_boot: std::time::Duration::ZERO,
            },
            hostname: &self.hostname,
            users: &users,
            configuration: &Vec::new,
            mark: self.marked,
            pager_forced: self.pager_forced,
        };
        self.fill(template, around.unwrap_or(&still), "")
    }

    pub(super) fn print_prompt(&mut self, around: &Around<'_>, out: &mut Outputs) {
        let all = self.prompt_text(Some(around));
        let (above, prompt) = match all.rsplit_once('\n') {
            Some((above, prompt)) => (format!("{above}\n"), prompt),
            None => (String::new(), all.as_str()),
        };
        let mut bytes = self.lines(&above);
        bytes.push_str(self.traits.before_prompt);
        bytes.push_str(&self.echo.paint(prompt));
        self.echo.begin_after(prompt.chars().count());
        out.push(Output::Prompt(bytes.into_bytes()));
    }
}
