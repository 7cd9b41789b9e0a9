//! Steps of runs: from the engine of runs to the shard that has the device, and what shards tell back to it.
//!
//! ```text
//!   engine -- Event::Steps --> core -- on the link that has the lease of that epoch --> shard
//!     ^                          |
//!     +------- FleetNews --------+  not sent; held, told, lost
//! ```
//!
//! Invariants: a step goes out only under the very lease, and on the very link, that the engine has written down
//! for it; else the engine is told that it has certainly not gone out. The core never waits for the
//! engine: where the way to it is full, the link whose news do not fit is closed, and its shard tells everything
//! again on the next one.

use std::{
    collections::BTreeMap,
    fmt,
    time::{Duration, Instant},
};

use netwolf_wire::{
    Incarnation, ShardId,
    message::{CancelSteps, Steps, StepsHeard, ToAgent, ToManager},
    step::{Attempt, StepEvent, StepOrder},
    version::Version,
};
use tokio::sync::mpsc;
use tracing::warn;

use super::Core;
use crate::fleet::LinkNo;

/// News that may wait for the engine, which keeps nobody waiting: thousands are a fault.
pub const NEWS: usize = 4096;

/// The first protocol with steps: an older agent would leave them out without a word.
const WITH_STEPS: Version = Version { major: 1, minor: 2 };

/// Bytes of orders in a message, about: a message is a small part of what a frame may hold.
const ORDER_BYTES: usize = 512 << 10;

/// Orders in a message at most.
const ORDERS: usize = 256;

/// Names of steps in a message, which are three numbers each.
const NAMES: usize = 10_000;

/// A credential is a step's for so long after its deadline: a login may be under way then.
const LENT_BEYOND: Duration = Duration::from_secs(30);

/// A step that was written down and may go out now.
#[derive(Clone, Debug)]
pub struct Sending {
    /// On this link, and on no other.
    pub link: LinkNo,
    /// What is to be done.
    pub order: StepOrder,
}

/// What the engine wants.
#[derive(Clone, Debug)]
pub enum StepRequest {
    /// These are to be carried out.
    Send(Vec<Sending>),
    /// These are wanted no more.
    Cancel(ShardId, Vec<Attempt>),
    /// The ends of these were written down.
    Heard(ShardId, Vec<Attempt>),
    /// What this one told had no room: it is to tell it again, on a new link.
    Relink(ShardId),
}

/// Why a step did not go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotSent {
    /// The device is somebody else's, or its lease another one.
    Moved,
    /// The shard that has the device is of a version without steps.
    TooOld,
    /// The link does not take it.
    Full,
}

impl fmt::Display for NotSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Moved => "the device went to another agent before the step was sent",
            Self::TooOld => "the agent that has the device is of a version that knows no steps",
            Self::Full => "the agent that has the device does not read what it is sent",
        })
    }
}

/// What the engine is told.
#[derive(Clone, Debug)]
pub enum FleetNews {
    /// What a shard has not forgotten, first on its link.
    Held {
        /// The shard.
        shard: ShardId,
        /// Which of its lives.
        incarnation: Incarnation,
        /// On which link it says so.
        link: LinkNo,
        /// The steps.
        steps: Vec<Attempt>,
    },
    /// What happened to steps.
    Told(ShardId, Vec<StepEvent>),
    /// A shard is gone for good, whichever life it was in, and what was sent to it up to this link with it.
    Lost(ShardId, LinkNo),
    /// These have certainly not gone out.
    NotSent(Vec<(Attempt, NotSent)>),
}

/// Whether a side that speaks this knows steps.
pub(super) fn knows_steps(protocol: Version) -> bool {
    protocol >= WITH_STEPS
}

/// About how long an order is in a message.
fn weight(order: &StepOrder) -> usize {
    let commands = order.commands.iter().chain(&order.verify);
    let weights = commands.map(|command| {
        let patterns = command.expect.iter().chain(&command.reject);
        let answers = command.answers.iter();
        command.text.len()
            + patterns.map(|pattern| pattern.len() + 8).sum::<usize>()
            + answers
                .map(|it| it.ask.len() + it.answer.len() + 48)
                .sum::<usize>()
            + 64
    });
    weights.sum::<usize>() + 512
}

/// Orders cut into messages.
fn messages(orders: Vec<StepOrder>) -> Vec<Vec<StepOrder>> {
    let mut messages: Vec<Vec<StepOrder>> = Vec::new();
    let mut bytes = ORDER_BYTES;
    for order in orders {
        let more = weight(&order);
        match messages.last_mut() {
            Some(last) if bytes + more <= ORDER_BYTES && last.len() < ORDERS => last.push(order),
            _ => {
                bytes = 0;
                messages.push(vec![order]);
            }
        }
        bytes += more;
    }
    messages
}

impl Core {
    /// Does what the engine wants.
    pub(super) fn handle_steps(&mut self, now: Instant, request: StepRequest) {
        match request {
            StepRequest::Send(sendings) => self.send_steps(now, sendings),
            StepRequest::Cancel(shard, steps) => {
                self.tell_shard(&shard, &steps, |steps| CancelSteps { steps }.into());
            }
            StepRequest::Heard(shard, steps) => {
                self.tell_shard(&shard, &steps, |steps| StepsHeard { steps }.into());
            }
            StepRequest::Relink(shard) => {
                // Without a link it makes one by itself.
                let linked = self.dispatcher.fleet().linked(&shard);
                if let Some(peer) = linked.and_then(|(_, link)| self.links.get(&link)) {
                    peer.handle.close.cancel();
                }
            }
        }
    }

