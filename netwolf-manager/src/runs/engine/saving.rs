//! What the machine has decided, on its way through the journal: one group at a time, and what follows from it after.
//!
//! ```text
//!   gathering --> being kept --> kept: shown, counted, performed, answered
//!                  ^      |
//!                  +------+ could not be: tried again every second; steps in it are certainly not sent
//! ```
//!
//! Invariant: what follows from a group is done once the group is on the disk, and after what follows from those
//! before it.

use std::{collections::BTreeMap, pin::Pin, time::Duration};

use netwolf_runs::{
    machine::{Change, Effect, Outcome},
    view::{RunView, StepView},
};
use netwolf_wire::{
    ShardId,
    step::{Attempt, RunId},
};
use tokio::time::Instant;
use tracing::{error, info, warn};

use super::{
    Answer, Ended, Engine, Event, Fault, Keeper, LinkNo, RETRY, Refusal, Sending, StepRequest,
};
use crate::runs::handle::no_step;

/// Text of outputs that wait for a journal that cannot be written, in bytes.
pub(super) const OUTPUT_BUDGET: usize = 64 << 20;

/// Changes that are kept together, and what follows from them.
#[derive(Debug, Default)]
pub(super) struct Group {
    pub(super) changes: Vec<Change>,
    pub(super) effects: Vec<Effect>,
    pub(super) replies: Vec<Reply>,
    /// Bytes of text in its outputs.
    pub(super) text: usize,
}

impl Group {
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.effects.is_empty() && self.replies.is_empty()
    }

    pub(super) fn add(&mut self, outcome: Outcome) {
        for mut change in outcome.changes {
            if let Change::Output(output) = &mut change {
                let done = &mut output.done;
                if self.text + done.text.len() > OUTPUT_BUDGET {
                    done.truncated |= !done.text.is_empty();
                    done.text = String::new();
                }
                self.text += done.text.len();
            }
            self.changes.push(change);
        }
        self.effects.extend(outcome.effects);
    }
}

/// An answer that waits until what it tells is kept.
#[derive(Debug)]
pub(super) enum Reply {
    Run(RunId, Answer<RunView>),
    Step(RunId, String, Answer<StepView>),
}

impl Reply {
    pub(super) const fn run(&self) -> RunId {
        match self {
            Self::Run(run, _) | Self::Step(run, _, _) => *run,
        }
    }

    pub(super) fn refuse(self, refusal: Refusal) {
        // Whoever asked may have gone.
        match self {
            Self::Run(_, answer) => drop(answer.send(Err(refusal))),
            Self::Step(_, _, answer) => drop(answer.send(Err(refusal))),
        }
    }
}

/// A group that is being kept, or is to be tried again.
pub(super) struct Saving {
    pub(super) changes: Vec<Change>,
    pub(super) effects: Vec<Effect>,
    pub(super) replies: Vec<Reply>,
    pub(super) text: usize,
    pub(super) state: SavingState,
}

pub(super) enum SavingState {
    /// The journal has it.
    Asked(Pin<Box<dyn Future<Output = Result<(), Fault>> + Send>>),
    /// It could not be written.
    Failed { again_at: Instant },
}

impl Engine {
    /// Gives the journal what has gathered, one group at a time.
    pub(super) async fn save(&mut self) {
        if let Some(saving) = &mut self.saving {
            if let SavingState::Failed { again_at } = saving.state
                && Instant::now() >= again_at
            {
                saving.state = SavingState::Asked(ask(&self.keeper, &saving.changes));
            }
            self.refuse_replies();
            return;
        }
        if self.gathering.is_empty() && self.failing.is_none() {
            return;
        }
        let group = std::mem::take(&mut self.gathering);
        self.taken += 1;
        if group.changes.is_empty() && self.failing.is_none() {
            // Everything that it rests on is kept.
            self.kept = self.taken;
            self.perform(group.effects).await;
            self.reply(group.replies);
            return;
        }
        let asked = ask(&self.keeper, &group.changes);
        self.saving = Some(Saving {
            changes: group.changes,
            effects: group.effects,
            replies: group.replies,
            text: group.text,
            state: SavingState::Asked(asked),
        });
    }

    /// A group is kept, or could not be.
    pub(super) async fn saved(&mut self, result: Result<(), Fault>) {
        let Some(mut saving) = self.saving.take() else {
            return;
        };
        match result {
            Ok(()) => {
                self.fails(None);
                // There is one at a time.
                self.kept = self.taken;
                self.count(&saving.changes);
                let ended = self.state.runs.live().apply(&saving.changes);
                self.count_ends(&ended);
                self.perform(saving.effects).await;
                self.reply(saving.replies);
            }
            Err(fault) => {
                self.fails(Some(&fault));
                self.refuse_parked(&fault);
                self.gathering.replies.append(&mut saving.replies);
                self.refuse_replies();
                self.take_back(&mut saving.effects);
                let mut gathered = std::mem::take(&mut self.gathering.effects);
                self.take_back(&mut gathered);
                self.gathering.effects = gathered;
                // What gathers meanwhile shares the budget.
                self.gathering.text += saving.text;
                saving.text = 0;
                saving.state = SavingState::Failed {
                    again_at: Instant::now() + RETRY,
                };
                self.saving = Some(saving);
            }
        }
    }

