//! Leave to offer a credential: asked for behind the key exchange, before anything that a device could count
//! against an account is sent.
//!
//! ```text
//!   permit("lab") -- notice --> shard -- asks --> manager
//!        |  waits               |  <-- permits --
//!        v  <---- verdict ------+
//!   authenticate, enable
//!        |
//!   end(outcome) -- notice --> shard -- ended --> manager
//! ```
//!
//! Where there is no enable secret, the end is told as soon as the device lets in ([`Gate::let_in`]), and not when its
//! prompt is certain, which takes ten times as long: permits are few at first, and others wait for them. That the device
//! wants a new password is told after that, as a refusal without an ask.
//!
//! One gate serves one login and whatever it needs on its way, a jump host for instance. The permit for that is
//! taken out of the gate ([`Gate::take`]): the login on a jump host goes on when the device that asked is gone.
//!
//! Invariants: nothing is offered without a permit; a wait has a deadline; what was asked for is ended here, whether
//! its permit has come or not, or by the shard when it sees the task end.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use netwolf_wire::{
    login::LoginOutcome,
    status::{Failure, Reason},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{
    crowd::Counted,
    notice::{Notice, TaskId},
};

/// The shard's word on an ask.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Go on.
    Granted,
    /// The credential may not be tried.
    Held(Failure),
}

/// The way back to the task that asked. Dropping it says that the shard has ended.
#[derive(Debug)]
pub(crate) struct Answer(oneshot::Sender<Verdict>);

impl Answer {
    /// Tells the task, if it still wants to know.
    pub(crate) fn give(self, verdict: Verdict) {
        if self.0.send(verdict).is_err() {
            tracing::trace!("a login was given up before it was permitted");
        }
    }
}

/// A credential that is about to be offered.
#[derive(Debug)]
pub(crate) struct Ask {
    /// Its name.
    pub(crate) credential: String,
    /// Set once something of it was sent, so that a task that ends without a word leaves no doubt.
    pub(crate) offered: Arc<AtomicBool>,
    /// For the verdict.
    pub(crate) answer: Answer,
}

#[cfg(any(test, feature = "simulation"))]
impl Ask {
    /// An ask as a login makes it, and where its verdict arrives.
    pub(crate) fn for_test(
        credential: &str,
        offered: Arc<AtomicBool>,
    ) -> (Self, oneshot::Receiver<Verdict>) {
        let (answer, told) = oneshot::channel();
        let ask = Self {
            credential: credential.to_owned(),
            offered,
            answer: Answer(answer),
        };
        (ask, told)
    }
}

/// Asks for the permits of one login.
#[derive(Clone, Debug)]
pub(crate) struct Gate(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Whom to ask; nobody where a person runs one login by hand.
    shard: Option<(TaskId, mpsc::Sender<(TaskId, Notice)>)>,
    deadline: Duration,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The credential that was asked for, until that is ended.
    asked: Option<Asked>,
    /// Something of it was sent. A permit that is taken takes this along.
    offered: Arc<AtomicBool>,
    /// Counted as on the way until something is asked for.
    on_the_way: Option<Counted>,
}

#[derive(Debug)]
struct Asked {
    credential: String,
    granted: bool,
}

impl Gate {
    /// For a login of task `id`; nobody waits at it for longer than `deadline`.
    pub(super) fn new(
        id: TaskId,
        notices: mpsc::Sender<(TaskId, Notice)>,
        deadline: Duration,
    ) -> Self {
        Self::over(Some((id, notices)), deadline)
    }

    /// A gate that stands open: for a login that a person asked for, outside of any shard.
    pub(crate) fn free() -> Self {
        Self::over(None, Duration::ZERO)
    }

    fn over(shard: Option<(TaskId, mpsc::Sender<(TaskId, Notice)>)>, deadline: Duration) -> Self {
        Self(Arc::new(Inner {
            shard,
            deadline,
            state: Mutex::default(),
        }))
    }

    /// To be set once a key or password was sent.
    pub(crate) fn offered(&self) -> Arc<AtomicBool> {
        self.lock().offered.clone()
    }

    /// The login sets out, counted as on the way until it asks or [`Self::stays_out`].
    pub(super) fn set_out(&self, counted: Counted) {
        self.lock().on_the_way = Some(counted);
    }

    /// The login takes its time: others go before it.
    pub(super) fn stays_out(&self) {
        self.lock().on_the_way = None;
    }