    /// A shard that was let in tells of steps.
    pub(super) fn hear_steps(&mut self, link: LinkNo, message: ToManager) {
        let Some(peer) = self.links.get(&link) else {
            return;
        };
        let (shard, incarnation) = (peer.slot.shard.clone(), peer.slot.incarnation);
        let news = match message {
            ToManager::StepsHeld(held) => FleetNews::Held {
                shard,
                incarnation,
                link,
                steps: held.steps,
            },
            ToManager::StepEvents(told) => FleetNews::Told(shard, told.events),
            _ => return,
        };
        self.tell(link, news);
    }

    /// A shard was let in. One that knows no steps has none, and will not say so itself.
    pub(super) fn introduce(&mut self, link: LinkNo) {
        let Some(peer) = self.links.get(&link).filter(|it| !it.slot.knows_steps) else {
            return;
        };
        let news = FleetNews::Held {
            shard: peer.slot.shard.clone(),
            incarnation: peer.slot.incarnation,
            link,
            steps: Vec::new(),
        };
        self.tell(link, news);
    }

    /// Tells the engine something that a link has brought.
    pub(super) fn tell(&mut self, link: LinkNo, news: FleetNews) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.state.runs.news.try_send(news)
            && let Some(peer) = self.links.get(&link)
        {
            self.state.telemetry.link_overflows.inc();
            let shard = &peer.slot.shard;
            warn!(agent = %shard.agent, shard = shard.index, "runs cannot keep up with what the agent tells of steps; link closed");
            peer.handle.close.cancel();
        }
    }

    /// A shard is gone.
    pub(super) fn tell_lost(&self, shard: &ShardId) {
        if let Some(slot) = self.state.board.agent(shard) {
            self.tell_of(FleetNews::Lost(shard.clone(), slot.link));
        }
    }

    /// Tells the engine what is no link's. It does without where it cannot keep up: each step has a deadline.
    pub(super) fn tell_of(&self, news: FleetNews) {
        if let Err(mpsc::error::TrySendError::Full(_)) = self.state.runs.news.try_send(news) {
            warn!("runs cannot keep up; steps may wait for their deadlines");
        }
    }

    fn send_steps(&mut self, now: Instant, sendings: Vec<Sending>) {
        let mut by_link: BTreeMap<LinkNo, Vec<StepOrder>> = BTreeMap::new();
        let mut not_sent = Vec::new();
        for Sending { link, order } in sendings {
            match self.way(link, &order) {
                Ok(link) => {
                    if let Some(login) = &order.login {
                        let time = order.deadline.get() + LENT_BEYOND;
                        self.dispatcher.lend(now, login, &order.device, time);
                    }
                    by_link.entry(link).or_default().push(order);
                }
                Err(why) => not_sent.push((order.id, why)),
            }
        }
        for (link, orders) in by_link {
            for steps in messages(orders) {
                let names: Vec<_> = steps.iter().map(|order| order.id).collect();
                if !self.send(link, Steps { steps }.into()) {
                    not_sent.extend(names.into_iter().map(|name| (name, NotSent::Full)));
                }
            }
        }
        if !not_sent.is_empty() {
            self.tell_of(FleetNews::NotSent(not_sent));
        }
    }

    /// The link that an order may go out on.
    fn way(&self, link: LinkNo, order: &StepOrder) -> Result<LinkNo, NotSent> {
        let reached = self.dispatcher.reach(&order.device);
        let peer = self.links.get(&link).ok_or(NotSent::Moved)?;
        if reached != Some((link, order.epoch)) {
            return Err(NotSent::Moved);
        }
        peer.slot.knows_steps.then_some(link).ok_or(NotSent::TooOld)
    }

    fn tell_shard(
        &mut self,
        shard: &ShardId,
        steps: &[Attempt],
        message: impl Fn(Vec<Attempt>) -> ToAgent,
    ) {
        // Without a link it is told when it is back and says that it still has them.
        if let Some((_, link)) = self.dispatcher.fleet().linked(shard) {
            for names in steps.chunks(NAMES) {
                self.send(link, message(names.to_vec()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use netwolf_wire::{
        Epoch, Span,
        step::{RunId, StepCommand},
    };

    use super::*;

    fn order(step: u32, text: &str) -> StepOrder {
        StepOrder {
            id: Attempt {
                run: RunId(1),
                step,
                attempt: 1,
            },
            device: "sw-1".parse().unwrap(),
            epoch: Epoch(1),
            mode: None,
            commands: vec![StepCommand {
                text: text.into(),
                timeout: Span::from_secs(30),
                expect: Vec::new(),
                reject: Vec::new(),
                answers: Vec::new(),
            }],
            verify: None,
            changes: false,
            login: None,
            deadline: Span::from_secs(60),
        }
    }

    #[test]
    fn orders_are_cut_into_messages_that_a_frame_holds_easily() {
        let small: Vec<_> = (0..600).map(|step| order(step, "show version")).collect();
        let lengths: Vec<_> = messages(small).iter().map(Vec::len).collect();
        assert_eq!(lengths, [ORDERS, ORDERS, 88]);
        let long = "x".repeat(netwolf_wire::step::MAX_COMMAND);
        let large: Vec<_> = (0..300).map(|step| order(step, &long)).collect();
        let cut = messages(large.clone());
        assert_eq!(cut.concat(), large, "none is lost, none changes its place");
        for message in cut {
            let bytes = serde_json::to_vec(&message).unwrap().len();
            assert!(bytes <= ORDER_BYTES, "{bytes}");
        }
    }

    #[test]
    fn an_order_weighs_no_less_than_it_is_long() {
        let mut heavy = order(7, "reload");
        heavy.commands[0].expect = vec!["a".into(); 50];
        heavy.verify = Some(heavy.commands[0].clone());
        let bytes = serde_json::to_vec(&heavy).unwrap().len();
        assert!(weight(&heavy) >= bytes, "{} < {bytes}", weight(&heavy));
    }
}
