//! Polls that wait for the link, or for word that the manager has them. Pure.
//!
//! ```text
//!   oldest --------------- cursor --------------- newest
//!   | sent, not acknowledged | not sent yet        |
//! ```
//!
//! A renewal acknowledges what was written before the heartbeat that it answers. When the link is lost the
//! cursor goes back to the oldest, so nothing that was under way is missing; what arrived twice is the same
//! value at the same time.
//!
//! Invariants: polls leave in the order in which they came; the ring is bounded in number and bytes; of
//! polls that have to go the oldest goes first, and is counted unless it was sent.

use std::collections::VecDeque;

use netwolf_wire::series::{DeviceNo, Poll};

/// A minute of a shard with 3,000 polls a second.
const MAX_POLLS: usize = 200_000;
/// Estimated memory of the polls.
const MAX_BYTES: usize = 64 << 20;
/// After a flood of polls the ring gives memory back.
const KEPT_CAPACITY: usize = 4096;

/// The place of a poll in the order of all polls of this shard.
pub(super) type Seq = u64;

/// The ring.
#[derive(Debug)]
pub(super) struct Buffer {
    polls: VecDeque<Poll>,
    /// The place of the first poll in the ring.
    oldest: Seq,
    /// The place of the next poll to send.
    cursor: Seq,
    bytes: usize,
    max_polls: usize,
    max_bytes: usize,
    dropped: u64,
}

impl Default for Buffer {
    fn default() -> Self {
        Self::bounded(MAX_POLLS, MAX_BYTES)
    }
}

fn size(poll: &Poll) -> usize {
    size_of::<Poll>() + size_of_val(poll.2.as_slice())
}

impl Buffer {
    fn bounded(max_polls: usize, max_bytes: usize) -> Self {
        Self {
            polls: VecDeque::new(),
            oldest: 0,
            cursor: 0,
            bytes: 0,
            max_polls,
            max_bytes,
            dropped: 0,
        }
    }

    /// Takes in a poll; older ones may have to go for it.
    pub(super) fn push(&mut self, poll: Poll) {
        self.bytes += size(&poll);
        self.polls.push_back(poll);
        while self.polls.len() > self.max_polls
            || self.bytes > self.max_bytes && self.polls.len() > 1
        {
            self.pop_front();
        }
    }

    fn pop_front(&mut self) {
        if let Some(poll) = self.polls.pop_front() {
            self.bytes -= size(&poll);
            if self.oldest == self.cursor {
                self.dropped += 1;
                self.cursor += 1;
            }
            self.oldest += 1;
        }
    }

    /// The place that the next poll will have.
    pub(super) fn next_seq(&self) -> Seq {
        self.oldest + self.polls.len() as u64
    }

    /// The place of the oldest poll that is still here.
    pub(super) const fn oldest(&self) -> Seq {
        self.oldest
    }

    /// How many polls were not sent yet.
    pub(super) fn unsent(&self) -> usize {
        self.polls.len() - self.sent()
    }

    fn sent(&self) -> usize {
        usize::try_from(self.cursor - self.oldest).expect("the ring is far shorter")
    }

    /// How many polls were dropped unsent.
    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The next polls to send, at most `max_polls` and about `max_samples`; the cursor moves past them. Polls of
    /// devices that are not `live` any more are dropped and counted.
    pub(super) fn next_batch(
        &mut self,
        max_polls: usize,
        max_samples: usize,
        live: impl Fn(DeviceNo) -> bool,
    ) -> Vec<Poll> {
        let mut batch = Vec::new();
        let mut samples = 0;
        for poll in self.polls.iter().skip(self.sent()) {
            if batch.len() == max_polls || samples >= max_samples {
                break;
            }
            self.cursor += 1;
            if live(poll.0) {
                samples += poll.2.len();
                batch.push(poll.clone());
            } else {
                self.dropped += 1;
            }
        }
        batch
    }

    /// The place of the next poll to send.
    pub(super) const fn cursor(&self) -> Seq {
        self.cursor
    }

    /// The manager has everything before `seq`.
    pub(super) fn acknowledge(&mut self, seq: Seq) {
        while self.oldest < seq.min(self.cursor) {
            self.pop_front();
        }
        if self.polls.capacity() > KEPT_CAPACITY && self.polls.len() < self.polls.capacity() / 4 {
            self.polls.shrink_to(self.polls.len().max(KEPT_CAPACITY));
        }
    }

