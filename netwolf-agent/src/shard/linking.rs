//! The shard's link as sockets: how it comes to stand, and what the link's machine has done with it.

use std::{io, time::Instant};

use netwolf_wire::{message::ToManager, tls::stream::Stream};
use tokio::runtime::Handle;

use super::{
    Shard,
    mind::{OfLoop, Outlet},
};
use crate::{
    clock,
    link::{
        machine::Action,
        wires::{self, Batch, Stuck, Wires},
    },
};

impl Outlet for Wires {
    fn control(&self, message: ToManager) -> Result<(), Stuck> {
        Self::control(self, message)
    }

    fn has_control_room(&self) -> bool {
        Self::has_control_room(self)
    }

    fn has_room(&self) -> bool {
        Self::has_room(self)
    }

    fn samples(&self, batch: Batch) {
        Self::samples(self, batch);
    }

    fn written(&self) -> u64 {
        Self::written(self)
    }
}

impl Shard {
    pub(super) fn handle_connected(&mut self, stream: io::Result<Stream>, now: Instant) {
        self.connecting = None;
        match stream {
            Ok(stream) => self.mind.handle_connected(Wires::start(stream), now),
            Err(error) => self.mind.lose(&error.to_string(), now),
        }
    }

    /// Does what the link's machine wants done.
    pub(super) fn act_on_link(&mut self, now: Instant) {
        while let Some(action) = self.mind.poll_action(now) {
            match action {
                Action::Connect => {
                    let manager = self.config.manager.clone();
                    let security = self.config.security.clone();
                    let connecting = async move { wires::connect(&manager, &security).await };
                    self.connecting = Some(tokio::spawn(connecting));
                }
                Action::Beat(beat) => {
                    if let Some(step_seconds) = self.commons.clock.follow(now, clock::wall()) {
                        tracing::warn!(
                            step_seconds,
                            "the clock of this machine was set: sample times follow it"
                        );
                    }
                    let tasks = Handle::current().metrics().num_alive_tasks();
                    let of_loop = OfLoop {
                        busy_ratio: self.config.load.ratio(),
                        tasks: tasks as u64,
                    };
                    self.mind.beat(beat, of_loop, now);
                }
                Action::Close(why) => {
                    if let Some(connecting) = self.connecting.take() {
                        connecting.abort();
                    }
                    self.mind.close(why, now);
                }
            }
        }
    }
}
