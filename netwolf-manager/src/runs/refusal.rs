//! Why something that was asked of runs is not done: in words, with what to do, and for programs.

use std::fmt;

/// What kind of no it is; each is one status of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What was asked for makes no sense: 400.
    Bad,
    /// Whoever asks may not: 403.
    Forbidden,
    /// It is not there: 404.
    NotFound,
    /// It does not go with what is there: 409.
    Conflict,
    /// More than a request may have: 413.
    TooLong,
    /// Too much is under way: 429.
    TooMany,
    /// The manager is ending, or still starting: 503.
    Unavailable,
    /// It cannot be written down: 507.
    Full,
}

/// A no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Refusal {
    /// What kind.
    pub kind: Kind,
    /// Why.
    pub error: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Refusal {
    /// A no with nothing to be done about it.
    pub fn new(kind: Kind, error: impl Into<String>) -> Self {
        Self {
            kind,
            error: error.into(),
            hint: None,
        }
    }

    /// What was asked for makes no sense.
    pub fn bad(error: impl Into<String>) -> Self {
        Self::new(Kind::Bad, error)
    }

    /// The manager is shutting down.
    pub fn ending() -> Self {
        Self::new(Kind::Unavailable, "the manager is shutting down")
    }

    /// There is no such run.
    pub fn no_run(run: impl fmt::Display) -> Self {
        Self::new(Kind::NotFound, format!("there is no run {run}"))
            .hint("`netwolf runs` and /api/v1/runs list those that there are")
    }

    /// The same, with what to do.
    #[must_use]
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// The same, with what to do if there is something.
    #[must_use]
    pub fn maybe_hint(self, hint: Option<String>) -> Self {
        Self { hint, ..self }
    }
}
