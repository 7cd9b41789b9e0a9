//! Functions of any value.

use super::numbers::abs;
use crate::jq::{
    value::{Text, Value},
    work::{Stop, Work},
};

pub(super) fn not<'t>(value: Value<'t>, _: &mut Work) -> Result<Value<'t>, Stop> {
    Ok(Value::Bool(!value.is_true()))
}

pub(super) fn kind<'t>(value: Value<'t>, _: &mut Work) -> Result<Value<'t>, Stop> {
    Ok(Value::Text(Text::Borrowed(value.kind())))
}

pub(super) fn length<'t>(value: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
    Ok(match value {
        Value::Null => Value::whole(0),
        Value::Text(text) => {
            work.spend_bytes(text.as_str().len())?;
            Value::whole(text.as_str().chars().count())
        }
        Value::Array(items) => Value::whole(items.len()),
        Value::Object(object) => Value::whole(object.entries().len()),
        Value::Number(_) => return abs(value, work),
        Value::Bool(_) => return Err(Stop::error(format!("{} has no length", value.described()))),
    })
}

pub(super) fn error<'t>(_: Value<'t>, message: Value<'t>, _: &mut Work) -> Result<Value<'t>, Stop> {
    Err(Stop::error(message.described()))
}
