//! A platform made ready for use: its regular expressions compiled once a plan, shared by all its sessions.

use netwolf_wire::platform::{Pager, Platform, Transport};
use regex::{Regex, RegexBuilder};
use thiserror::Error;

use crate::secret::Secret;

/// A compiled regular expression may take so much memory; a Unicode `\w{1,63}` alone takes more than 1 MiB.
const REGEX_LIMIT: usize = 10 << 20;

/// A refusal is a line or two. Longer output is an answer, whatever is written in it.
const REFUSAL_MAX: usize = 4 * 1024;

/// Why a platform cannot be used. The manager checks the same, so this is for version skew.
#[derive(Debug, Error)]
pub(crate) enum MannersError {
    #[error(
        "platform \"{platform}\": `{key}` is not a regular expression that can be used: {error}"
    )]
    Regex {
        platform: String,
        key: &'static str,
        error: regex::Error,
    },
    #[error("platform \"{0}\" has a shell but no `prompt`")]
    NoPrompt(String),
}

/// How a device of a platform behaves.
#[derive(Debug)]
pub(crate) struct Manners {
    pub(crate) transport: Transport,
    /// Matches the whole last line. Only a shell has it.
    pub(super) prompt: Option<Regex>,
    pub(super) setup: Vec<String>,
    pub(super) pagers: Vec<Pager>,
    pub(super) enable: Option<Enable>,
    failures: Option<Regex>,
    pub(super) newline: String,
    pub(super) interrupt: String,
    pub(crate) width: u32,
}

/// How to become privileged.
#[derive(Debug)]
pub(super) struct Enable {
    pub(super) command: String,
    pub(super) password_prompt: Regex,
    pub(super) prompt_end: String,
}

impl Manners {
    /// Compiles `platform`.
    ///
    /// # Errors
    /// [`MannersError`] when an expression does not compile or a shell has no prompt.
    pub(crate) fn compile(platform: &Platform) -> Result<Self, MannersError> {
        let compile = |key, pattern: &str| {
            RegexBuilder::new(pattern)
                .size_limit(REGEX_LIMIT)
                .multi_line(key == "failures")
                .build()
                .map_err(|error| MannersError::Regex {
                    platform: platform.name.clone(),
                    key,
                    error,
                })
        };
        let prompt = match (&platform.prompt, platform.transport) {
            (Some(prompt), Transport::Shell) => {
                Some(compile("prompt", &format!("^(?:{prompt})$"))?)
            }
            (None, Transport::Shell) => return Err(MannersError::NoPrompt(platform.name.clone())),
            (_, Transport::Exec) => None,
        };
        let failures = if platform.failures.is_empty() {
            None
        } else {
            let any: Vec<_> = platform
                .failures
                .iter()
                .map(|mark| format!("(?:{mark})"))
                .collect();
            Some(compile("failures", &any.join("|"))?)
        };
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
            transport: platform.transport,
            prompt,
            setup: platform.setup.clone(),
            pagers: platform.pagers.clone(),
            enable,
            failures,
            newline: platform.newline.clone(),
            interrupt: platform.interrupt.clone(),
            width: platform.width,
        })
    }

    /// The line in which the device refuses the command, if it does.
    pub(crate) fn refusal<'a>(&self, output: &'a str) -> Option<&'a str> {
        if output.len() > REFUSAL_MAX {
            return None;
        }
        let found = self.failures.as_ref()?.find(output)?;
        output
            .split_inclusive('\n')
            .scan(0, |end, line| {
                *end += line.len();
                Some((*end, line))
            })
            .find(|(end, _)| *end > found.start())
            .map(|(_, line)| line)
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
