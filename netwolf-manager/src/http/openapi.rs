//! `/api/v1/openapi.json`: the paths of this port, their parameters, answers and roles, as OpenAPI 3.1.
//!
//! ```text
//!   openapi/head.yml   what stands before the paths, and what they share
//!   openapi/*.yml      paths and schemas of one area each
//!        |  put together once
//!        v
//!   one document in JSON
//! ```
//!
//! It is written by hand, as its readers are people first, and held to the rest by tests: paths, methods and roles to
//! [`super::PATHS`], closed sets to their enums, and everything else to what a running manager answers
//! (`tests/e2e/openapi.rs`).

use std::sync::LazyLock;

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Number, Value};

/// The pieces; the first one is the frame.
const PIECES: [(&str, &str); 5] = [
    ("head.yml", include_str!("../../openapi/head.yml")),
    ("web.yml", include_str!("../../openapi/web.yml")),
    ("fleet.yml", include_str!("../../openapi/fleet.yml")),
    ("trust.yml", include_str!("../../openapi/trust.yml")),
    ("runs.yml", include_str!("../../openapi/runs.yml")),
];

/// The whole, rendered.
static TEXT: LazyLock<Bytes> = LazyLock::new(|| {
    let document = document().expect("a test puts the pieces together");
    Bytes::from(document.to_string())
});

/// Answers with the document.
pub(super) async fn serve() -> Response {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], TEXT.clone()).into_response()
}

/// A piece that does not go with the others.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("openapi/{piece}: {fault}")]
struct Unfit {
    piece: &'static str,
    fault: String,
}

/// The document.
fn document() -> Result<Value, Unfit> {
    let mut whole = Map::new();
    for (piece, text) in PIECES {
        let unfit = |fault| Unfit { piece, fault };
        let Value::Object(parts) = parse(text).map_err(unfit)? else {
            return Err(unfit("it is no mapping".into()));
        };
        merge(&mut whole, parts).map_err(unfit)?;
    }
    Ok(whole.into())
}

/// Adds mappings to mappings; nothing is said twice.
fn merge(whole: &mut Map<String, Value>, parts: Map<String, Value>) -> Result<(), String> {
    for (key, part) in parts {
        match (whole.get_mut(&key), part) {
            (None, part) => {
                whole.insert(key, part);
            }
            (Some(Value::Object(whole)), Value::Object(part)) => {
                merge(whole, part).map_err(|fault| format!("{key}: {fault}"))?;
            }
            (Some(_), _) => return Err(format!("{key} is there already")),
        }
    }
    Ok(())
}

/// YAML as JSON.
fn parse(text: &str) -> Result<Value, String> {
    let documents = Yaml::load_from_str(text).map_err(|error| error.to_string())?;
    match documents.as_slice() {
        [document] => json(document),
        _ => Err("it is not one document".into()),
    }
}

fn json(yaml: &Yaml<'_>) -> Result<Value, String> {
    match yaml {
        Yaml::Value(scalar) => Ok(match scalar {
            Scalar::Null => Value::Null,
            Scalar::Boolean(is) => (*is).into(),
            Scalar::Integer(number) => (*number).into(),
            Scalar::FloatingPoint(number) => Number::from_f64(**number)
                .map(Value::Number)
                .ok_or_else(|| format!("{number} is no number of JSON"))?,
            Scalar::String(text) => text.as_ref().into(),
        }),
        Yaml::Sequence(items) => items.iter().map(json).collect(),
        Yaml::Mapping(pairs) => {
            let pairs = pairs.iter().map(|(key, value)| match key {
                Yaml::Value(Scalar::String(key)) => Ok((key.as_ref().to_owned(), json(value)?)),
                _ => Err(format!("{key:?} is no text: quote it")),
            });
            pairs.collect::<Result<Map<_, _>, _>>().map(Value::Object)
        }
        _ => Err("it has something that JSON has not".into()),
    }
}

