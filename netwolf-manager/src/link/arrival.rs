//! What comes before the first message: whether the connection is taken at all, TLS, and whose certificate it has.
//!
//! ```text
//!   accept --> whose address? --> first byte --+-- 0x16 --> handshake --> agent or stranger
//!                 |                            +-- 0x00 --> plain, where that is allowed
//!                 +-- over its share           +-- else, or none in time
//! ```
//!
//! Where plain links are allowed, those who call are counted only when they want a handshake: a plain link costs
//! nothing before its hello.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use netwolf_web::bucket::{Bucket, Rate};
use netwolf_wire::{
    AgentName,
    tls::{
        FIRST_BYTE,
        certificate::{Validity, agent_of},
        stream::Stream,
    },
};
use rustls::ServerConnection;
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use super::strangers::{Acquaintance, Excess, Strangers};
use crate::{board::lock, state::State, telemetry::ConnectionFault, trust::roll};

/// A first byte, or a handshake, that has not come by then ends the connection.
const DEADLINE: Duration = Duration::from_secs(5);

/// Strangers that are at their handshake, or have not said who they are.
const MAX_PENDING: usize = 128;

/// How many refusals are worth a warning; the rest is counted.
const WORDS: Rate = Rate {
    burst: 5,
    interval: Duration::from_secs(10),
};

/// The agents' port: who may come how, and who came.
#[derive(Debug)]
pub(super) struct Port {
    /// Whether plain links are taken.
    pub(super) plaintext: bool,
    strangers: Mutex<Strangers>,
    pending: Arc<Semaphore>,
    words: Mutex<Bucket>,
}

/// Who is there, as far as TLS tells.
#[derive(Clone, Debug)]
pub(super) enum Identity {
    /// It does: the link is plain.
    Plain,
    /// Somebody without a certificate.
    Stranger,
    /// The agent of this name.
    Agent {
        name: AgentName,
        /// When its certificate was made, in Unix seconds.
        made: u64,
    },
}

/// Leave to shake hands; a stranger takes one of few places until it is known.
pub(super) type Leave = Option<OwnedSemaphorePermit>;

/// A connection whose first message can be read.
pub(super) struct Arrived {
    pub(super) stream: Stream,
    pub(super) identity: Identity,
    /// To be dropped when it is known who it is.
    pub(super) leave: Leave,
}

impl Port {
    pub(super) fn new(plaintext: bool, now: Instant) -> Self {
        Self {
            plaintext,
            strangers: Mutex::new(Strangers::new(now)),
            pending: Arc::new(Semaphore::new(MAX_PENDING)),
            words: Mutex::new(Bucket::new(WORDS, now)),
        }
    }

    /// Whether a handshake with `peer` is paid for.
    pub(super) fn call(&self, peer: SocketAddr) -> Result<Leave, ConnectionFault> {
        match lock(&self.strangers).call(peer.ip(), Instant::now()) {
            Ok(Acquaintance::Known) => Ok(None),
            Ok(Acquaintance::Stranger) => {
                let place = self.pending.clone().try_acquire_owned();
                place.map(Some).map_err(|_| ConnectionFault::Pending)
            }
            Err(Excess::Source | Excess::Known) => Err(ConnectionFault::Source),
            Err(Excess::Strangers) => Err(ConnectionFault::Strangers),
        }
    }

    /// An agent with a certificate is at `peer`.
    pub(super) fn meet(&self, peer: SocketAddr) {
        lock(&self.strangers).meet(peer.ip(), Instant::now());
    }

    /// Counts a connection that is closed, and says so unless too much was said of late.
    pub(super) fn turn_away(&self, state: &State, peer: SocketAddr, fault: ConnectionFault) {
        self.turn_away_with(state, peer, fault, "");
    }

    fn turn_away_with(&self, state: &State, peer: SocketAddr, fault: ConnectionFault, why: &str) {
        state.telemetry.connection_refused(fault);
        let (reason, hint) = (fault.as_str(), fault.hint());
        if lock(&self.words).take(Instant::now()) {
            warn!(peer.addr = %peer, reason, why, hint, "connection to the agents' port closed");
        } else {
            debug!(peer.addr = %peer, reason, why, "connection to the agents' port closed");
        }
    }

    /// Leads a connection to its first message; `None` when it is to be closed.
    pub(super) async fn arrive(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        leave: Option<Leave>,
        state: &State,
    ) -> Option<Arrived> {
        let mut first = [0];
        match timeout(DEADLINE, stream.peek(&mut first)).await {
            Ok(Ok(1)) => {}
            Ok(_) => {
                debug!(peer.addr = %peer, "closed before the first byte");
                return None;
            }
            Err(_) => {
                self.turn_away(state, peer, ConnectionFault::Deadline);
                return None;
            }
        }
        match first {
            [FIRST_BYTE] => {}
            [0] if self.plaintext => {
                return Some(Arrived {
                    stream: Stream::Plain(stream),
                    identity: Identity::Plain,
                    leave: None,
                });
            }
            [0] => {
                self.turn_away(state, peer, ConnectionFault::Plaintext);
                return None;
            }
            // A plain link's first message tells what came instead.
            _ if self.plaintext => {
                return Some(Arrived {
                    stream: Stream::Plain(stream),
                    identity: Identity::Plain,
                    leave: None,
                });
            }
            _ => {
                self.turn_away(state, peer, ConnectionFault::Protocol);
                return None;
            }
        }
        let leave = match leave.map_or_else(|| self.call(peer), Ok) {
            Ok(leave) => leave,
            Err(fault) => {
                self.turn_away(state, peer, fault);
                return None;
            }
        };
        let acceptor = TlsAcceptor::from(state.trust.settings());
        match timeout(DEADLINE, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => {
                let identity = identify(stream.get_ref().1);
                Some(Arrived {
                    stream: Stream::Tls(Box::new(stream.into())),
                    identity,
                    leave,
                })
            }
            Ok(Err(error)) => {
                let why = error.to_string();
                self.turn_away_with(state, peer, ConnectionFault::Handshake, &why);
                None
            }
            Err(_) => {
                self.turn_away(state, peer, ConnectionFault::Deadline);
                None
            }
        }
    }
}

/// Whose certificate the other side has shown. rustls has checked it.
fn identify(connection: &ServerConnection) -> Identity {
    let certificate = connection.peer_certificates().and_then(<[_]>::first);
    let known = certificate.and_then(|certificate| {
        Some(Identity::Agent {
            name: agent_of(certificate)?,
            made: roll::made(Validity::of(certificate)?),
        })
    });
    known.unwrap_or(Identity::Stranger)
}
