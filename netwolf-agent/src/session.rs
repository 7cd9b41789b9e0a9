//! The life of one device on a shard, as one task.
//!
//! ```text
//!   +--> wait (backoff, then a place in the queue of logins) --> connecting --> up: commands when due
//!   |                                                               |            |
//!   +---------------------- failure, with its reason ---------------+------------+
//! ```
//!
//! The task is told by an [`Order`] what to run and when to stop, and tells by [`Notice`]s what happened; it
//! decides nothing about leases. It ends only when it is told to, or by a panic, which costs this device a
//! restart and no other anything.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use netwolf_wire::{
    DeviceName, hash,
    status::{Failure, Reason},
    target::Target,
};
use tokio::{
    sync::{mpsc, watch},
    time::{Sleep, sleep, sleep_until},
};

pub(crate) use self::notice::{Notice, Order, Polled, TaskId};
use self::{
    agenda::Agenda,
    host_key::AcceptedKeys,
    live::{Live, Outcome},
    ssh::Login,
};
use crate::{
    backoff::{Backoff, STABLE},
    clock::Clock,
    dialogue::manners::Manners,
    pacing::Pacing,
    plan::CompiledPlan,
};

mod agenda;
mod feed;
pub(crate) mod host_key;
mod known_hosts;
mod live;
mod notice;
mod socket;
mod ssh;

/// What all sessions of a shard share.
#[derive(Clone)]
pub(crate) struct Commons {
    pub(crate) clock: Clock,
    /// Varies the jitter from start to start.
    pub(crate) seed: u64,
    pub(crate) pacing: Arc<Mutex<Pacing>>,
    pub(crate) accepted: Arc<AcceptedKeys>,
    /// Full means that the shard is behind; then devices wait, and their polls are skipped and counted.
    pub(crate) notices: mpsc::Sender<(TaskId, Notice)>,
}

/// One device's task.
pub(crate) struct Session {
    pub(crate) id: TaskId,
    pub(crate) device: DeviceName,
    pub(crate) target: Target,
    pub(crate) orders: watch::Receiver<Order>,
    pub(crate) commons: Commons,
    /// Wait so long first: the task before this one ended by a panic.
    pub(crate) delay: Duration,
}

/// Why the part of the life with a connection ended.
enum End {
    /// Told to stop, or nobody is left who could tell.
    Stopped,
    /// The platform changed under the session: log in again at once.
    Replaced,
    Failed {
        reason: Reason,
        /// The login came to nothing after a credential had been sent.
        offered: bool,
    },
}

/// The device was told to stop.
struct Stopped;

impl Session {
    /// Runs until an order says stop.
    pub(crate) async fn run(mut self) {
        let seed = hash::combine(
            self.commons.seed,
            hash::hash64(self.device.as_str().as_bytes()),
        );
        let mut backoff = Backoff::new(seed);
        let plan = self.orders.borrow_and_update().plan.clone();
        let mut agenda = Agenda::new(plan, &self);
        let mut wait = self.delay;
        loop {
            if self.pause(wait).await.is_err() {
                return;
            }
            wait = match self.live_once(&mut agenda, &mut backoff).await {
                End::Stopped => return,
                End::Replaced => Duration::ZERO,
                End::Failed { reason, offered } => backoff.after(reason, offered),
            };
        }
    }

    /// Waits for `wait`, unless told to stop.
    async fn pause(&mut self, wait: Duration) -> Result<(), Stopped> {
        let until = sleep(wait);
        tokio::pin!(until);
        loop {
            if self.orders.borrow_and_update().stop {
                return Err(Stopped);
            }
            tokio::select! {
                () = &mut until => return Ok(()),
                changed = self.orders.changed() => if changed.is_err() {
                    return Err(Stopped);
                },
            }
        }
    }

    async fn tell(&self, notice: Notice) {
        // The shard is gone only when the task is about to be, too.
        if self.commons.notices.send((self.id, notice)).await.is_err() {
            tracing::trace!("a notice came after the shard had ended");
        }
    }

    /// One connection, from the queue of logins to its end.
    async fn live_once(&mut self, agenda: &mut Agenda, backoff: &mut Backoff) -> End {
        let place = self
            .commons
            .pacing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .reserve(Instant::now());
        if self.pause(place).await.is_err() {
            return End::Stopped;
        }
        self.tell(Notice::Connecting).await;
        let plan = self.orders.borrow_and_update().plan.clone();
        agenda.adopt(plan, self);
        let manners = agenda.plan.manners.clone();
        let started = Instant::now();
        let mut orders = self.orders.clone();
        let offered = AtomicBool::new(false);
        let live = {
            let login = self.log_in(&manners, &offered);
            tokio::pin!(login);
            loop {
                tokio::select! {
                    live = &mut login => break live,
                    changed = orders.changed() => if changed.is_err() || orders.borrow_and_update().stop {
                        // Dropping the login cuts its connection.
                        return End::Stopped;
                    },
                }
            }
        };
        let mut live = match live {
            Ok(live) => live,
            Err(failure) => {
                let reason = failure.reason;
                self.tell(Notice::LoginFailed(failure)).await;
                return End::Failed {
                    reason,
                    offered: offered.load(Ordering::Relaxed),
                };
            }
        };
        let up = Instant::now();
        self.tell(Notice::Up(up - started)).await;
        agenda.schedule.resume(up);
        let end = match self.poll(&mut live, agenda).await {
            Ok(end) => end,
            Err(failure) => {
                let reason = failure.reason;
                self.tell(Notice::Disconnected(failure)).await;
                End::Failed {
                    reason,
                    offered: false,
                }
            }
        };
        live.close().await;
        if up.elapsed() >= STABLE {
            backoff.reset();
        }
        end
    }

