//! Many at a time, but never too many, with a line of progress on a terminal.

use std::io::{IsTerminal, Write};

use futures_util::{StreamExt, stream};

use super::{review::Review, subject::Subject};

/// Scans that run at the same time: the network must not take us for an attack, nor our own file limit end it.
const AT_ONCE: usize = 32;

/// Looks at all `subjects`; the reviews come in the order of the subjects.
pub(super) async fn sweep<F, R>(subjects: Vec<Subject>, look: F) -> Vec<Review>
where
    F: Fn(Subject) -> R,
    R: Future<Output = Review>,
{
    let progress = Progress::new(subjects.len());
    let mut done = 0;
    let mut reviews = Vec::new();
    let mut running = stream::iter(subjects).map(look).buffered(AT_ONCE);
    while let Some(review) = running.next().await {
        reviews.push(review);
        done += 1;
        progress.show(done);
    }
    progress.clear();
    reviews
}

/// `12 of 200 devices`, in place.
struct Progress {
    total: usize,
    on_terminal: bool,
}

impl Progress {
    fn new(total: usize) -> Self {
        let on_terminal = total > 1 && std::io::stderr().is_terminal();
        Self { total, on_terminal }
    }

    fn show(&self, done: usize) {
        self.write(&format!("\r{done} of {} devices", self.total));
    }

    fn clear(&self) {
        self.write("\r\x1b[2K");
    }

    fn write(&self, text: &str) {
        // Progress that cannot be shown is no reason to stop.
        if self.on_terminal {
            drop(std::io::stderr().write_all(text.as_bytes()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn so_many_run_at_once_and_all_come_back_in_their_order() {
        let (running, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let (running, most) = (&running, &most);
        let names: Vec<String> = (0..100).map(|n| format!("h{n}")).collect();
        let subjects = names.iter().map(|name| Subject::parse(name).unwrap());
        let reviews = sweep(subjects.collect(), |subject| async move {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            for _ in 0..3 {
                tokio::task::yield_now().await;
            }
            running.fetch_sub(1, Ordering::SeqCst);
            Review {
                subject,
                found: Ok(Vec::new()),
            }
        })
        .await;
        let seen: Vec<_> = reviews
            .iter()
            .map(|review| review.subject.name.clone())
            .collect();
        assert_eq!(seen, names);
        assert_eq!(most.load(Ordering::SeqCst), AT_ONCE);
    }
}
