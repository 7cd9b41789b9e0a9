//! Shards and their tasks: what their nodes want done.

use super::*;

impl World {
    pub(super) fn run_timer(&mut self, shard: usize, life: u64) {
        let now = self.now;
        let this = &mut self.shards[shard];
        if this.life != life || this.timer_at.is_none_or(|at| now < at) {
            return;
        }
        this.timer_at = None;
        self.with_node(shard, |node| node.handle_timeout(now));
    }

    /// Calls a shard's node, if it runs, and does what comes of it.
    pub(super) fn with_node(&mut self, shard: usize, call: impl FnOnce(&mut ShardNode)) {
        let this = &mut self.shards[shard];
        let Some(node) = &mut this.node else { return };
        if let Some(connection) = this.connection {
            node.set_room(self.connections[&connection].up.len() < 40);
        }
        call(node);
        while let Some(output) = self.shards[shard]
            .node
            .as_mut()
            .and_then(ShardNode::poll_output)
        {
            self.do_for_shard(shard, output);
        }
        self.set_timer(shard);
    }

    pub(super) fn set_timer(&mut self, shard: usize) {
        let this = &self.shards[shard];
        let Some(node) = &this.node else { return };
        let due = node.poll_timeout().max(self.now);
        if this.timer_at.is_some_and(|at| at <= due) {
            return;
        }
        let at = due + self.random.ms(0, 2);
        let this = &mut self.shards[shard];
        this.timer_at = Some(at);
        let event = Event::Timer(shard, this.life);
        self.after(at - self.now, event);
    }

    pub(super) fn do_for_shard(&mut self, shard: usize, output: ShardOutput) {
        let id = self.shards[shard].id.clone();
        match output {
            ShardOutput::Connect => {
                self.shards[shard].attempt += 1;
                let event = Event::Connect(shard, self.shards[shard].attempt);
                let delay = self.delay(shard) * 2;
                self.after(delay, event);
            }
            ShardOutput::Send(message) => self.send_up(shard, message),
            ShardOutput::Disconnect => {
                self.tell(format_args!("{id} closes its link"));
                self.close_shard_end(shard);
            }
            ShardOutput::Start {
                task,
                device,
                held,
                delay,
            } => self.start_task(shard, task, &device, held, delay),
            ShardOutput::Hold(task, is_held) => {
                if let Some(session) = self.shards[shard].sessions.get_mut(&task) {
                    session.is_held = is_held;
                    if !is_held && session.state == State::Waiting {
                        let after = self.random.ms(1, 50);
                        self.next_turn(shard, task, after);
                    }
                }
            }
            ShardOutput::Stop(task) => {
                if let Some(session) = self.shards[shard].sessions.get_mut(&task) {
                    let device = session.device.clone();
                    let is_live = session.is_live();
                    session.state = State::Stopping(is_live);
                    let after = if is_live {
                        session::closing(&mut self.random)
                    } else {
                        self.random.ms(0, 2)
                    };
                    self.tell(format_args!("{id} stops task {} of {device}", task.0));
                    self.next_turn(shard, task, after);
                }
            }
            ShardOutput::Abort(task) => {
                let after = self.random.ms(0, 5);
                self.next_turn(shard, task, after);
            }
            ShardOutput::Verdict(task, is_granted) => {
                if let Some(session) = self.shards[shard].sessions.get_mut(&task)
                    && session.state == State::Asking
                {
                    let after = if is_granted {
                        session.state = State::LoggingIn;
                        self.random.ms(50, 800)
                    } else {
                        Duration::ZERO
                    };
                    self.next_turn(shard, task, after);
                }
            }
            ShardOutput::Refused(why) => {
                self.wrong = Some(format!("{id} is refused for good: {why}"));
            }
        }
    }

