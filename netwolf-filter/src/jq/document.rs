//! The JSON in an output, read into a value.
//!
//! The document begins with the first line that begins with `{` or `[` and could go on as JSON: some devices print a
//! line of text above it. What follows the document is passed over. What is in brackets and no JSON, such as
//! `[edit]`, `{master:0}` and `[12:00:00]`, begins no document.
//!
//! A document is read whole or not at all: one that is cut off makes no value.

use std::fmt;

use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor},
};

use super::value::{Number, Text, Value};
use crate::problem::excerpt;

/// Why an output makes no value.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// There is no JSON in it.
    None,
    /// There is, and it is broken or cut off; with the text for people.
    Broken(String),
}

/// Reads the document in `output`.
pub(crate) fn read(output: &str) -> Result<Value<'_>, Unread> {
    let (document, lines_above) = find(output).ok_or(Unread::None)?;
    let mut reader = serde_json::Deserializer::from_str(document);
    AnyValue.deserialize(&mut reader).map_err(|error| {
        let line = document.lines().nth(error.line().saturating_sub(1));
        let number = lines_above + error.line();
        let told = error.to_string();
        let what = told.split(" at line ").next().unwrap_or_default();
        let text = line.unwrap_or_default().trim();
        Unread::Broken(excerpt(&format!("line {number}: {what}: {text}")))
    })
}

/// The output from its document on, and how many lines are above that.
fn find(output: &str) -> Option<(&str, usize)> {
    let mut above = 0;
    let mut rest = output;
    while !rest.is_empty() {
        if begins_document(rest) {
            return Some((rest, above));
        }
        (_, rest) = rest.split_once('\n')?;
        above += 1;
    }
    None
}

/// Whether a document begins with the first line of `text`.
fn begins_document(text: &str) -> bool {
    let line = text.trim_start_matches([' ', '\t', '\r']);
    let begins = |inside: &str, with: &[char]| {
        let inside = inside.trim_start_matches([' ', '\t', '\r']);
        inside.is_empty() || inside.starts_with('\n') || inside.starts_with(with)
    };
    match line.split_at_checked(1) {
        Some(("{", inside)) => begins(inside, &['"', '}']),
        Some(("[", inside)) => begins(inside, &['"', ']', '[', '{']),
        _ => false,
    }
}

/// Reads any value.
struct AnyValue;

impl<'t> DeserializeSeed<'t> for AnyValue {
    type Value = Value<'t>;

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<Value<'t>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'t> Visitor<'t> for AnyValue {
    type Value = Value<'t>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value<'t>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'t>, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value<'t>, E> {
        Ok(Value::Number(Number::Whole(number.into())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value<'t>, E> {
        Ok(Value::Number(Number::Whole(number.into())))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value<'t>, E> {
        Ok(Value::Number(Number::Float(number)))
    }

    fn visit_borrowed_str<E>(self, text: &'t str) -> Result<Value<'t>, E> {
        Ok(Value::Text(Text::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'t>, E> {
        Ok(Value::text(text))
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut items: A) -> Result<Value<'t>, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(Self)? {
            array.push(item);
        }
        Ok(Value::array(array))
    }

    fn visit_map<A: MapAccess<'t>>(self, mut entries: A) -> Result<Value<'t>, A::Error> {
        let mut object = Vec::new();
        while let Some(Key(name)) = entries.next_key()? {
            object.push((name, entries.next_value_seed(Self)?));
        }
        Ok(Value::object(object))
    }
}

/// The name of an entry.
struct Key<'t>(Text<'t>);

impl<'t> Deserialize<'t> for Key<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;

        impl<'t> Visitor<'t> for Name {
            type Value = Key<'t>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, text: &'t str) -> Result<Key<'t>, E> {
                Ok(Key(Text::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Key<'t>, E> {
                Ok(Key(Text::Shared(text.into())))
            }
        }

        deserializer.deserialize_str(Name)
    }
}
