//! What the fleet tells of steps.
//!
//! A run that has ended is the journal's alone after a while. Where a shard tells of one of its steps after that, or a
//! person settles one, the run is read again: what is told late still settles a step that is unknown, and what it
//! typed comes into the transcript and the audit log as ever. Whatever is told meanwhile waits in its order; see
//! [`parking`](super::parking).
//!
//! Bound: [`RECALLS`] runs are read at a time; the others wait for their turn.

use netwolf_runs::machine::{Effect, Taken};
use netwolf_wire::{
    ShardId,
    step::{RunId, StepEvent, StepNews},
};
use tokio::time::Instant;
use tracing::{info, warn};

use super::{
    Engine, Event, Fault, FleetNews, RETRY, Recalled, Refusal, Settling, StepRequest, Wanted,
};

/// Runs that are read from the journal at a time.
pub(crate) const RECALLS: usize = 64;

impl Engine {
    /// Takes in what the fleet tells.
    pub(super) fn hear(&mut self, news: FleetNews) {
        let now_ms = self.clock.now_ms();
        match news {
            FleetNews::Held {
                shard,
                incarnation,
                link,
                steps,
            } => {
                self.parking.linked(&shard);
                self.machine
                    .handle_held(&shard, incarnation, link.0, &steps, now_ms);
            }
            FleetNews::Told(shard, events) => {
                for event in events {
                    // What a shard tells behind something that was left out is not heard either: it tells it again.
                    if self.parking.hears(&shard) {
                        self.hear_event(&shard, event, true);
                    }
                }
            }
            FleetNews::Lost(shard, link) => {
                self.machine.handle_shard_lost(&shard, link.0, now_ms);
            }
            FleetNews::NotSent(steps) => {
                for (id, why) in steps {
                    self.machine.handle_not_sent(id, &why.to_string(), now_ms);
                }
            }
        }
    }

    fn hear_event(&mut self, shard: &ShardId, event: StepEvent, may_recall: bool) {
        let run = event.id.run;
        if may_recall && !self.machine.knows(run) {
            self.park(run, Wanted::Told(shard.clone(), Box::new(event)));
            return;
        }
        let now_ms = self.clock.now_ms();
        let taken = self.machine.handle_step_event(shard, &event, now_ms);
        if taken != Taken::Stale {
            return;
        }
        self.state.telemetry.runs.stale_events.inc();
        if matches!(event.what, StepNews::Ended(_)) {
            // Nobody waits for it, so that the shard need not keep it.
            self.gathering.effects.push(Effect::Heard {
                shard: shard.clone(),
                id: event.id,
            });
        }
    }

    /// Settles a step of a run that is to be read first.
    pub(super) fn settle_later(&mut self, run: RunId, settling: Settling) {
        if let Some(fault) = &self.failing {
            // It is read only once all is kept, and nobody knows when that is.
            return drop(settling.answer.send(Err(Refusal::from(fault.clone()))));
        }
        if self.parking.len() >= RECALLS && !self.parking.has(run) {
            let why = format!("{RECALLS} runs are being read already");
            let refusal = Refusal::new(super::Kind::TooMany, why);
            drop(settling.answer.send(Err(refusal.hint("ask again"))));
            return;
        }
        self.park(run, Wanted::Settle(settling));
    }

    /// Runs are not read while the journal cannot be written: no person waits for that.
    pub(super) fn refuse_parked(&mut self, fault: &Fault) {
        for wanted in self.parking.people() {
            if let Wanted::Settle(settling) = wanted {
                drop(settling.answer.send(Err(Refusal::from(fault.clone()))));
            }
        }
    }

    fn park(&mut self, run: RunId, wanted: Wanted) {
        // What the machine has decided of it last may not be kept yet.
        let after = self.taken + u64::from(!self.gathering.is_empty());
        self.parking.park(run, wanted, after);
    }

    /// Reads runs from the journal for which something waits, and asks shards to tell again what had no room.
    pub(super) async fn recall(&mut self) {
        while self.recalls.len() < RECALLS
            && self.recall_at <= Instant::now()
            && let Some(run) = self.parking.next(self.kept)
        {
            let keeper = self.keeper.clone();
            self.recalls.spawn(async move {
                let result = keeper.run(run).await;
                Recalled { run, result }
            });
        }
        for shard in self.parking.relink() {
            warn!(agent = %shard.agent, shard = shard.index, "there was no room for what the agent told of steps of runs that have ended; its link is made anew, and it tells them again");
            // Without a core the manager is ending.
            let request = StepRequest::Relink(shard);
            self.state.core.send(Event::Steps(request)).await.ok();
        }
    }

    /// A run was read. Only one with unknown steps has something to be told or settled.
    pub(super) fn recalled(&mut self, recalled: Recalled) {
        let Recalled { run: id, result } = recalled;
        let found = match result {
            Ok(found) => found,
            Err(fault) => {
                let (people, first) = self.parking.failed(id);
                for wanted in people {
                    if let Wanted::Settle(settling) = wanted {
                        drop(settling.answer.send(Err(Refusal::from(fault.clone()))));
                    }
                }
                if first {
                    warn!(run = %id, %fault, "a run that an agent tells of or a person settles cannot be read; what agents tell of it waits");
                }
                self.recall_at = Instant::now() + RETRY;
                return;
            }
        };
        if let Some((run, steps)) = found
            && !self.machine.knows(id)
            && (run.status.counts.unknown > 0 || !run.status.state.is_end())
        {
            info!(run = %id, "a run that has ended is taken up again for what is told of it late");
            if self.state.runs.live().get(id).is_none() {
                self.state.runs.live().insert(run.clone(), steps.clone());
            }
            self.machine.adopt(run, steps, self.clock.now_ms());
        }
        for wanted in self.parking.take(id) {
            match wanted {
                Wanted::Settle(settling) => self.settle(id, settling),
                Wanted::Told(shard, event) => self.hear_event(&shard, *event, false),
            }
        }
    }
}
