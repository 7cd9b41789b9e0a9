//! The manager: when its core runs, and what its node does.

use super::*;

impl World {
    pub(super) fn run_core(&mut self) {
        let now = self.now;
        if self.manager.core_at.is_none_or(|at| now < at) {
            return;
        }
        self.manager.core_at = None;
        if let Some(node) = &mut self.manager.node {
            node.handle_timeout(now);
        }
        self.drain_manager();
    }

    pub(super) fn drain_manager(&mut self) {
        while let Some(output) = self
            .manager
            .node
            .as_mut()
            .and_then(ManagerNode::poll_output)
        {
            self.do_for_manager(output);
        }
        let due = self
            .manager
            .node
            .as_ref()
            .and_then(|node| node.poll_timeout(self.now));
        let Some(due) = due.map(|due| due.max(self.now)) else {
            return;
        };
        if self.manager.core_at.is_none_or(|at| due < at) {
            let at = due + self.random.ms(0, 15);
            if self.manager.core_at.is_none_or(|before| at < before) {
                self.manager.core_at = Some(at);
                self.after(at - self.now, Event::Core);
            }
        }
    }

    pub(super) fn do_for_manager(&mut self, output: ManagerOutput) {
        match output {
            ManagerOutput::Send(LinkNo(no), message) => {
                if let Some(connection) = self.connections.get(&no).filter(|c| c.has_manager) {
                    if matches!(message, ToAgent::Welcome(_)) && connection.has_shard {
                        let grace = self.settings.timing.link_grace;
                        let keeps_until = connection.heard_at + grace;
                        self.shards[connection.shard].keeps_until = Some(keeps_until);
                    }
                    self.push_down(no, Packet::Message(message));
                }
            }
            ManagerOutput::Close(LinkNo(no)) => {
                self.tell(format_args!("the manager closes connection {no}"));
                if let Some(connection) = self.connections.get_mut(&no)
                    && std::mem::replace(&mut connection.has_manager, false)
                {
                    connection.up.clear();
                    self.push_down(no, Packet::End);
                }
            }
            ManagerOutput::Lease(device, lease) => self.check_lease(&device, lease),
            ManagerOutput::Gone(shard, cause) => {
                self.summary.gone += 1;
                let cause = cause.as_str();
                self.tell(format_args!("the manager gives {shard} up: {cause}"));
            }
            ManagerOutput::Remember(remembered) => {
                self.manager.remembered = remembered;
            }
            ManagerOutput::Sample { value, is_exposed } => self.check_sample(value, is_exposed),
        }
    }

    pub(super) fn start_manager(&mut self) {
        if self.manager.node.is_some() {
            return;
        }
        let wall = self.wall(self.manager.wall_step);
        let remembered = self.manager.remembered.clone();
        self.tell(format_args!(
            "the manager starts and waits for {} shards",
            remembered.shards.len()
        ));
        for shard in &mut self.shards {
            let is_awaited = shard.node.is_some() && remembered.shards.contains(&shard.id);
            shard.keeps_until = is_awaited.then(|| self.now + self.settings.timing.settle);
        }
        let inventory = self.inventory.clone();
        let node = ManagerNode::new(self.now, wall, self.settings.timing, remembered, inventory);
        self.manager.node = Some(node);
        self.drain_manager();
    }
}
