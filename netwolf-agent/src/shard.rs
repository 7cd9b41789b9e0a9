//! A shard: one core's event loop with its devices and its own link. Shares nothing with its neighbours but
//! the memory of accepted host keys.
//!
//! ```text
//!   device tasks --notices--> +--------+ --effects--> tasks, link
//!   link --messages---------> |  core  |
//!   time -------------------> +--------+ --batches, statuses--> link
//! ```
//!
//! This is the driver: it waits for one of a closed set of [`Event`]s, hands it to the [`core`] and to the
//! link's machine, and does what they say. Decisions are in those two.

use std::{
    collections::HashMap,
    future::pending,
    io,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use netwolf_wire::{
    AgentName, Incarnation, ShardId,
    frame::FrameError,
    hash,
    message::{Goodbye, Heartbeat, ToAgent},
    version,
};
use thiserror::Error;
use tokio::{
    net::TcpStream,
    sync::{mpsc, watch},
    task::{self, AbortHandle, JoinError, JoinHandle, JoinSet},
    time::sleep_until,
};
use tracing::Instrument;

use self::core::{Core, Effect};
use crate::{
    clock::{self, Clock},
    link::{
        machine::{Action, Machine},
        wires::{self, Wires, chain},
    },
    pacing::Pacing,
    session::{Commons, Notice, Order, Session, TaskId, host_key::AcceptedKeys},
};

mod buffer;
mod core;
mod leases;
mod linking;
mod plans;
mod series;

/// Notices that the shard has not looked at. When they are full devices wait with what they have to tell, and
/// polls that are late for it are skipped and counted.
const NOTICES_DEPTH: usize = 1024;
/// Sessions have so long to close when the shard shuts down; then they are cut.
const STOP_BOUND: Duration = Duration::from_millis(600);
/// The goodbye has so long to leave.
const GOODBYE_BOUND: Duration = Duration::from_millis(200);

/// What a shard needs to know of itself.
#[derive(Clone, Debug)]
pub(crate) struct ShardConfig {
    pub(crate) agent: AgentName,
    pub(crate) index: u16,
    pub(crate) shards: u16,
    pub(crate) incarnation: Incarnation,
    /// `HOST:PORT`.
    pub(crate) manager: String,
    pub(crate) accepted: Arc<AcceptedKeys>,
}

impl ShardConfig {
    /// The shard's name.
    pub(crate) fn id(&self) -> ShardId {
        ShardId {
            agent: self.agent.clone(),
            index: self.index,
        }
    }
}

/// Why a shard ended by itself.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ShardError {
    /// The manager does not want this agent, now or later.
    #[error("the manager refused this agent: {0}")]
    Refused(String),
    /// Manager and agent speak different protocols.
    #[error(transparent)]
    Incompatible(#[from] version::Incompatible),
}

/// What a shard waits for.
enum Event {
    Notice(TaskId, Notice),
    Ended(task::Id),
    Connected(io::Result<TcpStream>),
    Message(ToAgent),
    Broken(Option<FrameError>),
    Time,
    Shutdown,
}

/// The driver's own state.
struct Shard {
    config: ShardConfig,
    core: Core,
    machine: Machine,
    commons: Commons,
    notices: mpsc::Receiver<(TaskId, Notice)>,
    tasks: JoinSet<()>,
    by_task: HashMap<TaskId, (watch::Sender<Order>, AbortHandle)>,
    by_tokio: HashMap<task::Id, TaskId>,
    connecting: Option<JoinHandle<io::Result<TcpStream>>>,
    wires: Option<Wires>,
    /// Heartbeats that are under way, each with the place up to which polls were written before it.
    marks: Vec<(u64, u64)>,
    /// The link's trouble was logged; it is not logged again until the link stands.
    complained: bool,
}

/// Runs a shard until `shutdown` says so.
///
/// # Errors
/// [`ShardError`] when the manager does not want the agent.
pub(crate) async fn run(
    config: ShardConfig,
    mut shutdown: watch::Receiver<bool>,
) -> Result<(), ShardError> {
    let now = Instant::now();
    let clock = Clock::start();
    let seed = hash::combine(config.incarnation.0, u64::from(config.index));
    let (sender, notices) = mpsc::channel(NOTICES_DEPTH);
    let mut shard = Shard {
        core: Core::new(clock.clone(), now),
        machine: Machine::new(seed, now),
        commons: Commons {
            clock,
            seed,
            pacing: Arc::new(Mutex::new(Pacing::for_shard(config.shards))),
            accepted: config.accepted.clone(),
            notices: sender,
        },
        config,
        notices,
        tasks: JoinSet::new(),
        by_task: HashMap::new(),
        by_tokio: HashMap::new(),
        connecting: None,
        wires: None,
        marks: Vec::new(),
        complained: false,
    };
    loop {
        shard.act(Instant::now());
        match shard.next_event(&mut shutdown).await {
            Event::Shutdown => break,
            event => shard.handle(event, Instant::now())?,
        }
        // Whatever else is there already is handled before anything is sent, which makes batches.
        while let Ok((id, notice)) = shard.notices.try_recv() {
            shard.core.handle_notice(id, notice, Instant::now());
        }
        while let Some(ended) = shard.tasks.try_join_next_with_id() {
            shard.handle_ended(task_id(&ended), Instant::now());
        }
    }
    shard.shut_down().await;
    Ok(())
}

impl Shard {
    async fn next_event(&mut self, shutdown: &mut watch::Receiver<bool>) -> Event {
        let running = self.machine.is_running();
        let sends = [self.core.statuses_at(), self.core.flush_at()]
            .into_iter()
            .flatten()
            .filter(|_| running);
        let until = sends
            .chain([self.core.poll_timeout(), self.machine.poll_timeout()])
            .min();
        tokio::select! {
            biased;
            // An error means that the handle is gone, and with it everybody who wanted the shard.
            _ = shutdown.wait_for(|stop| *stop) => Event::Shutdown,
            message = next_message(&mut self.wires) => match message {
                Some(Ok(message)) => Event::Message(message),
                Some(Err(error)) => Event::Broken(Some(error)),
                None => Event::Broken(None),
            },
            stream = connected(&mut self.connecting) => Event::Connected(stream),
            Some(ended) = self.tasks.join_next_with_id() => Event::Ended(task_id(&ended)),
            Some((id, notice)) = self.notices.recv() => Event::Notice(id, notice),
            () = sleep_until_or_never(until) => Event::Time,
        }
    }

    fn handle(&mut self, event: Event, now: Instant) -> Result<(), ShardError> {
        match event {
            Event::Notice(id, notice) => self.core.handle_notice(id, notice, now),
            Event::Ended(id) => self.handle_ended(id, now),
            Event::Connected(stream) => self.handle_connected(stream, now),
            Event::Message(message) => self.handle_message(message, now)?,
            Event::Broken(error) => {
                let error =
                    error.map_or_else(|| "the manager closed it".to_owned(), |error| chain(&error));
                self.lose(&error, now);
            }
            Event::Time => self.core.handle_timeout(now),
            Event::Shutdown => {}
        }
        Ok(())
    }

    fn handle_ended(&mut self, id: task::Id, now: Instant) {
        if let Some(id) = self.by_tokio.remove(&id) {
            self.by_task.remove(&id);
            self.core.handle_ended(id, now);
        }
    }

    /// Does what core and machine have to say until they have nothing more.
    fn act(&mut self, now: Instant) {
        while let Some(action) = self.machine.poll_action(now) {
            match action {
                Action::Connect => {
                    let manager = self.config.manager.clone();
                    self.connecting =
                        Some(tokio::spawn(async move { wires::connect(&manager).await }));
                }
                Action::Beat(beat) => {
                    if let Some(step_seconds) = self.commons.clock.follow(now, clock::wall()) {
                        tracing::warn!(
                            step_seconds,
                            "the clock of this machine was set: sample times follow it"
                        );
                    }
                    let stats = self.core.stats();
                    if let Some(wires) = &self.wires {
                        self.marks.push((beat, wires.written()));
                        if wires.control(Heartbeat { beat, stats }).is_err() {
                            self.lose("it does not take what is sent", now);
                        }
                    }
                }
                Action::Close(why) => {
                    if let Some(connecting) = self.connecting.take() {
                        connecting.abort();
                    }
                    self.wires = None;
                    self.complain(why);
                }
            }
        }
        while let Some(effect) = self.core.poll_effect() {
            self.do_effect(effect);
        }
        if self.machine.is_running() {
            self.send(now);
        }
    }

    fn do_effect(&mut self, effect: Effect) {
        match effect {
            Effect::Start {
                id,
                device,
                target,
                plan,
                delay,
            } => {
                let span = tracing::info_span!("session", %device, platform = %plan.platform.name);
                let (orders, receiver) = watch::channel(Order { plan, stop: false });
                let session = Session {
                    id,
                    device,
                    target: *target,
                    orders: receiver,
                    commons: self.commons.clone(),
                    delay,
                };
                let abort = self.tasks.spawn(session.run().instrument(span));
                self.by_tokio.insert(abort.id(), id);
                self.by_task.insert(id, (orders, abort));
            }
            Effect::Replan(id, plan) => {
                if let Some((orders, _)) = self.by_task.get(&id) {
                    orders.send_modify(|order| order.plan = plan);
                }
            }
            Effect::Stop(id) => {
                if let Some((orders, _)) = self.by_task.get(&id) {
                    orders.send_modify(|order| order.stop = true);
                }
            }
            Effect::Abort(id) => {
                if let Some((_, abort)) = self.by_task.get(&id) {
                    abort.abort();
                }
            }
        }
    }

    /// Closes all sessions and says goodbye, in bounded time.
    async fn shut_down(mut self) {
        let now = Instant::now();
        if let Some(connecting) = self.connecting.take() {
            connecting.abort();
        }
        self.core.stop_all(now);
        let deadline = now + STOP_BOUND;
        while !self.core.is_idle() {
            while let Some(effect) = self.core.poll_effect() {
                self.do_effect(effect);
            }
            tokio::select! {
                Some(ended) = self.tasks.join_next_with_id() => {
                    self.handle_ended(task_id(&ended), Instant::now());
                }
                Some((id, notice)) = self.notices.recv() => self.core.handle_notice(id, notice, Instant::now()),
                () = sleep_until(deadline.into()) => {
                    tracing::debug!(n_tasks = self.tasks.len(), "sessions that did not close in time are cut");
                    break;
                }
            }
        }
        self.tasks.shutdown().await;
        if self.machine.is_running()
            && let Some(wires) = self.wires.take()
            && wires.control(Goodbye {}).is_ok()
        {
            wires.finish(GOODBYE_BOUND).await;
        }
    }
}

fn task_id(ended: &Result<(task::Id, ()), JoinError>) -> task::Id {
    match ended {
        Ok((id, ())) => *id,
        Err(error) => error.id(),
    }
}

async fn next_message(wires: &mut Option<Wires>) -> Option<Result<ToAgent, FrameError>> {
    match wires {
        Some(wires) => wires.next().await,
        None => pending().await,
    }
}

async fn connected(
    connecting: &mut Option<JoinHandle<io::Result<TcpStream>>>,
) -> io::Result<TcpStream> {
    match connecting {
        Some(handle) => handle
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error))),
        None => pending().await,
    }
}

async fn sleep_until_or_never(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until.into()).await,
        None => pending().await,
    }
}
