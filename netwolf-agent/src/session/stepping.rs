//! A step of a run on a device's session, between two polls.
//!
//! ```text
//!   latch: start --> mode entered --> commands, one by one --> mode left --> verify --> end told
//!      |                 |  each: expected? answered? in time?     ^            |
//!      v                 +------------- not so --------------------+            v
//!   withdrawn                                                        same prompt as before, or the
//!                                                                    session is made anew
//! ```
//!
//! Polls wait meanwhile; those that were due are skipped and counted. A step whose procedure has a credential of its own
//! logs in with that, beside the session of the polls, or instead of it where the device is `exclusive`.
//!
//! Invariants: nothing is typed before the latch says so, and after it says stop nothing but what leaves the mode; a
//! fenced step types not even that, and its session is made anew; no poll is ever run in a mode of a step.

use std::{
    sync::{Arc, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use netwolf_wire::{
    login::LoginOutcome,
    status::{Failure, Reason},
    step::{MAX_STEP_OUTPUT, StepEnd, StepNews},
    target::{Login, Target},
};
use tokio::time::sleep_until;

use self::running::Running;
use super::{
    Session,
    gate::{self, Gate},
    live::Live,
    notice::Notice,
    polling::Over,
    ssh,
    step_task::StepTask,
};
use crate::{pacing::DevicePace, plan::CompiledPlan};

mod running;

/// Why a wait was cut short.
enum Cut {
    /// The session is over.
    Lost(Failure),
    /// The device's task is to end.
    Stopped,
    /// The step is not to be carried out, and nothing of it was.
    Withdrawn,
}

/// In which state a step leaves its session.
enum Left {
    /// As it was before.
    Good,
    /// Nobody knows in which mode it is, so it is made anew.
    Doubtful,
    /// It is over.
    Lost(Failure),
    /// The device's task is to end.
    Stopped,
}

/// What became of a step, unless somebody else has said so already, and of its session.
struct Done {
    end: Option<StepEnd>,
    left: Left,
}

impl Session {
    /// The step that this device is to carry out and has not begun.
    pub(super) fn step_to_do(&self) -> Option<Arc<StepTask>> {
        let order = self.orders.borrow();
        order.step.as_ref().filter(|step| step.waits()).cloned()
    }

    /// Carries `step` out, on `live` or on a session of its own. Tells what `live` is over for, if it is.
    pub(super) async fn carry_out(
        &mut self,
        live: &mut Live,
        step: &Arc<StepTask>,
        plan: &CompiledPlan,
        pace: &mut DevicePace,
    ) -> Option<Over> {
        if step.order.login.is_some() {
            // The session of the polls stands meanwhile.
            return tokio::select! {
                over = self.carry_out_alone(step, plan, pace) => over,
                never = live.stand_by() => match never {},
            };
        }
        let login = self.target.login.clone();
        let Done { end, left } = self.run_step(live, step, plan, &login).await;
        self.tell_end(step, end).await;
        match left {
            Left::Good => None,
            Left::Doubtful => Some(Over::Replaced),
            Left::Lost(failure) => Some(Over::Lost {
                failure,
                idle: false,
            }),
            Left::Stopped => Some(Over::Stopped),
        }
    }

    /// Carries `step` out on a session of its own, and closes that.
    pub(super) async fn carry_out_alone(
        &mut self,
        step: &Arc<StepTask>,
        plan: &CompiledPlan,
        pace: &mut DevicePace,
    ) -> Option<Over> {
        let (done, own) = match self.log_in_for(step, plan, pace).await {
            Ok((mut own, login)) => {
                let done = self.run_step(&mut own, step, plan, &login).await;
                (done, Some(own))
            }
            Err(Cut::Lost(failure)) => (not_begun(step, failure, Left::Good), None),
            Err(Cut::Stopped) => {
                let left = Left::Stopped;
                (Done { end: None, left }, None)
            }
            Err(Cut::Withdrawn) => {
                let left = Left::Good;
                (Done { end: None, left }, None)
            }
        };
        if let Some(own) = own {
            Box::pin(own.close()).await;
        }
        self.tell_end(step, done.end).await;
        matches!(done.left, Left::Stopped).then_some(Over::Stopped)
    }

    async fn tell_step(&self, step: &StepTask, news: StepNews) {
        self.tell(Notice::Step(step.order.id, Box::new(news))).await;
    }

    async fn tell_end(&self, step: &StepTask, end: Option<StepEnd>) {
        if let Some(end) = end {
            self.tell_step(step, StepNews::Ended(end)).await;
        }
    }

    /// Logs in with the step's own credential, as slowly as any login.
    async fn log_in_for(
        &mut self,
        step: &Arc<StepTask>,
        plan: &CompiledPlan,
        pace: &mut DevicePace,
    ) -> Result<(Live, Login), Cut> {
        let Some(login) = step.order.login.clone() else {
            return Err(Cut::Withdrawn);
        };
        let started = Instant::now();
        let turn = self
            .commons
            .pacing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .reserve(started);
        self.wait_for_login(step, turn).await?;
        let limit = plan.platform.limits.logins_per_minute;
        while let Some(wait) = pace.wait(limit, Instant::now()) {
            self.wait_for_login(step, wait).await?;
        }
        pace.start(limit, Instant::now());
        let target = Target {
            login,
            ..self.target.clone()
        };
        let credential = &target.login.credential;
        let is_direct = target.jump.is_none();
        let descriptor = is_direct.then(|| self.commons.descriptors.take());
        let _descriptor = descriptor.transpose().map_err(Cut::Lost)?;
        let gate = Gate::new(
            self.id,
            self.commons.notices.clone(),
            target.connect_timeout.get(),
        );
        let mut orders = self.orders.clone();
        let result = {
            let mut login = Box::pin(self.log_in_to(&target, plan, &gate));
            loop {
                tokio::select! {
                    live = &mut login => break live.map_err(|(failure, let_in)| (Cut::Lost(failure), let_in)),
                    changed = orders.changed() => {
                        // Dropping the login cuts its connection.
                        if changed.is_err() || orders.borrow_and_update().stop {
                            break Err((Cut::Stopped, false));
                        }
                        if step.is_withdrawn() {
                            break Err((Cut::Withdrawn, false));
                        }
                    }
                }
            }
        };
        let offered = gate.offered().load(Ordering::Relaxed)
            || result.as_ref().is_ok_and(Live::typed_enable_secret);
        let outcome = match &result {
            Ok(_) => gate::outcome_of(Ok(()), offered, true),
            Err((Cut::Lost(failure), let_in)) => gate::outcome_of(Err(failure), offered, *let_in),
            Err(_) if offered => LoginOutcome::Unclear,
            Err(_) => LoginOutcome::Unused,
        };
        gate.finish(credential, outcome).await;
        let live = result.map_err(|(cut, _)| cut)?;
        Ok((live, target.login))
    }

    /// Waits for `wait`, unless the step or the task ends before.
    async fn wait_for_login(&mut self, step: &StepTask, wait: Duration) -> Result<(), Cut> {
        let until = sleep_until((Instant::now() + wait).into());
        tokio::pin!(until);
        loop {
            if self.orders.borrow_and_update().stop {
                return Err(Cut::Stopped);
            }
            if step.is_withdrawn() {
                return Err(Cut::Withdrawn);
            }
            tokio::select! {
                () = &mut until => return Ok(()),
                changed = self.orders.changed() => if changed.is_err() {
                    return Err(Cut::Stopped);
                },
            }
        }
    }

    /// Runs `step` on `live`, to which `login` has led.
    async fn run_step(
        &mut self,
        live: &mut Live,
        step: &Arc<StepTask>,
        plan: &CompiledPlan,
        login: &Login,
    ) -> Done {
        let for_steps = plan.for_steps();
        let wants_shell = step.order.mode.is_some() && !live.is_shell();
        if wants_shell {
            let shell = match &for_steps.shell {
                Ok(shell) => shell,
                Err(why) => {
                    let failure = Failure {
                        reason: Reason::ModeFailed,
                        message: format!("the platform's modes cannot be used: {why}"),
                        hint: Some("give the platform `prompts` of its shell".into()),
                    };
                    return not_begun(step, failure, Left::Good);
                }
            };
            let secret = match ssh::read_secret(login, login.enable_secret.as_ref()).await {
                Ok(secret) => secret,
                Err(failure) => return not_begun(step, failure, Left::Good),
            };
            let patience = self.target.connect_timeout.get();
            if let Err(failure) = live.enter_shell(shell, secret, patience).await {
                return not_begun(step, failure.clone(), Left::Lost(failure));
            }
        }
        let before = live.prompt();
        let mut done = if step.start() {
            self.tell_step(step, StepNews::Started).await;
            let mut running = Running {
                session: self,
                live: &mut *live,
                step,
                for_steps,
                room: MAX_STEP_OUTPUT,
                n_done: 0,
                left: Left::Good,
            };
            let end = Some(running.run().await);
            let left = running.left;
            Done { end, left }
        } else {
            let left = Left::Good;
            Done { end: None, left }
        };
        if wants_shell && matches!(done.left, Left::Good | Left::Doubtful) {
            // The shell goes, and whatever mode it was in goes with it.
            live.leave_shell(&plan.manners).await;
            done.left = Left::Good;
        } else if matches!(done.left, Left::Good) && live.is_shell() {
            let after = live.prompt();
            let modes = for_steps.modes.as_ref();
            if modes.is_ok_and(|modes| !modes.are_alike(&before, &after)) {
                tracing::debug!(%before, %after, "a step has left the session in another mode: it is made anew");
                done.left = Left::Doubtful;
            }
        }
        done
    }
}

/// A step that `failure` has kept from beginning.
fn not_begun(step: &StepTask, failure: Failure, left: Left) -> Done {
    let end = step.withdraw_once().then_some(StepEnd::NotRun(failure));
    Done { end, left }
}
