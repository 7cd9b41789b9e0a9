//! What a request of the API asks with: its parameters and its body, read strictly.
//!
//! ```text
//!   names of parameters    PARAMETERS, by guard, before each answer   \
//!   their values           query, within                               >  400 with what to do instead
//!   body                   body: one object, objects within           /   413 where it is too long
//! ```
//!
//! Invariants: no parameter and no key is passed over in silence; what is written as an array is never read as an
//! object, though serde would take its entries for the fields, one after the other.

use std::{error::Error as _, fmt::Display, ops::RangeInclusive};

use axum::{
    body::Bytes,
    extract::{Query, rejection::BytesRejection},
    http::{StatusCode, Uri},
};
use http_body_util::LengthLimitError;
use netwolf_web::gate::MAX_BODY;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{PATHS, guard};
use crate::runs::{Kind, Refusal};

/// The largest number that every reader of JSON takes for what it is.
pub(super) const LARGEST: u64 = (1 << 53) - 1;

/// Paths below `/api/v1` that are asked with parameters, and their names; no other path has one.
const PARAMETERS: [(&str, &str, &[&str]); 5] = [
    ("GET", "/api/v1/devices", &["state", "agent"]),
    ("GET", "/api/v1/devices/{name}/output", &["command"]),
    ("GET", "/api/v1/runs", &["state", "limit", "before"]),
    (
        "GET",
        "/api/v1/runs/{id}/steps",
        &["state", "limit", "after"],
    ),
    ("POST", "/api/v1/invites", &["name", "ttl"]),
];

/// The body of a request, or why there is none: too long, or broken off.
pub(super) type Body = Result<Bytes, BytesRejection>;

/// The names of parameters at the path that stands so in [`PATHS`].
fn parameters(method: &str, pattern: &str) -> &'static [&'static str] {
    let here = |(of, at, _): &&(&str, &str, _)| (*of, *at) == (method, pattern);
    PARAMETERS
        .iter()
        .find(here)
        .map_or(&[], |(.., names)| names)
}

/// Whether every parameter has a name that is known at its path.
pub(super) fn names(is_reading: bool, uri: &Uri) -> Result<(), Refusal> {
    let Some(asked) = uri.query() else {
        return Ok(());
    };
    let method = if is_reading { "GET" } else { "POST" };
    let fits = |pattern: &&str| guard::is_at(pattern, uri.path());
    let here = PATHS.iter().filter(|info| info.method == method);
    // A name may hold slashes, so that a shorter pattern stands for what a longer one is meant for, too.
    let here = here.map(|info| info.path).filter(fits);
    let Some(pattern) = here.max_by_key(|pattern| pattern.matches('/').count()) else {
        return Ok(());
    };
    let known = parameters(method, pattern);
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|_| Refusal::bad(format!("the query {asked:?} cannot be read")).hint(WHERE))?;
    match pairs
        .iter()
        .find(|(name, _)| !known.contains(&name.as_str()))
    {
        None => Ok(()),
        Some((name, _)) => Err(Refusal::bad(format!("unknown parameter {name:?}")).hint(
            match known {
                [] => "there are none here".to_owned(),
                known => format!("there are {}", known.join(", ")),
            },
        )),
    }
}

/// What tells of parameters.
const WHERE: &str =
    "docs/api.md tells the parameters, and /api/v1/openapi.json what each of them may be";

/// The parameters of a request.
pub(super) fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, Refusal> {
    match Query::try_from_uri(uri) {
        Ok(Query(query)) => Ok(query),
        Err(rejection) => {
            // What the framework says of itself is no help.
            let why = rejection
                .source()
                .map_or_else(|| rejection.body_text(), ToString::to_string);
            Err(Refusal::bad(format!("the query cannot be read: {why}")).hint(WHERE))
        }
    }
}

/// `value` of the parameter `name`, if it is one of those that it may be.
pub(super) fn within<T: Copy + PartialOrd + Display>(
    name: &str,
    value: Option<T>,
    bounds: RangeInclusive<T>,
) -> Result<Option<T>, Refusal> {
    match value {
        Some(value) if !bounds.contains(&value) => {
            let error = format!("`{name}` cannot be {value}");
            let (least, most) = bounds.into_inner();
            Err(Refusal::bad(error).hint(format!("it is a number from {least} to {most}")))
        }
        value => Ok(value),
    }
}

/// The body of a request; nothing is as good as `{}` where everything in it may be left out.
pub(super) fn body<T: DeserializeOwned + Serialize>(bytes: &Body) -> Result<T, Refusal> {
    let bytes = bytes.as_ref().map_err(not_whole)?;
    let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { bytes };
    let unread = |why: String| {
        Refusal::bad(format!("the body cannot be read: {why}"))
            .hint("it is JSON; docs/api.md lists its keys, and /api/v1/openapi.json has its schema")
    };
    let asked = serde_json::from_slice(bytes).map_err(|error| unread(error.to_string()))?;
    if !matches!(asked, Value::Object(_)) {
        return Err(unread("it is no object".into()));
    }
    // From the text, so that faults are told with their places.
    let read: T = serde_json::from_slice(bytes).map_err(|error| unread(error.to_string()))?;
    let meant = serde_json::to_value(&read).map_err(|error| unread(error.to_string()))?;
    match array_for_object(&asked, &meant) {
        None => Ok(read),
        Some(place) => Err(unread(format!("{place} is an array and no object"))),
    }
}

