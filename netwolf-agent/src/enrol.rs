//! How an agent gets its identity, and keeps it from expiring.
//!
//! ```text
//!   join:   TLS, nothing of ours shown --> is there an authority of the token's pin? --> token --> certificate
//!   renew:  TLS with the present certificate, at two thirds of its life ------------------------> certificate
//! ```
//!
//! Invariant: the token's secret leaves this machine only to a server whose certificate is signed by the authority
//! that the token names.

use std::{io, time::Duration};

use base64ct::{Base64, Encoding};
use netwolf_wire::{
    AgentName,
    certify::{Certified, Certify, Invite},
    frame::{FrameError, FrameReader, FrameWriter},
    message::{Refused, ToAgent, ToManager},
    tls::{pki, request::NewKey, stream::Stream, token::JoinToken},
    version,
};
use rustls::CertificateError;
use thiserror::Error;
use tokio::time::{sleep, timeout};

use crate::{
    clock,
    identity::{Credentials, Identity, IdentityError, IdentityStore},
    link::wires,
    random::Random,
};

pub mod choice;
mod pinned;

/// The answer has come by then, or does not count.
const ANSWER: Duration = Duration::from_secs(10);

/// From one attempt to join to the next.
const JOIN_PAUSE: Duration = Duration::from_secs(2);

/// From one attempt to renew to the next, at least and at most. There are eight hours for it.
const RENEW_PAUSE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_mins(10));

/// The clock is looked at so often: it may be set, and a machine may sleep.
const LOOK: Duration = Duration::from_mins(1);

/// Why there is no certificate.
#[derive(Debug, Error)]
pub enum EnrolError {
    /// The manager cannot be reached, or hung up.
    #[error("the manager at {0} cannot be reached, or closed the connection")]
    Unreachable(String, #[source] io::Error),
    /// It is another manager, or somebody between.
    #[error(
        "whoever answers at {0} does not belong to the authority of the join token; the token was not sent\n  hint: is \
         it the address of the manager that made the token? if it is, somebody is in between, or its folder `trust` was \
         replaced and the token with it"
    )]
    OtherManager(String, #[source] io::Error),
    /// It said no.
    #[error("the manager at {address} gives no certificate: {message}")]
    Refused {
        /// The manager.
        address: String,
        /// In its words.
        message: String,
        /// Whether it may say yes later.
        retry: bool,
    },
    /// It said something else.
    #[error("the manager at {0} did not answer as managers do")]
    Odd(String, #[source] Option<FrameError>),
    /// There is no randomness.
    #[error("no key could be made")]
    Key,
    /// It cannot be kept.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl EnrolError {
    /// Whether the same may work later.
    const fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(..) | Self::Odd(..) => true,
            Self::Refused { retry, .. } => *retry,
            Self::OtherManager(..) | Self::Key | Self::Identity(_) => false,
        }
    }
}

/// Joins with a token, as soon as the manager can be reached.
///
/// # Errors
/// [`EnrolError`] when trying again cannot help.
pub async fn join(
    manager: &str,
    agent: &AgentName,
    token: &JoinToken,
    store: &IdentityStore,
) -> Result<Identity, EnrolError> {
    store.prepare()?;
    loop {
        match try_join(manager, agent, token, store).await {
            Err(error) if error.is_passing() => {
                tracing::warn!(
                    error = wires::chain(&error),
                    "cannot join yet; trying again"
                );
                sleep(JOIN_PAUSE).await;
            }
            done => return done,
        }
    }
}

async fn try_join(
    manager: &str,
    agent: &AgentName,
    token: &JoinToken,
    store: &IdentityStore,
) -> Result<Identity, EnrolError> {
    let stream = wires::connect_tls(manager, pinned::config(token.pin)).await;
    let stream = stream.map_err(|error| {
        if is_about_certificate(&error) {
            EnrolError::OtherManager(manager.to_owned(), error)
        } else {
            EnrolError::Unreachable(manager.to_owned(), error)
        }
    })?;
    certify(manager, stream, agent, Some(token.invite.clone()), store).await
}

fn is_about_certificate(error: &io::Error) -> bool {
    let error = error.get_ref().and_then(|error| error.downcast_ref());
    matches!(error, Some(rustls::Error::InvalidCertificate(fault)) if !matches!(fault, CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. }))
}

