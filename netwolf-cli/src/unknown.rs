//! What was typed names nothing that there is: said with a way out, before anything is done.

use std::process::ExitCode;

use crate::print;

/// What was typed names nothing, or not one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unknown {
    /// What is wrong.
    pub(crate) message: String,
    /// The way out, where there is one.
    pub(crate) hint: Option<String>,
}

impl Unknown {
    /// With the way out, where there is one.
    pub(crate) const fn new(message: String, hint: Option<String>) -> Self {
        Self { message, hint }
    }

    /// Says so; the exit code is that of bad usage.
    pub(crate) fn tell(&self) -> ExitCode {
        print::usage(&self.message, self.hint.as_deref())
    }
}
