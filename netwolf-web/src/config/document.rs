//! A web configuration as it was typed: a walk through YAML that notes every fault with its line and goes on.

use std::fmt;

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, YamlData};

type Node = MarkedYaml<'static>;

/// Something wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line; 0 for the file as a whole.
    pub line: usize,
    /// What is wrong; never a secret.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.message),
            line => write!(f, "line {line}: {}", self.message),
        }
    }
}

/// What was found wrong so far.
#[derive(Debug, Default)]
pub(super) struct Faults(pub(super) Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, line: usize, message: impl Into<String>) {
        self.0.push(Fault {
            line,
            message: message.into(),
        });
    }
}

/// A value and its line.
#[derive(Clone, Debug, Default)]
pub(super) struct At<T> {
    pub(super) line: usize,
    pub(super) value: T,
}

/// A mapping whose keys are taken out one by one; what is left is unknown.
#[derive(Debug, Default)]
pub(super) struct Section {
    /// Its name, for faults.
    name: &'static str,
    entries: Vec<(At<String>, Node)>,
    /// What was asked for.
    known: Vec<&'static str>,
}

impl Section {
    /// Reads a whole file; an empty one is an empty mapping.
    pub(super) fn root(text: &str, faults: &mut Faults) -> Self {
        let documents = match Node::load_from_str(text) {
            Ok(documents) => documents,
            Err(error) => {
                // The words of the scanner name no content.
                let message = format!("this is not YAML: {}", error.info());
                faults.add(error.marker().line(), message);
                return Self::default();
            }
        };
        let mut documents = documents.into_iter();
        let root = documents.next();
        if let Some(second) = documents.next() {
            faults.add(line(&second), "a second YAML document begins here");
        }
        root.map(|root| Self::of("the file", root, faults))
            .unwrap_or_default()
    }

    fn of(name: &'static str, node: Node, faults: &mut Faults) -> Self {
        let mut section = Self {
            name,
            ..Self::default()
        };
        let at = line(&node);
        match node.data {
            YamlData::Mapping(entries) => {
                for (key, value) in entries {
                    let line = line(&key);
                    match text(&key) {
                        Some(value_of_key) if is_string(&key) => {
                            let key = At {
                                line,
                                value: value_of_key,
                            };
                            section.entries.push((key, value));
                        }
                        _ => faults.add(line, "a key is no text: put it in quotes"),
                    }
                }
            }
            YamlData::Value(Scalar::Null) => {}
            _ => faults.add(at, format!("{name} is not made of keys and values")),
        }
        section
    }

    /// Takes a value out, if it is there and not null.
    fn take(&mut self, key: &'static str) -> Option<Node> {
        self.known.push(key);
        let at = self
            .entries
            .iter()
            .position(|(name, _)| name.value == key)?;
        let (_, node) = self.entries.swap_remove(at);
        (!matches!(node.data, YamlData::Value(Scalar::Null))).then_some(node)
    }

    /// A mapping in this one.
    pub(super) fn section(&mut self, key: &'static str, faults: &mut Faults) -> Self {
        self.take(key)
            .map_or_else(Self::default, |node| Self::of(key, node, faults))
    }

    /// Text; a number is one, too, as with the programs that share the format. Empty text is none.
    pub(super) fn text(&mut self, key: &'static str, faults: &mut Faults) -> Option<At<String>> {
        let node = self.take(key)?;
        let line = line(&node);
        let Some(value) = text(&node) else {
            faults.add(line, format!("`{key}` is not text"));
            return None;
        };
        (!value.is_empty()).then_some(At { line, value })
    }

    /// True or false.
    pub(super) fn switch(&mut self, key: &'static str, faults: &mut Faults) -> Option<At<bool>> {
        let node = self.take(key)?;
        let line = line(&node);
        if let YamlData::Value(Scalar::Boolean(value)) = node.data {
            return Some(At { line, value });
        }
        faults.add(line, format!("`{key}` is `true` or `false`"));
        None
    }

    /// A list of texts.
    pub(super) fn list(
        &mut self,
        key: &'static str,
        faults: &mut Faults,
    ) -> Option<Vec<At<String>>> {
        let node = self.take(key)?;
        let at = line(&node);
        let YamlData::Sequence(items) = node.data else {
            faults.add(at, format!("`{key}` is not a list"));
            return None;
        };
        let mut list = Vec::new();
        for item in &items {
            let line = line(item);
            match text(item) {
                Some(value) => list.push(At { line, value }),
                None => faults.add(line, format!("an item of `{key}` is not text")),
            }
        }
        Some(list)
    }

    /// All keys with texts, for mappings whose keys are free.
    pub(super) fn texts(self, faults: &mut Faults) -> Vec<(At<String>, String)> {
        let mut texts = Vec::new();
        for (key, node) in self.entries {
            match text(&node) {
                Some(value) => texts.push((key, value)),
                None => faults.add(
                    key.line,
                    format!("the value of {:?} is not text", key.value),
                ),
            }
        }
        texts
    }

    /// Whatever has not been taken out is unknown.
    pub(super) fn end(self, faults: &mut Faults) {
        let Self {
            name,
            entries,
            known,
        } = self;
        for (key, _) in entries {
            let message = format!(
                "unknown key {:?} in {name}; there are {}",
                key.value,
                known.join(", ")
            );
            faults.add(key.line, message);
        }
    }
}

fn line(node: &MarkedYaml<'_>) -> usize {
    node.span.start.line()
}

fn is_string(node: &Node) -> bool {
    matches!(node.data, YamlData::Value(Scalar::String(_)))
}

fn text(node: &Node) -> Option<String> {
    match &node.data {
        YamlData::Value(Scalar::String(text)) => Some(text.to_string()),
        YamlData::Value(Scalar::Integer(number)) => Some(number.to_string()),
        YamlData::Value(Scalar::FloatingPoint(number)) => Some(number.to_string()),
        YamlData::Value(Scalar::Boolean(value)) => Some(value.to_string()),
        _ => None,
    }
}
