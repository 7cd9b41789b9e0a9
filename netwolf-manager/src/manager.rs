//! A whole manager: starts its tasks in the right order and ends them within a second.
//!
//! ```text
//!   configuration -> listeners -> core -> runs, links, web, reloader, sweeper, keeper of known shards
//! ```
//!
//! Used by the program itself, by `netwolf standalone` and `netwolf demo`, and by tests.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use hyper_util::service::TowerToHyperService;
use netwolf_web::{
    config::WebConfigError,
    gate::Gate,
    listen::{ListenError, listen},
    server::Server,
};
use thiserror::Error;
use tokio::{
    net::TcpListener,
    sync::watch,
    time::{MissedTickBehavior, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, info, warn};

use crate::{
    backup,
    clock::unix_seconds,
    config::{self, Faults, Loaded},
    core::Core,
    fleet::file::{self, Remembered},
    http::{self, Part, Web, guard::vouches},
    link,
    reload::{ReloadHandle, Reloader, Watch, log_warnings},
    runs::{self, book::Book},
    state::State,
    storage::{Storage, StorageError},
    trust::{Trust, TrustError},
};

/// Flag of the agents' port, as errors name it.
pub const AGENT_FLAG: &str = "--agent.listen-address";

/// Flag of the web port.
pub const WEB_FLAG: &str = "--web.listen-address";

/// Flag of the API's port, where it has one of its own.
pub const API_FLAG: &str = "--api.listen-address";

/// Flag of the storage folder.
pub const STORAGE_FLAG: &str = "--storage.path";

/// Everything has ended by then, or is left to end with the process.
const SHUTDOWN: Duration = Duration::from_millis(800);

/// From one look for stale series to the next.
const SWEEP: Duration = Duration::from_secs(5);

/// From one look for series that have ended to the next, where receivers are to be told of them.
const ENDS: Duration = Duration::from_secs(1);

/// From one look at what is due of authorities and certificates to the next.
const TRUST: Duration = Duration::from_mins(1);

/// What a manager is started with.
#[derive(Debug)]
pub struct ManagerConfig {
    /// `HOST:PORT` of the web port; port 0 lets the operating system choose.
    pub web: String,
    /// `HOST:PORT` of a port for the API, the page for people and reloads; on the web port where there is none.
    pub api: Option<String>,
    /// The web configuration, of exporter-toolkit's format.
    pub web_config: Option<PathBuf>,
    /// `HOST:PORT` of the agents' port.
    pub agents: String,
    /// Whether agents may come without TLS where the agents' port can be reached from outside.
    pub insecure_plaintext: bool,
    /// Folder for what is kept over a restart; made where it does not exist.
    pub storage: PathBuf,
    /// Where the configuration comes from.
    pub source: Source,
}

/// Where a configuration comes from.
#[derive(Debug)]
pub enum Source {
    /// A file, which is watched and can be read again.
    File(PathBuf),
    /// From the caller, once.
    Given(Box<Loaded>),
}

/// Why a manager did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The configuration has faults.
    #[error(transparent)]
    Config(#[from] Faults),
    /// The web configuration has faults.
    #[error(transparent)]
    Web(#[from] WebConfigError),
    /// A port cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The storage folder cannot be used.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// It is not known who is trusted.
    #[error(
        "cannot tell whom to trust\n  hint: the folder `trust` in the one given with `{STORAGE_FLAG}` must be whole and \
         writable; without it a new one is made, and every agent has to join again"
    )]
    Trust(#[from] TrustError),
    /// The configuration could not be read in time.
    #[error("the configuration could not be read: the runtime is shutting down")]
    Runtime,
}

impl StartError {
    /// 2 for bad usage or configuration, 1 for what failed in spite of them.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Web(_) | Self::Listen(ListenError::Address { .. }) => 2,
            Self::Listen(ListenError::Bind { .. })
            | Self::Storage(_)
            | Self::Trust(_)
            | Self::Runtime => 1,
        }
    }
}

