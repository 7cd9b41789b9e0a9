//! The breaker of each credential, one for all agents: a changed password must not lock an account out.
//!
//! ```text
//!                  2 refusals, no acceptance between      30 min (or 5 s) later, or a reload
//!   +--------+ -----------------------------------> +------+ --------------------> +-----------+
//!   | closed |                                      | open | <-- refused: 30 min - | half-open |
//!   +--------+ <------ an older permit's yes ------ +------+ <-- unclear: 5 s ---- +-----------+
//!        ^                                                                               |
//!        +-------------------------- the probe was accepted -----------------------------+
//! ```
//!
//! While it is closed, permits are given by **slow start**. With `f` refusals since the last acceptance (those
//! of the last [`HOLD`] count) at most `2 - f` permits are in flight, so that a password that is wrong
//! everywhere is refused twice and no more. Each acceptance lets one more be in flight, up to [`WINDOW`], until
//! [`FADE`] has passed without any. After a probe was accepted, one is in flight until the next acceptance.
//!
//! A device that refused is **held** for [`HOLD`] by itself: its asks wait behind those of all others, and it is
//! tried again alone, when no other refusal counts. So devices with accounts of their own that are wrong do not
//! open the breaker for all others, and many of them together make no more refusals than one. The price is that
//! one of many that is put right waits for its turn, unless somebody asks for a reload: then they are tried one
//! after the other, and that they refuse again opens nothing. Where nobody has been accepted since they refused,
//! only one of them is tried for each reload.
//!
//! A device whose last login ended without a word **hangs**: it comes behind the others too, and such devices
//! occupy half of the places at most.
//!
//! Up to [`PROBES`] devices are told to probe, and the first that asks gets the permit. They are devices that did
//! not refuse; those that did are told only after a reload, or when no device of the credential is up. Where a
//! device was accepted within [`FRESH`] before the breaker opened, the first probe goes [`PROBE_PAUSE`] later.
//!
//! So a changed password costs **2 refusals** in 30 minutes where nobody was accepted in the last minute, else
//! **3**, and what was in flight when it changed or was let in within [`FADE`] of the last acceptance, [`WINDOW`]
//! at most. A reload may add one.
//!
//! A device that lets in and then wants a new password has accepted first and refused after: it is held by itself,
//! and two of them in a row open the breaker. No account is locked by that, as each of these logins was a good one.
//!
//! What this cannot prevent: a refusal that its agent does not live to tell is not counted.
//!
//! Nothing is kept over a restart of the manager: it knows of no refusals then, so a restart while a breaker is
//! open allows two more. A file of open breakers would have to be trusted over what devices say.
//!
//! A step of a run may log in with a credential that no device uses for monitoring: it is **lent** to the device for
//! as long, and remembered for as long as refusals count.
//!
//! Invariants: an ask waits, or is granted, until its link or lease ends or its agent withdraws it; a device
//! waits once for a credential, so what waits is bounded by the inventory; nobody but the probe has a permit
//! that was granted while the breaker was not closed.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::{Duration, Instant},
};

use netwolf_wire::{
    DeviceName, Epoch,
    login::{Breaker, LoginAsk, LoginEnd},
    message::Probe,
    status::Failure,
    target::Login,
};

use crate::{fleet::LinkNo, inventory::Inventory};

mod credential;
mod queue;
pub mod view;
mod words;

use credential::Credential;
pub use view::CredentialView;
use words::Wall;

/// A breaker stays open for so long before it lets one device try, a device that refused is left alone for so
/// long, and refusals count for so long. Lockout counters of devices and AAA servers have run out by then.
pub const HOLD: Duration = Duration::from_mins(30);

/// Permits in flight at most, for one credential.
pub const WINDOW: usize = 32;

/// What acceptances have earned is lost after so long without one: they say less and less of the password.
pub const FADE: Duration = Duration::from_secs(5);

/// A credential that was accepted so shortly ago is probably good: the first probe of a breaker that opens then is
/// not waited for.
pub const FRESH: Duration = Duration::from_mins(1);

/// A permit that nobody has told the end of is void after so long: no login takes that long.
pub const LAPSE: Duration = Duration::from_mins(2);

