//! A platform file, checked: what the agent will compile, match and type is fit for it.
//!
//! The faults here are those that would otherwise be found out at a device: an expression that does not
//! compile, a prompt that any line is, an answer that types nothing.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use netwolf_wire::{
    allow::{Allow, check_command},
    platform::{Limits, Mode, Pager, Platform, Question, Transport},
    step::MAX_MODE_LINES,
};
use regex::{Regex, RegexBuilder};

use super::{collector::check_name, privileges, typed};
use crate::config::{
    fault::Fault,
    yaml::{
        Document, Field, Spanned,
        Step::{self, Index, Key},
    },
};

/// A pattern for a prompt or a failure mark is small. The agent joins those of a key and allows ten times as
/// much.
const MAX_REGEX_BYTES: usize = 1 << 20;

/// What stands alone in a last line of many a banner. A prompt that fits it learns the banner.
const BARE_ENDS: [&str; 4] = ["#", ">", "$", "%"];

/// Reads and checks; nothing when there is no platform to speak of.
pub(super) fn read(
    file: &Arc<Path>,
    document: &Document,
    faults: &mut Vec<Fault>,
) -> Option<Spanned<Platform>> {
    let platform: Field<Platform> = document.read(faults);
    if platform.is_absent() {
        faults.push(Fault::new(
            file,
            document.place(&[]),
            "there is no platform in this file",
        ));
    }
    let Spanned {
        value: platform, ..
    } = platform.into_spanned()?;
    Checker {
        file,
        document,
        faults,
    }
    .check(&platform);
    Some(Spanned {
        at: document.place(&[Key("name")]),
        value: platform,
    })
}

/// Collects the faults of one file.
struct Checker<'a> {
    file: &'a Arc<Path>,
    document: &'a Document,
    faults: &'a mut Vec<Fault>,
}

