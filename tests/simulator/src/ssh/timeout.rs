//! `exec-timeout`: a session in which nothing was typed for a time is closed without a word.

use std::sync::Weak;
use std::time::Duration;

use tokio::net::TcpStream;

use super::Station;
use crate::device::cut;

/// Watches one connection for as long as it lives.
pub(super) async fn watch(station: Weak<Station>, socket: Weak<TcpStream>, limit: Duration) {
    loop {
        // Nothing is held while time passes, so that the connection can end by itself.
        let Some(idle) = station.upgrade().map(|station| station.idle()) else {
            return;
        };
        if idle >= limit {
            if let Some(socket) = socket.upgrade() {
                cut(&socket);
            }
            return;
        }
        tokio::time::sleep(limit.saturating_sub(idle)).await;
    }
}
