//! Asks that wait for a permit, in the order of their turns: a device once.

use std::{
    collections::{BTreeMap, HashMap},
    time::Instant,
};

use netwolf_wire::{DeviceName, login::LoginAsk};

use crate::fleet::LinkNo;

/// What is known of a device that asks, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// Nothing bad.
    Fresh,
    /// Its last login ended without a word.
    Slow,
    /// It refused, and is held until then.
    Again(Instant),
}

/// When it is an ask's turn: by rank, those that refused by the ends of their holds, and then as they came.
type Turn = (Rank, u64);

/// An ask that waits.
#[derive(Clone, Debug)]
struct Waiting {
    turn: Turn,
    link: LinkNo,
    ask: LoginAsk,
}

/// The asks of one credential.
#[derive(Debug, Default)]
pub(super) struct Queue {
    asks: HashMap<DeviceName, Waiting>,
    turns: BTreeMap<Turn, DeviceName>,
    /// Counts all asks, so that turns are distinct.
    counted: u64,
}

impl Queue {
    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.asks.len()
    }

    /// Adds an ask, in the place of the device's former one if it has one of the same rank.
    pub(super) fn push(&mut self, link: LinkNo, ask: LoginAsk, rank: Rank) {
        let device = ask.device.clone();
        let former = self.remove(&device).map(|former| former.turn);
        self.counted += 1;
        let same = former.filter(|(of, _)| *of == rank);
        let turn = same.unwrap_or((rank, self.counted));
        self.turns.insert(turn, device.clone());
        self.asks.insert(device, Waiting { turn, link, ask });
    }

    /// Takes the ask of a device out.
    pub(super) fn take(&mut self, device: &DeviceName) -> Option<(LinkNo, LoginAsk)> {
        self.remove(device).map(|w| (w.link, w.ask))
    }

    /// Takes the next ask out of a device of which nothing bad is known.
    pub(super) fn take_fresh(&mut self) -> Option<(LinkNo, LoginAsk)> {
        self.take_first(Rank::Fresh)
    }

    /// Takes the next ask out of a device whose last login ended without a word.
    pub(super) fn take_slow(&mut self) -> Option<(LinkNo, LoginAsk)> {
        self.take_first(Rank::Slow)
    }

    fn take_first(&mut self, rank: Rank) -> Option<(LinkNo, LoginAsk)> {
        let mut turns = self.turns.range((rank, 0)..=(rank, u64::MAX));
        let device = turns.next()?.1.clone();
        self.take(&device)
    }

    /// The first of the devices that refused, and when its turn comes.
    pub(super) fn first_again(&self) -> Option<(Instant, &DeviceName)> {
        let mut turns = self.turns.range((Rank::Slow, u64::MAX)..);
        match turns.next()? {
            ((Rank::Again(until), _), device) => Some((*until, device)),
            _ => None,
        }
    }

    /// Whether a device waits that did not refuse.
    pub(super) fn has_others(&self) -> bool {
        let first = self.turns.first_key_value();
        first.is_some_and(|((rank, _), _)| !matches!(rank, Rank::Again(_)))
    }

    /// A link's ask of a device is withdrawn.
    pub(super) fn forget_of(&mut self, link: LinkNo, device: &DeviceName) {
        if self.asks.get(device).is_some_and(|w| w.link == link) {
            self.remove(device);
        }
    }

    /// Leaves out what `leave` says.
    pub(super) fn forget(&mut self, leave: impl Fn(LinkNo, &DeviceName) -> bool) {
        let turns = &mut self.turns;
        self.asks.retain(|device, waiting| {
            let stays = !leave(waiting.link, device);
            if !stays {
                turns.remove(&waiting.turn);
            }
            stays
        });
    }

    /// No device is held any more: those that refused keep their order, behind all others.
    pub(super) fn lift_holds(&mut self, now: Instant) {
        let held: Vec<Turn> = self
            .turns
            .range((Rank::Slow, u64::MAX)..)
            .map(|(turn, _)| *turn)
            .collect();
        for turn in held {
            let ask = self.turns.get(&turn).cloned();
            if let Some((link, ask)) = ask.and_then(|device| self.take(&device)) {
                self.push(link, ask, Rank::Again(now));
            }
        }
    }

    fn remove(&mut self, device: &DeviceName) -> Option<Waiting> {
        let waiting = self.asks.remove(device)?;
        self.turns.remove(&waiting.turn);
        Some(waiting)
    }
}
