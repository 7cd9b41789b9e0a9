//! How the reader walks into lists, mappings and choices, and where it goes on after a fault.

use saphyr::{AnnotatedMapping, Scalar, YamlData};
use serde::de::{
    DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
    value::U64Deserializer,
};

use super::{Reader, Value};
use crate::config::{
    suggest,
    yaml::{
        error::{Error, one_of},
        field::pack,
        tree::{Node, is_nothing, place},
    },
};

type Mapping = AnnotatedMapping<'static, Node>;

/// A node, offered until it is read or nothing more can be left out of it.
pub(super) struct Attempts<'r> {
    value: Value<'r>,
    is_over: bool,
}

impl<'r> Attempts<'r> {
    pub(super) fn new(value: Value<'r>) -> Self {
        Self {
            value,
            is_over: false,
        }
    }
}

impl<'de> SeqAccess<'de> for Attempts<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        if self.is_over {
            return Ok(None);
        }
        let n_spoilt = self.value.reader.n_spoilt();
        seed.deserialize(self.value).map(Some).map_err(|error| {
            // A part was found spoilt just now: without it there may be a value, or another fault.
            let goes_on = error == Error::Reported && self.value.reader.n_spoilt() > n_spoilt;
            if !goes_on {
                self.is_over = true;
                self.value.report(error);
            }
            Error::Reported
        })
    }
}

/// A node's place, and then the node.
pub(super) struct WithPlace<'r> {
    value: Value<'r>,
    has_place: bool,
}

impl<'r> WithPlace<'r> {
    pub(super) fn new(value: Value<'r>) -> Self {
        Self {
            value,
            has_place: false,
        }
    }
}

impl<'de> SeqAccess<'de> for WithPlace<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        if self.has_place {
            return seed.deserialize(self.value).map(Some);
        }
        self.has_place = true;
        let place: U64Deserializer<Error> = pack(place(self.value.node)).into_deserializer();
        seed.deserialize(place).map(Some)
    }
}

/// The items of a list, without the spoilt ones.
pub(super) struct Items<'r> {
    reader: &'r Reader<'r>,
    items: std::slice::Iter<'r, Node>,
}

impl<'r> Items<'r> {
    pub(super) fn new(reader: &'r Reader<'r>, items: &'r [Node]) -> Self {
        Self {
            reader,
            items: items.iter(),
        }
    }
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some(node) = self.items.find(|node| !self.reader.is_spoilt(node)) else {
            return Ok(None);
        };
        let value = Value {
            reader: self.reader,
            node,
            key: None,
        };
        seed.deserialize(value)
            .map(Some)
            .map_err(|error| value.report(error))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// The entries of a mapping, without the spoilt ones. Repeated keys are faults; of a struct, unknown keys
/// are faults too, and keys without a value are passed over.
pub(super) struct Pairs<'r> {
    reader: &'r Reader<'r>,
    all: &'r Mapping,
    rest: Box<dyn Iterator<Item = (&'r Node, &'r Node)> + 'r>,
    /// The keys of the struct that is read.
    fields: Option<&'static [&'static str]>,
    /// What belongs to the key that was given last.
    value: Option<Value<'r>>,
}

impl<'r> Pairs<'r> {
    /// For a mapping whose keys are names that people choose.
    pub(super) fn any(reader: &'r Reader<'r>, all: &'r Mapping) -> Self {
        Self {
            reader,
            all,
            rest: Box::new(all.iter()),
            fields: None,
            value: None,
        }
    }

