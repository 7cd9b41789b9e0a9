//! The task that owns the decisions: it feeds the [`Dispatcher`] with what happens and does what it says.
//!
//! ```text
//!   links, reloads --> [mailbox, depth MAILBOX] --> core --> [each link's queue] --> agents
//!                                                    +-----> board, members.json; news of steps to runs
//! ```
//!
//! Samples do not come this way: a link's reader puts them into the series store itself. The core waits for
//! nobody but its mailbox; a link whose queue is full is closed and counted, because its agent does not read.

use std::{collections::HashMap, net::SocketAddr, sync::Arc, time::Instant};

use netwolf_wire::{
    AgentName, Incarnation, ShardId, Span,
    message::{Drain, Hello, Timing as WireTiming, ToManager, Welcome},
    version::Version,
};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::{
    board::{AgentSlot, CoreState},
    clock::unix_ms,
    config::Timing,
    dispatch::Dispatcher,
    fleet::{Duplicate, LinkNo, Patience, Place, file::Remembered},
    inventory::Inventory,
    lease,
    link::LinkHandle,
    state::State,
};

mod acting;
pub mod shows;
pub mod steps;
mod wait;

use shows::{ShowRequest, Shows};
use steps::{StepRequest, knows_steps};
use wait::Wait;

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
    /// Another configuration takes the place of the one in force.
    Configured(Configured),
    /// An operator asked for a reload, and no configuration came of it: refused credentials are tried again.
    TryAgain,
    /// Somebody wants to see what a device answers.
    Show(ShowRequest),
    /// An operator wants an agent to leave; told how many of its shards were told.
    Drain(AgentName, oneshot::Sender<usize>),
    /// The engine of runs has steps to be sent, or to be cancelled, or has heard of them.
    Steps(StepRequest),
}

/// A configuration that has been read.
#[derive(Debug)]
pub struct Configured {
    /// Its devices.
    pub inventory: Arc<Inventory>,
    /// Its times.
    pub timing: Timing,
    /// Whether a person asked for it, and not a file that changed.
    pub is_asked_for: bool,
    /// Told when it is in force.
    pub done: oneshot::Sender<()>,
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
    remembered: watch::Sender<Remembered>,
    /// The lives that were refused last, so that each is told of once; of linked shards only.
    refused: HashMap<ShardId, Incarnation>,
    /// While shards of before are waited for.
    gathering: Option<Wait>,
    shows: Shows,
}

#[derive(Debug)]
struct Peer {
    handle: LinkHandle,
    /// Shown as the shard's when the dispatcher lets it in.
    slot: Arc<AgentSlot>,
}

/// The times as the dispatcher is given them.
pub(crate) fn patience(timing: &Timing) -> Patience {
    Patience {
        heartbeat: timing.heartbeat,
        link_grace: timing.link_grace,
        takeover: timing.takeover,
        autonomy: timing.autonomy,
        settle: timing.settle,
    }
}

/// What a shard that is let in is told.
pub(crate) fn welcome(timing: &Timing, protocol: Version) -> Welcome {
    let timing = WireTiming {
        heartbeat: Span::from(timing.heartbeat),
        silence: Span::from(timing.takeover),
        autonomy: Span::from(timing.autonomy),
        exclusive: Span::from(patience(timing).exclusive()),
    };
    Welcome {
        protocol,
        software: env!("CARGO_PKG_VERSION").into(),
        timing,
    }
}

impl Core {
    /// A core for this configuration; `remembered` is what is known from before and whoever keeps it.
    pub fn new(
        state: Arc<State>,
        inventory: Arc<Inventory>,
        timing: Timing,
        remembered: watch::Sender<Remembered>,
    ) -> Self {
        let now = Instant::now();
        let patience = patience(&timing);
        let gathering = Wait::begin(now, patience.settle_time(), &remembered.borrow().shards);
        if gathering.is_some() {
            state.board.begin_gathering();
        }
        state.board.set_inventory(&inventory);
        let (start, before) = (lease::first_epoch(unix_ms()), remembered.borrow().clone());
        let dispatcher = Dispatcher::new(now, patience, before, start, inventory);
        let mut core = Self {
            state,
            dispatcher,
            timing,
            links: HashMap::new(),
            remembered,
            refused: HashMap::new(),
            gathering,
            shows: Shows::default(),
        };
        core.dispatcher.tell_time(now, unix_ms());
        core.act();
        core.show();
        core
    }

    /// Runs until it is cancelled.
    pub async fn run(mut self, mut mailbox: mpsc::Receiver<Event>, stop: CancellationToken) {
        let mut events = Vec::with_capacity(BATCH);
        loop {
            let shown = self.dispatcher.poll_credentials();
            let due = self.dispatcher.poll_timeout();
            let deadline = due.into_iter().chain(shown).min();
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
            self.hear();
            self.dispatcher.tell_time(now, unix_ms());
            for event in events.drain(..) {
                self.handle(now, event);
            }
            self.close_silent(now);
            self.dispatcher.handle_timeout(now);
            self.act();
            self.end_gathering(now);
            self.show();
        }
    }

    /// Tells the dispatcher of all signs of life.
    fn hear(&mut self) {
        for (no, peer) in &self.links {
            let heard = self.state.clock.instant(peer.handle.pulse.last());
            self.dispatcher.heard(*no, heard);
        }
    }

