//! What a program may call, and why not the rest.
//!
//! There is nothing here whose time and memory its input does not bound, nothing that reads a clock, an environment or
//! a file, and nothing that compiles a pattern while it runs.

#![expect(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "all functions of the table have the same type"
)]

use std::rc::Rc;

use super::{
    arithmetic::{calculate, split},
    machine::{Stop, Work},
    node::{Arithmetic, By},
    parser::{is_keyword, parse_number},
    value::{Number, Text, Value},
};

/// A function of its input.
pub(crate) type Plain = for<'t> fn(Value<'t>, &mut Work) -> Result<Value<'t>, Stop>;

/// A function of its input and an argument.
pub(crate) type With = for<'t> fn(Value<'t>, Value<'t>, &mut Work) -> Result<Value<'t>, Stop>;

/// Whether a value is of a kind.
pub(crate) type IsOf = for<'v, 't> fn(&'v Value<'t>) -> bool;

/// Something that can be called.
#[derive(Clone, Copy)]
pub(super) enum Function {
    Plain(Plain),
    With(With),
    /// Outputs its input if it is one of those.
    OfKind(IsOf),
    Form(Form),
}

/// What becomes a node of its own or a few others.
#[derive(Clone, Copy)]
pub(super) enum Form {
    Select,
    Map,
    MapValues,
    WithEntries,
    First,
    Any,
    All,
    AnyBy,
    AllBy,
    AddOf,
    By(By),
    ByItself(By),
    Test,
    Capture,
}

/// By name and number of arguments.
const FUNCTIONS: &[(&str, usize, Function)] = &[
    ("abs", 0, Function::Plain(abs)),
    ("add", 0, Function::Plain(add)),
    ("add", 1, Function::Form(Form::AddOf)),
    ("all", 0, Function::Form(Form::All)),
    ("all", 1, Function::Form(Form::AllBy)),
    ("any", 0, Function::Form(Form::Any)),
    ("any", 1, Function::Form(Form::AnyBy)),
    (
        "arrays",
        0,
        Function::OfKind(|it| matches!(it, Value::Array(_))),
    ),
    ("ascii_downcase", 0, Function::Plain(ascii_downcase)),
    ("ascii_upcase", 0, Function::Plain(ascii_upcase)),
    (
        "booleans",
        0,
        Function::OfKind(|it| matches!(it, Value::Bool(_))),
    ),
    ("capture", 1, Function::Form(Form::Capture)),
    ("ceil", 0, Function::Plain(ceil)),
    ("contains", 1, Function::With(contains)),
    ("endswith", 1, Function::With(endswith)),
    ("error", 1, Function::With(error)),
    ("first", 0, Function::Plain(first)),
    ("first", 1, Function::Form(Form::First)),
    ("flatten", 0, Function::Plain(flatten)),
    ("floor", 0, Function::Plain(floor)),
    ("from_entries", 0, Function::Plain(from_entries)),
    ("group_by", 1, Function::Form(Form::By(By::Group))),
    ("has", 1, Function::With(has)),
    (
        "iterables",
        0,
        Function::OfKind(|it| matches!(it, Value::Array(_) | Value::Object(_))),
    ),
    ("join", 1, Function::With(join)),
    ("keys", 0, Function::Plain(keys)),
    ("keys_unsorted", 0, Function::Plain(keys_unsorted)),
    ("last", 0, Function::Plain(last)),
    ("length", 0, Function::Plain(length)),
    ("ltrim", 0, Function::Plain(ltrim)),
    ("ltrimstr", 1, Function::With(ltrimstr)),
    ("map", 1, Function::Form(Form::Map)),
    ("map_values", 1, Function::Form(Form::MapValues)),
    ("max", 0, Function::Form(Form::ByItself(By::Max))),
    ("max_by", 1, Function::Form(Form::By(By::Max))),
    ("min", 0, Function::Form(Form::ByItself(By::Min))),
    ("min_by", 1, Function::Form(Form::By(By::Min))),
    ("not", 0, Function::Plain(not)),
    ("nulls", 0, Function::OfKind(|it| matches!(it, Value::Null))),
    (
        "numbers",
        0,
        Function::OfKind(|it| matches!(it, Value::Number(_))),
    ),
    (
        "objects",
        0,
        Function::OfKind(|it| matches!(it, Value::Object(_))),
    ),
    ("reverse", 0, Function::Plain(reverse)),
    ("round", 0, Function::Plain(round)),
    ("rtrim", 0, Function::Plain(rtrim)),
    ("rtrimstr", 1, Function::With(rtrimstr)),
    ("scalars", 0, Function::OfKind(|it| !it.is_nested())),
    ("select", 1, Function::Form(Form::Select)),
    ("sort", 0, Function::Form(Form::ByItself(By::Sort))),
    ("sort_by", 1, Function::Form(Form::By(By::Sort))),
    ("split", 1, Function::With(split_by)),
    ("startswith", 1, Function::With(startswith)),
    (
        "strings",
        0,
        Function::OfKind(|it| matches!(it, Value::Text(_))),
    ),
    ("test", 1, Function::Form(Form::Test)),
    ("to_entries", 0, Function::Plain(to_entries)),
    ("tonumber", 0, Function::Plain(tonumber)),
    ("tostring", 0, Function::Plain(tostring)),
    ("trim", 0, Function::Plain(trim)),
    ("type", 0, Function::Plain(kind)),
    ("unique", 0, Function::Form(Form::ByItself(By::Unique))),
    ("unique_by", 1, Function::Form(Form::By(By::Unique))),
    (
        "values",
        0,
        Function::OfKind(|it| !matches!(it, Value::Null)),
    ),
    ("with_entries", 1, Function::Form(Form::WithEntries)),
];

