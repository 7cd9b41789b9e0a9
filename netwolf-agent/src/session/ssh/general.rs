//! A connection that is logged in by the general client, russh: one channel at a time.

use bytes::Bytes;
use netwolf_secret::Outgoing;
use russh::{
    ChannelWriteHalf, Disconnect, Sig,
    client::{Handle, Msg},
};

use super::{
    Shaken,
    client::Client,
    connection::{Gone, Opening, Terminal},
};
use crate::session::{socket::KillOnDrop, traffic::OfGeneral};

/// See the module. Dropping it cuts the connection.
pub(super) struct General {
    pub(super) handle: Handle<Client>,
    channel: Option<ChannelWriteHalf<Msg>>,
    _kill: KillOnDrop,
    _counted: OfGeneral,
}

impl General {
    pub(super) fn new(shaken: Shaken, counted: OfGeneral) -> Self {
        Self {
            handle: shaken.handle,
            channel: None,
            _kill: shaken.kill,
            _counted: counted,
        }
    }

    fn channel(&self) -> Result<&ChannelWriteHalf<Msg>, Gone> {
        self.channel.as_ref().ok_or(Gone)
    }

    /// Opens a channel; returns its number.
    pub(super) async fn open(&mut self) -> Result<u32, Opening> {
        let channel = match self.handle.channel_open_session().await {
            Ok(channel) => channel,
            Err(russh::Error::ChannelOpenFailure(why)) => {
                return Err(Opening::Refused(format!("{why:?}")));
            }
            Err(_) => return Err(Opening::Gone),
        };
        // With its reading half gone russh hands data to the callback alone, and never waits for us.
        let (_, channel) = channel.split();
        let id = channel.id().into();
        self.channel = Some(channel);
        Ok(id)
    }

    pub(super) async fn request_shell(&self, terminal: &Terminal<'_>) -> Result<(), Gone> {
        let Terminal {
            name,
            columns,
            rows,
        } = *terminal;
        let channel = self.channel()?;
        channel
            .request_pty(false, name, columns, rows, 0, 0, &[])
            .await?;
        Ok(channel.request_shell(true).await?)
    }

    pub(super) async fn request_exec(&self, command: &str) -> Result<(), Gone> {
        Ok(self.channel()?.exec(true, command).await?)
    }

    pub(super) async fn write(&self, bytes: Outgoing) -> Result<(), Gone> {
        let bytes = Bytes::from_owner(bytes);
        Ok(self.channel()?.data_bytes(bytes).await?)
    }

    pub(super) async fn interrupt(&self) -> Result<(), Gone> {
        let channel = self.channel()?;
        channel.signal(Sig::TERM).await?;
        Ok(channel.eof().await?)
    }

    pub(super) async fn close_channel(&mut self) -> Result<(), Gone> {
        match self.channel.take() {
            Some(channel) => Ok(channel.close().await?),
            None => Ok(()),
        }
    }

    pub(super) fn forget_channel(&mut self) {
        self.channel = None;
    }

    pub(super) async fn say_goodbye(&mut self) -> Result<(), Gone> {
        self.handle
            .disconnect(Disconnect::ByApplication, "", "")
            .await?;
        if let Err(error) = (&mut self.handle).await {
            tracing::trace!(%error, "the session ended with an error");
        }
        Ok(())
    }
}

impl From<russh::Error> for Gone {
    fn from(_: russh::Error) -> Self {
        // What russh says here is less than what the feed was told.
        Self
    }
}
