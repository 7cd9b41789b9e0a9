//! Functions of texts, and values as texts.

use crate::jq::{
    arithmetic::split,
    value::{Text, Value},
    work::{Stop, Work},
};

/// `tostring`
pub(in crate::jq) fn tostring<'t>(value: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
    match value {
        Value::Text(text) => Ok(Value::Text(text)),
        value => written(&value, work).map(Value::text),
    }
}

/// A value as text: text as it is, and the others as JSON.
pub(in crate::jq) fn written(value: &Value<'_>, work: &mut Work) -> Result<String, Stop> {
    if let Value::Text(text) = value {
        work.spend_bytes(text.as_str().len())?;
        return Ok(text.as_str().to_owned());
    }
    let mut json = String::new();
    value.write(&mut json, work)?;
    Ok(json)
}

/// The text that a function wants.
pub(super) fn text<'v>(value: &'v Value<'_>) -> Result<&'v str, Stop> {
    match value {
        Value::Text(text) => Ok(text.as_str()),
        value => Err(Stop::error(format!("{} is no text", value.described()))),
    }
}

/// A piece of `whole`, which is borrowed where the whole is.
fn piece<'t>(
    whole: &Value<'t>,
    cut: impl for<'s> FnOnce(&'s str) -> &'s str,
) -> Result<Value<'t>, Stop> {
    match whole {
        Value::Text(Text::Borrowed(text)) => Ok(Value::Text(Text::Borrowed(cut(text)))),
        whole => Ok(Value::text(cut(text(whole)?))),
    }
}

pub(super) fn ascii_downcase<'t>(value: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
    let text = text(&value)?;
    work.spend_bytes(text.len())?;
    Ok(Value::text(text.to_ascii_lowercase()))
}

pub(super) fn ascii_upcase<'t>(value: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
    let text = text(&value)?;
    work.spend_bytes(text.len())?;
    Ok(Value::text(text.to_ascii_uppercase()))
}

pub(super) fn trim<'t>(value: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
    work.spend_bytes(text(&value)?.len())?;
    piece(&value, str::trim)
}

pub(super) fn ltrim<'t>(value: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
    work.spend_bytes(text(&value)?.len())?;
    piece(&value, str::trim_start)
}

pub(super) fn rtrim<'t>(value: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
    work.spend_bytes(text(&value)?.len())?;
    piece(&value, str::trim_end)
}

pub(super) fn startswith<'t>(
    value: Value<'t>,
    start: Value<'t>,
    _: &mut Work,
) -> Result<Value<'t>, Stop> {
    Ok(Value::Bool(text(&value)?.starts_with(text(&start)?)))
}

pub(super) fn endswith<'t>(
    value: Value<'t>,
    end: Value<'t>,
    _: &mut Work,
) -> Result<Value<'t>, Stop> {
    Ok(Value::Bool(text(&value)?.ends_with(text(&end)?)))
}

pub(super) fn contains<'t>(
    value: Value<'t>,
    part: Value<'t>,
    work: &mut Work,
) -> Result<Value<'t>, Stop> {
    let (text, part) = (text(&value)?, text(&part)?);
    work.spend_bytes(text.len() + part.len())?;
    Ok(Value::Bool(text.contains(part)))
}

pub(super) fn ltrimstr<'t>(
    value: Value<'t>,
    start: Value<'t>,
    _: &mut Work,
) -> Result<Value<'t>, Stop> {
    match (&value, &start) {
        (Value::Text(_), Value::Text(start)) => piece(&value, |text| {
            text.strip_prefix(start.as_str()).unwrap_or(text)
        }),
        _ => Ok(value),
    }
}

pub(super) fn rtrimstr<'t>(
    value: Value<'t>,
    end: Value<'t>,
    _: &mut Work,
) -> Result<Value<'t>, Stop> {
    match (&value, &end) {
        (Value::Text(_), Value::Text(end)) => piece(&value, |text| {
            text.strip_suffix(end.as_str()).unwrap_or(text)
        }),
        _ => Ok(value),
    }
}

pub(super) fn split_by<'t>(
    value: Value<'t>,
    by: Value<'t>,
    work: &mut Work,
) -> Result<Value<'t>, Stop> {
    split(text(&value)?, text(&by)?, work)
}
