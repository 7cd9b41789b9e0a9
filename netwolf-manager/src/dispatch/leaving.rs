//! Shards that want to leave: their devices go elsewhere first, and then they are let go.

use std::time::Instant;

use netwolf_wire::{AgentName, message::Dismissed};

use super::{Action, Dispatcher};
use crate::fleet::LinkNo;

impl Dispatcher {
    /// A shard wants to leave.
    pub fn handle_leaving(&mut self, now: Instant, link: LinkNo) {
        self.now = now;
        self.fleet.leave(now, link);
    }

    /// The links of an agent.
    pub fn links_of(&self, agent: &AgentName) -> Vec<LinkNo> {
        let shards = self.fleet.shards().filter(|shard| shard.agent == *agent);
        shards
            .filter_map(|shard| Some(self.fleet.linked(shard)?.1))
            .collect()
    }

    /// Lets those go that have nothing left, or whose devices nobody could take.
    pub(super) fn dismiss(&mut self) {
        let leases = &self.leases;
        let is_empty = |member| leases.of_holder(member).next().is_none();
        for link in self.fleet.dismiss(is_empty) {
            self.actions
                .push_back(Action::Send(link, Dismissed {}.into()));
        }
    }
}
