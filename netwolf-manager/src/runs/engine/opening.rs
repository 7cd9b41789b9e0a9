//! The engine's start: the journal is opened, however long that takes, and what it has is taken up again.
//!
//! While it cannot be opened, whatever is asked is refused with the reason, and what the fleet tells is kept for then,
//! [`EARLY`] pieces of it: a shard of which something is left out is asked to link anew, and tells it again.

use std::{collections::HashSet, path::PathBuf, sync::Arc};

use netwolf_runs::machine::{Machine, Settings};
use netwolf_wire::ShardId;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::{
    Ask, Engine, FleetNews, Group, Guards, JoinSet, Keys, Mailbox, Parking, RETRY, Refusal, SHOW,
    State, SteadyClock, TIDY,
};
use crate::runs::{
    MAX_LIVE,
    keeping::{Fault, Keeper, Opened},
};

/// News that are kept while the journal is not open.
const EARLY: usize = 10_000;

/// Opens the journal; `None` when the manager ends before that is done.
pub(super) async fn open(
    state: Arc<State>,
    mut mailbox: Mailbox,
    folder: PathBuf,
    stop: &CancellationToken,
) -> Option<(Engine, Mailbox)> {
    let mut early = Early::default();
    let mut fault: Option<Fault> = None;
    let opened = loop {
        let (folder, has_failed) = (folder.clone(), fault.is_some());
        let meters = state.telemetry.runs.clone();
        let mut opening = std::pin::pin!(async move {
            if has_failed {
                sleep(RETRY).await;
            }
            Keeper::open(folder, meters).await
        });
        let result = loop {
            tokio::select! {
                () = stop.cancelled() => return None,
                result = &mut opening => break result,
                news = mailbox.news.recv() => early.keep(news?),
                // At first they wait: it takes a moment.
                ask = mailbox.asks.recv(), if fault.is_some() => refuse(ask?, fault.as_ref()),
            }
        };
        match result {
            Ok(opened) => break opened,
            Err(found) => {
                if fault.as_ref() != Some(&found) {
                    error!(fault = %found, "the journal of runs cannot be opened; no run is taken in until it can, monitoring goes on");
                }
                state.telemetry.runs.failing(true);
                state.runs.shut(found.clone());
                fault = Some(found);
            }
        }
    };
    state.telemetry.runs.failing(false);
    let mut engine = begin(state, opened);
    for news in early.news {
        engine.hear(news);
    }
    for shard in early.left_out {
        engine.parking.deafen(shard);
    }
    Some((engine, mailbox))
}

/// What the fleet tells while the journal is not open.
#[derive(Default)]
struct Early {
    news: Vec<FleetNews>,
    /// Shards of which something was left out: they are to tell it again, from its beginning.
    left_out: HashSet<ShardId>,
}

impl Early {
    fn keep(&mut self, news: FleetNews) {
        if self.news.len() < EARLY {
            self.news.push(news);
        } else if let FleetNews::Held { shard, .. } | FleetNews::Told(shard, _) = news {
            self.left_out.insert(shard);
        }
    }
}

fn refuse(ask: Ask, fault: Option<&Fault>) {
    let refusal = fault.map_or_else(Refusal::ending, |fault| Refusal::from(fault.clone()));
    match ask {
        Ask::Submit { answer, .. } => drop(answer.send(Err(refusal))),
        Ask::Control { answer, .. } => drop(answer.send(Err(refusal))),
        Ask::Settle { answer, .. } => drop(answer.send(Err(refusal))),
    }
}

fn begin(state: Arc<State>, opened: Opened) -> Engine {
    let Opened { keeper, runs } = opened;
    let n_runs = runs.len();
    for (run, steps) in &runs {
        state.runs.live().insert(run.clone(), steps.clone());
    }
    let settings = Settings {
        max_live: MAX_LIVE,
        ..Settings::default()
    };
    let clock = SteadyClock::start();
    let machine = Machine::restore(settings, runs, clock.now_ms());
    if n_runs > 0 {
        info!(n_runs, "runs of before the start are taken up again");
    }
    state.runs.opened(keeper.clone());
    let now = Instant::now();
    Engine {
        state,
        clock,
        keeper,
        machine,
        guards: Guards::default(),
        gathering: Group::default(),
        saving: None,
        submits: JoinSet::new(),
        recalls: JoinSet::new(),
        parking: Parking::default(),
        recall_at: now,
        taken: 0,
        kept: 0,
        waiting: std::collections::HashMap::new(),
        n_submitting: 0,
        keys: Keys::default(),
        failing: None,
        look_at: now,
        show_at: now + SHOW,
        tidy_at: now + TIDY,
    }
}
