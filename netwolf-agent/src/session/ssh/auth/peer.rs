//! What a login is tried over: either SSH client, which each asks in its own way.

use netwolf_secret::Secret;
use russh::{
    client::{Handle, KeyboardInteractiveAuthResponse},
    keys::{HashAlg, PrivateKeyWithHashAlg},
};

use super::{Attempt, Broken};
use crate::session::ssh::client::Client;

/// What comes of asking for questions, or of answering them.
pub(in crate::session::ssh) enum Asked {
    /// There are no more.
    Done(Attempt),
    /// These.
    Questions {
        instructions: String,
        /// Text, and whether the answer may be shown.
        prompts: Vec<(String, bool)>,
    },
}

/// A device that has proven who it is, and that nobody is logged in to.
pub(in crate::session::ssh) trait Peer {
    /// Asks what may be tried.
    async fn try_none(&mut self, user: &str) -> Result<Attempt, Broken>;
    async fn try_password(&mut self, user: &str, password: &Secret) -> Result<Attempt, Broken>;
    async fn try_key(&mut self, user: &str, key: PrivateKeyWithHashAlg) -> Result<Attempt, Broken>;
    async fn try_questions(&mut self, user: &str) -> Result<Asked, Broken>;
    async fn answer(&mut self, answers: Vec<String>) -> Result<Asked, Broken>;
    /// The best hash that the device takes signatures of RSA with. Nothing where it has not said; nothing inside
    /// where it is SHA-1.
    async fn rsa_hash(&mut self) -> Result<Option<Option<HashAlg>>, Broken>;
    /// For keys of an ssh-agent, which go by way of this client only.
    fn for_agent(&mut self) -> Option<&mut Handle<Client>>;
    fn is_closed(&self) -> bool;
    /// Waits until it is told why the connection has ended, once it has.
    async fn settle(&mut self);
}

impl Peer for Handle<Client> {
    async fn try_none(&mut self, user: &str) -> Result<Attempt, Broken> {
        Ok(self.authenticate_none(user).await?.into())
    }

    async fn try_password(&mut self, user: &str, password: &Secret) -> Result<Attempt, Broken> {
        Ok(self
            .authenticate_password(user, password.expose())
            .await?
            .into())
    }

    async fn try_key(&mut self, user: &str, key: PrivateKeyWithHashAlg) -> Result<Attempt, Broken> {
        Ok(self.authenticate_publickey(user, key).await?.into())
    }

    async fn try_questions(&mut self, user: &str) -> Result<Asked, Broken> {
        let response = self
            .authenticate_keyboard_interactive_start(user, None)
            .await?;
        Ok(response.into())
    }

    async fn answer(&mut self, answers: Vec<String>) -> Result<Asked, Broken> {
        let response = self
            .authenticate_keyboard_interactive_respond(answers)
            .await?;
        Ok(response.into())
    }

    async fn rsa_hash(&mut self) -> Result<Option<Option<HashAlg>>, Broken> {
        Ok(self.best_supported_rsa_hash().await?)
    }

    fn for_agent(&mut self) -> Option<&mut Handle<Client>> {
        Some(self)
    }

    fn is_closed(&self) -> bool {
        Handle::is_closed(self)
    }

    async fn settle(&mut self) {
        // russh says why a moment after it takes no more orders, and not at all where its stream breaks in closing.
        if let Err(error) = self.await {
            tracing::trace!(%error, "the connection ended in mid login");
        }
    }
}

impl From<KeyboardInteractiveAuthResponse> for Asked {
    fn from(response: KeyboardInteractiveAuthResponse) -> Self {
        match response {
            KeyboardInteractiveAuthResponse::Success => Self::Done(Attempt::Accepted),
            KeyboardInteractiveAuthResponse::Failure {
                remaining_methods: remaining,
                partial_success: partial,
            } => Self::Done(Attempt::Rejected { remaining, partial }),
            KeyboardInteractiveAuthResponse::InfoRequest {
                instructions,
                prompts,
                ..
            } => Self::Questions {
                instructions,
                prompts: prompts
                    .into_iter()
                    .map(|prompt| (prompt.prompt, prompt.echo))
                    .collect(),
            },
        }
    }
}
