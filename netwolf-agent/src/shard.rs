//! A shard: one core's event loop with its devices and its own link. Shares nothing with its neighbours but
//! the memory of accepted host keys and the connections to jump hosts.
//!
//! ```text
//!   device tasks --notices--> +--------+ --effects--> tasks, link
//!   link --messages---------> |  core  |
//!   time -------------------> +--------+ --batches, statuses--> link
//! ```
//!
//! This is the driver: it waits for one of a closed set of [`Event`]s, hands it to the [`mind`], which is the
//! [`core`] and the link's machine together, and does what they say. Decisions are in those two.

use std::{
    collections::HashMap,
    future::pending,
    io,
    net::SocketAddr,
    num::{NonZeroU16, NonZeroU32},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use netwolf_wire::{
    AgentName, Incarnation, ShardId,
    frame::FrameError,
    hash,
    message::{Goodbye, Hello, ToAgent},
    tls::stream::Stream,
    version,
};
use thiserror::Error;
use tokio::{
    sync::{mpsc, watch},
    task::{self, AbortHandle, JoinHandle, JoinSet},
    time::sleep_until,
};

use self::{core::Core, mind::Mind, tasks::task_id};
use crate::{
    agent::Leave,
    batching::Load,
    clock::Clock,
    identity::Security,
    link::{
        machine::Machine,
        wires::{Wires, chain},
    },
    links::Links,
    pacing::Pacing,
    session::{
        Commons, Crowd, Notice, Order, TaskId, Traffic, descriptors::Descriptors,
        host_key::AcceptedKeys, ssh::jump::JumpHosts,
    },
};

mod buffer;
mod core;
mod leases;
mod linking;
mod mind;
mod plans;
mod series;
#[cfg(feature = "simulation")]
pub mod simulation;
mod tasks;

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
    /// Of the whole agent.
    pub(crate) security: Security,
    pub(crate) accepted: Arc<AcceptedKeys>,
    pub(crate) jumps: Arc<JumpHosts>,
    pub(crate) descriptors: Descriptors,
    /// Of the whole agent.
    pub(crate) logins_per_second: NonZeroU32,
    /// Of the whole agent.
    pub(crate) leave: Leave,
    pub(crate) load: Load,
    pub(crate) site: Option<String>,
    pub(crate) size: NonZeroU16,
    /// Where the agent's own page listens.
    pub(crate) web: Option<SocketAddr>,
    /// Of the whole agent.
    pub(crate) links: Links,
    /// No step changes a device.
    pub(crate) read_only: bool,
}

impl ShardConfig {
    /// The shard's name.
    pub(crate) fn id(&self) -> ShardId {
        ShardId {
            agent: self.agent.clone(),
            index: self.index,
        }
    }

