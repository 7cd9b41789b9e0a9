//! One credential: its asks, its permits, what devices said to it, and its breaker.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    time::Instant,
};

use netwolf_wire::{
    DeviceName,
    login::{Breaker, LoginAsk},
    status::Failure,
    target::Login,
};

use super::{
    Action, HOLD, LAPSE, Within,
    queue::{Queue, Rank},
    view::Totals,
    words::{self, Wall},
};
use crate::fleet::LinkNo;

mod due;
mod lent;
mod probing;
mod verdict;

/// Whether permits are given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// As the window allows.
    Closed,
    /// To nobody.
    Open {
        /// When it opened first.
        since: Instant,
        /// When it was refused last.
        refused_at: Instant,
        /// When a device is to try.
        probe_at: Instant,
    },
    /// To one device.
    HalfOpen {
        /// When it opened first.
        since: Instant,
        /// When it was refused last.
        refused_at: Instant,
        /// Whoever is told to try, until one of them asks for the permit; then that one. Never empty.
        probes: Vec<DeviceName>,
        /// One of them has the permit.
        is_granted: bool,
        /// One asks for its permit by then, or others are told.
        until: Instant,
    },
}

#[derive(Clone, Copy, Debug)]
struct Permit {
    link: LinkNo,
    lapses: Instant,
    rank: Rank,
}

/// A device whose last word was no.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal {
    pub(super) at: Instant,
    /// An operator says that it has been put right.
    is_lifted: bool,
    /// Others took the credential after this device had refused it: it is the device that is wrong.
    is_own: bool,
}

impl Refusal {
    /// Until when the device is held.
    pub(super) fn held_until(&self) -> Option<Instant> {
        (!self.is_lifted).then(|| self.at + HOLD)
    }
}

/// One credential.
#[derive(Debug)]
pub(super) struct Credential {
    login: Login,
    /// Those that use it, sorted.
    pub(super) devices: Vec<DeviceName>,
    /// Those that have it for a step, and until when.
    lent: BTreeMap<DeviceName, Instant>,
    pub(super) state: State,
    pub(super) waiting: Queue,
    permits: HashMap<DeviceName, Permit>,
    /// Refusals since the last acceptance, oldest first.
    strikes: Vec<Instant>,
    /// Devices that refused last time; bounded by the devices.
    pub(super) refused: BTreeMap<DeviceName, Refusal>,
    /// When a device refused last that had refused before, since the last acceptance.
    retried_at: Option<Instant>,
    /// The same, where it was tried because of a reload and nobody has shown since its first refusal that the
    /// credential is good.
    doubted_at: Option<Instant>,
    /// Devices whose last login ended without a word; bounded by the devices.
    unclear: HashSet<DeviceName>,
    /// Permits that acceptances have earned; void [`FADE`](super::FADE) after the last one.
    credit: usize,
    accepted_at: Option<Instant>,
    /// The breaker was closed by one device's word; one more is heard before the window opens.
    is_careful: bool,
    /// An operator has asked for a probe, and none has decided anything since.
    is_asked: bool,
    /// Probes in a row that were offered it and said nothing.
    n_unclear: u32,
    /// Where the search for a device to probe goes on, in `devices`.
    next_probe: usize,
    pub(super) totals: Totals,
    /// Links do not know its state yet.
    is_untold: bool,
}

impl Credential {
    pub(super) fn new(login: Login) -> Self {
        Self {
            login,
            devices: Vec::new(),
            lent: BTreeMap::new(),
            state: State::Closed,
            waiting: Queue::default(),
            permits: HashMap::new(),
            strikes: Vec::new(),
            refused: BTreeMap::new(),
            retried_at: None,
            doubted_at: None,
            unclear: HashSet::new(),
            credit: 0,
            accepted_at: None,
            is_careful: false,
            is_asked: false,
            n_unclear: 0,
            next_probe: 0,
            totals: Totals::default(),
            // Links may know of an open breaker of this name, from an inventory of before.
            is_untold: true,
        }
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.login.credential
    }

    /// Whether a device uses it.
    pub(super) fn has(&self, device: &DeviceName) -> bool {
        self.devices.binary_search(device).is_ok()
    }

    /// Permits in flight.
    pub(super) fn n_permits(&self) -> usize {
        self.permits.len()
    }

