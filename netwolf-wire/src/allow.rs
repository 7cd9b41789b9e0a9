//! What a step may type: judged by the manager when a run is submitted and by the agent before anything is typed.
//!
//! ```text
//!   command --> clean? --> changes? -- no --> begins as the platform's `reads` do, and nothing of `writes` in it
//!                             |                 and the credential's `allow`, where it has one
//!                             +------- yes --> the credential's `allow`, and nothing of `writes` behind what that says;
//!                                              where it has none, a credential of its own
//!   answer ---> clean? --> one of `PLAIN_ANSWERS`? -- yes --> it may be typed
//!                             +---------------------- no ---> in a step that changes, as the credential's `allow`
//!                                                             says where it has one; else it is refused
//! ```
//!
//! Invariants: a command without control characters is one line, so nothing can be typed behind it; a step that does
//! not change is held to what only reads, whatever its credential may do; a beginning that is allowed allows no second
//! command behind it and no file that the output goes to; a credential that says nothing of what it may do changes
//! nothing, unless the procedure named it for that; an answer, which a device may take for a command of its own, is in
//! a step that does not change, and to a verify command, one of a few words that are no command anywhere; whatever
//! cannot be judged is refused.
//!
//! Abbreviations are refused: `sh run` may be a `show`, and may be something else on the next device.
//!
//! ```
//! use netwolf_wire::{allow::Judge, platform::{Platform, Transport}, target::Login};
//!
//! let mut platform = Platform::new("lab_os", Transport::Shell);
//! platform.reads = vec!["show".into()];
//! platform.writes = vec![r"\| *(?:redirect|tee)".into()];
//! let judge = Judge::new(&platform);
//! let login = Login::named("monitoring");
//!
//! assert!(judge.judge(&login, false, None, "show version").is_ok());
//! assert!(judge.judge(&login, false, None, "show version | redirect flash:x").is_err());
//! assert!(judge.judge(&login, false, None, "reload").is_err());
//! assert!(judge.judge(&login, true, None, "reload").is_err());
//! assert!(judge.judge(&login, true, Some(&Login::named("changer")), "reload").is_ok());
//! ```

use regex::{RegexSet, RegexSetBuilder};
use thiserror::Error;

use crate::{
    platform::{Mode, Platform, Transport},
    status::{Failure, Reason},
    step::{MAX_COMMAND, StepOrder},
    target::Login,
    unseen::{Unseen, unseen},
};

mod answer;

pub use answer::{PLAIN_ANSWERS, check_answer, is_plain_answer};

/// The patterns of a platform are few and small; a set that takes more than this is a mistake.
const MAX_REGEX_BYTES: usize = 4 << 20;

/// What may separate commands or send output elsewhere, on a platform that says nothing of what reads and writes.
const SEPARATORS: &str = r"[;|&<>`$]";

/// Beginnings of commands, word by word: `show`, `ip route`. In a word `*` stands for any characters of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    beginnings: Vec<Vec<String>>,
}

/// How a beginning fits a command.
struct Fit {
    /// The beginning as it was written, one blank between words.
    beginning: String,
    /// What it does not say by itself: what each `*` stands for, and all words behind it.
    rest: String,
}

impl Allow {
    /// From beginnings as they are written; an empty one allows nothing.
    pub fn new<S: AsRef<str>>(beginnings: &[S]) -> Self {
        let words = |beginning: &S| -> Vec<String> {
            let words = beginning.as_ref().split_whitespace();
            words.map(str::to_owned).collect()
        };
        let beginnings = beginnings.iter().map(words);
        Self {
            beginnings: beginnings.filter(|words| !words.is_empty()).collect(),
        }
    }

    /// Whether nothing is allowed.
    pub fn is_empty(&self) -> bool {
        self.beginnings.is_empty()
    }

    /// Whether `command` begins with one of them, in whole words. Upper and lower case are the same, and so are one
    /// blank and many.
    pub fn permits(&self, command: &str) -> bool {
        self.fits(command).next().is_some()
    }

