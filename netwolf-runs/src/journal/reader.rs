//! Reads the journal on a connection of its own, so that nobody waits for a commit and no commit for a reader.

use std::{path::Path, path::PathBuf, sync::Arc};

use netwolf_wire::step::RunId;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params, types::Type};
use serde::de::DeserializeOwned;

use super::{FILE, JournalError, apply::number, schema};
use crate::{
    audit::Head,
    model::{Output, Run, RunState, Step, StepState},
};

/// Reads. Each call sees one state of the journal, with all that was answered for before it.
#[derive(Debug)]
pub struct Reader {
    folder: PathBuf,
    connection: Connection,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// In the list's order.
    pub items: Vec<T>,
    /// Whether there is more behind them.
    pub more: bool,
}

/// What a key of idempotency was used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyUse {
    /// The run that was submitted with it.
    pub run: RunId,
    /// SHA-256 of what was submitted, as the run's spec has it.
    pub body_sha256: Option<String>,
}

const RUN: &str = "id, created_ms, n_steps, spec, status";
const STEP: &str = "step, batch, spec, status";

impl Reader {
    /// Of the journal in `folder`, which some process may have open.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open(folder: &Path) -> Result<Self, JournalError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(folder.join(FILE), flags)
            .map_err(|error| JournalError::of(error, folder))?;
        Ok(Self {
            folder: folder.to_owned(),
            connection,
        })
    }

    fn fail(&self, error: rusqlite::Error) -> JournalError {
        JournalError::of(error, &self.folder)
    }

    /// All runs that have not ended, with all their steps: what a machine is restored from.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn live(&self) -> Result<Vec<(Run, Vec<Step>)>, JournalError> {
        let ended = words(
            RunState::ALL
                .iter()
                .filter(|state| state.is_end())
                .map(|state| state.as_str()),
        );
        let sql =
            format!("SELECT {RUN} FROM runs WHERE gone = 0 AND state NOT IN ({ended}) ORDER BY id");
        self.at_once(|connection| {
            let runs: Vec<Run> = all(connection, &sql, params![], run)?;
            runs.into_iter()
                .map(|run| Ok((steps_of(connection, run.id)?, run)))
                .map(|both| both.map(|(steps, run)| (run, steps)))
                .collect()
        })
    }

    /// A run with all its steps.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn whole(&self, id: RunId) -> Result<Option<(Run, Vec<Step>)>, JournalError> {
        self.at_once(|connection| match run_of(connection, id)? {
            Some(run) => Ok(Some((run, steps_of(connection, id)?))),
            None => Ok(None),
        })
    }

    /// A run.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn run(&self, id: RunId) -> Result<Option<Run>, JournalError> {
        run_of(&self.connection, id).map_err(|error| self.fail(error))
    }

    /// Runs from the newest to the oldest: those in one of `states`, or all where there are none, and numbered below
    /// `before`.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn runs(
        &self,
        states: &[RunState],
        before: Option<RunId>,
        limit: usize,
    ) -> Result<Page<Run>, JournalError> {
        let filter = filter(states.iter().map(|state| state.as_str()));
        let sql = format!(
            "SELECT {RUN} FROM runs WHERE gone = 0 AND id < ?1 {filter} ORDER BY id DESC LIMIT ?2"
        );
        let before = before.map_or(i64::MAX, |before| {
            i64::try_from(before.0).unwrap_or(i64::MAX)
        });
        self.page(&sql, params![before, limit_of(limit)], limit, run)
    }

    /// The steps of a run in their order: those in one of `states`, or all where there are none, and behind `after`.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn steps(
        &self,
        id: RunId,
        states: &[StepState],
        after: Option<u32>,
        limit: usize,
    ) -> Result<Page<Step>, JournalError> {
        let filter = filter(states.iter().map(|state| state.as_str()));
        let sql = format!(
            "SELECT {STEP} FROM steps WHERE run = ?1 AND step > ?2 {filter} ORDER BY step LIMIT ?3"
        );
        let id = number(id.0).map_err(|error| self.fail(error))?;
        let after = after.map_or(-1, i64::from);
        self.page(&sql, params![id, after, limit_of(limit)], limit, step)
    }

    /// A run's step on a device.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn step_on(&self, id: RunId, device: &str) -> Result<Option<Step>, JournalError> {
        let sql = format!("SELECT {STEP} FROM steps WHERE run = ?1 AND device = ?2");
        number(id.0)
            .and_then(|id| {
                self.connection
                    .query_row(&sql, params![id, device], step)
                    .optional()
            })
            .map_err(|error| self.fail(error))
    }

    /// What a step's commands brought, in the order of typing.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn transcript(&self, id: RunId, step: u32) -> Result<Vec<Output>, JournalError> {
        let sql = "SELECT facts, text FROM outputs WHERE run = ?1 AND step = ?2
                   ORDER BY attempt, number";
        number(id.0)
            .and_then(|id| all(&self.connection, sql, params![id, step], output))
            .map_err(|error| self.fail(error))
    }

    /// What a key of idempotency was used for.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn key(&self, key: &str) -> Result<Option<KeyUse>, JournalError> {
        self.connection
            .query_row("SELECT id, digest FROM runs WHERE key = ?1", [key], |row| {
                Ok(KeyUse {
                    run: RunId(row.get::<_, i64>(0)?.unsigned_abs()),
                    body_sha256: row.get(1)?,
                })
            })
            .optional()
            .map_err(|error| self.fail(error))
    }

    /// The last record of the audit log that was answered for: what the files must reach.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn audit_head(&self) -> Result<Option<Head>, JournalError> {
        schema::head(&self.connection).map_err(|error| self.fail(error))
    }

    /// What is wrong with the file, where anything is. Reads all of it.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn check(&self) -> Result<Option<String>, JournalError> {
        schema::check(&self.connection, "integrity_check").map_err(|error| self.fail(error))
    }

    /// Several statements of one state.
    fn at_once<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        self.connection
            .unchecked_transaction()
            .and_then(|transaction| read(&transaction))
            .map_err(|error| self.fail(error))
    }

    fn page<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        limit: usize,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Page<T>, JournalError> {
        let mut items =
            all(&self.connection, sql, params, read).map_err(|error| self.fail(error))?;
        let more = items.len() > limit;
        items.truncate(limit);
        Ok(Page { items, more })
    }
}

