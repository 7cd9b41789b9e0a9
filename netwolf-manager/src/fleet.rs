//! Which shards are there: membership, from hello to the moment when a shard's leases are free. No IO, no clock.
//!
//! ```text
//!    hello            link gone, or replaced by another life       link_grace over
//!   -------> Linked ---------------------------------------> Lost -----------------> gone
//!              |  ^------------------- hello, same life ------/
//!              +-- goodbye, or silent for `takeover` ------------------------------> gone
//! ```
//!
//! A *member* is one life of a shard: same agent, same index, same incarnation. While a member is not gone it
//! may run what it was leased, so a shard that was started again is another member and the leases of its
//! former life wait for the grace of that one.
//!
//! A hello tells that a shard can be heard, not that it hears: where the way back is cut, by a tunnel that hangs
//! perhaps, it says hello again and again while its leases run out. So a hello says for how long the shard has heard
//! nothing, and is a sign of life from then, as the shard's leases run from then. Who has been deaf for the
//! takeover time may come in, but is no place for devices before it says something that only a welcomed shard says.
//!
//! Invariants: a member is never judged by a shorter time than it was welcomed with, nor by the time in which
//! the manager itself did not run ([`Fleet::handle_timeout`] was not called); where leases are to lapse
//! before they are free (`autonomy` below `takeover`), nobody is gone before its leases have lapsed, and nobody
//! who was known before a start is given up before that.
//!
//! When devices are placed is decided in [`gathering`].
//!
//! Not here: the leases ([`crate::lease`]), the links ([`crate::link`]) and the file ([`mod@file`]).

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::{Duration, Instant},
};

use netwolf_wire::{Incarnation, ShardId, message::Hello};
use thiserror::Error;

pub mod file;
pub mod gathering;
mod patience;

use gathering::Gathering;
pub use patience::Patience;

/// One life of a shard; never used twice by a manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemberNo(pub u32);

/// One connection; never used twice by a manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LinkNo(pub u64);

/// A shard that was let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// Its life.
    pub member: MemberNo,
    /// A link that it, or its former life, had until now: to be closed.
    pub replaced: Option<LinkNo>,
}

/// Another agent of this name is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("another agent is linked under this name, last heard {} ms ago", .heard_ago.as_millis())]
pub struct Duplicate {
    /// When the first one last gave a sign of life.
    pub heard_ago: Duration,
}

/// Why a member is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It said goodbye.
    Left,
    /// Its link did not come back.
    Lost,
    /// Its link stood and nothing came.
    Silent,
}

impl Cause {
    /// As logs say it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Lost => "lost",
            Self::Silent => "silent",
        }
    }
}

/// A member whose leases are free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gone {
    /// The life that ended.
    pub member: MemberNo,
    /// Of which shard.
    pub shard: ShardId,
    /// The link that is to be closed, if it still stands.
    pub link: Option<LinkNo>,
    /// Whether no other life of the shard is there.
    pub vacant: bool,
    /// Why.
    pub cause: Cause,
    /// Its exclusive leases are free only after so long.
    pub fence: Duration,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Linked {
        link: LinkNo,
        since: Instant,
        heard: Instant,
    },
    Lost {
        until: Instant,
    },
}

#[derive(Clone, Debug)]
struct Member {
    shard: ShardId,
    incarnation: Incarnation,
    /// How many shards its agent has.
    siblings: u16,
    /// The times in force when its link came up.
    welcome: Patience,
    state: State,
    stay: Stay,
    /// It had heard nothing for long when it said hello, and has said nothing else since.
    deaf: bool,
    place: Place,
}

/// What placement is to know of a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where it is.
    pub site: Option<String>,
    /// How many devices it takes beside one of size 1.
    pub size: u16,
}

/// Nothing sensible is larger, and memory goes with it.
const MAX_SIZE: u16 = 100;

impl Place {
    /// What a shard says of itself, bounded.
    pub fn of(hello: &Hello) -> Self {
        Self {
            site: hello.site.clone().filter(|site| site.len() <= 256),
            size: hello.size.clamp(1, MAX_SIZE),
        }
    }
}

impl Default for Place {
    fn default() -> Self {
        Self {
            site: None,
            size: 1,
        }
    }
}

/// Whether a member wants to stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stay {
    /// It does.
    Stays,
    /// Its devices are to go elsewhere.
    Leaves,
    /// It was told that it may go.
    Dismissed,
}

