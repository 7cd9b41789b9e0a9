//! A device's terminal lines (`vty 0`, `vty 1`, ...): one per connection, a fixed number.
//!
//! Invariants: a line is held by a [`LineGuard`] and free again when it drops; the table keeps a
//! share of each socket, so that live connections can be cut from outside.

use std::net::{IpAddr, Shutdown};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpStream;

use super::Device;
use crate::dialogue::UserLine;

/// The table of a device's lines.
#[derive(Debug)]
pub(crate) struct Lines {
    /// How many lines there are. Rows are made when first used: most devices ever use one.
    limit: usize,
    /// How often all connections were cut.
    cuts: AtomicU64,
    rows: Mutex<Vec<Option<Row>>>,
}

#[derive(Debug)]
struct Row {
    socket: Arc<TcpStream>,
    peer: IpAddr,
    /// `None` until login.
    user: Option<String>,
    last_input: Duration,
}

impl Lines {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            cuts: AtomicU64::new(0),
            rows: Mutex::default(),
        }
    }

    fn rows(&self) -> MutexGuard<'_, Vec<Option<Row>>> {
        // Rows are replaced whole, so a panic elsewhere cannot have left one half written.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many logged-in sessions are open.
    pub(crate) fn logged_in(&self) -> usize {
        self.rows()
            .iter()
            .flatten()
            .filter(|row| row.user.is_some())
            .count()
    }

    /// Cuts every connection; their tasks then end by themselves.
    pub(crate) fn shut_down(&self) {
        self.cuts.fetch_add(1, Ordering::AcqRel);
        for row in self.rows().iter().flatten() {
            cut(&row.socket);
        }
    }

    /// How often all connections were cut.
    pub(crate) fn cuts(&self) -> u64 {
        self.cuts.load(Ordering::Acquire)
    }

    /// Who is on, for the one on line `own`.
    fn users(&self, own: usize, now: Duration) -> Vec<UserLine> {
        let rows = self.rows();
        let taken = rows
            .iter()
            .enumerate()
            .filter_map(|(number, row)| Some((number, row.as_ref()?)));
        taken
            .map(|(number, row)| UserLine {
                number,
                own: number == own,
                user: row.user.clone().unwrap_or_default(),
                idle: if number == own {
                    Duration::ZERO
                } else {
                    now.saturating_sub(row.last_input)
                },
                location: row.peer.to_string(),
            })
            .collect()
    }
}

/// Ends a connection at once. An error means that it is at an end already.
pub(crate) fn cut(socket: &TcpStream) {
    if let Err(error) = socket2::SockRef::from(socket).shutdown(Shutdown::Both) {
        tracing::trace!(%error, "socket was closed already");
    }
}

/// The right to a line, for as long as it lives.
#[derive(Debug)]
pub(crate) struct LineGuard {
    device: Arc<Device>,
    number: usize,
}

impl LineGuard {
    /// Takes the lowest free line, or none when all are taken.
    pub(crate) fn take(
        device: &Arc<Device>,
        socket: &Arc<TcpStream>,
        peer: IpAddr,
    ) -> Option<Self> {
        let row = Row {
            socket: Arc::clone(socket),
            peer,
            user: None,
            last_input: device.now().unix,
        };
        let mut rows = device.lines.rows();
        let free = rows.iter().position(Option::is_none).unwrap_or(rows.len());
        if free >= device.lines.limit {
            return None;
        }
        if free == rows.len() {
            rows.push(Some(row));
        } else {
            rows[free] = Some(row);
        }
        drop(rows);
        Some(Self {
            device: Arc::clone(device),
            number: free,
        })
    }

    pub(crate) fn device(&self) -> &Arc<Device> {
        &self.device
    }

    /// Notes who logged in.
    pub(crate) fn log_in(&self, user: &str) {
        if let Some(Some(row)) = self.device.lines.rows().get_mut(self.number) {
            row.user = Some(user.to_owned());
        }
    }

    /// Notes that the user sent something.
    pub(crate) fn touch(&self, now: Duration) {
        if let Some(Some(row)) = self.device.lines.rows().get_mut(self.number) {
            row.last_input = now;
        }
    }

    /// Who is on the device, this line marked as the asker's own.
    pub(crate) fn users(&self) -> Vec<UserLine> {
        self.device.lines.users(self.number, self.device.now().unix)
    }
}

impl Drop for LineGuard {
    fn drop(&mut self) {
        if let Some(row) = self.device.lines.rows().get_mut(self.number) {
            *row = None;
        }
    }
}