    /// All beginnings that fit `command`.
    fn fits(&self, command: &str) -> impl Iterator<Item = Fit> {
        let lower = command.to_lowercase();
        self.beginnings.iter().filter_map(move |beginning| {
            let mut words = lower.split_whitespace();
            let mut rest = Vec::new();
            for pattern in beginning {
                let stars = fit(&pattern.to_lowercase(), words.next()?)?;
                rest.extend(stars.into_iter().filter(|star| !star.is_empty()));
            }
            // As it was written: what writes may be told by upper case.
            let behind = command.split_whitespace().skip(beginning.len());
            rest.extend(behind);
            Some(Fit {
                beginning: beginning.join(" "),
                rest: rest.join(" "),
            })
        })
    }
}

/// What each `*` of `pattern` stands for in `word`, any characters or none, if it is as that says.
fn fit<'a>(pattern: &str, word: &'a str) -> Option<Vec<&'a str>> {
    let mut parts = pattern.split('*');
    let mut rest = word.strip_prefix(parts.next()?)?;
    let mut stars = Vec::new();
    let Some(last) = parts.next_back() else {
        return rest.is_empty().then_some(stars);
    };
    for part in parts {
        let (star, behind) = rest.split_once(part)?;
        stars.push(star);
        rest = behind;
    }
    stars.push(rest.strip_suffix(last)?);
    Some(stars)
}

/// Why a step may not type something.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refused {
    /// There is nothing to type.
    #[error("a command is empty")]
    Empty,
    /// A line end, another key that does more than stand there, or what people do not see.
    #[error("{what} {text:?} has {unseen}")]
    Unseen {
        /// Of what: `the command`.
        what: &'static str,
        /// The whole of it.
        text: String,
        /// The first one.
        unseen: Unseen,
    },
    /// It does not fit a line of any device.
    #[error("{what} that begins with {start:?} is longer than {MAX_COMMAND} bytes")]
    TooLong {
        /// Of what: `the command`.
        what: &'static str,
        /// Its first characters.
        start: String,
    },
    /// The platform does not say what only reads.
    #[error("platform {platform:?} has no `reads`, so no command is known to only read")]
    NoReads {
        /// The platform.
        platform: String,
    },
    /// Not known to only read.
    #[error("{command:?} is not known to only read on platform {platform:?}")]
    NotARead {
        /// The command.
        command: String,
        /// The platform.
        platform: String,
        /// How commands begin that only read.
        reads: Vec<String>,
    },
    /// Something in it writes.
    #[error("{command:?} writes on platform {platform:?}: {pattern:?} fits it")]
    Writes {
        /// The command.
        command: String,
        /// The platform.
        platform: String,
        /// The one of its `writes`.
        pattern: String,
    },
    /// A key that does not stand there but asks for help, and leaves the line to be typed on.
    #[error("{command:?} asks for help with `?`, which types a part of it only")]
    Help {
        /// The command.
        command: String,
    },
    /// An answer may become a command of its own, and this one may be one that changes the device.
    #[error(
        "the answer {answer:?} to {command:?} may do more than read, and the command only reads"
    )]
    AnswerDoesMore {
        /// The answer.
        answer: String,
        /// To what.
        command: String,
    },
    /// The credential may do other things only.
    #[error("credential {credential:?} may not type {command:?}")]
    NotAllowed {
        /// The command.
        command: String,
        /// The credential.
        credential: String,
        /// How commands begin that it may type.
        allow: Vec<String>,
    },
    /// It begins as the credential may type, and does more than that.
    #[error(
        "{command:?} does more than credential {credential:?} is allowed by its beginning: {pattern:?} fits it"
    )]
    BeyondAllowed {
        /// The command.
        command: String,
        /// The credential.
        credential: String,
        /// What fits what does more: of the platform's `writes`, a separator, or `?`.
        pattern: String,
    },
    /// The credential is for monitoring.
    #[error("{command:?} may change the device, and credential {credential:?} is for monitoring")]
    NoOwnCredential {
        /// The command.
        command: String,
        /// The credential.
        credential: String,
    },
    /// The platform has other modes.
    #[error("platform {platform:?} has no mode {mode:?}")]
    UnknownMode {
        /// The mode.
        mode: String,
        /// The platform.
        platform: String,
        /// Those that it has.
        modes: Vec<String>,
    },
    /// A mode needs a shell, and nobody knows the prompt of one.
    #[error(
        "platform {platform:?} takes each command on a channel of its own, and has no `prompts` of a shell to be in mode {mode:?}"
    )]
    NoShell {
        /// The mode.
        mode: String,
        /// The platform.
        platform: String,
    },
    /// The platform's own patterns cannot be used.
    #[error("the `writes` of platform {platform:?} cannot be used: {error}")]
    BadPlatform {
        /// The platform.
        platform: String,
        /// Why.
        error: String,
    },
}

