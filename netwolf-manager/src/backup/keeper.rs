//! The task that begins backups when they are due and makes files of what comes.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use netwolf_runs::{
    model::StepState,
    procedure::raw::RawRollout,
    submission::Submission,
    view::{RunView, StepView, Time},
};
use netwolf_wire::{DeviceName, step::RunId};
use tokio::{
    sync::{Notify, oneshot, watch},
    time::timeout,
};
use tracing::{info, warn};

use super::{
    Meters, Settings,
    clean::Rules,
    folder::{self, Kept},
    meters,
    progress::{self, Begun, Progress},
    view::{BackupState, BackupView, DeviceReport, Report},
};
use crate::{
    access::Role,
    clock::unix_ms,
    exposition::OwnFamily,
    http::guard::Asker,
    inventory::Device,
    runs::{Kind, Refusal, book::Book, submitting},
    state::State,
};

/// Who asks for the runs, as the audit log has it.
const REQUESTER: &str = "backup";

/// From one look at a run that is under way to the next.
const LOOK: Duration = Duration::from_secs(1);

/// After a backup that could not be begun.
const AGAIN: Duration = Duration::from_mins(1);

/// Whoever begins one waits for so long to hear whether it has begun: the journal may still be opened, and thousands of
/// devices looked at.
const PATIENCE: Duration = Duration::from_secs(10);

/// What others reach backups by; cheap to clone.
#[derive(Clone, Debug)]
pub struct Handle {
    shown: Arc<Mutex<Shown>>,
    now: Arc<Notify>,
    settings: watch::Sender<Option<Settings>>,
}

#[derive(Debug, Default)]
struct Shown {
    view: BackupView,
    meters: Meters,
    /// Who has asked for one that has not begun: in the web port, which bounds how many there are.
    waiting: Vec<oneshot::Sender<Result<(), Refusal>>>,
}

impl Default for Handle {
    fn default() -> Self {
        Self {
            shown: Arc::default(),
            now: Arc::default(),
            settings: watch::Sender::new(None),
        }
    }
}

impl Handle {
    /// Other settings are in force.
    pub fn configure(&self, settings: Option<Settings>) {
        self.settings.send_if_modified(|old| {
            let changed = *old != settings;
            *old = settings;
            changed
        });
    }

    /// Begins one now, unless one is under way, and tells how it stands then.
    ///
    /// # Errors
    /// Why it could not be begun.
    pub async fn begin(&self) -> Result<BackupView, Refusal> {
        if self.settings.borrow().is_none() {
            return Err(not_configured());
        }
        let (answer, answered) = oneshot::channel();
        // As one: one that is shown to be under way answers nobody any more.
        let is_under_way = self.with(|shown| {
            let is_under_way = shown.view.running.is_some();
            if !is_under_way {
                shown.waiting.push(answer);
            }
            is_under_way
        });
        if !is_under_way {
            self.now.notify_one();
            match timeout(PATIENCE, answered).await {
                Ok(Ok(begun)) => begun?,
                Ok(Err(_)) => return Err(Refusal::ending()),
                Err(_) => {
                    let error = "the backup has not begun yet";
                    return Err(Refusal::new(Kind::Unavailable, error)
                        .hint("`netwolf backup` tells when it has"));
                }
            }
        }
        Ok(self.view())
    }

    /// Whether somebody waits for one to begin.
    fn is_awaited(&self) -> bool {
        self.with(|shown| !shown.waiting.is_empty())
    }

    /// Tells all who wait.
    fn answer(&self, begun: &Result<(), Refusal>) {
        for answer in self.with(|shown| std::mem::take(&mut shown.waiting)) {
            // Whoever asked may have gone.
            answer.send(begun.clone()).ok();
        }
    }

    /// How it stands.
    pub fn view(&self) -> BackupView {
        self.with(|shown| shown.view.clone())
    }

    /// What is exported.
    pub(crate) fn families(&self) -> Vec<OwnFamily> {
        self.with(|shown| meters::families(&shown.view, shown.meters))
    }

