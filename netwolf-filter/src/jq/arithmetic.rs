//! `+`, `-`, `*`, `/` and `%`.

use std::rc::Rc;

use super::{
    node::Arithmetic,
    value::{Number, Value},
    work::{Stop, Work},
};

/// `left sign right`.
pub(super) fn calculate<'t>(
    sign: Arithmetic,
    left: Value<'t>,
    right: Value<'t>,
    work: &mut Work,
) -> Result<Value<'t>, Stop> {
    match (sign, left, right) {
        (Arithmetic::Add, left, right) => add(left, right, work),
        (sign, Value::Number(left), Value::Number(right)) => numbers(sign, left, right),
        (Arithmetic::Subtract, Value::Array(left), Value::Array(right)) => {
            without(&left, &right, work)
        }
        (Arithmetic::Divide, Value::Text(text), Value::Text(by)) => {
            split(text.as_str(), by.as_str(), work)
        }
        (sign, left, right) => Err(Stop::error(format!(
            "{} and {} cannot be {}",
            left.described(),
            right.described(),
            match sign {
                Arithmetic::Add => "added",
                Arithmetic::Subtract => "subtracted",
                Arithmetic::Multiply => "multiplied",
                Arithmetic::Divide | Arithmetic::Remainder => "divided",
            }
        ))),
    }
}

/// `-value`
pub(super) fn negate<'t>(value: &Value<'t>) -> Result<Value<'t>, Stop> {
    let Value::Number(number) = value else {
        let of = value.described();
        return Err(Stop::error(format!("{of} cannot be negated")));
    };
    Ok(Value::Number(match number {
        Number::Whole(whole) => Number::Whole(whole.saturating_neg()),
        Number::Float(float) => Number::Float(-float),
    }))
}

/// The pieces of `text` between `by`.
pub(super) fn split<'t>(text: &str, by: &str, work: &mut Work) -> Result<Value<'t>, Stop> {
    work.spend(text.len() as u64)?;
    if text.is_empty() {
        return Ok(Value::array(Vec::new()));
    }
    let pieces: Vec<_> = match by {
        "" => text.chars().map(|c| Value::text(c.to_string())).collect(),
        by => text.split(by).map(Value::text).collect(),
    };
    Ok(Value::array(pieces))
}

fn add<'t>(left: Value<'t>, right: Value<'t>, work: &mut Work) -> Result<Value<'t>, Stop> {
    match (left, right) {
        (Value::Null, other) | (other, Value::Null) => Ok(other),
        (Value::Number(left), Value::Number(right)) => numbers(Arithmetic::Add, left, right),
        (Value::Text(left), Value::Text(right)) => {
            let (left, right) = (left.as_str(), right.as_str());
            work.spend_bytes(left.len() + right.len())?;
            Ok(Value::text([left, right].concat()))
        }
        (Value::Array(mut left), Value::Array(right)) => {
            // What nobody else has is added to in place; a copy is paid for.
            let copied = if Rc::get_mut(&mut left).is_some() {
                0
            } else {
                left.len()
            };
            work.spend((copied + right.len()) as u64)?;
            Rc::make_mut(&mut left).extend(right.iter().cloned());
            Ok(Value::Array(left))
        }
        (Value::Object(mut left), Value::Object(right)) => {
            let copied = if Rc::get_mut(&mut left).is_some() {
                0
            } else {
                left.entries().len()
            };
            work.spend((copied + right.entries().len()) as u64)?;
            let sum = Rc::make_mut(&mut left);
            for (name, value) in right.entries() {
                sum.set(name.clone(), value.clone());
            }
            Ok(Value::Object(left))
        }
        (left, right) => Err(Stop::error(format!(
            "{} and {} cannot be added",
            left.described(),
            right.described()
        ))),
    }
}

fn numbers<'t>(sign: Arithmetic, left: Number, right: Number) -> Result<Value<'t>, Stop> {
    let number = match (left, right) {
        (Number::Whole(left), Number::Whole(right)) => whole(sign, left, right),
        _ => None,
    };
    let number = match number {
        Some(number) => Number::Whole(number),
        None => float(sign, left, right)?,
    };
    Ok(Value::Number(number))
}

/// The whole number that comes out, if one does.
fn whole(sign: Arithmetic, left: i128, right: i128) -> Option<i128> {
    match sign {
        Arithmetic::Add => left.checked_add(right),
        Arithmetic::Subtract => left.checked_sub(right),
        Arithmetic::Multiply => left.checked_mul(right),
        Arithmetic::Divide if left.checked_rem(right)? == 0 => left.checked_div(right),
        Arithmetic::Divide => None,
        Arithmetic::Remainder => left.checked_rem(right),
    }
}

fn float(sign: Arithmetic, left: Number, right: Number) -> Result<Number, Stop> {
    let (left, right) = (left.as_f64(), right.as_f64());
    let is_division = matches!(sign, Arithmetic::Divide | Arithmetic::Remainder);
    if is_division && right == 0.0 {
        return Err(Stop::error(format!("{left} is divided by zero")));
    }
    Ok(Number::Float(match sign {
        Arithmetic::Add => left + right,
        Arithmetic::Subtract => left - right,
        Arithmetic::Multiply => left * right,
        Arithmetic::Divide => left / right,
        Arithmetic::Remainder => left % right,
    }))
}

/// The items of `left` that are not in `right`.
fn without<'t>(
    left: &[Value<'t>],
    right: &[Value<'t>],
    work: &mut Work,
) -> Result<Value<'t>, Stop> {
    let mut rest = Vec::new();
    'items: for item in left {
        for other in right {
            if item.same(other, work)? {
                continue 'items;
            }
        }
        rest.push(item.clone());
    }
    Ok(Value::array(rest))
}
