//! What a device has executed and been configured with, where its fleet remembers that.
//!
//! Commands are counted by their text, so that a poll that comes every second takes no more memory the next day. Lines
//! of configuration are kept in order, those of an interface and the like below the line that leads to it, with a blank
//! before them for each level. `no`, `undo` and `delete` in front of a line take it out again, with all below it.
//!
//! Invariant: a device takes no more than [`LIMIT`] bytes for the one and for the other; what is beyond is dropped,
//! and a warning says so once.

use std::collections::BTreeMap;

use crate::configuring::{NEGATIONS, begins, single};

/// Bytes of commands that are counted, and of lines that are kept.
pub(crate) const LIMIT: usize = 512 * 1024;

/// What a text takes besides its bytes, counted as large as it may be.
const OVERHEAD: usize = 64;

/// The memory of one device, for as long as its fleet runs.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    ran: BTreeMap<String, u64>,
    ran_bytes: usize,
    configuration: Vec<String>,
    configuration_bytes: usize,
    /// Whether somebody was told that something is dropped.
    told: bool,
}

impl Memory {
    /// `line` was executed.
    pub(crate) fn run(&mut self, line: &str) {
        let line = line.trim();
        if let Some(count) = self.ran.get_mut(line) {
            *count += 1;
        } else if let Some(bytes) = room(self.ran_bytes, line) {
            self.ran_bytes = bytes;
            self.ran.insert(line.to_owned(), 1);
        } else {
            self.tell();
        }
    }

    /// The last line of `path` was put in force, below the others.
    pub(crate) fn configure(&mut self, path: &[String]) {
        let Some((line, above)) = path.split_last() else {
            return;
        };
        let mut block = 0..self.configuration.len();
        for (depth, line) in above.iter().enumerate() {
            let indented = indent(depth, line);
            let known = self.find(block.clone(), |known| known == indented);
            let Some(at) = known.or_else(|| self.insert(block.end, indented)) else {
                return;
            };
            block = at + 1..self.end_of(at);
        }
        let depth = above.len();
        let taken_out = NEGATIONS.iter().find_map(|word| line.strip_prefix(word));
        if let Some(out) = taken_out {
            self.remove(block, depth, out);
            return;
        }
        let indented = indent(depth, line);
        if self
            .find(block.clone(), |known| known == indented)
            .is_some()
        {
            return;
        }
        let before = single(line).and_then(|begin| {
            let begin = indent(depth, begin);
            self.find(block.clone(), |known| begins(known, &begin))
        });
        match before {
            Some(at) => {
                self.take_out(at..at + 1);
                self.insert(at, indented);
            }
            None => {
                self.insert(block.end, indented);
            }
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

    fn find(&self, block: std::ops::Range<usize>, wanted: impl Fn(&str) -> bool) -> Option<usize> {
        let begin = block.start;
        let lines = self.configuration.get(block)?;
        Some(begin + lines.iter().position(|line| wanted(line))?)
    }

    /// Where the block of the line at `at` ends.
    fn end_of(&self, at: usize) -> usize {
        let depth = |line: &String| line.len() - line.trim_start().len();
        let own = self.configuration.get(at).map_or(0, depth);
        let below = self.configuration.iter().skip(at + 1);
        at + 1 + below.take_while(|line| depth(line) > own).count()
    }

    fn insert(&mut self, at: usize, line: String) -> Option<usize> {
        let Some(bytes) = room(self.configuration_bytes, &line) else {
            self.tell();
            return None;
        };
        self.configuration_bytes = bytes;
        self.configuration.insert(at, line);
        Some(at)
    }

    /// Takes out of `block` what `out` means: the line itself, the same with more behind it, and all below.
    fn remove(&mut self, block: std::ops::Range<usize>, depth: usize, out: &str) {
        let (bare, set) = (indent(depth, out), indent(depth, &format!("set {out}")));
        let mut end = block.end;
        let means = |known: &str| begins(known, &bare) || begins(known, &set);
        while let Some(at) = self.find(block.start..end, means) {
            let gone = at..self.end_of(at);
            end -= gone.len();
            self.take_out(gone);
        }
    }

    fn take_out(&mut self, lines: std::ops::Range<usize>) {
        for line in self.configuration.drain(lines) {
            self.configuration_bytes -= line.len() + OVERHEAD;
        }
    }

    fn tell(&mut self) {
        if !std::mem::replace(&mut self.told, true) {
            tracing::warn!(limit = LIMIT, "a device remembers no more lines");
        }
    }
}

/// The bytes in use once `line` is kept, too, if there is room for it.
fn room(used: usize, line: &str) -> Option<usize> {
    let bytes = used + line.len() + OVERHEAD;
    (bytes <= LIMIT).then_some(bytes)
}

fn indent(depth: usize, line: &str) -> String {
    format!("{:depth$}{}", "", line.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines in force after each of `lines`, whose levels are parted by `>`.
    #[track_caller]
    fn check(lines: &[&str], expected: &[&str]) {
        let mut memory = Memory::default();
        for line in lines {
            let path: Vec<String> = line.split('>').map(str::to_owned).collect();
            memory.configure(&path);
        }
        assert_eq!(memory.configuration(), expected);
        let bytes = expected.iter().map(|line| line.len() + OVERHEAD);
        assert_eq!(memory.configuration_bytes, bytes.sum::<usize>());
    }

    #[test]
    fn lines_are_counted() {
        let mut memory = Memory::default();
        for line in ["show clock", " show clock ", "reload"] {
            memory.run(line);
        }
        assert_eq!(memory.ran()["show clock"], 2);
    }

    #[test]
    fn lines_of_configuration_are_kept_once_and_taken_out_again() {
        let [one, two] = ["ntp server 192.0.2.1", "ntp server 192.0.2.2"];
        check(&[one, one, two], &[one, two]);
        check(&[one, two, "no ntp server 192.0.2.1"], &[two]);
        check(&[one, two, "no ntp server"], &[]);
        check(&[one, "no ntp server 192.0.2.11"], &[one]);
        check(&["set system ntp", "delete system ntp"], &[]);
    }

    #[test]
    fn what_is_below_a_line_stands_below_it() {
        let lines = [
            "interface a",
            "ntp server x",
            "interface a>description one",
            "interface a>shutdown",
            "interface a>description two",
            "interface b>shutdown",
        ];
        let [a, ntp, ..] = lines;
        let all = [
            a,
            " description two",
            " shutdown",
            ntp,
            "interface b",
            " shutdown",
        ];
        check(&lines, &all);
        let less = [&lines[..], &["interface a>no description"]].concat();
        check(&less, &[a, " shutdown", ntp, "interface b", " shutdown"]);
        let gone = [&lines[..], &["no interface a"]].concat();
        check(&gone, &[ntp, "interface b", " shutdown"]);
    }

    #[test]
    fn a_device_never_takes_more_than_its_bound() {
        let mut memory = Memory::default();
        for number in 0..20_000 {
            let line = format!("ntp server {number} {:0100}", 0);
            memory.run(&line);
            memory.configure(&[line]);
        }
        assert!(memory.ran.len() > 1_000 && memory.ran_bytes <= LIMIT);
        assert!(memory.configuration.len() > 1_000 && memory.configuration_bytes <= LIMIT);
        memory.configure(&["no ntp server".to_owned()]);
        assert_eq!(
            (memory.configuration.len(), memory.configuration_bytes),
            (0, 0)
        );
    }
}
