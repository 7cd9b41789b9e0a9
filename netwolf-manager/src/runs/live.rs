//! What is shown of the runs that are live: what the journal has of them, kept in memory.
//!
//! ```text
//!   engine -- changes that are committed --> live runs <-- reads -- /api/v1/runs, streams of events
//! ```
//!
//! Nobody waits for the engine to read, and nothing is shown that a power cut could take back. A run is here from
//! its submission until the engine has done with it; after that it is read from the journal. Whoever reads a run's
//! news names the last number that it has seen and gets the present state of each step that changed since, so that
//! a slow reader misses states in between, never the last one, and nothing waits for it in a queue.
//!
//! Invariant: the number of a run goes up with each group of changes to it, and each step knows the number of its
//! own last change.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use netwolf_runs::{
    machine::Change,
    model::{Counts, Run, RunState, Step, StepState},
    view::{RunView, StepView},
};
use netwolf_wire::step::RunId;
use tokio::sync::watch;

use crate::board::lock;

/// A run that is live.
#[derive(Debug)]
pub struct LiveRun {
    shown: Mutex<Shown>,
    /// The number of its last change, for whoever waits for the next.
    news: watch::Sender<u64>,
}

#[derive(Debug)]
struct Shown {
    run: Run,
    steps: Vec<Step>,
    /// The number of each step's last change; 0 for none.
    changed: Vec<u64>,
    no: u64,
}

/// What is new of a run.
#[derive(Clone, Debug)]
pub struct News {
    /// The number up to which this tells everything, if it tells all of it.
    pub no: u64,
    /// The run.
    pub run: RunView,
    /// Steps that changed, in their order.
    pub steps: Vec<StepView>,
    /// The first step that was left out because there were too many.
    pub more: Option<u32>,
}

impl LiveRun {
    fn new(run: Run, steps: Vec<Step>) -> Self {
        let changed = steps.iter().map(|step| {
            // Steps of a run of before the start are news to whoever asks for the first time.
            u64::from(step.status.state != StepState::Pending)
        });
        let changed = changed.collect();
        let shown = Shown {
            run,
            steps,
            changed,
            no: 1,
        };
        Self {
            shown: Mutex::new(shown),
            news: watch::Sender::new(1),
        }
    }

    /// A run from the journal, of which no news come.
    pub fn ended(run: Run, steps: Vec<Step>) -> Self {
        Self::new(run, steps)
    }

    /// The run.
    pub fn view(&self) -> RunView {
        RunView::from(&lock(&self.shown).run)
    }

    /// The run as it is kept.
    pub fn run(&self) -> Run {
        lock(&self.shown).run.clone()
    }

    /// The run and its steps as they are kept.
    pub fn whole(&self) -> (Run, Vec<Step>) {
        let shown = lock(&self.shown);
        (shown.run.clone(), shown.steps.clone())
    }

    /// Where it stands.
    pub fn state(&self) -> (RunState, Counts) {
        let shown = lock(&self.shown);
        (shown.run.status.state, shown.run.status.counts)
    }

    /// The step on a device.
    pub fn step_on(&self, device: &str) -> Option<Step> {
        let shown = lock(&self.shown);
        let on = |step: &&Step| step.spec.device.as_str() == device;
        shown.steps.iter().find(on).cloned()
    }

    /// Steps behind one, in their order, at most so many; and the last of them where there are more.
    pub fn steps(
        &self,
        state: Option<StepState>,
        after: Option<u32>,
        limit: usize,
    ) -> (Vec<StepView>, Option<u32>) {
        let shown = lock(&self.shown);
        page(&shown.steps, state, after, limit)
    }

    /// What changed after number `seen`, with steps from `from` on, at most so many.
    pub fn news(&self, seen: u64, from: u32, limit: usize) -> News {
        let shown = lock(&self.shown);
        let (mut steps, mut more) = (Vec::new(), None);
        for (step, changed) in shown.steps.iter().zip(&shown.changed).skip(from as usize) {
            if *changed <= seen {
                continue;
            }
            if steps.len() >= limit {
                more = Some(step.step);
                break;
            }
            steps.push(StepView::from(step));
        }
        News {
            no: shown.no,
            run: RunView::from(&shown.run),
            steps,
            more,
        }
    }

