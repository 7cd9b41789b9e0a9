//! Where a step and a run stand.
//!
//! ```text
//!   pending --> leased --> running --> succeeded | failed | timed_out
//!    |  ^         |  |        |
//!    |  +---------+  +--------+--> unknown --> succeeded | failed | timed_out   by verify, late evidence, a person
//!    |  nothing was typed
//!    +--> cancelled
//!
//!   waiting <--> running <--> paused        any of them --> cancelling | stopped
//!   all of them --> succeeded | failed | cancelled | unknown      when each step has ended
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};

/// Defines an enum whose variants are written as one word, the same in JSON, in labels and on screens.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// As a label value.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = UnknownState;

            fn from_str(text: &str) -> Result<Self, UnknownState> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    _ => Err(UnknownState { text: text.to_owned(), known: &[$($text,)+] }),
                }
            }
        }
    };
}

/// A text that is no state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a state; it is one of {}", known.join(", "))]
pub struct UnknownState {
    /// The text.
    pub text: String,
    /// What it could have been.
    pub known: &'static [&'static str],
}

words! {
    /// Where a step stands.
    StepState {
        /// Not sent, or sent and certainly not typed.
        Pending = "pending",
        /// Given to a shard, which has not said yet that it types.
        Leased = "leased",
        /// The shard types.
        Running = "running",
        /// All did what was expected.
        Succeeded = "succeeded",
        /// Something did not.
        Failed = "failed",
        /// A command, or the step, was not done in time.
        TimedOut = "timed_out",
        /// Nothing was typed, and nothing will be.
        Cancelled = "cancelled",
        /// It may have been typed, and nobody knows what became of it.
        Unknown = "unknown",
    }
}

words! {
    /// Where a run stands.
    RunState {
        /// Its window is not open.
        Waiting = "waiting",
        /// Steps are sent.
        Running = "running",
        /// A person has paused it: nothing is begun, what is under way goes on.
        Paused = "paused",
        /// A person has cancelled it: what is under way is waited for.
        Cancelling = "cancelling",
        /// A stop rule or a guard has stopped it: what is under way is waited for.
        Stopped = "stopped",
        /// All steps have.
        Succeeded = "succeeded",
        /// Some steps have not succeeded.
        Failed = "failed",
        /// It was cancelled before all steps had begun.
        Cancelled = "cancelled",
        /// Of some steps nobody knows what became of them.
        Unknown = "unknown",
    }
}

words! {
    /// What decided about a step that had been unknown.
    SettledBy {
        /// Its verify command.
        Verify = "verify",
        /// What its agent told late.
        Agent = "agent",
        /// A person.
        Person = "person",
    }
}

#[expect(
    clippy::derivable_impls,
    reason = "the macro that makes the enum marks no variant"
)]
impl Default for StepState {
    fn default() -> Self {
        Self::Pending
    }
}

impl StepState {
    /// Whether nothing more happens to it by itself, but that an unknown one may be settled.
    pub const fn is_end(self) -> bool {
        !matches!(self, Self::Pending | Self::Leased | Self::Running)
    }

    /// Whether stop rules count it.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::TimedOut | Self::Unknown)
    }
}

impl RunState {
    /// Whether all its steps have ended.
    pub const fn is_end(self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::Failed | Self::Cancelled | Self::Unknown
        )
    }
}

/// Steps by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the states")]
pub struct Counts {
    pub pending: u32,
    pub leased: u32,
    pub running: u32,
    pub succeeded: u32,
    pub failed: u32,
    pub timed_out: u32,
    pub cancelled: u32,
    pub unknown: u32,
}

impl Counts {
    /// So many that have not begun.
    pub fn pending(n_steps: u32) -> Self {
        Self {
            pending: n_steps,
            ..Self::default()
        }
    }

    /// How many are in `state`.
    pub const fn get(&self, state: StepState) -> u32 {
        match state {
            StepState::Pending => self.pending,
            StepState::Leased => self.leased,
            StepState::Running => self.running,
            StepState::Succeeded => self.succeeded,
            StepState::Failed => self.failed,
            StepState::TimedOut => self.timed_out,
            StepState::Cancelled => self.cancelled,
            StepState::Unknown => self.unknown,
        }
    }

    /// The number for `state`, to be counted up and down.
    pub const fn get_mut(&mut self, state: StepState) -> &mut u32 {
        match state {
            StepState::Pending => &mut self.pending,
            StepState::Leased => &mut self.leased,
            StepState::Running => &mut self.running,
            StepState::Succeeded => &mut self.succeeded,
            StepState::Failed => &mut self.failed,
            StepState::TimedOut => &mut self.timed_out,
            StepState::Cancelled => &mut self.cancelled,
            StepState::Unknown => &mut self.unknown,
        }
    }

    /// All of them.
    pub fn total(&self) -> u32 {
        StepState::ALL.iter().map(|state| self.get(*state)).sum()
    }
}

impl FromIterator<StepState> for Counts {
    fn from_iter<T: IntoIterator<Item = StepState>>(states: T) -> Self {
        let mut counts = Self::default();
        for state in states {
            *counts.get_mut(state) += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_the_same_word_everywhere() {
        for state in StepState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
            assert_eq!(state.as_str().parse::<StepState>(), Ok(*state));
        }
        for state in RunState::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
            assert_eq!(state.as_str().parse::<RunState>(), Ok(*state));
        }
    }

    #[test]
    fn a_wrong_state_is_told_the_right_ones() {
        let error = "done".parse::<SettledBy>().unwrap_err();
        assert_eq!(
            error.to_string(),
            r#""done" is not a state; it is one of verify, agent, person"#
        );
    }

    #[test]
    fn counts_name_every_state() {
        let counts: Counts = StepState::ALL.iter().copied().collect();
        assert_eq!(counts.total(), 8);
        let written = serde_json::to_value(counts).unwrap();
        for state in StepState::ALL {
            assert_eq!(written[state.as_str()], 1);
        }
    }
}