    /// Sets what the configuration says; `devices` is sorted.
    pub(super) fn redefine(&mut self, now: Instant, login: &Login, devices: Vec<DeviceName>) {
        self.devices = devices;
        let (devices, lent) = (&self.devices, &self.lent);
        let has_left = |device: &DeviceName| {
            devices.binary_search(device).is_err() && !lent.contains_key(device)
        };
        self.refused.retain(|device, _| !has_left(device));
        self.unclear.retain(|device| !has_left(device));
        self.permits.retain(|device, _| !has_left(device));
        self.waiting.forget(|_, device| has_left(device));
        if self.login != *login {
            self.login = login.clone();
            self.strikes.clear();
            // What devices said to the one of before says nothing of this one.
            (self.credit, self.accepted_at, self.is_careful) = (0, None, true);
            self.refused.values_mut().for_each(|r| r.is_own = false);
            if let State::HalfOpen {
                since, refused_at, ..
            } = self.state
            {
                // What is tried just now is the one of before.
                self.state = State::Open {
                    since,
                    refused_at,
                    probe_at: now,
                };
            }
            self.reload(now);
        }
    }

    /// Whoever was refused may try again, one after the other, and an open breaker lets one device try at once.
    /// Refusals go on counting: that somebody asked for a reload does not make a password right.
    pub(super) fn reload(&mut self, now: Instant) {
        for refusal in self.refused.values_mut() {
            refusal.is_lifted = true;
        }
        self.waiting.lift_holds(now);
        self.doubted_at = None;
        if let State::Open { probe_at, .. } = &mut self.state {
            *probe_at = now;
            self.is_asked = true;
            self.n_unclear = 0;
        }
    }

    /// An ask came in. One that has a permit already means that the end of that login was not told.
    pub(super) fn ask(&mut self, link: LinkNo, ask: LoginAsk) {
        self.permits.remove(&ask.device);
        let rank = match self.refused.get(&ask.device) {
            Some(refusal) => Rank::Again(refusal.held_until().unwrap_or(refusal.at)),
            None if self.unclear.contains(&ask.device) => Rank::Slow,
            None => Rank::Fresh,
        };
        self.waiting.push(link, ask, rank);
    }

    /// Grants what may be granted now.
    pub(super) fn pump(&mut self, now: Instant, actions: &mut VecDeque<Action>) {
        self.trip(now);
        match &self.state {
            State::Closed => {
                self.strikes.retain(|at| now < *at + HOLD);
                while self.has_room() {
                    let Some((rank, (link, ask))) = self.take_next(now) else {
                        break;
                    };
                    self.grant(now, rank, link, ask, actions);
                }
            }
            State::HalfOpen {
                probes,
                is_granted: false,
                ..
            } => {
                let asked = probes.iter().find_map(|probe| self.waiting.take(probe));
                if let Some((link, ask)) = asked {
                    if let State::HalfOpen {
                        probes,
                        is_granted,
                        until,
                        ..
                    } = &mut self.state
                    {
                        *probes = vec![ask.device.clone()];
                        (*is_granted, *until) = (true, now + LAPSE);
                    }
                    self.grant(now, Rank::Fresh, link, ask, actions);
                }
            }
            State::Open { .. } | State::HalfOpen { .. } => {}
        }
    }

    /// The next whose turn it is: devices that hang have half of the places at most, and one that refused is
    /// tried when no other waits and no other that refused is being tried.
    fn take_next(&mut self, now: Instant) -> Option<(Rank, (LinkNo, LoginAsk))> {
        if let Some(fresh) = self.waiting.take_fresh() {
            return Some((Rank::Fresh, fresh));
        }
        if self.has_room_for_slow()
            && let Some(slow) = self.waiting.take_slow()
        {
            return Some((Rank::Slow, slow));
        }
        let (turn, device) = self.waiting.first_again()?;
        if now < turn.max(self.again_at(now, device)) || !self.is_alone() {
            return None;
        }
        let device = device.clone();
        Some((Rank::Again(turn), self.waiting.take(&device)?))
    }

