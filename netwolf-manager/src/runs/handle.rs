//! What the web port reaches runs by: questions to the engine, each with an answer, and what is shown of runs.
//!
//! ```text
//!   submit, cancel, pause, resume, settle --> [asks, depth ASKS] --> engine
//!   view, steps, news ----------------------> live runs, and the journal for those that are not live
//! ```

use std::{sync::Arc, time::Duration};

use netwolf_runs::{
    model::{Output, Run, RunState, Spec, Step, StepSpec, StepState},
    view::{OutputView, RunView, RunsPage, StepView, StepsPage, TranscriptView},
};
use netwolf_wire::step::RunId;
use tokio::{
    sync::{Semaphore, mpsc, oneshot, watch},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    Kind, Refusal,
    keeping::{Fault, FaultKind, Keeper},
    live::{LiveRun, LiveRuns},
    submitting::{MAX_COMMENT, check_text},
};
use crate::core::steps::{self, FleetNews};

/// Questions that may wait for the engine; whoever asks beyond that waits.
pub const ASKS: usize = 64;

/// Streams of events at a time: each keeps a connection of the web port.
pub const STREAMS: usize = 64;

/// Runs or steps in an answer, at most.
pub const PAGE: usize = 1000;

/// What others reach runs by; cheap to clone.
#[derive(Clone, Debug)]
pub struct Handle {
    /// What the fleet tells of steps.
    pub news: mpsc::Sender<FleetNews>,
    asks: mpsc::Sender<Ask>,
    live: Arc<LiveRuns>,
    door: Arc<watch::Sender<Door>>,
    /// One permit for each stream of events.
    pub(crate) streams: Arc<Semaphore>,
    /// Cancelled when the engine has ended: no news come any more.
    pub(crate) ended: CancellationToken,
}

/// Whether the journal is open.
#[derive(Debug, Default)]
enum Door {
    /// It is being opened for the first time.
    #[default]
    Opening,
    /// It is.
    Open(Keeper),
    /// It could not be opened, and is tried again.
    Shut(Fault),
}

/// Whoever asks at the very start waits for the journal for so long: one that is checked takes seconds at most.
const OPENING: Duration = Duration::from_secs(10);

/// The other end of a [`Handle`].
#[derive(Debug)]
pub struct Mailbox {
    pub(super) news: mpsc::Receiver<FleetNews>,
    pub(super) asks: mpsc::Receiver<Ask>,
}

/// The answer to something that was asked of the engine.
pub(super) type Answer<T> = oneshot::Sender<Result<T, Refusal>>;

/// What can be done with a run as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control {
    /// Nothing more begins, what is under way types nothing more.
    Cancel,
    /// Nothing more begins.
    Pause,
    /// It goes on.
    Resume,
}

/// What is asked of the engine.
#[derive(Debug)]
pub(super) enum Ask {
    /// A run that is resolved and judged.
    Submit {
        spec: Box<Spec>,
        steps: Vec<StepSpec>,
        answer: Answer<Submitted>,
    },
    Control {
        run: RunId,
        what: Control,
        requester: String,
        answer: Answer<RunView>,
    },
    /// A person decides what became of a step that is unknown.
    Settle {
        run: RunId,
        device: String,
        succeeded: bool,
        comment: Option<String>,
        requester: String,
        answer: Answer<StepView>,
    },
}

/// A run that is taken in.
#[derive(Clone, Debug)]
pub struct Submitted {
    /// The run.
    pub run: RunView,
    /// It was there already, by its idempotency key.
    pub was_there: bool,
}

impl Handle {
    /// A handle, and what comes out of its other end.
    pub fn new() -> (Self, Mailbox) {
        let (news, told) = mpsc::channel(steps::NEWS);
        let (asks, asked) = mpsc::channel(ASKS);
        let handle = Self {
            news,
            asks,
            live: Arc::default(),
            door: Arc::default(),
            streams: Arc::new(Semaphore::new(STREAMS)),
            ended: CancellationToken::new(),
        };
        let mailbox = Mailbox {
            news: told,
            asks: asked,
        };
        (handle, mailbox)
    }

