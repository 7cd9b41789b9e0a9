//! What the manager decides: who gets which lease when, and what is told to whom. No IO, no clock.
//!
//! ```text
//!   hello, messages,  +----------------------------------------------+   actions: show a lease,
//!   links down,  ---> | fleet (who is there)  -> placement (targets) | -> send a message, close a link,
//!   inventory, time   | leases (who may run)  -> reconcile(device)   |   remember the shards
//!                     | breakers (who may log in when)               |
//!                     +----------------------------------------------+
//! ```
//!
//! There is one rule for every device (`reconcile`): where its lease is not with the shard that
//! placement wants, the lease is revoked; where it has none, it is granted to that shard once that is linked.
//!
//! Invariants: a plan is sent on a link before the first lease that names it; a lease is shown
//! ([`Action::Lease`]) before the message that grants it leaves, so that no result comes in before its epoch
//! is known; while the fleet is not settled nothing is placed or moved; a device that is exclusive is granted to nobody
//! while one that is out of touch may have it still (`fences`).

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use netwolf_wire::{
    DeviceName, Epoch, ShardId,
    message::{Hello, Revoked, ToAgent, ToManager, Welcome},
    status::DeviceStatus,
};

use crate::{
    breaker::Breakers,
    fleet::{Cause, Duplicate, Fleet, Gone, LinkNo, MemberNo, Patience, Place, file::Remembered},
    inventory::{Device, Inventory},
    lease::LeaseTable,
    placement,
};

mod adopt;
mod fences;
mod leaving;
mod logins;
mod moves;
mod outbox;
mod reconcile;
mod sites;

use fences::Fences;
use moves::Moves;
use outbox::Outbox;

/// A device whose shard gave its lease up unasked is leased again after so long, not at once: the reason may
/// still be there.
pub const UNASKED_DELAY: Duration = Duration::from_secs(1);

/// What the driver is to do, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The lease of a device is another one now.
    Lease {
        /// The device.
        device: DeviceName,
        /// Who has it.
        lease: Option<(ShardId, Epoch)>,
    },
    /// A session's state, told under the lease in force.
    Status(DeviceStatus),
    /// The link is a shard's from now on: its heartbeats are answered.
    Admitted(LinkNo),
    /// Hand a message to a link.
    Send(LinkNo, ToAgent),
    /// The link is of no use any more.
    Close(LinkNo),
    /// The shard has lost its link.
    Unlinked(ShardId),
    /// The shard is gone, with the leases of so many devices.
    Gone(ShardId, Cause, usize),
    /// These are to be known after a restart.
    Remember(Remembered),
}

/// What happened since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Leases granted.
    pub grants: u64,
    /// Leases revoked because placement wanted another shard.
    pub moves: u64,
    /// Leases that ended because their shard was lost or silent.
    pub takeovers: u64,
    /// Leases taken over from what shards said they run.
    pub adoptions: u64,
}

/// The machine. Feed it, then call [`Self::handle_timeout`] and drain [`Self::poll_action`].
#[derive(Debug)]
pub struct Dispatcher {
    inventory: Arc<Inventory>,
    fleet: Fleet,
    leases: LeaseTable,
    /// As it was told last.
    remembered: Remembered,
    breakers: Breakers,
    /// Where placement wants each device.
    targets: HashMap<DeviceName, ShardId>,
    outboxes: BTreeMap<LinkNo, Outbox>,
    /// Given up unasked; in order of time.
    resting: VecDeque<(Instant, DeviceName)>,
    fences: Fences,
    /// Until then somebody may hold what was leased before the start.
    fence_of_the_start: Option<Instant>,
    moves: Moves,
    /// When the machine was called last.
    now: Instant,
    actions: VecDeque<Action>,
    totals: Totals,
}

impl Dispatcher {
    /// A dispatcher that knows from before what is `remembered`, and numbers leases above that and above `start`.
    pub fn new(
        now: Instant,
        patience: Patience,
        remembered: Remembered,
        start: Epoch,
        inventory: Arc<Inventory>,
    ) -> Self {
        let held_before = !remembered.shards.is_empty();
        let mut this = Self {
            breakers: Breakers::new(now, &inventory),
            inventory,
            fleet: Fleet::new(now, patience, remembered.shards.clone()),
            leases: LeaseTable::new(start.max(remembered.epoch)),
            remembered,
            targets: HashMap::new(),
            outboxes: BTreeMap::new(),
            resting: VecDeque::new(),
            fences: Fences::default(),
            fence_of_the_start: held_before.then(|| now + patience.fence_of_a_start()),
            moves: Moves::default(),
            now,
            actions: VecDeque::new(),
            totals: Totals::default(),
        };
        this.fence_since_the_start(this.inventory.clone().devices.keys());
        this.remember();
        this
    }

    /// Who is there.
    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// Leases held and leases being revoked.
    pub fn lease_counts(&self) -> (usize, usize) {
        self.leases.counts()
    }

