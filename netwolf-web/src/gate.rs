//! The gate before a web port: the web configuration that is in force, read again when its files change, and who is let
//! through by it.
//!
//! ```text
//!   request --> size --> rate limit --> user and password, certificate, or a token that the program vouches for --> Caller
//! ```
//!
//! Without a file everybody passes. A file that is found to be bad leaves the one before in force.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use arc_swap::ArcSwap;
use hyper::{
    StatusCode,
    header::{self, HeaderName},
    http::request,
};
use tokio::task::spawn_blocking;
use tracing::{error, info, warn};

use crate::{
    bucket::{Bucket, Buckets, Rate},
    caller::Caller,
    config::{WebConfig, WebConfigError},
    refusals::{Reason, Refusals},
    users::{Known, Login, Passwords},
};

/// Bodies of requests: a page of JSON, and none is longer.
pub const MAX_BODY: u64 = 64 << 10;

/// From one look at the files to the next.
const LOOK: Duration = Duration::from_secs(1);

/// Passwords and tokens that are not known, from one address: a person mistypes some, a program tries one for ever.
pub const ATTEMPTS: Rate = Rate {
    burst: 10,
    interval: Duration::from_secs(1),
};

/// Whether a token may pass in place of a user of the web configuration: asked with the path and the token.
pub type Vouch = dyn Fn(&str, &str) -> bool + Send + Sync;

/// Decides who is let through.
pub struct Gate {
    path: Option<PathBuf>,
    config: ArcSwap<WebConfig>,
    seen: Mutex<Seen>,
    passwords: Passwords,
    limit: Mutex<Option<Bucket>>,
    attempts: Mutex<Buckets>,
    vouch: Option<Box<Vouch>>,
    /// Counts what is refused, here and by whoever holds the gate.
    pub refusals: Refusals,
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gate")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// When each file was changed last, how long it is and which one: another may have taken its place.
type Stamp = Option<(SystemTime, u64, u64)>;

type Seen = BTreeMap<PathBuf, Stamp>;

impl Gate {
    /// A gate by the file at `path`, or one that is open.
    ///
    /// # Errors
    /// All faults of the file.
    pub fn new(path: Option<PathBuf>) -> Result<Self, WebConfigError> {
        let gate = Self {
            path,
            config: ArcSwap::default(),
            seen: Mutex::default(),
            passwords: Passwords::default(),
            limit: Mutex::default(),
            attempts: Mutex::new(Buckets::new(ATTEMPTS, Instant::now())),
            vouch: None,
            refusals: Refusals::default(),
        };
        gate.read()?;
        Ok(gate)
    }

    /// Lets through who has a token that `vouch` is content with, too.
    #[must_use]
    pub fn vouching(self, vouch: impl Fn(&str, &str) -> bool + Send + Sync + 'static) -> Self {
        Self {
            vouch: Some(Box::new(vouch)),
            ..self
        }
    }

    /// Counts in what is on a page already.
    #[must_use]
    pub fn counting(self, refusals: Refusals) -> Self {
        Self { refusals, ..self }
    }

    /// What is in force.
    pub fn config(&self) -> Arc<WebConfig> {
        self.config.load_full()
    }

    /// Whether there is anybody whom the web configuration knows.
    pub fn knows_callers(&self) -> bool {
        let config = self.config.load();
        !config.users.is_empty() || config.is_verified
    }

    /// Reads the file again; it blocks.
    ///
    /// # Errors
    /// All faults of the file; then the one before stays in force.
    pub fn read(&self) -> Result<(), WebConfigError> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        // As of before it is read, so that a change meanwhile is one.
        let seen = |files: &[PathBuf]| {
            let about = |file: &PathBuf| (file.clone(), stamp(file));
            files.iter().map(about).collect::<Seen>()
        };
        let before = seen(&self.config.load().files);
        let read = WebConfig::load(path);
        let files = match &read {
            Ok(config) => &config.files,
            Err(error) => &error.files,
        };
        let mut now = seen(files);
        now.extend(before.into_iter().filter(|(file, _)| files.contains(file)));
        *lock(&self.seen) = now;
        let config = read?;
        for warning in &config.warnings {
            warn!(%warning, path = %path.display(), "web configuration");
        }
        self.config.store(Arc::new(config));
        Ok(())
    }

    /// Reads the files again whenever they have changed, for ever.
    pub async fn follow(self: Arc<Self>) {
        if self.path.is_none() {
            return std::future::pending().await;
        }
        let mut looks = tokio::time::interval(LOOK);
        loop {
            looks.tick().await;
            let gate = self.clone();
            if spawn_blocking(move || gate.look()).await.is_err() {
                error!("the web configuration could not be looked at");
            }
        }
    }

    fn look(&self) {
        let seen = lock(&self.seen).clone();
        if seen.iter().all(|(file, stamped)| stamp(file) == *stamped) {
            return;
        }
        match self.read() {
            Ok(()) => info!("web configuration read again"),
            Err(fault) => {
                let fault: &dyn std::error::Error = &fault;
                error!(
                    fault,
                    "web configuration rejected; the one of before stays in force"
                );
            }
        }
    }

