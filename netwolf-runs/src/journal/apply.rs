//! One change after the other becomes rows. Says how; when is the writer's matter.

use std::collections::HashMap;

use netwolf_wire::step::RunId;
use rusqlite::{Connection, Statement, params};
use serde::Serialize;

use super::schema;
use crate::{
    machine::Change,
    model::{Output, Run, RunStatus, Step, StepStatus},
};

/// Statements that a transaction needs, prepared once for all its changes.
struct Statements<'a> {
    connection: &'a Connection,
    step: Statement<'a>,
    step_status: Statement<'a>,
    run_status: Statement<'a>,
    output: Statement<'a>,
}

/// Writes the changes of some requests, in their order. Audit records are passed over: they are in their own log.
///
/// Returns how many were of runs that are not here, as late evidence of one that was pruned is.
pub(super) fn apply<'a>(
    connection: &Connection,
    changes: impl Iterator<Item = &'a Change> + Clone,
) -> rusqlite::Result<u64> {
    let mut statements = Statements::new(connection)?;
    // A run's status changes with each of its steps, and only the last of a group is ever read.
    let mut last = HashMap::new();
    for (index, change) in changes.clone().enumerate() {
        if let Change::Run { run, .. } = change {
            last.insert(*run, index);
        }
    }
    let mut strays = 0;
    for (index, change) in changes.enumerate() {
        let is_known = match change {
            Change::Submitted { run, steps } => {
                statements.submit(run, steps)?;
                true
            }
            Change::Run { run, status } => {
                last.get(run) != Some(&index) || statements.run_status(*run, status)?
            }
            Change::Step { run, step, status } => statements.step_status(*run, *step, status)?,
            Change::Output(output) => statements.output(output)?,
            Change::Audit(_) => true,
        };
        strays += u64::from(!is_known);
    }
    Ok(strays)
}

impl<'a> Statements<'a> {
    fn new(connection: &'a Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            step: connection.prepare(
                "INSERT INTO steps (run, step, state, batch, device, spec, status)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?,
            step_status: connection
                .prepare("UPDATE steps SET state = ?3, status = ?4 WHERE run = ?1 AND step = ?2")?,
            run_status: connection
                .prepare("UPDATE runs SET state = ?2, ended_ms = ?3, status = ?4 WHERE id = ?1")?,
            // What is told again replaces what was told: it is the same.
            output: connection.prepare(
                "INSERT OR REPLACE INTO outputs (run, step, attempt, number, facts, text)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6
                 WHERE EXISTS (SELECT 1 FROM steps WHERE run = ?1 AND step = ?2)",
            )?,
        })
    }

    fn submit(&mut self, run: &Run, steps: &[Step]) -> rusqlite::Result<()> {
        self.connection.execute(
            "INSERT INTO runs (id, state, ended_ms, created_ms, n_steps, key, digest, spec, status)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            params![
                number(run.id.0)?,
                run.status.state.as_str(),
                run.status.ended_ms.map(number).transpose()?,
                number(run.created_ms)?,
                run.n_steps,
                run.spec.idempotency_key,
                run.spec.body_sha256,
                json(&*run.spec)?,
                json(&run.status)?,
            ],
        )?;
        schema::set_next_run(self.connection, run.id.0.saturating_add(1))?;
        let id = number(run.id.0)?;
        for step in steps {
            self.step.execute(params![
                id,
                step.step,
                step.status.state.as_str(),
                step.batch,
                step.spec.device.as_str(),
                json(&step.spec)?,
                json(&step.status)?,
            ])?;
        }
        Ok(())
    }

    fn run_status(&mut self, run: RunId, status: &RunStatus) -> rusqlite::Result<bool> {
        let rows = self.run_status.execute(params![
            number(run.0)?,
            status.state.as_str(),
            status.ended_ms.map(number).transpose()?,
            json(status)?,
        ])?;
        Ok(rows > 0)
    }

    fn step_status(
        &mut self,
        run: RunId,
        step: u32,
        status: &StepStatus,
    ) -> rusqlite::Result<bool> {
        let rows = self.step_status.execute(params![
            number(run.0)?,
            step,
            status.state.as_str(),
            json(status)?
        ])?;
        Ok(rows > 0)
    }

    fn output(&mut self, output: &Output) -> rusqlite::Result<bool> {
        // The text stands for itself: escaped for JSON it would be larger and not readable for people.
        let mut facts = output.clone();
        let text = std::mem::take(&mut facts.done.text);
        let rows = self.output.execute(params![
            number(output.id.run.0)?,
            output.id.step,
            output.id.attempt,
            output.done.index,
            json(&facts)?,
            text,
        ])?;
        Ok(rows > 0)
    }
}

/// SQLite's numbers have a sign.
pub(super) fn number(value: u64) -> rusqlite::Result<i64> {
    i64::try_from(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

fn json(value: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}
