//! Reads the configuration again when its files change or somebody asks, and leaves the old one in force when
//! the new one has a fault.
//!
//! ```text
//!   file watch, /-/reload, SIGHUP --> reloader --(blocking thread)--> config::load
//!                                        |-- faults: logged, counted, answered; nothing else changes
//!                                        +-- fine:   core, which touches the devices that differ
//! ```

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use netwolf_web::{config::WebConfigError, gate::Gate};
use thiserror::Error;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, oneshot},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    config::{self, Fault, Faults, Loaded, Sources},
    core::{Configured, Event},
    inventory::watch::Watcher,
    runs::book::Book,
    state::State,
};

/// Requests that may wait; each is answered, so whoever asks too much waits.
const QUEUE: usize = 8;

/// Why a configuration was not taken over.
#[derive(Debug, Error)]
pub enum ReloadError {
    /// It has faults.
    #[error(transparent)]
    Faults(#[from] Faults),
    /// The web configuration has some.
    #[error(transparent)]
    Web(#[from] WebConfigError),
    /// This manager was started without a file.
    #[error(
        "this manager was started without a configuration file, so there is nothing to read again"
    )]
    NoFile,
    /// It is ending.
    #[error("the manager is shutting down")]
    Ending,
}

type Answer = oneshot::Sender<Result<String, ReloadError>>;

/// Asks for a reload; cheap to clone.
#[derive(Clone, Debug)]
pub struct ReloadHandle(mpsc::Sender<Answer>);

impl ReloadHandle {
    /// A handle, and what comes out of its other end.
    pub(crate) fn new() -> (Self, mpsc::Receiver<Answer>) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self(sender), receiver)
    }

    /// Reads the configuration again; the answer says what is in force now, after it is.
    ///
    /// # Errors
    /// [`ReloadError`]; then the configuration of before is in force.
    pub async fn reload(&self) -> Result<String, ReloadError> {
        let (answer, answered) = oneshot::channel();
        self.0.send(answer).await.map_err(|_| ReloadError::Ending)?;
        answered.await.map_err(|_| ReloadError::Ending)?
    }
}

/// Serves reloads until it is cancelled.
pub(crate) struct Reloader {
    state: Arc<State>,
    /// `None` when the configuration did not come from a file.
    path: Option<PathBuf>,
    requests: mpsc::Receiver<Answer>,
    watch: Watch,
    gate: Arc<Gate>,
    hangups: Option<Signal>,
}

impl Reloader {
    /// Catches SIGHUP from now on, which would end the program otherwise.
    pub(crate) fn new(
        state: Arc<State>,
        path: Option<PathBuf>,
        requests: mpsc::Receiver<Answer>,
        watch: Watch,
        gate: Arc<Gate>,
    ) -> Self {
        let hangups = signal(SignalKind::hangup());
        if let Err(error) = &hangups {
            warn!(%error, "SIGHUP cannot be caught; reload with /-/reload");
        }
        Self {
            state,
            path,
            requests,
            watch,
            gate,
            hangups: hangups.ok(),
        }
    }

