//! The way to a login: what a device waits for before anything is connected.
//!
//! ```text
//!   backoff --> credential not held --> a permit, if it was refused before --> a place in the queue
//!      |               |                              |
//!      +---------------+---------- a probe -----------+--------> at once
//! ```
//!
//! A login that would have to wait for its permit behind many others does so before it is connected, see
//! `crowd`. A device that has refused its credential asks before it is connected to: the manager may let it wait for
//! half an hour, and meanwhile nothing reaches the device.

use std::{
    sync::PoisonError,
    time::{Duration, Instant},
};

use tokio::time::sleep_until;

use super::{
    Kept, Session, Stopped,
    gate::Gate,
    notice::{Notice, Order},
};

/// A permit that has not come by then is asked for anew, so that nobody waits for an ask that was forgotten.
/// Managers let a device that refused wait for half an hour, from the refusal and not from the ask.
const ASK_AGAIN: Duration = Duration::from_mins(10);

/// A permit that is older than this when its login may begin is asked for anew: managers take one for void
/// after two minutes.
const PERMIT_LASTS: Duration = Duration::from_secs(100);

/// Leave to connect.
pub(super) struct Way {
    /// For the credentials of this login.
    pub(super) gate: Gate,
    /// How long it had to wait for its turn.
    pub(super) queued: Duration,
}

/// What ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Woken {
    /// What was waited for.
    Due,
    /// A probe: one login, at once.
    Probe,
}

impl Session {
    /// Waits for `backoff` and whatever else must be waited for.
    ///
    /// # Errors
    /// [`Stopped`] when the order to stop comes first.
    pub(super) async fn way_in(
        &mut self,
        backoff: Duration,
        kept: &mut Kept,
    ) -> Result<Way, Stopped> {
        let mut woken = self.pause(backoff, kept).await?;
        kept.idle = false;
        let gate = Gate::new(
            self.id,
            self.commons.notices.clone(),
            self.target.connect_timeout.get(),
        );
        loop {
            if woken == Woken::Due {
                woken = self.wait_while_held(kept).await?;
            }
            let mut permitted = None;
            if woken == Woken::Due && kept.refused {
                self.tell(Notice::Queued).await;
                woken = match self.ask_first(&gate, kept).await? {
                    Some(woken) => woken,
                    None => continue,
                };
                permitted = Some(Instant::now());
            }
            let started = Instant::now();
            if woken == Woken::Due {
                let place = self
                    .commons
                    .pacing
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .reserve(started);
                woken = self.pause(place, kept).await?;
            }
            // What the device itself allows holds for a probe, too.
            let limit = self.limit();
            while let Some(wait) = kept.pace.wait(limit, Instant::now()) {
                self.pause(wait, kept).await?;
            }
            // Who has a permit does not wait for one.
            if woken == Woken::Due && permitted.is_none() {
                woken = self.wait_for_room(&gate, kept).await?;
            }
            while woken == Woken::Due
                && let Some(at) = permitted
                && at.elapsed() >= PERMIT_LASTS
            {
                gate.give_back(&self.target.login.credential).await;
                permitted = None;
                if let Some(again) = self.ask_first(&gate, kept).await? {
                    woken = again;
                    permitted = Some(Instant::now());
                }
            }
            if woken == Woken::Due && kept.refused && permitted.is_none() {
                continue;
            }
            if woken == Woken::Due && self.orders.borrow().held {
                gate.stays_out();
                gate.give_back(&self.target.login.credential).await;
                continue;
            }
            let now = Instant::now();
            kept.pace.start(limit, now);
            return Ok(Way {
                gate,
                queued: now - started,
            });
        }
    }

    /// How many logins a minute the device takes.
    fn limit(&self) -> Option<u32> {
        let order = self.orders.borrow();
        order.plan.platform.limits.logins_per_minute
    }