    /// Waits for leave to offer `credential`. Immediate where it was had already.
    ///
    /// # Errors
    /// [`Reason::CredentialHeld`] when it may not be tried, [`Reason::LoginTimeout`] when no word came.
    pub(crate) async fn permit(&self, credential: &str) -> Result<(), Failure> {
        if self.0.shard.is_none() {
            return Ok(());
        }
        if let Ok(verdict) = timeout(self.0.deadline, self.ask(credential)).await {
            return verdict;
        }
        self.give_back(credential).await;
        Err(Failure {
            reason: Reason::LoginTimeout,
            message: format!(
                "no permit to offer credential \"{credential}\" came within {} s, so nothing was offered",
                self.0.deadline.as_secs_f64()
            ),
            hint: Some(
                "other devices try it first, or refused it: the manager's list of credentials tells".into(),
            ),
        })
    }

    /// Waits as [`Self::permit`] does, and takes the permit out of the gate: for a login on the way to the device.
    ///
    /// # Errors
    /// As [`Self::permit`].
    pub(super) async fn take(&self, credential: &str) -> Result<Permit, Failure> {
        self.permit(credential).await?;
        let State { offered, .. } = std::mem::take(&mut *self.lock());
        Ok(Permit {
            gate: self.clone(),
            credential: credential.to_owned(),
            offered,
            ended: false,
        })
    }

    /// Waits as [`Self::permit`] does, for as long as it takes. A caller that gives up calls [`Self::give_back`].
    ///
    /// # Errors
    /// [`Reason::CredentialHeld`] when it may not be tried.
    pub(super) async fn ask(&self, credential: &str) -> Result<(), Failure> {
        let Some((id, notices)) = &self.0.shard else {
            return Ok(());
        };
        let (before, offered) = {
            let mut state = self.lock();
            let offered = state.offered.clone();
            // Its ask is counted from here on.
            state.on_the_way = None;
            if let Some(asked) = &state.asked
                && asked.granted
                && asked.credential == credential
                && !offered.load(Ordering::Relaxed)
            {
                return Ok(());
            }
            let asked = Asked {
                credential: credential.to_owned(),
                granted: false,
            };
            (state.asked.replace(asked), offered)
        };
        if let Some(before) = before {
            // A permit that a device had before its jump host needed one: it is asked for again when its turn comes.
            let outcome = left(&before, &offered);
            self.tell_end(&before.credential, outcome).await;
        }
        let (answer, told) = oneshot::channel();
        let ask = Ask {
            credential: credential.to_owned(),
            offered,
            answer: Answer(answer),
        };
        let verdict = match notices.send((*id, Notice::Ask(ask))).await {
            Ok(()) => told.await.unwrap_or_else(|_| Verdict::Held(ended())),
            Err(_) => Verdict::Held(ended()),
        };
        let mut state = self.lock();
        match verdict {
            Verdict::Granted => {
                if let Some(asked) = &mut state.asked {
                    asked.granted = true;
                }
                Ok(())
            }
            // Whoever said so has ended it.
            Verdict::Held(failure) => {
                state.asked = None;
                Err(failure)
            }
        }
    }

    /// The device has let in, and nothing more of `credential` will be offered: what it asked for ends here.
    pub(super) async fn let_in(&self, credential: &str) {
        let offered = self.lock().offered.load(Ordering::Relaxed);
        let outcome = outcome_of(Ok(()), offered, true);
        self.finish(credential, outcome).await;
    }

    /// The login is over; `outcome` is what became of `credential`, which is the device's own.
    pub(super) async fn finish(&self, credential: &str, outcome: LoginOutcome) {
        let (asked, offered) = {
            let mut state = self.lock();
            state.on_the_way = None;
            (state.asked.take(), state.offered.clone())
        };
        match asked {
            Some(asked) if asked.granted && asked.credential == credential => {
                self.tell_end(credential, outcome).await;
            }
            // The way to the device was given up before its permit came, or behind it.
            Some(asked) => {
                let outcome = left(&asked, &offered);
                self.tell_end(&asked.credential, outcome).await;
            }
            // It was let in, and then it was to have a new password.
            None if outcome == LoginOutcome::Refused => self.tell_end(credential, outcome).await,
            None => {}
        }
    }

    /// `credential` is not needed after all, whether its permit has come or not.
    pub(super) async fn give_back(&self, credential: &str) {
        self.lock().asked = None;
        self.tell_end(credential, LoginOutcome::Unused).await;
    }

