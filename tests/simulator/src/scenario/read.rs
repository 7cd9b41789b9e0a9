//! Reading a scenario file: YAML, and every fault told with its line and key.

use std::time::Duration;

use saphyr::{LoadableYamlNode as _, MarkedYaml, Scalar, YamlData};

use super::remedy::{Action, KEYS, Kind, Value};
use super::{Scenario, Step};
use crate::device::HostKeyType;

type Node<'a> = MarkedYaml<'a>;

/// Why a text is no scenario.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {key}: {message}")]
pub struct ScenarioError {
    /// The line, from 1.
    pub line: usize,
    /// The key in question, as `steps[0].at`; `the file` where there is none.
    pub key: String,
    /// What is wrong, and what may stand there.
    pub message: String,
}

fn fault<T>(node: &Node<'_>, key: &str, message: impl Into<String>) -> Result<T, ScenarioError> {
    Err(ScenarioError {
        line: node.span.start.line(),
        key: if key.is_empty() { "the file" } else { key }.to_owned(),
        message: message.into(),
    })
}

/// Reads a whole file.
pub(super) fn read(text: &str) -> Result<Scenario, ScenarioError> {
    let documents = Node::load_from_str(text).map_err(|error| ScenarioError {
        line: error.marker().line(),
        key: "the file".to_owned(),
        message: error.info().to_owned(),
    })?;
    let Some(root) = documents.first() else {
        return Err(ScenarioError {
            line: 1,
            key: "the file".to_owned(),
            message: "it is empty; write `steps:` and a list".to_owned(),
        });
    };
    let mut seed = 1;
    let mut steps = None;
    for (name, key_node, value) in pairs(root, "")? {
        match name.as_str() {
            "seed" => seed = number(value, "seed")?,
            "steps" => steps = Some(read_steps(value)?),
            _ => return fault(key_node, &name, "there is no such key; use seed and steps"),
        }
    }
    match steps {
        Some(steps) => Ok(Scenario { seed, steps }),
        None => fault(root, "steps", "it is missing; write a list of steps"),
    }
}

fn read_steps(node: &Node<'_>) -> Result<Vec<Step>, ScenarioError> {
    let YamlData::Sequence(items) = &node.data else {
        return fault(node, "steps", "a list of steps is wanted");
    };
    let steps = items.iter().enumerate();
    steps
        .map(|(number, item)| read_step(item, &format!("steps[{number}]")))
        .collect()
}

fn read_step(node: &Node<'_>, path: &str) -> Result<Step, ScenarioError> {
    let mut step = Step {
        at: Duration::ZERO,
        every: None,
        devices: "*".to_owned(),
        pick: None,
        choose: Vec::new(),
        lasts: None,
    };
    for (name, key_node, value) in pairs(node, path)? {
        let key = format!("{path}.{name}");
        match name.as_str() {
            "at" => step.at = time(value, &key)?,
            "every" => {
                let every = time(value, &key)?;
                if every.is_zero() {
                    return fault(value, &key, "more than no time is wanted");
                }
                step.every = Some(every);
            }
            "devices" => step.devices = text(value, &key)?,
            "pick" => step.pick = usize::try_from(number(value, &key)?).ok(),
            "for" => step.lasts = Some(time(value, &key)?),
            "fault" => step.choose.push(action(value, &key)?),
            "choose" => {
                let YamlData::Sequence(items) = &value.data else {
                    return fault(value, &key, "a list of faults is wanted");
                };
                for (number, item) in items.iter().enumerate() {
                    step.choose.push(action(item, &format!("{key}[{number}]"))?);
                }
            }
            _ => {
                let message = "there is no such key; use at, every, devices, pick, fault, choose \
                               and for";
                return fault(key_node, &key, message);
            }
        }
    }
    if step.choose.is_empty() {
        return fault(node, path, "nothing happens; write `fault` or `choose`");
    }
    Ok(step)
}

/// A fault: its name alone, or a mapping of its name to a value.
fn action(node: &Node<'_>, key: &str) -> Result<Action, ScenarioError> {
    let (name, value) = match &node.data {
        YamlData::Mapping(mapping) if mapping.len() == 1 => {
            let (name, _, value) = pairs(node, key)?.remove(0);
            (name, Some(value))
        }
        YamlData::Mapping(_) => return fault(node, key, "one fault is wanted, not several"),
        _ => (text(node, key)?, None),
    };
    let Some((name, kind)) = KEYS.iter().find(|(known, _)| *known == name) else {
        let known: Vec<&str> = KEYS.iter().map(|(known, _)| *known).collect();
        let message = format!("there is no fault \"{name}\"; use {}", known.join(", "));
        return fault(node, key, message);
    };
    let key = format!("{key}.{name}");
    let value = match (kind, value) {
        (Kind::Flag, None) => Value::On,
        (Kind::Flag, Some(value)) => match value.data {
            YamlData::Value(Scalar::Boolean(true)) => Value::On,
            _ => return fault(value, &key, "only `true` may stand here"),
        },
        (Kind::Time, Some(value)) => Value::Time(time(value, &key)?),
        (Kind::Bytes, Some(value)) => Value::Bytes(bytes(value, &key)?),
        (Kind::Text, Some(value)) => Value::Text(text(value, &key)?),
        (Kind::KeyType, Some(value)) => match text(value, &key)?.as_str() {
            "ed25519" => Value::KeyType(HostKeyType::Ed25519),
            "ecdsa" => Value::KeyType(HostKeyType::Ecdsa),
            "rsa" => Value::KeyType(HostKeyType::Rsa),
            _ => return fault(value, &key, "use ed25519, ecdsa or rsa"),
        },
        (Kind::Time, None) => return fault(node, &key, "a time is wanted, as `200ms`"),
        (Kind::Bytes, None) => return fault(node, &key, "a size is wanted, as `10MB`"),
        (Kind::KeyType | Kind::Text, None) => return fault(node, &key, "a value is wanted"),
    };
    Ok(Action { key: name, value })
}