    async fn wait_while_held(&mut self, kept: &mut Kept) -> Result<Woken, Stopped> {
        let mut told = false;
        loop {
            let held = self.orders.borrow_and_update().held;
            if let Some(woken) = self.look(kept)? {
                return Ok(woken);
            }
            if !held {
                return Ok(Woken::Due);
            }
            if !std::mem::replace(&mut told, true) {
                self.tell(Notice::Held).await;
            }
            if self.orders.changed().await.is_err() {
                return Err(Stopped);
            }
        }
    }

    /// Waits for a permit. `None` says that the credential is held by now, or that it is time to ask again.
    async fn ask_first(&mut self, gate: &Gate, kept: &mut Kept) -> Result<Option<Woken>, Stopped> {
        let credential = self.target.login.credential.clone();
        let asking = gate.ask(&credential);
        let again = sleep_until((Instant::now() + ASK_AGAIN).into());
        tokio::pin!(asking, again);
        loop {
            if let Some(woken) = self.look(kept)? {
                // The probe has a permit of its own.
                gate.give_back(&credential).await;
                return Ok(Some(woken));
            }
            tokio::select! {
                permit = &mut asking => return Ok(permit.is_ok().then_some(Woken::Due)),
                () = &mut again => {
                    gate.give_back(&credential).await;
                    return Ok(None);
                }
                changed = self.orders.changed() => if changed.is_err() {
                    return Err(Stopped);
                },
            }
        }
    }

    /// Waits for `wait`, unless a probe comes first.
    async fn pause(&mut self, wait: Duration, kept: &mut Kept) -> Result<Woken, Stopped> {
        let until = sleep_until((Instant::now() + wait).into());
        tokio::pin!(until);
        loop {
            if let Some(woken) = self.look(kept)? {
                return Ok(woken);
            }
            // Of a new plan something may be due at once, and a step is.
            if kept.idle {
                let order = self.orders.borrow();
                let has_step = order.step.as_ref().is_some_and(|step| step.waits());
                if has_step || order.plan.digest != kept.agenda.plan.digest {
                    return Ok(Woken::Due);
                }
            }
            tokio::select! {
                () = &mut until => return Ok(Woken::Due),
                changed = self.orders.changed() => if changed.is_err() {
                    return Err(Stopped);
                },
            }
        }
    }

    /// Waits while many of this shard are on the way to their permits, and then sets out; but not while nobody moves
    /// for as long as a login may wait: what is wrong there is seen only on the way.
    async fn wait_for_room(&mut self, gate: &Gate, kept: &mut Kept) -> Result<Woken, Stopped> {
        let crowd = self.commons.crowd.clone();
        let credential = self.target.login.credential.clone();
        let line = crowd.line(&credential);
        let patience = self.target.connect_timeout.get();
        let until = sleep_until((Instant::now() + patience).into());
        tokio::pin!(until);
        let mut n_gone = line.n_gone();
        loop {
            if let Some(woken) = self.look(kept)? {
                return Ok(woken);
            }
            if !line.is_crowded() || until.is_elapsed() {
                gate.set_out(crowd.count(&credential));
                return Ok(Woken::Due);
            }
            tokio::select! {
                () = line.moved() => {}
                () = &mut until => {
                    let gone = line.n_gone();
                    if std::mem::replace(&mut n_gone, gone) != gone {
                        until.as_mut().reset((Instant::now() + patience).into());
                    }
                }
                changed = self.orders.changed() => if changed.is_err() {
                    return Err(Stopped);
                },
            }
        }
    }

    /// Looks at the order: stop, or a probe that was not made yet?
    fn look(&mut self, kept: &mut Kept) -> Result<Option<Woken>, Stopped> {
        let Order { stop, probes, .. } = *self.orders.borrow_and_update();
        if stop {
            return Err(Stopped);
        }
        let probe = std::mem::replace(&mut kept.probes, probes) != probes;
        Ok(probe.then_some(Woken::Probe))
    }
}