    /// The runs that are live.
    pub fn live(&self) -> &Arc<LiveRuns> {
        &self.live
    }

    /// What a test does to the disk; the journal is open by then.
    #[cfg(test)]
    pub(crate) fn disk(&self) -> super::keeping::Disk {
        match &*self.door.borrow() {
            Door::Open(keeper) => keeper.disk(),
            door => panic!("{door:?}"),
        }
    }

    /// The journal is open from now on.
    pub(super) fn opened(&self, keeper: Keeper) {
        self.door.send_replace(Door::Open(keeper));
    }

    /// The journal cannot be opened.
    pub(super) fn shut(&self, fault: Fault) {
        self.door.send_replace(Door::Shut(fault));
    }

    /// The journal, to be read. Who asks while it is opened waits a little.
    async fn keeper(&self) -> Result<Keeper, Refusal> {
        let mut door = self.door.subscribe();
        let opened = door.wait_for(|door| !matches!(door, Door::Opening));
        let opened = timeout(OPENING, opened).await;
        let refusal = match &opened {
            Ok(Ok(door)) => match &**door {
                Door::Open(keeper) => return Ok(keeper.clone()),
                Door::Shut(fault) => {
                    let why = format!("the runs of before cannot be read: {fault}");
                    Refusal::new(Kind::Unavailable, why).hint(fault.hint)
                }
                Door::Opening => Refusal::ending(),
            },
            Ok(Err(_)) => Refusal::ending(),
            Err(_) => Refusal::new(
                Kind::Unavailable,
                "the journal of runs is still being opened",
            )
            .hint("ask again in some seconds"),
        };
        Err(refusal)
    }

    async fn ask<T>(&self, ask: impl FnOnce(Answer<T>) -> Ask) -> Result<T, Refusal> {
        let (answer, answered) = oneshot::channel();
        self.asks
            .send(ask(answer))
            .await
            .map_err(|_| Refusal::ending())?;
        answered.await.map_err(|_| Refusal::ending())?
    }

    /// Takes a run in; when it answers, the run is written down.
    ///
    /// # Errors
    /// [`Refusal`]; then there is no run.
    pub async fn submit(&self, spec: Spec, steps: Vec<StepSpec>) -> Result<Submitted, Refusal> {
        let spec = Box::new(spec);
        self.ask(|answer| Ask::Submit {
            spec,
            steps,
            answer,
        })
        .await
    }

    /// The run that was submitted with this key, if there is one.
    ///
    /// # Errors
    /// [`Refusal`] where the journal cannot be read, or where something else was submitted with the key.
    pub async fn by_key(&self, key: &str, body: &str) -> Result<Option<RunView>, Refusal> {
        // Where the journal is not open the engine says why.
        let Ok(keeper) = self.keeper().await else {
            return Ok(None);
        };
        let found = keeper.by_key(key).await?;
        match found {
            Some((run, sha256)) => {
                check_body(key, run, sha256.as_deref(), body)?;
                Ok(Some(self.run(run).await?))
            }
            None => Ok(None),
        }
    }

    /// Cancels, pauses or resumes a run.
    ///
    /// # Errors
    /// [`Refusal`] where it cannot be done.
    pub async fn control(
        &self,
        run: RunId,
        what: Control,
        requester: String,
    ) -> Result<RunView, Refusal> {
        self.exists(run).await?;
        self.ask(|answer| Ask::Control {
            run,
            what,
            requester,
            answer,
        })
        .await
    }

    /// Decides what became of a step that is unknown.
    ///
    /// # Errors
    /// [`Refusal`] where it cannot be done.
    pub async fn settle(
        &self,
        run: RunId,
        device: String,
        succeeded: bool,
        comment: Option<String>,
        requester: String,
    ) -> Result<StepView, Refusal> {
        check_text("comment", comment.as_deref(), MAX_COMMENT)?;
        // A run that has ended may be read for this alone; a device that it never had is told apart here.
        let step = self.load(run).await?.step_on(&device);
        step.ok_or_else(|| no_step(run, &device))?;
        self.ask(|answer| Ask::Settle {
            run,
            device,
            succeeded,
            comment,
            requester,
            answer,
        })
        .await
    }

