//! Logging in: key first, then password, then keyboard-interactive where a device has no `password`.
//!
//! Which methods a device takes is asked first, as OpenSSH does, so that no method is tried that is not
//! offered. One wrong password is sent once: an account behind TACACS+ counts failures from all devices.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use netwolf_wire::{
    SecretRef,
    status::{Failure, Reason},
    target::Login,
};
use russh::{
    MethodKind, MethodSet,
    client::{AuthResult, Handle, KeyboardInteractiveAuthResponse, Prompt},
    keys::{PrivateKey, PrivateKeyWithHashAlg, decode_secret_key},
};

use super::client::Client;
use crate::{
    secret::{self, Secret},
    session::feed::Feed,
};

/// Rounds of questions that are answered; a password is asked for in the first.
const MAX_ROUNDS: usize = 4;

/// A credential with its secrets read.
pub(super) struct Credential {
    key: Option<Arc<PrivateKey>>,
    password: Option<Secret>,
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
        Ok(Self {
            key,
            password: read(login, login.password.as_ref()).await?,
        })
    }

    /// What is left of it after the login.
    pub(super) fn into_password(self) -> Option<Secret> {
        self.password
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
    secret::resolve(reference)
        .await
        .map(Some)
        .map_err(|error| unavailable(login, &error.to_string()))
}

fn unavailable(login: &Login, message: &str) -> Failure {
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
    let passphrase = read(login, login.passphrase.as_ref()).await?;
    // Opening an encrypted key takes a tenth of a second on purpose.
    let decoded = tokio::task::spawn_blocking(move || {
        let text = text.as_ref().map_or("", Secret::expose);
        decode_secret_key(text, passphrase.as_ref().map(Secret::expose))
    });
    match decoded.await {
        Ok(Ok(key)) => Ok(Arc::new(key)),
        Ok(Err(error)) => Err(unavailable(
            login,
            &format!("\"{reference}\" is not a private key that opens: {error}"),
        )),
        Err(error) => Err(unavailable(login, &error.to_string())),
    }
}

/// How one attempt ended.
enum Attempt {
    Accepted,
    /// With what may be tried next, and whether the attempt was right but not enough.
    Rejected {
        remaining: MethodSet,
        partial: bool,
    },
}

impl From<AuthResult> for Attempt {
    fn from(result: AuthResult) -> Self {
        match result {
            AuthResult::Success => Self::Accepted,
            AuthResult::Failure {
                remaining_methods,
                partial_success,
            } => Self::Rejected {
                remaining: remaining_methods,
                partial: partial_success,
            },
        }
    }
}

