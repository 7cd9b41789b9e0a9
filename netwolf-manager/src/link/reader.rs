//! What an agent's shard says, after it was let in.

use std::sync::Arc;

use netwolf_wire::{
    frame::FrameReader,
    message::{Heartbeat, Renew, ToAgent, ToManager},
    tls::stream::Reading,
};
use tokio::sync::mpsc;
use tracing::debug;

use super::{Pulse, door};
use crate::{
    board::AgentSlot, bounded, clock::unix_ms, core::Event, fleet::LinkNo, series::LinkTable,
    state::State,
};

/// Reads until the link ends. Samples go straight to the store and heartbeats are answered here, so that
/// neither waits for the core.
pub(super) async fn run(
    mut reader: FrameReader<Reading, ToManager>,
    no: LinkNo,
    state: &State,
    slot: &Arc<AgentSlot>,
    pulse: &Pulse,
    queue: &mpsc::Sender<ToAgent>,
) {
    let mut table = LinkTable::new(state.store.clone(), state.board.clone());
    loop {
        let message = match reader.next().await {
            Ok(Some(message)) => message,
            Ok(None) => return,
            Err(error) => {
                door::report(&error, state);
                return;
            }
        };
        let now = state.clock.now();
        pulse.beat(now);
        match message {
            ToManager::Polls(polls) => table.ingest(&polls.polls, now, unix_ms()),
            ToManager::Declare(declare) => table.declare(declare, now),
            ToManager::Heartbeat(Heartbeat { beat, stats }) => {
                slot.set_stats(bounded::stats(*stats));
                table.retry(now);
                // A full queue means that the core will close the link; a renewal more would not help.
                if pulse.is_member() && queue.try_send(Renew { beat }.into()).is_err() {
                    debug!("no room for a renewal");
                }
            }
            message @ (ToManager::Statuses(_)
            | ToManager::Revoked(_)
            | ToManager::Asks(_)
            | ToManager::Ended(_)
            | ToManager::Shown(_)
            | ToManager::StepsHeld(_)
            | ToManager::StepEvents(_)
            | ToManager::Leaving(_)
            | ToManager::Goodbye(_)) => {
                let message = bounded::message(message);
                if state.core.send(Event::Message(no, message)).await.is_err() {
                    return;
                }
            }
            // A second hello says nothing new, certificates have connections of their own, and an unknown kind is
            // a later version's.
            ToManager::Hello(_) | ToManager::Certify(_) | ToManager::Unknown(_) => {}
        }
    }
}
