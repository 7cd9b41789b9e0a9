//! Which shard runs which device: rendezvous hashing with bounded load, as a pure function.
//!
//! ```text
//!   previous --+-- shard still there and not overfull -----------------> stays
//!              +-- shard overfull or newcomers below their share ------> a newcomer, by weight
//!   no shard ----> the shard of the highest weight that has room
//! ```
//!
//! The weight of a device on a shard is a hash of both, so every manager of every version agrees on it, and a
//! shard that leaves and comes back attracts the devices that it had. It costs one multiplication, because a hundred
//! thousand devices have a hundred million weights on a thousand shards. A shard of size 2 counts as two: it has two
//! weights, of which the higher one holds, and takes twice as many.
//!
//! Invariants, each with a test of its name: no shard holds more than its [`capacity`]; no device is without a
//! shard while there is one; equal input gives equal output; where one shard joins or leaves, at most one nth
//! of the devices and 5 % move; where nothing changed, nothing moves.
//! A change of the inventory moves nothing either ([`extend`]).
//!
//! Not here: whether a move may be made now (that is [`crate::lease`]) and which shards count as present
//! ([`crate::fleet`]).

use std::cmp::Reverse;

use netwolf_wire::{DeviceName, ShardId, hash};

/// A device as placement sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceKey(u64);

impl DeviceKey {
    /// The key of a device; names are unique, and keys are for all practical purposes.
    pub fn of(name: &DeviceName) -> Self {
        Self(hash::hash64(name.as_str().as_bytes()))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ShardKey(u64);

/// A shard as placement sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    key: ShardKey,
    size: usize,
}

impl Shard {
    /// The shard as one of `size` times the usual size, which is at least 1.
    pub fn of(shard: &ShardId, size: u16) -> Self {
        let agent = hash::hash64(shard.agent.as_str().as_bytes());
        Self {
            key: ShardKey(hash::combine(agent, u64::from(shard.index))),
            size: usize::from(size.max(1)),
        }
    }

    fn keys(self) -> impl Iterator<Item = ShardKey> + Clone {
        let others = (1..self.size as u64).map(move |n| ShardKey(hash::combine(self.key.0, n)));
        std::iter::once(self.key).chain(others)
    }

    fn weight(self, device: DeviceKey) -> u64 {
        let weights = self.keys().map(|key| weight(device, key));
        weights.max().expect("every shard has a key")
    }
}

/// 2^64 divided by the golden ratio: odd, and without a pattern in its bits.
const SCATTER: u64 = 0x9e37_79b9_7f4a_7c15;

/// Both keys are hashes already, so one multiplication is enough: every bit has a say in the folded product.
fn weight(device: DeviceKey, shard: ShardKey) -> u64 {
    let (low, high) = (device.0 ^ shard.0).carrying_mul(SCATTER, 0);
    low ^ high
}

/// Shards whose weights are looked at together.
const TOGETHER: usize = 8;

/// The index of the shard that a device weighs most on.
fn heaviest(device: DeviceKey, shards: &[ShardKey]) -> usize {
    let (mut most, mut heaviest) = (0, 0);
    for (few, first) in shards.chunks(TOGETHER).zip((0..).step_by(TOGETHER)) {
        let weights = few.iter().map(|shard| weight(device, *shard));
        // That one of them is the heaviest so far is seldom, and only then it matters which.
        if weights.clone().max() > Some(most) {
            (most, heaviest) = weights.zip(first..).max().expect("chunks are not empty");
        }
    }
    heaviest
}

/// The most devices that a shard of `size` may hold, where all shards together have the size `of`: 1.25 times its
/// share, or its share and 5 % of all devices where that is less, rounded up. The second bound matters below five
/// shards: a shard that leaves takes at most so many devices with it.
pub fn capacity(devices: usize, size: usize, of: usize) -> usize {
    if of == 0 {
        return 0;
    }
    let by_share = (5 * devices * size).div_ceil(4 * of);
    let by_total = (devices * (20 * size + of)).div_ceil(20 * of);
    by_share.min(by_total)
}

/// Places every device after a change of shards. `previous[i]` is the index of the shard that device `i` was
/// placed on, where that shard is still among `shards`; the answer holds an index for each device, `None`
/// only without shards.
///
/// # Panics
/// When `previous` and `devices` differ in length or an index is out of range: the caller made both.
pub fn solve(
    devices: &[DeviceKey],
    shards: &[Shard],
    previous: &[Option<usize>],
) -> Vec<Option<usize>> {
    let Some(mut problem) = Problem::new(devices, shards, previous) else {
        return vec![None; devices.len()];
    };
    let excess = problem.take_excess();
    problem.give_to_newcomers(previous, &excess);
    problem.place_the_rest();
    debug_assert!(
        problem
            .load
            .iter()
            .zip(&problem.capacity)
            .all(|(load, capacity)| load <= capacity),
        "load is bounded"
    );
    problem.placed
}

/// Places devices that have no place and moves no other: after a change of the inventory, which must not
/// disturb devices that it leaves alone. A shard may stay overfull until the next [`solve`] where devices of
/// others were removed; it gets no new ones.
///
/// # Panics
/// As [`solve`].
pub fn extend(
    devices: &[DeviceKey],
    shards: &[Shard],
    previous: &[Option<usize>],
) -> Vec<Option<usize>> {
    let Some(mut problem) = Problem::new(devices, shards, previous) else {
        return vec![None; devices.len()];
    };
    problem.place_the_rest();
    problem.placed
}

struct Problem<'a> {
    devices: &'a [DeviceKey],
    shards: &'a [Shard],
    /// Of all shards together.
    size: usize,
    capacity: Vec<usize>,
    load: Vec<usize>,
    placed: Vec<Option<usize>>,
}