impl Refused {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let list = |words: &[String]| {
            let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
            words.join(", ")
        };
        Some(match self {
            Self::Empty => "write what is to be typed".into(),
            Self::Unseen { unseen: Unseen::Control(_), .. } => "write an entry of its own for each line; keys such as Tab and Escape are not typed".into(),
            Self::Unseen { unseen, .. } => unseen.hint().into(),
            Self::AnswerDoesMore { .. } => answer::HINT.into(),
            Self::TooLong { .. } => "make several of it".into(),
            Self::NoReads { .. } => "list in the platform's `reads` how commands begin that only read, or make it a changing run".into(),
            Self::NotARead { reads, .. } => format!("commands that only read begin with {}, written out in full; what changes needs `changes: true`, or --changes of `netwolf run`, and a credential for it", list(reads)),
            Self::Writes { .. } => "a run that writes needs `changes: true`, or --changes of `netwolf run`, and a credential for it".into(),
            Self::Help { .. } => "write the command out".into(),
            Self::NotAllowed { allow, .. } => format!("its `allow` is {}, and what a mode is entered with counts, too", list(allow)),
            Self::BeyondAllowed { .. } => "a beginning in `allow` lets through what does more only where it has that in itself, such as `show running-config | redirect`".into(),
            Self::NoOwnCredential { .. } => "name another one by `credential`, or --credential of `netwolf run`, or list in the `allow` of this one what it may type".into(),
            Self::UnknownMode { modes, .. } if modes.is_empty() => "list it in the platform's `modes`".into(),
            Self::UnknownMode { modes, .. } => format!("it has {}", list(modes)),
            Self::NoShell { .. } => "give the platform `prompts`, or write each command so that it stands alone".into(),
            Self::BadPlatform { .. } => return None,
        })
    }

    /// In the form in which an agent tells it.
    pub fn failure(&self) -> Failure {
        Failure {
            reason: Reason::NotAllowed,
            message: self.to_string(),
            hint: self.hint(),
        }
    }
}

/// Judges the commands of one platform.
#[derive(Clone, Debug)]
pub struct Judge {
    platform: String,
    transport: Transport,
    has_prompts: bool,
    reads: Allow,
    reads_as_written: Vec<String>,
    /// Why not, where they are no expressions.
    writes: Result<RegexSet, String>,
    /// What does more than a beginning that is allowed says: the same, where the platform says what reads and writes.
    does_more: Result<RegexSet, String>,
    modes: std::collections::BTreeMap<String, Mode>,
}

