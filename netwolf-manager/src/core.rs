//! The task that owns the decisions: it feeds the [`Dispatcher`] with what happens and does what it says.
//!
//! ```text
//!   links, reloads --> [mailbox, depth MAILBOX] --> core --> [each link's queue] --> agents
//!                                                    +-----> board, members.json
//! ```
//!
//! Samples do not come this way: a link's reader puts them into the series store itself. The core waits for
//! nobody but its mailbox; a link whose queue is full is closed and counted, because its agent does not read.

use std::{
    collections::{BTreeSet, HashMap},
    net::SocketAddr,
    sync::Arc,
    time::Instant,
};

use netwolf_wire::{
    AgentName, Epoch, ShardId, Span,
    message::{Hello, Timing as WireTiming, ToAgent, ToManager, Welcome},
    version::Version,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    board::{AgentSlot, CoreState},
    clock::unix_ms,
    config::Timing,
    dispatch::{Action, Dispatcher},
    fleet::{Cause, Duplicate, LinkNo, Patience},
    inventory::Inventory,
    lease,
    link::LinkHandle,
    state::State,
};

/// Events that may wait for the core; a link whose event does not fit waits, and with it its agent.
pub const MAILBOX: usize = 1024;

/// Events that are handled before the machine is asked what is due.
const BATCH: usize = 64;

/// Characters of an agent's version that are shown: it is text from outside, and a label.
const SOFTWARE_SHOWN: usize = 64;

/// What happens to the core.
#[derive(Debug)]
pub enum Event {
    /// A shard asks to be let in.
    Hello(Box<Entrant>),
    /// A message of a shard that was let in.
    Message(LinkNo, ToManager),
    /// A link that was let in is gone.
    LinkDown(LinkNo),
    /// Another configuration takes the place of the one in force; told when it has.
    Configured(Arc<Inventory>, Timing, oneshot::Sender<()>),
}

/// A shard at the door.
#[derive(Debug)]
pub struct Entrant {
    /// What it said.
    pub hello: Hello,
    /// The protocol that both speak.
    pub protocol: Version,
    /// Its link.
    pub link: LinkHandle,
    /// Where it comes from.
    pub peer: SocketAddr,
    /// Told when it is let in; dropped when the manager ends.
    pub answer: oneshot::Sender<Result<Arc<AgentSlot>, Duplicate>>,
}

/// The core, before it runs.
#[derive(Debug)]
pub struct Core {
    state: Arc<State>,
    dispatcher: Dispatcher,
    timing: Timing,
    links: HashMap<LinkNo, Peer>,
    known: watch::Sender<BTreeSet<ShardId>>,
}

#[derive(Debug)]
struct Peer {
    handle: LinkHandle,
    /// Shown as the shard's when the dispatcher lets it in.
    slot: Arc<AgentSlot>,
}

fn patience(timing: &Timing) -> Patience {
    Patience {
        link_grace: timing.link_grace,
        takeover: timing.takeover,
        settle: timing.settle,
    }
}

impl Core {
    /// A core for this configuration; `known` are the shards of before and whoever keeps them.
    pub fn new(
        state: Arc<State>,
        inventory: Arc<Inventory>,
        timing: Timing,
        known: watch::Sender<BTreeSet<ShardId>>,
    ) -> Self {
        state.board.set_inventory(&inventory);
        let (start, before): (Epoch, _) = (lease::first_epoch(unix_ms()), known.borrow().clone());
        let now = Instant::now();
        let dispatcher = Dispatcher::new(now, patience(&timing), before, start, inventory);
        let core = Self {
            state,
            dispatcher,
            timing,
            links: HashMap::new(),
            known,
        };
        core.show();
        core
    }

