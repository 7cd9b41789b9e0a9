//! Connections between shards and the manager: bytes come in order and late, or not at all while a direction is
//! stopped. Nothing is lost in the middle, as TCP has it: what is stopped comes when it flows again, unless an end
//! has closed meanwhile.
//!
//! ```text
//!   shard  -- up: packet, packet, end -->  manager     each pipe first in, first out
//!   shard  <-- down: packet, end --------  manager     either may be stopped alone
//! ```

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

use netwolf_wire::message::{ToAgent, ToManager};

/// What a pipe carries.
#[derive(Clone, Debug)]
pub(crate) enum Packet<M> {
    Message(M),
    /// The other end has closed.
    End,
}

/// One direction.
#[derive(Debug)]
pub(crate) struct Pipe<M> {
    packets: VecDeque<(Instant, Packet<M>)>,
    last: Instant,
    /// Nothing comes through, in this connection alone.
    pub(crate) is_stopped: bool,
    /// Arrivals that were due meanwhile.
    pub(crate) n_missed: usize,
}

impl<M> Pipe<M> {
    const fn new(now: Instant) -> Self {
        Self {
            packets: VecDeque::new(),
            last: now,
            is_stopped: false,
            n_missed: 0,
        }
    }

    /// Puts a packet in that arrives at `ready`, or after those before it; tells when.
    pub(crate) fn push(&mut self, ready: Instant, packet: Packet<M>) -> Instant {
        self.last = self.last.max(ready);
        self.packets.push_back((self.last, packet));
        self.last
    }

    /// Takes out what has arrived first.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<Packet<M>> {
        self.packets
            .pop_front_if(|(ready, _)| now >= *ready)
            .map(|(_, packet)| packet)
    }

    /// What is on its way is lost.
    pub(crate) fn clear(&mut self) {
        self.packets.clear();
    }

    /// How many packets are on their way.
    pub(crate) fn len(&self) -> usize {
        self.packets.len()
    }
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) shard: usize,
    pub(crate) up: Pipe<ToManager>,
    pub(crate) down: Pipe<ToAgent>,
    /// Whether the shard's end is open.
    pub(crate) has_shard: bool,
    /// Whether the manager's end is open.
    pub(crate) has_manager: bool,
    /// When the shard had heard something before its hello, and when each heartbeat was said: leases run from there.
    pub(crate) heard_at: Instant,
    pub(crate) beats: BTreeMap<u64, Instant>,
    /// Counts the times that a direction was stopped.
    pub(crate) n_stops: u64,
}

impl Connection {
    /// One that stands.
    pub(crate) const fn new(shard: usize, now: Instant) -> Self {
        Self {
            shard,
            up: Pipe::new(now),
            down: Pipe::new(now),
            has_shard: true,
            has_manager: true,
            heard_at: now,
            beats: BTreeMap::new(),
            n_stops: 0,
        }
    }
}