    /// Whether a place is free. Devices that hang occupy half of them at most, also when the window has become
    /// smaller since they got their permits.
    fn has_room(&self) -> bool {
        let (n_slow, window) = (self.n_slow(), self.window());
        self.permits.len() - n_slow + n_slow.min(window / 2) < window
    }

    fn has_room_for_slow(&self) -> bool {
        self.n_slow() < (self.window() / 2).max(1)
    }

    fn n_slow(&self) -> usize {
        let is_slow = |permit: &&Permit| permit.rank == Rank::Slow;
        self.permits.values().filter(is_slow).count()
    }

    /// No device that refused is being tried.
    fn is_alone(&self) -> bool {
        !self
            .permits
            .values()
            .any(|permit| matches!(permit.rank, Rank::Again(_)))
    }

    /// When a device that refused may be tried again, if others let it. Many of them together make no more refusals
    /// than one, unless an operator has asked for it and the credential is known to be good elsewhere.
    fn again_at(&self, now: Instant, device: &DeviceName) -> Instant {
        let Some(refusal) = self.refused.get(device) else {
            return now;
        };
        let end = |at: Option<Instant>| at.map(|at| at + HOLD);
        match refusal.held_until() {
            None if self.is_own(refusal) => refusal.at,
            None => end(self.doubted_at).unwrap_or(refusal.at),
            Some(until) => {
                let last_strike = self.strikes.last().copied();
                let others = [last_strike, self.retried_at, self.doubted_at];
                others.into_iter().filter_map(end).fold(until, Instant::max)
            }
        }
    }

    fn is_own(&self, refusal: &Refusal) -> bool {
        refusal.is_own || self.accepted_at.is_some_and(|at| refusal.at < at)
    }

    fn grant(
        &mut self,
        now: Instant,
        rank: Rank,
        link: LinkNo,
        ask: LoginAsk,
        actions: &mut VecDeque<Action>,
    ) {
        let permit = Permit {
            link,
            lapses: now + LAPSE,
            rank,
        };
        self.permits.insert(ask.device.clone(), permit);
        actions.push_back(Action::Permit(link, ask));
    }

    /// A link is gone, and its asks and permits with it.
    pub(super) fn forget_link(&mut self, now: Instant, link: LinkNo) {
        let of_link = self.permits.extract_if(|_, permit| permit.link == link);
        let devices: Vec<_> = of_link.map(|(device, _)| device).collect();
        for device in devices {
            self.lose_probe(now, &device);
        }
        self.waiting.forget(|of, _| of == link);
    }

    /// A device's lease has ended, and its ask and permit with it; tells whether there was either.
    pub(super) fn forget_device(&mut self, now: Instant, device: &DeviceName) -> bool {
        let had_permit = self.permits.remove(device).is_some();
        let is_probe = self.lose_probe(now, device);
        let had_ask = self.waiting.take(device).is_some();
        had_permit || had_ask || is_probe
    }

    /// Does what is due.
    pub(super) fn handle_timeout(
        &mut self,
        now: Instant,
        within: &Within<'_>,
        actions: &mut VecDeque<Action>,
    ) {
        self.permits.retain(|_, permit| now < permit.lapses);
        self.end_loans(now);
        self.fade(now);
        match &self.state {
            State::Open { probe_at, .. } if now >= *probe_at && self.is_only_lent() => {
                self.close_for_loans(now);
            }
            State::Open { probe_at, .. } if now >= *probe_at => self.probe(now, within, actions),
            State::HalfOpen { until, .. } if now >= *until => self.probe_decided_nothing(now),
            _ => {}
        }
        self.pump(now, actions);
    }

    /// Whether links are to be told of it now.
    pub(super) fn take_untold(&mut self) -> bool {
        std::mem::take(&mut self.is_untold)
    }

    /// As links are told of it.
    pub(super) fn breaker(&self, wall: &Wall) -> Breaker {
        Breaker {
            credential: self.name().to_owned(),
            open: words::open(self, wall),
        }
    }

    /// Why a device is given no permit although the breaker is closed.
    pub(super) fn hold_of(
        &self,
        now: Instant,
        device: &DeviceName,
        wall: &Wall,
    ) -> Option<Failure> {
        let refusal = self.refused.get(device)?;
        let until = self.again_at(now, device);
        (now < until).then(|| words::held(self.name(), refusal.at, until, wall))
    }
}
