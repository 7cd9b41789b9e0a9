//! A manager without tasks, sockets and pages, for the simulation in `tests/simulation`: the place of the drivers
//! is taken by whoever calls. Only behind the feature `simulation`, which no program has on.
//!
//! ```text
//!   frames --> reader: polls -> series, heartbeat -> renew --> [mailbox] --> dispatcher --> send, close, leases
//!   losses, inventories --------------------------------------> [mailbox]       ^
//!   time -----------------------------------------------------------------------+
//! ```
//!
//! The [`Dispatcher`], the [`Board`] and the series with their check of epochs are the real ones. As in the
//! program, what a reader passes on waits until the core runs ([`ManagerNode::handle_timeout`]), and a heartbeat
//! is answered meanwhile. What is left out: the core's second look at the pulses of silent links, since here
//! nothing comes in between two looks.

use std::{
    collections::{BTreeMap, VecDeque},
    slice,
    sync::Arc,
    time::{Duration, Instant},
};

use netwolf_wire::{
    DeviceName, Epoch, ShardId,
    message::{Heartbeat, Hello, Refused, Renew, ToAgent, ToManager},
    series::Poll,
    version,
};

pub use crate::fleet::{LinkNo, file::Remembered};
use crate::{
    board::Board,
    clock::Tick,
    config::Timing,
    core,
    dispatch::{Action, Dispatcher},
    fleet::Cause,
    inventory::Inventory,
    lease,
    series::{Counters, LinkTable, SeriesStore},
};

/// What the manager does.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// It says this on a link.
    Send(LinkNo, ToAgent),
    /// It closes a link.
    Close(LinkNo),
    /// The lease of a device is another one now.
    Lease(DeviceName, Option<(ShardId, Epoch)>),
    /// A shard is gone.
    Gone(ShardId, Cause),
    /// These are in its storage from now on.
    Remember(Remembered),
    /// A sample has come, and is exposed or was left out.
    Sample {
        /// Its value.
        value: f64,
        /// Whether scrapes see it.
        is_exposed: bool,
    },
}

/// What waits for the core.
#[derive(Debug)]
enum Event {
    Hello(LinkNo, Box<Hello>),
    Message(LinkNo, ToManager),
    LinkDown(LinkNo),
    Inventory(Arc<Inventory>),
}

/// A link's reader.
#[derive(Debug)]
struct Link {
    table: LinkTable,
    heard: Instant,
    is_member: bool,
}

/// One life of a manager. After each call drain [`Self::poll_output`]; call [`Self::handle_timeout`] some time
/// after [`Self::poll_timeout`] is due.
#[derive(Debug)]
pub struct ManagerNode {
    dispatcher: Dispatcher,
    timing: Timing,
    board: Arc<Board>,
    counters: Counters,
    store: Arc<SeriesStore>,
    links: BTreeMap<LinkNo, Link>,
    mailbox: VecDeque<Event>,
    outputs: VecDeque<Output>,
    start: Instant,
    /// What the wall clock showed when.
    wall: (Instant, Duration),
}

impl ManagerNode {
    /// A manager that starts and finds in its storage what is `remembered`; `wall` is what its wall clock shows.
    pub fn new(
        now: Instant,
        wall: Duration,
        timing: Timing,
        remembered: Remembered,
        inventory: Arc<Inventory>,
    ) -> Self {
        let board = Arc::<Board>::default();
        board.set_inventory(&inventory);
        let counters = Counters::default();
        let store = Arc::new(SeriesStore::new(counters.clone()));
        let start = lease::first_epoch(millis(wall));
        let patience = core::patience(&timing);
        let mut this = Self {
            dispatcher: Dispatcher::new(now, patience, remembered, start, inventory),
            timing,
            board,
            counters,
            store,
            links: BTreeMap::new(),
            mailbox: VecDeque::new(),
            outputs: VecDeque::new(),
            start: now,
            wall: (now, wall),
        };
        this.act();
        this
    }

    /// The wall clock was set.
    pub fn set_wall(&mut self, now: Instant, wall: Duration) {
        self.wall = (now, wall);
    }

    fn unix_ms(&self, now: Instant) -> u64 {
        let (at, wall) = self.wall;
        millis(wall + (now - at))
    }

    /// Another inventory is read.
    pub fn handle_inventory(&mut self, inventory: Arc<Inventory>) {
        self.mailbox.push_back(Event::Inventory(inventory));
    }

