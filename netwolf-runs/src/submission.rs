//! The body of a submission, `POST /api/v1/runs`: the same type for who writes it and who reads it.

use netwolf_wire::Span;
use serde::{Deserialize, Serialize};

use crate::{
    model::Guard,
    procedure::raw::{RawCommand, RawProcedure, RawRollout},
    window::Window,
};

/// A run that is asked for: a procedure by name, or commands, on a selection of devices.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Submission {
    /// The name of a procedure; `commands`, `changes`, `credential`, `mode` and `verify` are its own then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub procedure: Option<String>,
    /// For people, where commands are submitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// One after the other.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<RawCommand>,
    /// Whether they may change devices.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub changes: bool,
    /// A name of `credentials`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
    /// A mode of the platforms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Run after the commands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verify: Option<RawCommand>,
    /// Names of devices, and patterns for them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<String>,
    /// Selections, of which any may hold; see [`crate::selection`].
    #[serde(rename = "where", skip_serializing_if = "Vec::is_empty")]
    pub selections: Vec<String>,
    /// Instead of the procedure's, key by key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollout: Option<RawRollout>,
    /// Instead of the procedure's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_deadline: Option<Span>,
    /// Instead of the procedure's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_deadline: Option<Span>,
    /// Instead of the procedure's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// Beside the procedure's.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<Guard>,
    /// A second submission with the same key is the same run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// Only show what would be done.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub preview: bool,
    /// Why, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

impl Submission {
    /// The commands submitted, as a procedure.
    pub fn own_procedure(&self) -> RawProcedure {
        RawProcedure {
            changes: self.changes,
            credential: self.credential.clone(),
            mode: self.mode.clone(),
            commands: self.commands.clone(),
            verify: self.verify.clone(),
            ..RawProcedure::default()
        }
    }

    /// What the run is called: its name, or its first command.
    pub fn display_name(&self) -> String {
        if let Some(name) = &self.name {
            return name.clone();
        }
        let first = self.commands.first().map(|command| command.full().command);
        let first = first.unwrap_or_default();
        first.chars().take(LONGEST_NAME).collect()
    }
}

/// Characters of a command that make a name.
const LONGEST_NAME: usize = 60;
