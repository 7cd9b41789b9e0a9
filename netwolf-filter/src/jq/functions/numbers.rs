//! Functions of numbers.

use super::texts::text;
use crate::jq::{
    value::{Number, Value},
    work::{Stop, Work},
};

pub(super) fn tonumber<'t>(value: Value<'t>, _: &mut Work) -> Result<Value<'t>, Stop> {
    if matches!(value, Value::Number(_)) {
        return Ok(value);
    }
    match Number::parse(text(&value)?) {
        Some(number) => Ok(Value::Number(number)),
        None => Err(Stop::error(format!("{} is no number", value.described()))),
    }
}

pub(super) fn abs<'t>(value: Value<'t>, _: &mut Work) -> Result<Value<'t>, Stop> {
    Ok(Value::Number(match number(&value)? {
        Number::Whole(whole) => Number::Whole(whole.saturating_abs()),
        Number::Float(float) => Number::Float(float.abs()),
    }))
}

pub(super) fn floor<'t>(value: Value<'t>, _: &mut Work) -> Result<Value<'t>, Stop> {
    rounded(&value, f64::floor)
}

pub(super) fn ceil<'t>(value: Value<'t>, _: &mut Work) -> Result<Value<'t>, Stop> {
    rounded(&value, f64::ceil)
}

pub(super) fn round<'t>(value: Value<'t>, _: &mut Work) -> Result<Value<'t>, Stop> {
    rounded(&value, f64::round)
}

fn rounded<'t>(value: &Value<'t>, round: fn(f64) -> f64) -> Result<Value<'t>, Stop> {
    Ok(Value::Number(match number(value)? {
        Number::Float(float) => Number::Float(round(float)),
        whole @ Number::Whole(_) => whole,
    }))
}

fn number(value: &Value<'_>) -> Result<Number, Stop> {
    match value {
        Value::Number(number) => Ok(*number),
        value => Err(Stop::error(format!("{} is no number", value.described()))),
    }
}
