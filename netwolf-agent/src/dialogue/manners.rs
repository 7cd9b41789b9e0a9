//! A platform made ready for use: its regular expressions compiled once a plan, shared by all its sessions.

use netwolf_secret::Secret;
use netwolf_wire::{
    platform::{Keepalive, Pager, Platform, Transport},
    status::Reason,
};
use regex::{Regex, RegexBuilder};
use thiserror::Error;

use super::text_of;

/// A compiled regular expression may take so much memory; a Unicode `\w{1,63}` alone takes more than 1 MiB.
const REGEX_LIMIT: usize = 10 << 20;

/// A refusal is a line or two. Longer output is an answer, whatever is written in it.
const REFUSAL_MAX: usize = 4 * 1024;

/// No prompt is longer than so many bytes, and no line above it.
const PROMPT_MAX: usize = 256;

/// So much of the end of what was sent is looked at for a question.
pub(super) const QUESTION_MAX: usize = 1024;

/// Why a platform cannot be used. The manager checks the same, so this is for version skew.
#[derive(Debug, Error)]
pub enum MannersError {
    /// An expression does not compile, or takes too much memory.
    #[error(
        "platform \"{platform}\": `{key}` is not a regular expression that can be used: {error}"
    )]
    Regex {
        /// Name of the platform.
        platform: String,
        /// Where the expression stands.
        key: &'static str,
        /// What is wrong with it.
        error: regex::Error,
    },
    /// A dialogue needs to know how a prompt looks.
    #[error("platform \"{0}\" has a shell but no `prompts`")]
    NoPrompt(String),
}

/// How a device of a platform behaves: what [`Platform`] says, compiled.
#[derive(Debug)]
pub struct Manners {
    pub(crate) transport: Transport,
    /// Matches the whole last line. Only a shell has it.
    prompt: Option<Regex>,
    /// Matches a whole line above the prompt that is no output.
    above: Option<Regex>,
    pub(super) questions: Vec<Question>,
    pub(super) setup: Vec<String>,
    pub(super) pagers: Vec<Pager>,
    pub(super) enable: Option<Enable>,
    failures: Option<Regex>,
    pub(super) newline: String,
    pub(super) interrupt: String,
    /// Whether an idle session is kept by empty lines.
    pub(super) types_to_keep: bool,
    pub(crate) width: u32,
}

/// How to become privileged.
#[derive(Debug)]
pub(super) struct Enable {
    pub(super) command: String,
    pub(super) password_prompt: Regex,
    pub(super) prompt_end: String,
}

/// What the device may ask.
#[derive(Debug)]
pub(super) struct Question {
    /// Matches the end of what was sent.
    ask: Regex,
    pub(super) answer: Option<String>,
}

impl Manners {
    /// Compiles `platform`.
    ///
    /// # Errors
    /// [`MannersError`] when an expression does not compile or a shell has no prompt.
    pub fn compile(platform: &Platform) -> Result<Self, MannersError> {
        Self::compile_for(platform, platform.transport)
    }

    /// Compiles `platform` for a session by `transport`, which may not be the one of its polls.
    ///
    /// # Errors
    /// As [`Self::compile`].
    pub(crate) fn compile_for(
        platform: &Platform,
        transport: Transport,
    ) -> Result<Self, MannersError> {
        let compile = |key, pattern: &str| compile_regex(platform, key, pattern);
        let prompt = match transport {
            Transport::Exec => None,
            Transport::Shell if platform.prompts.is_empty() => {
                return Err(MannersError::NoPrompt(platform.name.clone()));
            }
            Transport::Shell => {
                let own = platform.modes.values();
                let own = own.filter_map(|mode| mode.prompt.as_ref());
                let any = any_of(platform.prompts.values().chain(own));
                Some(compile("prompts", &format!("^(?:{any})$"))?)
            }
        };
        let above = platform.above.as_ref();
        let above = above.map(|above| compile("above", &format!("^(?:{above})$")));
        let failures = if platform.failures.is_empty() {
            None
        } else {
            Some(compile("failures", &any_of(&platform.failures))?)
        };
        let mut questions = Vec::new();
        for question in &platform.questions {
            questions.push(Question {
                ask: compile("questions", &format!(r"(?:{})\s*\z", question.ask))?,
                answer: question.answer.clone(),
            });
        }
        let enable = match &platform.enable {
            Some(enable) => Some(Enable {
                command: enable.command.clone(),
                password_prompt: compile(
                    "enable.password_prompt",
                    &format!("(?:{})$", enable.password_prompt),
                )?,
                prompt_end: enable.prompt_end.clone(),
            }),
            None => None,
        };
        Ok(Self {
            transport,
            prompt,
            above: above.transpose()?,
            questions,
            setup: platform.setup.clone(),
            pagers: platform.pagers.clone(),
            enable,
            failures,
            newline: platform.newline.clone(),
            interrupt: platform.interrupt.clone(),
            types_to_keep: platform.keepalive == Keepalive::Newline,
            width: platform.width,
        })
    }

