//! What a device runs, and when.

use std::sync::Arc;

use netwolf_filter::{Extraction, Recollection};

use super::Session;
use crate::{plan::CompiledPlan, schedule::Schedule};

/// A plan and when its commands are due. It outlives connections, so that a new login is not a new start.
pub(super) struct Agenda {
    pub(super) plan: Arc<CompiledPlan>,
    pub(super) schedule: Schedule,
    /// Of each command.
    recollections: Vec<Recollection>,
    /// Time of the last poll.
    stamped_ms: u64,
}

/// The wall clock is followed where it was set back by so much or more.
const SET_BACK_MS: u64 = 1_000;

impl Agenda {
    /// Nothing is due before `schedule.resume`.
    pub(super) fn new(plan: Arc<CompiledPlan>, session: &Session) -> Self {
        let commands = plan
            .commands
            .iter()
            .map(|command| (command.text.as_str(), command.interval));
        let schedule = Schedule::new(
            session.commons.clock.clone(),
            session.device.as_str(),
            commands,
        );
        Self {
            recollections: vec![Recollection::default(); plan.commands.len()],
            plan,
            schedule,
            stamped_ms: 0,
        }
    }

    /// The time of a poll that ended just now: later than that of the one before, even where both ended within a
    /// millisecond, because there can be one sample of a time only.
    pub(super) fn stamp(&mut self, unix_ms: u64) -> u64 {
        let next = self.stamped_ms + 1;
        let is_near = (unix_ms..unix_ms.saturating_add(SET_BACK_MS)).contains(&next);
        self.stamped_ms = if is_near { next } else { unix_ms };
        self.stamped_ms
    }

    /// What the rules of a command make of its output; `plan` may be an older one than that of the agenda.
    pub(super) fn extract(
        &mut self,
        plan: &CompiledPlan,
        command: usize,
        text: &str,
    ) -> Extraction {
        let filter = &plan.commands[command].filter;
        match self.recollections.get_mut(command) {
            Some(recollection) if plan.digest == self.plan.digest => {
                filter.apply_again(text, recollection)
            }
            _ => filter.apply(text),
        }
    }

    /// Goes over to `plan`; a command that the old one had too keeps when it ran last.
    pub(super) fn adopt(&mut self, plan: Arc<CompiledPlan>, session: &Session) {
        if plan.digest == self.plan.digest {
            return;
        }
        let mut fresh = Self::new(plan, session);
        fresh.stamped_ms = self.stamped_ms;
        let same = self
            .plan
            .commands
            .iter()
            .enumerate()
            .filter_map(|(old, command)| {
                let new = fresh
                    .plan
                    .commands
                    .iter()
                    .position(|other| other.text == command.text)?;
                Some((old, new))
            });
        let same: Vec<_> = same.collect();
        fresh.schedule.inherit(&self.schedule, same.into_iter());
        *self = fresh;
    }
}