    /// Runs until it is cancelled.
    pub async fn run(mut self, mut mailbox: mpsc::Receiver<Event>, stop: CancellationToken) {
        let mut events = Vec::with_capacity(BATCH);
        loop {
            let deadline = self.dispatcher.poll_timeout();
            let sleep = async {
                match deadline {
                    Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = stop.cancelled() => return,
                n = mailbox.recv_many(&mut events, BATCH) => if n == 0 { return },
                () = sleep => {}
            }
            let now = Instant::now();
            for (no, peer) in &self.links {
                self.dispatcher
                    .heard(*no, self.state.clock.instant(peer.handle.pulse.last()));
            }
            for event in events.drain(..) {
                self.handle(now, event);
            }
            self.dispatcher.handle_timeout(now);
            self.act();
            self.show();
        }
    }

    fn handle(&mut self, now: Instant, event: Event) {
        match event {
            Event::Hello(entrant) => self.let_in(now, *entrant),
            Event::Message(link, ToManager::Statuses(statuses)) => {
                self.dispatcher.handle_statuses(link, statuses.statuses);
            }
            Event::Message(link, ToManager::Revoked(revoked)) => {
                self.dispatcher.handle_revoked(now, link, &revoked);
            }
            Event::Message(link, ToManager::Goodbye(_)) => {
                self.dispatcher.handle_goodbye(now, link);
            }
            // Links keep the other kinds for themselves.
            Event::Message(..) => {}
            Event::LinkDown(link) => {
                self.links.remove(&link);
                self.dispatcher.handle_link_down(now, link);
            }
            Event::Configured(inventory, timing, done) => {
                self.timing = timing;
                self.dispatcher.set_patience(patience(&timing));
                self.state.board.set_inventory(&inventory);
                self.dispatcher.handle_inventory(now, inventory);
                self.act();
                // Nobody need wait for it.
                done.send(()).ok();
            }
        }
        self.act();
    }

    fn let_in(&mut self, now: Instant, entrant: Entrant) {
        let Entrant {
            hello,
            protocol,
            link,
            peer,
            answer,
        } = entrant;
        let shard = ShardId {
            agent: hello.agent.clone(),
            index: hello.shard,
        };
        let software = hello.software.chars().take(SOFTWARE_SHOWN).collect();
        let incarnation = hello.incarnation;
        let slot = AgentSlot::new(shard.clone(), incarnation, software, peer, unix_ms());
        let (slot, no, pulse) = (Arc::new(slot), link.no, link.pulse.clone());
        self.links.insert(
            no,
            Peer {
                handle: link,
                slot: slot.clone(),
            },
        );
        let welcome = self.welcome(protocol);
        let result = self.dispatcher.handle_hello(now, no, &hello, welcome);
        match &result {
            Ok(()) => {
                let n_running = hello.running.len();
                info!(agent = %shard.agent, shard = shard.index, peer.addr = %peer, n_running, "shard linked");
            }
            Err(duplicate) => {
                self.links.remove(&no);
                warn!(agent = %shard.agent, shard = shard.index, peer.addr = %peer, error = %duplicate, "shard refused");
            }
        }
        // What was decided is shown before the reader goes on, so that its first polls find their leases.
        self.act();
        if answer.send(result.map(|()| slot)).is_err() {
            // The link ended meanwhile; it will say so if it was let in, and it cannot once the answer is lost.
            pulse.set_member(false);
            self.links.remove(&no);
            self.dispatcher.handle_link_down(now, no);
        }
    }

    fn welcome(&self, protocol: Version) -> Welcome {
        let Timing {
            heartbeat,
            takeover,
            autonomy,
            ..
        } = self.timing;
        let timing = WireTiming {
            heartbeat: Span::from(heartbeat),
            silence: Span::from(takeover),
            autonomy: Span::from(autonomy),
        };
        Welcome {
            protocol,
            software: env!("CARGO_PKG_VERSION").into(),
            timing,
        }
    }

    /// Does all that the dispatcher wants done.
    fn act(&mut self) {
        while let Some(action) = self.dispatcher.poll_action() {
            match action {
                Action::Lease { device, lease } => {
                    if let Some(slot) = self.state.board.device(device.as_str()) {
                        slot.set_lease(lease);
                    }
                }
                Action::Status(status) => {
                    if let Some(slot) = self.state.board.device(status.device.as_str()) {
                        slot.set_status(status);
                    }
                }
                Action::Admitted(link) => {
                    if let Some(peer) = self.links.get(&link) {
                        peer.handle.pulse.set_member(true);
                        self.state.board.agent_joined(peer.slot.clone());
                    }
                }
                Action::Send(link, message) => self.send(link, message),
                Action::Close(link) => self.close(link),
                Action::Unlinked(shard) => {
                    info!(agent = %shard.agent, shard = shard.index, "link lost");
                    self.state.board.agent_lost(&shard, self.state.clock.now());
                }
                Action::Gone(shard, cause) => self.gone(&shard, cause),
                Action::Remember(known) => {
                    self.known.send_replace(known);
                }
            }
        }
    }

    fn send(&mut self, link: LinkNo, message: ToAgent) {
        let Some(peer) = self.links.get(&link) else {
            return;
        };
        if let Err(mpsc::error::TrySendError::Full(_)) = peer.handle.queue.try_send(message) {
            self.state.telemetry.link_overflows.inc();
            let shard = &peer.slot.shard;
            warn!(agent = %shard.agent, shard = shard.index, "agent does not read; link closed");
            peer.handle.close.cancel();
        }
    }

    fn close(&mut self, link: LinkNo) {
        if let Some(peer) = self.links.remove(&link) {
            peer.handle.pulse.set_member(false);
            peer.handle.close.cancel();
        }
    }

    fn gone(&self, shard: &ShardId, cause: Cause) {
        let (agent, index): (&AgentName, u16) = (&shard.agent, shard.index);
        if cause == Cause::Left {
            info!(%agent, shard = index, "shard left");
            self.state.board.agent_left(shard);
        } else {
            warn!(%agent, shard = index, ?cause, "shard lost; its devices go elsewhere");
            self.state.board.agent_lost(shard, self.state.clock.now());
        }
    }

    fn show(&self) {
        let (held, revoking) = self.dispatcher.lease_counts();
        self.state.board.set_core(CoreState {
            waits_for: self.dispatcher.fleet().waits_for(),
            held,
            revoking,
            totals: self.dispatcher.totals(),
        });
    }
}
