//! A connection to a jump host: who uses it, and its end when nobody does.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use russh::{Disconnect, client::Handle};
use tokio::{sync::watch, time::timeout};

use super::{Host, Ways};
use crate::{
    backoff::STABLE,
    session::{socket::KillOnDrop, ssh::client::Client},
};

/// Bound on saying goodbye.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(300);

/// A connection to a jump host that is logged in.
pub(super) struct Link {
    pub(super) endpoint: String,
    pub(super) handle: Handle<Client>,
    pub(super) ways: Arc<Ways>,
    pub(super) users: watch::Sender<usize>,
    /// By address and port, the ways that were asked for and not decided about.
    pub(super) undecided: Mutex<HashMap<(String, u16), u32>>,
    pub(super) _kill: KillOnDrop,
}

impl Link {
    /// See the field.
    pub(super) fn undecided(&self) -> MutexGuard<'_, HashMap<(String, u16), u32>> {
        self.undecided
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who uses a connection, which is kept for as long.
pub(super) struct User(pub(super) Arc<Link>);

impl User {
    /// One more user of `link`.
    pub(super) fn new(link: &Arc<Link>) -> Self {
        link.users.send_modify(|users| *users += 1);
        Self(link.clone())
    }

    /// What is used.
    pub(super) fn link(&self) -> &Link {
        &self.0
    }
}

impl Drop for User {
    fn drop(&mut self) {
        self.0.users.send_modify(|users| *users -= 1);
    }
}

/// Closes `link` once nobody has used it for a while.
pub(super) async fn keep(patience: Duration, host: Arc<Host>, link: Arc<Link>) {
    let mut users = link.users.subscribe();
    loop {
        // The sender is in the link, so neither wait can fail.
        let idle = async {
            if users.wait_for(|users| *users == 0).await.is_ok() {
                timeout(patience, users.wait_for(|users| *users > 0))
                    .await
                    .is_err()
            } else {
                true
            }
        };
        if !idle.await {
            continue;
        }
        // Who needs it now waits at this lock, and makes a new one.
        let mut state = host.state.lock().await;
        if *link.users.borrow() > 0 {
            continue;
        }
        let stood = match &state.link {
            Some((current, since)) if Arc::ptr_eq(current, &link) => Some(since.elapsed()),
            _ => None,
        };
        if let Some(stood) = stood {
            state.link = None;
            if stood >= STABLE {
                state.backoff.reset();
            }
        }
        break;
    }
    let goodbye = async {
        link.handle
            .disconnect(Disconnect::ByApplication, "", "")
            .await?;
        link.ways.over().await;
        Ok::<_, russh::Error>(())
    };
    if !matches!(timeout(CLOSE_TIMEOUT, goodbye).await, Ok(Ok(()))) {
        tracing::debug!(jump_host = %link.endpoint, "the jump host did not take the goodbye");
    }
}
