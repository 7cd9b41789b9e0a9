//! A device that lets through only some commands, as one with command authorization does, and remembers all.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// The commands that are let through, to the letter; whatever else is typed is refused.
#[derive(Debug)]
pub struct Allowance {
    allowed: BTreeSet<String>,
    typed: Mutex<BTreeSet<String>>,
}

impl Allowance {
    /// Lets `commands` through.
    pub fn new(commands: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            allowed: commands.into_iter().map(Into::into).collect(),
            typed: Mutex::default(),
        }
    }

    /// Every command that was typed so far, refused ones included.
    pub fn typed(&self) -> BTreeSet<String> {
        let typed = self.typed.lock();
        typed.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Remembers `line`, and tells whether it is let through.
    pub(crate) fn take(&self, line: &str) -> bool {
        let mut typed = self.typed.lock().unwrap_or_else(PoisonError::into_inner);
        if !typed.contains(line) {
            typed.insert(line.to_owned());
        }
        self.allowed.contains(line)
    }
}
