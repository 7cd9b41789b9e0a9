//! serde's `Deserializer` over the marked tree.
//!
//! Who reports what: a node that is no value of the wanted type says why in an [`Error`]; whoever reads it as
//! a part of something else knows its key, reports it and remembers the node as spoilt. The next attempt (see
//! [`Field`]) goes round spoilt nodes.
//!
//! Invariant: a message never holds text where a mapping, a list or text was wanted, because that text may
//! be a secret in the wrong place.

mod parts;

use std::{borrow::Cow, cell::RefCell, collections::HashSet, path::Path, sync::Arc};

use saphyr::{Scalar, YamlData};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Visitor},
    forward_to_deserialize_any,
};

use super::{
    Field,
    error::Error,
    field::{FIELD, SPANNED},
    tree::{Node, Source, is_nothing, place},
};
use crate::config::fault::{Fault, Place};
use parts::{Attempts, Choice, Items, Pairs, WithPlace};

/// So many faults of one file are reported; whoever has more has the wrong file.
const MAX_FAULTS: usize = 1_000;

/// Longest piece of a file that is repeated in a message, in characters.
const MAX_QUOTED: usize = 60;

/// Reads the nodes of one file and collects their faults.
pub(super) struct Reader<'a> {
    file: &'a Arc<Path>,
    source: &'a Source,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    faults: Vec<Fault>,
    /// Nodes that were reported and are left out from now on, by address: the tree does not move.
    spoilt: HashSet<*const Node>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a Arc<Path>, source: &'a Source) -> Self {
        Self {
            file,
            source,
            state: RefCell::default(),
        }
    }

    pub(super) fn read<T: DeserializeOwned>(&self, root: &Node) -> Field<T> {
        let root = Value {
            reader: self,
            node: root,
            key: None,
        };
        Field::deserialize(root).unwrap_or_else(|error| {
            root.report(error);
            Field::Spoilt
        })
    }

    pub(super) fn into_faults(self) -> Vec<Fault> {
        self.state.into_inner().faults
    }

    fn fault(&self, place: Place, message: String, hint: Option<String>) {
        let mut state = self.state.borrow_mut();
        if state.faults.len() < MAX_FAULTS {
            state
                .faults
                .push(Fault::new(self.file, place, message).maybe_hint(hint));
        }
    }

    fn is_spoilt(&self, node: &Node) -> bool {
        let state = self.state.borrow();
        !state.spoilt.is_empty() && state.spoilt.contains(&std::ptr::from_ref(node))
    }

    /// How many nodes are left out so far.
    fn n_spoilt(&self) -> usize {
        self.state.borrow().spoilt.len()
    }
}

/// One node, to be read as whatever type asks for it.
#[derive(Clone, Copy)]
struct Value<'r> {
    reader: &'r Reader<'r>,
    node: &'r Node,
    /// The key of a struct that led here.
    key: Option<&'static str>,
}

impl<'r> Value<'r> {
    /// Leaves the node out from now on.
    fn spoil(self) {
        self.reader
            .state
            .borrow_mut()
            .spoilt
            .insert(std::ptr::from_ref(self.node));
    }

    /// Turns an error into a fault at this place and leaves the node out from now on. Where a part of it is
    /// at fault, that part is left out and the node is tried again.
    fn report(self, error: Error) -> Error {
        if error != Error::Reported {
            self.spoil();
            let (message, hint) = error.into_parts();
            let message = match self.key {
                Some(key) => format!("`{key}`: {message}"),
                None => message,
            };
            self.reader.fault(place(self.node), message, hint);
        }
        Error::Reported
    }