    /// Whether `line` has the shape of a prompt.
    pub(crate) fn is_prompt(&self, line: &str) -> bool {
        self.prompt
            .as_ref()
            .is_some_and(|prompt| prompt.is_match(line.trim_end()))
    }

    /// The line in which the device refuses the command, if it does. A mark is looked for line by line.
    pub(crate) fn refusal<'a>(&self, output: &'a str) -> Option<&'a str> {
        if output.len() > REFUSAL_MAX {
            return None;
        }
        let failures = self.failures.as_ref()?;
        output.lines().find(|line| failures.is_match(line))
    }

    /// `line` without spaces at its end, if a prompt may look so.
    pub(super) fn prompt_in<'a>(&self, line: &'a [u8]) -> Option<&'a str> {
        if line.len() > PROMPT_MAX {
            return None;
        }
        let line = std::str::from_utf8(line).ok()?.trim_end();
        let prompt = self.prompt.as_ref()?;
        (!line.is_empty() && prompt.is_match(line)).then_some(line)
    }

    /// Whether `line` is one that stands above a prompt and is no output.
    pub(super) fn is_above(&self, line: &[u8]) -> bool {
        let Some(above) = &self.above else {
            return false;
        };
        line.len() <= PROMPT_MAX
            && std::str::from_utf8(line).is_ok_and(|line| above.is_match(line.trim()))
    }

    /// `lines` without what stands above the prompt: at most one line of that kind, and blank lines around it.
    /// All of them where the platform has no such line: a blank line may mean something then.
    pub(crate) fn without_above<'a>(&self, lines: &'a [u8]) -> &'a [u8] {
        if self.above.is_none() {
            return lines;
        }
        let lines = without_blank_end(lines);
        match last_line(lines) {
            (before, last) if self.is_above(last) => without_blank_end(before),
            _ => lines,
        }
    }

    /// Which question stands at the end of `text`.
    pub(super) fn question_in(&self, text: &[u8]) -> Option<usize> {
        if self.questions.is_empty() {
            return None;
        }
        let text = text_of(text.to_vec());
        self.questions
            .iter()
            .position(|question| question.ask.is_match(&text))
    }

    /// Whether `prompt` calls for `enable` where there is a secret for it.
    pub(super) fn wants_enable(&self, prompt: &str, secret: Option<&Secret>) -> bool {
        secret.is_some()
            && self
                .enable
                .as_ref()
                .is_some_and(|enable| !prompt.ends_with(&enable.prompt_end))
    }
}

impl Question {
    /// What it means that a person must answer.
    pub(super) fn reason(&self) -> Reason {
        if self.ask.as_str().to_ascii_lowercase().contains("passw") {
            Reason::PasswordChange
        } else {
            Reason::NoPrompt
        }
    }
}

/// Compiles what stands at `key` of `platform`.
pub(super) fn compile_regex(
    platform: &Platform,
    key: &'static str,
    pattern: &str,
) -> Result<Regex, MannersError> {
    RegexBuilder::new(pattern)
        .size_limit(REGEX_LIMIT)
        .multi_line(key == "questions")
        .build()
        .map_err(|error| MannersError::Regex {
            platform: platform.name.clone(),
            key,
            error,
        })
}

fn any_of<'a>(patterns: impl IntoIterator<Item = &'a String>) -> String {
    let any: Vec<_> = patterns
        .into_iter()
        .map(|pattern| format!("(?:{pattern})"))
        .collect();
    any.join("|")
}

/// Finished `lines` without the blank ones at their end.
fn without_blank_end(mut lines: &[u8]) -> &[u8] {
    loop {
        let (before, last) = last_line(lines);
        if lines.is_empty() || !last.trim_ascii().is_empty() {
            return lines;
        }
        lines = before;
    }
}

/// Finished `lines` cut before the last, and the last without its end.
pub(super) fn last_line(lines: &[u8]) -> (&[u8], &[u8]) {
    let text = lines.strip_suffix(b"\n").unwrap_or(lines);
    let start = text
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    (&lines[..start], &text[start..])
}

/// What of a device's text may stand in a message: one line, short, without control characters.
pub(crate) fn excerpt(text: &str) -> String {
    const MAX: usize = 120;
    let clean: String = text
        .trim()
        .chars()
        .filter(|c| !c.is_control())
        .take(MAX + 1)
        .collect();
    if clean.chars().count() > MAX {
        clean.chars().take(MAX - 1).chain(['…']).collect()
    } else {
        clean
    }
}
