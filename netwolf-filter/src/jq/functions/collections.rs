//! Functions of arrays, and of an object's keys and values.

use std::rc::Rc;

use crate::jq::{
    value::{Number, Value},
    work::{Stop, Work},
};

/// The items of an array, or an object's values.
pub(super) fn items(value: Value<'_>) -> Result<Vec<Value<'_>>, Stop> {
    match value {
        Value::Array(items) => Ok(Rc::unwrap_or_clone(items)),
        Value::Object(object) => {
            let values = object.entries().iter().map(|(_, value)| value.clone());
            Ok(values.collect())
        }
        value => Err(Stop::error(format!("{} has no items", value.described()))),
    }
}

pub(super) fn array<'v, 't>(value: &'v Value<'t>) -> Result<&'v [Value<'t>], Stop> {
    match value {
        Value::Array(items) => Ok(items),
        // As an index of null is null.
        Value::Null => Ok(&[]),
        value => Err(Stop::error(format!("{} is no array", value.described()))),
    }
}

pub(super) fn keys<'t>(value: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
    let mut keys = keys_of(&value, work)?;
    work.spend(16 * keys.len() as u64)?;
    keys.sort_by(Value::order);
    Ok(Value::array(keys))
}

pub(super) fn keys_unsorted<'t>(value: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
    keys_of(&value, work).map(Value::array)
}

pub(super) fn keys_of<'t>(value: &Value<'t>, work: &mut Work) -> Result<Vec<Value<'t>>, Stop> {
    let keys: Vec<_> = match value {
        Value::Array(items) => (0..items.len()).map(Value::whole).collect(),
        Value::Object(object) => {
            let names = object.entries().iter().map(|(name, _)| name.clone());
            names.map(Value::Text).collect()
        }
        value => return Err(Stop::error(format!("{} has no keys", value.described()))),
    };
    work.spend(keys.len() as u64)?;
    Ok(keys)
}

pub(super) fn first<'t>(value: Value<'t>, _: &mut Work) -> Result<Value<'t>, Stop> {
    array(&value).map(|items| items.first().cloned().unwrap_or(Value::Null))
}

pub(super) fn last<'t>(value: Value<'t>, _: &mut Work) -> Result<Value<'t>, Stop> {
    array(&value).map(|items| items.last().cloned().unwrap_or(Value::Null))
}

pub(super) fn reverse<'t>(value: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
    let mut items = array(&value)?.to_vec();
    work.spend(items.len() as u64)?;
    items.reverse();
    Ok(Value::array(items))
}

pub(super) fn flatten<'t>(value: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
    fn into<'t>(
        flat: &mut Vec<Value<'t>>,
        items: &[Value<'t>],
        work: &mut Work,
    ) -> Result<(), Stop> {
        for item in items {
            work.spend(1)?;
            match item {
                Value::Array(items) => into(flat, items, work)?,
                item => flat.push(item.clone()),
            }
        }
        Ok(())
    }
    let mut flat = Vec::new();
    into(&mut flat, array(&value)?, work)?;
    Ok(Value::array(flat))
}

pub(super) fn has<'t>(value: Value<'t>, key: Value<'t>, _: &mut Work) -> Result<Value<'t>, Stop> {
    match (&value, &key) {
        (Value::Object(object), Value::Text(name)) => {
            Ok(Value::Bool(object.get(name.as_str()).is_some()))
        }
        (Value::Array(items), Value::Number(Number::Whole(index))) => {
            let index = usize::try_from(*index);
            Ok(Value::Bool(index.is_ok_and(|index| index < items.len())))
        }
        _ => {
            let (of, key) = (value.described(), key.described());
            Err(Stop::error(format!("{of} cannot have {key} as a key")))
        }
    }
}
