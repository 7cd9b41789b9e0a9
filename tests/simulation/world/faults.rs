//! What goes wrong, and how it comes right again.

use super::*;

/// What was sent and not acknowledged for so long ends a connection, on the side of the shard.
const USER_TIMEOUT: Duration = Duration::from_secs(10);

impl World {
    /// Something goes wrong, and the next time that something will is drawn.
    pub(super) fn fault(&mut self) {
        if self.healed_at.is_some() {
            return;
        }
        self.summary.faults += 1;
        let agent = self.random.index(self.agents.len());
        match self.random.number(0, 15) {
            0..=3 => self.partition(agent),
            4 => self.stop_connection(),
            5 | 6 => self.reset_connection(),
            7 => self.slow_down(agent),
            8 | 9 => {
                let is_sudden = self.random.one_in(3);
                self.end_agent(agent, is_sudden);
            }
            10 | 11 => self.end_manager(),
            12 => self.pause_agent(agent),
            13 => self.pause_manager(),
            14 => self.step_clocks(agent),
            _ => self.reload(),
        }
        let pause = self.random.ms(50, self.settings.pause_ms);
        self.after(pause, Event::Fault);
    }

    /// A trouble lasts for a moment, or longer than anybody's patience.
    fn lasting(&mut self) -> Duration {
        match self.random.number(0, 3) {
            0 => self.random.ms(50, 1_500),
            1 | 2 => self.random.ms(1_000, 9_000),
            _ => self.random.ms(5_000, 25_000),
        }
    }

    fn partition(&mut self, agent: usize) {
        let until = self.now + self.lasting();
        let ways: &[Way] = match self.random.number(0, 2) {
            0 => &[Way::Up],
            1 => &[Way::Down],
            _ => &[Way::Up, Way::Down],
        };
        for way in ways {
            let stopped = &mut self.agents[agent].stopped_until[*way as usize];
            *stopped = (*stopped).max(until);
        }
        let name = self.agents[agent].name.clone();
        self.tell(format_args!(
            "FAULT: nothing goes {ways:?} between {name} and the manager"
        ));
        self.after(until - self.now, Event::Flow(agent));
        let of_agent = |c: &Connection| self.shards[c.shard].agent == agent;
        let stopped = self.connections.iter().filter(|(_, c)| of_agent(c));
        let stopped: Vec<_> = stopped.map(|(no, _)| *no).collect();
        for no in stopped {
            self.stop(no);
        }
    }

    /// A connection of which a direction is stopped.
    fn stop(&mut self, no: u64) {
        if let Some(connection) = self.connections.get_mut(&no) {
            connection.n_stops += 1;
            let event = Event::UserTimeout(no, connection.n_stops);
            self.after(USER_TIMEOUT, event);
        }
    }

    /// A connection that both ends believe in.
    fn some_connection(&mut self) -> Option<u64> {
        let open = self.connections.iter();
        let open = open.filter(|(_, c)| c.has_shard && c.has_manager);
        let open: Vec<_> = open.map(|(no, _)| *no).collect();
        (!open.is_empty()).then(|| open[self.random.index(open.len())])
    }

    fn stop_connection(&mut self) {
        let Some(no) = self.some_connection() else {
            return;
        };
        let way = if self.random.one_in(2) {
            Way::Up
        } else {
            Way::Down
        };
        self.tell(format_args!(
            "FAULT: nothing goes {way:?} on connection {no}"
        ));
        if let Some(connection) = self.connections.get_mut(&no) {
            match way {
                Way::Up => connection.up.is_stopped = true,
                Way::Down => connection.down.is_stopped = true,
            }
        }
        self.stop(no);
        let lasting = self.lasting();
        self.after(lasting, Event::FlowOne(no, way));
    }

    /// A connection breaks with all that is on its way. Either end learns of it at its time.
    fn reset_connection(&mut self) {
        let Some(no) = self.some_connection() else {
            return;
        };
        self.tell(format_args!("FAULT: connection {no} breaks"));
        let (up, down) = (self.random.ms(0, 1_500), self.random.ms(0, 1_500));
        let now = self.now;
        let Some(connection) = self.connections.get_mut(&no) else {
            return;
        };
        connection.up.clear();
        connection.down.clear();
        let up = connection.up.push(now + up, Packet::End);
        let down = connection.down.push(now + down, Packet::End);
        self.after(up - now, Event::Up(no));
        self.after(down - now, Event::Down(no));
    }

