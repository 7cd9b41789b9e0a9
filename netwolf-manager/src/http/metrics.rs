//! `/metrics`: a page is streamed while it is rendered, and shared by all who ask meanwhile.
//!
//! ```text
//!   compressed, or small --> rendered once off the async threads, kept for a moment --> all who ask
//!   large and plain -------> a reader of its own for each, a chunk at a time, nothing kept
//! ```
//!
//! A shared page is kept for four times as long as it took, so that however many scrape, rendering takes a fifth of
//! a core at most (see `growing`). A large plain page is not: it would take the memory that compression saves, and
//! it costs a tenth of the time.

use std::{
    io::{self, Write},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::State as Shared,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use futures_util::stream;

use self::growing::{Growing, Writer};
use super::{Web, list};
use crate::{
    exposition::{Format, OwnFamily, PageReader, accept},
    state::State,
    telemetry::{agents, credentials, devices, manager},
};

mod growing;

/// Plain pages of more series are not shared: at a hundred bytes a series this is 5 MB.
const SHARED_SERIES: usize = 50_000;
/// Compressed bytes are handed on in pieces of this size.
const PIECE: usize = 64 << 10;

/// Pages that are rendered or were a moment ago, by format and compression.
#[derive(Debug, Default)]
pub struct Pages {
    slots: [Mutex<Option<Page>>; 4],
    generation: AtomicU64,
}

#[derive(Debug)]
struct Page {
    /// The generation in which its rendering began.
    generation: u64,
    growing: Arc<Growing>,
}

impl Pages {
    /// Something changed that must be seen at once: no page whose rendering began before is given out again.
    pub fn outdate(&self) {
        self.generation.fetch_add(1, Relaxed);
    }

    /// Frees pages that are too old to be given out; to be called now and then.
    pub fn sweep(&self) {
        for slot in &self.slots {
            lock(slot).take_if(|page| !self.is_good(page, Instant::now()));
        }
    }

    fn is_good(&self, page: &Page, asked: Instant) -> bool {
        page.generation == self.generation.load(Relaxed) && page.growing.is_good(asked)
    }

    fn slot(&self, format: Format, gzip: bool) -> &Mutex<Option<Page>> {
        &self.slots[usize::from(format == Format::OpenMetrics) * 2 + usize::from(gzip)]
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The manager's own families as they are now.
fn own_families(state: &State) -> Vec<OwnFamily> {
    let now = state.clock.now();
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
    own
}

/// The chunks of a page; once it ends, or nobody wants more of it, the time that rendering took is noted.
struct Chunks {
    state: Arc<State>,
    reader: PageReader,
    spent: Duration,
}

impl Chunks {
    fn of(state: Arc<State>, format: Format) -> Self {
        let started = Instant::now();
        let own = own_families(&state);
        let reader = PageReader::new(format, own, &state.store, state.clock.now());
        Self {
            state,
            reader,
            spent: started.elapsed(),
        }
    }
}

impl Iterator for Chunks {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let started = Instant::now();
        let chunk = self.reader.next();
        self.spent += started.elapsed();
        chunk.map(Bytes::from)
    }
}

impl Drop for Chunks {
    fn drop(&mut self) {
        self.state.telemetry.rendered(self.spent);
    }
}

/// Renders a page to its end.
fn write(chunks: Chunks, gzip: bool, writer: Writer) {
    if gzip {
        compress(chunks, &writer);
    } else {
        chunks.for_each(|chunk| writer.push(chunk));
    }
    writer.end(Instant::now());
}

fn compress(chunks: Chunks, writer: &Writer) {
    // The fast level: a page is scraped over a LAN, and numbers do not shrink much further.
    let mut encoder = GzEncoder::new(Vec::with_capacity(PIECE), Compression::fast());
    for chunk in chunks {
        encoder.write_all(&chunk).expect("memory takes everything");
        if encoder.get_ref().len() >= PIECE {
            let piece = std::mem::replace(encoder.get_mut(), Vec::with_capacity(PIECE));
            writer.push(piece.into());
        }
    }
    writer.push(encoder.finish().expect("memory takes everything").into());
}

/// The page that is shared by who asks now; its rendering begins with the first of them.
fn shared(state: &Arc<State>, format: Format, gzip: bool, asked: Instant) -> Arc<Growing> {
    let pages = &state.pages;
    let mut slot = lock(pages.slot(format, gzip));
    if let Some(page) = slot.as_ref().filter(|page| pages.is_good(page, asked)) {
        return page.growing.clone();
    }
    let (writer, growing) = Growing::begin(Instant::now());
    *slot = Some(Page {
        generation: pages.generation.load(Relaxed),
        growing: growing.clone(),
    });
    let state = state.clone();
    tokio::task::spawn_blocking(move || write(Chunks::of(state, format), gzip, writer));
    growing
}

/// Answers a scrape.
pub(super) async fn serve(Shared(web): Shared<Web>, headers: HeaderMap) -> Response {
    let format = accept::format(list(&headers, header::ACCEPT).as_deref());
    let gzip = accept::gzip(list(&headers, header::ACCEPT_ENCODING).as_deref());
    let about = [
        (header::CONTENT_TYPE, format.content_type()),
        (header::VARY, "Accept, Accept-Encoding"),
    ];
    let state = &web.state;
    let body = if gzip || state.store.len() <= SHARED_SERIES {
        Body::from_stream(shared(state, format, gzip, Instant::now()).read())
    } else {
        let state = state.clone();
        match tokio::task::spawn_blocking(move || Chunks::of(state, format)).await {
            Ok(chunks) => Body::from_stream(stream::iter(chunks.map(Ok::<_, io::Error>))),
            Err(error) => {
                tracing::error!(%error, "a page could not be begun");
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
        }
    };
    if gzip {
        (about, [(header::CONTENT_ENCODING, "gzip")], body).into_response()
    } else {
        (about, body).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_who_ask_while_a_page_is_rendered_share_it() {
        let (state, _mailbox) = State::new("127.0.0.1:1".parse().unwrap());
        let ask = || shared(&state, Format::Text, true, Instant::now());
        let first = ask();
        assert!(
            (0..50).all(|_| Arc::ptr_eq(&ask(), &first)),
            "one render for all"
        );
        let other = shared(&state, Format::OpenMetrics, true, Instant::now());
        assert!(!Arc::ptr_eq(&other, &first), "each form has its own");
        state.pages.outdate();
        assert!(!Arc::ptr_eq(&ask(), &first), "something changed meanwhile");
    }
}
