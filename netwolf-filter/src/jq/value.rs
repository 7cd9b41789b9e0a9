//! JSON values: parts of an output, or made by a program.
//!
//! Text of the output is borrowed, and arrays and objects are shared, so that a value is cheap to hand on. Values of
//! one program may share their parts many times over; what walks through a value whole therefore counts as work.

use std::{
    borrow::Borrow,
    cmp::Ordering,
    collections::HashMap,
    fmt,
    hash::{Hash, Hasher},
    rc::Rc,
};

use foldhash::fast::RandomState;

use super::work::{Stop, Work};
use crate::problem::excerpt;

/// A JSON value.
#[derive(Clone, Debug)]
pub(crate) enum Value<'t> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Text<'t>),
    Array(Rc<Vec<Value<'t>>>),
    Object(Rc<Object<'t>>),
}

/// A number. Whole ones keep all digits that a counter of 64 bits has, and more.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Number {
    Whole(i128),
    Float(f64),
}

/// Text, compared and hashed as text.
#[derive(Clone, Debug)]
pub(crate) enum Text<'t> {
    Borrowed(&'t str),
    Shared(Rc<str>),
}

/// Names and values in the order in which they came, each name once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object<'t> {
    entries: Vec<(Text<'t>, Value<'t>)>,
    /// Where each name is; empty while [`FEW`] or fewer are found as quickly one by one.
    places: HashMap<Text<'t>, usize, RandomState>,
}

/// So few names are compared one by one, which is cheaper than a table.
const FEW: usize = 16;

impl<'t> Value<'t> {
    pub(crate) fn text(text: impl Into<Rc<str>>) -> Self {
        Self::Text(Text::Shared(text.into()))
    }

    pub(crate) fn whole(number: usize) -> Self {
        Self::Number(Number::Whole(number as i128))
    }

    pub(crate) fn array(items: Vec<Self>) -> Self {
        Self::Array(Rc::new(items))
    }

    pub(crate) fn object(entries: Vec<(Text<'t>, Self)>) -> Self {
        Self::Object(Rc::new(Object::new(entries)))
    }

    /// Everything but `null` and `false`.
    pub(crate) fn is_true(&self) -> bool {
        !matches!(self, Self::Null | Self::Bool(false))
    }

    /// What jq's `type` calls it.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }

    /// For people, in a message.
    pub(crate) fn described(&self) -> String {
        match self {
            Self::Null => "null".into(),
            Self::Bool(value) => value.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => format!("{:?}", excerpt(text.as_str())),
            Self::Array(_) => "an array".into(),
            Self::Object(_) => "an object".into(),
        }
    }

    /// Whether it is an array or an object.
    pub(crate) const fn is_nested(&self) -> bool {
        matches!(self, Self::Array(_) | Self::Object(_))
    }

    /// Which is greater, in jq's order: by type, then by value; arrays item by item, objects by their names and then
    /// their values. Free, so that a sort cannot end in its middle: see [`Self::pay`].
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => a.order(*b),
            (Self::Text(a), Self::Text(b)) => a.as_str().cmp(b.as_str()),
            (Self::Array(a), Self::Array(b)) => order(a, b),
            (Self::Object(a), Self::Object(b)) => {
                let (a, b) = (a.sorted(), b.sorted());
                let by_names = a
                    .iter()
                    .map(|(name, _)| name.as_str())
                    .cmp(b.iter().map(|(name, _)| name.as_str()));
                let values = a.iter().zip(&b).map(|((_, a), (_, b))| a.order(b));
                by_names.then_with(|| values.fold(Ordering::Equal, Ordering::then))
            }
            _ => self.rank().cmp(&other.rank()),
        }
    }

    /// Pays for looking at all that is in it, so many times.
    pub(crate) fn pay(&self, times: u64, work: &mut Work) -> Result<(), Stop> {
        work.spend(times)?;
        match self {
            Self::Text(text) => work.spend_bytes(text.as_str().len()),
            Self::Array(items) => items.iter().try_for_each(|item| item.pay(times, work)),
            Self::Object(object) => {
                let mut entries = object.entries().iter();
                // Names are put into order as well.
                entries.try_for_each(|(_, value)| {
                    work.spend(8 * times)?;
                    value.pay(times, work)
                })
            }
            _ => Ok(()),
        }
    }

    /// Appends it as JSON.
    pub(crate) fn write(&self, json: &mut String, work: &mut Work) -> Result<(), Stop> {
        work.spend(1)?;
        match self {
            Self::Text(text) => {
                work.spend_bytes(text.as_str().len())?;
                write_text(text.as_str(), json);
            }
            Self::Array(items) => {
                json.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        json.push(',');
                    }
                    item.write(json, work)?;
                }
                json.push(']');
            }
            Self::Object(object) => {
                json.push('{');
                for (index, (name, value)) in object.entries().iter().enumerate() {
                    if index > 0 {
                        json.push(',');
                    }
                    work.spend_bytes(name.as_str().len())?;
                    write_text(name.as_str(), json);
                    json.push(':');
                    value.write(json, work)?;
                }
                json.push('}');
            }
            scalar => json.push_str(&scalar.described()),
        }
        Ok(())
    }

    /// Whether both are the same.
    pub(crate) fn same(&self, other: &Self, work: &mut Work) -> Result<bool, Stop> {
        work.spend(1)?;
        Ok(match (self, other) {
            (Self::Array(a), Self::Array(b)) => {
                if a.len() != b.len() {
                    return Ok(false);
                }
                for (a, b) in a.iter().zip(b.iter()) {
                    if !a.same(b, work)? {
                        return Ok(false);
                    }
                }
                true
            }
            (Self::Object(a), Self::Object(b)) => {
                if a.entries().len() != b.entries().len() {
                    return Ok(false);
                }
                for (name, value) in a.entries() {
                    match b.get(name.as_str()) {
                        Some(other) if value.same(other, work)? => {}
                        _ => return Ok(false),
                    }
                }
                true
            }
            (Self::Text(a), Self::Text(b)) => {
                work.spend_bytes(a.as_str().len())?;
                a == b
            }
            _ => self.order(other).is_eq(),
        })
    }

    /// Its place in jq's order of types; `false` and `true` share one.
    const fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Number(_) => 2,
            Self::Text(_) => 3,
            Self::Array(_) => 4,
            Self::Object(_) => 5,
        }
    }
}