    /// Devices that are to move and wait for their turn.
    pub fn moves_waiting(&self) -> usize {
        self.moves.waiting()
    }

    /// What happened since the start.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// Changes the times that members are given.
    pub fn set_patience(&mut self, patience: Patience) {
        self.fleet.set_patience(patience);
    }

    /// A link gave a sign of life; to be told for all links before [`Self::handle_hello`] and
    /// [`Self::handle_timeout`].
    pub fn heard(&mut self, link: LinkNo, at: Instant) {
        self.fleet.heard(link, at);
    }

    /// Changes nothing: the links whose shards [`Self::handle_timeout`] would end now for their silence.
    pub fn overdue(&mut self, now: Instant) -> Vec<LinkNo> {
        self.fleet.overdue(now)
    }

    /// A shard asks to be let in; `welcome` is what it is answered, `highest` the highest epoch that it is
    /// believed ([`crate::lease::highest_epoch`]).
    ///
    /// # Errors
    /// [`Duplicate`]: the link is to be refused.
    pub fn handle_hello(
        &mut self,
        now: Instant,
        link: LinkNo,
        hello: &Hello,
        welcome: Welcome,
        highest: Epoch,
    ) -> Result<(), Duplicate> {
        self.now = now;
        let shard = ShardId {
            agent: hello.agent.clone(),
            index: hello.shard,
        };
        let admitted = self.fleet.hello(
            now,
            &shard,
            hello.incarnation,
            hello.shards,
            hello.silent.get(),
            link,
        )?;
        self.fleet.describe(link, Place::of(hello));
        if let Some(old) = admitted.replaced {
            self.drop_link(now, old);
        }
        let protocol = welcome.protocol;
        self.actions.push_back(Action::Admitted(link));
        self.actions.push_back(Action::Send(link, welcome.into()));
        let mut outbox = Outbox::speaking(protocol);
        outbox.breakers = self.breakers.all();
        self.outboxes.insert(link, outbox);
        self.adopt(admitted.member, &shard, hello, highest);
        self.grant_waiting(&shard);
        self.flush();
        Ok(())
    }

    /// A link is gone.
    pub fn handle_link_down(&mut self, now: Instant, link: LinkNo) {
        self.outboxes.remove(&link);
        self.breakers.handle_link_down(now, link);
        if let Some(shard) = self.fleet.link_down(now, link) {
            self.actions.push_back(Action::Unlinked(shard));
        }
    }

    /// A shard that was let in says something. What is no matter of leases or logins is left out.
    pub fn handle_message(&mut self, now: Instant, link: LinkNo, message: ToManager) {
        match message {
            ToManager::Statuses(told) => self.handle_statuses(now, link, told.statuses),
            ToManager::Asks(asks) => self.handle_asks(now, link, asks.asks),
            ToManager::Ended(ended) => self.handle_ended(now, link, &ended.logins),
            ToManager::Revoked(revoked) => self.handle_revoked(now, link, &revoked),
            ToManager::Leaving(_) => self.handle_leaving(now, link),
            ToManager::Goodbye(_) => self.handle_goodbye(now, link),
            // Links keep these for themselves, shown outputs are for people, and steps are the runs' matter.
            ToManager::Hello(_)
            | ToManager::Certify(_)
            | ToManager::Heartbeat(_)
            | ToManager::Declare(_)
            | ToManager::Polls(_)
            | ToManager::Shown(_)
            | ToManager::StepsHeld(_)
            | ToManager::StepEvents(_)
            | ToManager::Unknown(_) => {}
        }
    }

    /// A shard leaves.
    pub fn handle_goodbye(&mut self, now: Instant, link: LinkNo) {
        self.now = now;
        if let Some(gone) = self.fleet.goodbye(now, link) {
            self.handle_gone(now, gone);
        }
        self.flush();
    }

    /// A shard has given leases up.
    pub fn handle_revoked(&mut self, now: Instant, link: LinkNo, revoked: &Revoked) {
        self.now = now;
        let Some(member) = self.fleet.member_of(link) else {
            return;
        };
        for (device, epoch) in &revoked.leases {
            let Some(ended) = self.leases.revoked(device, member, *epoch) else {
                continue;
            };
            self.breakers.handle_revoked(now, device);
            self.show(device);
            if ended.revoking {
                self.reconcile(device);
            } else {
                self.resting
                    .push_back((now + UNASKED_DELAY, device.clone()));
            }
        }
        self.flush();
    }

