//! The shard's tasks, one a device: started, told, cut off, ended.

use std::time::Instant;

use tokio::{
    sync::watch,
    task::{self, JoinError},
};
use tracing::Instrument;

use super::{Shard, core::Effect};
use crate::session::{Order, Session, TaskId};

impl Shard {
    pub(super) fn do_effect(&mut self, effect: Effect) {
        match effect {
            Effect::Start {
                id,
                device,
                target,
                plan,
                held,
                delay,
            } => {
                let span = tracing::info_span!("session", %device, platform = %plan.platform.name);
                let (orders, receiver) = watch::channel(Order::new(plan, held));
                let session = Session {
                    id,
                    device,
                    target: *target,
                    orders: receiver,
                    commons: self.commons.clone(),
                    delay,
                };
                let abort = self.tasks.spawn(session.run().instrument(span));
                self.by_tokio.insert(abort.id(), id);
                self.by_task.insert(id, (orders, abort));
            }
            Effect::Replan(id, plan) => self.order(id, |order| order.plan = plan),
            Effect::Stop(id) => self.order(id, |order| order.stop = true),
            Effect::Hold(id, held) => self.order(id, |order| order.held = held),
            Effect::Probe(id) => {
                self.order(id, |order| order.probes = order.probes.wrapping_add(1));
            }
            Effect::Show(id, show) => self.order(id, |order| order.show = show),
            Effect::Step(id, step) => self.order(id, |order| order.step = step),
            Effect::Answer(answer, verdict) => answer.give(verdict),
            Effect::Abort(id) => {
                if let Some((_, abort)) = self.by_task.get(&id) {
                    abort.abort();
                }
            }
        }
    }

    fn order(&self, id: TaskId, change: impl FnOnce(&mut Order)) {
        if let Some((orders, _)) = self.by_task.get(&id) {
            orders.send_modify(change);
        }
    }

    /// Hands what tasks have told to the core.
    pub(super) fn drain_notices(&mut self) {
        while let Ok((id, notice)) = self.notices.try_recv() {
            self.mind.core.handle_notice(id, notice, Instant::now());
        }
    }

    pub(super) fn handle_ended(&mut self, id: task::Id, now: Instant) {
        // Its last words were told before it ended: what it does not say of its login is taken for unsaid.
        self.drain_notices();
        if let Some(id) = self.by_tokio.remove(&id) {
            self.by_task.remove(&id);
            self.mind.core.handle_ended(id, now);
        }
    }
}

/// Whose end it is.
pub(super) fn task_id(ended: &Result<(task::Id, ()), JoinError>) -> task::Id {
    match ended {
        Ok((id, ())) => *id,
        Err(error) => error.id(),
    }
}
