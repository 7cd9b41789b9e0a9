//! What all tasks of a manager share: nothing here waits, decides or is swapped out.

use std::{net::SocketAddr, sync::Arc};

use arc_swap::ArcSwap;
use tokio::sync::mpsc;

use crate::{
    access::Tokens,
    backup,
    board::Board,
    clock::Clock,
    config::Settings,
    core::{self, Event},
    http::metrics::Pages,
    link::standing::Standing,
    remote_write::RemoteWriter,
    runs::{self, book::Book},
    series::{SeriesStore, SharedStore},
    telemetry::{Telemetry, manager::Queue},
    trust::Trust,
};

/// The shared parts.
#[derive(Debug)]
pub struct State {
    /// Ages are told by this.
    pub clock: Clock,
    /// What is shown.
    pub board: Arc<Board>,
    /// Series of devices.
    pub store: SharedStore,
    /// Sends samples on, where the configuration says so.
    pub remote_writer: RemoteWriter,
    /// What is counted.
    pub telemetry: Telemetry,
    /// Pages that were rendered a moment ago.
    pub pages: Pages,
    /// Who may do what at the web port.
    pub tokens: ArcSwap<Tokens>,
    /// Where agents connect.
    pub agents_addr: SocketAddr,
    /// Whether agents may come without TLS although they may come from other machines.
    pub insecure_plaintext: bool,
    /// Who is an agent.
    pub trust: Arc<Trust>,
    /// Links of agents that have certificates.
    pub standing: Standing,
    /// The way to the core.
    pub core: mpsc::Sender<Event>,
    /// What runs are made of.
    pub book: ArcSwap<Book>,
    /// Backups of configurations.
    pub backup: backup::Handle,
    /// The way to runs.
    pub runs: runs::Handle,
}

/// What comes out of the ways to the tasks that decide.
#[derive(Debug)]
pub struct Mailboxes {
    /// Of the core.
    pub core: mpsc::Receiver<Event>,
    /// Of runs.
    pub runs: runs::Mailbox,
}

impl State {
    /// A state of a manager that starts and whose agents connect to `agents_addr`, and what comes out of the ways
    /// to its core and its runs. `insecure_plaintext` says that plain links are taken from other machines, too.
    pub fn new(
        agents_addr: SocketAddr,
        insecure_plaintext: bool,
        trust: Arc<Trust>,
    ) -> (Arc<Self>, Mailboxes) {
        let (core, events) = mpsc::channel(core::MAILBOX);
        let (runs, mailbox) = runs::Handle::new();
        let telemetry = Telemetry::default();
        let store = Arc::new(SeriesStore::new(telemetry.series.clone()));
        let remote_writer = RemoteWriter::new(store.clone(), telemetry.remotes.clone());
        let state = Self {
            clock: Clock::start(),
            board: Arc::default(),
            store,
            remote_writer,
            telemetry,
            pages: Pages::default(),
            tokens: ArcSwap::default(),
            agents_addr,
            insecure_plaintext,
            trust,
            standing: Standing::default(),
            core,
            book: ArcSwap::default(),
            backup: backup::Handle::default(),
            runs,
        };
        let mailboxes = Mailboxes {
            core: events,
            runs: mailbox,
        };
        (Arc::new(state), mailboxes)
    }

    /// What a configuration says of others than the core, which is told by itself, is in force from now on.
    pub fn configure(&self, settings: Settings) {
        self.remote_writer.configure(&settings.remotes);
        self.tokens.store(Arc::new(settings.tokens));
        self.backup.configure(settings.backup);
    }

    /// How full the core's mailbox is.
    pub fn queues(&self) -> [Queue; 1] {
        let limit = self.core.max_capacity();
        [Queue {
            name: "core",
            depth: limit - self.core.capacity(),
            limit,
        }]
    }
}
