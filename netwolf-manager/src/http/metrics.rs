//! `/metrics`: one render for all who ask at the same time.
//!
//! A page is kept for a tenth of a second after it is done and is good for whoever asked before, so that fifty
//! scrapers cost one render however long that takes. Rendering and compression run off the async threads.

use std::{
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
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

use super::{Web, list};
use crate::{
    exposition::{self, Format, accept},
    state::State,
    telemetry::{agents, credentials, devices, manager},
};

/// A page is given out for so long after it is done. Far below any interval, so nobody can tell.
const MAX_AGE: Duration = Duration::from_millis(100);

/// Pages that were rendered a moment ago, by format and compression.
#[derive(Debug, Default)]
pub struct Pages {
    slots: [Mutex<Option<Page>>; 4],
    generation: AtomicU64,
    /// Bytes of the page that was rendered last, which the next one needs about as well.
    last_size: AtomicUsize,
}

#[derive(Clone, Debug)]
struct Page {
    /// When it was done.
    at: Instant,
    /// The generation in which its rendering began.
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
                && !page
                    .as_ref()
                    .is_some_and(|page| self.is_good(page, Instant::now()))
            {
                *page = None;
            }
        }
    }

    /// Whether a page is good for who asked at `asked`: it was done not long before, or later, while they waited.
    fn is_good(&self, page: &Page, asked: Instant) -> bool {
        asked.saturating_duration_since(page.at) < MAX_AGE
            && page.generation == self.generation.load(Relaxed)
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
    own.extend(credentials::families(&state.board.credentials()));
    own.extend(devices::families(&fleet, now));
    own.extend(state.telemetry.counted());
    // A tenth more, because a page that grows a little would otherwise be copied once to grow.
    let last_size = state.pages.last_size.load(Relaxed);
    let text = String::with_capacity((last_size + last_size / 10).max(64 << 10));
    let page = exposition::render_into(text, format, &own, &state.store, now);
    state.pages.last_size.store(page.len(), Relaxed);
    state.telemetry.rendered(start.elapsed());
    page
}

async fn page(state: &Arc<State>, format: Format, gzip: bool, asked: Instant) -> Option<Bytes> {
    let pages = &state.pages;
    let mut slot = pages.slot(format, gzip).lock().await;
    if let Some(page) = slot.as_ref().filter(|page| pages.is_good(page, asked)) {
        return Some(page.body.clone());
    }
    let generation = pages.generation.load(Relaxed);
    let body = if gzip {
        let plain = Box::pin(page(state, format, false, asked)).await?;
        tokio::task::spawn_blocking(move || compress(&plain))
            .await
            .ok()?
    } else {
        let state = state.clone();
        let render = move || Bytes::from(render(&state, format));
        tokio::task::spawn_blocking(render).await.ok()?
    };
    *slot = Some(Page {
        at: Instant::now(),
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
    let format = accept::format(list(&headers, header::ACCEPT).as_deref());
    let gzip = accept::gzip(list(&headers, header::ACCEPT_ENCODING).as_deref());
    let Some(body) = page(&web.state, format, gzip, Instant::now()).await else {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn page_done_at(at: Instant) -> Page {
        Page {
            at,
            generation: 0,
            body: Bytes::new(),
        }
    }

    #[test]
    fn a_page_is_good_for_all_who_waited_for_it_and_for_a_moment() {
        let (pages, start) = (Pages::default(), Instant::now());
        // Its rendering takes two seconds.
        let page = page_done_at(start + Duration::from_secs(2));
        for asked in [0, 1_000, 2_000, 2_099] {
            let asked = start + Duration::from_millis(asked);
            assert!(pages.is_good(&page, asked), "{:?}", asked - start);
        }
        assert!(!pages.is_good(&page, start + Duration::from_millis(2_100)));
        pages.outdate();
        assert!(!pages.is_good(&page, start), "something changed meanwhile");
    }

    #[tokio::test]
    async fn all_who_ask_while_a_page_is_rendered_share_it() {
        let (state, _mailbox) = State::new("127.0.0.1:1".parse().unwrap());
        let (asked, format) = (Instant::now(), Format::Text);
        let first = page(&state, format, true, asked).await.unwrap();
        for _ in 0..20 {
            // They asked at the same time, however late their turn comes.
            tokio::time::sleep(MAX_AGE / 5).await;
            let again = page(&state, format, true, asked).await.unwrap();
            assert_eq!(again.as_ptr(), first.as_ptr(), "not rendered again");
        }
    }
}