/// The membership machine. Call [`Self::heard`] for every link before [`Self::hello`] and
/// [`Self::handle_timeout`]; extra calls are harmless.
#[derive(Debug)]
pub struct Fleet {
    patience: Patience,
    /// When the machine was last called.
    awake: Instant,
    /// When it began, or went on after it had been held up.
    resumed: Instant,
    members: BTreeMap<MemberNo, Member>,
    /// The present life of each shard: these are placed on.
    current: BTreeMap<ShardId, MemberNo>,
    by_link: HashMap<LinkNo, MemberNo>,
    gathering: Gathering,
    next_member: u32,
    known_changed: bool,
}

impl Fleet {
    /// A fleet that knows `known` shards from before the start.
    pub fn new(now: Instant, patience: Patience, known: BTreeSet<ShardId>) -> Self {
        Self {
            patience,
            awake: now,
            resumed: now,
            members: BTreeMap::new(),
            current: BTreeMap::new(),
            by_link: HashMap::new(),
            gathering: Gathering::new(now + patience.settle_time(), known),
            next_member: 1,
            known_changed: false,
        }
    }

    /// Changes the times; a settle time that runs is not changed.
    pub fn set_patience(&mut self, patience: Patience) {
        self.patience = patience;
    }

    /// The shards that are there, sorted.
    pub fn shards(&self) -> impl Iterator<Item = &ShardId> {
        self.current.keys()
    }

    /// The shards to place devices on, sorted: those that stay and hear, or all where none does.
    pub fn places(&self) -> impl Iterator<Item = (&ShardId, &Place)> {
        let some_stay = self.stays().next().is_some();
        let all = self.shards().filter(move |_| !some_stay);
        let place = |shard| Some((shard, &self.members.get(self.current.get(shard)?)?.place));
        self.stays().chain(all).filter_map(place)
    }

    /// Says where the member behind a link is and how large.
    pub fn describe(&mut self, link: LinkNo, place: Place) {
        if let Some(no) = self.member_of(link)
            && let Some(member) = self.members.get_mut(&no)
        {
            member.place = place;
        }
    }

    fn stays(&self) -> impl Iterator<Item = &ShardId> {
        let stays = |no: &MemberNo| {
            let member = self.members.get(no);
            member.is_some_and(|member| member.stay == Stay::Stays && !member.deaf)
        };
        self.current
            .iter()
            .filter(move |(_, no)| stays(no))
            .map(|(shard, _)| shard)
    }

    /// The present life of a shard and its link, where it is linked.
    pub fn linked(&self, shard: &ShardId) -> Option<(MemberNo, LinkNo)> {
        let member = *self.current.get(shard)?;
        Some((member, self.link_of(member)?))
    }

    /// The link of a member.
    pub fn link_of(&self, member: MemberNo) -> Option<LinkNo> {
        match self.members.get(&member)?.state {
            State::Linked { link, .. } => Some(link),
            State::Lost { .. } => None,
        }
    }

    /// The shard that a member is a life of.
    pub fn shard_of(&self, member: MemberNo) -> Option<&ShardId> {
        self.members.get(&member).map(|member| &member.shard)
    }

    /// The member behind a link.
    pub fn member_of(&self, link: LinkNo) -> Option<MemberNo> {
        self.by_link.get(&link).copied()
    }

    /// Whether devices have been placed, or may be from now on.
    pub fn is_settled(&self) -> bool {
        self.gathering.is_settled()
    }

    /// Whether shards known from before the start are waited for: what they run is not known yet.
    pub fn awaits_known(&self) -> bool {
        self.gathering.awaits_known()
    }

    /// What the start still waits for, for people; `None` once it is settled.
    pub fn waits_for(&self) -> Option<String> {
        self.gathering.waits_for(!self.current.is_empty())
    }