    /// A link broke, or was closed from afar.
    pub fn handle_lost(&mut self, link: LinkNo) {
        self.mailbox.push_back(Event::LinkDown(link));
    }

    /// Something was said on a link, which is a new one if it is a hello.
    pub fn handle_frame(&mut self, now: Instant, link: LinkNo, message: ToManager) {
        if let ToManager::Hello(hello) = message {
            let (store, board) = (self.store.clone(), self.board.clone());
            self.links.entry(link).or_insert_with(|| Link {
                table: LinkTable::new(store, board),
                heard: now,
                is_member: false,
            });
            self.mailbox.push_back(Event::Hello(link, Box::new(hello)));
            return;
        }
        let (tick, unix_ms) = (self.tick(now), self.unix_ms(now));
        let Some(reader) = self.links.get_mut(&link) else {
            return;
        };
        reader.heard = now;
        match message {
            ToManager::Polls(polls) => {
                for poll in &polls.polls {
                    let taken = self.counters.samples.get();
                    reader.table.ingest(slice::from_ref(poll), tick, unix_ms);
                    let is_exposed = self.counters.samples.get() > taken;
                    let Poll(_, _, samples) = poll;
                    let told = samples.iter().map(|(_, value)| Output::Sample {
                        value: value.0,
                        is_exposed,
                    });
                    self.outputs.extend(told);
                }
            }
            ToManager::Declare(declare) => reader.table.declare(declare, tick),
            ToManager::Heartbeat(Heartbeat { beat, .. }) => {
                reader.table.retry(tick);
                if reader.is_member {
                    let renew = Renew { beat };
                    self.outputs.push_back(Output::Send(link, renew.into()));
                }
            }
            message => self.mailbox.push_back(Event::Message(link, message)),
        }
    }

    /// When the core has something to do.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let mail = (!self.mailbox.is_empty()).then_some(now);
        mail.into_iter().chain(self.dispatcher.poll_timeout()).min()
    }

    /// The core runs: it reads its mail and does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        for (no, link) in &self.links {
            self.dispatcher.heard(*no, link.heard);
        }
        self.dispatcher.tell_time(now, self.unix_ms(now));
        while let Some(event) = self.mailbox.pop_front() {
            self.handle(now, event);
            self.act();
        }
        self.dispatcher.handle_timeout(now);
        self.act();
    }

    /// What it does next; call until there is nothing.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    fn handle(&mut self, now: Instant, event: Event) {
        match event {
            Event::Hello(link, hello) => self.let_in(now, link, &hello),
            Event::Message(link, message) => self.dispatcher.handle_message(now, link, message),
            Event::LinkDown(link) => {
                self.links.remove(&link);
                self.dispatcher.handle_link_down(now, link);
            }
            Event::Inventory(inventory) => {
                self.board.set_inventory(&inventory);
                self.dispatcher.handle_inventory(now, inventory);
            }
        }
    }

    fn let_in(&mut self, now: Instant, link: LinkNo, hello: &Hello) {
        let welcome = core::welcome(&self.timing, version::CURRENT);
        let highest = lease::highest_epoch(self.unix_ms(now));
        let admitted = self
            .dispatcher
            .handle_hello(now, link, hello, welcome, highest);
        if let Err(duplicate) = admitted {
            self.links.remove(&link);
            let refused = Refused {
                protocol: version::CURRENT,
                message: duplicate.to_string(),
                retry: true,
            };
            self.outputs.push_back(Output::Send(link, refused.into()));
            self.outputs.push_back(Output::Close(link));
        }
    }

    fn act(&mut self) {
        while let Some(action) = self.dispatcher.poll_action() {
            let output = match action {
                Action::Lease { device, lease } => {
                    if let Some(slot) = self.board.device(device.as_str()) {
                        slot.set_lease(lease.clone());
                    }
                    Output::Lease(device, lease)
                }
                Action::Admitted(link) => {
                    if let Some(link) = self.links.get_mut(&link) {
                        link.is_member = true;
                    }
                    continue;
                }
                Action::Send(link, message) => Output::Send(link, message),
                Action::Close(link) => {
                    self.links.remove(&link);
                    Output::Close(link)
                }
                Action::Gone(shard, cause, _) => Output::Gone(shard, cause),
                Action::Remember(remembered) => Output::Remember(remembered),
                Action::Status(_) | Action::Unlinked(_) => continue,
            };
            self.outputs.push_back(output);
        }
    }

    fn tick(&self, now: Instant) -> Tick {
        Tick(millis(now - self.start) + 1)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