    /// Runs until it is cancelled.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        loop {
            let (answer, is_asked_for) = tokio::select! {
                () = stop.cancelled() => return,
                answer = self.requests.recv() => match answer {
                    Some(answer) => (Some(answer), true),
                    None => return,
                },
                () = self.watch.changed() => (None, false),
                () = hangup(self.hangups.as_mut()) => (None, true),
            };
            let result = self.reload(is_asked_for).await;
            if is_asked_for && result.is_err() {
                // Secrets are in no configuration: what was refused may have been put right all the same. Where
                // the core has ended there is nothing to try.
                self.state.core.send(Event::TryAgain).await.ok();
            }
            if let Some(answer) = answer {
                // Whoever asked may have gone.
                drop(answer.send(result));
            }
        }
    }

    async fn read_web_config(&self) -> Result<(), ReloadError> {
        let gate = self.gate.clone();
        let reading = tokio::task::spawn_blocking(move || gate.read());
        let read = reading.await.map_err(|_| ReloadError::Ending)?;
        if let Err(fault) = &read {
            let fault: &dyn std::error::Error = fault;
            error!(
                fault,
                "web configuration rejected; nothing has been reloaded"
            );
        }
        Ok(read?)
    }

    async fn reload(&mut self, is_asked_for: bool) -> Result<String, ReloadError> {
        if is_asked_for {
            // By itself it follows its file.
            self.read_web_config().await?;
        }
        let path = self.path.clone().ok_or(ReloadError::NoFile)?;
        let loading = tokio::task::spawn_blocking(move || config::load(&path));
        let loaded = loading.await.map_err(|_| ReloadError::Ending)?;
        self.state.telemetry.config_loaded(loaded.is_ok(), true);
        match loaded {
            Ok(loaded) => {
                self.watch.follow(&loaded.sources);
                log_warnings(&loaded);
                let summary = loaded.summary().to_string();
                let Loaded {
                    settings,
                    inventory,
                    prepared,
                    ..
                } = loaded;
                let inventory = Arc::new(inventory);
                let book = Book {
                    inventory: inventory.clone(),
                    prepared,
                };
                let (done, is_done) = oneshot::channel();
                let event = Event::Configured(Configured {
                    inventory,
                    timing: settings.timing,
                    is_asked_for,
                    done,
                });
                self.state
                    .core
                    .send(event)
                    .await
                    .map_err(|_| ReloadError::Ending)?;
                is_done.await.map_err(|_| ReloadError::Ending)?;
                self.state.configure(settings);
                self.state.book.store(Arc::new(book));
                self.state.pages.outdate();
                info!(
                    n_devices = self.state.board.devices().len(),
                    "configuration reloaded"
                );
                Ok(summary)
            }
            Err(faults) => {
                self.watch.follow(faults.sources());
                for fault in faults.iter() {
                    let (fault, hint) = in_one_line(fault);
                    error!(fault, hint, "fault in the configuration");
                }
                error!(
                    n_faults = faults.len(),
                    "configuration rejected; the one of before stays in force"
                );
                Err(faults.into())
            }
        }
    }
}

/// Waits for a hangup signal, for ever where none can be caught.
async fn hangup(hangups: Option<&mut Signal>) {
    if let Some(hangups) = hangups
        && hangups.recv().await.is_some()
    {
        return;
    }
    std::future::pending::<()>().await;
}

/// Logs what is allowed but probably not meant.
pub(crate) fn log_warnings(loaded: &Loaded) {
    for warning in &loaded.warnings {
        let (warning, hint) = in_one_line(warning);
        warn!(warning, hint, "configuration");
    }
}

/// A fault with its place, and its hint, for records that are a line each.
fn in_one_line(fault: &Fault) -> (String, Option<String>) {
    let line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let hint = fault.hint.as_deref().map(line);
    let bare = Fault {
        hint: None,
        ..fault.clone()
    };
    (line(&bare.to_string()), hint)
}

/// A watcher, where there is one: without it reloads are by request only.
#[derive(Debug)]
pub(crate) struct Watch(Option<(Watcher, mpsc::Receiver<()>)>);

impl Watch {
    /// Watches nothing, where there is no file.
    pub(crate) fn nothing() -> Self {
        Self(None)
    }

    /// Watches the main file, before it is read, so that no change falls between reading and watching.
    pub(crate) fn start(path: &Path) -> Self {
        let sources = Sources {
            files: BTreeSet::from([path.to_owned()]),
            ..Sources::default()
        };
        match Watcher::start(&sources) {
            Ok(watch) => Self(Some(watch)),
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                warn!(
                    error,
                    "configuration files are not watched; reload with SIGHUP or /-/reload"
                );
                Self(None)
            }
        }
    }

    /// Waits for a change, for ever where nothing is watched.
    async fn changed(&mut self) {
        if let Some((_, changes)) = &mut self.0
            && changes.recv().await.is_some()
        {
            return;
        }
        std::future::pending::<()>().await;
    }

    /// Watches all files of a configuration.
    pub(crate) fn follow(&mut self, sources: &Sources) {
        if let Some((watcher, _)) = &mut self.0
            && let Err(error) = watcher.follow(sources)
        {
            let error: &dyn std::error::Error = &error;
            warn!(error, "not all configuration files are watched");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_one_line_of_the_log() {
        let faults = config::parse(
            Path::new("netwolf.yml"),
            "devices:\n  - { name: a, address: 192.0.2.1, platform: iosxee }\n",
        )
        .unwrap_err();
        for fault in faults.iter() {
            let (text, hint) = in_one_line(fault);
            assert!(text.starts_with("netwolf.yml:2:"), "{text}");
            assert_eq!(text.lines().count(), 1);
            assert!(hint.is_none_or(|hint| hint.lines().count() == 1));
        }
    }
}
