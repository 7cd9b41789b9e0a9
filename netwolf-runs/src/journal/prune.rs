//! Removes ended runs that are too old or too many, a little at a time.
//!
//! A run that is to go is hidden first, then its outputs go, its steps, and itself; each step is a short transaction,
//! between which others are served. After a crash what is hidden goes first.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::apply::number;

/// Outputs that are removed by one transaction: 16 MiB of them at the most.
const OUTPUTS: u32 = 64;
/// Steps that are removed by one transaction.
const STEPS: u32 = 2000;
/// Free pages that are given back to the disk by one transaction.
const PAGES: u32 = 1000;
/// Free pages that the file keeps for what comes next: 16 MiB.
const SPARE_PAGES: i64 = 4096;

/// What is kept of ended runs. A run that has not ended is always kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// How long, from its end.
    pub age: Duration,
    /// How many.
    pub runs: u32,
    /// Bytes that the file may use, as far as ended runs can make it smaller. A backup of 10,000 configurations has some
    /// hundred MiB.
    pub bytes: u64,
    /// From its end, a run is kept for so long at least, since what agents tell late still belongs to it.
    pub least: Duration,
}

impl Default for Keep {
    fn default() -> Self {
        Self {
            age: Duration::from_hours(90 * 24),
            runs: 10_000,
            bytes: 4 * 1024 * 1024 * 1024,
            least: Duration::from_hours(2),
        }
    }
}

/// What went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Runs.
    pub runs: u64,
    /// Their steps.
    pub steps: u64,
}

/// A pruning that is under way.
pub(super) struct Pruning {
    keep: Keep,
    now_ms: u64,
    /// The run that is going.
    run: Option<i64>,
    pruned: Pruned,
}

impl Pruning {
    pub(super) fn new(keep: Keep, now_ms: u64) -> Self {
        Self {
            keep,
            now_ms,
            run: None,
            pruned: Pruned::default(),
        }
    }

    pub(super) const fn pruned(&self) -> Pruned {
        self.pruned
    }

    /// Does a little, and tells whether that was all.
    pub(super) fn step(&mut self, connection: &mut Connection) -> rusqlite::Result<bool> {
        let transaction = connection.transaction()?;
        let is_done = match self.run {
            Some(run) => {
                self.remove(&transaction, run)?;
                false
            }
            None => match self.next(&transaction)? {
                Some(run) => {
                    // Its key is free from now on.
                    transaction
                        .execute("UPDATE runs SET gone = 1, key = NULL WHERE id = ?1", [run])?;
                    self.run = Some(run);
                    false
                }
                None => give_back(&transaction)?,
            },
        };
        transaction.commit()?;
        Ok(is_done)
    }

    /// The next run to go.
    fn next(&self, connection: &Connection) -> rusqlite::Result<Option<i64>> {
        let before = |span: Duration| {
            let span = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
            number(self.now_ms.saturating_sub(span))
        };
        let gone = connection
            .query_row("SELECT id FROM runs WHERE gone = 1 LIMIT 1", [], |row| {
                row.get(0)
            })
            .optional()?;
        if gone.is_some() {
            return Ok(gone);
        }
        let oldest: Option<(i64, i64)> = connection
            .query_row(
                "SELECT id, ended_ms FROM runs WHERE ended_ms < ?1 ORDER BY ended_ms, id LIMIT 1",
                [before(self.keep.least)?],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        let Some((run, ended_ms)) = oldest else {
            return Ok(None);
        };
        let is_too_old = ended_ms < before(self.keep.age)?;
        let goes = is_too_old
            || ended(connection)? > u64::from(self.keep.runs)
            || used_bytes(connection)? > self.keep.bytes;
        Ok(goes.then_some(run))
    }

    fn remove(&mut self, connection: &Connection, run: i64) -> rusqlite::Result<()> {
        let outputs = connection.execute(
            "DELETE FROM outputs WHERE rowid IN (SELECT rowid FROM outputs WHERE run = ?1 LIMIT ?2)",
            params![run, OUTPUTS],
        )?;
        if outputs > 0 {
            return Ok(());
        }
        let steps = connection.execute(
            "DELETE FROM steps WHERE run = ?1 AND step IN
             (SELECT step FROM steps WHERE run = ?1 LIMIT ?2)",
            params![run, STEPS],
        )?;
        self.pruned.steps += steps as u64;
        if steps == 0 {
            connection.execute("DELETE FROM runs WHERE id = ?1", [run])?;
            self.pruned.runs += 1;
            self.run = None;
        }
        Ok(())
    }
}

fn ended(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row(
        "SELECT count(*) FROM runs WHERE ended_ms IS NOT NULL",
        [],
        |row| row.get::<_, i64>(0).map(i64::unsigned_abs),
    )
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

fn used_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let pages = pragma(connection, "page_count")? - pragma(connection, "freelist_count")?;
    Ok(pages.unsigned_abs() * pragma(connection, "page_size")?.unsigned_abs())
}

/// Gives some free pages back to the disk, and tells whether it has no more than it needs.
fn give_back(connection: &Connection) -> rusqlite::Result<bool> {
    let free = pragma(connection, "freelist_count")?;
    if free <= SPARE_PAGES {
        return Ok(true);
    }
    // It gives a row for each page, and does no more than it is asked for.
    connection.pragma(None, "incremental_vacuum", PAGES, |_| Ok(()))?;
    Ok(pragma(connection, "freelist_count")? == free)
}
