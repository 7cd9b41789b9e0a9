//! Steps of automation runs: what a shard is to do on one device's session, at most once, and what it tells of it.
//!
//! ```text
//!   manager                                             agent's shard
//!     | -- steps (id, attempt, epoch, commands) ---------> |  written down at the manager before it is sent
//!     | <------------------------- step_events: accepted - |
//!     | <-------------------------- step_events: started - |  before the first key is typed
//!     | <-------------------------- step_events: command - |  one for each command, with its output
//!     | <----------------------------- step_events: mode - |  one for each line that enters or leaves the mode
//!     | <---------------------------- step_events: ended - |
//!     | -- steps_heard (id, attempt) ----------------------> |  written down: the shard may forget
//!     | -- cancel_steps (id, attempt) ---------------------> |  what has not started never will
//!     | <--------------------------------------- steps_held - |  first on each new link: all that is not forgotten
//! ```
//!
//! Invariants: an attempt is carried out at most once; a shard that has lost its link types nothing more of any step
//! (what was typed already is awaited); an attempt that is told as [`StepEnd::NotRun`] has typed nothing at all; a
//! shard of the same incarnation that does not hold an attempt has never had it.
//!
//! Everything of an attempt is told again on a new link until it is heard, so whoever reads takes each event once.

use serde::{Deserialize, Serialize};

use crate::{DeviceName, Epoch, Span, status::Failure, target::Login};

/// Commands of one step, at most.
pub const MAX_COMMANDS: usize = 256;
/// Lines that enter a mode and that leave it, together, at most: a platform with more is refused when it is read.
pub const MAX_MODE_LINES: u32 = 64;
/// Bytes of one command, at most.
pub const MAX_COMMAND: usize = 4 * 1024;
/// Bytes of one command's output that are kept, at most; the rest is cut.
pub const MAX_OUTPUT: usize = 1024 * 1024;
/// Bytes of all outputs of one step that are kept, at most.
pub const MAX_STEP_OUTPUT: usize = 2 * 1024 * 1024;
/// Answers that are told of one command, at most.
pub const MAX_ANSWERED: usize = 16;
/// Bytes of such an answer, at most; the rest is cut.
pub const MAX_ANSWERED_TEXT: usize = 256;
/// Steps that a shard holds, at most: it refuses what comes beyond, as [`StepEnd::NotRun`].
pub const MAX_HELD: usize = 4096;

/// Names a run: counted up by the manager, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunId(pub u64);

impl std::fmt::Display for RunId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for RunId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// Names one sending of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Attempt {
    /// The run.
    pub run: RunId,
    /// Which of its steps, from 0.
    pub step: u32,
    /// Which sending of it, from 1: another one only where the one before has certainly typed nothing, or to verify.
    pub attempt: u32,
}

/// A step to be carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepOrder {
    /// Its name.
    pub id: Attempt,
    /// On which device.
    pub device: DeviceName,
    /// Under which lease of it; under any other the step is not run.
    pub epoch: Epoch,
    /// The mode of the platform that the commands are typed in, entered before and left behind; none where they are
    /// typed as polls are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Run one after the other; the first that fails ends the step.
    pub commands: Vec<StepCommand>,
    /// Run after the commands, outside of the mode; decides whether the step has succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<StepCommand>,
    /// Whether it may change the device. A step that does not is held to what the platform knows to only read,
    /// whatever the credential may do.
    pub changes: bool,
    /// Log in with this one, for the step alone; on the session that is up where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<Login>,
    /// From when the step is taken in until it has ended; what has not started by then never will.
    pub deadline: Span,
}

/// One command of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepCommand {
    /// What is typed: one line, without control characters.
    pub text: String,
    /// From when it is typed until its output must be whole.
    pub timeout: Span,
    /// Regular expressions that must match somewhere in the output as it is told, without secrets (lines: `(?m)`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<String>,
    /// Regular expressions that must not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reject: Vec<String>,
    /// What the device may ask while the command runs, and what is typed then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<StepAnswer>,
}

/// What is typed when a device asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepAnswer {
    /// Regular expression for the end of what the device has sent.
    pub ask: String,
    /// Typed, with the platform's newline behind it unless `bare`.
    pub answer: String,
    /// Typed without a newline: for devices that take a single key.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bare: bool,
}

/// Something happened to a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepEvent {
    /// To which.
    pub id: Attempt,
    /// When, Unix time in milliseconds.
    pub unix_ms: u64,
    /// What.
    pub what: StepNews,
}

/// What happened to a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepNews {
    /// The shard has it and waits for the session.
    Accepted,
    /// The first command is about to be typed.
    Started,
    /// A command is done, or will not be.
    Command(CommandDone),
    /// A line that enters or leaves the step's mode was typed.
    Mode(ModeLine),
    /// Nothing more comes.
    Ended(StepEnd),
}

/// What a command of a step brought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CommandDone {
    /// Which of the commands, from 0; the verify command is the one behind the last.
    pub index: u32,
    /// How long it took.
    pub took: Span,
    /// What the device said, without secrets, cut at [`MAX_OUTPUT`].
    pub text: String,
    /// It was cut.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// SHA-256 of that text before it was cut, in hexadecimal digits: what was taken out is not in it, because a short
    /// secret could be guessed from it. Empty where no output came.
    pub sha256: String,
    /// What was typed when the device asked, without the key that ends a line and without secrets: the first
    /// [`MAX_ANSWERED`], each cut at [`MAX_ANSWERED_TEXT`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answered: Vec<String>,
    /// Why it does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// A line that was typed to enter or to leave a mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeLine {
    /// Which of the mode's lines, from 0: those that leave it are counted behind all that enter it, whichever of them
    /// were typed.
    pub no: u32,
    /// What was typed.
    pub text: String,
    /// Why it did not do what it should.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepEnd {
    /// Every command did what it was expected to.
    Succeeded,
    /// A command did not, or may not be run; what came before it was run.
    Failed(Failure),
    /// A command, or the step, was not done in time; it was typed, and what it did is not known.
    TimedOut(Failure),
    /// Nothing was typed: the lease is another one, the deadline was over, the link was lost before it began.
    NotRun(Failure),
    /// Cancelled before anything was typed.
    Cancelled,
    /// The session ended under a command: whether the device carried it out is not known.
    Unknown(Failure),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_written_in_words() {
        let ended = StepNews::Ended(StepEnd::Succeeded);
        assert_eq!(
            serde_json::to_string(&ended).unwrap(),
            r#"{"ended":"succeeded"}"#
        );
    }
}
