//! `/metrics`: a page is streamed while it is rendered, and shared by all who ask meanwhile.
//!
//! ```text
//!   compressed, or small --> rendered once off the async threads, kept for a moment --> all who ask
//!   large and plain -------> a reader of its own for each, a chunk at a time, nothing kept
//!   a part of it ----------> rendered for whoever asks, and streamed like the others
//! ```
//!
//! A shared page is kept for four times as long as it took, so that however many scrape, rendering takes a fifth of
//! a core at most (see `growing`). A large plain page is not: it would take the memory that compression saves, and
//! it costs a tenth of the time.

use std::{
    io::{self, Write},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    extract::{Query as Asked, State as Shared, rejection::QueryRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use futures_util::stream;

use self::{
    growing::{Growing, Writer},
    scope::Scope,
};
use super::{Web, list};
use crate::{
    board::lock,
    exposition::{Content, Format, OwnFamily, PageReader, Spare, accept},
    state::State,
    telemetry::{agents, credentials, devices, manager, trust},
};

mod growing;
pub(super) mod scope;

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

/// The form in which a scraper wants a page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    pub(super) format: Format,
    gzip: bool,
}

impl Form {
    /// As the headers ask for.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        Self {
            format: accept::format(list(headers, header::ACCEPT).as_deref()),
            gzip: accept::gzip(list(headers, header::ACCEPT_ENCODING).as_deref()),
        }
    }

    /// An answer of this form.
    fn answer(self, body: Body) -> Response {
        let about = [
            (header::CONTENT_TYPE, self.format.content_type()),
            (header::VARY, "Accept, Accept-Encoding"),
        ];
        if self.gzip {
            (about, [(header::CONTENT_ENCODING, "gzip")], body).into_response()
        } else {
            (about, body).into_response()
        }
    }
}

/// The manager's own families as they are now, as far as they are asked for.
pub(super) fn own_families(state: &State, scope: &Scope) -> Vec<OwnFamily> {
    let now = state.clock.now();
    if !scope.has_own() {
        return Vec::new();
    }
    if let Some(devices) = scope.devices() {
        return devices::families(devices, now);
    }
    let fleet = state.board.devices();
    let mut own = manager::families(
        &state.board.core(),
        &state.queues(),
        fleet.len(),
        state.store.len(),
    );
    own.extend(trust::families(state));
    own.extend(state.telemetry.disk.families());
    own.extend(state.backup.families());
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
    spare: Spare,
    spent: Duration,
}

impl Chunks {
    fn of(state: Arc<State>, format: Format, scope: &Scope) -> Self {
        let started = Instant::now();
        let content = Content {
            own: own_families(&state, scope),
            ..scope.content(&state.store, &state.board)
        };
        let reader = PageReader::new(format, content, state.clock.now());
        Self {
            state,
            reader,
            spare: Spare::default(),
            spent: started.elapsed(),
        }
    }
}

impl Iterator for Chunks {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let started = Instant::now();
        let mut text = self.spare.take();
        let is_there = self.reader.read(&mut text);
        self.spent += started.elapsed();
        is_there.then(|| self.spare.lend(text))
    }
}

impl Drop for Chunks {
    fn drop(&mut self) {
        self.state.telemetry.rendered(self.spent);
    }
}

/// Renders a page to its end.
fn write(chunks: impl Iterator<Item = Bytes>, gzip: bool, writer: Writer) {
    if gzip {
        compress(chunks, &writer);
    } else {
        chunks.for_each(|chunk| writer.push(chunk));
    }
    writer.end(Instant::now());
}

fn compress(chunks: impl Iterator<Item = Bytes>, writer: &Writer) {
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

/// Begins a page that is rendered off the async threads.
fn begin<C>(chunks: impl FnOnce() -> C + Send + 'static, gzip: bool) -> Arc<Growing>
where
    C: Iterator<Item = Bytes>,
{
    let (writer, growing) = Growing::begin(Instant::now());
    tokio::task::spawn_blocking(move || write(chunks(), gzip, writer));
    growing
}

/// Answers with a page that nobody else asks for.
pub(super) fn answer<C>(form: Form, chunks: impl FnOnce() -> C + Send + 'static) -> Response
where
    C: Iterator<Item = Bytes>,
{
    form.answer(Body::from_stream(begin(chunks, form.gzip).read()))
}

/// The page that is shared by who asks now; its rendering begins with the first of them.
fn shared(state: &Arc<State>, form: Form, asked: Instant) -> Arc<Growing> {
    let Form { format, gzip } = form;
    let pages = &state.pages;
    let mut slot = lock(pages.slot(format, gzip));
    if let Some(page) = slot.as_ref().filter(|page| pages.is_good(page, asked)) {
        return page.growing.clone();
    }
    let generation = pages.generation.load(Relaxed);
    let state = state.clone();
    let growing = begin(move || Chunks::of(state, format, &Scope::default()), gzip);
    *slot = Some(Page {
        generation,
        growing: growing.clone(),
    });
    growing
}

/// Answers a scrape.
pub(super) async fn serve(
    Shared(web): Shared<Web>,
    asked: Result<Asked<scope::Query>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let (form, state) = (Form::of(&headers), web.state);
    let scope = match asked {
        Ok(Asked(query)) => Scope::of(query, &state.board),
        Err(rejection) => Err(scope::Refusal::bad(rejection.body_text(), None)),
    };
    let scope = match scope {
        Ok(scope) => scope,
        Err(refusal) => return refusal.into_response(),
    };
    if scope.is_whole() && (form.gzip || state.store.len() <= SHARED_SERIES) {
        return form.answer(Body::from_stream(
            shared(&state, form, Instant::now()).read(),
        ));
    }
    // Of many devices there is much to look for and maybe little to show.
    if form.gzip || scope.devices().is_some() {
        return answer(form, move || Chunks::of(state, form.format, &scope));
    }
    match tokio::task::spawn_blocking(move || Chunks::of(state, form.format, &scope)).await {
        Ok(chunks) => {
            let chunks = stream::iter(chunks.map(Ok::<_, io::Error>));
            form.answer(Body::from_stream(chunks))
        }
        Err(error) => {
            tracing::error!(%error, "a page could not be begun");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;

    #[tokio::test]
    async fn all_who_ask_while_a_page_is_rendered_share_it() {
        let (state, _mailbox) = crate::testing::state();
        let form = |format| Form { format, gzip: true };
        // At one moment, however long the test takes.
        let asked = Instant::now();
        let ask = || shared(&state, form(Format::Text), asked);
        let first = ask();
        let all: Vec<_> = (0..50).map(|_| ask()).collect();
        assert!(
            all.iter().all(|page| Arc::ptr_eq(page, &first)),
            "one render for all"
        );
        let whole = first.read().try_collect::<Vec<_>>().await.unwrap();
        for page in all {
            assert_eq!(page.read().try_collect::<Vec<_>>().await.unwrap(), whole);
        }
        let counted = state.telemetry.counted();
        let seconds = counted
            .iter()
            .find(|family| family.base() == "netwolf_manager_scrape_seconds");
        let lines = seconds.unwrap().lines();
        assert!(
            lines.contains("netwolf_manager_scrape_seconds_count 1\n"),
            "{lines}"
        );
        let first = ask();
        let other = shared(&state, form(Format::OpenMetrics), Instant::now());
        assert!(!Arc::ptr_eq(&other, &first), "each form has its own");
        state.pages.outdate();
        assert!(!Arc::ptr_eq(&ask(), &first), "something changed meanwhile");
    }
}
