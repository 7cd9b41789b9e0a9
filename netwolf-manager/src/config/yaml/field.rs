//! What a value of the configuration may be besides itself: absent, spoilt, and somewhere.

use std::{fmt, marker::PhantomData, ops::Deref};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};

use crate::config::fault::Place;

/// Names under which the reader knows [`Field`] and [`Spanned`]; serde has no other way to ask for a place.
pub(super) const FIELD: &str = "$netwolf::Field";
pub(super) const SPANNED: &str = "$netwolf::Spanned";

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spanned<T> {
    pub(crate) at: Place,
    pub(crate) value: T,
}

impl<T> Deref for Spanned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// What was written for a key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Field<T> {
    /// Nothing.
    #[default]
    Absent,
    /// Something that is reported as a fault: whoever needs it says nothing more.
    Spoilt,
    /// This.
    Value(Spanned<T>),
}

impl<T> Field<T> {
    /// The value, if there is a good one.
    pub(crate) fn value(&self) -> Option<&T> {
        match self {
            Self::Value(spanned) => Some(&spanned.value),
            Self::Absent | Self::Spoilt => None,
        }
    }

    /// The value with its place, if there is a good one.
    pub(crate) fn spanned(&self) -> Option<&Spanned<T>> {
        match self {
            Self::Value(spanned) => Some(spanned),
            Self::Absent | Self::Spoilt => None,
        }
    }

    /// The value with its place, if there is a good one.
    pub(crate) fn into_spanned(self) -> Option<Spanned<T>> {
        match self {
            Self::Value(spanned) => Some(spanned),
            Self::Absent | Self::Spoilt => None,
        }
    }

    /// Whether nothing was written.
    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Whether what was written is no good.
    pub(crate) fn is_spoilt(&self) -> bool {
        matches!(self, Self::Spoilt)
    }

    /// Another value at the same place, or none: `check` reports why.
    pub(crate) fn and_then<U>(self, check: impl FnOnce(Spanned<T>) -> Option<U>) -> Field<U> {
        match self {
            Self::Absent => Field::Absent,
            Self::Spoilt => Field::Spoilt,
            Self::Value(spanned) => {
                let at = spanned.at;
                match check(spanned) {
                    Some(value) => Field::Value(Spanned { at, value }),
                    None => Field::Spoilt,
                }
            }
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Parts<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Parts<T> {
            type Value = Spanned<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
                let missing = || A::Error::custom("a value and its place are two parts");
                let place: u64 = parts.next_element()?.ok_or_else(missing)?;
                let value = parts.next_element()?.ok_or_else(missing)?;
                Ok(Spanned {
                    at: unpack(place),
                    value,
                })
            }
        }

        deserializer.deserialize_newtype_struct(SPANNED, Parts(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Attempts<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Attempts<T> {
            type Value = Field<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            // The reader offers the same node again and again, each time without the parts that were
            // found spoilt before, until it is read or there is nothing more to leave out. A value with
            // parts left out has shown all its faults and is of no further use.
            fn visit_seq<A: SeqAccess<'de>>(
                self,
                mut attempts: A,
            ) -> Result<Self::Value, A::Error> {
                let mut is_whole = true;
                loop {
                    match attempts.next_element() {
                        Ok(Some(value)) if is_whole => return Ok(Field::Value(value)),
                        Ok(_) => return Ok(Field::Spoilt),
                        Err(_) => is_whole = false,
                    }
                }
            }
        }

        deserializer.deserialize_newtype_struct(FIELD, Attempts(PhantomData))
    }
}

/// A place as one number, because that is what passes through serde without a type of its own.
pub(super) fn pack(place: Place) -> u64 {
    u64::from(place.line) << 32 | u64::from(place.column)
}

fn unpack(packed: u64) -> Place {
    let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).expect("masked to 32 bits");
    Place {
        line: half(packed >> 32),
        column: half(packed),
    }
}

/// The entries of a mapping in the order in which they are written, keys with their places. A key without a
/// value is there, with an absent one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entries<T>(pub(crate) Vec<(Spanned<String>, Field<T>)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Pairs<T> {
            type Value = Entries<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a mapping")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some((key, value)) = map.next_entry::<_, Option<Field<T>>>()? {
                    entries.push((key, value.unwrap_or_default()));
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(Pairs(PhantomData))
    }
}
