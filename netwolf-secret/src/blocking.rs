//! Work that may block, on threads of its own and few of them: name resolution needs some, too, and must go on when a
//! network file system hangs.

use std::{
    io,
    sync::{Arc, LazyLock},
};

use tokio::{sync::Semaphore, task::spawn_blocking};

/// Threads that may be blocked at once. Who comes when all are waits, for as long as his own deadline allows.
const MAX_BLOCKED: usize = 32;

static PLACES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(MAX_BLOCKED)));

/// Does `work` where it may block. Dropping the future leaves work that has begun to itself, and its thread taken.
///
/// # Errors
/// The work came to no end: it panicked, or the program is about to end.
pub async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    run_in(PLACES.clone(), work).await
}

async fn run_in<T: Send + 'static>(
    places: Arc<Semaphore>,
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<T> {
    let place = places.acquire_owned().await.map_err(io::Error::other)?;
    let done = spawn_blocking(move || {
        // Kept until the work is done, whether anybody waits for it or not.
        let _place = place;
        work()
    });
    Ok(done.await?)
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, time::Duration};

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn work_that_hangs_keeps_its_place_though_nobody_waits_for_it() {
        let places = Arc::new(Semaphore::new(1));
        let (let_go, wait) = mpsc::channel::<()>();
        let (begun, has_begun) = tokio::sync::oneshot::channel();
        let hangs = run_in(places.clone(), move || {
            begun.send(()).unwrap();
            wait.recv().ok();
        });
        tokio::select! {
            _ = hangs => panic!("it does not hang"),
            begun = has_begun => begun.unwrap(),
        }
        assert_eq!(places.available_permits(), 0);
        let next = run_in(places.clone(), || 5);
        tokio::pin!(next);
        assert!(timeout(Duration::from_millis(10), &mut next).await.is_err());
        drop(let_go);
        assert_eq!(
            timeout(Duration::from_mins(1), next)
                .await
                .unwrap()
                .unwrap(),
            5
        );
    }
}
