//! A recorded device: what it answered, to be played again.
//!
//! A transcript is JSON:
//!
//! ```json
//! {
//!   "format": 1,
//!   "platform": "arista_eos",
//!   "hostname": "leaf1",
//!   "prompt": "leaf1#",
//!   "before_prompt": "Last login: ...\n",
//!   "commands": [ { "command": "show version", "output": "Arista ..." } ]
//! }
//! ```
//!
//! The device has the manners of the platform, the recorded prompt and the recorded outputs; what
//! was not recorded is answered with the platform's failure words.

use serde::{Deserialize, Serialize};

use crate::manner::{Manner, UnknownManner};

/// The only format there is.
const FORMAT: u32 = 1;

/// A recorded device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Transcript {
    /// The version of the format: 1.
    pub format: u32,
    /// The platform's name, as `arista_eos`.
    pub platform: String,
    /// The hostname; where it stands in the prompt it follows a change of name.
    pub hostname: String,
    /// The literal prompt, with lines that stand above it; the platform's own where it is empty, which it
    /// may be where commands run without a shell.
    pub prompt: String,
    /// What came after login and before the first prompt.
    #[serde(default)]
    pub before_prompt: String,
    /// What was typed and what came.
    pub commands: Vec<Recorded>,
}

/// One command of a [`Transcript`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// What was typed.
    pub command: String,
    /// What came, without echo and prompt.
    pub output: String,
}

/// Why a transcript cannot be played.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TranscriptError {
    /// It is not what the format wants; the message has line and column.
    #[error("the transcript cannot be read: {0}")]
    Json(serde_json::Error),
    /// It was written by another version.
    #[error(
        "the transcript has format {found}\nhint: this version plays format {FORMAT}: record it again"
    )]
    Format {
        /// What it says.
        found: u32,
    },
    /// No manner has its platform's name.
    #[error(transparent)]
    Platform(#[from] UnknownManner),
    /// Without a prompt nobody could wait for one.
    #[error("the transcript has an empty prompt")]
    Prompt,
}

impl Transcript {
    /// Reads the text of a transcript file.
    ///
    /// # Errors
    ///
    /// When it is no transcript, or one of a platform or format that is not known.
    pub fn parse(text: &str) -> Result<Self, TranscriptError> {
        let transcript: Self = serde_json::from_str(text).map_err(TranscriptError::Json)?;
        if transcript.format != FORMAT {
            return Err(TranscriptError::Format {
                found: transcript.format,
            });
        }
        // What was recorded by commands on channels of their own has no prompt: the platform's serves.
        let runs_without_shell = transcript.manner()?.traits().exec;
        if transcript.prompt.trim().is_empty() && !runs_without_shell {
            return Err(TranscriptError::Prompt);
        }
        Ok(transcript)
    }

    /// The manner of its platform.
    ///
    /// # Errors
    ///
    /// When no manner has that name.
    pub fn manner(&self) -> Result<Manner, UnknownManner> {
        self.platform.parse()
    }

    /// What was recorded of `command`, blanks at its ends apart.
    pub(crate) fn output(&self, command: &str) -> Option<&str> {
        let same = |recorded: &&Recorded| recorded.command.trim() == command.trim();
        self.commands
            .iter()
            .find(same)
            .map(|recorded| recorded.output.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let error = Transcript::parse(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn faults_are_told() {
        check("{", "the transcript cannot be read: EOF");
        check(
            r#"{"format":2,"platform":"linux","hostname":"a","prompt":"$","commands":[]}"#,
            "has format 2\nhint: this version plays format 1",
        );
        check(
            r#"{"format":1,"platform":"lynux","hostname":"a","prompt":"$","commands":[]}"#,
            "there is no platform \"lynux\"",
        );
        check(
            r#"{"format":1,"platform":"vyos","hostname":"a","prompt":" ","commands":[]}"#,
            "empty prompt",
        );
        check(
            r#"{"format":1,"prompts":"linux"}"#,
            "unknown field `prompts`",
        );
    }
}
