//! The part of a device's life in which its session is up: commands when they are due.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use netwolf_wire::status::{Failure, Reason};
use tokio::{sync::watch, task::coop::unconstrained};

use super::{
    Session,
    age::Age,
    agenda::Agenda,
    alarm::Alarm,
    live::{Live, Outcome},
    notice::{Notice, Order, Polled},
    showing::Showing,
    step_task::StepTask,
};
use crate::{dialogue::Output, pacing::DevicePace, plan::CompiledPlan};

/// Why a session that was up is over.
pub(super) enum Over {
    /// Told to stop, or nobody is left who could tell.
    Stopped,
    /// The platform changed under the session: log in again at once.
    Replaced,
    /// It has reached its greatest age.
    Aged,
    /// It is closed for a step that has a login of its own, where no two sessions may stand at a time.
    Alone(Arc<StepTask>),
    /// It failed.
    Lost {
        failure: Failure,
        /// No command was under way.
        idle: bool,
    },
}

/// Wakes the task of a session when there is another order than the one that was seen last.
struct News {
    change: Pin<Box<dyn Future<Output = ()> + Send>>,
    is_watched: bool,
}

impl News {
    fn of(orders: &watch::Receiver<Order>) -> Self {
        let mut orders = orders.clone();
        Self {
            // A task that has used up its turn would not be noted down otherwise.
            change: Box::pin(unconstrained(async move {
                if orders.changed().await.is_err() {
                    tracing::trace!("nobody is left to give orders");
                }
            })),
            is_watched: false,
        }
    }

    /// From the first call on the task is woken; tells whether there is news already.
    fn watch(&mut self, cx: &mut Context<'_>) -> bool {
        !std::mem::replace(&mut self.is_watched, true) && self.change.as_mut().poll(cx).is_ready()
    }
}

/// A command that is under way.
struct Running {
    plan: Arc<CompiledPlan>,
    command: usize,
    due: Instant,
    started: Instant,
    /// Out of schedule, to be shown.
    shown: bool,
}

impl Session {
    /// Runs commands when they are due, until something ends it.
    pub(super) async fn poll(
        &mut self,
        live: &mut Live,
        agenda: &mut Agenda,
        pace: &mut DevicePace,
        age: Option<Age>,
    ) -> Over {
        let mut running: Option<Running> = None;
        let mut showing: Option<Showing> = None;
        let mut relearns = 0;
        // The first look is at whatever was ordered during the login.
        let mut ordered = true;
        // Scheduled commands and shown ones take turns, so that neither waits for long.
        let mut turn_of_show = false;
        let mut alarm = Alarm::new();
        let mut news = News::of(&self.orders);
        loop {
            match self.orders.has_changed() {
                Ok(changed) => ordered |= changed,
                Err(_) => return Over::Stopped,
            }
            if ordered {
                if let Err(over) = self.take_order(agenda) {
                    return over;
                }
                news = News::of(&self.orders);
            }
            match live.pump().await {
                Ok(None) => {}
                Ok(Some(outcome)) => {
                    if let Some(command) = running.take() {
                        let outcome = match outcome {
                            // People will read it, and a device may say anything.
                            Outcome::Output(output) if command.shown => Outcome::Output(Output {
                                text: live.without_secrets(&output.text),
                                ..output
                            }),
                            outcome => outcome,
                        };
                        self.report(command, outcome, agenda, &mut showing).await;
                    }
                }
                Err(failure) => return self.lost(running, failure).await,
            }
            let learned = live.relearns();
            if learned > relearns {
                self.tell(Notice::Relearned(learned - relearns)).await;
                relearns = learned;
            }
            if ordered
                && running.is_none()
                && let Some(step) = self.step_to_do()
            {
                if step.exclusive && step.order.login.is_some() {
                    return Over::Alone(step);
                }
                let plan = agenda.plan.clone();
                // Boxed, because it is large and rare.
                let over = Box::pin(self.carry_out(live, &step, &plan, pace)).await;
                if let Some(over) = over {
                    return over;
                }
                // Whatever was ordered meanwhile is looked at now.
                ordered = true;
                continue;
            }
            let now = Instant::now();
            if running.is_none() {
                let next_due = agenda.schedule.next_due();
                // A session that works is not given up where it may not be made anew.
                if age.is_some_and(|age| age.is_over(now, next_due)) && !self.orders.borrow().held {
                    return Over::Aged;
                }
                if std::mem::take(&mut ordered) || showing.is_some() {
                    self.take_show(agenda, &mut showing).await;
                }
                running = if turn_of_show {
                    next_shown(&mut showing, now)
                } else {
                    None
                };
                if running.is_none() {
                    running = self.next_due(agenda, now).await;
                }
                if running.is_none() {
                    running = next_shown(&mut showing, now);
                }
                if let Some(run) = &running {
                    turn_of_show = !run.shown;
                    let command = &run.plan.commands[run.command];
                    let started = live.start(&command.text, now + command.timeout).await;
                    if let Err(failure) = started {
                        return self.lost(running, failure).await;
                    }
                }
            }
            // A command that runs is not waited for by the time of the next one; but mostly it is done by then, and then
            // the alarm is set right already.
            let next_due = agenda.schedule.next_due();
            let next_due = next_due.filter(|due| running.is_none() || *due > now);
            // A change of the order is looked at anyway.
            let next_look = age
                .filter(|_| running.is_none() && !self.orders.borrow().held)
                .map(|age| age.next_look(now));
            let next = [next_due, next_look, live.timeout()];
            alarm.set(next.into_iter().flatten().min());
            ordered |= self.wait(live, &mut news, &mut alarm).await;
        }
    }

