//! The marked tree: saphyr's, with what it loses on the way.
//!
//! - saphyr reads plain scalars early and keeps only their meaning (`0042` is 42); [`Source`] gives back
//!   what was typed, by the place of the scalar.
//! - saphyr ends at the first repeated key of a mapping. Such a key is masked, remembered as repeated, and
//!   the text is loaded again, so that it is one fault among others.

use std::{borrow::Cow, cell::OnceCell, collections::HashSet};

use saphyr::{LoadableYamlNode, MarkedYaml, Marker, Scalar, ScanError, YamlData};

use super::{MAX_BYTES, Step};
use crate::config::fault::Place;

/// A node of the tree; it owns its text.
pub(super) type Node = MarkedYaml<'static>;

/// Deepest nesting: a rule in a collector needs eight levels.
pub(super) const MAX_DEPTH: usize = 64;

/// Most leading spaces and dashes on a line. The loader is recursive, and every level of blocks begins
/// farther to the right than the one around it, so this bounds its depth before it runs.
const MAX_INDENT: usize = 100;

/// So many repeated keys in a file are found in one run.
const MAX_REPEATED: u32 = 16;

/// A file that is no YAML, or too much of it.
#[derive(Debug)]
pub(super) struct LoadError {
    pub(super) place: Place,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

impl LoadError {
    fn new(place: Place, message: impl Into<String>) -> Self {
        Self {
            place,
            message: message.into(),
            hint: None,
        }
    }
}

/// Takes an entry out of a mapping.
pub(super) fn take(node: &mut Node, wanted: &str) -> Option<Node> {
    let YamlData::Mapping(entries) = &mut node.data else {
        return None;
    };
    let is_wanted =
        |key: &&Node| matches!(&key.data, YamlData::Value(Scalar::String(text)) if text == wanted);
    let key = entries.keys().find(is_wanted)?.clone();
    entries.remove(&key)
}

/// Reads `text` as one YAML document; no node for an empty one.
pub(super) fn load(text: String) -> Result<(Option<Node>, Source), LoadError> {
    if text.len() as u64 > MAX_BYTES {
        let message = format!("the file has more than {} MiB", MAX_BYTES >> 20);
        return Err(LoadError::new(Place::default(), message));
    }
    check_indent(&text)?;
    let mut source = Source {
        is_ascii: text.is_ascii(),
        text,
        offsets: OnceCell::new(),
        repeated: HashSet::new(),
    };
    let mut documents = load_all(&mut source)?.into_iter();
    let root = documents.next();
    if let Some(second) = documents.next() {
        return Err(LoadError {
            place: place(&second),
            message: "a second YAML document begins here".into(),
            hint: Some("keep one document in a file: remove the line `---` above it".into()),
        });
    }
    let root = root.filter(|root| !is_nothing(root) && !matches!(root.data, YamlData::BadValue));
    match &root {
        Some(root) if is_deeper(root, MAX_DEPTH) => Err(LoadError::new(
            place(root),
            format!("nested more than {MAX_DEPTH} levels deep"),
        )),
        _ => Ok((root, source)),
    }
}

/// Loads the text, masking repeated keys as they come up.
fn load_all(source: &mut Source) -> Result<Vec<Node>, LoadError> {
    let mut masked: Option<String> = None;
    for round in 0..=MAX_REPEATED {
        let text = masked.as_deref().unwrap_or(&source.text);
        let error = match Node::load_from_str(text) {
            Ok(documents) => return Ok(documents),
            Err(error) => error,
        };
        // saphyr has no kinds of errors; were the wording to change, a test would tell.
        if error.info() != "duplicated key in mapping" {
            return Err(scan_error(&source.text, &error));
        }
        let index = error.marker().index();
        match mask(text, index, round) {
            Some(text) if round < MAX_REPEATED => {
                source.repeated.insert(index);
                masked = Some(text);
            }
            _ => {
                return Err(LoadError::new(
                    at(error.marker()),
                    "this key is there already",
                ));
            }
        }
    }
    unreachable!("the last round returns")
}

/// The text with one character of the key at `index` replaced by one that nobody types.
fn mask(text: &str, index: usize, round: u32) -> Option<String> {
    let mut at = text.char_indices().skip(index);
    let (mut offset, mut c) = at.next()?;
    if c == '"' || c == '\'' {
        (offset, c) = at.next()?;
    }
    if "\"':?[]{}*&!|>,#".contains(c) {
        return None;
    }
    // Private use; each round another one, so that masked keys do not repeat each other.
    let stand_in = char::from_u32(0xE000 + round)?;
    Some(format!(
        "{}{stand_in}{}",
        text.get(..offset)?,
        text.get(offset + c.len_utf8()..)?
    ))
}

fn check_indent(text: &str) -> Result<(), LoadError> {
    for (index, line) in text.split(['\n', '\r']).enumerate() {
        let indent = line
            .bytes()
            .take_while(|byte| b" \t-?:".contains(byte))
            .count();
        if indent > MAX_INDENT && !line.trim().is_empty() {
            let message = format!("a line begins with more than {MAX_INDENT} spaces and dashes");
            let line = u32::try_from(index + 1).unwrap_or(u32::MAX);
            return Err(LoadError::new(Place { line, column: 1 }, message));
        }
    }
    Ok(())
}

fn scan_error(text: &str, error: &ScanError) -> LoadError {
    let mut place = at(error.marker());
    // What lacks its end is noticed behind the end of the file, where nobody looks.
    let (number, line) = (1u32..)
        .zip(text.lines())
        .filter(|(number, line)| *number == place.line || !line.trim().is_empty())
        .take_while(|(number, _)| *number <= place.line)
        .last()
        .unwrap_or((1, ""));
    if number < place.line {
        let column = u32::try_from(line.chars().count())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        place = Place {
            line: number,
            column,
        };
    }
    let is_about_tabs =
        error.info().contains("tab") || line.trim_start_matches(' ').starts_with('\t');
    let hint = is_about_tabs.then(|| "YAML is indented with spaces, not with tabs".to_owned());
    LoadError {
        place,
        message: format!("this is not YAML: {}", error.info()),
        hint,
    }
}

fn at(marker: &Marker) -> Place {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Place {
        line: number(marker.line()),
        column: number(marker.col()).saturating_add(1),
    }
}

/// Where a node begins.
pub(super) fn place(node: &Node) -> Place {
    at(&node.span.start)
}

/// Whether nothing is written: `key:`, `key: ~` or `key: null`.
pub(super) fn is_nothing(node: &Node) -> bool {
    matches!(node.data, YamlData::Value(Scalar::Null))
}

/// The node at the end of one step.
pub(super) fn step<'a>(node: &'a Node, step: Step<'_>) -> Option<&'a Node> {
    match (&node.data, step) {
        (YamlData::Sequence(items), Step::Index(index)) => items.get(index),
        (YamlData::Mapping(entries), Step::Key(wanted)) => entries
            .iter()
            .find(|(key, _)| matches!(&key.data, YamlData::Value(Scalar::String(key)) if key == wanted))
            .map(|(_, value)| value),
        _ => None,
    }
}

fn is_deeper(node: &Node, levels: usize) -> bool {
    match &node.data {
        YamlData::Sequence(items) => {
            levels == 0 || items.iter().any(|item| is_deeper(item, levels - 1))
        }
        YamlData::Mapping(entries) => {
            levels == 0
                || entries
                    .iter()
                    .any(|(key, value)| is_deeper(key, levels - 1) || is_deeper(value, levels - 1))
        }
        YamlData::Tagged(_, inner) => is_deeper(inner, levels),
        _ => false,
    }
}

/// The text of a file, to look up what was typed.
pub(super) struct Source {
    text: String,
    /// Characters are bytes, as nearly always.
    is_ascii: bool,
    /// Byte offset of every [`STRIDE`]th character, made when first needed.
    offsets: OnceCell<Vec<usize>>,
    /// Where repeated keys begin, as character indices.
    repeated: HashSet<usize>,
}

const STRIDE: usize = 1024;

impl Source {
    /// Whether a key stands in its mapping a second time.
    pub(super) fn is_repeated(&self, key: &Node) -> bool {
        !self.repeated.is_empty() && self.repeated.contains(&key.span.start.index())
    }