/// A part of the manager ended although nobody asked it to, so that everything did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "the manager's {0} ended by a fault of this program\n  hint: the log has the place; start the manager again"
)]
pub struct Died(&'static str);

/// Ends everything when a part ends that the rest is of no use without.
#[derive(Clone, Debug)]
struct Alarm {
    stop: CancellationToken,
    died: watch::Sender<Option<Died>>,
}

impl Alarm {
    /// Runs a part, such as `core`; whether it returns or panics before it was cancelled, its end is everybody's.
    async fn guard(self, part: &'static str, task: impl Future<Output = ()>) {
        let _armed = Armed { alarm: self, part };
        task.await;
    }
}

struct Armed {
    alarm: Alarm,
    part: &'static str,
}

impl Drop for Armed {
    fn drop(&mut self) {
        let Alarm { stop, died } = &self.alarm;
        if !stop.is_cancelled() {
            error!(
                part = self.part,
                "a part of the manager has ended; it stops"
            );
            died.send_replace(Some(Died(self.part)));
            stop.cancel();
        }
    }
}

/// A manager that runs; dropping it stops it too, without waiting.
#[derive(Debug)]
pub struct Manager {
    /// Where the web port is.
    pub web_addr: SocketAddr,
    /// Where the API is.
    pub api_addr: SocketAddr,
    /// Where agents connect.
    pub agents_addr: SocketAddr,
    state: Arc<State>,
    reload: ReloadHandle,
    alarm: Alarm,
    tasks: TaskTracker,
}

impl Drop for Manager {
    fn drop(&mut self) {
        self.alarm.stop.cancel();
    }
}

impl Manager {
    /// Starts a manager on the present runtime. When it returns, both ports are open.
    ///
    /// # Errors
    /// [`StartError`]; then nothing is left running.
    pub async fn start(config: ManagerConfig) -> Result<Self, StartError> {
        let (loaded, path, watch) = read(config.source).await?;
        log_warnings(&loaded);
        let web_config = config.web_config;
        let gate = tokio::task::spawn_blocking(|| Gate::new(web_config));
        let gate = gate.await.map_err(|_| StartError::Runtime)??;
        let storage = Storage::lock(config.storage)?;
        let remembered = recall(&storage)?;
        let trust = Arc::new(Trust::start(storage.folder(), unix_seconds())?);
        let (agents, agents_addr) = listen(&config.agents, AGENT_FLAG).await?;
        // Nothing on the web port changes a device, so it may be anywhere.
        let (web, web_addr) = listen(&config.web, WEB_FLAG).await?;
        let api = match &config.api {
            Some(address) => Some(listen(address, API_FLAG).await?),
            None => None,
        };
        let api_addr = api.as_ref().map_or(web_addr, |(_, address)| *address);
        let is_here = agents_addr.ip().is_loopback();
        let insecure_plaintext = config.insecure_plaintext && !is_here;
        if insecure_plaintext {
            warn!(agents.addr = %agents_addr, "agents may link without encryption and under any name, because of --insecure-plaintext");
        }

        let (state, mailboxes) = State::new(agents_addr, insecure_plaintext, trust.clone());
        state.telemetry.config_loaded(true, false);
        state.telemetry.disk.watch(storage.folder());
        let gate = Arc::new(open(gate, state.clone()));
        let Loaded {
            settings,
            inventory,
            prepared,
            ..
        } = loaded;
        let n_devices = inventory.devices.len();
        let (remembered, keeper) = watch::channel(remembered);
        let inventory = Arc::new(inventory);
        state.book.store(Arc::new(Book {
            inventory: inventory.clone(),
            prepared,
        }));
        let core = Core::new(state.clone(), inventory, settings.timing, remembered);

        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let (reload, requests) = ReloadHandle::new();
        let reloader = Reloader::new(state.clone(), path, requests, watch, gate.clone());
        let part = if api.is_some() {
            Part::Scraping
        } else {
            Part::All
        };
        let answers = Web {
            state: state.clone(),
            reload: reload.clone(),
            gate: gate.clone(),
            part,
        };
        let alarm = Alarm {
            stop: stop.clone(),
            died: watch::Sender::new(None),
        };
        state.configure(settings);
        let backups = backup::Keeper::new(state.clone(), storage.folder().to_owned()).run();
        let core = core.run(mailboxes.core, stop.child_token());
        let storage = Arc::new(storage);
        let held = storage.clone();
        let engine = runs::engine::run(state.clone(), mailboxes.runs, held, stop.child_token());
        let reloader = reloader.run(stop.child_token());
        let plaintext = is_here || insecure_plaintext;
        let links = link::serve(agents, plaintext, state.clone(), stop.child_token());
        if let Some((listener, _)) = api {
            let answers = Web {
                part: Part::Api,
                ..answers.clone()
            };
            let pages = serve(listener, answers, stop.clone());
            tasks.spawn(alarm.clone().guard("API's port", pages));
        }
        let pages = serve(web, answers, stop.clone());
        tasks.spawn(alarm.clone().guard("core", core));
        tasks.spawn(alarm.clone().guard("runs", engine));
        tasks.spawn(alarm.clone().guard("reloader", reloader));
        tasks.spawn(alarm.clone().guard("agents' port", links));
        tasks.spawn(alarm.clone().guard("web port", pages));
        tasks.spawn(stop.clone().run_until_cancelled_owned(gate.follow()));
        tasks.spawn(stop.clone().run_until_cancelled_owned(backups));
        tasks.spawn(sweep(state.clone(), stop.child_token()));
        tasks.spawn(end_stale(state.clone(), stop.child_token()));
        tasks.spawn(keep(keeper, storage));
        tasks.spawn(keep_up(trust, stop.child_token()));
        tasks.close();
        info!(web.addr = %web_addr, agents.addr = %agents_addr, n_devices, "manager started");
        Ok(Self {
            web_addr,
            api_addr,
            agents_addr,
            state,
            reload,
            alarm,
            tasks,
        })
    }

    /// Resolves when a part of the manager has ended by a fault, and with it everything; never otherwise. What is
    /// left to do is to call [`Self::shutdown`] and to tell.
    pub async fn died(&self) -> Died {
        let mut died = self.alarm.died.subscribe();
        match died.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(died)) => *died,
            // The alarm is ours, so its channel does not close.
            _ => std::future::pending().await,
        }
    }

    /// What the manager's tasks share: the board, the series, the counters.
    pub fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// The way to a reload.
    pub fn reloader(&self) -> ReloadHandle {
        self.reload.clone()
    }

    /// Ends everything: agents lose their links and go on by themselves, requests in flight are answered.
    pub async fn shutdown(self) {
        self.alarm.stop.cancel();
        if timeout(SHUTDOWN, self.tasks.wait()).await.is_err() {
            warn!("not everything has ended in time");
        }
        self.state.remote_writer.finish().await;
        info!("manager stopped");
    }
}

