//! Sends every sample on to receivers of Prometheus remote write 1.0, with the time at which the device answered.
//!
//! ```text
//!   links --> Outlet --+--> queue --> sender --> POST, snappy, protobuf     one remote: some connections,
//!   series that end ---+--> queue --> sender --> POST                       a series always by the same one
//! ```
//!
//! A page is scraped now and then and shows the latest value; here nothing is left out. Invariants: a series has one
//! writer and its times only go up (`Written`), because receivers refuse a whole request for one sample that is out of
//! order; a series that ends or whose device is silent gets a stale marker right behind its last sample, so that what is
//! replayed later still fits behind it; what waits is bounded, the oldest is dropped first, and every sample that does
//! not arrive is counted. Where no remote is configured, nothing of this costs anything.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use netwolf_wire::SecretRef;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{board::lock, series::SharedStore};

mod connector;
mod health;
mod meters;
mod outlet;
mod protobuf;
mod queue;
mod secret;
mod sender;
mod written;

pub use connector::Tls;
pub use meters::Meters;
pub use outlet::RemoteView;
pub(crate) use outlet::{Outgoing, Outlet};
pub(crate) use written::Written;

/// Where samples are sent, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remotes {
    /// Labels that every series gets which has no such label by itself.
    pub external_labels: BTreeMap<String, String>,
    /// Nothing is sent where there are none.
    pub remotes: Vec<Remote>,
}

impl Default for Remotes {
    /// The job is called as in the shipped scrape configuration, so that rules and dashboards fit both ways.
    fn default() -> Self {
        Self {
            external_labels: BTreeMap::from([("job".into(), "netwolf".into())]),
            remotes: Vec::new(),
        }
    }
}

/// A receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remote {
    /// How it is called in metrics and in the log.
    pub name: String,
    /// Where requests go.
    pub url: String,
    /// A request that takes longer has failed.
    pub timeout: Duration,
    /// Sent with every request.
    pub headers: Vec<(String, String)>,
    /// Whose certificates are believed, where the URL is an https one.
    pub tls: Tls,
    /// How we prove who we are.
    pub authorization: Option<Authorization>,
    /// Requests that are under way at a time.
    pub connections: usize,
    /// Samples that may wait; beyond it the oldest are dropped.
    pub queue_samples: usize,
    /// Samples that are older are not sent any more.
    pub max_age: Duration,
}

/// How we prove to a receiver who we are; the secrets are on the manager's machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// RFC 7617.
    Basic {
        /// Who we are.
        username: String,
        /// Where the password is.
        password: SecretRef,
    },
    /// RFC 6750.
    Bearer(SecretRef),
}

/// Keeps the senders that the configuration wants.
#[derive(Debug)]
pub struct RemoteWriter {
    store: SharedStore,
    meters: Meters,
    current: Mutex<Current>,
    senders: TaskTracker,
    stop: CancellationToken,
}

impl Drop for RemoteWriter {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[derive(Debug, Default)]
struct Current {
    outlet: Option<Arc<Outlet>>,
    /// How many there were.
    n_outlets: u32,
    /// Ends the present one.
    stop: CancellationToken,
}

impl RemoteWriter {
    /// Sends nothing yet.
    pub fn new(store: SharedStore, meters: Meters) -> Self {
        Self {
            store,
            meters,
            current: Mutex::default(),
            senders: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    /// Sends where the configuration says from now on. Where that is another place than before, all series end there,
    /// and what waits is sent still.
    pub fn configure(&self, remotes: &Remotes) {
        let mut current = lock(&self.current);
        let former = current
            .outlet
            .as_ref()
            .map(|outlet| outlet.remotes().clone());
        let is_same = |former: &Remotes| former == remotes;
        if former.as_ref().map_or(remotes.remotes.is_empty(), is_same) {
            return;
        }
        let former_stop = std::mem::replace(&mut current.stop, self.stop.child_token());
        current.n_outlets += 1;
        current.outlet = (!remotes.remotes.is_empty()).then(|| {
            let (outlet, senders) = Outlet::new(current.n_outlets, remotes.clone(), &self.meters);
            for sender in senders {
                self.senders.spawn(sender.run(current.stop.clone()));
            }
            Arc::new(outlet)
        });
        self.store.set_outlet(current.outlet.clone());
        former_stop.cancel();
        if let Some(former) = former {
            self.meters.forget(&former.remotes, &remotes.remotes);
        }
    }

    /// How far each remote is.
    pub fn view(&self) -> Vec<RemoteView> {
        let outlet = lock(&self.current).outlet.clone();
        outlet.map(|outlet| outlet.view()).unwrap_or_default()
    }

    /// Sends what waits still, if that is soon done; nothing comes any more.
    pub async fn finish(&self) {
        self.stop.cancel();
        self.senders.close();
        self.senders.wait().await;
    }
}

#[cfg(test)]
mod tests;