/// From a probe that decided nothing to the next one.
pub const PROBE_PAUSE: Duration = Duration::from_secs(5);

/// A device that is told to probe asks for its permit by then, or another one is told: it has a TCP connection
/// and a key exchange to make.
pub const PROBE_DEADLINE: Duration = Duration::from_secs(30);

/// Devices that are told to probe at a time; the first that asks is the one. Many that are told may be dead.
pub const PROBES: usize = 8;

/// From one time that credentials are shown anew to the next.
const SHOW_PAUSE: Duration = Duration::from_millis(100);

/// Refusals in a row that open a breaker. Accounts are locked after three at the strictest.
pub const STRIKES: usize = 2;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The ask is granted.
    Permit(LinkNo, LoginAsk),
    /// The device is to try although the breaker is open.
    Probe(LinkNo, Probe),
    /// Every link is to be told.
    Tell(Breaker),
}

/// Where a device can be told something, and under which lease.
pub type Reach<'a> = dyn Fn(&DeviceName) -> Option<(LinkNo, Epoch)> + 'a;

/// Where devices are, and whether they need their credentials.
struct Within<'a> {
    reach: &'a Reach<'a>,
    is_up: &'a dyn Fn(&DeviceName) -> bool,
}

/// The breakers of all credentials of the inventory.
#[derive(Debug)]
pub struct Breakers {
    credentials: BTreeMap<String, Credential>,
    /// Devices that are logged in, as their shards say: no use for a probe.
    up: HashMap<DeviceName, LinkNo>,
    actions: VecDeque<Action>,
    wall: Wall,
    has_changed: bool,
    shown_at: Option<Instant>,
}

impl Breakers {
    /// Breakers for an inventory, all closed; until [`Self::tell_time`] is called, texts name no true times.
    pub fn new(now: Instant, inventory: &Inventory) -> Self {
        let mut this = Self {
            credentials: BTreeMap::new(),
            up: HashMap::new(),
            actions: VecDeque::new(),
            wall: Wall { now, unix_ms: 0 },
            has_changed: true,
            shown_at: None,
        };
        this.handle_inventory(now, inventory);
        // There is no link yet that could know otherwise.
        while this.poll_action().is_some() {}
        this
    }

    /// Keeps up with the wall clock, which texts name times by.
    pub fn tell_time(&mut self, now: Instant, unix_ms: u64) {
        self.wall = Wall { now, unix_ms };
    }

    /// Another inventory is in force: a credential that is defined otherwise now is tried at once.
    pub fn handle_inventory(&mut self, now: Instant, inventory: &Inventory) {
        let mut wanted: BTreeMap<&str, (&Login, Vec<DeviceName>)> = BTreeMap::new();
        for (name, device) in &inventory.devices {
            for login in device.logins() {
                let (_, devices) = wanted
                    .entry(login.credential.as_str())
                    .or_insert_with(|| (login, Vec::new()));
                devices.push(name.clone());
            }
        }
        self.credentials.retain(|name, credential| {
            wanted.contains_key(name.as_str()) || credential.leave_inventory(now)
        });
        self.up
            .retain(|device, _| inventory.devices.contains_key(device));
        for (name, (login, mut devices)) in wanted {
            devices.dedup();
            self.credentials
                .entry(name.to_owned())
                .or_insert_with(|| Credential::new(login.clone()))
                .redefine(now, login, devices);
        }
        self.pump_all(now);
    }

    /// An operator asks for a reload, and so says that what was wrong has been put right.
    pub fn handle_reload(&mut self, now: Instant) {
        for credential in self.credentials.values_mut() {
            credential.reload(now);
        }
        self.pump_all(now);
    }

    /// A step is about to log in to a device with this, until then: asks for it are of the inventory, too.
    pub fn lend(&mut self, now: Instant, login: &Login, device: DeviceName, until: Instant) {
        let name = login.credential.clone();
        self.credentials
            .entry(name)
            .or_insert_with(|| Credential::new(login.clone()))
            .lend(now, login, device, until);
        self.has_changed = true;
    }

    /// A device is about to be offered a credential; asks that are not of the inventory are left out.
    pub fn handle_ask(&mut self, now: Instant, link: LinkNo, ask: LoginAsk) {
        if let Some(credential) = self.credentials.get_mut(&ask.credential)
            && credential.is_had_by(&ask.device)
        {
            credential.ask(link, ask);
            credential.pump(now, &mut self.actions);
            self.has_changed = true;
        }
    }