impl<'a> Problem<'a> {
    /// `None` without shards.
    fn new(
        devices: &'a [DeviceKey],
        shards: &'a [Shard],
        previous: &[Option<usize>],
    ) -> Option<Self> {
        assert_eq!(
            devices.len(),
            previous.len(),
            "a previous place or none for each device"
        );
        let size = shards.iter().map(|shard| shard.size).sum();
        let capacity = shards
            .iter()
            .map(|shard| capacity(devices.len(), shard.size, size))
            .collect();
        let mut load = vec![0; shards.len()];
        for shard in previous.iter().flatten() {
            load[*shard] += 1;
        }
        let placed = previous.to_vec();
        (!shards.is_empty()).then_some(Self {
            devices,
            shards,
            size,
            capacity,
            load,
            placed,
        })
    }

    /// Takes from overfull shards the devices that they weigh least; afterwards none is overfull.
    fn take_excess(&mut self) -> Vec<usize> {
        let mut excess = Vec::new();
        for shard in 0..self.shards.len() {
            let over = self.load[shard].saturating_sub(self.capacity[shard]);
            if over == 0 {
                continue;
            }
            let mut here: Vec<usize> = (0..self.devices.len())
                .filter(|d| self.placed[*d] == Some(shard))
                .collect();
            here.sort_by_cached_key(|device| {
                let weight = self.shards[shard].weight(self.devices[*device]);
                (weight, *device)
            });
            for device in here.into_iter().take(over) {
                self.placed[device] = None;
                self.load[shard] -= 1;
                excess.push(device);
            }
        }
        excess
    }

    /// Fills shards that held nothing before up to their share: with the excess of others first, because that
    /// moves anyway, then with the devices that they weigh most.
    fn give_to_newcomers(&mut self, previous: &[Option<usize>], excess: &[usize]) {
        let share = |shard: usize| self.devices.len() * self.shards[shard].size / self.size;
        let mut held = vec![false; self.shards.len()];
        for shard in previous.iter().flatten() {
            held[*shard] = true;
        }
        let newcomers: Vec<usize> = (0..self.shards.len()).filter(|s| !held[*s]).collect();
        if newcomers.is_empty() || newcomers.len() == self.shards.len() {
            return;
        }
        let best = |device: usize, load: &[usize]| {
            newcomers
                .iter()
                .copied()
                .filter(|shard| load[*shard] < share(*shard))
                .max_by_key(|shard| (self.shards[*shard].weight(self.devices[device]), *shard))
        };
        let by_weight = |mut of: Vec<usize>| {
            of.sort_by_cached_key(|device| {
                let highest = newcomers
                    .iter()
                    .map(|s| self.shards[*s].weight(self.devices[*device]))
                    .max();
                (Reverse(highest), *device)
            });
            of
        };
        // Devices that have no place for another reason go where their weight says, with everybody else.
        let staying: Vec<usize> = (0..self.devices.len())
            .filter(|device| self.placed[*device].is_some())
            .collect();
        for device in by_weight(excess.to_vec())
            .into_iter()
            .chain(by_weight(staying))
        {
            let Some(newcomer) = best(device, &self.load) else {
                break;
            };
            if let Some(from) = self.placed[device].replace(newcomer) {
                self.load[from] -= 1;
            }
            self.load[newcomer] += 1;
        }
    }

    /// Places every device that has no place on the shard of the highest weight that has room.
    fn place_the_rest(&mut self) {
        let has_room = |shard: &usize| self.load[*shard] < self.capacity[*shard];
        let open = (0..self.shards.len()).filter(has_room);
        // By key, for a shard has as many as it is large.
        let open = open.flat_map(|shard| self.shards[shard].keys().map(move |key| (shard, key)));
        let (mut open, mut keys): (Vec<usize>, Vec<ShardKey>) = open.unzip();
        for (device, placed) in self.devices.iter().zip(&mut self.placed) {
            if placed.is_some() {
                continue;
            }
            let shard = *open
                .get(heaviest(*device, &keys))
                .expect("what overfull shards do not hold fits into the others");
            *placed = Some(shard);
            self.load[shard] += 1;
            if self.load[shard] == self.capacity[shard] {
                let first = open.partition_point(|open| *open < shard);
                let its = first..first + self.shards[shard].size;
                open.drain(its.clone());
                keys.drain(its);
            }
        }
    }
}

#[cfg(test)]
mod tests;