    fn with<T>(&self, f: impl FnOnce(&mut Shown) -> T) -> T {
        f(&mut self.shown.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn not_configured() -> Refusal {
    Refusal::new(Kind::Conflict, "no backup is configured")
        .hint("say where to with `backup: { folder: ... }` in netwolf.yml")
}

/// The task's own state.
#[derive(Debug)]
pub struct Keeper {
    state: Arc<State>,
    handle: Handle,
    settings: watch::Receiver<Option<Settings>>,
    storage: PathBuf,
    progress: Progress,
}

impl Keeper {
    /// What goes on from where the manager before this one was; its files are in `storage`.
    pub fn new(state: Arc<State>, storage: PathBuf) -> Self {
        let handle = state.backup.clone();
        let settings = handle.settings.subscribe();
        Self {
            progress: progress::read(&storage),
            state,
            handle,
            settings,
            storage,
        }
    }

    /// Runs until it is dropped.
    pub async fn run(mut self) {
        let mut again = None;
        loop {
            let settings = self.settings.borrow_and_update().clone();
            let Some(settings) = settings else {
                self.show(None, Duration::ZERO);
                self.handle.answer(&Err(not_configured()));
                if self.settings.changed().await.is_err() {
                    return;
                }
                continue;
            };
            let due = due(&self.progress, settings.every, unix_ms());
            let wait = again.unwrap_or(due);
            self.show(Some(&settings), wait);
            if let Some(begun) = self.progress.running.clone() {
                self.handle.answer(&Ok(()));
                self.follow(&settings, begun).await;
                continue;
            }
            tokio::select! {
                changed = self.settings.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    again = None;
                    continue;
                }
                // Who asked while one was about to begin has been answered.
                () = self.handle.now.notified() => if !self.handle.is_awaited() { continue },
                () = tokio::time::sleep(wait) => {}
            }
            let begun = self.begin(&settings).await;
            again = None;
            if let Err(refusal) = &begun {
                self.fail(refusal, "a backup could not be begun");
                again = Some(AGAIN);
            }
            self.show(Some(&settings), again.unwrap_or(settings.every));
            self.handle.answer(&begun);
        }
    }

    /// How it stands, with `wait` until the next one.
    fn show(&self, settings: Option<&Settings>, wait: Duration) {
        let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let next = Time(unix_ms().saturating_add(wait));
        let progress = &self.progress;
        self.handle.with(|shown| {
            let view = &mut shown.view;
            view.configured = settings.is_some();
            view.folder = settings.map(|it| it.folder.display().to_string());
            view.every_seconds = settings.map(|it| it.every.as_secs());
            view.running = progress.running.as_ref().map(|begun| begun.run);
            view.next = settings.map(|_| next);
            view.last.clone_from(&progress.last);
        });
    }

    fn fail(&self, refusal: &Refusal, what: &str) {
        warn!(error = %refusal.error, hint = refusal.hint, "{what}");
        self.handle.with(|shown| {
            shown.view.problem = Some(refusal.error.clone());
            shown.meters.failures += 1;
        });
    }

    /// Submits a run of all devices that the procedure can be run on.
    async fn begin(&mut self, settings: &Settings) -> Result<(), Refusal> {
        let started = Time(unix_ms());
        let (book, sought) = (self.state.book.load_full(), settings.clone());
        // As of a submission: fifty thousand devices are looked at.
        let chosen = tokio::task::spawn_blocking(move || choose(&book, &sought)).await;
        let (devices, others) = chosen.map_err(|_| Refusal::ending())??;
        if devices.is_empty() {
            self.handle.with(|shown| shown.view.problem = None);
            self.progress.begun = Some(started);
            self.report(Report {
                run: None,
                started,
                ended: started,
                devices: others,
            });
            self.keep().await;
            return Ok(());
        }
        let run = self.submit(settings, devices, started).await?;
        info!(run = %run.id, n_devices = run.n_steps, "a backup has begun");
        self.handle.with(|shown| shown.view.problem = None);
        self.progress.begun = Some(started);
        self.progress.running = Some(Begun {
            run: run.id,
            started,
            others,
        });
        self.keep().await;
        Ok(())
    }

    /// The run, submitted with a key by the one before: a manager that ends between the run and the note of it finds
    /// the run again.
    async fn submit(
        &self,
        settings: &Settings,
        devices: Vec<String>,
        started: Time,
    ) -> Result<RunView, Refusal> {
        let key = |Time(ms): Time| format!("backup-{ms}");
        let mut submission = Submission {
            procedure: Some(settings.procedure.clone()),
            devices,
            rollout: Some(RawRollout {
                in_flight: Some(settings.in_flight),
                ..RawRollout::default()
            }),
            idempotency_key: Some(key(self.progress.begun.unwrap_or(Time(0)))),
            comment: Some("backup of configurations".into()),
            ..Submission::default()
        };
        let first = submitting::submit(&self.state, submission.clone(), asker()).await;
        let answer = match first {
            // The devices have changed since.
            Err(Refusal {
                kind: Kind::Conflict,
                ..
            }) => {
                submission.idempotency_key = Some(key(started));
                submitting::submit(&self.state, submission, asker()).await?
            }
            answer => answer?,
        };
        match answer {
            submitting::Answer::Run(submitted) => Ok(submitted.run),
            submitting::Answer::Preview(_) => Err(Refusal::bad("a backup is no preview")),
        }
    }

    /// Waits for the end of a run and makes files of what it brought.
    async fn follow(&mut self, settings: &Settings, begun: Begun) {
        match self.ended(begun.run).await {
            Ok(_) => match self.collect(settings, &begun).await {
                Ok(report) => self.report(report),
                Err(refusal) => self.fail(&refusal, "a backup was lost"),
            },
            Err(refusal) => self.fail(&refusal, "a backup was lost"),
        }
        self.progress.running = None;
        self.keep().await;
    }

    async fn ended(&self, run: RunId) -> Result<RunView, Refusal> {
        loop {
            match self.state.runs.run(run).await {
                Ok(view) if view.ended.is_some() => return Ok(view),
                // The journal is not open yet, or cannot be read for a while.
                Err(refusal) if !matches!(refusal.kind, Kind::Unavailable | Kind::Full) => {
                    return Err(refusal);
                }
                Ok(_) | Err(_) => {}
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn collect(&self, settings: &Settings, begun: &Begun) -> Result<Report, Refusal> {
        let rules = Rules::new(&settings.drop, &settings.redact)
            .map_err(|error| Refusal::bad(error.to_string()))?;
        let groups: BTreeMap<DeviceName, String> = {
            let book = self.state.book.load();
            let devices = book.inventory.devices.iter();
            let group = |device: &Device| device.group.as_ref().unwrap_or(&device.platform).clone();
            devices
                .map(|(name, device)| (name.clone(), group(device)))
                .collect()
        };
        let mut devices = begun.others.clone();
        let (_, steps) = self.state.runs.whole(begun.run).await?;
        for step in &steps {
            let step = StepView::from(step);
            let group = groups.get(&step.device).unwrap_or(&step.platform).clone();
            devices.push(
                self.collect_one(settings, &rules, begun.run, step, &group)
                    .await?,
            );
        }
        devices.sort_by(|one, other| one.device.cmp(&other.device));
        Ok(Report {
            run: Some(begun.run),
            started: begun.started,
            ended: Time(unix_ms()),
            devices,
        })
    }

    async fn collect_one(
        &self,
        settings: &Settings,
        rules: &Rules,
        run: RunId,
        step: StepView,
        group: &str,
    ) -> Result<DeviceReport, Refusal> {
        let failed = |reason: String| DeviceReport {
            device: step.device.clone(),
            state: BackupState::Failed,
            file: None,
            reason: Some(reason),
        };
        if step.state != StepState::Succeeded {
            let reason = step.reason.clone();
            return Ok(failed(reason.unwrap_or_else(|| {
                format!("the step ended as {}", step.state.as_str())
            })));
        }
        let mut outputs = self.state.runs.outputs(run, step.step).await?;
        outputs.retain(|output| !output.verify);
        if outputs.iter().any(|output| output.done.truncated) {
            return Ok(failed("the configuration is too long and was cut".into()));
        }
        let text: Vec<_> = outputs.iter().map(|it| rules.keep(&it.done.text)).collect();
        let text = text.concat();
        if text.is_empty() {
            return Ok(failed("the device said nothing".into()));
        }
        let file = folder::file(group, step.device.as_str());
        let (below, path) = (settings.folder.clone(), file.clone());
        let kept = tokio::task::spawn_blocking(move || folder::keep(&below, &path, &text)).await;
        let kept = match kept {
            Ok(Ok(kept)) => kept,
            Ok(Err(error)) => return Ok(failed(format!("{}: {error}", file.display()))),
            Err(_) => return Err(Refusal::ending()),
        };
        let state = match kept {
            Kept::New => BackupState::New,
            Kept::Changed => BackupState::Changed,
            Kept::Unchanged => BackupState::Unchanged,
        };
        Ok(DeviceReport {
            device: step.device,
            state,
            file: Some(file.display().to_string()),
            reason: None,
        })
    }

    fn report(&mut self, report: Report) {
        let changed = report.count(BackupState::Changed);
        let failed = report.count(BackupState::Failed);
        info!(
            run = report.run.map_or(0, |run| run.0),
            n_devices = report.devices.len(),
            n_new = report.count(BackupState::New),
            n_changed = changed,
            n_failed = failed,
            "a backup has ended"
        );
        for device in &report.devices {
            let name = &device.device;
            match device.state {
                BackupState::Changed => {
                    info!(device = %name, file = device.file, "configuration changed");
                }
                BackupState::Failed => {
                    warn!(device = %name, reason = device.reason, "configuration not kept");
                }
                BackupState::New | BackupState::Unchanged | BackupState::Skipped => {}
            }
        }
        self.handle
            .with(|shown| shown.meters.changes += changed as u64);
        self.progress.last = Some(report);
    }

    async fn keep(&self) {
        let (storage, progress) = (self.storage.clone(), self.progress.clone());
        let written = tokio::task::spawn_blocking(move || progress::write(&storage, &progress));
        match written.await {
            Ok(Ok(())) | Err(_) => {}
            Ok(Err(error)) => warn!(%error, "how far backups are cannot be written down"),
        }
    }
}

/// Who asks for the runs.
fn asker() -> Asker {
    Asker {
        name: REQUESTER.into(),
        role: Role::Operate,
    }
}

/// The devices that are selected: those that the procedure can be run on, and the others with the reason. Devices of
/// a platform with the same credential are as one.
fn choose(book: &Book, settings: &Settings) -> Result<(Vec<String>, Vec<DeviceReport>), Refusal> {
    let entry = submitting::find(book, &settings.procedure)?;
    let asker = asker();
    let mut obstacles: BTreeMap<(&str, &str), Option<String>> = BTreeMap::new();
    let (mut devices, mut others) = (Vec::new(), Vec::new());
    for (name, device) in &book.inventory.devices {
        let candidate = device.candidate(name);
        if !settings.selections.iter().any(|it| it.selects(&candidate)) {
            continue;
        }
        let other = |state, reason| DeviceReport {
            device: name.clone(),
            state,
            file: None,
            reason: Some(reason),
        };
        if entry.procedure.actions(&device.platform).is_none() {
            let reason = format!(
                "the procedure {:?} has no commands for {}",
                settings.procedure, device.platform
            );
            others.push(other(BackupState::Skipped, reason));
            continue;
        }
        let credential = device.job.target.login.credential.as_str();
        let kind = (device.platform.as_str(), credential);
        let obstacle = obstacles.entry(kind).or_insert_with(|| {
            let refusal = submitting::obstacle(book, &settings.procedure, name.as_str(), &asker);
            refusal.map(|refusal| refusal.error)
        });
        match obstacle {
            Some(reason) => others.push(other(BackupState::Failed, reason.clone())),
            None => devices.push(name.as_str().to_owned()),
        }
    }
    Ok((devices, others))
}

/// How long until the next one is due.
fn due(progress: &Progress, every: Duration, now_ms: u64) -> Duration {
    let Some(Time(begun)) = progress.begun else {
        return Duration::ZERO;
    };
    // A clock that was set back makes nobody wait for longer than the interval.
    let since = Duration::from_millis(now_ms.saturating_sub(begun));
    every.saturating_sub(since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_due_after_its_interval_whatever_the_clock_does() {
        let mut progress = Progress::default();
        let hour = Duration::from_hours(1);
        assert_eq!(due(&progress, hour, 5_000), Duration::ZERO);
        progress.begun = Some(Time(1_000_000));
        assert_eq!(due(&progress, hour, 1_000_000), hour);
        let rest = Duration::from_mins(59);
        assert_eq!(due(&progress, hour, 1_060_000), rest);
        assert_eq!(due(&progress, hour, 99_000_000), Duration::ZERO);
        assert_eq!(due(&progress, hour, 0), hour);
    }
}