    /// Lets a request through, or says why not.
    pub(crate) async fn admit(
        &self,
        head: &request::Parts,
        peer: SocketAddr,
        has_certificate: bool,
    ) -> Result<Caller, Refusal> {
        let config = self.config();
        let now = Instant::now();
        if declared_length(head) > MAX_BODY {
            let why = format!("a request has at most {MAX_BODY} bytes");
            return Err(self.refuse(Reason::Body, StatusCode::PAYLOAD_TOO_LARGE, why));
        }
        if !self.is_within_limit(config.rate_limit, now) {
            let why = "more requests than this server is configured to take";
            return Err(self.refuse(Reason::RateLimit, StatusCode::TOO_MANY_REQUESTS, why));
        }
        let mut caller = Caller {
            peer,
            user: None,
            has_certificate: has_certificate && config.is_verified,
        };
        if config.users.is_empty() {
            return Ok(caller);
        }
        match credentials(head) {
            Credentials::Basic(login) => {
                caller.user = Some(self.user(&config, login, peer, now).await?);
                Ok(caller)
            }
            Credentials::Bearer(token) if self.vouches(head.uri.path(), token) => Ok(caller),
            Credentials::Bearer(_) | Credentials::Unreadable => {
                Err(self.denied(peer, now, Reason::Credentials))
            }
            Credentials::None => Err(self.unauthorized(Reason::NoCredentials)),
        }
    }

    fn vouches(&self, path: &str, token: &str) -> bool {
        self.vouch.as_ref().is_some_and(|vouch| vouch(path, token))
    }

    async fn user(
        &self,
        config: &WebConfig,
        login: Login,
        peer: SocketAddr,
        now: Instant,
    ) -> Result<Arc<str>, Refusal> {
        // A name that is none may be a password that was typed in the wrong field: it is not logged.
        let name = config.users.get_key_value(login.user.as_str());
        let name = name.map(|(name, _)| name.to_string());
        let check = match self.passwords.look_up(&config.users, login) {
            Known::Right(user) => return Ok(user),
            Known::Wrong => return Err(self.unauthorized(Reason::Credentials)),
            Known::No(check) => check,
        };
        if !self.may_attempt(peer, now) {
            return Err(self.too_many());
        }
        match self.passwords.check(check).await {
            Some(Some(user)) => Ok(user),
            Some(None) => {
                warn!(peer.addr = %peer, user = name, "wrong user or password");
                Err(self.unauthorized(Reason::Credentials))
            }
            None => Err(self.too_many()),
        }
    }

    /// Whether one more password or token that is not known may be looked at, and its failure be logged.
    pub fn may_attempt(&self, peer: SocketAddr, now: Instant) -> bool {
        lock(&self.attempts).take(peer.ip(), now)
    }

    fn is_within_limit(&self, rate: Option<Rate>, now: Instant) -> bool {
        let mut limit = lock(&self.limit);
        if limit.as_ref().map(Bucket::rate) != rate {
            *limit = rate.map(|rate| Bucket::new(rate, now));
        }
        limit.as_mut().is_none_or(|bucket| bucket.take(now))
    }

    fn denied(&self, peer: SocketAddr, now: Instant, reason: Reason) -> Refusal {
        if !self.may_attempt(peer, now) {
            return self.too_many();
        }
        warn!(peer.addr = %peer, "wrong token, or credentials of an unknown kind");
        self.unauthorized(reason)
    }

    fn too_many(&self) -> Refusal {
        let why = "too many wrong passwords or tokens; wait a little";
        let header = Some((header::RETRY_AFTER, "5"));
        let refusal = self.refuse(Reason::Attempts, StatusCode::TOO_MANY_REQUESTS, why);
        Refusal { header, ..refusal }
    }

    fn unauthorized(&self, reason: Reason) -> Refusal {
        let why = "this server asks for a user and a password";
        let scheme = "Basic realm=\"NetWolf\", charset=\"UTF-8\"";
        let header = Some((header::WWW_AUTHENTICATE, scheme));
        let refusal = self.refuse(reason, StatusCode::UNAUTHORIZED, why);
        Refusal { header, ..refusal }
    }

    /// Refuses a request for `reason`, and counts it.
    pub(crate) fn refuse(
        &self,
        reason: Reason,
        status: StatusCode,
        why: impl Into<Cow<'static, str>>,
    ) -> Refusal {
        self.refusals.count(reason);
        Refusal {
            status,
            why: why.into(),
            header: None,
        }
    }
}

/// A request that is not answered by whoever it was for.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// In words, as one line.
    pub(crate) why: Cow<'static, str>,
    /// What the status wants to be told beside.
    pub(crate) header: Option<(HeaderName, &'static str)>,
}

/// What a request says of who sends it.
enum Credentials<'a> {
    None,
    Basic(Login),
    Bearer(&'a str),
    Unreadable,
}

fn credentials(head: &request::Parts) -> Credentials<'_> {
    let Some(value) = head.headers.get(header::AUTHORIZATION) else {
        return Credentials::None;
    };
    let Some((scheme, rest)) = value.to_str().ok().and_then(|text| text.split_once(' ')) else {
        return Credentials::Unreadable;
    };
    if scheme.eq_ignore_ascii_case("basic") {
        Login::read(rest).map_or(Credentials::Unreadable, Credentials::Basic)
    } else if scheme.eq_ignore_ascii_case("bearer") {
        Credentials::Bearer(rest.trim())
    } else {
        Credentials::Unreadable
    }
}

fn declared_length(head: &request::Parts) -> u64 {
    let length = head.headers.get(header::CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse().ok());
    length.unwrap_or_default()
}

fn stamp(file: &Path) -> Stamp {
    let about = file.metadata().ok()?;
    Some((about.modified().ok()?, about.len(), about.ino()))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
