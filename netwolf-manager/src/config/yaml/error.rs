//! The error type of the reader's `Deserializer`; it becomes a fault where the place is known.

use std::fmt;

use serde::de::{self, Expected, Unexpected};

use crate::config::suggest;

/// Splits a custom message into what is wrong and what to do.
pub(crate) const HINT: &str = "\nhint: ";

/// Why a node did not become a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Error {
    /// A part of it is at fault, which was reported already.
    Reported,
    /// A struct lacks this key.
    Missing(&'static str),
    /// The node itself is at fault.
    Here {
        message: String,
        hint: Option<String>,
    },
}

impl Error {
    pub(super) fn here(message: impl Into<String>) -> Self {
        Self::Here {
            message: message.into(),
            hint: None,
        }
    }

    /// What is wrong, and what to do.
    pub(super) fn into_parts(self) -> (String, Option<String>) {
        match self {
            // Whoever reports an error leaves this one out; said all the same, it is at least true.
            Self::Reported => ("a part of this is wrong".into(), None),
            Self::Missing(key) => (format!("the key `{key}` is missing"), None),
            Self::Here { message, hint } => (message, hint),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.clone().into_parts().0)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        let text = message.to_string();
        match text.split_once(HINT) {
            Some((message, hint)) => Self::Here {
                message: message.into(),
                hint: Some(hint.into()),
            },
            None => Self::here(text),
        }
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::here(format!("expected {expected}"))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::here(format!("expected {expected}"))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::Here {
            message: format!("expected {}, found {variant:?}", one_of(expected)),
            hint: suggest::nearest(variant, expected.iter().copied())
                .map(|name| format!("did you mean {name:?}?")),
        }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing(field)
    }
}

/// `"a" or "b"`, `one of "a", "b", "c"`.
pub(super) fn one_of(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    match quoted.as_slice() {
        [] => "nothing".into(),
        [only] => only.clone(),
        [first, second] => format!("{first} or {second}"),
        _ => format!("one of {}", quoted.join(", ")),
    }
}