/// Of each path of the API that is asked with parameters: method, path and their names.
#[cfg(test)]
pub(super) fn parameters() -> Vec<(String, String, Vec<String>)> {
    let document = document().expect("a test puts the pieces together");
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let asked = operation["parameters"].as_array().into_iter().flatten();
            let names: Vec<_> = asked
                .filter(|parameter| parameter["in"] == "query")
                .filter_map(|parameter| Some(parameter["name"].as_str()?.to_owned()))
                .collect();
            if path.starts_with("/api/") && !names.is_empty() {
                found.push((method.to_uppercase(), path.clone(), names));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use netwolf_wire::status::Reason;

    use super::*;
    use crate::{access::Role, board::device::states, http::PATHS};

    /// Of each path and method: the role.
    type Roles = BTreeMap<(String, String), Option<String>>;

    fn operations(document: &Value) -> impl Iterator<Item = ((String, String), &Value)> {
        let paths = document["paths"].as_object().unwrap().iter();
        paths.flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().iter();
            methods
                .map(move |(method, operation)| ((path.clone(), method.to_uppercase()), operation))
        })
    }

    #[test]
    fn the_pieces_make_a_document_and_no_two_say_the_same() {
        let document = document().unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let mut names = BTreeSet::new();
        for (at, operation) in operations(&document) {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name), "{at:?}: {name} names two");
        }
        let twice = Map::from_iter([("openapi".to_owned(), Value::Null)]);
        let error = merge(&mut document.as_object().unwrap().clone(), twice).unwrap_err();
        assert_eq!(error, "openapi is there already");
    }

    #[test]
    fn the_document_has_every_path_with_its_methods_and_role_and_no_other() {
        let document = document().unwrap();
        let told: Roles = operations(&document)
            .map(|(at, operation)| {
                let role = operation["x-netwolf-role"].as_str().map(str::to_owned);
                (at, role)
            })
            .collect();
        let mut served: Roles = PATHS
            .iter()
            .map(|info| {
                let path = info.path.split('?').next().unwrap().to_owned();
                let role = info.role.map(Role::as_str).map(str::to_owned);
                ((path, info.method.to_owned()), role)
            })
            .collect();
        // The table has no line for what leads to it, and one for what is done by two methods.
        served.insert(("/".into(), "GET".into()), None);
        let reload = |method: &str| ("/-/reload".to_owned(), method.to_owned());
        served.insert(reload("PUT"), served[&reload("POST")].clone());
        assert_eq!(told, served);
    }

    #[test]
    fn every_operation_tells_how_it_refuses() {
        for (at, operation) in operations(&document().unwrap()) {
            let answers = operation["responses"].as_object().unwrap();
            let mut wanted = vec!["401", "429"];
            if operation["x-netwolf-role"].is_string() {
                wanted.push("403");
            }
            if at.0.starts_with("/api/") {
                wanted.push("400");
            }
            for status in wanted {
                assert!(answers.contains_key(status), "{at:?}: {status}");
            }
            assert!(
                operation["summary"]
                    .as_str()
                    .is_some_and(|text| text.ends_with('.')),
                "{at:?}"
            );
            let named = at.0.matches('{').count();
            let parameters = operation["parameters"]
                .as_array()
                .map_or(&[][..], Vec::as_slice);
            assert!(
                parameters.len() >= named,
                "{at:?} has parameters in its path"
            );
        }
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_part_is_led_to() {
        fn walk(value: &Value, found: &mut BTreeSet<String>) {
            match value {
                Value::Object(map) => {
                    if let Some(Value::String(to)) = map.get("$ref") {
                        found.insert(to.clone());
                    }
                    map.values().for_each(|value| walk(value, found));
                }
                Value::Array(items) => items.iter().for_each(|value| walk(value, found)),
                _ => {}
            }
        }
        let document = document().unwrap();
        let mut referred = BTreeSet::new();
        walk(&document, &mut referred);
        let mut there = BTreeSet::new();
        for kind in ["schemas", "parameters", "responses"] {
            let parts = document["components"][kind].as_object().unwrap();
            there.extend(
                parts
                    .keys()
                    .map(|name| format!("#/components/{kind}/{name}")),
            );
        }
        assert_eq!(referred, there);
    }

    #[test]
    fn closed_sets_are_those_of_the_code() {
        let document = document().unwrap();
        let told = |name: &str| -> BTreeSet<String> {
            let words = document["components"]["schemas"][name]["enum"]
                .as_array()
                .unwrap();
            words
                .iter()
                .map(|word| word.as_str().unwrap().to_owned())
                .collect()
        };
        let reasons = Reason::ALL
            .iter()
            .chain([&Reason::Other])
            .map(|reason| reason.as_str());
        assert_eq!(told("Reason"), reasons.map(str::to_owned).collect());
        assert_eq!(told("DeviceState"), states().map(str::to_owned).collect());
    }
}
