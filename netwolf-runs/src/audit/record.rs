//! What stands in a line of the audit log, besides the chain.

use std::time::{Duration, UNIX_EPOCH};

use netwolf_wire::{AgentName, DeviceName, Epoch, step::RunId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes of a line, at most: a record that needs more is refused before it is written, and a longer line is no record.
/// The body of a request has 64 KiB, which escapes make six times as long.
pub const MAX_LINE: usize = 1024 * 1024;

/// One thing that was done, or asked for.
///
/// What does not apply stays empty and is left out of the line: a submit has no device, a command that was typed on the
/// monitoring session has that one's credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// When, Unix time in milliseconds; RFC 3339 in the line.
    #[serde(rename = "time", with = "time")]
    pub unix_ms: u64,
    /// What was done.
    pub action: Action,
    /// In which run.
    pub run: RunId,
    /// In which of its steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<u32>,
    /// In which sending of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// Which of the step's commands, from 0; the verify command is the one behind the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// On which device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceName>,
    /// By which credential, by its name in the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// Under which lease of the device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<Epoch>,
    /// By which agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<AgentName>,
    /// Who asked for it.
    pub requester: String,
    /// The command as it was typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// What was typed when the device asked, without secrets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answered: Vec<String>,
    /// What came of it.
    pub outcome: Outcome,
    /// SHA-256 of the output as transcripts show it, before it was cut, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_sha256: Option<String>,
    /// In words: the name and size of a submitted run, the reason of a failure, the comment of a settlement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

impl Record {
    /// A record with nothing in it but what every one has.
    pub fn new(
        unix_ms: u64,
        action: Action,
        run: RunId,
        requester: impl Into<String>,
        outcome: Outcome,
    ) -> Self {
        Self {
            unix_ms,
            action,
            run,
            step: None,
            attempt: None,
            index: None,
            device: None,
            credential: None,
            epoch: None,
            agent: None,
            requester: requester.into(),
            command: None,
            answered: Vec::new(),
            outcome,
            output_sha256: None,
            detail: None,
        }
    }
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$word])* $variant,)+
            /// A word that this version does not know.
            #[serde(other)]
            Other,
        }

        impl $name {
            /// All that this version knows by name.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// As it stands in a line.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other => "other",
                }
            }
        }
    };
}

words! {
    /// What a record is of.
    Action {
        /// A run was asked for.
        Submit = "submit",
        /// A command was typed, or may have been.
        Command = "command",
        /// A run was paused.
        Pause = "pause",
        /// A paused run goes on.
        Resume = "resume",
        /// A run was cancelled.
        Cancel = "cancel",
        /// A person has decided what became of a step that was unknown.
        Settle = "settle",
    }
}

words! {
    /// What came of what a record is of.
    Outcome {
        /// It was taken in.
        Accepted = "accepted",
        /// It did what it was expected to.
        Succeeded = "succeeded",
        /// It did not.
        Failed = "failed",
        /// It was not done in time; it was typed, and what it did is not known.
        TimedOut = "timed_out",
        /// It may have been typed: who would know is gone.
        Unknown = "unknown",
        /// It was not typed, because it was cancelled or not allowed.
        Refused = "refused",
    }
}

/// Times as people read them.
mod time {
    use super::{Deserialize, Deserializer, Duration, Serializer, UNIX_EPOCH};

    /// The last millisecond of the year 9999: later ones cannot be written in RFC 3339.
    const LAST_MS: u64 = 253_402_300_799_999;

    #[expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde passes a reference"
    )]
    pub(super) fn serialize<S: Serializer>(unix_ms: &u64, to: S) -> Result<S::Ok, S::Error> {
        let time = UNIX_EPOCH + Duration::from_millis((*unix_ms).min(LAST_MS));
        to.collect_str(&humantime::format_rfc3339_millis(time))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        let text = String::deserialize(from)?;
        let time = humantime::parse_rfc3339(&text).map_err(serde::de::Error::custom)?;
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_they_are_written_as() {
        for action in Action::ALL {
            assert_eq!(
                serde_json::to_value(action).unwrap().as_str(),
                Some(action.as_str())
            );
        }
        for outcome in Outcome::ALL {
            assert_eq!(
                serde_json::to_value(outcome).unwrap().as_str(),
                Some(outcome.as_str())
            );
        }
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_without_what_it_does_not_have() {
        let mut record = Record::new(
            1_767_225_600_123,
            Action::Submit,
            RunId(17),
            "api:anna",
            Outcome::Accepted,
        );
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(
            text,
            r#"{"time":"2026-01-01T00:00:00.123Z","action":"submit","run":17,"requester":"api:anna","outcome":"accepted"}"#
        );
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);

        record.command = Some("line one\nline \"two\"".into());
        record.device = Some(DeviceName::new("sw-1").unwrap());
        record.unix_ms = u64::MAX;
        let text = serde_json::to_string(&record).unwrap();
        assert!(!text.contains('\n') && text.contains("9999-12-31T23:59:59.999Z"));
    }
}
