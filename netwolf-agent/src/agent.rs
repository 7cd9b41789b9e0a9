//! An agent: its shards, each on a thread of its own, and the handle that starts and ends them.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    io,
    net::SocketAddr,
    num::{NonZeroU16, NonZeroU32},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use netwolf_wire::{AgentName, Incarnation};
use thiserror::Error;
use tokio::{
    runtime,
    sync::{mpsc, watch},
};
use tracing::Instrument;

use crate::{
    batching::{Batching, Load},
    identity::Security,
    links::Links,
    pacing::LOGINS_PER_SECOND,
    session::{descriptors::Descriptors, host_key::AcceptedKeys, ssh::jump::JumpHosts},
    shard::{self, ShardConfig, ShardError},
};

/// A shutdown takes no longer: sessions and the goodbye have bounds that add up to less.
const SHUTDOWN_BOUND: Duration = Duration::from_secs(1);

/// Tasks that run between two looks at the sockets. With the default of 61 a busy shard looks several times in each
/// batch, and finds little.
const EVENT_INTERVAL: u32 = 256;

/// What an agent needs to know.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// The manager's address for agents, `HOST:PORT`; resolved anew for each connection.
    pub manager: String,
    /// How links are kept from others.
    pub security: Security,
    /// Unique among the agents of the manager.
    pub name: AgentName,
    /// Event loops, each on a thread of its own; one for each core is best.
    pub shards: NonZeroU16,
    /// Whether each shard stays on a core of its own. Two agents on one machine share cores then.
    pub pin: bool,
    /// Logins a second, all shards together; a burst of as many may follow a quiet time.
    pub logins_per_second: NonZeroU32,
    /// Where it is: devices with the label `site` of this value are placed here before others.
    pub site: Option<String>,
    /// How many devices a shard takes beside one of size 1.
    pub size: NonZeroU16,
    /// Where the agent's own page listens, if it has one: told to the manager, which lists it.
    pub web: Option<SocketAddr>,
    /// Carry out no step of a run that changes a device, whatever the manager says.
    pub read_only: bool,
}

impl AgentConfig {
    /// An agent with a shard for each core of this machine, each staying on its core, and plain links to a manager on
    /// this machine.
    pub fn new(manager: impl Into<String>, name: AgentName) -> Self {
        Self {
            manager: manager.into(),
            security: Security::Plaintext { insecure: false },
            name,
            shards: default_shards(),
            pin: true,
            logins_per_second: LOGINS_PER_SECOND,
            site: None,
            size: NonZeroU16::MIN,
            web: None,
            read_only: false,
        }
    }
}

/// A shard for each core that this process may use.
pub fn default_shards() -> NonZeroU16 {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    u16::try_from(cores)
        .ok()
        .and_then(NonZeroU16::new)
        .unwrap_or(NonZeroU16::MIN)
}

/// Why an agent did not start, or ended by itself.
#[derive(Debug, Error)]
pub enum AgentError {
    /// The operating system gave no thread or event loop.
    #[error("cannot start shard {index}")]
    Start {
        /// Which shard.
        index: u16,
        /// Why.
        #[source]
        error: std::io::Error,
    },
    /// A shard was sent away by the manager.
    #[error(transparent)]
    Shard(#[from] ShardError),
    /// A shard ended by a fault of this program.
    #[error("shard {0} panicked; the log has the place")]
    Panicked(u16),
}

/// Starts agents.
#[derive(Clone, Copy, Debug)]
pub struct Agent;

impl Agent {
    /// Starts an agent. It keeps looking for its manager until it is shut down or sent away.
    ///
    /// # Errors
    /// [`AgentError::Start`] when the operating system gives no thread.
    pub fn start(config: AgentConfig) -> Result<AgentHandle, AgentError> {
        // A session is a descriptor; the usual soft limit of 1,024 is for programs that use select(2).
        let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap_or_else(|error| {
            tracing::warn!(%error, "the limit of open files is not known, or could not be raised");
            u64::MAX
        });
        let AgentConfig {
            manager,
            security,
            name,
            shards,
            pin,
            logins_per_second,
            site,
            size,
            web,
            read_only,
        } = config;
        let shards = shards.get();
        let links = Links::new(shards);
        let descriptors = Descriptors::within(limit, shards);
        let n_sessions = descriptors.n_places();
        tracing::info!(limit, n_sessions, "open files allow so many sessions");
        let (shutdown, stop) = watch::channel(false);
        let leave = Leave::default();
        let (tell, ended) = mpsc::channel(usize::from(shards));
        let accepted = Arc::new(AcceptedKeys::default());
        let jumps = Arc::new(JumpHosts::default());
        let incarnation =
            Incarnation(RandomState::new().hash_one((std::process::id(), Instant::now())));
        let cores = if pin {
            core_affinity::get_core_ids().unwrap_or_default()
        } else {
            Vec::new()
        };
        if pin && cores.len() < usize::from(shards) {
            tracing::warn!(
                shards,
                cores = cores.len(),
                "there are more shards than cores; the others are not pinned"
            );
        }
        let mut handle = AgentHandle {
            name: name.clone(),
            shards,
            links: links.clone(),
            shutdown,
            leave: leave.clone(),
            ended,
            n_running: shards,
            threads: Vec::new(),
        };
        for index in 0..shards {
            let shard = ShardConfig {
                agent: name.clone(),
                index,
                shards,
                incarnation,
                manager: manager.clone(),
                security: security.clone(),
                accepted: accepted.clone(),
                logins_per_second,
                jumps: jumps.clone(),
                descriptors: descriptors.clone(),
                leave: leave.clone(),
                load: Load::default(),
                site: site.clone(),
                size,
                web,
                links: links.clone(),
                read_only,
            };
            let (stop, tell, links, core) = (
                stop.clone(),
                tell.clone(),
                links.clone(),
                cores.get(usize::from(index)).copied(),
            );
            let failed = |error| AgentError::Start { index, error };
            let (runtime, load) = event_loop().map_err(failed)?;
            let shard = ShardConfig { load, ..shard };
            let thread = thread::Builder::new()
                .name(format!("shard-{index}"))
                .spawn(move || {
                    if core.is_some_and(|core| !core_affinity::set_for_current(core)) {
                        tracing::warn!(shard = index, "the shard could not be pinned to its core");
                    }
                    let result = run_shard(&runtime, shard, stop);
                    links.set(index, false);
                    // The queue has room for every shard, so only a handle that is gone can refuse.
                    if tell.try_send(result).is_err() {
                        tracing::trace!(shard = index, "nobody waits for the shard");
                    }
                });
            handle.threads.push(thread.map_err(failed)?);
        }
        Ok(handle)
    }
}

/// A shard's event loop, and where its load can be read.
fn event_loop() -> io::Result<(runtime::Runtime, Load)> {
    // Locked by one thread only: the one that runs the loop.
    let batching = Batching::new(Instant::now());
    let load = batching.load();
    let batching = Arc::new(Mutex::new(batching));
    let parking = batching.clone();
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .event_interval(EVENT_INTERVAL)
        .on_thread_park(move || {
            let pause = lock(&parking).handle_park(Instant::now());
            if let Some(pause) = pause {
                wait_for_more(pause);
            }
        })
        .on_thread_unpark(move || lock(&batching).handle_unpark(Instant::now()))
        .build()?;
    Ok((runtime, load))
}

fn lock(batching: &Mutex<Batching>) -> MutexGuard<'_, Batching> {
    batching.lock().unwrap_or_else(PoisonError::into_inner)
}

