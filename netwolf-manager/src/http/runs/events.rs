//! `/api/v1/runs/{id}/events`: what happens to a run, as server-sent events.
//!
//! ```text
//!   event: run     the run as a whole       at once, and whenever something has changed
//!   event: step    a step that changed      at first all that are not pending any more
//!   event: end     the run, ended           the last one; then the stream ends
//! ```
//!
//! `id` counts the events of a stream. Events tell how things stand, not each thing that happened: whoever reads
//! slowly, or comes late, gets fewer of them and misses no end. Changes are gathered for [`GATHER`], so that ten
//! thousand steps that end together are no ten thousand events of the run.
//!
//! Bounds: as many streams at a time as [`crate::runs::STREAMS`]; nothing waits for a reader in memory but [`PIECE`]
//! steps.

use std::{collections::VecDeque, convert::Infallible, sync::Arc, time::Duration};

use axum::{
    extract::{Path, State as Shared},
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use serde::Serialize;
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use super::{Kind, Refusal, Web, number};
use crate::runs::{STREAMS, live::LiveRun};

/// Changes are gathered for so long before they are told.
pub(crate) const GATHER: Duration = Duration::from_millis(100);

/// Steps that are made ready at a time.
pub(crate) const PIECE: usize = 256;

/// A line for whoever waits and hears nothing: proxies end what is silent.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// What one reader has been told.
struct Telling {
    live: Arc<LiveRun>,
    news: watch::Receiver<u64>,
    ended: CancellationToken,
    /// Everything up to this number has been told.
    seen: u64,
    /// While a round is told in pieces: the number that it leads to, and the step that is next.
    round: Option<(u64, u32)>,
    ready: VecDeque<Event>,
    n_told: u64,
    is_over: bool,
    _permit: OwnedSemaphorePermit,
}

pub(in crate::http) async fn events(
    Shared(web): Shared<Web>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let runs = &web.state.runs;
    let live = runs.load(number(&id)?).await?;
    let permit = runs.streams.clone().try_acquire_owned().map_err(|_| {
        Refusal::new(
            Kind::TooMany,
            format!("{STREAMS} streams of events are read already"),
        )
        .hint("ask for the run itself now and then: `netwolf runs show`, or /api/v1/runs/{id}")
    })?;
    let telling = Telling {
        news: live.subscribe(),
        live,
        ended: runs.ended.clone(),
        seen: 0,
        round: None,
        ready: VecDeque::new(),
        n_told: 0,
        is_over: false,
        _permit: permit,
    };
    let events = stream::unfold(telling, async |mut telling: Telling| {
        let event = telling.next().await?;
        Some((Ok::<_, Infallible>(event), telling))
    });
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE);
    Ok(Sse::new(events).keep_alive(keep_alive).into_response())
}

impl Telling {
    /// The next event; `None` when there will be none.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            if self.is_over {
                return None;
            }
            if self.round.is_none() && self.seen > 0 {
                tokio::select! {
                    () = self.ended.cancelled() => return None,
                    changed = self.news.changed() => changed.ok()?,
                }
                sleep(GATHER).await;
            }
            self.gather();
        }
    }

    /// Makes the next piece ready.
    fn gather(&mut self) {
        // What comes after this is told in the next round.
        self.news.mark_unchanged();
        let from = self.round.map_or(0, |(_, from)| from);
        let news = self.live.news(self.seen, from, PIECE);
        let leads_to = self.round.map_or(news.no, |(leads_to, _)| leads_to);
        if self.round.is_none() {
            self.put("run", &news.run);
        }
        for step in &news.steps {
            self.put("step", step);
        }
        self.round = news.more.map(|step| (leads_to, step));
        if self.round.is_some() {
            return;
        }
        self.seen = leads_to;
        // A change that came between the pieces of this round is in the next.
        let is_all = news.no == leads_to;
        if news.run.state.is_end() && is_all {
            self.put("end", &news.run);
            self.is_over = true;
        } else if !is_all {
            self.news.mark_changed();
        }
    }

    fn put(&mut self, kind: &'static str, data: &impl Serialize) {
        self.n_told += 1;
        let event = Event::default().event(kind).id(self.n_told.to_string());
        if let Ok(event) = event.json_data(data) {
            self.ready.push_back(event);
        }
    }
}
