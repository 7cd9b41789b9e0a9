//! The two machines of a shard, its core and its link's, and what they owe each other. No IO, no clock.
//!
//! ```text
//!   link stands, messages, loss --> +--------------------------+ --> hello, answers, statuses, batches
//!   time -------------------------> | machine <--- mind ---> core | --> connect, beat, close
//!                                   +--------------------------+
//! ```
//!
//! What carries the messages is an [`Outlet`]: sockets in the driver ([`super`]), a network in virtual time in
//! the simulation. Both so run what is here, and not a copy of it.
//!
//! Invariant: leases run from when something was sent that the manager has answered, never from when an answer
//! came, which may have been long on its way.

use std::time::Instant;

use netwolf_wire::{
    message::{Heartbeat, Hello, Leaving, Refused, Renew, ToAgent, ToManager, Welcome},
    stats::ShardStats,
    version,
};

use super::{ShardError, core::Core};
use crate::{
    agent::Leave,
    link::{
        machine::{Action, Machine},
        wires::{Batch, Stuck},
    },
};

/// The way out of a shard while its link stands. Dropping it closes the link.
pub(super) trait Outlet {
    /// Sends a message ahead of all samples.
    ///
    /// # Errors
    /// [`Stuck`] when there is no room, which means that the link does not move.
    fn control(&self, message: ToManager) -> Result<(), Stuck>;

    /// Whether a message can be sent now, and one that cannot wait after it.
    fn has_control_room(&self) -> bool;

    /// Whether a batch of samples can be sent now.
    fn has_room(&self) -> bool;

    /// Sends a batch, if [`Self::has_room`] said so.
    fn samples(&self, batch: Batch);

    /// Up to which place in the buffer polls have left.
    fn written(&self) -> u64;
}

/// Core and link's machine.
pub(super) struct Mind<W> {
    pub(super) core: Core,
    machine: Machine,
    /// What the shard says of itself.
    hello: Hello,
    /// Where the manager is, for people.
    manager: String,
    wires: Option<W>,
    /// Heartbeats that are under way, each with the place up to which polls were written before it.
    marks: Vec<(u64, u64)>,
    /// The link's trouble was logged; it is not logged again until the link stands.
    complained: bool,
    /// Of the whole agent: its other shards leave, too.
    leave: Leave,
    /// The shard ends once the manager lets it go.
    leaving: bool,
    dismissed: bool,
}

/// What the driver knows of its event loop.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OfLoop {
    /// The share of its time that it worked of late.
    pub(super) busy_ratio: f64,
    /// Its tasks.
    pub(super) tasks: u64,
}

impl<W: Outlet> Mind<W> {
    /// A shard without a link.
    pub(super) fn new(core: Core, machine: Machine, hello: Hello, manager: String) -> Self {
        Self {
            core,
            machine,
            hello,
            manager,
            wires: None,
            marks: Vec::new(),
            complained: false,
            leave: Leave::default(),
            leaving: false,
            dismissed: false,
        }
    }

    /// Hands an operator's wish that the agent leaves to `leave`.
    pub(super) fn leaving_by(self, leave: Leave) -> Self {
        Self { leave, ..self }
    }

    /// Whether the manager has taken the shard in on a link that stands.
    pub(super) const fn is_linked(&self) -> bool {
        self.wires.is_some() && self.machine.is_running()
    }

    /// Whether the shard is about to leave.
    pub(super) const fn is_leaving(&self) -> bool {
        self.leaving
    }

    /// Whether it may: the manager lets it go, and no step is under way, which is waited for as long as the agent has
    /// patience.
    pub(super) fn may_end(&self) -> bool {
        self.dismissed && !self.core.is_stepping()
    }

    /// The agent is asked to leave. Without a manager there is nobody to give devices to.
    pub(super) fn handle_leave(&mut self, now: Instant) {
        self.leaving = true;
        self.core.begin_leaving();
        tracing::info!("the shard leaves: its devices go elsewhere first");
        if self.machine.is_running() {
            self.say_leaving(now);
        } else {
            self.dismissed = true;
        }
    }

    fn say_leaving(&mut self, now: Instant) {
        if let Some(wires) = &self.wires
            && wires.control(Leaving {}.into()).is_err()
        {
            self.lose("it does not take what is sent", now);
        }
    }

    /// The link, as far as it stands.
    pub(super) const fn wires(&mut self) -> &mut Option<W> {
        &mut self.wires
    }

    /// Takes the link away, at the end, if the manager has taken the shard in on it.
    pub(super) fn take_wires(&mut self) -> Option<W> {
        self.wires.take().filter(|_| self.machine.is_running())
    }

    /// When something is due: [`Self::handle_timeout`], [`Self::poll_action`] and [`Self::send`] are to be called.
    pub(super) fn poll_timeout(&self) -> Instant {
        let sends = [self.core.statuses_at(), self.core.flush_at()];
        let sends = sends.into_iter().flatten();
        sends
            .filter(|_| self.machine.is_running())
            .fold(self.machine.poll_timeout(), Instant::min)
            .min(self.core.poll_timeout())
    }