    fn slow_down(&mut self, agent: usize) {
        let until = self.now + self.lasting();
        let ms = [100, 1_000, 4_000][self.random.index(3)];
        let this = &mut self.agents[agent];
        (this.slow_until, this.slow_ms) = (until, ms);
        let name = this.name.clone();
        self.tell(format_args!(
            "FAULT: between {name} and the manager up to {ms} ms pass"
        ));
    }

    fn end_agent(&mut self, agent: usize, is_sudden: bool) {
        let this = &mut self.agents[agent];
        if !std::mem::replace(&mut this.is_up, false) {
            return;
        }
        this.deferred.clear();
        this.paused_until = self.now;
        let name = this.name.clone();
        let how = if is_sudden {
            "loses power"
        } else {
            "is killed"
        };
        self.tell(format_args!("FAULT: agent {name} {how}"));
        for shard in 0..self.shards.len() {
            let this = &mut self.shards[shard];
            if this.agent != agent {
                continue;
            }
            this.node = None;
            this.life += 1;
            this.timer_at = None;
            this.sessions.clear();
            this.assigned.clear();
            (this.contact, this.keeps_until) = (None, None);
            if is_sudden {
                this.attempt += 1;
                let connection = this.connection.take();
                if let Some(connection) = connection.and_then(|no| self.connections.get_mut(&no)) {
                    connection.has_shard = false;
                    connection.down.clear();
                }
            } else {
                self.close_shard_end(shard);
            }
        }
        let down = self.random.ms(50, 6_000);
        self.after(down, Event::StartAgent(agent));
    }

    fn end_manager(&mut self) {
        if self.manager.node.take().is_none() {
            return;
        }
        let is_sudden = self.random.one_in(3);
        let how = if is_sudden {
            "loses power"
        } else {
            "is killed"
        };
        self.tell(format_args!("FAULT: the manager {how}"));
        self.manager.deferred.clear();
        self.manager.paused_until = self.now;
        self.manager.core_at = None;
        self.leases.clear();
        self.last_epoch = Epoch(0);
        for no in 1..=self.n_connections {
            if let Some(connection) = self.connections.get_mut(&no)
                && std::mem::replace(&mut connection.has_manager, false)
            {
                connection.up.clear();
                if !is_sudden {
                    self.push_down(no, Packet::End);
                }
            }
        }
        self.connections.retain(|_, c| c.has_shard || c.has_manager);
        let down = self.random.ms(50, 8_000);
        self.after(down, Event::StartManager);
    }

    fn pause_agent(&mut self, agent: usize) {
        let lasting = self.lasting();
        let this = &mut self.agents[agent];
        if !this.is_up || self.now < this.paused_until {
            return;
        }
        this.paused_until = self.now + lasting;
        let name = this.name.clone();
        self.tell(format_args!("FAULT: agent {name} stands still"));
        self.after(lasting, Event::ResumeAgent(agent));
    }

    fn pause_manager(&mut self) {
        if self.manager.node.is_none() || self.now < self.manager.paused_until {
            return;
        }
        let lasting = self.lasting();
        self.manager.paused_until = self.now + lasting;
        self.tell(format_args!("FAULT: the manager stands still"));
        self.after(lasting, Event::ResumeManager);
    }

    fn step_clocks(&mut self, agent: usize) {
        let hours = [-30, -3, -1, 1, 5][self.random.index(5)] * 3_600;
        let now = self.now;
        if self.random.one_in(2) {
            self.manager.wall_step += hours;
            let wall = self.wall(self.manager.wall_step);
            self.tell(format_args!(
                "FAULT: the manager's clock steps by {hours} s"
            ));
            if let Some(node) = &mut self.manager.node {
                node.set_wall(now, wall);
            }
            return;
        }
        self.agents[agent].wall_step += hours;
        let wall = self.wall(self.agents[agent].wall_step);
        let name = self.agents[agent].name.clone();
        self.tell(format_args!(
            "FAULT: the clock of {name} steps by {hours} s"
        ));
        for shard in &mut self.shards {
            if let Some(node) = shard.node.as_mut().filter(|_| shard.agent == agent) {
                node.set_wall(now, wall);
            }
        }
    }

