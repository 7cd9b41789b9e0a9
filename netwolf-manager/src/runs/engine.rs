//! The task that leads runs: it feeds the machine with what is asked and what the fleet tells, has its changes kept,
//! and only then does what follows from them.
//!
//! ```text
//!   asks, news of the fleet, time --> machine --> changes, effects, replies
//!                                                    |  one group at a time, the next one gathers meanwhile
//!                                                    v
//!                                        keeper: journal + audit log, on the disk
//!                                                    |  only then
//!                              live runs, meters <---+---> core (send, cancel, heard), guards, replies
//! ```
//!
//! Invariants: nothing is sent, shown or answered before what it rests on is on the disk. Monitoring never waits for
//! this task: what the core tells it is taken in whether the journal can be written or not. While it cannot, nothing
//! new is sent and no run is taken in, what agents tell is gathered, and the same group is tried again until it is
//! kept; no restart is needed.
//!
//! Bounds: outputs that wait for a journal that cannot be written keep `saving::OUTPUT_BUDGET` bytes of text; beyond that
//! their text is left out and marked as cut, and the events stay.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use netwolf_runs::{
    machine::{Change, Machine, Place, Settlement},
    model::{Run, Step},
    view::StepView,
};
use netwolf_wire::{
    DeviceName, ShardId,
    step::{RunId, StepEvent},
};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::error;

use super::{
    FOLDER, Kind, Refusal,
    guards::{self, Guards, Verdict},
    handle::{Answer, Ask, Mailbox, Submitted},
    keeping::{Fault, Keeper},
    live::{Ended, LiveRun},
};
use crate::{
    board::Board,
    clock::{SteadyClock, unix_ms},
    core::{
        Event,
        steps::{FleetNews, Sending, StepRequest},
    },
    fleet::LinkNo,
    state::State,
    storage::Storage,
};

mod asking;
mod keys;
mod opening;
mod parking;
mod saving;
mod telling;

use keys::Keys;
use parking::Parking;
use saving::{Group, Reply, Saving, SavingState, saved};

/// From one try to write the journal to the next, while it cannot be written.
const RETRY: Duration = Duration::from_secs(1);

/// From one look at what is live to the next, for the page of metrics.
const SHOW: Duration = Duration::from_secs(1);

/// From one look at what is old in the journal to the next.
const TIDY: Duration = Duration::from_mins(10);

/// Things that are taken in before the machine is asked what follows.
const BATCH: usize = 256;

/// What waits for a run that is to be read from the journal.
#[derive(Debug)]
enum Wanted {
    /// A person settles one of its steps.
    Settle(Settling),
    /// A shard tells late of one of its steps.
    Told(ShardId, Box<StepEvent>),
}

/// How a person settles a step.
#[derive(Debug)]
struct Settling {
    device: String,
    settlement: Settlement,
    answer: Answer<StepView>,
}

/// A run that was read from the journal.
struct Recalled {
    run: RunId,
    result: Result<Option<(Run, Vec<Step>)>, Fault>,
}

/// A submission that the journal has been given.
struct Kept {
    run: Run,
    steps: Vec<Step>,
    result: Result<(), Fault>,
}

/// The engine, once the journal is open.
pub(super) struct Engine {
    state: Arc<State>,
    /// The machine's time, for all that is written down too; see [`SteadyClock`]. Only windows go by the wall clock.
    clock: SteadyClock,
    keeper: Keeper,
    machine: Machine,
    guards: Guards,
    gathering: Group,
    saving: Option<Saving>,
    submits: JoinSet<Kept>,
    /// Runs that are being read from the journal, because somebody tells of them.
    recalls: JoinSet<Recalled>,
    /// What waits for those.
    parking: Parking,
    /// None is read before: one could not be.
    recall_at: Instant,
    /// Groups that were taken out of `gathering`; it is the next one.
    taken: u64,
    /// Groups that are kept: all up to this one.
    kept: u64,
    /// Who waits for a submission to be kept; the first is the one who asked.
    waiting: HashMap<RunId, Vec<Answer<Submitted>>>,
    /// Steps of submissions that are not kept yet.
    n_submitting: usize,
    keys: Keys,
    /// Why the journal could not be written when that was tried last.
    failing: Option<Fault>,
    look_at: Instant,
    show_at: Instant,
    tidy_at: Instant,
}

