//! What a device has executed and been configured with, where its fleet remembers that.
//!
//! Commands are counted by their text, so that a poll that comes every second takes no more memory the next day; lines
//! of configuration are kept in order. `no` and `undo` in front of a line take it out again, as devices do.

use std::collections::BTreeMap;

/// Lines of configuration that are kept, and different commands that are counted; more are dropped.
const LIMIT: usize = 10_000;

/// The memory of one device, for as long as its fleet runs.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    ran: BTreeMap<String, u64>,
    configuration: Vec<String>,
}

impl Memory {
    /// `line` was executed.
    pub(crate) fn run(&mut self, line: &str) {
        let line = line.trim();
        if let Some(count) = self.ran.get_mut(line) {
            *count += 1;
        } else if self.ran.len() < LIMIT {
            self.ran.insert(line.to_owned(), 1);
        }
    }

    /// `line` was put in force.
    pub(crate) fn configure(&mut self, line: &str) {
        let line = line.trim();
        let mut negated = ["no ", "undo ", "delete "].iter();
        let taken_out = negated.find_map(|word| line.strip_prefix(word));
        match taken_out {
            Some(out) => self.configuration.retain(|known| {
                known != out && known.strip_prefix("set ").is_none_or(|known| known != out)
            }),
            None if self.configuration.iter().any(|known| known == line) => {}
            None if self.configuration.len() < LIMIT => self.configuration.push(line.to_owned()),
            None => {}
        }
    }

    /// How often each line was executed.
    pub(crate) fn ran(&self) -> &BTreeMap<String, u64> {
        &self.ran
    }

    /// The lines in force, in the order in which they came.
    pub(crate) fn configuration(&self) -> &[String] {
        &self.configuration
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_and_configuration_is_taken_out_again() {
        let mut memory = Memory::default();
        for line in ["show clock", " show clock ", "reload"] {
            memory.run(line);
        }
        assert_eq!(memory.ran()["show clock"], 2);
        for line in [
            "ntp server 192.0.2.1",
            "ntp server 192.0.2.1",
            "ntp server 192.0.2.2",
        ] {
            memory.configure(line);
        }
        memory.configure("no ntp server 192.0.2.1");
        assert_eq!(memory.configuration(), ["ntp server 192.0.2.2"]);
        memory.configure("set system ntp server 192.0.2.9");
        memory.configure("delete system ntp server 192.0.2.9");
        assert_eq!(memory.configuration(), ["ntp server 192.0.2.2"]);
    }
}
