//! Passwords that were checked a moment ago, so that a scrape does not cost a hash each time. Pure.
//!
//! What is kept is no password and no hash of one that anybody could guess at: it is keyed with a key of this process
//! alone. Right and wrong ones are kept apart, so that nobody drives the right ones out by guessing.

use std::collections::HashSet;

/// The mark of a user, the hash of the configuration and the password that was given.
pub(super) type Mark = [u8; 32];

/// Right passwords that are kept: each user of the file has one, and more after changes of it.
const MAX_RIGHT: usize = 256;

/// Wrong passwords that are kept: a scraper with a wrong one asks each time with the same.
const MAX_WRONG: usize = 1024;

/// What is known of passwords.
#[derive(Debug, Default)]
pub(super) struct Cache {
    right: HashSet<Mark>,
    wrong: HashSet<Mark>,
}

impl Cache {
    /// Whether the password is right, if that is known.
    pub(super) fn get(&self, mark: &Mark) -> Option<bool> {
        if self.right.contains(mark) {
            return Some(true);
        }
        self.wrong.contains(mark).then_some(false)
    }

    pub(super) fn set(&mut self, mark: Mark, is_right: bool) {
        let (marks, limit) = if is_right {
            (&mut self.right, MAX_RIGHT)
        } else {
            (&mut self.wrong, MAX_WRONG)
        };
        if marks.len() >= limit {
            marks.clear();
        }
        marks.insert(mark);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_guesses_drive_nothing_out() {
        let mark = |n: usize| {
            let mut mark = Mark::default();
            mark[..8].copy_from_slice(&n.to_be_bytes());
            mark
        };
        let mut cache = Cache::default();
        cache.set(mark(0), true);
        for n in 1..10 * MAX_WRONG {
            cache.set(mark(n), false);
            assert_eq!(cache.get(&mark(n)), Some(false));
        }
        assert_eq!(cache.get(&mark(0)), Some(true));
        assert_eq!(cache.get(&mark(usize::MAX)), None);
        assert!(cache.wrong.len() <= MAX_WRONG);
    }
}