impl Judge {
    /// For `platform`; one whose `writes` are no expressions has every reading command refused.
    pub fn new(platform: &Platform) -> Self {
        let compile = |patterns: &[String]| {
            RegexSetBuilder::new(patterns)
                .size_limit(MAX_REGEX_BYTES)
                .build()
                .map_err(|error| error.to_string())
        };
        let writes = compile(&platform.writes);
        let is_silent = platform.reads.is_empty() && platform.writes.is_empty();
        let does_more = if is_silent {
            compile(&[SEPARATORS.to_owned()])
        } else {
            writes.clone()
        };
        Self {
            platform: platform.name.clone(),
            transport: platform.transport,
            has_prompts: !platform.prompts.is_empty(),
            reads: Allow::new(&platform.reads),
            reads_as_written: platform.reads.clone(),
            writes,
            does_more,
            modes: platform.modes.clone(),
        }
    }

    /// Whether `command` may be typed: on the session of the device's own `login`, or with `own_login`.
    ///
    /// # Errors
    /// Why not.
    pub fn judge(
        &self,
        login: &Login,
        changes: bool,
        own_login: Option<&Login>,
        command: &str,
    ) -> Result<(), Refused> {
        check_command(command)?;
        let used = used(login, own_login);
        if !changes {
            self.judge_read(command)?;
        } else if used.credential == login.credential && used.allow.is_empty() {
            return Err(Refused::NoOwnCredential {
                command: command.into(),
                credential: used.credential.clone(),
            });
        }
        self.judge_allowed(used, command)
    }

    /// Whether the credential may type `command`, by its `allow`; all of it, where there is none.
    fn judge_allowed(&self, used: &Login, command: &str) -> Result<(), Refused> {
        if used.allow.is_empty() {
            return Ok(());
        }
        let mut refused = Refused::NotAllowed {
            command: command.into(),
            credential: used.credential.clone(),
            allow: used.allow.clone(),
        };
        for fit in Allow::new(&used.allow).fits(command) {
            match self.beyond(&fit, command)? {
                None => return Ok(()),
                Some(pattern) => {
                    refused = Refused::BeyondAllowed {
                        command: command.into(),
                        credential: used.credential.clone(),
                        pattern,
                    }
                }
            }
        }
        Err(refused)
    }

    /// What in `command` does more than the beginning of it that is allowed: it fits the command, and either not
    /// that beginning or something else than it, too.
    fn beyond(&self, fit: &Fit, command: &str) -> Result<Option<String>, Refused> {
        let Fit { beginning, rest } = fit;
        let is_typed = self.transport == Transport::Shell || self.has_prompts;
        if is_typed && rest.contains('?') {
            return Ok(Some("?".into()));
        }
        let writes = self.usable(&self.does_more)?;
        let (of_command, of_beginning, of_rest) = (
            writes.matches(command),
            writes.matches(beginning),
            writes.matches(rest),
        );
        let more = of_command
            .iter()
            .find(|index| !of_beginning.matched(*index) || of_rest.matched(*index));
        Ok(more.map(|index| writes.patterns().get(index).cloned().unwrap_or_default()))
    }

