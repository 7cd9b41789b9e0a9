//! Which commands of a session are known to be plain: their output never showed the prompt at the beginning
//! of a line. Pure.
//!
//! A read that ends just after such a text looks like the end of the output. So the end of a command that
//! is run for the first time, or that showed the prompt the last time, is believed after a silence only;
//! all others end at once.

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hash, Hasher},
};

/// Commands that are remembered; the one that was run first is forgotten first, and then is new again.
const MAX_COMMANDS: usize = 64;

/// What is known of the commands of a session.
#[derive(Debug, Default)]
pub(super) struct Familiar {
    /// Hash of the command, and whether its last output was plain.
    commands: VecDeque<(u64, bool)>,
}

impl Familiar {
    /// Whether `command` was run before and its output was plain.
    pub(super) fn is_plain(&self, command: &str) -> bool {
        let hash = hash(command);
        self.commands
            .iter()
            .any(|(known, plain)| *known == hash && *plain)
    }

    /// `command` was run; its output was plain or not.
    pub(super) fn note(&mut self, command: &str, plain: bool) {
        let hash = hash(command);
        if let Some(known) = self.commands.iter_mut().find(|(known, _)| *known == hash) {
            known.1 = plain;
            return;
        }
        if self.commands.len() == MAX_COMMANDS {
            self.commands.pop_front();
        }
        self.commands.push_back((hash, plain));
    }
}

fn hash(command: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    command.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_plain_once_its_output_was() {
        let mut familiar = Familiar::default();
        assert!(!familiar.is_plain("show clock"));
        familiar.note("show clock", true);
        familiar.note("show log", false);
        assert!(familiar.is_plain("show clock") && !familiar.is_plain("show log"));
        familiar.note("show clock", false);
        familiar.note("show log", true);
        assert!(!familiar.is_plain("show clock") && familiar.is_plain("show log"));
    }

    #[test]
    fn the_oldest_is_forgotten_and_new_again() {
        let mut familiar = Familiar::default();
        for n in 0..=MAX_COMMANDS {
            familiar.note(&n.to_string(), true);
        }
        assert!(!familiar.is_plain("0") && familiar.is_plain("1"));
        assert_eq!(familiar.commands.len(), MAX_COMMANDS);
    }
}