    fn reload(&mut self) {
        let ports: Vec<_> = (0..self.settings.devices)
            .map(|_| match self.random.number(0, 9) {
                0 => None,
                1 | 2 => Some(23),
                _ => Some(22),
            })
            .collect();
        self.inventory = settings::inventory(self.settings.devices, |index| ports[index]);
        self.tell(format_args!(
            "FAULT: another inventory, of {} devices",
            self.inventory.devices.len()
        ));
        if let Some(node) = &mut self.manager.node {
            node.handle_inventory(self.inventory.clone());
        }
        self.drain_manager();
    }

    /// What a partition held up comes, if none holds it up any more.
    pub(super) fn flow(&mut self, agent: usize) {
        let of_agent = |c: &Connection| self.shards[c.shard].agent == agent;
        let held_up = self.connections.iter().filter(|(_, c)| of_agent(c));
        let held_up: Vec<_> = held_up.map(|(no, _)| *no).collect();
        for no in held_up {
            self.let_come(no, Way::Up);
            self.let_come(no, Way::Down);
        }
    }

    pub(super) fn flow_one(&mut self, no: u64, way: Way) {
        if let Some(connection) = self.connections.get_mut(&no) {
            match way {
                Way::Up => connection.up.is_stopped = false,
                Way::Down => connection.down.is_stopped = false,
            }
            self.let_come(no, way);
        }
    }

    fn let_come(&mut self, no: u64, way: Way) {
        if self.is_stopped(no, way) {
            return;
        }
        let Some(connection) = self.connections.get_mut(&no) else {
            return;
        };
        let (n_missed, event) = match way {
            Way::Up => (std::mem::take(&mut connection.up.n_missed), Event::Up(no)),
            Way::Down => (
                std::mem::take(&mut connection.down.n_missed),
                Event::Down(no),
            ),
        };
        // It is sent again when its sender's patience says so.
        let again = self.random.ms(0, 400);
        for _ in 0..n_missed {
            self.after(again, event.clone());
        }
    }

    pub(super) fn resume_agent(&mut self, agent: usize) {
        if self.now < self.agents[agent].paused_until || !self.agents[agent].is_up {
            return;
        }
        self.agents[agent].resumed_at = self.now;
        let name = self.agents[agent].name.clone();
        self.tell(format_args!("agent {name} goes on"));
        for event in std::mem::take(&mut self.agents[agent].deferred) {
            let after = self.random.ms(0, 30);
            self.after(after, event);
        }
    }

    pub(super) fn resume_manager(&mut self) {
        if self.now < self.manager.paused_until {
            return;
        }
        self.tell(format_args!("the manager goes on"));
        for event in std::mem::take(&mut self.manager.deferred) {
            let after = self.random.ms(0, 30);
            self.after(after, event);
        }
    }

    /// From now on nothing goes wrong any more.
    pub(super) fn heal(&mut self) {
        let now = self.now;
        self.tell(format_args!("HEALED: nothing goes wrong any more"));
        self.healed_at = Some(now);
        for agent in 0..self.agents.len() {
            let this = &mut self.agents[agent];
            this.stopped_until = [now; 2];
            this.slow_until = now;
            if now < std::mem::replace(&mut this.paused_until, now) {
                this.resumed_at = now;
            }
            self.after(Duration::ZERO, Event::ResumeAgent(agent));
            self.after(Duration::ZERO, Event::StartAgent(agent));
        }
        self.manager.paused_until = now;
        self.after(Duration::ZERO, Event::ResumeManager);
        self.after(Duration::ZERO, Event::StartManager);
        for no in 1..=self.n_connections {
            if let Some(connection) = self.connections.get_mut(&no) {
                connection.up.is_stopped = false;
                connection.down.is_stopped = false;
                self.let_come(no, Way::Up);
                self.let_come(no, Way::Down);
            }
        }
        self.after(Duration::from_millis(500), Event::Look);
    }
}
