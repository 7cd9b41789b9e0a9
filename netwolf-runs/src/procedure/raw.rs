//! A procedure exactly as it is written, in YAML or in the body of a submission: shapes and nothing else.

use std::collections::BTreeMap;

use netwolf_wire::{Span, step::StepCommand};
use serde::{Deserialize, Serialize};

use super::DEFAULT_TIMEOUT;
use crate::{model::Guard, rollout::Amount, window::Window};

/// A procedure as written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawProcedure {
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Whether it may change devices.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub changes: bool,
    /// A name of `credentials`; the session that is up where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// A mode of the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// One after the other.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<RawCommand>,
    /// Run after the commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<RawCommand>,
    /// Instead of what stands above, for one platform each.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub platforms: BTreeMap<String, RawProgram>,
    /// From when a step is sent until it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_deadline: Option<Span>,
    /// What has not begun by then never will.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_deadline: Option<Span>,
    /// What is watched after each step.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<Guard>,
    /// How many at a time, and when to stop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RawRollout>,
    /// When steps may begin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
}

/// What one platform does instead.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawProgram {
    /// A mode of the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// One after the other.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<RawCommand>,
    /// Run after the commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<RawCommand>,
}

/// A command as written: its text alone, or with what is expected of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "a command: its text, or a mapping with `command`, `timeout`, `expect`, `reject`, `answers`"
)]
pub enum RawCommand {
    /// Its text.
    Text(String),
    /// With more.
    Full(FullCommand),
}

/// A command with what is expected of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FullCommand {
    /// What is typed.
    pub command: String,
    /// From when it is typed until its output must be whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// Regular expressions that must match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expect: Vec<String>,
    /// Regular expressions that must not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reject: Vec<String>,
    /// What the device may ask meanwhile.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<RawAnswer>,
}

/// An answer to what a device asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawAnswer {
    /// Regular expression for the end of what the device has sent.
    pub ask: String,
    /// What is typed then.
    #[serde(default)]
    pub answer: String,
    /// Without a newline.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bare: bool,
}

/// How a run spreads, as written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RawRollout {
    /// Steps of the first batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<u32>,
    /// Steps of each batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<Amount>,
    /// The run stops when so many have failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_after: Option<Amount>,
    /// Steps under way together at one site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_site: Option<u32>,
    /// Steps under way together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<u32>,
}

impl From<&str> for RawCommand {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<&StepCommand> for RawCommand {
    /// As it would be written, in as few words: what nobody has to say is left out.
    fn from(command: &StepCommand) -> Self {
        let answers = command.answers.iter().map(|answer| RawAnswer {
            ask: answer.ask.clone(),
            answer: answer.answer.clone(),
            bare: answer.bare,
        });
        let full = FullCommand {
            command: command.text.clone(),
            timeout: (command.timeout != DEFAULT_TIMEOUT).then_some(command.timeout),
            expect: command.expect.clone(),
            reject: command.reject.clone(),
            answers: answers.collect(),
        };
        let alone = Self::Text(full.command.clone());
        if alone.full() == full {
            alone
        } else {
            Self::Full(full)
        }
    }
}

impl RawCommand {
    /// The command with everything that was said of it.
    pub fn full(&self) -> FullCommand {
        match self {
            Self::Text(text) => FullCommand {
                command: text.clone(),
                ..FullCommand::default()
            },
            Self::Full(full) => full.clone(),
        }
    }
}
