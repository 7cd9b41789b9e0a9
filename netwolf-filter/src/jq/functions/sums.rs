//! Items put together to one value. What is put together is not copied once for each item.

use std::rc::Rc;

use super::{
    collections::{array, items},
    texts::{text, written},
};
use crate::jq::{
    arithmetic::calculate,
    node::Arithmetic,
    value::Value,
    work::{Stop, Work},
};

/// `add`
pub(in crate::jq) fn add<'t>(value: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
    let items = items(value)?;
    // A text for each step would be copied as often as there are items.
    if let Some(texts) = texts(&items) {
        let length: usize = texts.iter().map(|text| text.len()).sum();
        work.spend_bytes(length)?;
        let is_empty = texts.is_empty();
        return Ok(if is_empty {
            Value::Null
        } else {
            Value::text(texts.concat())
        });
    }
    let mut sum = Value::Null;
    for item in items {
        work.spend(1)?;
        sum = match (sum, item) {
            // The first one is copied, so that it can be added to in place.
            (Value::Null, Value::Array(item)) => Value::Array(Rc::new(item.to_vec())),
            (Value::Null, Value::Object(item)) => Value::Object(Rc::new((*item).clone())),
            (sum, item) => calculate(Arithmetic::Add, sum, item, work)?,
        };
    }
    Ok(sum)
}

/// All of `items` as texts, if they are.
fn texts<'v>(items: &'v [Value<'_>]) -> Option<Vec<&'v str>> {
    let texts = items.iter().map(|item| match item {
        Value::Text(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

pub(super) fn join<'t>(
    value: Value<'t>,
    by: Value<'t>,
    work: &mut Work,
) -> Result<Value<'t>, Stop> {
    let by = text(&by)?;
    let mut joined = String::new();
    for (index, item) in array(&value)?.iter().enumerate() {
        let item = match item {
            Value::Null => String::new(),
            item => written(item, work)?,
        };
        work.spend_bytes(by.len() + item.len())?;
        if index > 0 {
            joined.push_str(by);
        }
        joined.push_str(&item);
    }
    Ok(Value::text(joined))
}