    pub(super) fn start_task(
        &mut self,
        shard: usize,
        task: TaskNo,
        device: &DeviceName,
        is_held: bool,
        delay: Duration,
    ) {
        let this = &mut self.shards[shard];
        let epoch = this.assigned.get(device).copied().unwrap_or(Epoch(0));
        self.mix(epoch.0 ^ task.0);
        let this = &mut self.shards[shard];
        let id = this.id.clone();
        if this.sessions.values().any(|other| other.device == *device) {
            self.wrong = Some(format!("{id} starts a second task for {device}"));
            return;
        }
        let session = Session {
            device: device.clone(),
            began: self.now,
            epochs: vec![epoch],
            state: State::Waiting,
            is_held,
            turn: 0,
        };
        this.sessions.insert(task, session);
        self.tell(format_args!(
            "{id} starts task {} for {device} under {epoch}",
            task.0
        ));
        self.next_turn(shard, task, delay);
    }

    pub(super) fn next_turn(&mut self, shard: usize, task: TaskNo, after: Duration) {
        let this = &mut self.shards[shard];
        let life = this.life;
        if let Some(session) = this.sessions.get_mut(&task) {
            session.turn += 1;
            let event = Event::Session(shard, life, task, session.turn);
            self.after(after, event);
        }
    }

    /// A task does what is next.
    pub(super) fn go_on(&mut self, shard: usize, life: u64, task: TaskNo, turn: u64) {
        let now = self.now;
        let this = &mut self.shards[shard];
        let session = this.sessions.get_mut(&task);
        let Some(session) = session.filter(|session| this.life == life && session.turn == turn)
        else {
            return;
        };
        let told = match session.state {
            State::Waiting if session.is_held => return,
            State::Waiting => {
                session.state = State::Connecting;
                let device = session.device.clone();
                let after = self.random.ms(5, 150);
                self.next_turn(shard, task, after);
                self.check_sessions_of(&device);
                Told::Connecting
            }
            State::Connecting => {
                session.state = State::Asking;
                self.next_turn(shard, task, PERMIT_DEADLINE);
                Told::Asking
            }
            State::Asking => {
                session.state = State::Waiting;
                let wait = self.random.ms(100, 1_500);
                self.next_turn(shard, task, wait);
                Told::Failed(wait)
            }
            State::LoggingIn => {
                session.state = State::Up;
                let device = session.device.clone();
                let after = self.random.ms(1, 500);
                self.next_turn(shard, task, after);
                let id = &self.shards[shard].id.clone();
                self.tell(format_args!("{id} has a session to {device}"));
                Told::Up(Duration::from_millis(200))
            }
            State::Up if self.healed_at.is_none() && self.random.one_in(200) => {
                session.state = State::Waiting;
                let wait = self.random.ms(100, 1_500);
                self.next_turn(shard, task, wait);
                Told::Lost(wait)
            }
            State::Up => {
                self.samples.push(Sample {
                    at: now,
                    shard,
                    life,
                    task,
                    has_arrived: false,
                });
                self.summary.samples += 1;
                self.next_turn(shard, task, INTERVAL);
                #[expect(clippy::cast_precision_loss, reason = "a world has few samples")]
                Told::Polled((self.samples.len() - 1) as f64)
            }
            State::Stopping(_) => {
                let device = session.device.clone();
                this.sessions.remove(&task);
                let id = this.id.clone();
                self.tell(format_args!("{id}: task {} of {device} has ended", task.0));
                Told::Ended
            }
        };
        self.with_node(shard, |node| node.handle_told(now, task, told));
    }

    pub(super) fn start_agent(&mut self, agent: usize) {
        let now = self.now;
        let this = &mut self.agents[agent];
        if std::mem::replace(&mut this.is_up, true) {
            return;
        }
        this.incarnation += 1;
        this.resumed_at = now;
        let (name, n_shards, incarnation) = (this.name.clone(), this.n_shards, this.incarnation);
        let wall = self.wall(self.agents[agent].wall_step);
        self.tell(format_args!("agent {name} starts"));
        for shard in 0..self.shards.len() {
            if self.shards[shard].agent != agent {
                continue;
            }
            let hello = Hello {
                protocol: version::CURRENT,
                software: "simulation".into(),
                agent: name.clone(),
                shard: self.shards[shard].id.index,
                shards: n_shards,
                incarnation: Incarnation(incarnation),
                site: None,
                size: 1,
                web: None,
                silent: Span::default(),
                running: Vec::new(),
            };
            let node = ShardNode::new(hello, self.random.next(), now, wall);
            self.shards[shard].node = Some(node);
            self.with_node(shard, |node| node.handle_timeout(now));
        }
    }
}
