//! Shards that link anew, and shards that are gone.
//!
//! A shard says first on each link what it holds. What was sent to it on an earlier link and is not among that has
//! never reached it; what was sent on this very link may still be on its way, whatever it says. Links are told apart by
//! their numbers, which is why [`Place`](super::Place) has one.

use std::collections::HashSet;

use netwolf_wire::{Incarnation, ShardId, step::Attempt};

use super::{
    Machine,
    live::{Key, in_hand},
    outcome::Why,
    stepping::attempt,
};
use crate::model::{RunState, StepState};

impl Machine {
    /// A shard has linked and says what it has not forgotten.
    pub fn handle_held(
        &mut self,
        shard: &ShardId,
        incarnation: Incarnation,
        link: u64,
        held: &[Attempt],
        now_ms: u64,
    ) {
        let now_ms = self.clock(now_ms);
        let held: HashSet<Attempt> = held.iter().copied().collect();
        for key in self.of_shard(shard) {
            let Some((_, live)) = self.live(key) else {
                continue;
            };
            let status = &live.step.status;
            let Some(sent) = in_hand(status).cloned() else {
                continue;
            };
            if sent.link >= link {
                continue;
            }
            if sent.incarnation != incarnation {
                let why = Why {
                    reason: Some(format!(
                        "agent {} was started again while it had the step",
                        shard.agent
                    )),
                    hint: None,
                };
                self.lost_hold(key, why, now_ms);
            } else if held.contains(&attempt(key, &sent)) {
                self.held_on(key, link);
            } else if status.verify.is_some() {
                if sent.started_ms.is_some() {
                    let why = Why::because("its agent has forgotten the step while it ran");
                    self.lose_verify_typed(key, &why, now_ms);
                } else {
                    self.lose_verify(key, false, now_ms);
                }
            } else if status.state == StepState::Leased && sent.outputs == 0 {
                let why = Why::because("its agent's link was lost before the step reached it");
                self.come_back(key, None, why, now_ms);
            } else {
                let why = Why::because("its agent has forgotten the step while it ran");
                self.lost_hold(key, why, now_ms);
            }
        }
    }

    /// A shard is gone: all that was sent to it up to and on `link` is nobody's.
    pub fn handle_shard_lost(&mut self, shard: &ShardId, link: u64, now_ms: u64) {
        let now_ms = self.clock(now_ms);
        for key in self.of_shard(shard) {
            let sent = self
                .live(key)
                .and_then(|(_, live)| in_hand(&live.step.status));
            if sent.is_some_and(|sent| sent.link <= link) {
                let why = Why::because(format!(
                    "agent {} was lost while it had the step",
                    shard.agent
                ));
                self.lost_hold(key, why, now_ms);
            }
        }
    }

    /// Shards have had their time to return after a restart.
    pub(super) fn settle_restored(&mut self, now_ms: u64) {
        for key in std::mem::take(&mut self.restored) {
            let sent = self
                .live(key)
                .and_then(|(_, live)| in_hand(&live.step.status));
            if let Some(sent) = sent.filter(|sent| sent.link == 0) {
                let why = Why::because(format!(
                    "agent {} did not return after the manager was started again",
                    sent.shard.agent
                ));
                self.lost_hold(key, why, now_ms);
            }
        }
    }

    /// An attempt is nobody's any more, and may have typed.
    pub(super) fn lost_hold(&mut self, key: Key, why: Why, now_ms: u64) {
        let verifies = self
            .live(key)
            .is_some_and(|(_, live)| live.step.status.verify.is_some());
        if verifies {
            self.lose_verify_hold(key, &why, now_ms);
        } else {
            self.lose(key, usize::MAX, why, now_ms);
        }
    }

    /// The shard has it still, and the link is another one.
    fn held_on(&mut self, key: Key, link: u64) {
        self.update(key, |status| {
            let sent = match status.verify {
                Some(_) => &mut status.verify,
                None => &mut status.sent,
            };
            if let Some(sent) = sent {
                sent.link = link;
            }
        });
        let called_back = self.live(key).is_some_and(|(run, live)| {
            let status = &run.run.status;
            let settled =
                live.step.status.verify.is_some() && live.step.status.state != StepState::Unknown;
            status.overdue || status.state == RunState::Cancelling || settled
        });
        if called_back {
            self.call_back(key);
        }
    }

    fn of_shard(&self, shard: &ShardId) -> Vec<Key> {
        self.shards
            .get(shard)
            .map(|steps| steps.iter().copied().collect())
            .unwrap_or_default()
    }
}