    /// Steps that were to be sent and cannot be written down are certainly not sent: they wait for better times, and
    /// their deadlines do not run meanwhile.
    fn take_back(&mut self, effects: &mut Vec<Effect>) {
        let now_ms = self.clock.now_ms();
        effects.retain(|effect| {
            let Effect::Send { order, .. } = effect else {
                return true;
            };
            let why = "the manager could not write it down, so it was not sent";
            self.machine.handle_not_sent(order.id, why, now_ms);
            false
        });
    }

    /// Who waits for something to be kept that cannot be is told so. What was asked for stands all the same.
    fn refuse_replies(&mut self) {
        let Some(fault) = &self.failing else {
            return;
        };
        let refusal = Refusal::from(fault.clone());
        let said = Refusal {
            error: format!("{}; it is done as soon as it can be", refusal.error),
            ..refusal
        };
        for reply in self.gathering.replies.drain(..) {
            reply.refuse(said.clone());
        }
    }

    /// The journal can be written, or cannot.
    pub(super) fn fails(&mut self, fault: Option<&Fault>) {
        match (fault, self.failing.is_some()) {
            (Some(fault), false) => {
                error!(%fault, "the journal of runs cannot be written; nothing is begun and no run is taken in until it can, monitoring goes on");
            }
            (None, true) => info!("the journal of runs can be written again"),
            _ => {}
        }
        self.failing = fault.cloned();
        self.state.telemetry.runs.failing(fault.is_some());
    }

    fn count(&self, changes: &[Change]) {
        let meters = &self.state.telemetry.runs;
        let audited = changes
            .iter()
            .filter(|change| matches!(change, Change::Audit(_)));
        meters.audit_records.inc_by(audited.count() as u64);
    }

    fn count_ends(&self, ended: &[Ended]) {
        let meters = &self.state.telemetry.runs;
        for ended in ended {
            match ended {
                Ended::Run(state) => meters.run_ended(*state),
                Ended::Step { state, took_ms } => {
                    meters.step_ended(*state, took_ms.map(Duration::from_millis));
                }
            }
        }
    }

    /// Does what follows from what is kept, in its order.
    async fn perform(&mut self, effects: Vec<Effect>) {
        let mut requests = Vec::new();
        let mut sendings = Vec::new();
        let mut names: BTreeMap<(bool, ShardId), Vec<Attempt>> = BTreeMap::new();
        for effect in effects {
            match effect {
                Effect::GuardBroken {
                    run,
                    step,
                    device,
                    by,
                    why,
                } => {
                    self.state.telemetry.runs.guard_broken(by);
                    warn!(%run, step, %device, why, "a guard of a run is broken");
                }
                Effect::Send { link, order, .. } => sendings.push(Sending {
                    link: LinkNo(link),
                    order: *order,
                }),
                Effect::Cancel { shard, id } => names.entry((true, shard)).or_default().push(id),
                Effect::Heard { shard, id } => names.entry((false, shard)).or_default().push(id),
                Effect::Watch {
                    run,
                    step,
                    device,
                    from_ms,
                    ..
                } => {
                    if let Some(run) = self.machine.run(run) {
                        let guards = &run.spec.guards;
                        let clock = &self.state.clock;
                        let times = (clock.at_unix_ms(from_ms), clock.now());
                        self.guards.watch(run.id, step, &device, times, guards);
                    }
                }
            }
        }
        // A step that is cancelled in the group in which it is sent must be known when the cancel comes.
        if !sendings.is_empty() {
            requests.push(StepRequest::Send(sendings));
        }
        for ((is_cancel, shard), ids) in names {
            requests.push(if is_cancel {
                StepRequest::Cancel(shard, ids)
            } else {
                StepRequest::Heard(shard, ids)
            });
        }
        for request in requests {
            // Without a core the manager is ending.
            self.state.core.send(Event::Steps(request)).await.ok();
        }
    }

    /// Gives the answers that have waited.
    fn reply(&mut self, replies: Vec<Reply>) {
        for reply in replies {
            let live = self.state.runs.live();
            match reply {
                Reply::Run(run, answer) => {
                    let view = live.get(run).map(|live| live.view());
                    drop(answer.send(view.ok_or_else(|| Refusal::no_run(run))));
                }
                Reply::Step(run, device, answer) => {
                    let step = live.get(run).and_then(|live| live.step_on(&device));
                    let view = step.as_ref().map(StepView::from);
                    drop(answer.send(view.ok_or_else(|| no_step(run, &device))));
                }
            }
        }
    }
}

/// Asks for changes to be kept; where there are none, whether any could be.
fn ask(
    keeper: &Keeper,
    changes: &[Change],
) -> Pin<Box<dyn Future<Output = Result<(), Fault>> + Send>> {
    if changes.is_empty() {
        let keeper = keeper.clone();
        return Box::pin(async move { keeper.probe().await });
    }
    Box::pin(keeper.commit(changes.to_vec()))
}

/// Resolves when the group that is being kept is kept, or could not be; never where there is none.
pub(super) async fn saved(saving: Option<&mut Saving>) -> Result<(), Fault> {
    match saving {
        Some(Saving {
            state: SavingState::Asked(asked),
            ..
        }) => asked.await,
        _ => std::future::pending().await,
    }
}
