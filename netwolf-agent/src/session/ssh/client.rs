//! What russh calls back: bytes go on to the [`Sink`], the host key to the [`Policy`].

use std::sync::{Arc, Mutex, PoisonError};

use netwolf_secret::Imprint;
use netwolf_wire::status::Failure;
use russh::{
    ChannelId, Sig,
    client::{self, DisconnectReason},
    keys::{HashAlg, PublicKeyOrCertificate},
};

use super::{
    error::{ended, runs_nothing, shell_closed, without},
    jump::Ways,
    policy::Policy,
};
use crate::session::{feed::Feed, host_key::PresentedKey};

/// Where it goes what comes over a connection.
#[derive(Clone)]
pub(super) enum Sink {
    /// A device: to what understands its output.
    Device(Arc<Feed>),
    /// A jump host: to the devices behind it.
    Jump(Arc<Ways>),
}

impl Sink {
    /// The connection ended. The first reason counts.
    fn end(&self, failure: impl FnOnce() -> Failure) {
        match self {
            Self::Device(feed) => {
                feed.end(failure);
                feed.notify(true);
            }
            Self::Jump(ways) => ways.end(failure),
        }
    }

    /// Why the connection ended, once it has.
    pub(super) fn ended(&self) -> Option<Failure> {
        match self {
            Self::Device(feed) => feed.lock().ended.clone(),
            Self::Jump(ways) => ways.ended(),
        }
    }
}

/// What russh calls back.
pub(super) struct Client {
    pub(super) sink: Sink,
    pub(super) policy: Policy,
    /// Why the host key was not taken.
    pub(super) verdict: Arc<Mutex<Option<Failure>>>,
    /// Not to be shown when the other side says it.
    pub(super) password: Option<Imprint>,
}

/// What a server shows of its key.
///
/// # Errors
/// The key cannot be written down, which no key that was read does.
pub(super) fn presented(key: &PublicKeyOrCertificate) -> Result<PresentedKey, russh::Error> {
    let mut key = key.public_key();
    key.set_comment("");
    Ok(PresentedKey {
        algorithm: key.algorithm().to_string(),
        fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
        text: key.to_openssh()?,
    })
}

impl client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        key: &PublicKeyOrCertificate,
    ) -> Result<bool, russh::Error> {
        let judgement = self.policy.check(&presented(key)?);
        let good = judgement.is_ok();
        *self.verdict.lock().unwrap_or_else(PoisonError::into_inner) = judgement.err();
        Ok(good)
    }

    async fn data(
        &mut self,
        id: ChannelId,
        data: &[u8],
        _: &mut client::Session,
    ) -> Result<(), russh::Error> {
        match &self.sink {
            Sink::Device(feed) => feed.notify(feed.data(id.into(), data)),
            Sink::Jump(ways) => ways.data(id.into(), data),
        }
        Ok(())
    }

    async fn extended_data(
        &mut self,
        id: ChannelId,
        _kind: u32,
        data: &[u8],
        _: &mut client::Session,
    ) -> Result<(), russh::Error> {
        if let Sink::Device(feed) = &self.sink {
            feed.notify(feed.stderr(id.into(), data));
        }
        Ok(())
    }

    async fn exit_status(
        &mut self,
        id: ChannelId,
        status: u32,
        _: &mut client::Session,
    ) -> Result<(), russh::Error> {
        if let Sink::Device(feed) = &self.sink {
            feed.status(id.into(), status);
        }
        Ok(())
    }

    async fn exit_signal(
        &mut self,
        id: ChannelId,
        signal: Sig,
        _core_dumped: bool,
        _message: &str,
        _language: &str,
        _: &mut client::Session,
    ) -> Result<(), russh::Error> {
        if let Sink::Device(feed) = &self.sink {
            let name = match signal {
                Sig::Custom(name) => name,
                known => format!("{known:?}"),
            };
            feed.signal(id.into(), &name);
        }
        Ok(())
    }

    async fn channel_failure(
        &mut self,
        id: ChannelId,
        _: &mut client::Session,
    ) -> Result<(), russh::Error> {
        // Only the shell and the command ask for an answer.
        if let Sink::Device(feed) = &self.sink {
            feed.notify(feed.refused(id.into(), runs_nothing));
        }
        Ok(())
    }

    async fn channel_close(
        &mut self,
        id: ChannelId,
        _: &mut client::Session,
    ) -> Result<(), russh::Error> {
        match &self.sink {
            Sink::Device(feed) => feed.notify(feed.closed(id.into(), shell_closed)),
            Sink::Jump(ways) => ways.closed(id.into()),
        }
        Ok(())
    }

    async fn channel_open_confirmation(
        &mut self,
        id: ChannelId,
        _max_packet_size: u32,
        _window_size: u32,
        _: &mut client::Session,
    ) -> Result<(), russh::Error> {
        // Before the first byte, which a device says unasked.
        if let Sink::Jump(ways) = &self.sink {
            ways.opened(id.into());
        }
        Ok(())
    }

    async fn channel_eof(
        &mut self,
        id: ChannelId,
        _: &mut client::Session,
    ) -> Result<(), russh::Error> {
        if let Sink::Jump(ways) = &self.sink {
            ways.eof(id.into());
        }
        Ok(())
    }

    async fn disconnected(
        &mut self,
        reason: DisconnectReason<russh::Error>,
    ) -> Result<(), russh::Error> {
        self.sink.end(|| {
            let hide = |text: &str| without(self.password.as_ref(), text);
            let mut failure = ended(&reason, hide);
            failure.message = hide(&failure.message);
            failure
        });
        match reason {
            DisconnectReason::ReceivedDisconnect(_) => Ok(()),
            DisconnectReason::Error(error) => Err(error),
        }
    }
}