/// A gate that knows the tokens in force and counts what it refuses.
fn open(gate: Gate, state: Arc<State>) -> Gate {
    let gate = gate.counting(state.telemetry.refusals.clone());
    gate.vouching(move |path, token| vouches(&state.tokens.load(), path, token))
}

/// The configuration, the file that it comes from, and what watches its files.
async fn read(source: Source) -> Result<(Loaded, Option<PathBuf>, Watch), StartError> {
    match source {
        Source::File(path) => {
            let mut watch = Watch::start(&path);
            let loaded = load(path.clone()).await?;
            watch.follow(&loaded.sources);
            Ok((loaded, Some(path), watch))
        }
        Source::Given(loaded) => Ok((*loaded, None, Watch::nothing())),
    }
}

async fn load(path: PathBuf) -> Result<Loaded, StartError> {
    let loading = tokio::task::spawn_blocking(move || load_main(&path));
    Ok(loading.await.map_err(|_| StartError::Runtime)??)
}

/// Loads the configuration that a command line names or, often enough, does not name.
///
/// # Errors
/// As [`config::load`]; a main file that cannot be read comes with the flag that names another.
pub(crate) fn load_main(path: &std::path::Path) -> Result<Loaded, Faults> {
    config::load(path)
        .map_err(|faults| faults.advise_file(path, "name the configuration with `--config.file`"))
}

/// What is known from before. Writing it back shows at the start, and not at the first change, that it can be done.
fn recall(storage: &Storage) -> Result<Remembered, StorageError> {
    let folder = storage.folder();
    let remembered = file::read(folder).unwrap_or_else(|error| {
        let error: &dyn std::error::Error = &error;
        warn!(error, "the shards of before are not known");
        Remembered::default()
    });
    match file::write(folder, &remembered) {
        Ok(()) => Ok(remembered),
        Err(source) => Err(StorageError::Unusable {
            path: folder.to_owned(),
            source,
        }),
    }
}

/// Writes down what is to be known after a restart whenever it changes, until the core has ended; holds the
/// storage as long.
async fn keep(mut remembered: watch::Receiver<Remembered>, storage: Arc<Storage>) {
    while remembered.changed().await.is_ok() {
        let content = remembered.borrow_and_update().clone();
        let folder = storage.folder().to_owned();
        let writing = tokio::task::spawn_blocking(move || file::write(&folder, &content));
        if let Ok(Err(error)) = writing.await {
            let error: &dyn std::error::Error = &error;
            error!(
                error,
                "the shards cannot be kept; a restart would not wait for them"
            );
        }
    }
}

/// Serves a web port until it is cancelled.
async fn serve(listener: TcpListener, answers: Web, stop: CancellationToken) {
    let server = Server::new(listener, answers.gate.clone(), http::MAX_CONNECTIONS);
    let pages = TowerToHyperService::new(http::router(answers));
    server.serve(pages, stop.cancelled_owned()).await;
}

/// Frees what is stale, until it is cancelled.
async fn sweep(state: Arc<State>, stop: CancellationToken) {
    every(SWEEP, stop, move || {
        let state = state.clone();
        move || {
            state.store.sweep(state.clock.now());
            state.pages.sweep();
        }
    })
    .await;
}

/// Looks after authorities and certificates, until it is cancelled.
async fn keep_up(trust: Arc<Trust>, stop: CancellationToken) {
    every(TRUST, stop, move || {
        let trust = trust.clone();
        move || {
            if let Err(error) = trust.tick(unix_seconds()) {
                let error: &dyn std::error::Error = &error;
                error!(error, "the authorities could not be looked after");
            }
        }
    })
    .await;
}

/// Tells receivers of series that have ended, until it is cancelled.
async fn end_stale(state: Arc<State>, stop: CancellationToken) {
    every(ENDS, stop, move || {
        let state = state.clone();
        move || state.store.end_stale(state.clock.now())
    })
    .await;
}

/// Does some blocking work again and again, until it is cancelled.
async fn every<W: FnOnce() + Send + 'static>(
    time: Duration,
    stop: CancellationToken,
    mut work: impl FnMut() -> W,
) {
    let mut interval = tokio::time::interval(time);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = interval.tick() => {}
        }
        if tokio::task::spawn_blocking(work()).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
