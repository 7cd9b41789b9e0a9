//! Keys that an ssh-agent keeps: it signs, and the key never comes here.
//!
//! An agent may hold many keys, and a device counts each that it does not take, so a few are offered only. An
//! agent may also ask its owner before it signs, who may be away, so each wait has a deadline.

use std::{io, path::Path, time::Duration};

use netwolf_wire::{status::Failure, target::Login};
use russh::{
    client::{AuthResult, Handle},
    keys::{
        HashAlg,
        agent::{AgentIdentity, client::AgentClient},
    },
};
use tokio::{net::UnixStream, time::timeout};

use super::{client::Client, credential::unavailable};

/// Keys that are offered, the first ones of the agent. Six refusals end a connection to OpenSSH, and the
/// private key and the password need one each.
const MAX_OFFERED: usize = 3;
/// How long the agent may take for each answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// An ssh-agent and what it can sign with.
pub(super) struct Agent {
    client: AgentClient<UnixStream>,
    identities: Vec<AgentIdentity>,
    shown: String,
}

/// What came of offering one key.
pub(super) enum Offered {
    /// The device answered.
    Answered(AuthResult),
    /// The agent refused to sign; the next key may do.
    NotSigned,
}

impl Agent {
    /// Connects to the agent at `path` and asks what keys it has.
    ///
    /// # Errors
    /// [`netwolf_wire::status::Reason::SecretUnavailable`] when there is no agent, it has no key or is silent.
    pub(super) async fn ask(login: &Login, path: &Path) -> Result<Self, Failure> {
        let shown = path.display().to_string();
        let failed = |what: &str, hint: &str| {
            let mut failure = unavailable(login, &format!("the ssh-agent at \"{shown}\" {what}"));
            failure.hint = Some(hint.into());
            failure
        };
        let asked = async {
            let mut client = AgentClient::connect_uds(path).await?;
            let identities = client.request_identities().await?;
            Ok((client, identities))
        };
        let running =
            "is it running, for the user that the agent of NetWolf runs as? Try `ssh-add -l` there";
        let (client, mut identities) = match timeout(TIMEOUT, asked).await {
            Ok(Ok(asked)) => asked,
            Ok(Err(russh::keys::Error::IO(error))) if error.kind() == io::ErrorKind::NotFound => {
                return Err(failed("is not there", running));
            }
            Ok(Err::<_, russh::keys::Error>(error)) => {
                return Err(failed(&format!("does not answer: {error}"), running));
            }
            Err(_) => {
                let seconds = TIMEOUT.as_secs();
                return Err(failed(
                    &format!("did not answer within {seconds} s"),
                    running,
                ));
            }
        };
        if identities.is_empty() {
            return Err(failed("has no key", "add one with `ssh-add`"));
        }
        if identities.len() > MAX_OFFERED {
            tracing::debug!(
                n_keys = identities.len(),
                offered = MAX_OFFERED,
                "the ssh-agent has more keys than are offered"
            );
            identities.truncate(MAX_OFFERED);
        }
        Ok(Self {
            client,
            identities,
            shown,
        })
    }

    /// How many keys there are to offer.
    pub(super) const fn len(&self) -> usize {
        self.identities.len()
    }

    /// Whether key number `index` is one of RSA, which can sign in several ways.
    pub(super) fn is_rsa(&self, index: usize) -> bool {
        self.identities
            .get(index)
            .is_some_and(|identity| identity.public_key().algorithm().is_rsa())
    }

    /// Offers key number `index`; the agent signs if the device wants it. `hash` is for a key of RSA.
    ///
    /// # Errors
    /// The agent did not answer in time. The connection to the device is of no use then.
    pub(super) async fn offer(
        &mut self,
        handle: &mut Handle<Client>,
        login: &Login,
        index: usize,
        hash: Option<HashAlg>,
    ) -> Result<Offered, Failure> {
        let Some(identity) = self.identities.get(index) else {
            return Ok(Offered::NotSigned);
        };
        let user = login.username.as_str();
        let mut signer = Signer {
            client: &mut self.client,
            late: false,
        };
        let result = match identity {
            AgentIdentity::PublicKey { key, .. } => {
                handle
                    .authenticate_publickey_with(user, key.clone(), hash, &mut signer)
                    .await
            }
            AgentIdentity::Certificate { certificate, .. } => {
                handle
                    .authenticate_certificate_with(user, certificate.clone(), hash, &mut signer)
                    .await
            }
        };
        match result {
            Ok(result) => Ok(Offered::Answered(result)),
            Err(_) if signer.late => Err(unavailable(
                login,
                &format!(
                    "the ssh-agent at \"{}\" did not sign within {} s",
                    self.shown,
                    TIMEOUT.as_secs()
                ),
            )),
            Err(error) => {
                tracing::debug!(%error, "the ssh-agent did not sign");
                Ok(Offered::NotSigned)
            }
        }
    }
}

/// The agent's signature, within a deadline.
struct Signer<'a> {
    client: &'a mut AgentClient<UnixStream>,
    late: bool,
}

impl russh::Signer for Signer<'_> {
    type Error = russh::AgentAuthError;

    async fn auth_sign(
        &mut self,
        key: &AgentIdentity,
        hash: Option<HashAlg>,
        to_sign: Vec<u8>,
    ) -> Result<Vec<u8>, Self::Error> {
        if let Ok(signed) = timeout(TIMEOUT, self.client.sign_request(key, hash, to_sign)).await {
            return Ok(signed?);
        }
        self.late = true;
        Err(russh::keys::Error::AgentFailure.into())
    }
}