/// What jq has and programs here have not, with the reason.
const REFUSED: &[(&[&str], &str)] = &[
    (
        &[
            "reduce",
            "foreach",
            "def",
            "label",
            "break",
            "range",
            "repeat",
            "recurse",
            "while",
            "until",
            "limit",
            "combinations",
            "walk",
            "input",
            "inputs",
        ],
        "a program loops over what is there and over nothing else: `.[]`, `..`, `map(f)`, `add`, `first(f)`, `any(f)`, `all(f)`",
    ),
    (
        &[
            "now",
            "localtime",
            "gmtime",
            "mktime",
            "strftime",
            "strptime",
            "strflocaltime",
            "todate",
            "fromdate",
            "todateiso8601",
            "fromdateiso8601",
            "date",
            "dateadd",
            "datesub",
        ],
        "programs have no clock and no dates: let the metric parse the text",
    ),
    (
        &[
            "env",
            "input_filename",
            "input_line_number",
            "debug",
            "stderr",
            "halt",
            "halt_error",
            "import",
            "include",
            "module",
            "modulemeta",
            "get_search_list",
        ],
        "a program sees the output and nothing else",
    ),
    (
        &[
            "match", "scan", "sub", "gsub", "splits", "ascii", "explode", "implode",
        ],
        "`test(\"...\")` and `capture(\"...\")` find what a pattern says, and the metric's own rules change texts",
    ),
    (
        &[
            "path",
            "paths",
            "getpath",
            "setpath",
            "delpaths",
            "del",
            "pick",
            "leaf_paths",
        ],
        "make a new object of what is wanted: `{name: f}`",
    ),
];

/// The function of that name and number of arguments.
///
/// # Errors
/// There is none: what to say, and what to do about it.
pub(super) fn find(name: &str, arguments: usize) -> Result<Function, (String, String)> {
    let mut named = FUNCTIONS.iter().filter(|(it, ..)| *it == name).peekable();
    if named.peek().is_none() {
        return Err(unknown(name));
    }
    let counts: Vec<_> = named
        .clone()
        .map(|(_, count, _)| count.to_string())
        .collect();
    match named.find(|(_, count, _)| *count == arguments) {
        Some((.., function)) => Ok(*function),
        None => Err((
            format!("`{name}` does not take {arguments} arguments"),
            format!(
                "it takes {}; they have `;` between them",
                counts.join(" or ")
            ),
        )),
    }
}