    /// A shard that has heard nothing for `silent` asks to be let in on a new link. The same life replaces its
    /// former link at once; another life is let in only when the former has lost its link or has been silent for
    /// `link_grace`.
    ///
    /// # Errors
    /// [`Duplicate`] while another life is linked and heard.
    pub fn hello(
        &mut self,
        now: Instant,
        shard: &ShardId,
        incarnation: Incarnation,
        siblings: u16,
        silent: Duration,
        link: LinkNo,
    ) -> Result<Admitted, Duplicate> {
        self.wake(now);
        // While the manager said nothing, nobody was deaf.
        let hears = now.checked_sub(silent);
        let hears = hears.map_or(self.resumed, |hears| hears.max(self.resumed));
        let mut replaced = None;
        let patience = self.patience;
        if let Some(no) = self.current.get(shard).copied()
            && let Some(former) = self.members.get_mut(&no)
        {
            let mut heard_before = None;
            if let State::Linked {
                link: old, heard, ..
            } = former.state
            {
                heard_before = Some(heard);
                let heard_ago = now.saturating_duration_since(heard);
                if former.incarnation != incarnation {
                    if heard_ago < patience.link_grace {
                        return Err(Duplicate { heard_ago });
                    }
                    former.state = State::Lost {
                        until: now + patience.towards(&former.welcome).lost,
                    };
                }
                self.by_link.remove(&old);
                replaced = Some(old);
            }
            if former.incarnation == incarnation {
                former.state = State::Linked {
                    link,
                    since: now,
                    heard: heard_before.map_or(hears, |heard| heard.max(hears)),
                };
                former.siblings = siblings;
                former.welcome = patience;
                // It says so again on each link.
                former.stay = Stay::Stays;
                self.by_link.insert(link, no);
                return Ok(Admitted {
                    member: no,
                    replaced,
                });
            }
        }
        let member = MemberNo(self.next_member);
        self.next_member += 1;
        let deaf = now.saturating_duration_since(hears) >= patience.takeover;
        let state = State::Linked {
            link,
            since: now,
            heard: if deaf { now } else { hears },
        };
        self.members.insert(
            member,
            Member {
                shard: shard.clone(),
                incarnation,
                siblings,
                welcome: patience,
                state,
                stay: Stay::Stays,
                deaf,
                place: Place::default(),
            },
        );
        self.by_link.insert(link, member);
        self.current.insert(shard.clone(), member);
        self.known_changed = true;
        let is_complete = !self.siblings_are_missing();
        self.gathering.joined(now, shard, siblings, is_complete);
        Ok(Admitted { member, replaced })
    }

    fn siblings_are_missing(&self) -> bool {
        let mut present: BTreeMap<_, (usize, usize)> = BTreeMap::new();
        for (shard, member) in &self.current {
            let announced = self.members.get(member).map_or(0, |member| member.siblings);
            let (count, of) = present.entry(&shard.agent).or_default();
            *count += 1;
            *of = usize::from(announced);
        }
        present.values().any(|(count, of)| count < of)
    }

    /// A link gave a sign of life at `at`. Its hello is none.
    pub fn heard(&mut self, link: LinkNo, at: Instant) {
        let no = self.by_link.get(&link);
        let Some(member) = no.and_then(|no| self.members.get_mut(no)) else {
            return;
        };
        if let State::Linked { since, heard, .. } = &mut member.state
            && at > *since
        {
            *heard = (*heard).max(at);
            if std::mem::take(&mut member.deaf) {
                // It is a place for devices from now on, as if it had come now.
                let (shard, siblings) = (member.shard.clone(), member.siblings);
                let is_complete = !self.siblings_are_missing();
                self.gathering.joined(at, &shard, siblings, is_complete);
            }
        }
    }

    /// A link is gone. Returns the shard that lost it; `None` for a link that was replaced before.
    pub fn link_down(&mut self, now: Instant, link: LinkNo) -> Option<ShardId> {
        self.wake(now);
        let no = self.by_link.remove(&link)?;
        let member = self.members.get_mut(&no)?;
        member.state = State::Lost {
            until: now + self.patience.towards(&member.welcome).lost,
        };
        Some(member.shard.clone())
    }

    /// A shard wants to leave: from now on it is no place for devices.
    pub fn leave(&mut self, now: Instant, link: LinkNo) {
        let Some(no) = self.member_of(link) else {
            return;
        };
        if let Some(member) = self.members.get_mut(&no)
            && member.stay == Stay::Stays
        {
            member.stay = Stay::Leaves;
            self.gathering.left(now);
        }
    }

    /// The links of those that want to leave and may: who `is_empty`, or all where nobody stays. Says so once.
    pub fn dismiss(&mut self, is_empty: impl Fn(MemberNo) -> bool) -> Vec<LinkNo> {
        let nobody_stays = self.stays().next().is_none();
        let mut dismissed = Vec::new();
        for (no, member) in &mut self.members {
            if member.stay == Stay::Leaves
                && let State::Linked { link, .. } = member.state
                && (nobody_stays || is_empty(*no))
            {
                member.stay = Stay::Dismissed;
                dismissed.push(link);
            }
        }
        dismissed
    }

