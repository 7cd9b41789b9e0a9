//! The life of one device on a shard, as one task.
//!
//! ```text
//!   +--> wait (see `waiting`) --> connecting --> up: commands when due (see `polling`)
//!   |                                |            |
//!   +----- failure, or age ----------+------------+
//! ```
//!
//! The task is told by an [`Order`] what to run and when to stop, and tells by [`Notice`]s what happened; it
//! decides nothing about leases. It ends only when it is told to, or by a panic, which costs this device a
//! restart and no other anything.

use std::{
    sync::{Arc, Mutex, atomic::Ordering},
    time::{Duration, Instant},
};

use netwolf_wire::{
    DeviceName, hash,
    login::LoginOutcome,
    status::{Failure, Reason},
    target::Target,
};
use tokio::{
    sync::{
        mpsc::{self, error::TrySendError},
        watch,
    },
    time::sleep,
};

pub(crate) use self::ssh::scan::scan as scan_host_keys;
use self::{
    age::Age,
    agenda::Agenda,
    gate::Gate,
    host_key::AcceptedKeys,
    live::Live,
    polling::Over,
    ssh::{Login, jump::JumpHosts},
    waiting::Way,
};
pub(crate) use self::{
    crowd::{Counted, Crowd},
    descriptors::Descriptors,
    gate::{Answer, Verdict},
    notice::{Notice, Order, Polled, ShowOrder, TaskId},
    step_task::{StepTask, Stop},
    traffic::Traffic,
};
use crate::{
    backoff::{Backoff, Progress, STABLE},
    clock::Clock,
    pacing::{DevicePace, Pacing},
    plan::CompiledPlan,
    random::Random,
};

mod age;
mod agenda;
mod alarm;
pub(crate) mod crowd;
pub(crate) mod descriptors;
mod feed;
pub(crate) mod gate;
pub(crate) mod host_key;
pub(crate) mod known_hosts;
mod live;
mod notice;
pub(crate) mod once;
mod polling;
mod showing;
mod socket;
pub(crate) mod ssh;
pub(crate) mod step_task;
mod stepping;
mod traffic;
mod waiting;

/// No session is made anew more often, whatever its `max_age` says: a login is a burden to the device.
const MIN_AGE: Duration = Duration::from_secs(1);

/// A login that is to be done when a command is due begins so much earlier than it has to.
const IDLE_MARGIN: Duration = Duration::from_secs(1);

/// Who has not asked for its permit after so long is not waited for by the logins behind it.
const ON_THE_WAY: Duration = Duration::from_millis(500);

/// What all sessions of a shard share.
#[derive(Clone)]
pub(crate) struct Commons {
    pub(crate) clock: Clock,
    /// Varies the jitter from start to start.
    pub(crate) seed: u64,
    pub(crate) pacing: Arc<Mutex<Pacing>>,
    pub(crate) accepted: Arc<AcceptedKeys>,
    pub(crate) jumps: Arc<JumpHosts>,
    pub(crate) traffic: Arc<Traffic>,
    pub(crate) crowd: Arc<Crowd>,
    pub(crate) descriptors: Descriptors,
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

/// What outlives the device's connections.
struct Kept {
    agenda: Agenda,
    backoff: Backoff,
    /// Keeps below what the device allows.
    pace: DevicePace,
    random: Random,
    /// The device refused its credential the last time.
    refused: bool,
    /// Probes that were ordered and seen.
    probes: u32,
    /// The device has ended an idle session: there is nothing to do until the next command is due.
    idle: bool,
}

/// How the part of the life with a connection ended.
enum End {
    Stopped,
    /// The next login may begin after so long.
    Again(Duration),
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
        let order = self.orders.borrow_and_update().clone();
        let mut kept = Kept {
            agenda: Agenda::new(order.plan, &self),
            backoff: Backoff::new(seed),
            pace: DevicePace::default(),
            random: Random::new(!seed),
            refused: false,
            probes: order.probes,
            idle: false,
        };
        let mut wait = self.delay;
        while let Ok(way) = self.way_in(wait, &mut kept).await {
            match self.live_once(way, &mut kept).await {
                End::Stopped => return,
                End::Again(after) => wait = after,
            }
        }
    }

    async fn tell(&self, notice: Notice) {
        let notices = &self.commons.notices;
        let sent = match notices.try_send((self.id, notice)) {
            Err(TrySendError::Full(notice)) => notices.send(notice).await.is_ok(),
            sent => sent.is_ok(),
        };
        // The shard is gone only when the task is about to be, too.
        if !sent {
            tracing::trace!("a notice came after the shard had ended");
        }
    }