/// Logs in with `credential`; sets `offered` before the first thing of it is sent.
///
/// # Errors
/// [`Reason::AuthFailed`] with what was tried, or why the connection ended meanwhile.
pub(super) async fn authenticate(
    handle: &mut Handle<Client>,
    login: &Login,
    credential: &Credential,
    feed: &Feed,
    offered: &AtomicBool,
) -> Result<(), Failure> {
    let user = login.username.as_str();
    let mut methods = match handle.authenticate_none(user).await.map(Attempt::from) {
        Ok(Attempt::Accepted) => return Ok(()),
        Ok(Attempt::Rejected { remaining, .. }) => remaining,
        Err(_) => MethodSet::empty(),
    };
    if methods.is_empty() {
        return Err(closed(feed, &[], credential));
    }
    let takes = methods.clone();
    let mut tried = Vec::new();
    while let Some(method) = next_method(&methods, &tried, credential) {
        offered.store(true, Ordering::Relaxed);
        tried.push(method);
        let attempt = match method {
            MethodKind::PublicKey => try_key(handle, user, credential.key.as_ref()).await,
            MethodKind::Password => try_password(handle, user, credential.password.as_ref()).await,
            _ => try_questions(handle, user, credential.password.as_ref()).await,
        };
        match attempt {
            Ok(Attempt::Accepted) => return Ok(()),
            Ok(Attempt::Rejected { remaining, partial }) if !remaining.is_empty() => {
                // A password that was wrong once is wrong under any name.
                if !partial && method != MethodKind::PublicKey {
                    break;
                }
                methods = remaining;
            }
            Ok(Attempt::Rejected { .. }) | Err(_) => {
                return Err(closed(feed, &tried, credential));
            }
        }
    }
    let names = |methods: &[MethodKind]| {
        methods
            .iter()
            .map(<&str>::from)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let message = if tried.is_empty() {
        format!(
            "credential \"{}\" has nothing for what the device offers: {}",
            login.credential,
            names(&takes)
        )
    } else {
        format!(
            "the device did not take credential \"{}\" (tried {})",
            login.credential,
            names(&tried)
        )
    };
    Err(Failure {
        reason: Reason::AuthFailed,
        message,
        hint: Some(format!(
            "does user \"{user}\" exist on the device, with this key or password?"
        )),
    })
}

/// The best method that is offered, that the credential has something for and that was not tried.
fn next_method(
    offered: &MethodSet,
    tried: &[MethodKind],
    credential: &Credential,
) -> Option<MethodKind> {
    let usable = |method: &MethodKind| offered.contains(method) && !tried.contains(method);
    if credential.key.is_some() && usable(&MethodKind::PublicKey) {
        return Some(MethodKind::PublicKey);
    }
    credential.password.as_ref()?;
    if offered.contains(&MethodKind::Password) {
        return usable(&MethodKind::Password).then_some(MethodKind::Password);
    }
    usable(&MethodKind::KeyboardInteractive).then_some(MethodKind::KeyboardInteractive)
}

async fn try_key(
    handle: &mut Handle<Client>,
    user: &str,
    key: Option<&Arc<PrivateKey>>,
) -> Result<Attempt, russh::Error> {
    let key = key.ok_or(russh::Error::NoAuthMethod)?.clone();
    let hash = if key.algorithm().is_rsa() {
        handle.best_supported_rsa_hash().await?.flatten()
    } else {
        None
    };
    let key = PrivateKeyWithHashAlg::new(key, hash);
    handle
        .authenticate_publickey(user, key)
        .await
        .map(Attempt::from)
}

async fn try_password(
    handle: &mut Handle<Client>,
    user: &str,
    password: Option<&Secret>,
) -> Result<Attempt, russh::Error> {
    let password = password.ok_or(russh::Error::NoAuthMethod)?;
    handle
        .authenticate_password(user, password.expose())
        .await
        .map(Attempt::from)
}

/// Answers a hidden question with the password and an open one with the user's name; there is no answer to a
/// second round of questions.
async fn try_questions(
    handle: &mut Handle<Client>,
    user: &str,
    password: Option<&Secret>,
) -> Result<Attempt, russh::Error> {
    let password = password.ok_or(russh::Error::NoAuthMethod)?;
    let mut response = handle
        .authenticate_keyboard_interactive_start(user, None)
        .await?;
    let mut answered = false;
    for _ in 0..MAX_ROUNDS {
        let prompts = match response {
            KeyboardInteractiveAuthResponse::Success => return Ok(Attempt::Accepted),
            KeyboardInteractiveAuthResponse::Failure {
                remaining_methods,
                partial_success,
            } => {
                return Ok(Attempt::Rejected {
                    remaining: remaining_methods,
                    partial: partial_success,
                });
            }
            KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => prompts,
        };
        if answered && !prompts.is_empty() {
            break;
        }
        answered |= !prompts.is_empty();
        let answer =
            |prompt: &Prompt| if prompt.echo { user } else { password.expose() }.to_owned();
        let answers = prompts.iter().map(answer).collect();
        response = handle
            .authenticate_keyboard_interactive_respond(answers)
            .await?;
    }
    Ok(Attempt::Rejected {
        remaining: MethodSet::from([MethodKind::KeyboardInteractive].as_slice()),
        partial: false,
    })
}

fn closed(feed: &Feed, tried: &[MethodKind], credential: &Credential) -> Failure {
    let ended = feed.lock().ended.clone();
    let why = ended.map_or_else(
        || "the device ended the login".to_owned(),
        |failure| match &credential.password {
            Some(password) => password.hide_in(&failure.message),
            None => failure.message,
        },
    );
    if tried.is_empty() {
        return Failure {
            reason: Reason::ClosedByDevice,
            message: why,
            hint: Some(
                "has the device free lines (VTYs), and may the agent's address log in?".into(),
            ),
        };
    }
    Failure {
        reason: Reason::AuthFailed,
        message: format!("{why}, after a login that it did not take"),
        hint: Some("does the user exist on the device, with this key or password?".into()),
    }
}
