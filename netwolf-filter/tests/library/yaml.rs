//! YAML to serde types, by way of JSON: enough for the bundled files. The manager has the real reader,
//! which tells of every fault with its place.

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads the one document of `text`.
pub(crate) fn read<T: DeserializeOwned>(text: &str) -> T {
    let documents = Yaml::load_from_str(text).expect("the file is YAML");
    assert_eq!(documents.len(), 1, "a file has one document");
    serde_json::from_value(json(&documents[0])).expect("the file has the shape of its type")
}

/// The JSON value of a YAML node; keys of mappings become text.
pub(crate) fn json(node: &Yaml<'_>) -> Value {
    match node {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(value)) => (*value).into(),
        Yaml::Value(Scalar::Integer(value)) => (*value).into(),
        Yaml::Value(Scalar::FloatingPoint(value)) => (**value).into(),
        Yaml::Value(Scalar::String(value)) => value.as_ref().into(),
        Yaml::Sequence(items) => items.iter().map(json).collect(),
        Yaml::Mapping(entries) => {
            let entries = entries.iter().map(|(key, value)| match json(key) {
                Value::String(key) => (key, json(value)),
                key => (key.to_string(), json(value)),
            });
            Value::Object(entries.collect())
        }
        other => panic!("bundled files have no tags and no aliases: {other:?}"),
    }
}