    async fn exists(&self, run: RunId) -> Result<(), Refusal> {
        self.load(run).await.map(drop)
    }

    /// A run, live or from the journal.
    ///
    /// # Errors
    /// [`Refusal`] where there is none.
    pub async fn load(&self, run: RunId) -> Result<Arc<LiveRun>, Refusal> {
        if let Some(live) = self.live.get(run) {
            return Ok(live);
        }
        match self.keeper().await?.run(run).await? {
            Some((run, steps)) => Ok(Arc::new(LiveRun::ended(run, steps))),
            None => Err(Refusal::no_run(run)),
        }
    }

    /// A run as a whole.
    ///
    /// # Errors
    /// [`Refusal`] where there is none.
    pub async fn run(&self, run: RunId) -> Result<RunView, Refusal> {
        Ok(self.load(run).await?.view())
    }

    /// A run and its steps as they are kept.
    ///
    /// # Errors
    /// [`Refusal`] where there is none.
    pub async fn whole(&self, run: RunId) -> Result<(Run, Vec<Step>), Refusal> {
        Ok(self.load(run).await?.whole())
    }

    /// Runs, newest first, below a number.
    ///
    /// # Errors
    /// [`Refusal`] where the journal cannot be read.
    pub async fn runs(
        &self,
        state: Option<RunState>,
        before: Option<RunId>,
        limit: usize,
    ) -> Result<RunsPage, Refusal> {
        let limit = limit.clamp(1, PAGE);
        let (runs, next) = self.keeper().await?.runs(state, before, limit).await?;
        Ok(RunsPage {
            runs: runs.iter().map(RunView::from).collect(),
            next,
        })
    }

    /// Steps of a run, in their order, behind one.
    ///
    /// # Errors
    /// [`Refusal`] where there is no such run.
    pub async fn steps(
        &self,
        run: RunId,
        state: Option<StepState>,
        after: Option<u32>,
        limit: usize,
    ) -> Result<StepsPage, Refusal> {
        let limit = limit.clamp(1, PAGE);
        let (steps, next) = self.load(run).await?.steps(state, after, limit);
        Ok(StepsPage { steps, next })
    }

    /// What was typed in a step, for whoever knows that there is one.
    ///
    /// # Errors
    /// [`Refusal`] where the journal cannot be read.
    pub async fn outputs(&self, run: RunId, step: u32) -> Result<Vec<Output>, Refusal> {
        Ok(self.keeper().await?.outputs(run, step).await?)
    }

    /// A run's step on a device, with all that was typed.
    ///
    /// # Errors
    /// [`Refusal`] where there is no such step.
    pub async fn transcript(&self, run: RunId, device: &str) -> Result<TranscriptView, Refusal> {
        let step = self.load(run).await?.step_on(device);
        let step = step.ok_or_else(|| no_step(run, device))?;
        let outputs = self.keeper().await?.outputs(run, step.step).await?;
        Ok(TranscriptView {
            step: StepView::from(&step),
            transcript: outputs.iter().map(OutputView::from).collect(),
        })
    }
}

/// There is no such step.
pub(super) fn no_step(run: RunId, device: &str) -> Refusal {
    Refusal::new(
        Kind::NotFound,
        format!("run {run} has no step on a device {device:?}"),
    )
    .hint(format!("`netwolf runs show {run}` lists its devices"))
}

/// Whether what was submitted with a key is what is submitted now.
pub(super) fn check_body(
    key: &str,
    run: RunId,
    there: Option<&str>,
    body: &str,
) -> Result<(), Refusal> {
    if there == Some(body) {
        return Ok(());
    }
    Err(Refusal::new(
        Kind::Conflict,
        format!("the idempotency key {key:?} is that of run {run}, which asks for something else"),
    )
    .hint("take another key for another run"))
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        let kind = match fault.kind {
            FaultKind::Full | FaultKind::Broken => Kind::Full,
            FaultKind::Duplicate => Kind::Conflict,
            FaultKind::Refused => Kind::Bad,
            FaultKind::Busy => Kind::Unavailable,
        };
        Self::new(kind, fault.why).hint(fault.hint)
    }
}