    fn usable<'a>(&self, writes: &'a Result<RegexSet, String>) -> Result<&'a RegexSet, Refused> {
        writes.as_ref().map_err(|error| Refused::BadPlatform {
            platform: self.platform.clone(),
            error: error.clone(),
        })
    }

    /// Whether the mode may be entered: there is one, a shell to be in it, and what enters it may be typed. What
    /// leaves it always may.
    ///
    /// # Errors
    /// Why not.
    pub fn judge_mode(
        &self,
        login: &Login,
        changes: bool,
        own_login: Option<&Login>,
        mode: &str,
    ) -> Result<&Mode, Refused> {
        let Some(known) = self.modes.get(mode) else {
            return Err(Refused::UnknownMode {
                mode: mode.into(),
                platform: self.platform.clone(),
                modes: self.modes.keys().cloned().collect(),
            });
        };
        if self.transport == Transport::Exec && !self.has_prompts {
            return Err(Refused::NoShell {
                mode: mode.into(),
                platform: self.platform.clone(),
            });
        }
        for command in &known.enter {
            self.judge(login, changes, own_login, command)?;
        }
        Ok(known)
    }

    /// Whether all of a step may be typed on the session of the device's own `login`, or with the step's. What
    /// verifies must only read, whatever the step does, because it may be typed again.
    ///
    /// # Errors
    /// The first that may not.
    pub fn judge_step(&self, login: &Login, step: &StepOrder) -> Result<(), Refused> {
        let own_login = step.login.as_ref();
        if let Some(mode) = &step.mode {
            self.judge_mode(login, step.changes, own_login, mode)?;
        }
        for command in &step.commands {
            self.judge(login, step.changes, own_login, &command.text)?;
            self.judge_answers(login, step.changes, own_login, command)?;
        }
        if let Some(verify) = &step.verify {
            self.judge(login, false, own_login, &verify.text)?;
            self.judge_answers(login, false, own_login, verify)?;
        }
        Ok(())
    }

    /// What the platform says of `mode`.
    pub fn mode(&self, mode: &str) -> Option<&Mode> {
        self.modes.get(mode)
    }

    fn judge_read(&self, command: &str) -> Result<(), Refused> {
        if self.reads.is_empty() {
            return Err(Refused::NoReads {
                platform: self.platform.clone(),
            });
        }
        if !self.reads.permits(command) {
            return Err(Refused::NotARead {
                command: command.into(),
                platform: self.platform.clone(),
                reads: self.reads_as_written.clone(),
            });
        }
        check_help(self.transport, command)?;
        let writes = self.usable(&self.writes)?;
        match writes.matches(command).iter().next() {
            None => Ok(()),
            Some(index) => Err(Refused::Writes {
                command: command.into(),
                platform: self.platform.clone(),
                pattern: writes.patterns().get(index).cloned().unwrap_or_default(),
            }),
        }
    }
}

/// The one that is logged in with. The device's own by name is no other one.
fn used<'a>(login: &'a Login, own_login: Option<&'a Login>) -> &'a Login {
    let own_login = own_login.filter(|own| own.credential != login.credential);
    own_login.unwrap_or(login)
}

/// [`Judge::judge`] for one command alone; who judges many keeps the [`Judge`].
///
/// # Errors
/// Why it may not be typed.
pub fn judge(
    platform: &Platform,
    login: &Login,
    changes: bool,
    own_login: Option<&Login>,
    command: &str,
) -> Result<(), Refused> {
    Judge::new(platform).judge(login, changes, own_login, command)
}

/// Whether `command` is one line that a device can take.
///
/// # Errors
/// Why not.
pub fn check_command(command: &str) -> Result<(), Refused> {
    if command.trim().is_empty() {
        return Err(Refused::Empty);
    }
    check_text("the command", command)
}

/// What to do about [`Refused::Help`] where nobody judges what the command does.
pub const HELP_HINT: &str = "write the whole command without `?`, which a shell takes for a key";

/// Whether `command` can be polled or tried on a platform with this transport: [`check_command`], and on a shell
/// nothing in it asks for help.
///
/// # Errors
/// Why not.
pub fn check_typed(transport: Transport, command: &str) -> Result<(), Refused> {
    check_command(command)?;
    check_help(transport, command)
}

/// What stands on the line behind a `?` is not what was judged: `show x | re?direct` ends as a redirect.
fn check_help(transport: Transport, command: &str) -> Result<(), Refused> {
    if transport == Transport::Shell && command.contains('?') {
        return Err(Refused::Help {
            command: command.into(),
        });
    }
    Ok(())
}

fn check_text(what: &'static str, text: &str) -> Result<(), Refused> {
    if text.len() > MAX_COMMAND {
        return Err(Refused::TooLong {
            what,
            start: text.chars().take(40).collect(),
        });
    }
    match unseen(text) {
        None => Ok(()),
        Some(unseen) => Err(Refused::Unseen {
            what,
            text: text.into(),
            unseen,
        }),
    }
}

#[cfg(test)]
mod tests;