#[expect(
    clippy::disallowed_methods,
    reason = "every task of this thread waits already: this is the one place where a pause costs no session anything"
)]
fn wait_for_more(pause: Duration) {
    thread::sleep(pause);
}

fn run_shard(
    runtime: &runtime::Runtime,
    config: ShardConfig,
    stop: watch::Receiver<bool>,
) -> Result<(), AgentError> {
    let index = config.index;
    let span = tracing::info_span!("shard", shard = %config.id());
    let run = || runtime.block_on(shard::run(config, stop).instrument(span));
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(result) => result.map_err(AgentError::from),
        Err(_) => Err(AgentError::Panicked(index)),
    }
}

/// The wish that an agent leaves: it goes on until the manager has given its devices to others, and then ends by itself
/// ([`AgentHandle::ended`]); without a link to the manager at once.
#[derive(Clone, Debug, Default)]
pub struct Leave(watch::Sender<bool>);

impl Leave {
    /// Asks the agent to leave; tells whether it was asked before.
    pub fn ask(&self) -> bool {
        self.0.send_replace(true)
    }

    /// Waits until the agent is asked to, here or by an operator at the manager.
    pub async fn asked(&self) {
        let asked = self.0.subscribe().wait_for(|asked| *asked).await.is_ok();
        debug_assert!(asked, "the sender is here");
    }
}

/// A running agent. Dropping it shuts the agent down without waiting.
pub struct AgentHandle {
    name: AgentName,
    shards: u16,
    links: Links,
    shutdown: watch::Sender<bool>,
    leave: Leave,
    ended: mpsc::Receiver<Result<(), AgentError>>,
    /// Shards that have not said that they ended.
    n_running: u16,
    threads: Vec<thread::JoinHandle<()>>,
}

impl fmt::Debug for AgentHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentHandle")
            .field("name", &self.name)
            .field("shards", &self.shards)
            .finish_non_exhaustive()
    }
}

impl AgentHandle {
    /// The agent's name.
    pub const fn name(&self) -> &AgentName {
        &self.name
    }

    /// How many shards it has.
    pub const fn shards(&self) -> u16 {
        self.shards
    }

    /// Which shards are linked to the manager.
    pub fn links(&self) -> Links {
        self.links.clone()
    }

    /// Waits until all shards have left, or one ends by itself. It may be dropped and called again.
    ///
    /// # Errors
    /// Why the shard ended.
    pub async fn ended(&mut self) -> Result<(), AgentError> {
        while self.n_running > 0 {
            match self.ended.recv().await {
                Some(Err(error)) => return Err(error),
                Some(Ok(())) => self.n_running -= 1,
                None => std::future::pending().await,
            }
        }
        Ok(())
    }

    /// By which the agent is asked to leave.
    pub fn leave(&self) -> Leave {
        self.leave.clone()
    }

    /// Stops all polls, closes all sessions and tells the manager goodbye. Takes at most a second; what has
    /// not ended by then is left to end with the process.
    pub async fn shutdown(mut self) {
        self.shutdown.send_replace(true);
        let everybody = async {
            for _ in 0..self.n_running {
                self.ended.recv().await;
            }
        };
        if tokio::time::timeout(SHUTDOWN_BOUND, everybody)
            .await
            .is_err()
        {
            tracing::warn!("not all shards ended in time");
            return;
        }
        for thread in self.threads.drain(..) {
            // The thread has said its last word, so this does not wait; its panics were caught.
            if thread.join().is_err() {
                tracing::error!("a shard's thread panicked");
            }
        }
    }
}

impl Drop for AgentHandle {
    fn drop(&mut self) {
        self.shutdown.send_replace(true);
    }
}