    /// Time has passed. Harmless when nothing was due.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.core.handle_timeout(now);
    }

    /// What the link's machine wants: [`Action::Beat`] is to be answered with [`Self::beat`], [`Action::Close`]
    /// with [`Self::close`].
    pub(super) fn poll_action(&mut self, now: Instant) -> Option<Action> {
        self.machine.poll_action(now)
    }

    /// Sends a heartbeat, with what `of_loop` tells of the event loop.
    pub(super) fn beat(&mut self, beat: u64, of_loop: OfLoop, now: Instant) {
        let OfLoop { busy_ratio, tasks } = of_loop;
        let stats = Box::new(ShardStats {
            busy_ratio,
            tasks,
            ..self.core.stats()
        });
        if let Some(wires) = &self.wires {
            self.marks.push((beat, wires.written()));
            if wires.control(Heartbeat { beat, stats }.into()).is_err() {
                self.lose("it does not take what is sent", now);
            }
        }
    }

    /// The link's machine has given the link up.
    pub(super) fn close(&mut self, why: &str, now: Instant) {
        self.wires = None;
        self.core.handle_link_down(now);
        self.complain(why);
    }

    /// A connection to the manager stands.
    pub(super) fn handle_connected(&mut self, wires: W, now: Instant) {
        let mut hello = self.core.complete(self.hello.clone());
        hello.silent = self.machine.silent(now).into();
        if wires.control(hello.into()).is_ok() {
            self.wires = Some(wires);
            self.machine.handle_connected(now);
        }
    }

    /// The manager says something.
    ///
    /// # Errors
    /// [`ShardError`] when it does not want this agent.
    pub(super) fn handle_message(
        &mut self,
        message: ToAgent,
        now: Instant,
    ) -> Result<(), ShardError> {
        self.machine.handle_frame(now);
        match message {
            ToAgent::Welcome(welcome) => self.handle_welcome(&welcome, now)?,
            ToAgent::Refused(refused) => self.handle_refused(refused, now)?,
            ToAgent::Plans(plans) => self.core.handle_plans(&plans),
            ToAgent::Assign(assign) => self.core.handle_assign(assign, now),
            ToAgent::Revoke(revoke) => self.core.handle_revoke(revoke, now),
            ToAgent::Renew(Renew { beat }) => {
                let written = self.acknowledged_by(beat);
                if let (Some(sent), Some(autonomy)) =
                    (self.machine.handle_renew(beat), self.machine.autonomy())
                {
                    self.core.handle_renew(sent, autonomy, written);
                }
            }
            ToAgent::Breakers(breakers) => self.core.handle_breakers(breakers, now),
            ToAgent::Permits(permits) => self.core.handle_permits(&permits),
            ToAgent::Probe(probe) => self.core.handle_probe(probe),
            ToAgent::Show(show) => self.core.handle_show(show, now),
            // The other shards hear it, too.
            ToAgent::Drain(_) => {
                self.leave.ask();
            }
            ToAgent::Dismissed(_) => self.dismissed = self.leaving,
            ToAgent::Steps(steps) => self.core.handle_steps(steps, now),
            ToAgent::CancelSteps(cancel) => self.core.handle_cancel_steps(&cancel, now),
            ToAgent::StepsHeard(heard) => self.core.handle_steps_heard(&heard),
            // Certificates are asked for on connections of their own.
            ToAgent::Certified(_) => {}
            ToAgent::Unknown(kind) => tracing::debug!(kind, "a message was skipped"),
        }
        Ok(())
    }

    /// Up to which place polls had been written before heartbeat `beat`, which was just answered.
    fn acknowledged_by(&mut self, beat: u64) -> u64 {
        let written = self
            .marks
            .iter()
            .filter(|(sent, _)| *sent <= beat)
            .map(|(_, written)| *written)
            .max();
        self.marks.retain(|(sent, _)| *sent > beat);
        written.unwrap_or(0)
    }

    fn handle_welcome(&mut self, welcome: &Welcome, now: Instant) -> Result<(), ShardError> {
        let Some(heard) = self.machine.greeting_since() else {
            tracing::debug!("a welcome came that nothing had asked for");
            return Ok(());
        };
        version::settle(version::CURRENT, welcome.protocol)?;
        self.machine.handle_welcome(welcome, now);
        self.marks.clear();
        self.complained = false;
        if let Some(autonomy) = self.machine.autonomy() {
            self.core.handle_welcome(heard, autonomy, now);
        }
        tracing::info!(manager = %self.manager, version = %welcome.software, "the link to the manager stands");
        if self.leaving {
            self.say_leaving(now);
        }
        Ok(())
    }

    fn handle_refused(&mut self, refused: Refused, now: Instant) -> Result<(), ShardError> {
        self.wires = None;
        self.core.handle_link_down(now);
        if !refused.retry {
            return Err(ShardError::Refused(refused.message));
        }
        self.machine.handle_refused(now);
        self.complain(&format!("refused: {}", refused.message));
        Ok(())
    }

    /// The link broke, or could not be made.
    pub(super) fn lose(&mut self, error: &str, now: Instant) {
        self.wires = None;
        self.core.handle_link_down(now);
        self.machine.handle_lost(now);
        self.complain(error);
    }

    fn complain(&mut self, error: &str) {
        if !std::mem::replace(&mut self.complained, true) {
            tracing::warn!(manager = %self.manager, %error, "no link to the manager; trying again");
        }
    }

    /// Sends what is due, as far as the link has room.
    pub(super) fn send(&mut self, now: Instant) {
        let Some(wires) = self.wires.as_ref().filter(|_| self.machine.is_running()) else {
            return;
        };
        while wires.has_control_room()
            && let Some(message) = self.core.poll_answer()
        {
            if wires.control(message).is_err() {
                self.lose("it does not take what is sent", now);
                return;
            }
        }
        while let Some(statuses) = self.core.poll_statuses(now) {
            if wires.control(statuses.into()).is_err() {
                self.lose("it does not take what is sent", now);
                return;
            }
        }
        while wires.has_room() {
            match self.core.poll_batch(now) {
                Some(batch) => wires.samples(batch),
                None => return,
            }
        }
        self.core.put_off_flush(now);
    }
}