    /// A login has ended, or an ask is withdrawn. What a device said counts whether a permit was in force or not.
    pub fn handle_ended(&mut self, now: Instant, link: LinkNo, end: &LoginEnd) {
        if let Some(credential) = self.credentials.get_mut(&end.credential)
            && credential.is_had_by(&end.device)
        {
            credential.ended(now, link, &end.device, end.outcome);
            credential.pump(now, &mut self.actions);
            self.has_changed = true;
        }
    }

    /// A shard tells whether a device is logged in.
    pub fn handle_status(&mut self, link: LinkNo, device: &DeviceName, is_up: bool) {
        if is_up {
            self.up.insert(device.clone(), link);
        } else {
            self.up.remove(device);
        }
    }

    /// A link is gone, and what it asked for with it.
    pub fn handle_link_down(&mut self, now: Instant, link: LinkNo) {
        self.up.retain(|_, of| *of != link);
        for credential in self.credentials.values_mut() {
            credential.forget_link(now, link);
        }
        self.pump_all(now);
    }

    /// A device's lease has ended.
    pub fn handle_revoked(&mut self, now: Instant, device: &DeviceName) {
        self.up.remove(device);
        for credential in self.credentials.values_mut() {
            if credential.forget_device(now, device) {
                credential.pump(now, &mut self.actions);
                self.has_changed = true;
            }
        }
    }

    /// Does what is due; `reach` says where devices are.
    pub fn handle_timeout(&mut self, now: Instant, reach: &Reach<'_>) {
        let within = Within {
            reach,
            is_up: &|device| self.up.contains_key(device),
        };
        for credential in self.credentials.values_mut() {
            if credential.poll_timeout().is_none_or(|due| now < due) {
                continue;
            }
            self.has_changed = true;
            credential.handle_timeout(now, &within, &mut self.actions);
        }
        self.credentials
            .retain(|_, credential| !credential.is_forgotten(now));
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.credentials
            .values()
            .filter_map(Credential::poll_timeout)
            .min()
    }

    /// The next thing to do.
    pub fn poll_action(&mut self) -> Option<Action> {
        if let Some(action) = self.actions.pop_front() {
            return Some(action);
        }
        let wall = self.wall;
        let mut credentials = self.credentials.values_mut();
        let changed = credentials.find_map(|c| c.take_untold().then(|| c.breaker(&wall)))?;
        Some(Action::Tell(changed))
    }

    /// All breakers, as a new link is told of them.
    pub fn all(&self) -> Vec<Breaker> {
        let breakers = self.credentials.values();
        breakers.map(|c| c.breaker(&self.wall)).collect()
    }

    /// Why a device is given no permit for a credential: it refused that one itself not long ago.
    pub fn hold_of(&self, now: Instant, device: &DeviceName) -> Option<Failure> {
        let own = self.credentials.values().filter(|c| c.has(device));
        own.into_iter()
            .find_map(|c| c.hold_of(now, device, &self.wall))
    }

    /// Everything as it is shown; `None` where nothing has changed since the last call, or that was just now.
    pub fn take_views(&mut self, now: Instant) -> Option<Vec<CredentialView>> {
        if self.poll_views().is_none_or(|due| now < due) {
            return None;
        }
        self.has_changed = false;
        self.shown_at = Some(now);
        Some(self.views(now))
    }

    /// When [`Self::take_views`] has something, which may be past.
    pub fn poll_views(&self) -> Option<Instant> {
        let due = self.shown_at.map(|at| at + SHOW_PAUSE);
        self.has_changed.then(|| due.unwrap_or(self.wall.now))
    }

    /// Everything as it is shown.
    pub fn views(&self, now: Instant) -> Vec<CredentialView> {
        self.credentials
            .values()
            .map(|c| CredentialView::of(c, now, &self.wall))
            .collect()
    }

    fn pump_all(&mut self, now: Instant) {
        self.has_changed = true;
        for credential in self.credentials.values_mut() {
            credential.pump(now, &mut self.actions);
        }
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
