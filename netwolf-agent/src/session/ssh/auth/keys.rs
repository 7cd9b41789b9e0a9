//! Keys, of a file or of an ssh-agent, and with what hash one of RSA signs.

use std::sync::{Arc, atomic::Ordering};

use netwolf_wire::legacy::Legacy;
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg};

use super::{Account, Attempt, Broken, Peer};
use crate::session::ssh::{agent::Offered, credential::Credential};

/// How a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signing {
    /// In the best way that the device says it takes.
    Best,
    /// With SHA-1, where that was named: devices say that they take better and do not.
    Sha1,
}

/// With what hash a key signs; nothing where that way was tried already, or is not safe and was not named.
async fn hash<P: Peer>(
    peer: &mut P,
    account: &Account<'_>,
    is_rsa: bool,
    signing: Signing,
) -> Result<Option<Option<HashAlg>>, Broken> {
    if !is_rsa {
        return Ok(Some(None));
    }
    let by_name = account.legacy.contains(&Legacy::SshRsa);
    let best = match peer.rsa_hash().await? {
        Some(Some(hash)) => Some(hash),
        // It says what it takes, and that is SHA-1 only.
        Some(None) if !by_name => return Ok(None),
        // Devices that say nothing are too old to know better, where somebody named it.
        Some(None) | None if by_name => None,
        Some(None) | None => Some(HashAlg::Sha256),
    };
    Ok(match signing {
        Signing::Best => Some(best),
        Signing::Sha1 => best.is_some().then_some(None),
    })
}

pub(super) async fn try_key<P: Peer>(
    peer: &mut P,
    account: &Account<'_>,
    key: Option<&Arc<PrivateKey>>,
    signing: Signing,
) -> Result<Attempt, Broken> {
    let key = key.ok_or(russh::Error::NoAuthMethod)?.clone();
    let Some(hash) = hash(peer, account, key.algorithm().is_rsa(), signing).await? else {
        return Ok(Attempt::Unused);
    };
    account.offered.store(true, Ordering::Relaxed);
    let key = PrivateKeyWithHashAlg::new(key, hash);
    peer.try_key(&account.login.username, key).await
}

pub(super) async fn try_agent<P: Peer>(
    peer: &mut P,
    account: &Account<'_>,
    credential: &mut Credential,
    index: usize,
    signing: Signing,
) -> Result<Attempt, Broken> {
    let is_rsa = credential.has_rsa_in_agent(index);
    let agent = credential
        .agent
        .as_mut()
        .ok_or(russh::Error::NoAuthMethod)?;
    let Some(hash) = hash(peer, account, is_rsa, signing).await? else {
        return Ok(Attempt::Unused);
    };
    let handle = peer.for_agent().ok_or(russh::Error::NoAuthMethod)?;
    account.offered.store(true, Ordering::Relaxed);
    match agent.offer(handle, account.login, index, hash).await {
        Ok(Offered::Answered(result)) => Ok(result.into()),
        Ok(Offered::NotSigned) => Ok(Attempt::Unused),
        Err(failure) => Err(Broken::Because(failure)),
    }
}