    /// What it says of itself when it links.
    fn hello(&self) -> Hello {
        Hello {
            protocol: version::CURRENT,
            software: env!("CARGO_PKG_VERSION").into(),
            agent: self.agent.clone(),
            shard: self.index,
            shards: self.shards,
            incarnation: self.incarnation,
            site: self.site.clone(),
            size: self.size.get(),
            web: self.web,
            silent: Duration::ZERO.into(),
            running: Vec::new(),
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
    Connected(io::Result<Stream>),
    Message(ToAgent),
    Broken(Option<FrameError>),
    Time,
    Leave,
    Shutdown,
}

/// The driver's own state.
struct Shard {
    config: ShardConfig,
    mind: Mind<Wires>,
    commons: Commons,
    notices: mpsc::Receiver<(TaskId, Notice)>,
    tasks: JoinSet<()>,
    by_task: HashMap<TaskId, (watch::Sender<Order>, AbortHandle)>,
    by_tokio: HashMap<task::Id, TaskId>,
    connecting: Option<JoinHandle<io::Result<Stream>>>,
}

/// Runs a shard until `shutdown` says so, or the manager lets it leave.
///
/// # Errors
/// [`ShardError`] when the manager does not want the agent.
pub(crate) async fn run(
    config: ShardConfig,
    mut shutdown: watch::Receiver<bool>,
) -> Result<(), ShardError> {
    let mut shard = Shard::new(config, Instant::now());
    loop {
        shard.act(Instant::now());
        match shard.next_event(&mut shutdown).await {
            Event::Shutdown => break,
            event => shard.handle(event, Instant::now())?,
        }
        // Whatever else is there already is handled before anything is sent, which makes batches.
        shard.drain_notices();
        if shard.mind.may_end() {
            break;
        }
        while let Some(ended) = shard.tasks.try_join_next_with_id() {
            shard.handle_ended(task_id(&ended), Instant::now());
        }
    }
    shard.shut_down().await;
    Ok(())
}

impl Shard {
    /// A shard that holds nothing and has no link.
    fn new(config: ShardConfig, now: Instant) -> Self {
        let clock = Clock::start();
        let seed = hash::combine(config.incarnation.0, u64::from(config.index));
        let (sender, notices) = mpsc::channel(NOTICES_DEPTH);
        let traffic = Arc::new(Traffic::default());
        let crowd = Arc::new(Crowd::default());
        let pacing = Pacing::for_shard(config.shards, config.logins_per_second);
        let core = Core::new(clock.clone(), traffic.clone(), crowd.clone(), now)
            .read_only(config.read_only);
        let machine = Machine::new(seed, now);
        Self {
            mind: Mind::new(core, machine, config.hello(), config.manager.clone())
                .leaving_by(config.leave.clone()),
            commons: Commons {
                clock,
                seed,
                pacing: Arc::new(Mutex::new(pacing)),
                accepted: config.accepted.clone(),
                jumps: config.jumps.clone(),
                traffic,
                crowd,
                descriptors: config.descriptors.clone(),
                notices: sender,
            },
            config,
            notices,
            tasks: JoinSet::new(),
            by_task: HashMap::new(),
            by_tokio: HashMap::new(),
            connecting: None,
        }
    }

    async fn next_event(&mut self, shutdown: &mut watch::Receiver<bool>) -> Event {
        let until = self.mind.poll_timeout();
        tokio::select! {
            biased;
            // An error means that the handle is gone, and with it everybody who wanted the shard.
            _ = shutdown.wait_for(|stop| *stop) => Event::Shutdown,
            () = self.config.leave.asked(), if !self.mind.is_leaving() => Event::Leave,
            message = next_message(self.mind.wires()) => match message {
                Some(Ok(message)) => Event::Message(message),
                Some(Err(error)) => Event::Broken(Some(error)),
                None => Event::Broken(None),
            },
            stream = connected(&mut self.connecting) => Event::Connected(stream),
            Some(ended) = self.tasks.join_next_with_id() => Event::Ended(task_id(&ended)),
            Some((id, notice)) = self.notices.recv() => Event::Notice(id, notice),
            () = sleep_until(until.into()) => Event::Time,
        }
    }

    fn handle(&mut self, event: Event, now: Instant) -> Result<(), ShardError> {
        match event {
            Event::Notice(id, notice) => self.mind.core.handle_notice(id, notice, now),
            Event::Ended(id) => self.handle_ended(id, now),
            Event::Connected(stream) => self.handle_connected(stream, now),
            Event::Message(message) => self.mind.handle_message(message, now)?,
            Event::Broken(error) => {
                let error =
                    error.map_or_else(|| "the manager closed it".to_owned(), |error| chain(&error));
                self.mind.lose(&error, now);
            }
            Event::Time => self.mind.handle_timeout(now),
            Event::Leave => self.mind.handle_leave(now),
            Event::Shutdown => {}
        }
        Ok(())
    }

    /// Does what core and machine have to say until they have nothing more.
    fn act(&mut self, now: Instant) {
        self.act_on_link(now);
        while let Some(effect) = self.mind.core.poll_effect() {
            self.do_effect(effect);
        }
        self.mind.send(now);
        self.config
            .links
            .set(self.config.index, self.mind.is_linked());
    }

    /// Closes all sessions and says goodbye, in bounded time.
    async fn shut_down(mut self) {
        let now = Instant::now();
        if let Some(connecting) = self.connecting.take() {
            connecting.abort();
        }
        self.mind.core.stop_all(now);
        let deadline = now + STOP_BOUND;
        while !self.mind.core.is_idle() {
            while let Some(effect) = self.mind.core.poll_effect() {
                self.do_effect(effect);
            }
            tokio::select! {
                Some(ended) = self.tasks.join_next_with_id() => {
                    self.handle_ended(task_id(&ended), Instant::now());
                }
                Some((id, notice)) = self.notices.recv() => self.mind.core.handle_notice(id, notice, Instant::now()),
                () = sleep_until(deadline.into()) => {
                    tracing::debug!(n_tasks = self.tasks.len(), "sessions that did not close in time are cut");
                    break;
                }
            }
        }
        self.tasks.shutdown().await;
        self.drain_notices();
        self.mind.core.handle_cut_off(Instant::now());
        if let Some(wires) = self.mind.take_wires() {
            // Permits that were used are ended, so that no other login waits for them.
            while let Some(words) = self.mind.core.poll_last_words() {
                if wires.control(words).is_err() {
                    return;
                }
            }
            if wires.control(Goodbye {}).is_ok() {
                wires.finish(GOODBYE_BOUND).await;
            }
        }
    }
}

async fn next_message(wires: &mut Option<Wires>) -> Option<Result<ToAgent, FrameError>> {
    match wires {
        Some(wires) => wires.next().await,
        None => pending().await,
    }
}

async fn connected(connecting: &mut Option<JoinHandle<io::Result<Stream>>>) -> io::Result<Stream> {
    match connecting {
        Some(handle) => handle
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error))),
        None => pending().await,
    }
}

#[cfg(test)]
mod tests;
