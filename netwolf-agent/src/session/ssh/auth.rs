//! Logging in: private key, then the keys of an ssh-agent, then the password, then keyboard-interactive where a
//! device has no `password`.
//!
//! Which methods a device takes is asked first, as OpenSSH does, so that no method is tried that is not
//! offered. One wrong password is sent once: an account behind TACACS+ counts failures from all devices.

use std::sync::atomic::{AtomicBool, Ordering};

use netwolf_secret::Secret;
use netwolf_wire::{
    legacy::Legacy,
    platform::Question,
    status::{Failure, Reason},
    target::Login,
};
use russh::{MethodKind, MethodSet, client::AuthResult};

use self::keys::{Signing, try_agent, try_key};
pub(super) use self::peer::{Asked, Peer};
use super::{
    agent::Agent,
    client::Sink,
    credential::Credential,
    questions::{Answer, answer},
};

mod keys;
mod peer;

/// A device counts each key that it does not take, and the usual bound is six for one connection: so many keys are
/// offered before the password, where there is one.
const MAX_BEFORE_PASSWORD: usize = 4;

/// Rounds of questions that are answered.
const MAX_ROUNDS: usize = 4;

/// Who logs in where, and what is known of how the other side behaves.
pub(super) struct Account<'a> {
    pub(super) login: &'a Login,
    pub(super) legacy: &'a [Legacy],
    pub(super) questions: &'a [Question],
    /// Tells why the connection ended, once it has.
    pub(super) sink: &'a Sink,
    /// Set before the first thing of the credential is sent.
    pub(super) offered: &'a AtomicBool,
}

/// One thing of a credential that can be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Means {
    Key(Signing),
    /// A key of the ssh-agent, by number.
    AgentKey(usize, Signing),
    Password,
    Questions,
}

impl Means {
    const fn method(self) -> MethodKind {
        match self {
            Self::Key(_) | Self::AgentKey(..) => MethodKind::PublicKey,
            Self::Password => MethodKind::Password,
            Self::Questions => MethodKind::KeyboardInteractive,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Key(_) => "publickey",
            Self::AgentKey(..) => "publickey of the ssh-agent",
            Self::Password => "password",
            Self::Questions => "keyboard-interactive",
        }
    }
}