    /// The scheduled command that is due.
    async fn next_due(&self, agenda: &mut Agenda, now: Instant) -> Option<Running> {
        let due = agenda.schedule.pop(now)?;
        if due.skipped > 0 {
            self.tell(Notice::Skipped(due.skipped)).await;
        }
        Some(Running {
            plan: agenda.plan.clone(),
            command: due.command,
            due: due.at,
            started: now,
            shown: false,
        })
    }

    /// Takes up what somebody wants to see, and tells it once it is there.
    async fn take_show(&mut self, agenda: &Agenda, showing: &mut Option<Showing>) {
        let wanted = self.orders.borrow().show.clone();
        let request = wanted.as_ref().map(|order| order.request);
        if showing.as_ref().map(Showing::request) != request {
            // What nobody waits for any more is dropped, unless it was told already.
            *showing = wanted.map(|order| Showing::new(order, agenda.plan.clone()));
        }
        if let Some(outputs) = showing.as_mut().and_then(Showing::take_answer)
            && let Some(request) = request
        {
            self.tell(Notice::Shown(request, outputs)).await;
        }
    }

    /// The session is over under `running`.
    async fn lost(&self, running: Option<Running>, failure: Failure) -> Over {
        let idle = running.is_none();
        if let Some(command) = running.filter(|command| !command.shown) {
            self.tell(Notice::PollFailed {
                plan: command.plan,
                command: command.command,
                failure: failure.clone(),
            })
            .await;
        }
        Over::Lost { failure, idle }
    }

    /// Waits until there is something to look at: bytes, an order, or the time. Tells whether it is an order, which
    /// counts as seen then.
    async fn wait(&self, live: &mut Live, news: &mut News, alarm: &mut Alarm) -> bool {
        let mut woken = pin!(live.woken());
        poll_fn(|cx| {
            if woken.as_mut().poll(cx).is_ready() {
                return Poll::Ready(false);
            }
            // An error means that nobody is left to give orders, which the next look finds, too.
            if news.watch(cx) || self.orders.has_changed().unwrap_or(true) {
                return Poll::Ready(true);
            }
            alarm.poll(cx).map(|()| false)
        })
        .await
    }

    fn take_order(&mut self, agenda: &mut Agenda) -> Result<(), Over> {
        let Order { plan, stop, .. } = self.orders.borrow_and_update().clone();
        if stop {
            return Err(Over::Stopped);
        }
        if plan.digest != agenda.plan.digest {
            if plan.platform != agenda.plan.platform {
                return Err(Over::Replaced);
            }
            agenda.adopt(plan, self);
            agenda.schedule.resume(Instant::now());
        }
        Ok(())
    }

    async fn report(
        &self,
        running: Running,
        outcome: Outcome,
        agenda: &mut Agenda,
        showing: &mut Option<Showing>,
    ) {
        let ended = Instant::now();
        let Running {
            plan,
            command,
            due,
            started,
            shown,
        } = running;
        let spec = &plan.commands[command];
        let failure = failure_of(&spec.text, spec.timeout, &outcome);
        let (unix_ms, took) = (self.commons.clock.unix_ms(ended), ended - started);
        if shown {
            let (text, truncated) = match outcome {
                Outcome::Output(output) => (output.text, output.truncated),
                Outcome::TimedOut | Outcome::Refused | Outcome::Cut(_) => (String::new(), false),
            };
            if let Some(showing) = showing {
                showing.add(&spec.text, unix_ms, took, (text, truncated, failure));
            }
            return;
        }
        let notice = match (failure, outcome) {
            (None, Outcome::Output(output)) => Notice::Polled(Box::new(Polled {
                unix_ms: agenda.stamp(unix_ms),
                took,
                delay: ended - due,
                extraction: agenda.extract(&plan, command, &output.text),
                truncated: output.truncated,
                plan,
                command,
            })),
            (Some(failure), _) => Notice::PollFailed {
                plan,
                command,
                failure,
            },
            (None, _) => return,
        };
        self.tell(notice).await;
    }
}

/// The command that somebody wants to see.
fn next_shown(showing: &mut Option<Showing>, now: Instant) -> Option<Running> {
    let (plan, command) = showing.as_mut()?.next()?;
    Some(Running {
        plan,
        command,
        due: now,
        started: now,
        shown: true,
    })
}

/// Why `outcome` does not count, if it does not.
fn failure_of(text: &str, timeout: std::time::Duration, outcome: &Outcome) -> Option<Failure> {
    let (reason, message, hint) = match outcome {
        Outcome::TimedOut => (
            Reason::CommandTimeout,
            format!(
                "\"{text}\" was not done within {} s and was stopped",
                timeout.as_secs_f64()
            ),
            "is the command's `timeout` long enough for this device?",
        ),
        Outcome::Refused => (
            Reason::CommandRejected,
            format!("the device does not run \"{text}\" on a channel"),
            "may the user run commands, and does the platform's `transport` fit the device?",
        ),
        Outcome::Cut(why) => (
            Reason::ClosedByDevice,
            format!("\"{text}\" was cut short by the device: {why}"),
            "is the device short of memory, or does something end the user's commands?",
        ),
        Outcome::Output(output) => (
            Reason::CommandRejected,
            format!(
                "the device refused \"{text}\": \"{}\"",
                output.rejected.as_ref()?
            ),
            "does this device know the command, and may the user run it? `netwolf collectors privileges` tells what an account needs",
        ),
    };
    Some(Failure {
        reason,
        message,
        hint: Some(hint.into()),
    })
}