/// The pairs of a mapping: key, its node, value.
fn pairs<'a, 'b>(
    node: &'a Node<'b>,
    key: &str,
) -> Result<Vec<(String, &'a Node<'b>, &'a Node<'b>)>, ScenarioError> {
    let YamlData::Mapping(mapping) = &node.data else {
        return fault(node, key, "a mapping of keys to values is wanted");
    };
    mapping
        .iter()
        .map(|(name, value)| Ok((text(name, key)?, name, value)))
        .collect()
}

fn text(node: &Node<'_>, key: &str) -> Result<String, ScenarioError> {
    match &node.data {
        YamlData::Value(Scalar::String(text)) => Ok(text.to_string()),
        YamlData::Value(Scalar::Integer(number)) => Ok(number.to_string()),
        _ => fault(node, key, "text is wanted"),
    }
}

fn number(node: &Node<'_>, key: &str) -> Result<u64, ScenarioError> {
    match &node.data {
        YamlData::Value(Scalar::Integer(number)) if *number >= 0 => Ok(number.unsigned_abs()),
        _ => fault(node, key, "a whole number from 0 on is wanted"),
    }
}

fn time(node: &Node<'_>, key: &str) -> Result<Duration, ScenarioError> {
    let typed = text(node, key)?;
    match humantime::parse_duration(&typed) {
        Ok(time) => Ok(time),
        Err(_) => fault(
            node,
            key,
            format!("\"{typed}\" is no time; write as `1m 30s`"),
        ),
    }
}

/// A number of bytes, with `kB`, `MB`, `KiB`, `MiB` or nothing behind it.
fn bytes(node: &Node<'_>, key: &str) -> Result<usize, ScenarioError> {
    const UNITS: &[(&str, usize)] = &[
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("kB", 1_000),
        ("MB", 1_000_000),
        ("B", 1),
        ("", 1),
    ];
    let typed = text(node, key)?;
    let found = UNITS
        .iter()
        .find_map(|(unit, size)| Some((typed.strip_suffix(unit)?, *size)));
    let size =
        found.and_then(|(count, size)| count.trim().parse::<usize>().ok()?.checked_mul(size));
    match size {
        Some(size) => Ok(size),
        None => fault(
            node,
            key,
            format!("\"{typed}\" is no size; write as `10MB`"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let error = read(text).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    }

    #[test]
    fn faults_are_told_with_line_and_key() {
        check("", "line 1: the file: it is empty");
        check("seed: 1\n", "line 1: steps: it is missing");
        check("seed: x\nsteps: []\n", "line 1: seed: a whole number");
        check(
            "steps:\n- at: soon\n  fault: hang\n",
            "line 2: steps[0].at: \"soon\" is no time",
        );
        check("steps:\n- at: 1s\n", "line 2: steps[0]: nothing happens");
        check(
            "steps:\n- fault: sulk\n",
            "line 2: steps[0].fault: there is no fault \"sulk\"; use latency, ",
        );
        check(
            "steps:\n- fault:\n    flood: many\n",
            "line 3: steps[0].fault.flood: \"many\" is no size",
        );
        check(
            "steps:\n- fault: hang\n- when: 1s\n",
            "line 3: steps[1].when: there is no such key",
        );
        check(
            "steps:\n- choose: [hang, { latency: 5 }]\n",
            "line 2: steps[0].choose[1].latency: \"5\" is no time",
        );
        check("steps: [", "line 2: the file: ");
    }

    #[test]
    fn sizes_may_have_units() {
        let scenario =
            read("steps:\n- fault: { flood: 100MB }\n- fault: { garbage: 4 KiB }\n").unwrap();
        let values = scenario
            .steps
            .iter()
            .map(|step| step.choose[0].value.clone());
        let expected = [Value::Bytes(100_000_000), Value::Bytes(4096)];
        assert_eq!(values.collect::<Vec<_>>(), expected);
    }
}
