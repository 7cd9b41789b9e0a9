//! The agents' port: who connects, says hello and is let in becomes a link.
//!
//! ```text
//!   accept --> TLS --> hello, versions --> core says yes --> reader:  polls -> series store, heartbeat -> renew,
//!     |         |          |                    |                     the rest -> core
//!     |         |          +-- refused          +--------> writer:  [queue, depth QUEUE] -> frames
//!     +---------+-- too many, or not allowed
//! ```
//!
//! Before the hello everything is done in `arrival`.
//!
//! Bounds: [`MAX_LINKS`] connections; [`HELLO_DEADLINE`] until hello; frames as in [`netwolf_wire::frame`];
//! a link's queue holds [`QUEUE`] messages, and who lets it fill up is closed and counted; a message that is
//! not taken within [`WRITE_DEADLINE`] ends the link. A bad frame ends its own link and is counted.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use netwolf_web::listen;
use netwolf_wire::message::ToAgent;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{Instrument, debug, field, info_span, warn};

use self::arrival::{Leave, Port};
use crate::{clock::Tick, fleet::LinkNo, state::State};

mod arrival;
mod certifying;
mod door;
mod reader;
pub mod standing;
pub mod strangers;
mod writer;

/// Connections on the agents' port: 1,000 machines of four cores.
pub const MAX_LINKS: usize = 4096;

/// A connection that has not said hello by then is closed.
pub const HELLO_DEADLINE: Duration = Duration::from_secs(5);

/// Messages that may wait for an agent: 500,000 leases in batches.
pub const QUEUE: usize = 1024;

/// A message must be with the operating system by then; beyond it the agent is dead.
pub const WRITE_DEADLINE: Duration = Duration::from_secs(10);

/// After a failure to accept, such as no file descriptors left, the next attempt waits so long at first and
/// at most.
const ACCEPT_BACKOFF: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

/// The core's end of a link.
#[derive(Debug)]
pub struct LinkHandle {
    /// Its number.
    pub no: LinkNo,
    /// Its signs of life.
    pub pulse: Arc<Pulse>,
    /// Messages to the agent.
    pub queue: mpsc::Sender<ToAgent>,
    /// Ends it.
    pub close: CancellationToken,
}

/// A link's signs of life, written by its reader, and whether it is a member's, written by the core.
///
/// The reader writes the one and then reads the other, the core the other way round. In one order for both, so
/// that either the core sees the heartbeat or the reader does not answer it.
#[derive(Debug, Default)]
pub struct Pulse {
    heard: AtomicU64,
    is_member: AtomicBool,
}

impl Pulse {
    /// When the last frame came.
    pub fn last(&self) -> Tick {
        Tick(self.heard.load(SeqCst))
    }

    fn beat(&self, now: Tick) {
        self.heard.store(now.0, SeqCst);
    }

    /// Whether heartbeats are answered.
    pub fn is_member(&self) -> bool {
        self.is_member.load(SeqCst)
    }

    pub(crate) fn set_member(&self, is_member: bool) {
        self.is_member.store(is_member, SeqCst);
    }
}

/// Accepts agents until it is cancelled; links that stand end with it. Plain links are taken where `plaintext` says so.
pub async fn serve(
    listener: TcpListener,
    plaintext: bool,
    state: Arc<State>,
    stop: CancellationToken,
) {
    let port = Arc::new(Port::new(plaintext, Instant::now()));
    let permits = Arc::new(Semaphore::new(MAX_LINKS));
    let links = TaskTracker::new();
    let mut backoff = ACCEPT_BACKOFF.0;
    let mut next_no = 1;
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                state.telemetry.accept_errors.inc();
                warn!(%error, "cannot accept an agent");
                let pause = tokio::time::sleep(backoff);
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = pause => {}
                }
                backoff = (backoff * 2).min(ACCEPT_BACKOFF.1);
                continue;
            }
        };
        backoff = ACCEPT_BACKOFF.0;
        let Ok(permit) = permits.clone().try_acquire_owned() else {
            state.telemetry.links_over_cap.inc();
            debug!(peer.addr = %peer, "too many links");
            continue;
        };
        // Where plain links are taken, it is not known yet whether it wants to shake hands.
        let leave = if plaintext {
            Ok(None)
        } else {
            port.call(peer).map(Some)
        };
        let leave = match leave {
            Ok(leave) => leave,
            Err(fault) => {
                port.turn_away(&state, peer, fault);
                continue;
            }
        };
        let (no, state, close) = (LinkNo(next_no), state.clone(), stop.child_token());
        let port = port.clone();
        next_no += 1;
        let span = info_span!("link", peer.addr = %peer, agent = field::Empty);
        let task = async move {
            state.telemetry.links.inc();
            listen::prepare(&stream);
            let caller = Caller { peer, no, leave };
            run(stream, caller, &port, &state, &close).await;
            state.telemetry.links.dec();
            drop(permit);
        };
        links.spawn(task.instrument(span));
    }
    links.close();
    links.wait().await;
}

/// Who called, and what is known before the first byte.
struct Caller {
    peer: SocketAddr,
    no: LinkNo,
    leave: Option<Leave>,
}

/// One connection, from the first byte to the last.
async fn run(
    stream: TcpStream,
    caller: Caller,
    port: &Port,
    state: &Arc<State>,
    close: &CancellationToken,
) {
    let Caller { peer, no, leave } = caller;
    let entering = async {
        let arrived = port.arrive(stream, peer, leave, state).await?;
        door::enter(arrived, peer, no, port, state, close.clone()).await
    };
    tokio::select! {
        () = close.cancelled() => {}
        entered = entering => {
            let Some(door::Entered { reader, writer, queue, pulse, slot, messages, place }) = entered else {
                return;
            };
            tokio::select! {
                () = close.cancelled() => {}
                () = reader::run(reader, no, state, &slot, &pulse, &queue) => {}
                () = writer::run(writer, messages) => {}
            }
            if place.is_some() {
                // The address stays known for an hour from now.
                port.meet(peer);
            }
        }
    }
    tell_core_down(state, no).await;
}

/// The core must hear of it, or the shard's leases would never be free.
async fn tell_core_down(state: &State, no: LinkNo) {
    if state
        .core
        .send(crate::core::Event::LinkDown(no))
        .await
        .is_err()
    {
        debug!("the manager has ended");
    }
}
