//! Secrets that a program prints: only programs that this machine's owner has allowed, one run at a time for all who ask
//! for the same, and its answer kept for a moment.
//!
//! ```text
//!   login A --+
//!   login B --+--> answer of `exec:/bin/vault read x` --- kept for seconds, then wiped
//!   login C --+         | none, or too old
//!                       +--> run: one process group, killed at its deadline
//! ```
//!
//! References come from the manager's configuration, so without a list whoever writes that would run what he likes on
//! each agent.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use netwolf_wire::secret::Program;
use thiserror::Error;
use tokio::{
    sync::Mutex as AsyncMutex,
    time::{Instant, sleep},
};

use crate::{Secret, SecretError};

mod run;

pub(crate) use run::TIMEOUT;

/// A thousand logins at a time do not run a thousand programs; a secret that was changed is had a moment later.
const KEPT: Duration = Duration::from_secs(5);

static PROGRAMS: Programs = Programs::keeping(KEPT);

/// Why a program gave no secret. Names it without its arguments, and never says what it printed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProgramError {
    /// Nobody has said here that it may be run.
    #[error(
        "\"{0}\" may not be run here: allow it where the secret is read, by `--secret.exec-allow {0}`"
    )]
    NotAllowed(String),
    /// The operating system does not run it.
    #[error("cannot run \"{program}\": {error}")]
    Start {
        /// Which.
        program: String,
        /// Why.
        error: String,
    },
    /// It was killed.
    #[error("\"{0}\" was not done within {seconds} s and was killed", seconds = TIMEOUT.as_secs())]
    Late(String),
    /// It says that it has failed.
    #[error("\"{program}\" failed with {status}{said}")]
    Failed {
        /// Which.
        program: String,
        /// How it ended.
        status: String,
        /// The beginning of its standard error, without what it printed.
        said: String,
    },
}

/// Lets `exec:` run these programs in this process, and no others. To be called once, when the process starts.
pub fn allow_programs(programs: impl IntoIterator<Item = PathBuf>) {
    // A second list would be that of another part of the same process: the first one holds.
    PROGRAMS
        .allowed
        .get_or_init(|| programs.into_iter().collect());
}

/// Reads an argument of `--secret.exec-allow`.
///
/// # Errors
/// It is no absolute path: what it means would depend on where one stands.
pub fn allowed_program(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_absolute() {
        Ok(path)
    } else {
        Err("write the program's absolute path".into())
    }
}

/// What `program` prints.
pub(crate) async fn ask(program: &Program) -> Result<Secret, SecretError> {
    PROGRAMS.ask(program).await
}

type Answered = Result<Secret, SecretError>;

/// Locked by whoever runs the program, while the others wait for what it says.
type Slot = Arc<AsyncMutex<Option<(Instant, Answered)>>>;

struct Programs {
    allowed: OnceLock<Vec<PathBuf>>,
    slots: OnceLock<Mutex<HashMap<Program, Slot>>>,
    kept: Duration,
}

impl Programs {
    const fn keeping(kept: Duration) -> Self {
        Self {
            allowed: OnceLock::new(),
            slots: OnceLock::new(),
            kept,
        }
    }

    fn is_allowed(&self, program: &Path) -> bool {
        let allowed = self.allowed.get();
        allowed.is_some_and(|allowed| allowed.iter().any(|path| path == program))
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<Program, Slot>> {
        let slots = self.slots.get_or_init(Mutex::default);
        slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&'static self, program: &Program) -> Result<Secret, SecretError> {
        if !self.is_allowed(program.path()) {
            return Err(ProgramError::NotAllowed(shown(program)).into());
        }
        let slot = self.slots().entry(program.clone()).or_default().clone();
        let mut answer = slot.lock().await;
        if let Some((at, answered)) = &*answer
            && at.elapsed() < self.kept
        {
            return answered.clone();
        }
        let answered = run::run(program).await;
        *answer = Some((Instant::now(), answered.clone()));
        drop(answer);
        tokio::spawn(self.forget(program.clone(), slot));
        answered
    }

    /// Wipes an answer once it is too old: nobody may ask again.
    async fn forget(&'static self, program: Program, slot: Slot) {
        sleep(self.kept).await;
        let mut answer = slot.lock().await;
        if answer
            .as_ref()
            .is_some_and(|(at, _)| at.elapsed() >= self.kept)
        {
            *answer = None;
        }
        drop(answer);
        let mut slots = self.slots();
        // Nobody else has it: the map and this task.
        if Arc::strong_count(&slot) == 2 {
            slots.remove(&program);
        }
    }
}

fn shown(program: &Program) -> String {
    program.path().display().to_string()
}

#[cfg(test)]
mod tests;
