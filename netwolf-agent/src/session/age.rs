//! When a session has reached its greatest age. Pure.
//!
//! ```text
//!   up ------------------------- from ------------- by = greatest age
//!                                 |  in a gap that   |
//!                                 |  a login fits in | at the next end of a command
//! ```

use std::time::{Duration, Instant};

use crate::random::Random;

/// The time in which a session is made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Age {
    from: Instant,
    by: Instant,
    /// What the last login took: the gap that is looked for.
    login: Duration,
}

impl Age {
    /// For a session that is up at `up` after a login of `login`, and may become `greatest` old. It is given
    /// up to a tenth earlier, so that sessions of one age do not go together.
    pub(super) fn new(
        greatest: Duration,
        up: Instant,
        login: Duration,
        random: &mut Random,
    ) -> Self {
        Self {
            from: up + random.between(greatest.mul_f64(0.9), greatest),
            by: up + greatest,
            login,
        }
    }

    /// Whether the session is to be given up at `now`, when no command runs and the next one is due at `next_due`.
    pub(super) fn is_over(&self, now: Instant, next_due: Option<Instant>) -> bool {
        now >= self.by || now >= self.from && next_due.is_none_or(|due| due >= now + self.login)
    }

    /// When to look again.
    pub(super) fn next_look(&self, now: Instant) -> Instant {
        if now < self.from { self.from } else { self.by }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_session_is_given_up_in_a_gap_within_the_last_tenth_of_its_life() {
        let up = Instant::now();
        let mut random = Random::new(1);
        for _ in 0..500 {
            let age = Age::new(100 * SECOND, up, SECOND, &mut random);
            assert!(!age.is_over(up + 89 * SECOND, None));
            assert_eq!(age.next_look(up), age.from);
            assert!(age.is_over(age.from, None));
            assert!(age.is_over(age.from, Some(age.from + SECOND)));
            assert!(
                !age.is_over(age.from, Some(age.from + SECOND / 2)),
                "a poll would be late"
            );
            assert!(age.is_over(up + 100 * SECOND, Some(up)), "never older");
        }
    }

    #[test]
    fn sessions_of_one_age_do_not_go_together() {
        let up = Instant::now();
        let mut random = Random::new(1);
        let mut seconds = [0; 10];
        for _ in 0..1000 {
            let age = Age::new(100 * SECOND, up, SECOND, &mut random);
            let at = usize::try_from((age.from - up).as_secs()).unwrap();
            seconds[at - 90] += 1;
        }
        assert!(seconds.iter().all(|n| *n > 50), "{seconds:?}");
    }
}
