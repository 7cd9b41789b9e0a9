//! Jump hosts: one kept connection to each, shared by all sessions of the agent that go through it.
//!
//! ```text
//!   session A --way--+
//!   session B --way--+--> link --> jump host --> devices
//!   session C --way--+     ^
//!                          | made for whoever needs it first, by a task of its own, while all wait; closed a
//!                          | minute after the last one left; when it breaks all its ways break, and it is
//!                          | made anew once
//! ```
//!
//! Invariants: equal jump hosts share one login; one that fails is left alone for a backoff of its own, whatever
//! the number of devices behind it; nothing is connected to one whose credential may not be offered; a login that has
//! begun goes on when the device that it began for is gone; a way that is open is closed on every path. The connection runs on the
//! shard that made it; ways are used by all.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};

use netwolf_wire::{
    hash,
    login::LoginOutcome,
    platform::SshClient,
    status::{Failure, Reason},
    target::Jump,
};
use tokio::{
    sync::{Mutex as AsyncMutex, OwnedMutexGuard, oneshot, watch},
    time::timeout,
};

use self::link::{Link, User, keep};
pub(super) use self::way::{Way, Ways};
use super::{
    Door, Login, client::Sink, handshake, lean::greeting::Greeted, log_in, policy::Policy,
    stream::Stream,
};
use crate::{
    backoff::{Backoff, Progress, STABLE},
    session::{
        gate::{Permit, outcome_of},
        socket,
        ssh::credential::Credential,
    },
};

mod link;
mod opening;
mod way;

/// A connection that nobody used for so long is closed.
const IDLE: Duration = Duration::from_mins(1);
/// Waiting for others to connect to the jump host is connecting, key exchange, leave to log in and login, and each
/// has its own deadline.
const STEPS: u32 = 4;

/// The jump hosts of an agent, shared by its shards.
pub(crate) struct JumpHosts {
    /// Kept without a connection too: their number is that of jump hosts that were ever configured.
    hosts: Mutex<HashMap<Jump, Arc<Host>>>,
    idle: Duration,
}

impl fmt::Debug for JumpHosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JumpHosts")
            .field("known", &self.lock().len())
            .finish_non_exhaustive()
    }
}

impl Default for JumpHosts {
    fn default() -> Self {
        Self::closing_after(IDLE)
    }
}