impl Checker<'_> {
    fn check(mut self, platform: &Platform) {
        if let Err(message) = check_name(&platform.name) {
            self.fault(&[Key("name")], message, None);
        }
        self.prompts(platform);
        if let Some(above) = &platform.above {
            let steps = [Key("above")];
            if let Some(above) = self.regex(above, &steps)
                && above.is_match("")
            {
                self.fault(
                    &steps,
                    "`above` fits an empty line, which would be taken out of every output",
                    Some(ANCHORS),
                );
            }
        }
        for (index, question) in platform.questions.iter().enumerate() {
            self.question(index, question);
        }
        for (index, command) in platform.setup.iter().enumerate() {
            self.command(command, &[Key("setup"), Index(index)]);
        }
        for (index, pager) in platform.pagers.iter().enumerate() {
            self.pager(index, pager);
        }
        self.enable(platform);
        for (index, pattern) in platform.failures.iter().enumerate() {
            let steps = [Key("failures"), Index(index)];
            if let Some(failure) = self.regex(pattern, &steps)
                && failure.is_match("")
            {
                self.fault(
                    &steps,
                    format!("{pattern:?} fits an empty line, so every output would be a refusal"),
                    Some("write what the device says when it refuses a command"),
                );
            }
        }
        self.steps(platform);
        self.terminal(platform);
        self.limits(&platform.limits);
        self.legacy(platform);
        self.privileges(platform);
    }

    fn fault(&mut self, steps: &[Step<'_>], message: impl Into<String>, hint: Option<&str>) {
        let fault = Fault::new(self.file, self.document.place(steps), message);
        self.faults.push(fault.maybe_hint(hint.map(str::to_owned)));
    }

    fn prompts(&mut self, platform: &Platform) {
        if platform.transport == Transport::Shell && platform.prompts.is_empty() {
            self.fault(
                &[Key("transport")],
                "a platform with a shell needs `prompts`, which end the output of its commands",
                Some(
                    "give a regular expression for each mode: `prompts: { user: '\\A[a-z0-9-]+> ?\\z' }`",
                ),
            );
        }
        for (mode, prompt) in &platform.prompts {
            let steps = [Key("prompts"), Key(mode)];
            self.mode_name(mode, &steps);
            self.prompt(mode, prompt, &steps);
        }
    }

    fn mode_name(&mut self, mode: &str, steps: &[Step<'_>]) {
        let is_fit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c);
        if mode.is_empty() || !mode.chars().all(is_fit) {
            self.fault(
                steps,
                format!("{mode:?} is not the name of a mode"),
                Some("use lower-case letters, digits, `_` and `-`: `user`, `privileged`, `config`"),
            );
        }
    }

    fn prompt(&mut self, mode: &str, prompt: &str, steps: &[Step<'_>]) {
        // As the agent has it: the whole line.
        let whole = format!("^(?:{prompt})$");
        let Some(regex) = self
            .regex(prompt, steps)
            .and_then(|_| Regex::new(&whole).ok())
        else {
            return;
        };
        if regex.is_match("") {
            self.fault(
                steps,
                format!("the prompt of mode {mode:?} fits an empty line"),
                Some(ANCHORS),
            );
        } else if let Some(end) = BARE_ENDS.into_iter().find(|end| regex.is_match(end)) {
            self.fault(
                steps,
                format!("the prompt of mode {mode:?} fits a bare {end:?}, as banners have it"),
                Some(ANCHORS),
            );
        }
    }

    /// What steps of runs may type, and in which modes.
    fn steps(&mut self, platform: &Platform) {
        for (index, beginning) in platform.reads.iter().enumerate() {
            let steps = [Key("reads"), Index(index)];
            self.command(beginning, &steps);
            let first = beginning.split_whitespace().next();
            if first.is_some() && Allow::new(&[first.unwrap_or_default()]).permits("reload") {
                self.fault(
                    &steps,
                    format!("{beginning:?} is how a command may begin that does anything"),
                    Some("write the words with which commands begin that only read: `show`"),
                );
            }
        }
        for (index, pattern) in platform.writes.iter().enumerate() {
            let steps = [Key("writes"), Index(index)];
            if let Some(writes) = self.regex(pattern, &steps)
                && writes.is_match("")
            {
                self.fault(
                    &steps,
                    format!("{pattern:?} fits any command, so none would be known to only read"),
                    Some("write what makes a command write: '\\| *redirect'"),
                );
            }
        }
        let has_no_shell = platform.transport == Transport::Exec && platform.prompts.is_empty();
        if has_no_shell && !platform.modes.is_empty() {
            self.fault(
                &[Key("modes")],
                "a mode needs a shell, and nothing says how its prompt looks",
                Some("give `prompts`, which say what the device shows when it waits for a command"),
            );
        }
        for (name, mode) in &platform.modes {
            let at = |key| [Key("modes"), Key(name), Key(key)];
            self.mode_name(name, &[Key("modes"), Key(name)]);
            let Mode {
                enter,
                leave,
                prompt,
            } = mode;
            for (key, commands) in [("enter", enter), ("leave", leave)] {
                if commands.is_empty() {
                    self.fault(
                        &at(key),
                        format!("`{key}` of mode {name:?} types nothing"),
                        Some("a mode is entered before the commands of a run and left behind them"),
                    );
                }
                for (index, command) in commands.iter().enumerate() {
                    self.command(command, &[&at(key)[..], &[Index(index)]].concat());
                }
            }
            let n_lines = enter.len() + leave.len();
            if n_lines > MAX_MODE_LINES as usize {
                self.fault(
                    &[Key("modes"), Key(name)],
                    format!("`enter` and `leave` of mode {name:?} have {n_lines} lines together"),
                    Some(&format!(
                        "{MAX_MODE_LINES} are the most; what is to be configured belongs in the commands of a procedure"
                    )),
                );
            }
            if let Some(prompt) = prompt {
                self.prompt(name, prompt, &at("prompt"));
            }
        }
    }

    fn question(&mut self, index: usize, question: &Question) {
        let at = [Key("questions"), Index(index)];
        let ask = [&at[..], &[Key("ask")]].concat();
        if let Some(regex) = self.regex(&question.ask, &ask)
            && regex.is_match("")
        {
            self.fault(
                &ask,
                format!("the question {:?} fits any text", question.ask),
                Some("write the words with which the device asks"),
            );
        }
        if question.answer.as_deref() == Some("") {
            self.fault(
                &[&at[..], &[Key("answer")]].concat(),
                "an empty `answer` types nothing",
                Some(
                    "write \"\\n\" for the Return key; leave `answer` out where a person must decide, so that the login fails and says so",
                ),
            );
        }
    }

    fn command(&mut self, command: &str, steps: &[Step<'_>]) {
        if let Err(refused) = check_command(command) {
            let (message, hint) = typed::told(&refused);
            self.fault(steps, message, hint);
        }
    }

    fn pager(&mut self, index: usize, pager: &Pager) {
        let at = |key| [Key("pagers"), Index(index), Key(key)];
        // The agent looks for the mark without the spaces around it.
        if pager.mark.trim().is_empty() {
            self.fault(&at("mark"), "a pager's `mark` is empty", None);
        }
        if pager.mark.contains(['\n', '\r']) {
            self.fault(
                &at("mark"),
                "a pager's `mark` stands in one line, the last one",
                None,
            );
        }
        if pager.answer.is_empty() {
            self.fault(&at("answer"), "a pager's `answer` is empty", None);
        }
    }

    fn enable(&mut self, platform: &Platform) {
        let Some(enable) = &platform.enable else {
            return;
        };
        let at = |key| [Key("enable"), Key(key)];
        self.command(&enable.command, &at("command"));
        if let Some(regex) = self.regex(&enable.password_prompt, &at("password_prompt"))
            && regex.is_match("")
        {
            self.fault(
                &at("password_prompt"),
                "the question for the password fits any text, so the secret would be typed anywhere",
                Some("write the words with which the device asks: '(?i)password: ?\\z'"),
            );
        }
        if enable.prompt_end.trim().is_empty() {
            self.fault(&at("prompt_end"), "`prompt_end` is empty", None);
        }
    }

    fn terminal(&mut self, platform: &Platform) {
        for (key, text) in [
            ("newline", &platform.newline),
            ("interrupt", &platform.interrupt),
            ("terminal", &platform.terminal),
        ] {
            if text.is_empty() {
                self.fault(&[Key(key)], format!("`{key}` is empty"), None);
            }
        }
        if !platform.newline.trim_matches(['\r', '\n']).is_empty() {
            self.fault(
                &[Key("newline")],
                format!("`newline` is made of CR and LF, not {:?}", platform.newline),
                Some("write \"\\n\", \"\\r\" or \"\\r\\n\", in double quotes"),
            );
        }
        if !platform.terminal.chars().all(|c| c.is_ascii_graphic()) {
            self.fault(
                &[Key("terminal")],
                format!("{:?} is not the name of a terminal", platform.terminal),
                Some("`vt100` and `dumb` are known everywhere"),
            );
        }
        if platform.width == 0 {
            self.fault(
                &[Key("width")],
                "a terminal has at least one column",
                Some("wide is good, such as 511: a device wraps what is longer"),
            );
        }
    }

    fn limits(&mut self, limits: &Limits) {
        for (key, limit) in [
            ("logins_per_minute", limits.logins_per_minute),
            ("sessions", limits.sessions),
        ] {
            if limit == Some(0) {
                self.fault(
                    &[Key("limits"), Key(key)],
                    format!("`{key}` of 0 would keep everybody out"),
                    Some("leave it out where no limit is known"),
                );
            }
        }
    }

    fn legacy(&mut self, platform: &Platform) {
        let mut seen = BTreeSet::new();
        for (index, legacy) in platform.legacy.iter().enumerate() {
            if !seen.insert(legacy) {
                self.fault(
                    &[Key("legacy"), Index(index)],
                    format!("{:?} is named twice", legacy.as_str()),
                    None,
                );
            }
        }
    }

    fn privileges(&mut self, platform: &Platform) {
        let mut seen = BTreeSet::new();
        for (index, privilege) in platform.privileges.iter().enumerate() {
            let at = |key| [Key("privileges"), Index(index), Key(key)];
            if !seen.insert(&privilege.name) {
                self.fault(
                    &at("name"),
                    format!("{:?} is there already", privilege.name),
                    None,
                );
            }
            if let Err((key, message)) = privileges::check(privilege) {
                self.fault(&at(key), message, Some(privileges::PLACES_HINT));
            }
        }
    }

    /// The expression, if it is one.
    fn regex(&mut self, pattern: &str, steps: &[Step<'_>]) -> Option<Regex> {
        if pattern.is_empty() {
            self.fault(steps, "an empty pattern matches everywhere", None);
            return None;
        }
        match RegexBuilder::new(pattern)
            .size_limit(MAX_REGEX_BYTES)
            .build()
        {
            Ok(regex) => Some(regex),
            Err(error) => {
                // The regex crate draws its errors over several lines; the last one says what it is.
                let error = error.to_string();
                let reason = error
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .trim_start_matches("error: ");
                let hint = [
                    (
                        "look-around",
                        "say what the line is instead of what it is not",
                    ),
                    (
                        "size limit",
                        "`[0-9A-Za-z_]` takes a small part of what `\\w` does, which knows all scripts of the world",
                    ),
                ]
                .into_iter()
                .find_map(|(word, hint)| reason.contains(word).then_some(hint));
                self.fault(
                    steps,
                    format!("{pattern:?} is not a regular expression: {reason}"),
                    hint,
                );
                None
            }
        }
    }
}

/// What to do about an expression that fits too much.
const ANCHORS: &str =
    "write the whole line, from `\\A` to `\\z`, with at least one character of a name in it";
