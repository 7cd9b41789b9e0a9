//! A path between agent and device that a test can redirect, freeze and cut.

use std::sync::{
    Arc,
    atomic::{AtomicU16, AtomicU32, Ordering},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

/// What becomes of bytes.
#[derive(Clone, Copy, PartialEq)]
enum Path {
    Good,
    /// Both ends stay open, and nothing comes through.
    Frozen,
    Cut,
}

/// A port that leads to another one.
pub(super) struct Relay {
    port: u16,
    to: Arc<AtomicU16>,
    taken: Arc<AtomicU32>,
    path: watch::Sender<Path>,
    accepting: JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Relay {
    /// Starts one that leads to `port`.
    pub(super) async fn start(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let to = Arc::new(AtomicU16::new(port));
        let taken = Arc::new(AtomicU32::new(0));
        let path = watch::Sender::new(Path::Good);
        let (lead, count, state) = (to.clone(), taken.clone(), path.subscribe());
        let accepting = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let Ok(far) = TcpStream::connect(("127.0.0.1", lead.load(Ordering::SeqCst))).await
                else {
                    continue;
                };
                let ((from_near, to_near), (from_far, to_far)) =
                    (near.into_split(), far.into_split());
                tokio::spawn(carry(from_near, to_far, state.clone()));
                tokio::spawn(carry(from_far, to_near, state.clone()));
            }
        });
        Self {
            port: own,
            to,
            taken,
            path,
            accepting,
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Connections that were taken.
    pub(super) fn taken(&self) -> u32 {
        self.taken.load(Ordering::SeqCst)
    }

    /// New connections lead to `port`.
    pub(super) fn lead_to(&self, port: u16) {
        self.to.store(port, Ordering::SeqCst);
    }

    /// Nothing comes through any more, and nobody is told.
    pub(super) fn freeze(&self) {
        self.path.send_replace(Path::Frozen);
    }

    /// Ends all connections; new ones are good.
    pub(super) fn cut(&self) {
        self.path.send_replace(Path::Cut);
        self.path.send_replace(Path::Good);
    }
}

async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut path: watch::Receiver<Path>) {
    path.mark_unchanged();
    let mut buffer = vec![0; 32 * 1024];
    loop {
        tokio::select! {
            biased;
            changed = path.changed() => {
                if changed.is_err() {
                    return;
                }
                let now = *path.borrow_and_update();
                if now != Path::Frozen {
                    return;
                }
                // Read and lost, as by a path that is gone; the peers' kernels see nothing of it.
                while let Ok(1..) = from.read(&mut buffer).await {}
            }
            read = from.read(&mut buffer) => match read {
                Ok(n @ 1..) => if to.write_all(&buffer[..n]).await.is_err() {
                    return;
                },
                Ok(0) | Err(_) => return,
            },
        }
    }
}