    /// Tells of each change.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }
}

/// A page of steps; see [`LiveRun::steps`].
pub fn page(
    steps: &[Step],
    state: Option<StepState>,
    after: Option<u32>,
    limit: usize,
) -> (Vec<StepView>, Option<u32>) {
    let from = after.map_or(0, |after| after as usize + 1);
    let of_state = |step: &&Step| state.is_none_or(|state| step.status.state == state);
    let mut rest = steps.iter().skip(from).filter(of_state);
    let page: Vec<_> = rest.by_ref().take(limit).map(StepView::from).collect();
    let next = rest.next().and(page.last()).map(|last| last.step);
    (page, next)
}

/// All runs that are live.
#[derive(Debug, Default)]
pub struct LiveRuns(Mutex<BTreeMap<RunId, Arc<LiveRun>>>);

impl LiveRuns {
    /// One of them.
    pub fn get(&self, run: RunId) -> Option<Arc<LiveRun>> {
        lock(&self.0).get(&run).cloned()
    }

    /// All of them, by number.
    pub fn all(&self) -> Vec<(RunId, Arc<LiveRun>)> {
        let runs = lock(&self.0);
        runs.iter().map(|(id, run)| (*id, run.clone())).collect()
    }

    /// A run is live from now on.
    pub(super) fn insert(&self, run: Run, steps: Vec<Step>) {
        let id = run.id;
        lock(&self.0).insert(id, Arc::new(LiveRun::new(run, steps)));
    }

    /// A run is the journal's alone.
    pub(super) fn remove(&self, run: RunId) {
        lock(&self.0).remove(&run);
    }

    /// Takes changes over that are committed; tells which steps and runs have ended by them.
    pub(super) fn apply(&self, changes: &[Change]) -> Vec<Ended> {
        let mut ended = Vec::new();
        let mut touched: BTreeMap<RunId, Arc<LiveRun>> = BTreeMap::new();
        for change in changes {
            let id = match change {
                Change::Run { run, .. } | Change::Step { run, .. } => *run,
                Change::Submitted { .. } | Change::Output(_) | Change::Audit(_) => continue,
            };
            let live = match touched.entry(id) {
                std::collections::btree_map::Entry::Occupied(live) => live.into_mut(),
                std::collections::btree_map::Entry::Vacant(place) => match self.get(id) {
                    Some(live) => place.insert(live),
                    None => continue,
                },
            };
            let mut shown = lock(&live.shown);
            let no = shown.no + 1;
            match change {
                Change::Run { status, .. } => {
                    let former = shown.run.status.state;
                    if status.state.is_end() && !former.is_end() {
                        ended.push(Ended::Run(status.state));
                    }
                    shown.run.status = (**status).clone();
                }
                Change::Step { step, status, .. } => {
                    let place = *step as usize;
                    let Some(step) = shown.steps.get_mut(place) else {
                        continue;
                    };
                    let former = step.status.state;
                    if status.state.is_end() && former != status.state {
                        let leased_ms = status.sent.as_ref().map(|sent| sent.leased_ms);
                        let took_ms = leased_ms.zip(status.ended_ms);
                        ended.push(Ended::Step {
                            state: status.state,
                            took_ms: took_ms.map(|(from, to)| to.saturating_sub(from)),
                        });
                    }
                    step.status = (**status).clone();
                    if let Some(changed) = shown.changed.get_mut(place) {
                        *changed = no;
                    }
                }
                Change::Submitted { .. } | Change::Output(_) | Change::Audit(_) => {}
            }
        }
        for live in touched.values() {
            let no = {
                let mut shown = lock(&live.shown);
                shown.no += 1;
                shown.no
            };
            live.news.send_replace(no);
        }
        ended
    }
}

/// What has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// A run, so.
    Run(RunState),
    /// A step.
    Step {
        /// How.
        state: StepState,
        /// How long after it was given to an agent, in milliseconds.
        took_ms: Option<u64>,
    },
}

#[cfg(test)]
mod tests;