    /// What was typed for a scalar; for one whose meaning is text, that meaning.
    pub(super) fn typed<'a>(&'a self, node: &'a Node, scalar: &'a Scalar<'static>) -> Cow<'a, str> {
        if let Scalar::String(text) = scalar {
            return Cow::Borrowed(text);
        }
        // All other kinds are plain scalars on one line. An anchor or a tag may stand before them.
        let typed = self
            .between(node)
            .split_whitespace()
            .next_back()
            .unwrap_or_default();
        if !typed.starts_with('*') {
            return Cow::Borrowed(typed);
        }
        // An alias stands at its own place; of what it stands for, only the meaning is left.
        Cow::Owned(match scalar {
            Scalar::Boolean(value) => value.to_string(),
            Scalar::Integer(value) => value.to_string(),
            Scalar::FloatingPoint(value) => value.to_string(),
            Scalar::Null | Scalar::String(_) => String::new(),
        })
    }

    /// The piece of the file that a node covers.
    pub(super) fn between(&self, node: &Node) -> &str {
        let (start, end) = (node.span.start.index(), node.span.end.index());
        if self.is_ascii {
            return self.text.get(start..end).unwrap_or_default();
        }
        self.text
            .get(self.offset(start)..self.offset(end))
            .unwrap_or_default()
    }

    /// Byte offset of the character number `index`.
    fn offset(&self, index: usize) -> usize {
        let offsets = self.offsets.get_or_init(|| {
            self.text
                .char_indices()
                .step_by(STRIDE)
                .map(|(offset, _)| offset)
                .collect()
        });
        let near = offsets
            .get(index / STRIDE)
            .copied()
            .unwrap_or(self.text.len());
        let rest = self.text.get(near..).unwrap_or_default();
        rest.char_indices()
            .nth(index % STRIDE)
            .map_or(self.text.len(), |(offset, _)| near + offset)
    }
}