    /// For a struct.
    pub(super) fn of(
        reader: &'r Reader<'r>,
        all: &'r Mapping,
        fields: &'static [&'static str],
    ) -> Self {
        Self {
            fields: Some(fields),
            ..Self::any(reader, all)
        }
    }

    /// The next key that counts, with its value.
    fn next(&mut self) -> Option<(Value<'r>, Value<'r>)> {
        loop {
            let (key, node) = self.rest.next()?;
            let key = Value {
                reader: self.reader,
                node: key,
                key: None,
            };
            let Some(name) = key.typed() else {
                let message = format!("expected a name for a key, found {}", key.kind());
                self.reader.fault(place(key.node), message, None);
                continue;
            };
            if self.reader.source.is_repeated(key.node) {
                self.repeated(key.node);
                continue;
            }
            let field = match self.fields {
                None => None,
                Some(fields) => {
                    let Some(field) = fields.iter().find(|field| **field == name) else {
                        self.unknown(key.node, &name, fields);
                        continue;
                    };
                    if is_nothing(node) {
                        continue;
                    }
                    Some(*field)
                }
            };
            if self.reader.is_spoilt(node) {
                continue;
            }
            return Some((
                key,
                Value {
                    reader: self.reader,
                    node,
                    key: field,
                },
            ));
        }
    }

    fn unknown(&self, key: &Node, name: &str, fields: &[&str]) {
        let (name, hint) = match name.split_once(':') {
            // Behind the colon may be anything, a secret among others.
            Some((name, _)) => {
                let hint = format!("a space belongs behind the colon: `{name}: ...`");
                (name, Some(hint))
            }
            None if name == "<<" => {
                let hint = "YAML has no merge keys any more; put what is common into `defaults` or a group";
                (name, Some(hint.into()))
            }
            None => (
                name,
                suggest::hint(name, "keys here", fields.iter().copied()),
            ),
        };
        self.reader
            .fault(place(key), format!("unknown key {name:?}"), hint);
    }

    fn repeated(&self, key: &Node) {
        // The tree holds a masked name, the file the one that was typed.
        let name = self
            .reader
            .source
            .between(key)
            .trim()
            .trim_matches(['"', '\'']);
        let first = self
            .all
            .keys()
            .find(|key| matches!(&key.data, YamlData::Value(Scalar::String(text)) if text == name));
        let message = match first {
            Some(first) => format!(
                "the key {name:?} stands on line {} already",
                place(first).line
            ),
            None => format!("the key {name:?} is there already"),
        };
        self.reader
            .fault(place(key), message, Some("keep one of them".into()));
    }
}

impl<'de> MapAccess<'de> for Pairs<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((key, value)) = self.next() else {
            return Ok(None);
        };
        self.value = Some(value);
        seed.deserialize(key).map(Some).map_err(|error| {
            // The next attempt leaves out values, not keys.
            value.spoil();
            key.report(error)
        })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let value = self
            .value
            .take()
            .expect("serde asks for a value after its key");
        seed.deserialize(value).map_err(|error| value.report(error))
    }
}

/// One of several names; a name with something in it is written as a mapping with one key.
pub(super) struct Choice<'r> {
    name: Value<'r>,
    content: Option<Value<'r>>,
    variants: &'static [&'static str],
}

impl<'r> Choice<'r> {
    pub(super) fn new(value: Value<'r>, variants: &'static [&'static str]) -> Self {
        if let YamlData::Mapping(entries) = &value.node.data
            && let (Some((name, content)), 1) = (entries.iter().next(), entries.len())
        {
            let at = |node| Value { node, ..value };
            return Self {
                name: at(name),
                content: Some(at(content)),
                variants,
            };
        }
        Self {
            name: value,
            content: None,
            variants,
        }
    }

    fn wanted(&self) -> Error {
        self.name.expected(&one_of(self.variants))
    }
}

impl<'de> EnumAccess<'de> for Choice<'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        if self.name.typed().is_none() {
            return Err(self.wanted());
        }
        Ok((seed.deserialize(self.name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Choice<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        if self.content.is_some() {
            Err(self.wanted())
        } else {
            Ok(())
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.content.ok_or_else(|| self.wanted())?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        serde::Deserializer::deserialize_seq(self.content.ok_or_else(|| self.wanted())?, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let content = self.content.ok_or_else(|| self.wanted())?;
        serde::Deserializer::deserialize_struct(content, "", fields, visitor)
    }
}
