//! Who of a shard may offer which credential, as the manager has it; without a link, by the shard's own lights.
//! Pure.
//!
//! ```text
//!   ask --> unsent --> sent --> granted --> end (outcome)
//!              |         |         |
//!              +---------+         +-- link lost: by our own lights, told only if it was a refusal
//!              held: the breaker opened, or the link was lost
//! ```
//!
//! Without a link a credential may be offered that was seen accepted and not refused since: a fleet must come
//! back from a power cut although the manager is away. Any other waits for the link.
//!
//! Invariants: an ask that the manager heard of is ended exactly once, unless its link is lost; nothing waits
//! for a manager that is not there.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use netwolf_wire::{
    DeviceName, Epoch,
    login::{Breaker, LoginAsk, LoginEnd, LoginOutcome},
    message::{Asks, Breakers, Ended, Permits as PermitsMessage},
    status::{Failure, Reason},
};

use crate::session::{TaskId, Verdict};

/// Logins in one message.
const MAX_IN_MESSAGE: usize = 1000;
/// Refusals that are kept for the next link; each is a login, and those are paced.
const MAX_KEPT: usize = 10_000;
/// After a welcome the list of breakers comes at once. What it has not named by then is closed.
const LIST_WITHIN: Duration = Duration::from_secs(1);

#[derive(Debug, PartialEq, Eq)]
enum Stage<A> {
    /// The manager was not told.
    Unsent(A),
    /// It was told and has not answered.
    Sent(A),
    /// The credential may be offered.
    Granted {
        /// By the manager, on the link that stands.
        by_manager: bool,
    },
}

#[derive(Debug)]
struct Asked<A> {
    ask: LoginAsk,
    /// Something of the credential was sent, as far as the task has said.
    offered: Arc<AtomicBool>,
    stage: Stage<A>,
    /// The breaker is open, and this one may try all the same.
    probe: bool,
}

/// A verdict for whoever asked.
pub(super) type Answered<A> = (A, Verdict);

/// The permits of one shard; `A` is the way back to who asked.
#[derive(Debug)]
pub(super) struct Permits<A> {
    linked: bool,
    /// Credentials that may not be tried, and why.
    open: HashMap<String, Failure>,
    /// Breakers of the link before this one, until when they are believed.
    stale: Option<(Instant, HashSet<String>)>,
    /// Credentials that were seen accepted and not refused since.
    proven: HashSet<String>,
    /// By task: one, or two where there is a jump host.
    asks: BTreeMap<TaskId, Vec<Asked<A>>>,
    /// Who has an ask that is unsent, in the order in which they came; some may have given up since.
    unsent: VecDeque<TaskId>,
    ended: VecDeque<LoginEnd>,
}

impl<A> Default for Permits<A> {
    fn default() -> Self {
        Self {
            linked: false,
            open: HashMap::new(),
            stale: None,
            proven: HashSet::new(),
            asks: BTreeMap::new(),
            unsent: VecDeque::new(),
            ended: VecDeque::new(),
        }
    }
}

impl<A> Permits<A> {
    /// Why `credential` may not be tried now, if so.
    pub(super) fn held(&self, credential: &str) -> Option<Failure> {
        if let Some(failure) = self.open.get(credential) {
            return Some(failure.clone());
        }
        (!self.linked && !self.proven.contains(credential)).then(|| Failure {
            reason: Reason::CredentialHeld,
            message: format!(
                "there is no link to the manager, and credential \"{credential}\" has not been seen to be good: \
                 it is not tried"
            ),
            hint: Some("the login goes on as soon as the link stands".into()),
        })
    }

    /// Task `id` is about to offer a credential. A verdict that is not given here comes later.
    pub(super) fn ask(
        &mut self,
        id: TaskId,
        ask: LoginAsk,
        answer: A,
        offered: Arc<AtomicBool>,
        probe: bool,
    ) -> Option<Answered<A>> {
        // A task that asks again has forgotten the first time.
        self.end(id, &ask.credential, LoginOutcome::Unused);
        let held = self.held(&ask.credential);
        let (stage, answered) = match (self.linked, held) {
            (true, Some(failure)) if !probe => return Some((answer, Verdict::Held(failure))),
            (false, Some(failure)) => return Some((answer, Verdict::Held(failure))),
            (false, None) => (
                Stage::Granted { by_manager: false },
                Some((answer, Verdict::Granted)),
            ),
            (true, _) => {
                self.unsent.push_back(id);
                (Stage::Unsent(answer), None)
            }
        };
        self.asks.entry(id).or_default().push(Asked {
            ask,
            offered,
            stage,
            probe,
        });
        answered
    }

