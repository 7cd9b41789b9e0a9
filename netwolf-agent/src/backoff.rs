//! How long a device is left alone after a failure: full jitter over a bound that doubles.
//!
//! ```text
//!   ordinary failure   0..1 s, 0..2 s, 0..4 s, ... 0..2 min
//!   credential         30..60 s, 60..120 s, ...    a wrong password must not lock the account, nor one that was
//!                                                 never answered, nor a login that was left at a question
//!   host key           60..120 s from the start    someone may be in the middle; nothing heals quickly
//! ```
//!
//! Jitter over the whole span, because a thousand devices that went away together come back together.

use std::time::Duration;

use netwolf_wire::status::Reason;

use crate::random::Random;

/// Bound of the first wait after an ordinary failure.
const FIRST: Duration = Duration::from_secs(1);
/// Bound that doubling stops at: an operator who repaired a device waits no longer for it to come back.
const MAX: Duration = Duration::from_mins(2);
/// No wait is shorter, so that a device that refuses at once is not asked in a tight loop.
const MIN: Duration = Duration::from_millis(50);
/// Bound of the first wait after a refused credential; the wait is at least half of it.
const FIRST_AUTH: Duration = Duration::from_mins(1);

/// A session that was up for so long has proven itself: the next failure counts as the first one again.
pub(crate) const STABLE: Duration = Duration::from_secs(10);

/// How far the login had come that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Nothing of a credential was sent.
    Before,
    /// Something was sent, and the other side has not let anybody in.
    Offered,
    /// The other side has taken the credential.
    LetIn,
}

/// What kind of patience a failure asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Patience {
    Ordinary,
    Credential,
    HostKey,
}

impl Patience {
    const fn of(reason: Reason, progress: Progress) -> Self {
        match (reason, progress) {
            // In the first line nobody said that it is wrong, but it counts as a failed login all the same if it is;
            // and so does a question that stays without an answer.
            (Reason::LoginTimeout | Reason::ConnectionLost, Progress::Offered)
            | (Reason::NoPrompt, Progress::Before | Progress::Offered)
            | (Reason::AuthFailed | Reason::EnableFailed | Reason::PasswordChange, _) => {
                Self::Credential
            }
            (Reason::HostKeyMismatch | Reason::HostKeyUnknown, _) => Self::HostKey,
            _ => Self::Ordinary,
        }
    }
}

/// The waits of one device.
#[derive(Debug)]
pub(crate) struct Backoff {
    failures: u32,
    random: Random,
}

impl Backoff {
    /// Starts without failures; `seed` decides the jitter.
    pub(crate) const fn new(seed: u64) -> Self {
        Self {
            failures: 0,
            random: Random::new(seed),
        }
    }

    /// Counts a failure and tells how long to wait after it; `progress` is how far the login had come.
    pub(crate) fn after(&mut self, reason: Reason, progress: Progress) -> Duration {
        let doubled = |first: Duration| first.saturating_mul(1 << self.failures.min(16)).min(MAX);
        let (from, to) = match Patience::of(reason, progress) {
            Patience::Ordinary => (MIN, doubled(FIRST)),
            Patience::Credential => {
                let to = doubled(FIRST_AUTH);
                (to / 2, to)
            }
            Patience::HostKey => (MAX / 2, MAX),
        };
        self.failures += 1;
        self.random.between(from, to)
    }

    /// Forgets the failures: the device has been well for [`STABLE`].
    pub(crate) const fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_two_minutes_and_use_the_whole_span() {
        let mut longest = [Duration::ZERO; 10];
        let mut shortest = [Duration::MAX; 10];
        for seed in 0..500 {
            let mut backoff = Backoff::new(seed);
            for (longest, shortest) in longest.iter_mut().zip(&mut shortest) {
                let wait = backoff.after(Reason::Refused, Progress::Before);
                *longest = wait.max(*longest);
                *shortest = wait.min(*shortest);
            }
        }
        for (n, (longest, shortest)) in longest.into_iter().zip(shortest).enumerate() {
            let bound = Duration::from_secs(1 << n).min(MAX);
            assert!(
                longest <= bound && longest > bound.mul_f64(0.9),
                "{n}: {longest:?}"
            );
            assert!(shortest < bound.mul_f64(0.2), "{n}: {shortest:?}");
        }
    }

    #[test]
    fn a_refused_credential_waits_thirty_seconds_at_least() {
        for seed in 0..500 {
            let mut backoff = Backoff::new(seed);
            assert!(backoff.after(Reason::AuthFailed, Progress::Before) >= Duration::from_secs(30));
            assert!(backoff.after(Reason::AuthFailed, Progress::Before) >= Duration::from_mins(1));
        }
    }

    #[test]
    fn a_credential_that_was_sent_and_not_answered_counts_as_refused() {
        for seed in 0..500 {
            let mut backoff = Backoff::new(seed);
            for reason in [Reason::LoginTimeout, Reason::ConnectionLost] {
                let mut after = |progress| {
                    backoff.reset();
                    backoff.after(reason, progress)
                };
                assert!(after(Progress::Before) <= FIRST);
                assert!(after(Progress::Offered) >= Duration::from_secs(30));
                assert!(after(Progress::LetIn) <= FIRST);
            }
        }
    }

    #[test]
    fn a_login_that_was_left_at_a_question_counts_as_refused_and_a_shell_without_a_prompt_does_not()
    {
        for seed in 0..500 {
            let mut backoff = Backoff::new(seed);
            assert!(backoff.after(Reason::NoPrompt, Progress::LetIn) <= FIRST);
            assert!(backoff.after(Reason::NoPrompt, Progress::Before) >= Duration::from_secs(30));
        }
    }

    #[test]
    fn a_wrong_host_key_is_never_retried_quickly() {
        for seed in 0..500 {
            assert!(Backoff::new(seed).after(Reason::HostKeyMismatch, Progress::Before) >= MAX / 2);
        }
    }

    #[test]
    fn a_reset_begins_again() {
        let mut backoff = Backoff::new(1);
        for _ in 0..1000 {
            backoff.after(Reason::Refused, Progress::Before);
        }
        backoff.reset();
        assert!(backoff.after(Reason::Refused, Progress::Before) <= FIRST);
    }
}