/// How one attempt ended.
pub(super) enum Attempt {
    Accepted,
    /// With what may be tried next, and whether the attempt was right but not enough.
    Rejected {
        remaining: MethodSet,
        partial: bool,
    },
    /// Nothing was sent that the device could judge.
    Unused,
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

/// Why an attempt came to no end.
pub(super) enum Broken {
    /// The connection is gone.
    Connection,
    /// Something is to be told.
    Because(Failure),
}

impl From<russh::Error> for Broken {
    fn from(_: russh::Error) -> Self {
        // What russh says here is less than what the sink was told.
        Self::Connection
    }
}

/// Logs in with `credential`.
///
/// # Errors
/// [`Reason::AuthFailed`] with what was tried, or why the connection ended meanwhile.
pub(super) async fn authenticate<P: Peer>(
    peer: &mut P,
    account: &Account<'_>,
    credential: &mut Credential,
) -> Result<(), Failure> {
    let Account { login, .. } = account;
    let user = login.username.as_str();
    let mut methods = match peer.try_none(user).await {
        Ok(Attempt::Accepted) => return Ok(()),
        Ok(Attempt::Rejected { remaining, .. }) => remaining,
        Ok(Attempt::Unused) | Err(_) => MethodSet::empty(),
    };
    if methods.is_empty() {
        return Err(closed(peer, account, &[]).await);
    }
    let takes = methods.clone();
    let mut tried = Vec::new();
    let mut rejected = 0;
    while let Some(means) = next_means(&methods, &tried, rejected, account, credential) {
        tried.push(means);
        let attempt = match means {
            Means::Key(signing) => try_key(peer, account, credential.key.as_ref(), signing).await,
            Means::AgentKey(index, signing) => {
                try_agent(peer, account, credential, index, signing).await
            }
            Means::Password => try_password(peer, account, credential.password.as_ref()).await,
            Means::Questions => try_questions(peer, account, credential.password.as_ref()).await,
        };
        match attempt {
            Ok(Attempt::Accepted) => return Ok(()),
            Ok(Attempt::Unused) => {}
            Ok(Attempt::Rejected { remaining, partial }) if !remaining.is_empty() => {
                // A password that was wrong once is wrong under any name.
                if !partial && means.method() != MethodKind::PublicKey {
                    break;
                }
                methods = remaining;
                rejected += 1;
            }
            // russh says this also where there was no answer because the connection has ended.
            Ok(Attempt::Rejected { .. }) if !peer.is_closed() => break,
            Ok(Attempt::Rejected { .. }) | Err(Broken::Connection) => {
                return Err(closed(peer, account, &tried).await);
            }
            Err(Broken::Because(failure)) => return Err(failure),
        }
    }
    Err(refused(account, credential, &takes, &tried))
}

fn refused(
    account: &Account<'_>,
    credential: &Credential,
    takes: &MethodSet,
    tried: &[Means],
) -> Failure {
    let Account { login, .. } = account;
    let message = if tried.is_empty() {
        let takes: Vec<&str> = takes.iter().map(<&str>::from).collect();
        format!(
            "credential \"{}\" has nothing for what the device offers: {}",
            login.credential,
            takes.join(", ")
        )
    } else {
        let mut names: Vec<_> = tried.iter().map(|means| means.name()).collect();
        names.dedup();
        format!(
            "the device did not take credential \"{}\" (tried {})",
            login.credential,
            names.join(", ")
        )
    };
    let mut hint = format!(
        "does user \"{}\" exist on the device, with this key or password?",
        login.username
    );
    let is_rsa = |means: &Means| match means {
        Means::Key(_) => credential.has_rsa_key(),
        Means::AgentKey(index, _) => credential.has_rsa_in_agent(*index),
        Means::Password | Means::Questions => false,
    };
    if !account.legacy.contains(&Legacy::SshRsa) && tried.iter().any(is_rsa) {
        hint += " A device that is too old for a key of RSA in a safe way needs `legacy: [ssh-rsa]`, or a key of \
                 another type.";
    }
    Failure {
        reason: Reason::AuthFailed,
        message,
        hint: Some(hint),
    }
}

/// The best means whose method is offered, that the credential has and that was not tried; `rejected` is how many were
/// not taken.
fn next_means(
    offered: &MethodSet,
    tried: &[Means],
    rejected: usize,
    account: &Account<'_>,
    credential: &Credential,
) -> Option<Means> {
    let by_name = account.legacy.contains(&Legacy::SshRsa);
    let signings = move |is_rsa: bool| {
        let old = is_rsa && by_name;
        [Some(Signing::Best), old.then_some(Signing::Sha1)]
            .into_iter()
            .flatten()
    };
    let keys = credential.key.iter();
    let keys = keys.flat_map(|_| signings(credential.has_rsa_key()).map(Means::Key));
    let agent = credential.agent.as_ref().map_or(0, Agent::len);
    let agent = (0..agent).flat_map(|index| {
        let signings = signings(credential.has_rsa_in_agent(index));
        signings.map(move |signing| Means::AgentKey(index, signing))
    });
    let password = credential.password.is_some().then(|| {
        // A device that offers both means the same by both.
        if offered.contains(&MethodKind::Password) {
            Means::Password
        } else {
            Means::Questions
        }
    });
    let is_next = |means: &Means| offered.contains(&means.method()) && !tried.contains(means);
    let password = password.filter(is_next);
    if rejected >= MAX_BEFORE_PASSWORD && password.is_some() {
        return password;
    }
    keys.chain(agent).find(is_next).or(password)
}

async fn try_password<P: Peer>(
    peer: &mut P,
    account: &Account<'_>,
    password: Option<&Secret>,
) -> Result<Attempt, Broken> {
    let password = password.ok_or(russh::Error::NoAuthMethod)?;
    account.offered.store(true, Ordering::Relaxed);
    peer.try_password(&account.login.username, password).await
}

/// Answers questions in their order; what to answer is decided in [`super::questions`]. A second round that asks
/// for the password says that the first answer was wrong.
async fn try_questions<P: Peer>(
    peer: &mut P,
    account: &Account<'_>,
    password: Option<&Secret>,
) -> Result<Attempt, Broken> {
    let user = account.login.username.as_str();
    let password = password.ok_or(russh::Error::NoAuthMethod)?;
    let rejected = || Attempt::Rejected {
        remaining: MethodSet::from([MethodKind::KeyboardInteractive].as_slice()),
        partial: false,
    };
    let mut asked = peer.try_questions(user).await?;
    let mut told = false;
    for _ in 0..MAX_ROUNDS {
        let (instructions, prompts) = match asked {
            Asked::Done(attempt) => return Ok(attempt),
            Asked::Questions {
                instructions,
                prompts,
            } => (instructions, prompts),
        };
        let mut answers = Vec::with_capacity(prompts.len());
        let told_before = told;
        for (prompt, echo) in &prompts {
            match answer(
                account.questions,
                &instructions,
                prompt,
                *echo,
                told_before,
                &|text| password.hide_in(text),
            ) {
                Ok(Answer::Text(text)) => answers.push(text),
                Ok(Answer::Username) => answers.push(user.to_owned()),
                Ok(Answer::Password) if told_before => return Ok(rejected()),
                Ok(Answer::Password) => {
                    told = true;
                    answers.push(password.expose().to_owned());
                }
                Err(failure) => return Err(Broken::Because(failure)),
            }
        }
        if told {
            account.offered.store(true, Ordering::Relaxed);
        }
        asked = peer.answer(answers).await?;
    }
    Ok(rejected())
}

/// Why the connection ended in mid login. A device that says goodbye, or just hangs up, after something was tried has
/// refused it; a connection that broke says nothing of the credential.
async fn closed<P: Peer>(peer: &mut P, account: &Account<'_>, tried: &[Means]) -> Failure {
    let is_closed = peer.is_closed();
    if is_closed && account.sink.ended().is_none() {
        peer.settle().await;
    }
    let ended = account.sink.ended().unwrap_or_else(|| {
        let (reason, message) = if is_closed {
            (Reason::ConnectionLost, "the connection broke")
        } else {
            (Reason::ClosedByDevice, "the device ended the login")
        };
        Failure {
            reason,
            message: message.into(),
            hint: None,
        }
    });
    let Failure {
        reason,
        message: why,
        ..
    } = &ended;
    match reason {
        // Which says nothing of the device, nor of the credential.
        Reason::JumpFailed => ended,
        Reason::ConnectionLost => Failure {
            reason: Reason::ConnectionLost,
            message: format!("{why}, in mid login"),
            hint: Some("is the path to the device stable, and was the device restarted?".into()),
        },
        _ if tried.is_empty() => Failure {
            reason: Reason::ClosedByDevice,
            message: why.clone(),
            hint: Some(
                "has the device free lines (VTYs), and may the agent's address log in?".into(),
            ),
        },
        _ => Failure {
            reason: Reason::AuthFailed,
            message: format!("{why}, after a login that it did not take"),
            hint: Some("does the user exist on the device, with this key or password?".into()),
        },
    }
}