    async fn tell_end(&self, credential: &str, outcome: LoginOutcome) {
        if let Some((id, notices)) = &self.0.shard
            && notices
                .send((*id, Notice::Ended(credential.to_owned(), outcome)))
                .await
                .is_err()
        {
            tracing::trace!("a login ended after the shard had");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of a credential when the login ended elsewhere.
fn left(asked: &Asked, offered: &AtomicBool) -> LoginOutcome {
    if asked.granted && offered.load(Ordering::Relaxed) {
        LoginOutcome::Unclear
    } else {
        LoginOutcome::Unused
    }
}

/// Leave for one login, apart from the device's own. Dropping it ends it, too.
#[derive(Debug)]
pub(super) struct Permit {
    gate: Gate,
    credential: String,
    offered: Arc<AtomicBool>,
    ended: bool,
}

impl Permit {
    /// To be set once a key or password was sent.
    pub(super) fn offered(&self) -> &AtomicBool {
        &self.offered
    }

    /// The login is over.
    pub(super) async fn end(mut self, outcome: LoginOutcome) {
        self.gate.tell_end(&self.credential, outcome).await;
        self.ended = true;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let Some((id, notices)) = &self.gate.0.shard else {
            return;
        };
        if self.ended {
            return;
        }
        let asked = Asked {
            credential: std::mem::take(&mut self.credential),
            granted: true,
        };
        let outcome = left(&asked, &self.offered);
        // Where there is no room the shard ends it with the task.
        if notices
            .try_send((*id, Notice::Ended(asked.credential, outcome)))
            .is_err()
        {
            tracing::debug!("a login was cut, and the shard could not be told");
        }
    }
}

/// What a login means for the credential of the device.
pub(super) fn outcome_of(
    result: Result<(), &Failure>,
    offered: bool,
    let_in: bool,
) -> LoginOutcome {
    match result.map_err(|failure| failure.reason) {
        Err(Reason::EnableFailed) => LoginOutcome::Refused,
        // Whoever lets in without a credential has said nothing of it.
        _ if !offered => LoginOutcome::Unused,
        Err(Reason::PasswordChange) => LoginOutcome::Refused,
        // Behind the login only the shell can fail, of which the credential knows nothing.
        _ if let_in => LoginOutcome::Accepted,
        Ok(()) => LoginOutcome::Accepted,
        Err(Reason::AuthFailed) => LoginOutcome::Refused,
        _ => LoginOutcome::Unclear,
    }
}

fn ended() -> Failure {
    Failure {
        reason: Reason::Other,
        message: "the agent is shutting down".into(),
        hint: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(deadline: Duration) -> (Gate, mpsc::Receiver<(TaskId, Notice)>) {
        let (sender, receiver) = mpsc::channel(8);
        (Gate::new(TaskId(1), sender, deadline), receiver)
    }

    async fn ask(notices: &mut mpsc::Receiver<(TaskId, Notice)>) -> Ask {
        match notices.recv().await {
            Some((TaskId(1), Notice::Ask(ask))) => ask,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn who_is_let_in_gives_the_permit_up_and_a_refusal_may_follow() {
        for (after, told) in [
            (LoginOutcome::Accepted, None),
            (LoginOutcome::Refused, Some(LoginOutcome::Refused)),
        ] {
            let (gate, mut notices) = gate(Duration::from_mins(1));
            let granting = async { ask(&mut notices).await.answer.give(Verdict::Granted) };
            let (permitted, ()) = tokio::join!(gate.permit("lab"), granting);
            permitted.unwrap();
            gate.offered().store(true, Ordering::Relaxed);
            gate.let_in("lab").await;
            assert_eq!(
                end(&mut notices).await,
                ("lab".into(), LoginOutcome::Accepted)
            );
            gate.finish("lab", after).await;
            let next = notices.try_recv().ok();
            let next = next.map(|(_, notice)| match notice {
                Notice::Ended(_, outcome) => outcome,
                other => panic!("{other:?}"),
            });
            assert_eq!(next, told);
        }
    }

    #[tokio::test]
    async fn a_permit_is_asked_for_once_and_holds_until_it_is_used() {
        let (gate, mut notices) = gate(Duration::from_mins(1));
        let asking = async {
            gate.permit("lab").await.unwrap();
            gate.permit("lab").await.unwrap();
        };
        let answering = async { ask(&mut notices).await.answer.give(Verdict::Granted) };
        tokio::join!(asking, answering);
        assert!(notices.try_recv().is_err());
    }

    /// What the shard is told next, which is an end.
    async fn end(notices: &mut mpsc::Receiver<(TaskId, Notice)>) -> (String, LoginOutcome) {
        match notices.recv().await {
            Some((TaskId(1), Notice::Ended(credential, outcome))) => (credential, outcome),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_login_on_the_way_has_a_permit_of_its_own() {
        let (gate, mut notices) = gate(Duration::from_mins(1));
        let granting = async {
            let ask = ask(&mut notices).await;
            ask.answer.give(Verdict::Granted);
            ask.offered
        };
        let (permit, seen) = tokio::join!(gate.take("lab"), granting);
        let permit = permit.unwrap();
        permit.offered().store(true, Ordering::Relaxed);
        assert!(seen.load(Ordering::Relaxed), "the shard sees it, too");
        assert!(!gate.offered().load(Ordering::Relaxed));
        // What becomes of the device's login does not end it.
        gate.finish("lab", LoginOutcome::Unused).await;
        assert!(notices.try_recv().is_err());
        permit.end(LoginOutcome::Accepted).await;
        assert_eq!(
            end(&mut notices).await,
            ("lab".into(), LoginOutcome::Accepted)
        );
        assert!(notices.try_recv().is_err(), "once");
    }

    #[tokio::test]
    async fn a_permit_that_is_dropped_is_ended_by_what_was_sent() {
        for (offered, outcome) in [(false, LoginOutcome::Unused), (true, LoginOutcome::Unclear)] {
            let (gate, mut notices) = gate(Duration::from_mins(1));
            let granting = async { ask(&mut notices).await.answer.give(Verdict::Granted) };
            let (permit, ()) = tokio::join!(gate.take("jump"), granting);
            let permit = permit.unwrap();
            permit.offered().store(offered, Ordering::Relaxed);
            drop(permit);
            assert_eq!(end(&mut notices).await, ("jump".into(), outcome));
        }
    }

    #[tokio::test]
    async fn an_ask_that_was_cut_is_ended_with_the_login() {
        let (gate, mut notices) = gate(Duration::from_mins(1));
        tokio::select! {
            _ = gate.take("jump") => panic!("nobody granted it"),
            _ask = ask(&mut notices) => {}
        }
        gate.finish("lab", LoginOutcome::Unused).await;
        assert_eq!(
            end(&mut notices).await,
            ("jump".into(), LoginOutcome::Unused)
        );
    }

    #[tokio::test]
    async fn nobody_waits_for_longer_than_the_deadline_and_the_shard_is_told() {
        let (gate, mut notices) = gate(Duration::from_millis(20));
        let failure = gate.permit("lab").await.unwrap_err();
        assert_eq!(failure.reason, Reason::LoginTimeout);
        let _ask = ask(&mut notices).await;
        assert!(matches!(
            notices.recv().await,
            Some((_, Notice::Ended(_, LoginOutcome::Unused)))
        ));
    }

    #[tokio::test]
    async fn a_held_credential_says_why_and_a_free_gate_asks_nobody() {
        let (gate, mut notices) = gate(Duration::from_mins(1));
        let held = Failure {
            reason: Reason::CredentialHeld,
            message: "sw1 refused it".into(),
            hint: None,
        };
        let answering = async {
            let answer = ask(&mut notices).await.answer;
            answer.give(Verdict::Held(held.clone()));
        };
        let (result, ()) = tokio::join!(gate.permit("lab"), answering);
        assert_eq!(result, Err(held));
        assert_eq!(Gate::free().permit("lab").await, Ok(()));
    }

    #[test]
    fn only_a_refusal_counts_as_one() {
        let failure = |reason| Failure {
            reason,
            message: String::new(),
            hint: None,
        };
        for (reason, offered, let_in, expected) in [
            (Reason::AuthFailed, true, false, LoginOutcome::Refused),
            (Reason::AuthFailed, false, false, LoginOutcome::Unused),
            (Reason::EnableFailed, true, true, LoginOutcome::Refused),
            (Reason::EnableFailed, false, true, LoginOutcome::Refused),
            (Reason::PasswordChange, true, true, LoginOutcome::Refused),
            (Reason::PasswordChange, false, false, LoginOutcome::Unused),
            (Reason::NoPrompt, false, true, LoginOutcome::Unused),
            (Reason::NoPrompt, true, true, LoginOutcome::Accepted),
            (Reason::LoginTimeout, true, false, LoginOutcome::Unclear),
            (Reason::ConnectionLost, true, false, LoginOutcome::Unclear),
            (Reason::ConnectionLost, false, false, LoginOutcome::Unused),
            (Reason::Refused, false, false, LoginOutcome::Unused),
        ] {
            let failure = failure(reason);
            assert_eq!(
                outcome_of(Err(&failure), offered, let_in),
                expected,
                "{reason:?}"
            );
        }
        assert_eq!(outcome_of(Ok(()), true, true), LoginOutcome::Accepted);
        assert_eq!(outcome_of(Ok(()), false, true), LoginOutcome::Unused);
    }
}