/// Why a body did not come whole.
fn not_whole(rejection: &BytesRejection) -> Refusal {
    let mut cause = Some(rejection as &dyn std::error::Error);
    let mut is_too_long = rejection.status() == StatusCode::PAYLOAD_TOO_LARGE;
    while let Some(error) = cause {
        is_too_long |= error.is::<LengthLimitError>();
        cause = error.source();
    }
    if !is_too_long {
        let why = rejection.body_text();
        return Refusal::bad(format!("the body did not come whole: {why}"));
    }
    let error = format!("a request has at most {MAX_BODY} bytes");
    Refusal::new(Kind::TooLong, error)
        .hint("select many devices by `where`, or --where of `netwolf run`, and not by their names")
}

/// Where an array was `asked` and an object is what it was taken for. The types of bodies are written as they are read,
/// so that what they are written as tells what they were taken for.
fn array_for_object(asked: &Value, meant: &Value) -> Option<String> {
    let below = |place: String, asked, meant| {
        array_for_object(asked, meant).map(|rest| format!("{place}{rest}"))
    };
    match (asked, meant) {
        (Value::Array(_), Value::Object(_)) => Some(String::new()),
        (Value::Array(asked), Value::Array(meant)) => {
            let mut pairs = asked.iter().zip(meant).enumerate();
            pairs.find_map(|(no, (asked, meant))| below(format!("[{no}]"), asked, meant))
        }
        (Value::Object(asked), Value::Object(meant)) => asked.iter().find_map(|(key, asked)| {
            let place = format!(".{key}");
            below(place, asked, meant.get(key)?)
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use netwolf_runs::submission::Submission;

    use super::*;

    fn read(text: &str) -> Result<Submission, String> {
        body(&Ok(Bytes::copy_from_slice(text.as_bytes()))).map_err(|refusal| refusal.error)
    }

    #[test]
    fn an_array_is_never_taken_for_an_object() {
        for (text, place) in [
            (r#"[null,"arr",["show clock"]]"#, "it is no object"),
            ("[]", "it is no object"),
            (r#"{"rollout":[1]}"#, ".rollout"),
            (r#"{"rollout":[]}"#, ".rollout"),
            (r#"{"commands":["a",["show clock"]]}"#, ".commands[1]"),
            (r#"{"verify":["show clock"]}"#, ".verify"),
            (r#"{"window":[[],"22:00","23:00"]}"#, ".window"),
            (r#"{"guards":[["load",{},1,null,"5s"]]}"#, ".guards[0]"),
            (
                r#"{"commands":[{"command":"a","answers":[["ask?","y"]]}]}"#,
                ".commands[0].answers[0]",
            ),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(place), "{text}: {error}");
        }
    }

    #[test]
    fn what_is_written_as_it_is_told_is_read() {
        let text = r#"{
            "commands": ["a", {"command": "b", "expect": [], "answers": [{"ask": "ask?"}]}],
            "guards": [{"metric": "load", "above": 1, "for": "5s"}],
            "rollout": {"canary": 1, "batch": "10%"},
            "window": {"days": [], "from": "22:00", "to": "23:00"},
            "devices": [],
            "comment": null
        }"#;
        let submission = read(text).unwrap();
        assert_eq!(submission.commands.len(), 2);
        assert!(read("").is_ok() && read("null").is_err() && read("\"a\"").is_err());
        let error = read("{\"rollout\": {\"canary\": \"x\"}}").unwrap_err();
        assert!(error.contains("line 1 column"), "{error}");
    }

    #[test]
    fn numbers_are_within_their_bounds() {
        assert_eq!(within("limit", None::<u64>, 1..=9), Ok(None));
        assert_eq!(within("limit", Some(9), 1..=9), Ok(Some(9)));
        for wrong in [0, 10] {
            let refusal = within("limit", Some(wrong), 1..=9).unwrap_err();
            assert_eq!(refusal.error, format!("`limit` cannot be {wrong}"));
            assert_eq!(refusal.hint.unwrap(), "it is a number from 1 to 9");
        }
    }

    #[test]
    fn parameters_are_those_of_the_openapi_document() {
        let told = super::super::openapi::parameters();
        for (method, path, names) in &told {
            assert_eq!(parameters(method, path), names, "{method} {path}");
        }
        for (method, path, _) in PARAMETERS {
            assert!(told.iter().any(|it| (&*it.0, &*it.1) == (method, path)));
        }
    }

    #[test]
    fn a_parameter_that_is_not_known_at_its_path_is_refused() {
        for (path, hint) in [
            ("/api/v1/runs?limit=2&state=failed", None),
            ("/api/v1/runs/1/steps?after=2", None),
            ("/api/v1/devices/a/b/output?command=x", None),
            ("/api/v1/none?a=b", None),
            ("/api/v1/runs?lim=2", Some("there are state, limit, before")),
            ("/api/v1/runs?limit", None),
            ("/api/v1/runs/1?limit=2", Some("there are none here")),
            ("/api/v1/backup?", None),
            ("/api/v1/backup?x", Some("there are none here")),
        ] {
            let refused = names(true, &path.parse().unwrap()).err();
            let told = refused.map(|refusal| refusal.hint.unwrap());
            assert_eq!(told.as_deref(), hint, "{path}");
        }
    }
}