    /// One connection, from TCP connect to its end.
    async fn live_once(&mut self, way: Way, kept: &mut Kept) -> End {
        let Way { gate, queued } = way;
        self.tell(Notice::Connecting(queued)).await;
        let plan = self.orders.borrow_and_update().plan.clone();
        kept.agenda.adopt(plan, self);
        let plan = kept.agenda.plan.clone();
        let started = Instant::now();
        let mut orders = self.orders.clone();
        // What goes by way of a jump host shares the connection to that one.
        let is_direct = self.target.jump.is_none();
        let descriptor = is_direct.then(|| self.commons.descriptors.take());
        let descriptor = descriptor.transpose();
        let live = {
            // Boxed, because it is the larger part of a session's task and is over in a moment.
            let mut login = Box::pin(async {
                match &descriptor {
                    Ok(_) => self.log_in(&plan, &gate).await,
                    Err(none) => Err((none.clone(), false)),
                }
            });
            let on_the_way = sleep(ON_THE_WAY);
            tokio::pin!(on_the_way);
            loop {
                tokio::select! {
                    live = &mut login => break live,
                    () = &mut on_the_way, if !on_the_way.is_elapsed() => gate.stays_out(),
                    changed = orders.changed() => if changed.is_err() || orders.borrow_and_update().stop {
                        // Dropping the login cuts its connection; the shard ends its permit.
                        return End::Stopped;
                    },
                }
            }
        };
        // The enable secret is a part of the credential.
        let offered = gate.offered().load(Ordering::Relaxed)
            || live.as_ref().is_ok_and(Live::typed_enable_secret);
        let (result, let_in) = match &live {
            Ok(_) => (Ok(()), true),
            Err((failure, let_in)) => (Err(failure), *let_in),
        };
        let outcome = gate::outcome_of(result, offered, let_in);
        gate.finish(&self.target.login.credential, outcome).await;
        let mut live = match live {
            Ok(live) => live,
            Err((failure, _)) => {
                if failure.reason == Reason::CredentialHeld && self.orders.borrow().held {
                    return End::Again(Duration::ZERO);
                }
                kept.refused = outcome == LoginOutcome::Refused;
                let progress = match (let_in, offered) {
                    (true, _) => Progress::LetIn,
                    (false, true) => Progress::Offered,
                    (false, false) => Progress::Before,
                };
                let wait = kept.backoff.after(failure.reason, progress);
                self.tell(Notice::LoginFailed(failure, wait)).await;
                return End::Again(wait);
            }
        };
        let up = Instant::now();
        kept.refused = false;
        self.tell(Notice::Up(up - started)).await;
        kept.agenda.schedule.resume(up);
        let age = self.target.max_age.map(|greatest| {
            let greatest = greatest.get().max(MIN_AGE);
            Age::new(greatest, up, up - started, &mut kept.random)
        });
        let over = self
            .poll(&mut live, &mut kept.agenda, &mut kept.pace, age)
            .await;
        let stable = up.elapsed() >= STABLE;
        if stable {
            kept.backoff.reset();
        }
        let end = match over {
            Over::Stopped => End::Stopped,
            Over::Replaced => End::Again(Duration::ZERO),
            Over::Alone(step) => {
                Box::pin(live.close()).await;
                return self.give_way(&step, kept).await;
            }
            Over::Aged => {
                self.tell(Notice::Aged).await;
                End::Again(Duration::ZERO)
            }
            Over::Lost { failure, idle } => {
                // A device that ends idle sessions does as it was told to: one login, in time for the next poll.
                kept.idle = idle && stable && failure.reason == Reason::ClosedByDevice;
                if kept.idle {
                    let next_due = kept.agenda.schedule.next_due();
                    let wait = idle_wait(Instant::now(), next_due, up - started);
                    self.tell(Notice::Idle(wait)).await;
                    End::Again(wait)
                } else {
                    let wait = kept.backoff.after(failure.reason, Progress::LetIn);
                    self.tell(Notice::Disconnected(failure, wait)).await;
                    End::Again(wait)
                }
            }
        };
        Box::pin(live.close()).await;
        end
    }

    /// Carries `step` out while no session of the polls stands.
    async fn give_way(&mut self, step: &Arc<StepTask>, kept: &mut Kept) -> End {
        let plan = kept.agenda.plan.clone();
        // Boxed, because it is large and rare.
        let over = Box::pin(self.carry_out_alone(step, &plan, &mut kept.pace)).await;
        match over {
            Some(_) => End::Stopped,
            None => End::Again(Duration::ZERO),
        }
    }

    /// Connects, logs in and sets up.
    ///
    /// # Errors
    /// Why it came to nothing, and whether the device had taken the credential by then.
    async fn log_in(&self, plan: &CompiledPlan, gate: &Gate) -> Result<Live, (Failure, bool)> {
        self.log_in_to(&self.target, plan, gate).await
    }

    /// The same with `target`, whose login may be another one than the device's.
    ///
    /// # Errors
    /// As there.
    async fn log_in_to(
        &self,
        target: &Target,
        plan: &CompiledPlan,
        gate: &Gate,
    ) -> Result<Live, (Failure, bool)> {
        let login = &target.login;
        let enable_secret = ssh::read_secret(login, login.enable_secret.as_ref())
            .await
            .map_err(|failure| (failure, false))?;
        let connection = ssh::connect(Login {
            device: &self.device,
            target,
            platform: &plan.platform,
            accepted: &self.commons.accepted,
            jumps: &self.commons.jumps,
            gate,
            traffic: &self.commons.traffic,
        })
        .await
        .map_err(|failure| (failure, false))?;
        if enable_secret.is_none() {
            gate.let_in(&login.credential).await;
        }
        let step_timeout = target.connect_timeout.get();
        Live::open(connection, &plan.manners, enable_secret, step_timeout)
            .await
            .map_err(|failure| (failure, true))
    }
}

/// How long a device that ended an idle session at `now` is left alone, when the next command is due at
/// `next_due` and a login takes `login`: with it done in time, even if it takes twice as long and waits a little.
fn idle_wait(now: Instant, next_due: Option<Instant>, login: Duration) -> Duration {
    next_due
        .map(|due| due.saturating_duration_since(now))
        .unwrap_or_default()
        .saturating_sub(2 * login + IDLE_MARGIN)
}

#[cfg(test)]
mod tests;
