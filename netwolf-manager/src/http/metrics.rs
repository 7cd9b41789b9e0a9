//! `/metrics`: one render for all who ask at the same time.
//!
//! A page is kept for a tenth of a second and whoever comes while it is rendered waits for it, so that fifty scrapers
//! cost one render. Rendering and compression run off the async threads.

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use axum::{
    extract::State as Shared,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use tokio::sync::Mutex;

use super::Web;
use crate::{
    exposition::{self, Format, accept},
    state::State,
    telemetry::{agents, devices, manager},
};

/// A page may be so old. Far below any interval, so nobody can tell.
const MAX_AGE: Duration = Duration::from_millis(100);

/// Pages that were rendered a moment ago, by format and compression.
#[derive(Debug, Default)]
pub struct Pages {
    slots: [Mutex<Option<Page>>; 4],
    generation: AtomicU64,
}

#[derive(Clone, Debug)]
struct Page {
    /// When its rendering began.
    at: Instant,
    generation: u64,
    body: Bytes,
}

impl Pages {
    /// Something changed that must be seen at once: no page whose rendering began before is given out again.
    pub fn outdate(&self) {
        self.generation.fetch_add(1, Relaxed);
    }

    /// Frees pages that are too old to be given out; to be called now and then.
    pub fn sweep(&self) {
        for slot in &self.slots {
            if let Ok(mut page) = slot.try_lock()
                && !page.as_ref().is_some_and(|page| self.is_good(page))
            {
                *page = None;
            }
        }
    }

    fn is_good(&self, page: &Page) -> bool {
        page.at.elapsed() < MAX_AGE && page.generation == self.generation.load(Relaxed)
    }

    fn slot(&self, format: Format, gzip: bool) -> &Mutex<Option<Page>> {
        &self.slots[usize::from(format == Format::OpenMetrics) * 2 + usize::from(gzip)]
    }
}

/// Renders the page of this moment.
pub fn render(state: &State, format: Format) -> String {
    let (start, now) = (Instant::now(), state.clock.now());
    let fleet = state.board.devices();
    let mut own = manager::families(
        &state.board.core(),
        &state.queues(),
        fleet.len(),
        state.store.len(),
    );
    own.extend(agents::families(&state.board.agents(now)));
    own.extend(devices::families(&fleet, now));
    own.extend(state.telemetry.counted());
    let page = exposition::render(format, &own, &state.store, now);
    state.telemetry.rendered(start.elapsed());
    page
}

async fn page(state: &Arc<State>, format: Format, gzip: bool) -> Option<Bytes> {
    let pages = &state.pages;
    let mut slot = pages.slot(format, gzip).lock().await;
    if let Some(page) = slot.as_ref().filter(|page| pages.is_good(page)) {
        return Some(page.body.clone());
    }
    let (at, generation) = (Instant::now(), pages.generation.load(Relaxed));
    let body = if gzip {
        let plain = Box::pin(page(state, format, false)).await?;
        tokio::task::spawn_blocking(move || compress(&plain))
            .await
            .ok()?
    } else {
        let state = state.clone();
        let render = move || Bytes::from(render(&state, format));
        tokio::task::spawn_blocking(render).await.ok()?
    };
    *slot = Some(Page {
        at,
        generation,
        body: body.clone(),
    });
    Some(body)
}

fn compress(page: &[u8]) -> Bytes {
    // The fast level: a page is scraped over a LAN, and numbers do not shrink much further.
    let mut encoder = GzEncoder::new(Vec::with_capacity(page.len() / 8), Compression::fast());
    encoder.write_all(page).expect("memory takes everything");
    encoder.finish().expect("memory takes everything").into()
}

/// Answers a scrape.
pub(super) async fn serve(Shared(web): Shared<Web>, headers: HeaderMap) -> Response {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let format = accept::format(text(header::ACCEPT));
    let gzip = accept::gzip(text(header::ACCEPT_ENCODING));
    let Some(body) = page(&web.state, format, gzip).await else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let about = [
        (header::CONTENT_TYPE, format.content_type()),
        (header::VARY, "Accept, Accept-Encoding"),
    ];
    if gzip {
        (about, [(header::CONTENT_ENCODING, "gzip")], body).into_response()
    } else {
        (about, body).into_response()
    }
}
