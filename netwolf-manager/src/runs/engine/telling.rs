//! What the fleet tells of steps.
//!
//! A run that has ended is the journal's alone after a while. Where a shard tells of one of its steps after that, or a
//! person settles one, the run is read again: what is told late still settles a step that is unknown.
//!
//! Bound: [`RECALLS`] runs are read at a time; what is told beyond that is told again on the shard's next link.

use netwolf_runs::machine::{Effect, Taken};
use netwolf_wire::{
    ShardId,
    step::{RunId, StepEvent, StepNews},
};
use tracing::warn;

use super::{Engine, FleetNews, Recalled, Refusal, Wanted, unix_ms};

/// Runs that are read from the journal at a time.
pub(crate) const RECALLS: usize = 64;

impl Engine {
    /// Takes in what the fleet tells.
    pub(super) fn hear(&mut self, news: FleetNews) {
        let now_ms = unix_ms();
        match news {
            FleetNews::Held {
                shard,
                incarnation,
                link,
                steps,
            } => self
                .machine
                .handle_held(&shard, incarnation, link.0, &steps, now_ms),
            FleetNews::Told(shard, events) => {
                for event in events {
                    self.hear_event(&shard, event, true);
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
        let taken = self.machine.handle_step_event(shard, &event, unix_ms());
        if taken != Taken::Stale {
            return;
        }
        // The others of an attempt come before its end, and say nothing that the end does not.
        let is_end = matches!(event.what, StepNews::Ended(_));
        let run = event.id.run;
        if is_end && may_recall && !self.machine.knows(run) {
            self.recall(run, Wanted::Told(shard.clone(), Box::new(event)));
            return;
        }
        self.state.telemetry.runs.stale_events.inc();
        if is_end {
            // Nobody waits for it, so that the shard need not keep it.
            self.gathering.effects.push(Effect::Heard {
                shard: shard.clone(),
                id: event.id,
            });
        }
    }

    /// Reads a run from the journal for whoever wants it.
    pub(super) fn recall(&mut self, run: RunId, wanted: Wanted) {
        if self.recalls.len() >= RECALLS {
            if let Wanted::Settle(_, settling) = wanted {
                let refusal = Refusal::new(
                    super::Kind::TooMany,
                    format!("{RECALLS} runs are being read already"),
                );
                drop(settling.answer.send(Err(refusal.hint("ask again"))));
            }
            return;
        }
        let keeper = self.keeper.clone();
        self.recalls.spawn(async move {
            let result = keeper.run(run).await;
            Recalled { wanted, result }
        });
    }

    /// A run was read. Only one with unknown steps has something to be told or settled.
    pub(super) fn recalled(&mut self, recalled: Recalled) {
        let Recalled { wanted, result } = recalled;
        let found = match result {
            Ok(found) => found,
            Err(fault) => {
                match wanted {
                    Wanted::Settle(_, settling) => {
                        drop(settling.answer.send(Err(Refusal::from(fault))));
                    }
                    Wanted::Told(..) => {
                        warn!(%fault, "a run that an agent tells of cannot be read");
                    }
                }
                return;
            }
        };
        if let Some((run, steps)) = found
            && !self.machine.knows(run.id)
            && (run.status.counts.unknown > 0 || !run.status.state.is_end())
        {
            self.state.runs.live().insert(run.clone(), steps.clone());
            self.machine.adopt(run, steps, unix_ms());
        }
        match wanted {
            Wanted::Settle(run, settling) => self.settle(run, settling),
            Wanted::Told(shard, event) => self.hear_event(&shard, *event, false),
        }
    }
}