impl Number {
    /// A number as JSON and programs write it; whole ones keep all their digits while there is room.
    pub(crate) fn parse(literal: &str) -> Option<Self> {
        if let Ok(whole) = literal.parse() {
            return Some(Self::Whole(whole));
        }
        let number: f64 = literal.parse().ok()?;
        number.is_finite().then_some(Self::Float(number))
    }

    pub(crate) fn as_f64(self) -> f64 {
        match self {
            #[expect(
                clippy::cast_precision_loss,
                reason = "a float is asked for, and a sample is one"
            )]
            Self::Whole(number) => number as f64,
            Self::Float(number) => number,
        }
    }

    /// As jq has it: nothing is less than a number that is none.
    fn order(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Whole(a), Self::Whole(b)) => a.cmp(&b),
            (a, b) => {
                let (a, b) = (a.as_f64(), b.as_f64());
                a.partial_cmp(&b).unwrap_or(b.is_nan().cmp(&a.is_nan()))
            }
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => number.fmt(f),
            Self::Float(number) => number.fmt(f),
        }
    }
}

impl Text<'_> {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text<'_> {}

impl Hash for Text<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Borrow<str> for Text<'_> {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl<'t> Object<'t> {
    /// An object of `entries`; the last of those with the same name counts, at the place of the first.
    pub(crate) fn new(entries: Vec<(Text<'t>, Value<'t>)>) -> Self {
        let mut object = Self::default();
        if entries.len() > FEW {
            object.places.reserve(entries.len());
            object.entries.reserve(entries.len());
        } else if is_distinct(&entries) {
            object.entries = entries;
            return object;
        }
        for (name, value) in entries {
            object.set(name, value);
        }
        object
    }

    pub(crate) fn entries(&self) -> &[(Text<'t>, Value<'t>)] {
        &self.entries
    }

    /// The entries by their names.
    fn sorted(&self) -> Vec<&(Text<'t>, Value<'t>)> {
        let mut sorted: Vec<_> = self.entries.iter().collect();
        sorted.sort_by(|(a, _), (b, _)| a.as_str().cmp(b.as_str()));
        sorted
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Value<'t>> {
        self.place(name).map(|place| &self.entries[place].1)
    }

    /// Sets or adds an entry.
    pub(crate) fn set(&mut self, name: Text<'t>, value: Value<'t>) {
        if let Some(place) = self.place(name.as_str()) {
            self.entries[place].1 = value;
            return;
        }
        self.entries.push((name, value));
        let added = match self.entries.len() {
            ..=FEW => return,
            _ if self.places.is_empty() => 0,
            length => length - 1,
        };
        for (place, (name, _)) in self.entries.iter().enumerate().skip(added) {
            self.places.insert(name.clone(), place);
        }
    }

    fn place(&self, name: &str) -> Option<usize> {
        if self.places.is_empty() {
            self.entries.iter().position(|(it, _)| it.as_str() == name)
        } else {
            self.places.get(name).copied()
        }
    }
}

/// The order of arrays.
pub(super) fn order(a: &[Value<'_>], b: &[Value<'_>]) -> Ordering {
    let both = a.iter().zip(b).map(|(a, b)| a.order(b));
    let first = both.into_iter().find(|order| order.is_ne());
    first.unwrap_or_else(|| a.len().cmp(&b.len()))
}

fn write_text(text: &str, json: &mut String) {
    // Text is always JSON.
    let written = serde_json::to_string(text);
    json.push_str(&written.unwrap_or_default());
}

fn is_distinct(entries: &[(Text<'_>, Value<'_>)]) -> bool {
    let names = entries.iter().enumerate();
    names
        .into_iter()
        .all(|(index, (name, _))| entries.iter().take(index).all(|(other, _)| other != name))
}