/// Gets another certificate for the identity that is there.
///
/// # Errors
/// [`EnrolError`].
pub async fn renew(
    manager: &str,
    credentials: &Credentials,
    store: &IdentityStore,
) -> Result<(), EnrolError> {
    let present = credentials.present();
    let stream = wires::connect_tls(manager, present.config()).await;
    let stream = stream.map_err(|error| EnrolError::Unreachable(manager.to_owned(), error))?;
    let identity = certify(manager, stream, present.agent(), None, store).await?;
    credentials.replace(identity);
    Ok(())
}

/// One question and one answer.
async fn certify(
    manager: &str,
    stream: Stream,
    agent: &AgentName,
    invite: Option<Invite>,
    store: &IdentityStore,
) -> Result<Identity, EnrolError> {
    let NewKey {
        pkcs8,
        public,
        proof,
    } = NewKey::generate(agent).map_err(|_| EnrolError::Key)?;
    let certify = Certify {
        protocol: version::CURRENT,
        agent: agent.clone(),
        key: Base64::encode_string(&public),
        proof: Base64::encode_string(&proof),
        invite,
    };
    let certified = ask(manager, stream, certify).await?;
    Ok(store.write(&pkcs8, &certified)?)
}

async fn ask(manager: &str, stream: Stream, certify: Certify) -> Result<Certified, EnrolError> {
    let (read, write) = stream.into_split();
    let (mut reader, mut writer) = (FrameReader::new(read), FrameWriter::new(write));
    let exchange = async {
        writer.send(&ToManager::from(certify)).await?;
        reader.next().await
    };
    let address = manager.to_owned();
    match timeout(ANSWER, exchange).await {
        Ok(Ok(Some(ToAgent::Certified(certified)))) => Ok(certified),
        Ok(Ok(Some(ToAgent::Refused(Refused { message, retry, .. })))) => {
            Err(EnrolError::Refused {
                address,
                message,
                retry,
            })
        }
        Ok(Ok(_)) => Err(EnrolError::Odd(address, None)),
        Ok(Err(FrameError::Io(error))) => Err(EnrolError::Unreachable(address, error)),
        Ok(Err(error)) => Err(EnrolError::Odd(address, Some(error))),
        Err(_) => {
            let error = io::ErrorKind::TimedOut.into();
            Err(EnrolError::Unreachable(address, error))
        }
    }
}

/// How an identity is kept fresh.
#[derive(Debug)]
pub struct Renewal {
    /// The manager's address.
    pub manager: String,
    /// What is renewed.
    pub credentials: Credentials,
    /// Where it is kept.
    pub store: IdentityStore,
    /// Renews so often instead of when it is due, for tests.
    pub every: Option<Duration>,
    /// Attempts that failed.
    pub failures: prometheus_client::metrics::counter::Counter,
}

impl Renewal {
    /// Renews the identity whenever that is due, until it is dropped.
    pub async fn keep_up(self) {
        let mut random = Random::new(self.credentials.present().expires());
        loop {
            self.wait().await;
            let mut pause = RENEW_PAUSE.0;
            while let Err(error) = renew(&self.manager, &self.credentials, &self.store).await {
                self.failures.inc();
                self.complain(&error);
                sleep(random.between(pause / 2, pause)).await;
                pause = (pause * 2).min(RENEW_PAUSE.1);
            }
            tracing::info!(
                expires = self.credentials.present().expires(),
                "the certificate was renewed"
            );
        }
    }

    async fn wait(&self) {
        if let Some(every) = self.every {
            return sleep(every).await;
        }
        let due = self.credentials.present().renewal_due();
        while clock::wall().as_secs() < due {
            sleep(LOOK).await;
        }
    }

    fn complain(&self, error: &EnrolError) {
        let expires = self.credentials.present().expires();
        let left = expires.saturating_sub(clock::wall().as_secs());
        let error = wires::chain(error);
        if left == 0 {
            tracing::error!(
                error,
                hint = "make a token with `netwolf agents invite --name` and start the agent with `--join`",
                "the certificate has expired: the manager takes no new links of this agent"
            );
        } else {
            tracing::warn!(
                error,
                left_seconds = left,
                "the certificate could not be renewed; trying again"
            );
        }
    }
}

/// The name that a manager's certificate has.
pub(crate) fn server_name() -> pki::ServerName<'static> {
    pki::ServerName::try_from(netwolf_wire::tls::SERVER_NAME).expect("the word is a DNS name")
}