fn unknown(name: &str) -> (String, String) {
    let refused = REFUSED.iter().find(|(names, _)| names.contains(&name));
    if let Some((_, reason)) = refused {
        return (format!("`{name}` is refused"), (*reason).to_owned());
    }
    if is_keyword(name) {
        return (
            format!("`{name}` is not expected here"),
            format!("a field of that name is `.{name}`"),
        );
    }
    let field = format!("a field of that name is `.{name}`");
    let names = FUNCTIONS
        .iter()
        .map(|(it, ..)| (strsim::jaro_winkler(it, name), *it));
    let nearest = names.max_by(|(a, _), (b, _)| a.total_cmp(b));
    let hint = match nearest {
        Some((likeness, nearest)) if likeness > 0.85 => {
            format!("did you mean `{nearest}`? {field}")
        }
        _ => field,
    };
    (format!("no function is called `{name}`"), hint)
}

/// `add`
pub(super) fn add<'t>(value: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
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

/// `to_entries`
pub(super) fn to_entries<'t>(value: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
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
pub(super) fn from_entries<'t>(value: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
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

/// `tostring`
pub(super) fn tostring<'t>(value: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
    match value {
        Value::Text(text) => Ok(Value::Text(text)),
        value => written(&value, work).map(Value::text),
    }
}

/// A value as text: text as it is, and the others as JSON.
pub(super) fn written(value: &Value<'_>, work: &mut Work) -> Result<String, Stop> {
    if let Value::Text(text) = value {
        work.spend_bytes(text.as_str().len())?;
        return Ok(text.as_str().to_owned());
    }
    let mut json = String::new();
    value.write(&mut json, work)?;
    Ok(json)
}

/// The items of an array, or an object's values.
fn items(value: Value<'_>) -> Result<Vec<Value<'_>>, Stop> {
    match value {
        Value::Array(items) => Ok(Rc::unwrap_or_clone(items)),
        Value::Object(object) => {
            let values = object.entries().iter().map(|(_, value)| value.clone());
            Ok(values.collect())
        }
        value => Err(Stop::error(format!("{} has no items", value.described()))),
    }
}

/// All of `items` as texts, if they are.
fn texts<'v>(items: &'v [Value<'_>]) -> Option<Vec<&'v str>> {
    let texts = items.iter().map(|item| match item {
        Value::Text(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

/// The text that a function wants.
fn text<'v>(value: &'v Value<'_>) -> Result<&'v str, Stop> {
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

fn not<'t>(value: Value<'t>, _: &mut Work) -> Result<Value<'t>, Stop> {
    Ok(Value::Bool(!value.is_true()))
}

fn kind<'t>(value: Value<'t>, _: &mut Work) -> Result<Value<'t>, Stop> {
    Ok(Value::Text(Text::Borrowed(value.kind())))
}

fn length<'t>(value: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
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

fn keys<'t>(value: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
    let mut keys = keys_of(&value, work)?;
    work.spend(16 * keys.len() as u64)?;
    keys.sort_by(Value::order);
    Ok(Value::array(keys))
}

fn keys_unsorted<'t>(value: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
    keys_of(&value, work).map(Value::array)
}

fn keys_of<'t>(value: &Value<'t>, work: &mut Work) -> Result<Vec<Value<'t>>, Stop> {
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

fn first<'t>(value: Value<'t>, _: &mut Work) -> Result<Value<'t>, Stop> {
    array(&value).map(|items| items.first().cloned().unwrap_or(Value::Null))
}

fn last<'t>(value: Value<'t>, _: &mut Work) -> Result<Value<'t>, Stop> {
    array(&value).map(|items| items.last().cloned().unwrap_or(Value::Null))
}

fn reverse<'t>(value: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
    let mut items = array(&value)?.to_vec();
    work.spend(items.len() as u64)?;
    items.reverse();
    Ok(Value::array(items))
}

fn flatten<'t>(value: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
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