    /// Shards that are about to lose their leases have their heartbeats answered no more: an answer would renew
    /// leases that are granted to others a moment later. A heartbeat that was answered before is seen by the
    /// second look, and saves its shard.
    fn close_silent(&mut self, now: Instant) {
        let overdue = self.dispatcher.overdue(now);
        if overdue.is_empty() {
            return;
        }
        let set_member = |links: &HashMap<LinkNo, Peer>, link, is_member| {
            if let Some(peer) = links.get(&link) {
                peer.handle.pulse.set_member(is_member);
            }
        };
        for link in &overdue {
            set_member(&self.links, *link, false);
        }
        self.hear();
        let silent = self.dispatcher.overdue(now);
        for link in overdue.into_iter().filter(|link| !silent.contains(link)) {
            set_member(&self.links, link, true);
        }
    }

    fn handle(&mut self, now: Instant, event: Event) {
        match event {
            Event::Hello(entrant) => self.let_in(now, *entrant),
            Event::Show(request) => self.begin_show(request),
            Event::Message(link, ToManager::Shown(shown)) => self.shows.end(link, shown),
            Event::Message(
                link,
                message @ (ToManager::StepsHeld(_) | ToManager::StepEvents(_)),
            ) => self.hear_steps(link, message),
            Event::Steps(request) => self.handle_steps(now, request),
            Event::Message(link, message) => {
                if let (ToManager::Leaving(_), Some(peer)) = (&message, self.links.get(&link)) {
                    let shard = &peer.slot.shard;
                    info!(agent = %shard.agent, shard = shard.index, "shard wants to leave; its devices go elsewhere first");
                    peer.slot.leave();
                }
                self.dispatcher.handle_message(now, link, message);
            }
            Event::Drain(agent, done) => {
                let links = self.dispatcher.links_of(&agent);
                for link in &links {
                    self.send(*link, Drain {}.into());
                }
                // Whoever asked may be gone.
                done.send(links.len()).ok();
            }
            Event::LinkDown(link) => {
                self.links.remove(&link);
                self.shows.forget(link);
                self.dispatcher.handle_link_down(now, link);
            }
            Event::TryAgain => self.dispatcher.handle_reload(now),
            Event::Configured(configured) => self.configure(now, configured),
        }
        self.act();
    }

    fn configure(&mut self, now: Instant, configured: Configured) {
        let Configured {
            inventory,
            timing,
            is_asked_for,
            done,
        } = configured;
        self.timing = timing;
        self.dispatcher.set_patience(patience(&timing));
        self.state.board.set_inventory(&inventory);
        self.dispatcher.handle_inventory(now, inventory);
        if is_asked_for {
            self.dispatcher.handle_reload(now);
        }
        self.act();
        self.show();
        // Nobody need wait for it.
        done.send(()).ok();
    }

    fn begin_show(&mut self, request: ShowRequest) {
        let Some((link, _)) = self.dispatcher.reach(&request.device) else {
            return request.refuse(shows::ShowError::NoAgent);
        };
        if let Some(show) = self.shows.begin(link, request) {
            self.send(link, show.into());
        }
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
        let site = Place::of(&hello).site;
        let slot = AgentSlot::new(
            shard.clone(),
            incarnation,
            software,
            site,
            peer,
            hello.web,
            unix_ms(),
        )
        .behind(link.no, knows_steps(protocol));
        let (slot, no, pulse) = (Arc::new(slot), link.no, link.pulse.clone());
        self.links.insert(
            no,
            Peer {
                handle: link,
                slot: slot.clone(),
            },
        );
        let welcome = welcome(&self.timing, protocol);
        let highest = lease::highest_epoch(unix_ms());
        let result = self
            .dispatcher
            .handle_hello(now, no, &hello, welcome, highest);
        match &result {
            Ok(()) => {
                self.refused.remove(&shard);
                let n_running = hello.running.len();
                info!(agent = %shard.agent, shard = shard.index, peer.addr = %peer, n_running, "shard linked");
            }
            Err(duplicate) => {
                self.links.remove(&no);
                // It tries again and again, and every time would say the same.
                if self.refused.insert(shard.clone(), incarnation) == Some(incarnation) {
                    debug!(agent = %shard.agent, shard = shard.index, peer.addr = %peer, "shard refused again");
                } else {
                    warn!(agent = %shard.agent, shard = shard.index, peer.addr = %peer, error = %duplicate, "shard refused");
                }
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

    /// Devices that nobody has told of are shown again once nobody is waited for.
    fn end_gathering(&mut self, now: Instant) {
        let fleet = self.dispatcher.fleet();
        if let Some(wait) = self.gathering.take_if(|_| !fleet.awaits_known()) {
            self.state.board.end_gathering(self.state.clock.now());
            wait.end(now, fleet);
        }
    }

    fn show(&mut self) {
        if let Some(credentials) = self.dispatcher.take_credentials(Instant::now()) {
            self.state.board.set_credentials(credentials);
        }
        let (held, revoking) = self.dispatcher.lease_counts();
        self.state.board.set_core(CoreState {
            awaits_known: self.dispatcher.fleet().awaits_known(),
            waits_for: self.dispatcher.fleet().waits_for(),
            held,
            revoking,
            moves_waiting: self.dispatcher.moves_waiting(),
            totals: self.dispatcher.totals(),
        });
    }
}