    async fn log_in(&self, manners: &Arc<Manners>, offered: &AtomicBool) -> Result<Live, Failure> {
        let enable_secret =
            ssh::read_secret(&self.target.login, self.target.login.enable_secret.as_ref()).await?;
        let connection = ssh::connect(Login {
            device: &self.device,
            target: &self.target,
            accepted: &self.commons.accepted,
            offered,
        })
        .await?;
        Live::open(
            connection,
            manners,
            enable_secret,
            self.target.connect_timeout.get(),
        )
        .await
    }

    /// Runs commands when they are due, until something ends it.
    ///
    /// # Errors
    /// What the session failed of.
    async fn poll(&mut self, live: &mut Live, agenda: &mut Agenda) -> Result<End, Failure> {
        let mut running: Option<Running> = None;
        let timer = sleep_until(Instant::now().into());
        tokio::pin!(timer);
        loop {
            if let Err(end) = self.take_order(agenda) {
                return Ok(end);
            }
            match live.pump().await {
                Ok(None) => {}
                Ok(Some(outcome)) => {
                    if let Some(command) = running.take() {
                        self.report(command, outcome).await;
                    }
                }
                Err(failure) => {
                    if let Some(command) = running.take() {
                        self.report_lost(command, &failure).await;
                    }
                    return Err(failure);
                }
            }
            let now = Instant::now();
            if running.is_none()
                && let Some(due) = agenda.schedule.pop(now)
            {
                if due.skipped > 0 {
                    self.tell(Notice::Skipped(due.skipped)).await;
                }
                let command = &agenda.plan.commands[due.command];
                running = Some(Running {
                    plan: agenda.plan.clone(),
                    command: due.command,
                    started: now,
                });
                if let Err(failure) = live.start(&command.text, now + command.timeout).await {
                    if let Some(command) = running.take() {
                        self.report_lost(command, &failure).await;
                    }
                    return Err(failure);
                }
            }
            let next = if running.is_none() {
                agenda.schedule.next_due()
            } else {
                None
            };
            let until = [next, live.timeout()].into_iter().flatten().min();
            self.wait(live, timer.as_mut(), until).await;
        }
    }

    /// Waits until there is something to look at: bytes, an order, or the time.
    async fn wait(
        &mut self,
        live: &Live,
        mut timer: std::pin::Pin<&mut Sleep>,
        until: Option<Instant>,
    ) {
        if let Some(until) = until {
            timer.as_mut().reset(until.into());
        }
        tokio::select! {
            biased;
            () = live.feed().wake.notified() => {}
            changed = self.orders.changed() => if changed.is_err() {
                tracing::trace!("nobody is left to give orders");
            },
            () = timer, if until.is_some() => {}
        }
    }

    fn take_order(&mut self, agenda: &mut Agenda) -> Result<(), End> {
        if self.orders.has_changed().is_err() {
            return Err(End::Stopped);
        }
        let Order { plan, stop } = self.orders.borrow_and_update().clone();
        if stop {
            return Err(End::Stopped);
        }
        if plan.digest != agenda.plan.digest {
            if plan.platform != agenda.plan.platform {
                return Err(End::Replaced);
            }
            agenda.adopt(plan, self);
            agenda.schedule.resume(Instant::now());
        }
        Ok(())
    }

    async fn report(&self, running: Running, outcome: Outcome) {
        let ended = Instant::now();
        let Running {
            plan,
            command,
            started,
        } = running;
        let spec = &plan.commands[command];
        let failed = |reason, message, hint: Option<&str>| Failure {
            reason,
            message,
            hint: hint.map(Into::into),
        };
        let notice = match outcome {
            Outcome::TimedOut => {
                let seconds = spec.timeout.as_secs_f64();
                let message = format!(
                    "\"{}\" was not done within {seconds} s and was stopped",
                    spec.text
                );
                let hint = "is the command's `timeout` long enough for this device?";
                let failure = failed(Reason::CommandTimeout, message, Some(hint));
                Notice::PollFailed {
                    plan,
                    command,
                    failure,
                }
            }
            Outcome::Refused => {
                let message = format!("the device does not run \"{}\" on a channel", spec.text);
                let hint = "may the user run commands, and does the platform's `transport` fit the device?";
                let failure = failed(Reason::CommandRejected, message, Some(hint));
                Notice::PollFailed {
                    plan,
                    command,
                    failure,
                }
            }
            Outcome::Output(output) => {
                if let Some(line) = output.rejected {
                    let message = format!("the device refused \"{}\": \"{line}\"", spec.text);
                    let hint = "does this device know the command, and may the user run it?";
                    let failure = failed(Reason::CommandRejected, message, Some(hint));
                    Notice::PollFailed {
                        plan,
                        command,
                        failure,
                    }
                } else {
                    Notice::Polled(Box::new(Polled {
                        unix_ms: self.commons.clock.unix_ms(ended),
                        took: ended - started,
                        extraction: spec.filter.apply(&output.text),
                        truncated: output.truncated,
                        plan,
                        command,
                    }))
                }
            }
        };
        self.tell(notice).await;
    }

    async fn report_lost(&self, running: Running, failure: &Failure) {
        self.tell(Notice::PollFailed {
            plan: running.plan,
            command: running.command,
            failure: failure.clone(),
        })
        .await;
    }
}

/// A command that is under way.
struct Running {
    plan: Arc<CompiledPlan>,
    command: usize,
    started: Instant,
}

#[cfg(test)]
mod tests;