    /// Task `id` tells what became of its credential. What it did not ask for is left out.
    pub(super) fn end(&mut self, id: TaskId, credential: &str, outcome: LoginOutcome) {
        let Some(asks) = self.asks.get_mut(&id) else {
            return;
        };
        let Some(at) = asks
            .iter()
            .position(|asked| asked.ask.credential == credential)
        else {
            return;
        };
        let asked = asks.swap_remove(at);
        if asks.is_empty() {
            self.asks.remove(&id);
        }
        match outcome {
            LoginOutcome::Accepted => {
                self.proven.insert(credential.to_owned());
            }
            LoginOutcome::Refused => {
                self.proven.remove(credential);
            }
            LoginOutcome::Unclear | LoginOutcome::Unused => {}
        }
        let told = match asked.stage {
            Stage::Unsent(_) => false,
            Stage::Sent(_) | Stage::Granted { by_manager: true } => true,
            // A refusal counts against the account whoever permitted it.
            Stage::Granted { by_manager: false } => outcome == LoginOutcome::Refused,
        };
        if told {
            self.say(asked.ask, outcome);
        }
    }

    /// A device that had let in wants a new password.
    pub(super) fn refuse_after_all(&mut self, ask: LoginAsk) {
        self.proven.remove(&ask.credential);
        self.say(ask, LoginOutcome::Refused);
    }

    /// Task `id` has ended without a word: told to stop, cut off, or by a panic.
    pub(super) fn handle_task_ended(&mut self, id: TaskId) {
        for asked in self.asks.remove(&id).unwrap_or_default() {
            let outcome = match asked.stage {
                Stage::Unsent(_) | Stage::Granted { by_manager: false } => continue,
                Stage::Granted { by_manager: true } if asked.offered.load(Ordering::Relaxed) => {
                    LoginOutcome::Unclear
                }
                Stage::Sent(_) | Stage::Granted { by_manager: true } => LoginOutcome::Unused,
            };
            self.say(asked.ask, outcome);
        }
    }

    /// The device of task `id` has a new lease: what was asked for under the old one is asked for anew.
    pub(super) fn handle_new_epoch(&mut self, id: TaskId, epoch: Epoch) {
        let mut withdrawn = Vec::new();
        for asked in self.asks.get_mut(&id).into_iter().flatten() {
            let granted = Stage::Granted { by_manager: true };
            asked.stage = match std::mem::replace(&mut asked.stage, granted) {
                Stage::Sent(answer) => {
                    withdrawn.push(asked.ask.clone());
                    self.unsent.push_back(id);
                    asked.ask.epoch = epoch;
                    Stage::Unsent(answer)
                }
                Stage::Unsent(answer) => {
                    asked.ask.epoch = epoch;
                    Stage::Unsent(answer)
                }
                granted @ Stage::Granted { .. } => granted,
            };
        }
        for ask in withdrawn {
            self.say(ask, LoginOutcome::Unused);
        }
    }

    /// A probe that comes to nothing: another device is to make it.
    pub(super) fn pass_on(&mut self, device: DeviceName, epoch: Epoch, credential: String) {
        let ask = LoginAsk {
            device,
            epoch,
            credential,
        };
        self.say(ask, LoginOutcome::Unused);
    }

    /// Whether task `id` has asked for `credential` and not ended.
    pub(super) fn is_asking(&self, id: TaskId, credential: &str) -> bool {
        self.asks
            .get(&id)
            .is_some_and(|asks| asks.iter().any(|asked| asked.ask.credential == credential))
    }

    fn say(&mut self, ask: LoginAsk, outcome: LoginOutcome) {
        let LoginAsk {
            device,
            epoch,
            credential,
        } = ask;
        if !self.linked && (outcome != LoginOutcome::Refused || self.ended.len() >= MAX_KEPT) {
            return;
        }
        self.ended.push_back(LoginEnd {
            device,
            epoch,
            credential,
            outcome,
        });
    }

    /// The manager granted asks. What nobody asked for, or not under this lease, is left out.
    pub(super) fn handle_permits(
        &mut self,
        message: &PermitsMessage,
        task_of: impl Fn(&DeviceName) -> Option<TaskId>,
    ) -> Vec<Answered<A>> {
        let mut answered = Vec::new();
        for permit in &message.permits {
            let asked = task_of(&permit.device)
                .and_then(|id| self.asks.get_mut(&id))
                .and_then(|asks| asks.iter_mut().find(|asked| asked.ask == *permit));
            let Some(asked) = asked else {
                tracing::debug!(device = %permit.device, "a permit came that nobody waits for");
                continue;
            };
            let granted = Stage::Granted { by_manager: true };
            match std::mem::replace(&mut asked.stage, granted) {
                Stage::Unsent(answer) | Stage::Sent(answer) => {
                    answered.push((answer, Verdict::Granted));
                }
                Stage::Granted { .. } => {}
            }
        }
        answered
    }

