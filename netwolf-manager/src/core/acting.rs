//! Does what the dispatcher wants done: shows it, sends it, logs it.

use netwolf_wire::{AgentName, ShardId, message::ToAgent};
use tokio::sync::mpsc;
use tracing::{info, warn};

use super::Core;
use crate::{
    dispatch::Action,
    fleet::{Cause, LinkNo},
};

impl Core {
    /// Does all that the dispatcher wants done.
    pub(super) fn act(&mut self) {
        while let Some(action) = self.dispatcher.poll_action() {
            match action {
                Action::Lease { device, lease } => {
                    if let Some(slot) = self.state.board.device(device.as_str()) {
                        let holder = lease.as_ref().map(|(shard, _)| shard);
                        let holder = holder.and_then(|shard| self.state.board.agent(shard));
                        slot.set_life(holder.map(|holder| holder.incarnation));
                        slot.set_lease(lease);
                    }
                }
                Action::Status(status) => {
                    if let Some(slot) = self.state.board.device(status.device.as_str()) {
                        slot.set_status(status);
                    }
                }
                Action::Admitted(link) => {
                    if let Some(peer) = self.links.get(&link) {
                        peer.handle.pulse.set_member(true);
                        self.state.board.agent_joined(peer.slot.clone());
                        self.introduce(link);
                    }
                }
                Action::Send(link, message) => {
                    self.send(link, message);
                }
                Action::Close(link) => self.close(link),
                Action::Unlinked(shard) => {
                    info!(agent = %shard.agent, shard = shard.index, "link lost");
                    self.state.board.agent_lost(&shard, self.state.clock.now());
                }
                Action::Gone(shard, cause, n_devices) => self.gone(&shard, cause, n_devices),
                Action::Remember(remembered) => {
                    self.remembered.send_replace(remembered);
                }
            }
        }
    }

    /// Hands a message to a link; tells whether it took it.
    pub(super) fn send(&mut self, link: LinkNo, message: ToAgent) -> bool {
        let Some(peer) = self.links.get(&link) else {
            return false;
        };
        let Err(error) = peer.handle.queue.try_send(message) else {
            return true;
        };
        if let mpsc::error::TrySendError::Full(_) = error {
            self.state.telemetry.link_overflows.inc();
            let shard = &peer.slot.shard;
            warn!(agent = %shard.agent, shard = shard.index, "agent does not read; link closed");
            peer.handle.close.cancel();
        }
        false
    }

    fn close(&mut self, link: LinkNo) {
        self.shows.forget(link);
        if let Some(peer) = self.links.remove(&link) {
            peer.handle.pulse.set_member(false);
            peer.handle.close.cancel();
        }
    }

    fn gone(&mut self, shard: &ShardId, cause: Cause, n_devices: usize) {
        self.refused.remove(shard);
        self.tell_lost(shard);
        let (agent, index): (&AgentName, u16) = (&shard.agent, shard.index);
        let is_last = self.dispatcher.fleet().shards().next().is_none();
        if cause == Cause::Left {
            info!(%agent, shard = index, n_devices, "shard left");
            self.state.board.agent_left(shard);
        } else {
            let cause = cause.as_str();
            if is_last {
                warn!(%agent, shard = index, cause, n_devices, "shard lost; no other is linked, so nobody polls its devices");
            } else {
                warn!(%agent, shard = index, cause, n_devices, "shard lost; its devices go elsewhere");
            }
            self.state.board.agent_lost(shard, self.state.clock.now());
        }
        if is_last && cause == Cause::Left {
            warn!("no agent is connected: nobody polls any device");
        }
    }
}