impl JumpHosts {
    /// Closes connections that nobody used for `idle`.
    pub(super) fn closing_after(idle: Duration) -> Self {
        Self {
            hosts: Mutex::default(),
            idle,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Jump, Arc<Host>>> {
        self.hosts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a way to the device of `login` through `jump`, to which it connects if nobody has.
    ///
    /// # Errors
    /// [`Reason::JumpFailed`]; names the jump host.
    pub(super) async fn way(&self, jump: &Jump, login: &Login<'_>) -> Result<Way, Failure> {
        let host = self.host(jump);
        let deadline = login.target.connect_timeout.get();
        let user = match timeout(deadline * STEPS, host.user(self, login)).await {
            Ok(user) => user?,
            Err(_) => {
                return Err(through(
                    &host.endpoint,
                    Failure {
                        reason: Reason::JumpFailed,
                        message: format!(
                            "no connection to it within {} s",
                            (deadline * STEPS).as_secs_f64()
                        ),
                        hint: Some("is it up, and not overloaded?".into()),
                    },
                ));
            }
        };
        opening::open(user, &login.target.address, login.target.port, deadline).await
    }

    fn host(&self, jump: &Jump) -> Arc<Host> {
        let mut hosts = self.lock();
        if let Some(host) = hosts.get(jump) {
            return host.clone();
        }
        let endpoint = format!("{}:{}", jump.address, jump.port);
        let host = Arc::new(Host {
            state: Arc::new(AsyncMutex::new(State {
                link: None,
                backoff: Backoff::new(hash::hash64(endpoint.as_bytes())),
                failed: None,
            })),
            jump: jump.clone(),
            endpoint,
        });
        hosts.insert(jump.clone(), host.clone());
        host
    }
}

/// One jump host.
struct Host {
    jump: Jump,
    /// Address and port, for messages.
    endpoint: String,
    /// Held by the one who asks for leave to connect, and by what connects; the others wait for it and find what came of it.
    state: Arc<AsyncMutex<State>>,
}

struct State {
    link: Option<(Arc<Link>, Instant)>,
    backoff: Backoff,
    /// What the last attempt failed of, and until when there is no other one.
    failed: Option<(Failure, Instant)>,
}

/// What is had before anything is connected.
struct Prepared {
    credential: Credential,
    policy: Policy,
    permit: Permit,
    /// For each step.
    deadline: Duration,
}

impl Host {
    /// Has a connection for one user: the one that stands, or a new one.
    async fn user(self: &Arc<Self>, hosts: &JumpHosts, login: &Login<'_>) -> Result<User, Failure> {
        let mut state = self.state.clone().lock_owned().await;
        if let Some((link, since)) = state.link.take() {
            if !link.handle.is_closed() && link.ways.ended().is_none() {
                let user = User::new(&link);
                state.link = Some((link, since));
                return Ok(user);
            }
            if since.elapsed() < STABLE {
                // It is made anew at once, unless it does not last.
                let ended = link.ways.ended();
                let ended =
                    ended.map_or_else(|| lost(&self.endpoint), |raw| through(&self.endpoint, raw));
                let wait = state.backoff.after(Reason::ConnectionLost, Progress::LetIn);
                state.failed = Some((ended, Instant::now() + wait));
            } else {
                state.backoff.reset();
            }
        }
        if let Some((failure, until)) = &state.failed
            && Instant::now() < *until
        {
            return Err(failure.clone());
        }
        match self.prepare(login).await {
            Ok(prepared) => {
                let (tell, told) = oneshot::channel();
                let connecting = self.clone().connect(state, prepared, hosts.idle, tell);
                tokio::spawn(connecting);
                told.await.unwrap_or_else(|_| Err(lost(&self.endpoint)))
            }
            // That is no fault of the jump host, and is over when the credential is good again.
            Err(failure) if failure.reason == Reason::CredentialHeld => Err(failure),
            Err(failure) => Err(self.failed(&mut state, failure, Progress::Before)),
        }
    }

    /// Remembers a failure, for a while, and gives it as devices have it.
    fn failed(&self, state: &mut State, failure: Failure, progress: Progress) -> Failure {
        let wait = state.backoff.after(failure.reason, progress);
        let failure = through(&self.endpoint, failure);
        tracing::warn!(jump_host = %self.endpoint, error = %failure.message, "the jump host failed");
        state.failed = Some((failure.clone(), Instant::now() + wait));
        failure
    }

    fn door(&self, deadline: Duration) -> Door<'_> {
        Door {
            name: &self.endpoint,
            endpoint: self.endpoint.clone(),
            address: &self.jump.address,
            port: self.jump.port,
            login: &self.jump.login,
            host_key: &self.jump.host_key,
            legacy: &self.jump.legacy,
            questions: &[],
            keepalive: true,
            client: SshClient::General,
            deadline,
        }
    }

    /// Reads what it takes and asks for leave, in this order: a permit is not kept waiting for a file. All this is
    /// done for the device of `login`, and begun anew for the next one if that is gone.
    async fn prepare(&self, login: &Login<'_>) -> Result<Prepared, Failure> {
        let deadline = login.target.connect_timeout.get();
        let door = self.door(deadline);
        Ok(Prepared {
            credential: Credential::resolve(door.login).await?,
            policy: Policy::of(&door, login.accepted).await?,
            permit: login.gate.take(&door.login.credential).await?,
            deadline,
        })
    }

    /// Connects and logs in, and tells what came of it. Once something of the credential was sent, it goes on to its
    /// end although nobody may be left to `tell`.
    async fn connect(
        self: Arc<Self>,
        mut state: OwnedMutexGuard<State>,
        prepared: Prepared,
        idle: Duration,
        mut tell: oneshot::Sender<Result<User, Failure>>,
    ) {
        let Some((result, progress)) = self.log_in(prepared, &mut tell).await else {
            return;
        };
        let result = match result {
            Ok(link) => {
                tracing::info!(jump_host = %self.endpoint, "connected to the jump host");
                let link = Arc::new(link);
                let user = User::new(&link);
                state.link = Some((link.clone(), Instant::now()));
                state.failed = None;
                tokio::spawn(keep(idle, self.clone(), link));
                Ok(user)
            }
            Err(failure) => Err(self.failed(&mut state, failure, progress)),
        };
        drop(state);
        if tell.send(result).is_err() {
            tracing::trace!("a device is gone that a jump host was connected to for");
        }
    }

    /// Connects and logs in, with the same care as to a device; tells also how far it came. `None` says that
    /// whoever waited is gone, and that nothing was offered.
    async fn log_in(
        &self,
        prepared: Prepared,
        tell: &mut oneshot::Sender<Result<User, Failure>>,
    ) -> Option<(Result<Link, Failure>, Progress)> {
        let Prepared {
            mut credential,
            policy,
            permit,
            deadline,
        } = prepared;
        let door = self.door(deadline);
        let ways = Arc::new(Ways::new(&self.endpoint));
        let sink = Sink::Jump(ways.clone());
        let shaking = async {
            let stream = socket::connect(door.address, door.port, door.deadline).await?;
            // What devices say is counted where it comes out of the way.
            let traffic = Arc::default();
            handshake(
                &door,
                Stream::Tcp(stream),
                Greeted::default(),
                &sink,
                policy,
                &credential,
                &traffic,
            )
            .await
        };
        let shaken = tokio::select! {
            biased;
            () = tell.closed() => {
                permit.end(LoginOutcome::Unused).await;
                return None;
            }
            shaken = shaking => shaken,
        };
        let result = match shaken {
            Ok(mut shaken) => log_in(
                &mut shaken.handle,
                &door,
                &sink,
                &mut credential,
                permit.offered(),
            )
            .await
            .map(|()| shaken),
            Err(failure) => Err(failure),
        };
        let offered = permit.offered().load(Ordering::Relaxed);
        let progress = if offered {
            Progress::Offered
        } else {
            Progress::Before
        };
        let outcome = outcome_of(result.as_ref().map(|_| ()), offered, false);
        permit.end(outcome).await;
        let link = result.map(|shaken| Link {
            endpoint: self.endpoint.clone(),
            handle: shaken.handle,
            ways,
            users: watch::Sender::new(0),
            undecided: Mutex::default(),
            _kill: shaken.kill,
        });
        Some((link, progress))
    }
}

fn lost(endpoint: &str) -> Failure {
    through(
        endpoint,
        Failure {
            reason: Reason::ConnectionLost,
            message: "its connection is gone".into(),
            hint: None,
        },
    )
}

/// `failure` of the jump host at `endpoint`, as a device behind it has it.
fn through(endpoint: &str, failure: Failure) -> Failure {
    Failure {
        reason: Reason::JumpFailed,
        message: format!("jump host {endpoint}: {}", failure.message),
        hint: failure.hint,
    }
}