    /// The text that was typed, if this is a scalar with something in it.
    fn typed(self) -> Option<Cow<'r, str>> {
        match &self.node.data {
            YamlData::Value(Scalar::Null) => None,
            YamlData::Value(scalar) => Some(self.reader.source.typed(self.node, scalar)),
            _ => None,
        }
    }

    /// What stands here, without its text.
    fn kind(self) -> String {
        match &self.node.data {
            YamlData::Value(Scalar::Null) => "nothing".into(),
            YamlData::Value(Scalar::Boolean(_)) => "true or false".into(),
            YamlData::Value(Scalar::Integer(_) | Scalar::FloatingPoint(_)) => "a number".into(),
            YamlData::Value(Scalar::String(_)) => "text".into(),
            YamlData::Sequence(_) => "a list".into(),
            YamlData::Mapping(_) => "a mapping".into(),
            YamlData::Tagged(tag, _) => format!("the tag `{tag}`, which has no meaning here"),
            _ => "something that does not fit its tag".into(),
        }
    }

    fn expected(self, wanted: &str) -> Error {
        Error::here(format!("expected {wanted}, found {}", self.kind()))
    }

    fn expected_with(self, wanted: &str, hint: impl Into<String>) -> Error {
        Error::Here {
            message: format!("expected {wanted}, found {}", self.kind()),
            hint: Some(hint.into()),
        }
    }

    /// As [`Value::expected`], with the text: for what is never a secret.
    fn expected_quoting(self, wanted: &str) -> Error {
        match self.typed() {
            Some(text) => {
                let text: String = text.chars().take(MAX_QUOTED).collect();
                Error::here(format!("expected {wanted}, found {text:?}"))
            }
            None => self.expected(wanted),
        }
    }

    fn whole(self, lowest: i64, highest: u64) -> Result<i128, Error> {
        let number = match &self.node.data {
            YamlData::Value(Scalar::Integer(number)) => Some(i128::from(*number)),
            // Beyond what saphyr takes for an integer.
            YamlData::Value(Scalar::FloatingPoint(_)) => {
                self.typed().and_then(|text| text.parse().ok())
            }
            _ => None,
        };
        number
            .filter(|number| (i128::from(lowest)..=i128::from(highest)).contains(number))
            .ok_or_else(|| {
                self.expected_quoting(&format!("a whole number from {lowest} to {highest}"))
            })
    }

    fn float(self) -> Result<f64, Error> {
        let number = match &self.node.data {
            #[expect(clippy::cast_precision_loss, reason = "the value is wanted as a float")]
            YamlData::Value(Scalar::Integer(number)) => Some(*number as f64),
            YamlData::Value(Scalar::FloatingPoint(number)) => Some(**number),
            _ => None,
        };
        // Infinity and NaN have no form in JSON, in which plans travel.
        number
            .filter(|number| number.is_finite())
            .ok_or_else(|| self.expected_quoting("a number"))
    }
}

macro_rules! whole_numbers {
    ($($method:ident $visit:ident $type:ty;)*) => {
        $(
            fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
                let lowest = i64::try_from(<$type>::MIN).expect("the lowest of any type up to 64 bits fits");
                let highest = u64::try_from(<$type>::MAX).expect("no type's highest is below zero");
                let number = self.whole(lowest, highest)?;
                visitor.$visit(number.try_into().expect("within the bounds of the type"))
            }
        )*
    };
}

impl<'de> Deserializer<'de> for Value<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.data {
            YamlData::Value(Scalar::Null) => visitor.visit_unit(),
            YamlData::Value(Scalar::Boolean(value)) => visitor.visit_bool(*value),
            YamlData::Value(Scalar::Integer(value)) => visitor.visit_i64(*value),
            YamlData::Value(Scalar::FloatingPoint(_)) => visitor.visit_f64(self.float()?),
            YamlData::Value(Scalar::String(value)) => visitor.visit_str(value),
            YamlData::Sequence(_) => self.deserialize_seq(visitor),
            YamlData::Mapping(_) => self.deserialize_map(visitor),
            _ => Err(self.expected("a value")),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.data {
            YamlData::Value(Scalar::Boolean(value)) => visitor.visit_bool(*value),
            _ => Err(self.expected_quoting("`true` or `false`")),
        }
    }

    whole_numbers! {
        deserialize_i8 visit_i8 i8;
        deserialize_i16 visit_i16 i16;
        deserialize_i32 visit_i32 i32;
        deserialize_i64 visit_i64 i64;
        deserialize_u8 visit_u8 u8;
        deserialize_u16 visit_u16 u16;
        deserialize_u32 visit_u32 u32;
        deserialize_u64 visit_u64 u64;
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_f64(self.float()?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_f64(self.float()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.typed() {
            Some(text) => visitor.visit_str(&text),
            None => Err(self.expected("text")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if is_nothing(self.node) {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        match name {
            FIELD => visitor.visit_seq(Attempts::new(self)),
            SPANNED => visitor.visit_seq(WithPlace::new(self)),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.data {
            YamlData::Sequence(items) => visitor.visit_seq(Items::new(self.reader, items)),
            YamlData::Value(Scalar::Null) => Err(self.expected("a list")),
            YamlData::Value(_) => Err(self.expected_with("a list", "put it in brackets: `[...]`")),
            _ => Err(self.expected("a list")),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.data {
            YamlData::Mapping(entries) => visitor.visit_map(Pairs::any(self.reader, entries)),
            _ => Err(self.expected("a mapping")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let YamlData::Mapping(entries) = &self.node.data else {
            return Err(
                self.expected_with("a mapping", format!("its keys are: {}", fields.join(", ")))
            );
        };
        let has_spoilt = || {
            entries
                .iter()
                .any(|(_, value)| self.reader.is_spoilt(value))
        };
        match visitor.visit_map(Pairs::of(self.reader, entries, fields)) {
            // The key was there, but its value is left out, and there is nothing more to find in here.
            Err(Error::Missing(_)) if has_spoilt() => {
                self.spoil();
                Err(Error::Reported)
            }
            result => result,
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_enum(Choice::new(self, variants))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { i128 u128 char bytes byte_buf unit unit_struct }
}