    /// The link is lost: what was not acknowledged is to be sent again.
    pub(super) const fn rewind(&mut self) {
        self.cursor = self.oldest;
    }
}

#[cfg(test)]
mod tests {
    use netwolf_wire::series::{SeriesNo, Value};
    use proptest::prelude::*;

    use super::*;

    fn poll(n: u64) -> Poll {
        Poll(
            DeviceNo(u32::try_from(n % 3).unwrap()),
            n,
            vec![(SeriesNo(0), Value(1.0))],
        )
    }

    fn times(polls: &[Poll]) -> Vec<u64> {
        polls.iter().map(|poll| poll.1).collect()
    }

    #[test]
    fn what_was_sent_is_kept_until_it_is_acknowledged() {
        let mut buffer = Buffer::default();
        (0..5).for_each(|n| buffer.push(poll(n)));
        assert_eq!(times(&buffer.next_batch(2, 100, |_| true)), [0, 1]);
        let written = buffer.cursor();
        assert_eq!(times(&buffer.next_batch(2, 100, |_| true)), [2, 3]);
        buffer.acknowledge(written);
        buffer.rewind();
        assert_eq!(times(&buffer.next_batch(100, 100, |_| true)), [2, 3, 4]);
        assert_eq!(buffer.dropped(), 0);
    }

    #[test]
    fn samples_bound_a_batch_too() {
        let mut buffer = Buffer::default();
        (0..5).for_each(|n| buffer.push(poll(n)));
        assert_eq!(buffer.next_batch(100, 3, |_| true).len(), 3);
    }

    #[test]
    fn polls_of_a_lease_that_is_gone_are_dropped_and_counted() {
        let mut buffer = Buffer::default();
        (0..6).for_each(|n| buffer.push(poll(n)));
        assert_eq!(
            times(&buffer.next_batch(100, 100, |device| device.0 != 1)),
            [0, 2, 3, 5]
        );
        assert_eq!(buffer.dropped(), 2);
    }

    #[test]
    fn memory_is_given_back_after_an_outage() {
        let mut buffer = Buffer::default();
        (0..100_000).for_each(|n| buffer.push(poll(n)));
        while !buffer.next_batch(500, 10_000, |_| true).is_empty() {}
        buffer.acknowledge(buffer.cursor());
        assert!(buffer.polls.capacity() <= 2 * KEPT_CAPACITY);
        assert_eq!(buffer.bytes, 0);
    }

    proptest! {
        /// Against a list of all that should be there and a count of all that should not.
        #[test]
        fn the_tail_is_kept_in_order_and_every_lost_poll_is_counted(
            steps in proptest::collection::vec((0_u8..5, 1_usize..20), 1..200),
        ) {
            const MAX: usize = 50;
            let mut buffer = Buffer::bounded(MAX, usize::MAX);
            let (mut pushed, mut dropped, mut sent) = (0_u64, 0_u64, 0_usize);
            let mut kept = VecDeque::new();
            for (kind, n) in steps {
                match kind {
                    0 | 1 => for _ in 0..n {
                        buffer.push(poll(pushed));
                        kept.push_back(pushed);
                        pushed += 1;
                        if kept.len() > MAX {
                            kept.pop_front();
                            dropped += u64::from(sent == 0);
                            sent = sent.saturating_sub(1);
                        }
                    },
                    2 => {
                        let live = |device: DeviceNo| device.0 != 1;
                        let batch = times(&buffer.next_batch(n, 1000, live));
                        let mut expected = Vec::new();
                        while expected.len() < n && sent < kept.len() {
                            if kept[sent] % 3 == 1 {
                                dropped += 1;
                            } else {
                                expected.push(kept[sent]);
                            }
                            sent += 1;
                        }
                        prop_assert_eq!(batch, expected);
                    }
                    3 => {
                        buffer.acknowledge(buffer.cursor());
                        kept.drain(..sent);
                        sent = 0;
                    }
                    _ => {
                        buffer.rewind();
                        sent = 0;
                    }
                }
                prop_assert_eq!(buffer.dropped(), dropped);
                prop_assert_eq!(buffer.unsent(), kept.len() - sent);
                prop_assert_eq!(buffer.next_seq(), pushed);
                prop_assert_eq!(buffer.polls.iter().map(|poll| poll.1).collect::<Vec<_>>(), Vec::from(kept.clone()));
            }
        }
    }
}
