//! A page that is handed out while it is rendered: one writer, any number of readers, each at its own pace.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{Stream, stream};
use tokio::sync::watch;

use crate::board::lock;

/// A page is kept for so many times as long as it took.
const KEPT_TIMES: u32 = 4;
/// Not shorter: rendering a small page takes no time that is worth sharing.
const KEPT_LEAST: Duration = Duration::from_millis(5);
/// Not longer: whoever scrapes wants to know how things are now.
const KEPT_MOST: Duration = Duration::from_millis(500);

/// How far a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Growing,
    Whole(Instant),
    /// Its writer died.
    Broken,
}

/// A page.
#[derive(Debug)]
pub(super) struct Growing {
    began: Instant,
    pieces: Mutex<Vec<Bytes>>,
    /// Changes with each piece.
    stage: watch::Sender<Stage>,
}

/// Writes a page. Dropping it before [`Self::end`] breaks the page, and its readers with it.
#[derive(Debug)]
pub(super) struct Writer(Arc<Growing>);

impl Growing {
    /// A page that begins at `now`.
    pub(super) fn begin(now: Instant) -> (Writer, Arc<Self>) {
        let page = Arc::new(Self {
            began: now,
            pieces: Mutex::default(),
            stage: watch::Sender::new(Stage::Growing),
        });
        (Writer(page.clone()), page)
    }

    fn pieces(&self) -> MutexGuard<'_, Vec<Bytes>> {
        lock(&self.pieces)
    }

    /// Whether it is good for who asks at `asked`: it is being written, or was a moment ago.
    pub(super) fn is_good(&self, asked: Instant) -> bool {
        match *self.stage.borrow() {
            Stage::Growing => true,
            Stage::Broken => false,
            Stage::Whole(ended) => {
                let kept = ((ended - self.began) * KEPT_TIMES).clamp(KEPT_LEAST, KEPT_MOST);
                asked.saturating_duration_since(ended) < kept
            }
        }
    }

    /// All of it, from the first piece on.
    pub(super) fn read(self: Arc<Self>) -> impl Stream<Item = io::Result<Bytes>> {
        let stages = self.stage.subscribe();
        stream::try_unfold((self, stages, 0), |(page, mut stages, next)| async move {
            loop {
                // In this order, so that no piece falls between the two looks.
                let stage = *stages.borrow_and_update();
                let piece = page.pieces().get(next).cloned();
                if let Some(piece) = piece {
                    return Ok(Some((piece, (page, stages, next + 1))));
                }
                match stage {
                    Stage::Whole(_) => return Ok(None),
                    Stage::Broken => return Err(io::Error::other("the page was not finished")),
                    Stage::Growing => {}
                }
                if stages.changed().await.is_err() {
                    return Err(io::Error::other("the page was not finished"));
                }
            }
        })
    }
}

impl Writer {
    /// Adds to the page.
    pub(super) fn push(&self, piece: Bytes) {
        if !piece.is_empty() {
            self.0.pieces().push(piece);
            self.0.stage.send_modify(|_| {});
        }
    }

    /// The page is whole.
    pub(super) fn end(self, now: Instant) {
        self.0.stage.send_replace(Stage::Whole(now));
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.0.stage.send_if_modified(|stage| {
            let died = *stage == Stage::Growing;
            if died {
                *stage = Stage::Broken;
            }
            died
        });
    }
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;

    #[tokio::test]
    async fn readers_get_all_of_it_whenever_they_come() {
        let (writer, page) = Growing::begin(Instant::now());
        let early = tokio::spawn(page.clone().read().try_collect::<Vec<_>>());
        writer.push(Bytes::from_static(b"a"));
        let middle = tokio::spawn(page.clone().read().try_collect::<Vec<_>>());
        tokio::task::yield_now().await;
        writer.push(Bytes::new());
        writer.push(Bytes::from_static(b"b"));
        writer.end(Instant::now());
        for reader in [
            early,
            middle,
            tokio::spawn(page.read().try_collect::<Vec<_>>()),
        ] {
            assert_eq!(reader.await.unwrap().unwrap().concat(), b"ab");
        }
    }

    #[tokio::test]
    async fn a_page_whose_writer_died_is_an_error_and_not_a_short_page() {
        let (writer, page) = Growing::begin(Instant::now());
        let reader = tokio::spawn(page.clone().read().try_collect::<Vec<_>>());
        writer.push(Bytes::from_static(b"a"));
        drop(writer);
        assert!(reader.await.unwrap().is_err());
        assert!(!page.is_good(Instant::now()), "nobody else gets it");
    }

    #[test]
    fn a_page_is_kept_for_as_long_as_it_was_worth() {
        let start = Instant::now();
        for (took, kept) in [(0, 5), (20, 80), (2_000, 500)] {
            let at = |ms| start + Duration::from_millis(ms);
            let (writer, page) = Growing::begin(start);
            assert!(
                page.is_good(at(10_000)),
                "whoever asks while it is written shares it"
            );
            writer.end(at(took));
            assert!(page.is_good(start), "so does who asked before it was done");
            assert!(page.is_good(at(took + kept - 1)) && !page.is_good(at(took + kept)));
        }
    }
}
