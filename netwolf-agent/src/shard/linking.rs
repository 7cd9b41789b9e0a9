//! The shard's side of its link: hello, messages, samples, and the loss of it.

use std::{io, time::Instant};

use netwolf_wire::{
    message::{Hello, Leaving, Refused, Renew, ToAgent, Welcome},
    version,
};
use tokio::net::TcpStream;

use super::{Shard, ShardError};
use crate::link::wires::Wires;

impl Shard {
    pub(super) fn handle_connected(&mut self, stream: io::Result<TcpStream>, now: Instant) {
        self.connecting = None;
        match stream {
            Ok(stream) => {
                let wires = Wires::start(stream);
                let hello = self.core.complete(Hello {
                    protocol: version::CURRENT,
                    software: env!("CARGO_PKG_VERSION").into(),
                    agent: self.config.agent.clone(),
                    shard: self.config.index,
                    shards: self.config.shards,
                    incarnation: self.config.incarnation,
                    site: self.config.site.clone(),
                    size: self.config.size.get(),
                    running: Vec::new(),
                });
                if wires.control(hello).is_ok() {
                    self.wires = Some(wires);
                    self.machine.handle_connected(now);
                }
            }
            Err(error) => self.lose(&error.to_string(), now),
        }
    }

    pub(super) fn handle_message(
        &mut self,
        message: ToAgent,
        now: Instant,
    ) -> Result<(), ShardError> {
        self.machine.handle_frame(now);
        match message {
            ToAgent::Welcome(welcome) if self.machine.is_greeting() => {
                self.handle_welcome(&welcome, now)?;
            }
            ToAgent::Refused(refused) => self.handle_refused(refused, now)?,
            ToAgent::Plans(plans) => self.core.handle_plans(&plans),
            ToAgent::Assign(assign) => self.core.handle_assign(assign, now),
            ToAgent::Revoke(revoke) => self.core.handle_revoke(revoke, now),
            ToAgent::Renew(Renew { beat }) => {
                let written = self.acknowledged_by(beat);
                if let (Some(sent), Some(autonomy)) =
                    (self.machine.handle_renew(beat), self.machine.autonomy())
                {
                    self.core.handle_renew(sent, autonomy, written);
                }
            }
            ToAgent::Breakers(breakers) => self.core.handle_breakers(breakers, now),
            ToAgent::Permits(permits) => self.core.handle_permits(&permits),
            ToAgent::Probe(probe) => self.core.handle_probe(probe),
            ToAgent::Show(show) => self.core.handle_show(show, now),
            // The other shards hear it, too.
            ToAgent::Drain(_) => {
                self.config.leave.ask();
            }
            ToAgent::Dismissed(_) => self.dismissed = self.leaving,
            ToAgent::Welcome(_) | ToAgent::Unknown(_) => {
                tracing::debug!(kind = message.kind(), "a message was skipped");
            }
        }
        Ok(())
    }

    /// Up to which place polls had been written before heartbeat `beat`, which was just answered.
    fn acknowledged_by(&mut self, beat: u64) -> u64 {
        let written = self
            .marks
            .iter()
            .filter(|(sent, _)| *sent <= beat)
            .map(|(_, written)| *written)
            .max();
        self.marks.retain(|(sent, _)| *sent > beat);
        written.unwrap_or(0)
    }

    fn handle_welcome(&mut self, welcome: &Welcome, now: Instant) -> Result<(), ShardError> {
        version::settle(version::CURRENT, welcome.protocol)?;
        self.machine.handle_welcome(welcome, now);
        self.marks.clear();
        self.complained = false;
        if let Some(autonomy) = self.machine.autonomy() {
            self.core.handle_welcome(autonomy, now);
        }
        tracing::info!(manager = %self.config.manager, version = %welcome.software, "the link to the manager stands");
        if self.leaving {
            self.say_leaving(now);
        }
        Ok(())
    }

    /// The agent is asked to leave. Without a manager there is nobody to give devices to.
    pub(super) fn handle_leave(&mut self, now: Instant) {
        self.leaving = true;
        tracing::info!("the shard leaves: its devices go elsewhere first");
        if self.machine.is_running() {
            self.say_leaving(now);
        } else {
            self.dismissed = true;
        }
    }

    fn say_leaving(&mut self, now: Instant) {
        if let Some(wires) = &self.wires
            && wires.control(Leaving {}).is_err()
        {
            self.lose("it does not take what is sent", now);
        }
    }

    fn handle_refused(&mut self, refused: Refused, now: Instant) -> Result<(), ShardError> {
        self.wires = None;
        self.core.handle_link_down(now);
        if !refused.retry {
            return Err(ShardError::Refused(refused.message));
        }
        self.machine.handle_refused(now);
        self.complain(&format!("refused: {}", refused.message));
        Ok(())
    }

    pub(super) fn lose(&mut self, error: &str, now: Instant) {
        self.wires = None;
        self.core.handle_link_down(now);
        self.machine.handle_lost(now);
        self.complain(error);
    }

    pub(super) fn complain(&mut self, error: &str) {
        if !std::mem::replace(&mut self.complained, true) {
            tracing::warn!(manager = %self.config.manager, %error, "no link to the manager; trying again");
        }
    }

    /// Sends what is due, as far as the link has room.
    pub(super) fn send(&mut self, now: Instant) {
        let Some(wires) = &self.wires else { return };
        while wires.has_control_room()
            && let Some(message) = self.core.poll_answer()
        {
            if wires.control(message).is_err() {
                self.lose("it does not take what is sent", now);
                return;
            }
        }
        while let Some(statuses) = self.core.poll_statuses(now) {
            if wires.control(statuses).is_err() {
                self.lose("it does not take what is sent", now);
                return;
            }
        }
        while wires.has_room() {
            match self.core.poll_batch(now) {
                Some(batch) => wires.samples(batch),
                None => return,
            }
        }
        self.core.put_off_flush(now);
    }
}
