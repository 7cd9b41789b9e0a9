//! Trust: who is an agent of this manager. Its authority, invites, certificates, revocations.
//!
//! ```text
//!   API:  invite, revoke, rotate --+
//!   link: certify, admit ----------+--> Trust --> store (folder `trust`)
//!   clock: tick -------------------+      |
//!                                         +-----> settings of the port's TLS, swapped while it runs
//! ```
//!
//! [`invites`], [`roll`] and [`rotation`] decide and know no clock; this holds them under one lock,
//! writes down what they have decided before anybody hears of it, and swaps the settings. What changes something waits
//! for its turn and for a disk, and is to be called where that is allowed; what only looks never waits for either.
//!
//! Invariants: an invite is used up on the disk before its certificate leaves; nobody hears of a change that could not
//! be written down, but it holds until a restart all the same: a revocation does not wait for a disk that is full.

use std::{
    net::IpAddr,
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use aws_lc_rs::rand;
use base64ct::{Base64UrlUnpadded, Encoding};
use netwolf_web::bucket::{Bucket, Buckets, Rate};
use netwolf_wire::{
    AgentName,
    certify::{Invite, InviteSecret},
    tls::{
        CERTIFICATE_SECONDS,
        certificate::Validity,
        pem,
        pki::CertificateDer,
        request::ProvenKey,
        token::{JoinToken, Pin},
    },
};
use rustls::ServerConfig;
use thiserror::Error;
use tracing::info;

pub use self::refusal::Refusal;
use self::{
    authority::Authority,
    invites::Fault,
    store::{Known, Store, StoreError},
    tls::TlsError,
};
use crate::board::lock;

pub mod authority;
pub mod invites;
mod refusal;
pub mod roll;
pub mod rotation;
pub mod store;
pub mod tls;

/// Invites that were not good, from one address: an operator who pastes the wrong one tries a few times.
const FAULTS_OF_SOURCE: Rate = Rate {
    burst: 10,
    interval: Duration::from_secs(10),
};

/// Invites that were not good, of everybody together.
const FAULTS_OF_ALL: Rate = Rate {
    burst: 100,
    interval: Duration::from_millis(200),
};

/// The manager's own certificate is made anew after so long, in seconds: half its life.
const RENEW_OWN: u64 = CERTIFICATE_SECONDS / 2;

/// Why a manager cannot begin to trust anybody.
#[derive(Debug, Error)]
pub enum TrustError {
    /// The folder.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// TLS.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Why an agent asks for a certificate.
#[derive(Debug)]
pub enum Grounds<'a> {
    /// It was invited.
    Invite(&'a Invite, IpAddr),
    /// It has a certificate, made then.
    Renewal(u64),
}

/// A certificate with what belongs to it, as texts.
#[derive(Debug)]
pub struct Issued {
    /// The agent's.
    pub certificate: String,
    /// Those whose managers it is to believe.
    pub authorities: Vec<String>,
}

/// Two rotations at a time are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotating {
    /// When the one that is going on is over, in Unix seconds.
    pub ends: u64,
}

/// What an authority does, for people.
#[derive(Clone, Debug)]
pub struct AuthorityView {
    /// Which.
    pub pin: Pin,
    /// How long it holds.
    pub validity: Validity,
    /// It signs agents' certificates.
    pub signs: bool,
    /// The manager shows a certificate of it.
    pub shown: bool,
    /// When it is believed no more, if a rotation takes it away.
    pub ends: Option<u64>,
}

#[derive(Debug)]
struct Inner {
    known: Known,
    /// When the manager's own certificate was made, in Unix seconds.
    own_made: u64,
    faults: Bucket,
    faults_of: Buckets,
}

/// Who is trusted, shared by all.
#[derive(Debug)]
pub struct Trust {
    /// Whoever holds it changes something and writes it down, so that what is written is never older than what was.
    turn: Mutex<Store>,
    /// Held for a moment, never while something is written.
    inner: Mutex<Inner>,
    settings: ArcSwap<ServerConfig>,
}

impl Trust {
    /// Reads what the storage folder has, and begins where it has nothing.
    ///
    /// # Errors
    /// [`TrustError`].
    pub fn start(storage: &Path, now: u64) -> Result<Self, TrustError> {
        let store = Store::open(storage)?;
        let known = store.read(now)?;
        let settings = tls::settings(&known, now)?;
        let start = Instant::now();
        let this = Self {
            turn: Mutex::new(store),
            inner: Mutex::new(Inner {
                known,
                own_made: now,
                faults: Bucket::new(FAULTS_OF_ALL, start),
                faults_of: Buckets::new(FAULTS_OF_SOURCE, start),
            }),
            settings: ArcSwap::from_pointee(settings),
        };
        this.tick(now)?;
        Ok(this)
    }

    /// What a handshake goes by now.
    pub fn settings(&self) -> Arc<ServerConfig> {
        self.settings.load_full()
    }

    /// Makes an invite that is good for `ttl` seconds, for one agent or for whoever has it. Tells until when it is
    /// good: no longer than the authority is shown that it names.
    ///
    /// # Errors
    /// [`Refusal::TooMany`] when too many are open, or [`Refusal::Internal`].
    pub fn invite(
        &self,
        agent: Option<AgentName>,
        ttl: u64,
        now: u64,
    ) -> Result<(JoinToken, u64), Refusal> {
        let invite = draw().map_err(|error| Refusal::Internal(TlsError::Library(error).into()))?;
        self.change(|inner| {
            let known = &mut inner.known;
            let ends = known.rotation.ends().unwrap_or(u64::MAX);
            let expires = now.saturating_add(ttl).min(ends);
            if !known.invites.add(&invite, agent, expires) {
                return Err(Refusal::TooMany);
            }
            let pin = known.rotation.shown();
            Ok((JoinToken { pin, invite }, expires))
        })
    }

    /// Gives `agent` a certificate for its key, if its grounds are good.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn certify(
        &self,
        agent: &AgentName,
        key: &ProvenKey,
        grounds: &Grounds<'_>,
        now: u64,
        instant: Instant,
    ) -> Result<Issued, Refusal> {
        self.change(|inner| {
            match grounds {
                Grounds::Invite(invite, source) => {
                    inner.welcome(invite, agent, *source, now, instant)?;
                }
                Grounds::Renewal(made) if inner.known.roll.admits(agent, *made) => {}
                Grounds::Renewal(_) => return Err(Refusal::Revoked(agent.to_string())),
            }
            let known = &mut inner.known;
            let validity = known.roll.issue(agent, now);
            let issued = known.sign(agent, key, validity);
            let issued = issued.map_err(|error| Refusal::Internal(TlsError::Make(error).into()))?;
            if let Grounds::Invite(invite, _) = grounds {
                known.invites.spend(&invite.id);
            }
            Ok(issued)
        })
    }

    /// Whether a certificate of `agent` that was made at `made` has not been revoked.
    pub fn admits(&self, agent: &AgentName, made: u64) -> bool {
        lock(&self.inner).known.roll.admits(agent, made)
    }

    /// Takes back all certificates of `agent`; `false` when there is none that holds.
    ///
    /// # Errors
    /// [`Refusal::Internal`].
    pub fn revoke(&self, agent: &AgentName, now: u64) -> Result<bool, Refusal> {
        self.change(|inner| Ok(inner.known.roll.revoke(agent, now)))
    }

    /// Makes a new authority that is to follow the present one. Tells when the present one goes, or when that of a
    /// rotation that is going on does.
    ///
    /// # Errors
    /// [`Refusal::Internal`].
    pub fn rotate(&self, now: u64) -> Result<Result<u64, Rotating>, Refusal> {
        let internal = |error: TrustError| Refusal::Internal(error);
        let store = lock(&self.turn);
        if let Some(ends) = lock(&self.inner).known.rotation.ends() {
            return Ok(Err(Rotating { ends }));
        }
        let authority =
            Authority::make(now).map_err(|error| internal(StoreError::from(error).into()))?;
        let pin = authority.pin();
        let written = store.write_authority(&authority);
        written.map_err(|error| internal(error.into()))?;
        let mut inner = lock(&self.inner);
        inner.known.authorities.push(authority);
        inner.known.rotation.begin(pin, now);
        self.renew_own(&mut inner, now)
            .map_err(|error| internal(error.into()))?;
        let ends = inner.known.rotation.ends().unwrap_or(now);
        let kept = inner.known.to_be_kept();
        drop(inner);
        store.write(&kept).map_err(|error| internal(error.into()))?;
        info!(authority = %pin.short(), "a new authority signs agents' certificates");
        Ok(Ok(ends))
    }

    /// The authorities, the one that is shown first.
    pub fn authorities(&self) -> Vec<AuthorityView> {
        let inner = lock(&self.inner);
        let Known {
            authorities,
            rotation,
            ..
        } = &inner.known;
        let view = |authority: &Authority| {
            let shown = authority.pin() == rotation.shown();
            AuthorityView {
                pin: authority.pin(),
                validity: authority.validity(),
                signs: authority.pin() == rotation.signer(),
                shown,
                ends: rotation.ends().filter(|_| shown),
            }
        };
        authorities.iter().map(view).collect()
    }

    /// The agents that have or had certificates: when the last one ends, and whether all are revoked.
    pub fn agents(&self) -> Vec<(AgentName, u64, bool)> {
        let inner = lock(&self.inner);
        let agents = inner.known.roll.iter();
        agents
            .map(|(agent, expires, revoked)| (agent.clone(), expires, revoked.is_some()))
            .collect()
    }

    /// Does what is due: ends a rotation, makes the manager's own certificate anew, forgets what is over.
    ///
    /// # Errors
    /// [`TrustError`]; the next tick tries again.
    pub fn tick(&self, now: u64) -> Result<(), TrustError> {
        let store = lock(&self.turn);
        let mut inner = lock(&self.inner);
        let known = &mut inner.known;
        known.invites.prune(now);
        known.roll.prune(now);
        let gone = known.rotation.settle(now);
        if let Some(gone) = gone {
            known
                .authorities
                .retain(|authority| authority.pin() != gone);
        }
        // A clock that was set back counts as time that has passed.
        if gone.is_some() || now.abs_diff(inner.own_made) >= RENEW_OWN {
            self.renew_own(&mut inner, now)?;
        }
        let kept = inner.known.to_be_kept();
        drop(inner);
        if let Some(gone) = gone {
            store.write(&kept)?;
            store.remove_authority(&gone.short());
            info!(authority = %gone.short(), "an authority is believed no more: the rotation is over");
        }
        Ok(())
    }

    /// Changes something and writes it down, unless it is refused.
    fn change<T>(
        &self,
        change: impl FnOnce(&mut Inner) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let store = lock(&self.turn);
        let mut inner = lock(&self.inner);
        let done = change(&mut inner)?;
        let kept = inner.known.to_be_kept();
        drop(inner);
        let written = store.write(&kept);
        written.map_err(|error| Refusal::Internal(error.into()))?;
        Ok(done)
    }

    fn renew_own(&self, inner: &mut Inner, now: u64) -> Result<(), TlsError> {
        let settings = tls::settings(&inner.known, now)?;
        self.settings.store(Arc::new(settings));
        inner.own_made = now;
        Ok(())
    }
}