fn array<'v, 't>(value: &'v Value<'t>) -> Result<&'v [Value<'t>], Stop> {
    match value {
        Value::Array(items) => Ok(items),
        // As an index of null is null.
        Value::Null => Ok(&[]),
        value => Err(Stop::error(format!("{} is no array", value.described()))),
    }
}

fn tonumber<'t>(value: Value<'t>, _: &mut Work) -> Result<Value<'t>, Stop> {
    if matches!(value, Value::Number(_)) {
        return Ok(value);
    }
    match parse_number(text(&value)?) {
        Some(number) => Ok(Value::Number(number)),
        None => Err(Stop::error(format!("{} is no number", value.described()))),
    }
}

fn abs<'t>(value: Value<'t>, _: &mut Work) -> Result<Value<'t>, Stop> {
    Ok(Value::Number(match number(&value)? {
        Number::Whole(whole) => Number::Whole(whole.saturating_abs()),
        Number::Float(float) => Number::Float(float.abs()),
    }))
}

fn floor<'t>(value: Value<'t>, _: &mut Work) -> Result<Value<'t>, Stop> {
    rounded(&value, f64::floor)
}

fn ceil<'t>(value: Value<'t>, _: &mut Work) -> Result<Value<'t>, Stop> {
    rounded(&value, f64::ceil)
}

fn round<'t>(value: Value<'t>, _: &mut Work) -> Result<Value<'t>, Stop> {
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

fn ascii_downcase<'t>(value: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
    let text = text(&value)?;
    work.spend_bytes(text.len())?;
    Ok(Value::text(text.to_ascii_lowercase()))
}

fn ascii_upcase<'t>(value: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
    let text = text(&value)?;
    work.spend_bytes(text.len())?;
    Ok(Value::text(text.to_ascii_uppercase()))
}

fn trim<'t>(value: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
    work.spend_bytes(text(&value)?.len())?;
    piece(&value, str::trim)
}

fn ltrim<'t>(value: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
    work.spend_bytes(text(&value)?.len())?;
    piece(&value, str::trim_start)
}

fn rtrim<'t>(value: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
    work.spend_bytes(text(&value)?.len())?;
    piece(&value, str::trim_end)
}

fn has<'t>(value: Value<'t>, key: Value<'t>, _: &mut Work) -> Result<Value<'t>, Stop> {
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

fn startswith<'t>(value: Value<'t>, start: Value<'t>, _: &mut Work) -> Result<Value<'t>, Stop> {
    Ok(Value::Bool(text(&value)?.starts_with(text(&start)?)))
}

fn endswith<'t>(value: Value<'t>, end: Value<'t>, _: &mut Work) -> Result<Value<'t>, Stop> {
    Ok(Value::Bool(text(&value)?.ends_with(text(&end)?)))
}

fn contains<'t>(value: Value<'t>, part: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
    let (text, part) = (text(&value)?, text(&part)?);
    work.spend_bytes(text.len() + part.len())?;
    Ok(Value::Bool(text.contains(part)))
}

fn ltrimstr<'t>(value: Value<'t>, start: Value<'t>, _: &mut Work) -> Result<Value<'t>, Stop> {
    match (&value, &start) {
        (Value::Text(_), Value::Text(start)) => piece(&value, |text| {
            text.strip_prefix(start.as_str()).unwrap_or(text)
        }),
        _ => Ok(value),
    }
}

fn rtrimstr<'t>(value: Value<'t>, end: Value<'t>, _: &mut Work) -> Result<Value<'t>, Stop> {
    match (&value, &end) {
        (Value::Text(_), Value::Text(end)) => piece(&value, |text| {
            text.strip_suffix(end.as_str()).unwrap_or(text)
        }),
        _ => Ok(value),
    }
}

fn split_by<'t>(value: Value<'t>, by: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
    split(text(&value)?, text(&by)?, work)
}

fn join<'t>(value: Value<'t>, by: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
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

fn error<'t>(_: Value<'t>, message: Value<'t>, _: &mut Work) -> Result<Value<'t>, Stop> {
    Err(Stop::error(message.described()))
}
