//! `/api/v1/procedures`: what is prepared to be run.

use axum::{
    Json,
    extract::{Path, State as Shared},
    response::{IntoResponse, Response},
};
use netwolf_runs::{procedure::raw::RawProcedure, view::Terms};
use serde::Serialize;

use super::{Refusal, Web};
use crate::runs::{book::Entry, submitting};

/// `/api/v1/procedures`.
#[derive(Debug, Serialize)]
pub(in crate::http) struct Procedures<'a> {
    /// Sorted by name.
    procedures: Vec<Summary<'a>>,
}

/// A procedure in a few words.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    /// Its name.
    name: &'a str,
    /// What it does, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    /// Whether it may change devices.
    changes: bool,
    /// The credential that it logs in with; the session that is up where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<&'a str>,
    /// Platforms for which it has commands of their own.
    platforms: Vec<&'a str>,
    /// Whether it has commands for all other platforms.
    other_platforms: bool,
    /// Where it is written.
    origin: String,
}

/// `/api/v1/procedures/{name}`.
#[derive(Debug, Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    summary: Summary<'a>,
    /// How its runs go about it, where they say nothing else.
    #[serde(flatten)]
    terms: Terms,
    /// As it is written.
    definition: &'a RawProcedure,
}

fn summary(entry: &Entry) -> Summary<'_> {
    let raw = entry.procedure.raw();
    Summary {
        name: &entry.name,
        description: raw.description.as_deref(),
        changes: raw.changes,
        credential: raw.credential.as_deref(),
        platforms: raw.platforms.keys().map(String::as_str).collect(),
        other_platforms: !raw.commands.is_empty(),
        origin: entry.origin.to_string(),
    }
}

pub(in crate::http) async fn procedures(Shared(web): Shared<Web>) -> Response {
    let book = web.state.book.load();
    let procedures = book
        .prepared
        .procedures
        .values()
        .map(|entry| summary(entry));
    Json(Procedures {
        procedures: procedures.collect(),
    })
    .into_response()
}

pub(in crate::http) async fn procedure(
    Shared(web): Shared<Web>,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    let book = web.state.book.load();
    let entry = submitting::find(&book, &name)?;
    Ok(Json(Whole {
        summary: summary(entry),
        terms: Terms::from(&entry.procedure),
        definition: entry.procedure.raw(),
    })
    .into_response())
}