    /// A shard leaves of its own will, its sessions closed.
    pub fn goodbye(&mut self, now: Instant, link: LinkNo) -> Option<Gone> {
        let member = self.member_of(link)?;
        Some(self.remove(now, member, Cause::Left))
    }

    /// When [`Self::handle_timeout`] has something to do, as far as is known now.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let members = self.members.values().map(|member| match member.state {
            State::Linked { heard, .. } => self.silent_at(member, heard),
            State::Lost { until } => until,
        });
        let watch = (!self.members.is_empty()).then(|| self.awake + self.patience.heartbeat);
        members
            .chain(self.gathering.poll_timeout())
            .chain(watch)
            .min()
    }

    fn silent_at(&self, member: &Member, heard: Instant) -> Instant {
        heard + self.patience.towards(&member.welcome).silent
    }

    /// Where this call comes later than was asked for by more than a heartbeat, the manager was held up:
    /// signs of life have come in meanwhile, or could not. The members are excused for that time.
    fn wake(&mut self, now: Instant) {
        let heartbeat = self.patience.heartbeat;
        let late = now.saturating_duration_since(self.awake + heartbeat);
        self.awake = self.awake.max(now);
        if late <= heartbeat {
            return;
        }
        self.resumed = self.awake;
        for member in self.members.values_mut() {
            match &mut member.state {
                State::Linked { heard, .. } => *heard = (*heard + late).min(now),
                State::Lost { until } => *until += late,
            }
        }
    }

    /// The links whose members [`Self::handle_timeout`] would end now for their silence.
    pub fn overdue(&mut self, now: Instant) -> Vec<LinkNo> {
        self.wake(now);
        let overdue = |member: &Member| match member.state {
            State::Linked { link, heard, .. } if now >= self.silent_at(member, heard) => Some(link),
            _ => None,
        };
        self.members.values().filter_map(overdue).collect()
    }

    /// Ends what is over. Returns the members that are gone.
    pub fn handle_timeout(&mut self, now: Instant) -> Vec<Gone> {
        self.wake(now);
        let over: Vec<_> = self
            .members
            .iter()
            .filter_map(|(no, member)| match member.state {
                State::Linked { heard, .. } if now >= self.silent_at(member, heard) => {
                    Some((*no, Cause::Silent))
                }
                State::Lost { until } if now >= until => Some((*no, Cause::Lost)),
                _ => None,
            })
            .collect();
        let gone = over
            .into_iter()
            .map(|(no, cause)| self.remove(now, no, cause))
            .collect();
        self.known_changed |= self.gathering.handle_timeout(now, !self.current.is_empty());
        gone
    }

    fn remove(&mut self, now: Instant, no: MemberNo, cause: Cause) -> Gone {
        let member = self
            .members
            .remove(&no)
            .expect("callers found it among the members");
        let link = match member.state {
            State::Linked { link, .. } => Some(link),
            State::Lost { .. } => None,
        };
        let allowed = self.patience.towards(&member.welcome);
        let waited = match cause {
            Cause::Lost => allowed.lost,
            Cause::Silent => allowed.silent,
            // It has closed its sessions.
            Cause::Left => Duration::MAX,
        };
        if let Some(link) = link {
            self.by_link.remove(&link);
        }
        let vacant = self.current.get(&member.shard) == Some(&no);
        if vacant {
            self.current.remove(&member.shard);
            self.known_changed = true;
            self.gathering.left(now);
        }
        Gone {
            member: no,
            shard: member.shard,
            link,
            vacant,
            cause,
            fence: allowed.exclusive.saturating_sub(waited),
        }
    }

    /// Whether devices are to be placed now; says so once.
    pub fn take_placement(&mut self, now: Instant) -> bool {
        self.gathering.take_placement(now, !self.current.is_empty())
    }

    /// The shards to remember for the next start, where they have changed since the last call.
    pub fn take_known(&mut self) -> Option<BTreeSet<ShardId>> {
        std::mem::take(&mut self.known_changed).then(|| {
            self.current
                .keys()
                .chain(self.gathering.awaited())
                .cloned()
                .collect()
        })
    }
}

#[cfg(test)]
mod tests;
