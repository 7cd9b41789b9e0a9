//! A connection that is logged in by the lean client: one channel at a time.

use netwolf_secret::Outgoing;
use netwolf_ssh::Connection as Machine;

use super::{Lean, Over};
use crate::session::ssh::connection::{Gone, Opening, Terminal};

/// See the module. Dropping it cuts the connection.
pub(in crate::session::ssh) struct Link {
    pub(in crate::session::ssh) lean: Lean,
    channel: Option<u32>,
}

impl From<Over> for Gone {
    fn from(_: Over) -> Self {
        Self
    }
}

impl Link {
    pub(in crate::session::ssh) const fn new(lean: Lean) -> Self {
        Self {
            lean,
            channel: None,
        }
    }

    /// Opens a channel; returns its number.
    pub(in crate::session::ssh) async fn open(&mut self) -> Result<u32, Opening> {
        let gone = |_: Over| Opening::Gone;
        let channel = self.lean.order(Machine::open_session).map_err(gone)?;
        let opened = self
            .lean
            .until(|lean| lean.machine().poll_opened(channel))
            .await
            .map_err(gone)?;
        opened.map_err(Opening::Refused)?;
        self.channel = Some(channel);
        Ok(channel)
    }

    /// Sends what `order` makes the machine send on the channel, and waits until it has left.
    async fn send(
        &mut self,
        order: impl FnOnce(&mut Machine, u32) -> Result<(), netwolf_ssh::Error>,
    ) -> Result<(), Gone> {
        let channel = self.channel.ok_or(Gone)?;
        self.lean.order(|machine| order(machine, channel))?;
        self.lean
            .until(|lean| lean.is_sent(channel).then_some(()))
            .await?;
        Ok(())
    }

    pub(in crate::session::ssh) async fn request_shell(
        &mut self,
        terminal: &Terminal<'_>,
    ) -> Result<(), Gone> {
        let Terminal {
            name,
            columns,
            rows,
        } = *terminal;
        self.send(|machine, channel| {
            machine.request_terminal(channel, name, columns, rows)?;
            machine.request_shell(channel)
        })
        .await
    }

    pub(in crate::session::ssh) async fn request_exec(
        &mut self,
        command: &str,
    ) -> Result<(), Gone> {
        self.send(|machine, channel| machine.request_exec(channel, command))
            .await
    }

    pub(in crate::session::ssh) async fn write(&mut self, bytes: Outgoing) -> Result<(), Gone> {
        self.send(|machine, channel| machine.send(channel, &bytes))
            .await
    }

    pub(in crate::session::ssh) async fn interrupt(&mut self) -> Result<(), Gone> {
        self.send(|machine, channel| {
            machine.send_signal(channel, "TERM")?;
            machine.send_eof(channel)
        })
        .await
    }

    pub(in crate::session::ssh) async fn close_channel(&mut self) -> Result<(), Gone> {
        let Some(channel) = self.channel.take() else {
            return Ok(());
        };
        self.lean.order(|machine| machine.close(channel))?;
        self.lean
            .until(|lean| lean.is_sent(channel).then_some(()))
            .await?;
        Ok(())
    }

    pub(in crate::session::ssh) const fn forget_channel(&mut self) {
        self.channel = None;
    }

    pub(in crate::session::ssh) async fn say_goodbye(&mut self) -> Result<(), Gone> {
        Ok(self.lean.say_goodbye().await?)
    }
}
