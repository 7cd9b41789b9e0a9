//! What russh calls back: bytes go on to the [`Feed`], the host key to the [`Policy`].

use std::sync::{Arc, Mutex, PoisonError};

use netwolf_wire::status::{Failure, Reason};
use russh::{
    ChannelId,
    client::{self, DisconnectReason},
    keys::{HashAlg, PublicKeyOrCertificate},
};

use super::{error::ended, policy::Policy};
use crate::session::{feed::Feed, host_key::PresentedKey};

/// What russh calls back.
pub(super) struct Client {
    pub(super) feed: Arc<Feed>,
    pub(super) policy: Policy,
    /// Why the host key was not taken.
    pub(super) verdict: Arc<Mutex<Option<Failure>>>,
}

impl client::Handler for Client {
    type Error = russh::Error;

    async fn check_server_key(
        &mut self,
        key: &PublicKeyOrCertificate,
    ) -> Result<bool, russh::Error> {
        let mut key = key.public_key();
        key.set_comment("");
        let presented = PresentedKey {
            algorithm: key.algorithm().to_string(),
            fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
            text: key.to_openssh()?,
        };
        let judgement = self.policy.check(&presented);
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
        self.feed.data(id.into(), data);
        Ok(())
    }

    async fn extended_data(
        &mut self,
        id: ChannelId,
        _kind: u32,
        data: &[u8],
        _: &mut client::Session,
    ) -> Result<(), russh::Error> {
        self.feed.stderr(id.into(), data);
        Ok(())
    }

    async fn exit_status(
        &mut self,
        id: ChannelId,
        status: u32,
        _: &mut client::Session,
    ) -> Result<(), russh::Error> {
        self.feed.status(id.into(), status);
        Ok(())
    }

    async fn channel_failure(
        &mut self,
        id: ChannelId,
        _: &mut client::Session,
    ) -> Result<(), russh::Error> {
        // Only the shell and the command ask for an answer.
        self.feed.refused(id.into(), || Failure {
            reason: Reason::ChannelRefused,
            message: "the device granted a channel and then refused to run anything on it".into(),
            hint: Some("does the platform's `transport` fit the device?".into()),
        });
        Ok(())
    }

    async fn channel_close(
        &mut self,
        id: ChannelId,
        _: &mut client::Session,
    ) -> Result<(), russh::Error> {
        self.feed.closed(id.into(), || Failure {
            reason: Reason::ClosedByDevice,
            message: "the device closed the shell".into(),
            hint: Some(
                "is its idle timeout (exec-timeout) shorter than the polling interval?".into(),
            ),
        });
        Ok(())
    }

    async fn disconnected(
        &mut self,
        reason: DisconnectReason<russh::Error>,
    ) -> Result<(), russh::Error> {
        self.feed.end(|| ended(&reason));
        match reason {
            DisconnectReason::ReceivedDisconnect(_) => Ok(()),
            DisconnectReason::Error(error) => Err(error),
        }
    }
}