    /// Breakers opened and closed.
    pub(super) fn handle_breakers(&mut self, message: Breakers) -> Vec<Answered<A>> {
        if let Some((_, stale)) = self.stale.take() {
            self.open
                .retain(|credential, _| !stale.contains(credential));
        }
        for Breaker { credential, open } in message.breakers {
            match open {
                Some(failure) => {
                    if !self.open.contains_key(&credential) {
                        tracing::warn!(%credential, error = %failure.message, hint = failure.hint, "a credential may not be tried");
                    }
                    self.proven.remove(&credential);
                    self.open.insert(credential, failure);
                }
                None => {
                    if self.open.remove(&credential).is_some() {
                        tracing::info!(%credential, "a credential may be tried again");
                    }
                }
            }
        }
        self.turn_away(|asked| !asked.probe)
    }

    /// Answers those who wait, as far as `wanted` and where their credential is held.
    fn turn_away(&mut self, wanted: impl Fn(&Asked<A>) -> bool) -> Vec<Answered<A>> {
        let mut waiting = Vec::new();
        for (id, asks) in &self.asks {
            for asked in asks {
                if !matches!(asked.stage, Stage::Granted { .. })
                    && wanted(asked)
                    && let Some(failure) = self.held(&asked.ask.credential)
                {
                    waiting.push((*id, asked.ask.credential.clone(), failure));
                }
            }
        }
        let mut answered = Vec::new();
        for (id, credential, failure) in waiting {
            let asks = self.asks.get_mut(&id).into_iter().flatten();
            for asked in asks.filter(|asked| asked.ask.credential == credential) {
                let granted = Stage::Granted { by_manager: true };
                let (stage, answer) = match std::mem::replace(&mut asked.stage, granted) {
                    Stage::Unsent(answer) => (Stage::Granted { by_manager: false }, Some(answer)),
                    Stage::Sent(answer) => (Stage::Granted { by_manager: true }, Some(answer)),
                    granted @ Stage::Granted { .. } => (granted, None),
                };
                asked.stage = stage;
                answered.extend(answer.map(|answer| (answer, Verdict::Held(failure.clone()))));
            }
            self.end(id, &credential, LoginOutcome::Unused);
        }
        answered
    }

    /// A link stands. Its list of open breakers comes at once.
    pub(super) fn handle_link_up(&mut self, now: Instant) {
        self.linked = true;
        self.stale = Some((now + LIST_WITHIN, self.open.keys().cloned().collect()));
    }

    /// The link is lost: its permits have lapsed, and nobody answers.
    pub(super) fn handle_link_down(&mut self) -> Vec<Answered<A>> {
        if !std::mem::replace(&mut self.linked, false) {
            return Vec::new();
        }
        self.stale = None;
        self.unsent.clear();
        self.ended
            .retain(|ended| ended.outcome == LoginOutcome::Refused);
        let mut answered = self.turn_away(|_| true);
        for asked in self.asks.values_mut().flatten() {
            let granted = Stage::Granted { by_manager: false };
            match std::mem::replace(&mut asked.stage, granted) {
                Stage::Unsent(answer) | Stage::Sent(answer) => {
                    answered.push((answer, Verdict::Granted));
                }
                Stage::Granted { .. } => {}
            }
        }
        answered
    }

    /// When [`Self::handle_timeout`] is due.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.stale.as_ref().map(|(at, _)| *at)
    }

    /// Time has passed. Harmless when nothing was due. Tells whether a breaker closed.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> bool {
        if self.stale.as_ref().is_none_or(|(at, _)| now < *at) {
            return false;
        }
        let before = self.open.len();
        if let Some((_, stale)) = self.stale.take() {
            self.open
                .retain(|credential, _| !stale.contains(credential));
        }
        self.open.len() < before
    }

    /// Ends to tell; call while the link has room, and before [`Self::poll_asks`].
    pub(super) fn poll_ended(&mut self) -> Option<Ended> {
        let n = self.ended.len().min(MAX_IN_MESSAGE);
        let logins: Vec<_> = self.ended.drain(..n).collect();
        (!logins.is_empty()).then_some(Ended { logins })
    }

    /// Asks to send; call while the link has room.
    pub(super) fn poll_asks(&mut self) -> Option<Asks> {
        let mut asks = Vec::new();
        while asks.len() < MAX_IN_MESSAGE
            && let Some(id) = self.unsent.pop_front()
        {
            for asked in self.asks.get_mut(&id).into_iter().flatten() {
                let granted = Stage::Granted { by_manager: true };
                asked.stage = match std::mem::replace(&mut asked.stage, granted) {
                    Stage::Unsent(answer) => {
                        asks.push(asked.ask.clone());
                        Stage::Sent(answer)
                    }
                    stage => stage,
                };
            }
        }
        (!asks.is_empty()).then_some(Asks { asks })
    }
}

#[cfg(test)]
mod tests;