/// What happens to the engine.
enum Input {
    Asked(Option<Ask>),
    News(usize),
    Saved(Result<(), Fault>),
    Submitted(Box<Kept>),
    Recalled(Box<Recalled>),
    Due,
    Stop,
}

/// Runs until it is cancelled. Returns sooner only by a fault of this program. The storage is held until the journal in
/// it is closed, so that nobody else opens it meanwhile.
pub async fn run(
    state: Arc<State>,
    mailbox: Mailbox,
    storage: Arc<Storage>,
    stop: CancellationToken,
) {
    let _ended = state.runs.ended.clone().drop_guard();
    let folder = storage.folder().join(FOLDER);
    if let Some((engine, mailbox)) = opening::open(state, mailbox, folder, &stop).await {
        engine.run(mailbox, stop).await;
    }
    drop(storage);
}

impl Engine {
    async fn run(mut self, mut mailbox: Mailbox, stop: CancellationToken) {
        let mut news = Vec::with_capacity(BATCH);
        loop {
            self.advance();
            self.save().await;
            self.recall().await;
            let due = self.due();
            let input = tokio::select! {
                () = stop.cancelled() => Input::Stop,
                saved = saved(self.saving.as_mut()) => Input::Saved(saved),
                Some(kept) = self.submits.join_next(), if !self.submits.is_empty() => match kept {
                    Ok(kept) => Input::Submitted(Box::new(kept)),
                    // It is cancelled with the set, which is ours, and does not panic.
                    Err(error) => {
                        error!(%error, "a submission was lost");
                        Input::Due
                    }
                },
                Some(recalled) = self.recalls.join_next(), if !self.recalls.is_empty() => match recalled {
                    Ok(recalled) => Input::Recalled(Box::new(recalled)),
                    Err(error) => {
                        error!(%error, "what was to be read of a run was lost");
                        Input::Due
                    }
                },
                n = mailbox.news.recv_many(&mut news, BATCH) => Input::News(n),
                ask = mailbox.asks.recv() => Input::Asked(ask),
                () = sleep_until(due) => Input::Due,
            };
            match input {
                Input::Stop | Input::News(0) | Input::Asked(None) => break,
                Input::Saved(result) => self.saved(result).await,
                Input::Submitted(kept) => self.submitted(*kept),
                Input::Recalled(recalled) => self.recalled(*recalled),
                Input::News(_) => {
                    for news in news.drain(..) {
                        self.hear(news);
                    }
                }
                Input::Asked(Some(ask)) => {
                    self.asked(ask);
                    for _ in 1..BATCH {
                        let Ok(ask) = mailbox.asks.try_recv() else {
                            break;
                        };
                        self.asked(ask);
                    }
                }
                Input::Due => self.look(),
            }
        }
        self.finish().await;
    }

    /// Asks the machine what follows.
    fn advance(&mut self) {
        let now_ms = self.clock.now_ms();
        // What could not be written down would not be sent.
        let outcome = if self.failing.is_some() {
            self.machine.advance_without_sending(now_ms)
        } else {
            let board = &self.state.board;
            let places = |device: &DeviceName| place(board, device);
            self.machine.advance(&places, now_ms)
        };
        self.gathering.add(outcome);
    }

    /// When there is something to do by the passing of time alone.
    fn due(&self) -> Instant {
        let now_ms = self.clock.now_ms();
        let machine = self
            .machine
            .poll_timeout()
            .map(|at_ms| Instant::now() + Duration::from_millis(at_ms.saturating_sub(now_ms)));
        let again = self.saving.as_ref().and_then(|saving| match saving.state {
            SavingState::Failed { again_at } => Some(again_at),
            SavingState::Asked(_) => None,
        });
        let look = (!self.guards.is_empty()).then_some(self.look_at);
        // Where it is over, they wait for something else, which wakes the engine itself.
        let recall =
            (self.parking.waits() && self.recall_at > Instant::now()).then_some(self.recall_at);
        let own = [machine, again, look, recall];
        own.into_iter()
            .flatten()
            .chain([self.show_at, self.tidy_at])
            .min()
            .unwrap_or(self.show_at)
    }