/// One more than asked for tells whether there are more.
fn limit_of(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1)
}

fn all<T>(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection
        .prepare(sql)?
        .query_map(params, |row| read(row))?
        .collect()
}

fn run_of(connection: &Connection, id: RunId) -> rusqlite::Result<Option<Run>> {
    let sql = format!("SELECT {RUN} FROM runs WHERE gone = 0 AND id = ?1");
    connection.query_row(&sql, [number(id.0)?], run).optional()
}

fn steps_of(connection: &Connection, id: RunId) -> rusqlite::Result<Vec<Step>> {
    let sql = format!("SELECT {STEP} FROM steps WHERE run = ?1 ORDER BY step");
    all(connection, &sql, [number(id.0)?], step)
}

fn run(row: &Row<'_>) -> rusqlite::Result<Run> {
    Ok(Run {
        id: RunId(row.get::<_, i64>(0)?.unsigned_abs()),
        created_ms: row.get::<_, i64>(1)?.unsigned_abs(),
        n_steps: row.get(2)?,
        spec: Arc::new(json(row, 3)?),
        status: json(row, 4)?,
    })
}

fn step(row: &Row<'_>) -> rusqlite::Result<Step> {
    Ok(Step {
        step: row.get(0)?,
        batch: row.get(1)?,
        spec: json(row, 2)?,
        status: json(row, 3)?,
    })
}

fn output(row: &Row<'_>) -> rusqlite::Result<Output> {
    let mut output: Output = json(row, 0)?;
    output.done.text = row.get(1)?;
    Ok(output)
}

fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<T> {
    let text = row.get_ref(column)?.as_str()?;
    serde_json::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

/// Words of ours, which need no escapes, as SQL has a list of them.
fn words(words: impl Iterator<Item = &'static str>) -> String {
    let words: Vec<_> = words.map(|word| format!("'{word}'")).collect();
    words.join(", ")
}

fn filter(states: impl Iterator<Item = &'static str>) -> String {
    let words = words(states);
    if words.is_empty() {
        String::new()
    } else {
        format!("AND state IN ({words})")
    }
}
