//! What is said between shards and the manager, and the connections that carry it.

use super::*;

impl World {
    pub(super) fn delay(&mut self, shard: usize) -> Duration {
        let agent = &self.agents[self.shards[shard].agent];
        let most = if self.now < agent.slow_until {
            agent.slow_ms
        } else {
            12
        };
        self.random.ms(1, most)
    }

    pub(super) fn is_stopped(&self, no: u64, way: Way) -> bool {
        let connection = &self.connections[&no];
        let agent = &self.agents[self.shards[connection.shard].agent];
        let alone = match way {
            Way::Up => connection.up.is_stopped,
            Way::Down => connection.down.is_stopped,
        };
        alone || self.now < agent.stopped_until[way as usize]
    }

    pub(super) fn connect(&mut self, shard: usize, attempt: u64) {
        let now = self.now;
        let this = &self.shards[shard];
        if this.attempt != attempt || this.node.is_none() || this.connection.is_some() {
            return;
        }
        let agent = &self.agents[this.agent];
        if agent.stopped_until.iter().any(|until| now < *until) {
            // The kernel asks again, until the machine has had enough.
            return self.after(Duration::from_millis(500), Event::Connect(shard, attempt));
        }
        if self.manager.node.is_none() {
            return self.with_node(shard, |node| node.handle_lost(now));
        }
        self.n_connections += 1;
        let no = self.n_connections;
        self.connections.insert(no, Connection::new(shard, now));
        self.shards[shard].connection = Some(no);
        let id = self.shards[shard].id.clone();
        self.tell(format_args!("{id} has connection {no}"));
        self.with_node(shard, |node| node.handle_connected(now));
    }

    pub(super) fn send_up(&mut self, shard: usize, message: ToManager) {
        let Some(no) = self.shards[shard].connection else {
            return;
        };
        if let Some(connection) = self.connections.get_mut(&no) {
            match &message {
                ToManager::Hello(hello) => {
                    let silent = hello.silent.get();
                    connection.heard_at = self.now.checked_sub(silent).unwrap_or(self.start);
                }
                ToManager::Heartbeat(heartbeat) => {
                    connection.beats.insert(heartbeat.beat, self.now);
                }
                _ => {}
            }
        }
        self.push_up(no, Packet::Message(message));
    }

    pub(super) fn push_up(&mut self, no: u64, packet: Packet<ToManager>) {
        let Some(shard) = self.connections.get(&no).map(|c| c.shard) else {
            return;
        };
        let ready = self.now + self.delay(shard);
        if let Some(connection) = self.connections.get_mut(&no) {
            let at = connection.up.push(ready, packet);
            self.after(at - self.now, Event::Up(no));
        }
    }

    pub(super) fn push_down(&mut self, no: u64, packet: Packet<ToAgent>) {
        let Some(shard) = self.connections.get(&no).map(|c| c.shard) else {
            return;
        };
        let ready = self.now + self.delay(shard);
        if let Some(connection) = self.connections.get_mut(&no) {
            let at = connection.down.push(ready, packet);
            self.after(at - self.now, Event::Down(no));
        }
    }

    pub(super) fn arrive_up(&mut self, no: u64) {
        if !self.connections.contains_key(&no) {
            return;
        }
        let is_stopped = self.is_stopped(no, Way::Up);
        let (now, has_process) = (self.now, self.manager.node.is_some());
        let Some(connection) = self.connections.get_mut(&no) else {
            return;
        };
        if is_stopped {
            connection.up.n_missed += 1;
            return;
        }
        let Some(packet) = connection.up.pop(now) else {
            return;
        };
        if !connection.has_manager {
            // A kernel that runs says that nobody is there.
            let reset = matches!(packet, Packet::Message(_)) && has_process;
            if reset && connection.has_shard {
                self.push_down(no, Packet::End);
            }
            return;
        }
        let shard = connection.shard;
        match packet {
            Packet::End => {
                connection.has_manager = false;
                if let Some(node) = &mut self.manager.node {
                    node.handle_lost(LinkNo(no));
                }
            }
            Packet::Message(message) => {
                // Who says hello is heard when the core has let it in.
                if connection.has_shard && !matches!(message, ToManager::Hello(_)) {
                    self.shards[shard].keeps_until = Some(now + self.settings.timing.link_grace);
                }
                let message = self.tampered_up(message);
                self.tell_up(shard, &message);
                if let Some(node) = &mut self.manager.node {
                    node.handle_frame(now, LinkNo(no), message);
                }
            }
        }
        self.drain_manager();
    }

