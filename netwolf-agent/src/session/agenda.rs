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
}

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
        }
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