    /// The inventory is another one: devices that did not change are not touched.
    pub fn handle_inventory(&mut self, now: Instant, inventory: Arc<Inventory>) {
        self.now = now;
        let old = std::mem::replace(&mut self.inventory, inventory);
        let changes = Inventory::changes(&old, &self.inventory);
        self.fence_since_the_start(changes.added.iter().chain(&changes.changed));
        for device in &changes.removed {
            self.targets.remove(device);
            self.reconcile(device);
        }
        for device in &changes.changed {
            let lease = self
                .leases
                .get(device.as_str())
                .filter(|lease| !lease.revoking);
            // Without a link it is told when it comes back, by the digest of what it runs.
            if let Some(lease) = lease
                && self.fleet.link_of(lease.holder).is_some()
            {
                self.grant(device, lease.holder);
            }
        }
        self.breakers.handle_inventory(now, &self.inventory);
        if self.fleet.is_settled() {
            if sites::have_changed(&old, &self.inventory) {
                self.place(placement::solve);
            } else if !changes.added.is_empty() {
                self.place(placement::extend);
            }
        }
        self.handle_timeout(now);
    }

    /// Fences those of the devices that are exclusive, where somebody may hold them since before the start.
    fn fence_since_the_start<'a>(&mut self, devices: impl Iterator<Item = &'a DeviceName>) {
        let Some(fallen) = self.fence_of_the_start.filter(|fallen| self.now < *fallen) else {
            return;
        };
        for device in devices.filter(|device| self.inventory.devices[*device].job.exclusive) {
            self.fences.put(device, fallen);
        }
    }

    /// When [`Self::handle_timeout`] has something to do, as far as is known now.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let rested = self.resting.front().map(|(at, _)| *at);
        let logins = self.breakers.poll_timeout();
        let fleet = self.fleet.poll_timeout().into_iter();
        let (moves, fences) = (self.moves.poll_timeout(), self.fences.poll_timeout());
        let own = [rested, logins, moves, fences].into_iter().flatten();
        fleet.chain(own).min()
    }

    /// Does what is due; may be called at any time, and is to be called after every event.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        for gone in self.fleet.handle_timeout(now) {
            self.handle_gone(now, gone);
        }
        while let Some((_, device)) = self.resting.pop_front_if(|(at, _)| now >= *at) {
            self.reconcile(&device);
        }
        while let Some(device) = self.fences.next(now) {
            self.reconcile(&device);
        }
        if self.fleet.take_placement(now) {
            self.place(placement::solve);
        }
        while let Some(device) = self.moves.next(now) {
            self.reconcile(&device);
        }
        self.dismiss();
        self.remember();
        self.handle_logins_due(now);
        self.flush();
    }

    /// Says what is to be known after a restart, where it is something else.
    fn remember(&mut self) {
        let (shards, epoch) = (self.fleet.take_known(), self.leases.reserve());
        if shards.is_some() || epoch.is_some() {
            let Remembered {
                shards: before,
                epoch: reserved,
            } = &mut self.remembered;
            *before = shards.unwrap_or_else(|| std::mem::take(before));
            *reserved = epoch.unwrap_or(*reserved);
            let remembered = self.remembered.clone();
            self.actions.push_back(Action::Remember(remembered));
        }
    }

    fn handle_gone(&mut self, now: Instant, gone: Gone) {
        let Gone {
            member,
            shard,
            link,
            vacant,
            cause,
            fence,
        } = gone;
        let released = self.leases.release_all(member);
        if !fence.is_zero() {
            for device in &released {
                // One that has left the inventory may come back before its sessions are closed.
                let is_exclusive = |device: &Device| device.job.exclusive;
                if self.inventory.devices.get(device).is_none_or(is_exclusive) {
                    self.fences.put(device, now + fence);
                }
            }
        }
        if cause != Cause::Left {
            self.totals.takeovers += released.len() as u64;
        }
        if let Some(link) = link {
            self.drop_link(now, link);
        }
        if vacant {
            let gone = Action::Gone(shard, cause, released.len());
            self.actions.push_back(gone);
        }
        for device in &released {
            self.show(device);
            // A later life of the same shard has waited for this; other shards get theirs by placement.
            self.reconcile(device);
        }
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    fn show(&mut self, device: &DeviceName) {
        let lease = self
            .leases
            .get(device.as_str())
            .and_then(|lease| Some((self.fleet.shard_of(lease.holder)?.clone(), lease.epoch)));
        self.actions.push_back(Action::Lease {
            device: device.clone(),
            lease,
        });
    }

    fn drop_link(&mut self, now: Instant, link: LinkNo) {
        self.outboxes.remove(&link);
        self.breakers.handle_link_down(now, link);
        self.actions.push_back(Action::Close(link));
    }

    fn outbox(&mut self, link: LinkNo) -> &mut Outbox {
        self.outboxes.entry(link).or_default()
    }

    fn outbox_of(&mut self, member: MemberNo) -> &mut Outbox {
        let link = self
            .fleet
            .link_of(member)
            .expect("callers speak to linked members only");
        self.outbox(link)
    }

    /// Turns what was put into outboxes into messages.
    fn flush(&mut self) {
        self.hand_out_logins();
        for (link, outbox) in &mut self.outboxes {
            outbox.flush(&self.inventory, |message| {
                self.actions.push_back(Action::Send(*link, message));
            });
        }
    }
}

#[cfg(test)]
mod tests;
