//! What to do: a procedure as it is once it is checked.
//!
//! ```text
//!   YAML, or the body of a submission --> raw::RawProcedure --> check --> Procedure, or all its faults
//! ```
//!
//! Invariants: every command is one line that a device can be typed; every pattern compiles; every time and number is
//! within its bounds; a verify command can fail; what changes names a credential.
//! Not here: whether the platforms, modes and credentials that are named exist, and what they allow; the manager knows.

use std::{collections::BTreeMap, fmt};

use netwolf_wire::{Span, step::StepCommand};

use crate::{
    model::{Guard, ModeLines, Program, millis},
    rollout::Rollout,
    submission::Submission,
    window::Window,
};

mod check;
pub mod raw;

use raw::{RawProcedure, RawRollout};

/// A command has so long, where nobody says otherwise: most answer within a second, and tables of a large router
/// take some.
pub const DEFAULT_TIMEOUT: Span = Span::from_secs(30);

/// A run has so long, where nobody says otherwise.
pub const DEFAULT_RUN_DEADLINE: Span = Span::from_secs(60 * 60);

/// A step has so long beside the timeouts of its commands: for the session, its mode, and those before it.
const BESIDE_TIMEOUTS_MS: u64 = 30_000;

/// No step takes longer.
pub const MAX_STEP_DEADLINE: Span = Span::from_secs(60 * 60);

/// No run takes longer.
pub const MAX_RUN_DEADLINE: Span = Span::from_secs(30 * 24 * 60 * 60);

/// The longest name, in bytes.
pub const MAX_NAME: usize = 120;

/// A procedure that can be run.
#[derive(Clone, Debug, PartialEq)]
pub struct Procedure {
    /// Its name; for people, where the commands were submitted.
    pub name: String,
    /// For people.
    pub description: Option<String>,
    /// Whether it may change devices.
    pub changes: bool,
    /// The name of the credential to log in with; the session that is up where there is none.
    pub credential: Option<String>,
    /// What is typed on platforms that have nothing of their own.
    pub general: Option<Actions>,
    /// What is typed on one platform each.
    pub platforms: BTreeMap<String, Actions>,
    /// From when a step is sent until it has ended; from its timeouts where there is none.
    pub step_deadline: Option<Span>,
    /// What has not begun by then never will.
    pub run_deadline: Span,
    /// What is watched after each step.
    pub guards: Vec<Guard>,
    /// How many at a time, and when to stop.
    pub rollout: Rollout,
    /// When steps may begin.
    pub window: Option<Window>,
    /// As it was written.
    raw: RawProcedure,
}

/// What is typed on a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actions {
    /// The mode that the commands are typed in.
    pub mode: Option<String>,
    /// One after the other.
    pub commands: Vec<StepCommand>,
    /// Run after the commands.
    pub verify: Option<StepCommand>,
}

/// What is wrong with a procedure, where, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The key, such as `commands[1].expect[0]`; empty for the whole.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Fault {}

impl Procedure {
    /// Checks what was written.
    ///
    /// # Errors
    /// With all that is wrong.
    pub fn check(name: &str, raw: &RawProcedure) -> Result<Self, Vec<Fault>> {
        check::check(name, raw)
    }

    /// The procedure that a submission asks for: `named`, which it names, or its own commands, with what it says of
    /// deadlines, rollout, window and guards.
    ///
    /// # Errors
    /// With all that is wrong.
    pub fn submitted(submission: &Submission, named: Option<&Self>) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let (name, mut raw) = match named {
            None => (submission.display_name(), submission.own_procedure()),
            Some(named) => {
                check::own_keys(submission, &mut faults);
                (named.name.clone(), named.raw.clone())
            }
        };
        raw.step_deadline = submission.step_deadline.or(raw.step_deadline);
        raw.run_deadline = submission.run_deadline.or(raw.run_deadline);
        raw.window = submission.window.clone().or(raw.window);
        raw.guards.extend(submission.guards.iter().cloned());
        raw.rollout = match (submission.rollout, raw.rollout) {
            (Some(rollout), written) => Some(rollout.or(written.unwrap_or_default())),
            (None, written) => written,
        };
        match check::check(&name, &raw) {
            Ok(procedure) if faults.is_empty() => Ok(procedure),
            Ok(_) => Err(faults),
            Err(others) => {
                faults.extend(others);
                Err(faults)
            }
        }
    }

    /// As it was written.
    pub const fn raw(&self) -> &RawProcedure {
        &self.raw
    }

    /// What is typed on a platform; nothing where the procedure does not know it.
    pub fn actions(&self, platform: &str) -> Option<&Actions> {
        self.platforms.get(platform).or(self.general.as_ref())
    }

    /// What is typed on a platform, as a run keeps it. The login and the lines of the mode are the manager's to add.
    pub fn program(&self, platform: &str) -> Option<Program> {
        let actions = self.actions(platform)?;
        Some(Program {
            platform: platform.to_owned(),
            mode: actions.mode.clone(),
            mode_lines: ModeLines::default(),
            commands: actions.commands.clone(),
            verify: actions.verify.clone(),
            login: None,
            deadline: self.step_deadline.unwrap_or_else(|| actions.deadline()),
        })
    }
}

impl Actions {
    /// How long all of it may take.
    fn deadline(&self) -> Span {
        let commands = self.commands.iter().chain(&self.verify);
        let timeouts: u64 = commands.map(|command| millis(command.timeout)).sum();
        Span::from_millis(timeouts + BESIDE_TIMEOUTS_MS).min(MAX_STEP_DEADLINE)
    }
}

impl RawRollout {
    /// What is said here, and where nothing is, what is said there.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            canary: self.canary.or(other.canary),
            batch: self.batch.or(other.batch),
            stop_after: self.stop_after.or(other.stop_after),
            per_site: self.per_site.or(other.per_site),
            in_flight: self.in_flight.or(other.in_flight),
        }
    }
}

#[cfg(test)]
mod tests;
