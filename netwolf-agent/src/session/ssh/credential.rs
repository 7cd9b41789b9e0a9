//! A credential with its secrets read, on this machine and within a deadline, before anything is connected.

use std::{path::PathBuf, sync::Arc, time::Duration};

use netwolf_secret::{Imprint, Secret};
use netwolf_wire::{
    SecretRef,
    status::{Failure, Reason},
    target::Login,
};
use russh::keys::{PrivateKey, decode_secret_key};
use tokio::time::timeout;

use super::{agent::Agent, opened_keys};

/// Opening an encrypted key takes a tenth of a second on purpose, and more with other keys waiting.
const OPEN_TIMEOUT: Duration = Duration::from_secs(20);

/// A credential with its secrets read.
pub(super) struct Credential {
    pub(super) key: Option<Arc<PrivateKey>>,
    pub(super) agent: Option<Agent>,
    pub(super) password: Option<Secret>,
}

impl Credential {
    /// Reads the secrets of `login` on this machine.
    ///
    /// # Errors
    /// [`Reason::SecretUnavailable`], naming the reference.
    pub(super) async fn resolve(login: &Login) -> Result<Self, Failure> {
        let key = match &login.private_key {
            Some(reference) => Some(private_key(login, reference).await?),
            None => None,
        };
        let agent = match &login.ssh_agent {
            Some(reference) => Some(Agent::ask(login, &socket(login, reference)?).await?),
            None => None,
        };
        Ok(Self {
            key,
            agent,
            password: read(login, login.password.as_ref()).await?,
        })
    }

    /// By what the password is recognised when the other side says it.
    pub(super) fn imprint(&self) -> Option<Imprint> {
        self.password.as_ref().map(Secret::imprint)
    }

    /// Whether the private key is one of RSA, which can sign in several ways.
    pub(super) fn has_rsa_key(&self) -> bool {
        self.key
            .as_ref()
            .is_some_and(|key| key.algorithm().is_rsa())
    }

    /// Whether key number `index` of the ssh-agent is one of RSA.
    pub(super) fn has_rsa_in_agent(&self, index: usize) -> bool {
        self.agent.as_ref().is_some_and(|agent| agent.is_rsa(index))
    }
}

/// Reads one secret of `login`, if there is one.
///
/// # Errors
/// [`Reason::SecretUnavailable`], naming the reference.
pub(in crate::session) async fn read(
    login: &Login,
    reference: Option<&SecretRef>,
) -> Result<Option<Secret>, Failure> {
    let Some(reference) = reference else {
        return Ok(None);
    };
    match netwolf_secret::resolve(reference).await {
        Ok(secret) => Ok(Some(secret)),
        Err(error) => Err(unavailable(login, &error.to_string())),
    }
}

/// Where the socket of the ssh-agent is: a variable has its path, or the path is given.
pub(super) fn socket(login: &Login, reference: &SecretRef) -> Result<PathBuf, Failure> {
    let named = match reference {
        SecretRef::File(path) => return Ok(path.clone()),
        SecretRef::Env(name) => std::env::var_os(name).filter(|value| !value.is_empty()),
        // The manager takes none of them for a socket.
        SecretRef::Credential(_) | SecretRef::Exec(_) | SecretRef::Unknown(_) => None,
    };
    named.map(PathBuf::from).ok_or_else(|| {
        unavailable(
            login,
            &format!("\"{reference}\" does not say where the ssh-agent is"),
        )
    })
}

/// A secret that cannot be had.
pub(super) fn unavailable(login: &Login, message: &str) -> Failure {
    Failure {
        reason: Reason::SecretUnavailable,
        message: format!("credential \"{}\": {message}", login.credential),
        hint: Some(
            "secrets are read on the agent's machine, by the user that the agent runs as".into(),
        ),
    }
}

async fn private_key(login: &Login, reference: &SecretRef) -> Result<Arc<PrivateKey>, Failure> {
    let text = read(login, Some(reference)).await?;
    let text = text.unwrap_or_else(|| Secret::new(String::new()));
    let said = match read(login, login.passphrase.as_ref()).await? {
        Some(passphrase) => {
            let opening = opened_keys::open(reference, text, passphrase);
            match timeout(OPEN_TIMEOUT, opening).await {
                Ok(Ok(key)) => return Ok(key),
                Ok(Err(error)) => error,
                Err(_) => format!("it took more than {} s", OPEN_TIMEOUT.as_secs()),
            }
        }
        // Without a passphrase it takes no time.
        None => match decode_secret_key(text.expose(), None) {
            Ok(key) => return Ok(Arc::new(key)),
            Err(russh::keys::Error::KeyIsEncrypted) => {
                let mut failure = unavailable(
                    login,
                    &format!("\"{reference}\" is a private key that wants a passphrase"),
                );
                failure.hint =
                    Some("give the credential a `passphrase`, or use an ssh-agent".into());
                return Err(failure);
            }
            Err(error) => error.to_string(),
        },
    };
    Err(unavailable(
        login,
        &format!("\"{reference}\" is not a private key that opens: {said}"),
    ))
}