    pub(super) fn arrive_down(&mut self, no: u64) {
        if !self.connections.contains_key(&no) {
            return;
        }
        let is_stopped = self.is_stopped(no, Way::Down);
        let now = self.now;
        let Some(connection) = self.connections.get_mut(&no) else {
            return;
        };
        if is_stopped {
            connection.down.n_missed += 1;
            return;
        }
        let Some(packet) = connection.down.pop(now) else {
            return;
        };
        let shard = connection.shard;
        if !connection.has_shard {
            let is_up = self.agents[self.shards[shard].agent].is_up;
            if is_up && connection.has_manager && matches!(packet, Packet::Message(_)) {
                self.push_up(no, Packet::End);
            }
            return;
        }
        match packet {
            Packet::End => self.lose(no),
            Packet::Message(message) => self.read_down(no, shard, message),
        }
    }

    pub(super) fn read_down(&mut self, no: u64, shard: usize, message: ToAgent) {
        let now = self.now;
        let Some(message) = self.tampered_down(no, message) else {
            return;
        };
        self.tell_down(shard, &message);
        let connection = &self.connections[&no];
        let contact = match &message {
            ToAgent::Welcome(_) => Some(connection.heard_at),
            ToAgent::Renew(renew) => connection.beats.get(&renew.beat).copied(),
            _ => None,
        };
        let this = &mut self.shards[shard];
        this.contact = this.contact.max(contact);
        let mut leases = Vec::new();
        if let ToAgent::Assign(assign) = &message {
            for lease in &assign.leases {
                let (device, epoch) = (lease.job.device.clone(), lease.epoch);
                let runs = |session: &&Session| {
                    session.device == device && !matches!(session.state, State::Stopping(_))
                };
                let present = this.sessions.values().find(runs);
                let last = present.and_then(|session| session.epochs.last());
                if last.is_none_or(|last| *last <= epoch) {
                    this.assigned.insert(device.clone(), epoch);
                    leases.push((device, epoch));
                }
            }
        }
        self.with_node(shard, |node| node.handle_frame(now, message));
        for (device, epoch) in leases {
            for session in self.shards[shard].sessions.values_mut() {
                let is_stopping = matches!(session.state, State::Stopping(_));
                if session.device == device && !is_stopping && session.epochs.last() != Some(&epoch)
                {
                    session.epochs.push(epoch);
                }
            }
        }
    }

    /// The shard's end of a connection is told that it is over.
    pub(super) fn lose(&mut self, no: u64) {
        let now = self.now;
        let Some(connection) = self.connections.get_mut(&no).filter(|c| c.has_shard) else {
            return;
        };
        connection.has_shard = false;
        connection.down.clear();
        let shard = connection.shard;
        let id = self.shards[shard].id.clone();
        self.tell(format_args!("{id} loses connection {no}"));
        self.push_up(no, Packet::End);
        self.shards[shard].connection = None;
        self.shards[shard].attempt += 1;
        self.with_node(shard, |node| node.handle_lost(now));
    }

    /// The shard has closed its end itself.
    pub(super) fn close_shard_end(&mut self, shard: usize) {
        self.shards[shard].attempt += 1;
        if let Some(no) = self.shards[shard].connection.take() {
            if let Some(connection) = self.connections.get_mut(&no) {
                connection.has_shard = false;
                connection.down.clear();
            }
            self.push_up(no, Packet::End);
        }
    }

    pub(super) fn give_up_waiting(&mut self, no: u64, n_stops: u64) {
        let is_waiting = self
            .connections
            .get(&no)
            .is_some_and(|c| c.has_shard && c.n_stops == n_stops)
            && (self.is_stopped(no, Way::Up) || self.is_stopped(no, Way::Down));
        if is_waiting {
            self.lose(no);
        }
    }
}
