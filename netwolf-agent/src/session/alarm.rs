//! The time at which a session looks again, among all the wake-ups that come before.
//!
//! A timer of the runtime wakes a task once it was asked, and only once. It is asked here when it was set anew, and when
//! it is due, and not at each wake-up between: what is kept of thousands of sessions is in no cache.
//!
//! Invariant: while it is waited for, a set alarm is one that will wake the task, or it is due.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use tokio::{
    task::coop::unconstrained,
    time::{Instant as Time, Sleep, sleep_until},
};

/// See the module.
pub(super) struct Alarm {
    timer: Pin<Box<Sleep>>,
    until: Option<Time>,
    /// The timer was asked since it was set.
    is_asked: bool,
}

impl Alarm {
    /// One that is not set.
    pub(super) fn new() -> Self {
        Self {
            timer: Box::pin(sleep_until(Time::now())),
            until: None,
            is_asked: false,
        }
    }

    /// Goes off at `until`, or not at all.
    pub(super) fn set(&mut self, until: Option<Instant>) {
        self.until = until.map(Into::into);
        if let Some(until) = self.until
            && (self.timer.deadline() != until || self.timer.is_elapsed())
        {
            self.timer.as_mut().reset(until);
            self.is_asked = false;
        }
    }

    /// Whether it has gone off.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(until) = self.until else {
            return Poll::Pending;
        };
        if self.is_asked && Time::now() < until {
            return Poll::Pending;
        }
        // A task that has used up its turn would not be noted down otherwise.
        let mut timer = unconstrained(self.timer.as_mut());
        let due = Pin::new(&mut timer).poll(cx);
        self.is_asked = true;
        due
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, time::Duration};

    use tokio::time::{sleep, timeout};

    use super::*;

    const SOON: Duration = Duration::from_millis(50);
    const PATIENCE: Duration = Duration::from_secs(30);

    async fn goes_off(alarm: &mut Alarm) -> bool {
        timeout(PATIENCE, poll_fn(|cx| alarm.poll(cx)))
            .await
            .is_ok()
    }

    /// Asks once, for a task that is woken by something else.
    async fn is_off(alarm: &mut Alarm) -> bool {
        poll_fn(|cx| Poll::Ready(alarm.poll(cx).is_ready())).await
    }

    fn in_a_moment() -> Instant {
        (Time::now() + SOON).into_std()
    }

    #[tokio::test]
    async fn it_goes_off_at_its_time() {
        let mut alarm = Alarm::new();
        alarm.set(Some(in_a_moment()));
        let began = Time::now();
        assert!(goes_off(&mut alarm).await);
        assert!(began.elapsed() >= SOON);
        alarm.set(None);
        assert!(!is_off(&mut alarm).await);
    }

    #[tokio::test]
    async fn one_that_was_set_and_not_waited_for_goes_off_all_the_same() {
        let mut alarm = Alarm::new();
        let until = Some(in_a_moment());
        // Something else woke the task before it was asked.
        alarm.set(until);
        alarm.set(until);
        assert!(goes_off(&mut alarm).await);
    }

    #[tokio::test]
    async fn one_that_went_off_while_something_else_was_looked_at_is_not_lost() {
        let mut alarm = Alarm::new();
        let until = Some(in_a_moment());
        alarm.set(until);
        assert!(!is_off(&mut alarm).await);
        // It wakes the task, which looks at something else first.
        sleep(2 * SOON).await;
        alarm.set(until);
        assert!(goes_off(&mut alarm).await);
        // And once more, for a time that has passed.
        alarm.set(until);
        assert!(goes_off(&mut alarm).await);
    }

    #[tokio::test]
    async fn one_that_is_put_off_goes_off_at_the_later_time() {
        let mut alarm = Alarm::new();
        alarm.set(Some(in_a_moment()));
        assert!(!is_off(&mut alarm).await);
        let began = Time::now();
        alarm.set(Some((began + 3 * SOON).into_std()));
        assert!(goes_off(&mut alarm).await);
        assert!(began.elapsed() >= 3 * SOON);
    }

    #[tokio::test]
    async fn a_task_that_has_used_up_its_turn_is_woken_all_the_same() {
        let mut alarm = Alarm::new();
        alarm.set(Some(in_a_moment()));
        poll_fn(|cx| {
            while tokio::task::coop::has_budget_remaining() {
                let consumed = tokio::task::coop::poll_proceed(cx);
                if let Poll::Ready(consumed) = consumed {
                    consumed.made_progress();
                }
            }
            assert!(alarm.poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        assert!(goes_off(&mut alarm).await);
    }
}
