//! The tables, and how the file is opened.
//!
//! | Table | A row for | Bytes a row, about |
//! |---|---|---|
//! | `runs` | each run | 1,000, and what its commands have |
//! | `steps` | each step | 500 |
//! | `outputs` | each command's output | 300, and the output |
//! | `meta` | `next_run`; `audit_head`, as `SEQ:FILE:HASH` | |
//!
//! What is asked for has a column of its own; all else is JSON, so that a field more is no other format.

use std::{fs::File, io, os::unix::fs::OpenOptionsExt, path::Path};

use rusqlite::{Connection, OptionalExtension, params};

use super::{JournalError, OpenError, error::Cause};
use crate::audit::Head;

/// Of the tables below: counted up whenever an older version could not use them.
const FORMAT: i64 = 1;

/// Pages of the write-ahead log after which they are moved into the file: 4 MiB.
const CHECKPOINT_PAGES: i64 = 1000;
/// Bytes that the write-ahead log keeps on the disk once they are moved; a submission of 100,000 steps has more.
const WAL_BYTES: i64 = 64 * 1024 * 1024;

const TABLES: &str = "
    CREATE TABLE meta (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) WITHOUT ROWID, STRICT;
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY,
        state TEXT NOT NULL,
        ended_ms INTEGER,
        created_ms INTEGER NOT NULL,
        n_steps INTEGER NOT NULL,
        gone INTEGER NOT NULL DEFAULT 0,
        key TEXT,
        digest TEXT,
        spec TEXT NOT NULL,
        status TEXT NOT NULL
    ) STRICT;
    CREATE INDEX runs_by_state ON runs (state, id);
    CREATE INDEX runs_by_end ON runs (ended_ms) WHERE ended_ms IS NOT NULL;
    CREATE INDEX runs_gone ON runs (id) WHERE gone = 1;
    CREATE UNIQUE INDEX runs_by_key ON runs (key) WHERE key IS NOT NULL;
    CREATE TABLE steps (
        run INTEGER NOT NULL REFERENCES runs (id),
        step INTEGER NOT NULL,
        state TEXT NOT NULL,
        batch INTEGER NOT NULL,
        device TEXT NOT NULL,
        spec TEXT NOT NULL,
        status TEXT NOT NULL,
        PRIMARY KEY (run, step)
    ) WITHOUT ROWID, STRICT;
    CREATE UNIQUE INDEX steps_by_device ON steps (run, device);
    CREATE TABLE outputs (
        run INTEGER NOT NULL,
        step INTEGER NOT NULL,
        attempt INTEGER NOT NULL,
        number INTEGER NOT NULL,
        facts TEXT NOT NULL,
        text TEXT NOT NULL,
        PRIMARY KEY (run, step, attempt, number),
        FOREIGN KEY (run, step) REFERENCES steps (run, step)
    ) STRICT;
";

/// Opens the file, or makes it, and checks all of it. Tells whether it was made.
pub(super) fn open(path: &Path) -> Result<(Connection, bool), OpenError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let other = |error: io::Error| {
        let cause: Cause = std::sync::Arc::new(error);
        OpenError::Journal(path.to_owned(), JournalError::Other(cause))
    };
    let fail = |error| OpenError::Journal(path.to_owned(), JournalError::of(error, folder));
    // Made by us, since SQLite would let everybody read it; the files beside it get the same mode.
    File::options()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(other)?;
    let mut connection = Connection::open(path).map_err(fail)?;
    let format = format(&connection).map_err(fail)?;
    if format > FORMAT {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            found: format,
            known: FORMAT,
        });
    }
    let is_new = format == 0;
    prepare(&mut connection, is_new).map_err(fail)?;
    if let Some(fault) = check(&connection, "quick_check").map_err(fail)? {
        let cause: Cause = std::sync::Arc::new(io::Error::other(fault));
        return Err(OpenError::Journal(
            path.to_owned(),
            JournalError::Corrupt(cause),
        ));
    }
    Ok((connection, is_new))
}

fn prepare(connection: &mut Connection, is_new: bool) -> rusqlite::Result<()> {
    if is_new {
        // Before the first table, or never: it lets pruned space go back to the disk in small steps.
        connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES)?;
    if is_new {
        let transaction = connection.transaction()?;
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "user_version", FORMAT)?;
        transaction.commit()?;
    }
    Ok(())
}

pub(super) fn format(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// What is wrong with the file, by `quick_check` or `integrity_check`.
pub(super) fn check(connection: &Connection, pragma: &str) -> rusqlite::Result<Option<String>> {
    let mut first = None;
    connection.pragma_query(None, pragma, |row| {
        let text: String = row.get(0)?;
        if text != "ok" && first.is_none() {
            first = Some(text);
        }
        Ok(())
    })?;
    Ok(first)
}

/// The head of the audit log; none in a journal that was never open.
pub(super) fn head(connection: &Connection) -> rusqlite::Result<Option<Head>> {
    let text: Option<String> = meta(connection, "audit_head")?;
    text.map(|text| {
        text.parse().map_err(|error| {
            rusqlite::Error::FromSqlConversionFailure(
                0,
                rusqlite::types::Type::Text,
                Box::new(error),
            )
        })
    })
    .transpose()
}

pub(super) fn set_head(connection: &Connection, head: &Head) -> rusqlite::Result<()> {
    set_meta(connection, "audit_head", &head.to_string())
}

/// A number above those of all runs that there ever were.
pub(super) fn next_run(connection: &Connection) -> rusqlite::Result<u64> {
    let next: Option<String> = meta(connection, "next_run")?;
    Ok(next.and_then(|next| next.parse().ok()).unwrap_or(1))
}

pub(super) fn set_next_run(connection: &Connection, next: u64) -> rusqlite::Result<()> {
    if next > next_run(connection)? {
        set_meta(connection, "next_run", &next.to_string())?;
    }
    Ok(())
}

fn meta(connection: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    connection
        .query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| {
            row.get(0)
        })
        .optional()
}

fn set_meta(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    connection.execute(
        "INSERT INTO meta (key, value) VALUES (?1, ?2)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        params![key, value],
    )?;
    Ok(())
}