impl Inner {
    /// Whether an invite is good for `agent`. Who was wrong too often is not heard.
    fn welcome(
        &mut self,
        invite: &Invite,
        agent: &AgentName,
        source: IpAddr,
        now: u64,
        instant: Instant,
    ) -> Result<(), Refusal> {
        if !self.faults.has(instant) || !self.faults_of.has(source, instant) {
            return Err(Refusal::TooMany);
        }
        let Known { invites, roll, .. } = &self.known;
        let refusal = match invites.check(invite, agent, now) {
            Ok(allowed) if !allowed.is_bound && roll.holds(agent, now) => {
                Refusal::Taken(agent.to_string())
            }
            Ok(_) => return Ok(()),
            Err(Fault::Unknown) => Refusal::Unknown,
            Err(Fault::Expired(_)) => Refusal::Expired,
            Err(Fault::Used) => Refusal::Used,
            Err(Fault::Name(name)) => Refusal::Name(name.to_string()),
        };
        self.faults.take(instant);
        self.faults_of.take(source, instant);
        Err(refusal)
    }
}

impl Known {
    /// One of the authorities that the rotation names.
    fn authority(&self, pin: Pin) -> &Authority {
        let mut authorities = self.authorities.iter();
        authorities
            .find(|authority| authority.pin() == pin)
            .expect("the authorities of a rotation are those that are held")
    }

    fn sign(
        &self,
        agent: &AgentName,
        key: &ProvenKey,
        validity: Validity,
    ) -> Result<Issued, rcgen::Error> {
        let authority = self.authority(self.rotation.signer());
        let certificate: CertificateDer<'_> = authority.sign_agent(agent, key, validity)?;
        let authorities = self.authorities.iter().map(Authority::certificate_pem);
        Ok(Issued {
            certificate: pem::write(pem::CERTIFICATE, &certificate).to_string(),
            authorities: authorities.collect(),
        })
    }
}

/// A new invite.
fn draw() -> Result<Invite, rustls::Error> {
    let mut id = [0; 6];
    let mut secret = [0; 24];
    let drawn = rand::fill(&mut id).and_then(|()| rand::fill(&mut secret));
    drawn.map_err(|_| rustls::Error::FailedToGetRandomBytes)?;
    Ok(Invite {
        id: Base64UrlUnpadded::encode_string(&id),
        secret: InviteSecret::new(&Base64UrlUnpadded::encode_string(&secret)),
    })
}

#[cfg(test)]
mod tests;