    /// Does what is due by the engine's own times.
    fn look(&mut self) {
        let now = Instant::now();
        if now >= self.look_at {
            self.look_at = now + guards::LOOK;
            let (store, tick) = (&self.state.store, self.state.clock.now());
            let now_ms = self.clock.now_ms();
            for Verdict { run, step, broken } in self.guards.look(store, tick) {
                match broken {
                    None => self.machine.handle_guard_held(run, step, now_ms),
                    Some((by, why)) => self
                        .machine
                        .handle_guard_broken(run, step, by, &why, now_ms),
                }
            }
        }
        if now >= self.show_at {
            self.show_at = now + SHOW;
            self.show();
            self.machine
                .handle_wall_clock(unix_ms(), self.clock.now_ms());
        }
        if now >= self.tidy_at {
            self.tidy_at = now + TIDY;
            self.keeper.tidy(self.clock.now_ms());
        }
    }

    /// Shows what is live, and lets go of what the machine is done with.
    fn show(&mut self) {
        let live = self.state.runs.live();
        let all = live.all();
        let is_over = |id: RunId, run: &LiveRun| run.state().0.is_end() && !self.machine.knows(id);
        let over: Vec<_> = all.iter().filter(|(id, run)| is_over(*id, run)).collect();
        if !over.is_empty() {
            // What was decided of it last is shown only once it is kept, and answered by what is shown.
            let on_the_way = self.on_the_way();
            for (id, _) in over {
                if !on_the_way.contains(id) {
                    live.remove(*id);
                }
            }
        }
        let states = all.iter().map(|(_, run)| run.state());
        let meters = &self.state.telemetry.runs;
        meters.show(states.filter(|(state, _)| !state.is_end()));
        self.keeper.measure(meters);
    }

    /// Runs of which something is not kept yet, or not answered.
    fn on_the_way(&self) -> HashSet<RunId> {
        let saving = self.saving.as_ref();
        let groups = [(&self.gathering.changes, &self.gathering.replies)];
        let saving = saving.map(|saving| (&saving.changes, &saving.replies));
        let mut runs = HashSet::new();
        for (changes, replies) in groups.into_iter().chain(saving) {
            runs.extend(changes.iter().filter_map(|change| match change {
                Change::Run { run, .. } | Change::Step { run, .. } => Some(*run),
                Change::Submitted { .. } | Change::Output(_) | Change::Audit(_) => None,
            }));
            runs.extend(replies.iter().map(Reply::run));
        }
        runs
    }

    /// The manager ends: what has been told is kept, if that can be done at once.
    async fn finish(mut self) {
        let outcome = self.machine.advance_without_sending(self.clock.now_ms());
        self.gathering.add(outcome);
        if let Some(saving) = self.saving.take()
            && let SavingState::Asked(asked) = saving.state
        {
            asked.await.ok();
        }
        let last = std::mem::take(&mut self.gathering.changes);
        if !last.is_empty() {
            self.keeper.commit(last).await.ok();
        }
        self.keeper.close().await;
    }
}

/// Where a device can be reached, as the board shows it.
fn place(board: &Board, device: &DeviceName) -> Option<Place> {
    let slot = board.device(device.as_str())?;
    let (shard, epoch, life) = slot.lease()?;
    let agent = board.agent(&shard)?;
    let is_there = agent.is_up() && life == Some(agent.incarnation);
    let (platform, credential) = slot.typed_on()?;
    is_there.then(|| Place {
        shard,
        incarnation: agent.incarnation,
        epoch,
        link: agent.link.0,
        platform,
        credential,
    })
}

#[cfg(test)]
mod tests;
