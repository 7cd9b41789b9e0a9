//! Objects as arrays of their entries, and back.

use super::{
    collections::{items, keys_of},
    texts::written,
};
use crate::jq::{
    value::{Text, Value},
    work::{Stop, Work},
};

/// `to_entries`
pub(in crate::jq) fn to_entries<'t>(value: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
    let keys = keys_of(&value, work)?;
    let values = items(value)?;
    work.spend(2 * values.len() as u64)?;
    let entries = keys.into_iter().zip(values).map(|(key, value)| {
        let key = (Text::Borrowed("key"), key);
        Value::object(vec![key, (Text::Borrowed("value"), value)])
    });
    Ok(Value::array(entries.collect()))
}

/// `from_entries`
pub(in crate::jq) fn from_entries<'t>(
    value: Value<'t>,
    work: &mut Work,
) -> Result<Value<'t>, Stop> {
    let mut entries = Vec::new();
    for item in items(value)? {
        work.spend(3)?;
        let Value::Object(entry) = &item else {
            let of = item.described();
            return Err(Stop::error(format!("{of} is no entry of an object")));
        };
        let named = |names: [&str; 4]| names.into_iter().find_map(|name| entry.get(name));
        let name = match named(["key", "k", "name", "Name"]) {
            Some(Value::Text(name)) => name.clone(),
            Some(scalar) if !scalar.is_nested() => Text::Shared(written(scalar, work)?.into()),
            _ => return Err(Stop::error("an entry has no key")),
        };
        let value = named(["value", "v", "Value", "Key"]).cloned();
        entries.push((name, value.unwrap_or(Value::Null)));
    }
    Ok(Value::object(entries))
}
