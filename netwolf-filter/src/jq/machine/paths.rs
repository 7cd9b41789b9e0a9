//! Steps into a value: fields, indices, slices, all its items, and all that is in it.

use super::{Emit, Machine, Scope};
use crate::{
    jq::{
        functions::written,
        node::Node,
        value::{Number, Value},
        work::{Flow, Stop, Work},
    },
    limits::MAX_PROBLEMS,
};

impl Machine {
    /// `input` and what is in it, from the outside in.
    pub(super) fn everything<'t>(&mut self, input: &Value<'t>, emit: &mut Emit<'_, 't>) -> Flow {
        self.work.spend(1)?;
        emit(input.clone(), self)?;
        match input {
            Value::Array(items) => items
                .iter()
                .try_for_each(|item| self.everything(item, emit)),
            Value::Object(object) => {
                let mut entries = object.entries().iter();
                entries.try_for_each(|(_, value)| self.everything(value, emit))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn field<'t>(
        &mut self,
        of: &'t Node,
        name: &str,
        input: &Value<'t>,
        scope: Scope<'_, 't>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        // What programs do most.
        if let Node::Input = of {
            return emit(named(input, name)?, self);
        }
        self.run(of, input, scope, &mut |of, machine| {
            emit(named(&of, name)?, machine)
        })
    }

    pub(super) fn index<'t>(
        &mut self,
        of: &'t Node,
        index: &'t Node,
        input: &Value<'t>,
        scope: Scope<'_, 't>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        self.pairs(of, index, input, scope, &mut |of, index, machine| {
            emit(at(&of, &index)?, machine)
        })
    }

    pub(super) fn slice<'t>(
        &mut self,
        of: &'t Node,
        [from, to]: [&'t Option<Box<Node>>; 2],
        input: &Value<'t>,
        scope: Scope<'_, 't>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        let [from, to] = [from, to].map(|end| end.as_deref().unwrap_or(&Node::Null));
        self.run(of, input, scope, &mut |of, machine| {
            machine.pairs(from, to, input, scope, &mut |from, to, machine| {
                emit(sliced(&of, &from, &to, &mut machine.work)?, machine)
            })
        })
    }

    pub(super) fn each<'t>(
        &mut self,
        of: &'t Node,
        costs_its_item: bool,
        input: &Value<'t>,
        scope: Scope<'_, 't>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        self.run(of, input, scope, &mut |of, machine| {
            let mut one = |item: &Value<'t>| {
                machine.work.spend(1)?;
                match emit(item.clone(), machine) {
                    Err(Stop::Error(message)) if costs_its_item => {
                        machine.list(message);
                        Ok(())
                    }
                    flow => flow,
                }
            };
            match &of {
                Value::Array(items) => items.iter().try_for_each(one),
                Value::Object(object) => object
                    .entries()
                    .iter()
                    .try_for_each(|(_, value)| one(value)),
                of => Err(Stop::error(format!("{} has no items", of.described()))),
            }
        })
    }

    fn list(&mut self, message: Box<str>) {
        if self.errors.len() < MAX_PROBLEMS {
            self.errors.push(message);
        } else {
            self.unlisted += 1;
        }
    }
}

/// The field of an object; null where there is none.
fn named<'t>(of: &Value<'t>, name: &str) -> Result<Value<'t>, Stop> {
    match of {
        Value::Object(object) => Ok(object.get(name).cloned().unwrap_or(Value::Null)),
        Value::Null => Ok(Value::Null),
        of => Err(Stop::error(format!(
            "{} has no field {name:?}",
            of.described()
        ))),
    }
}

/// `of[index]`
fn at<'t>(of: &Value<'t>, index: &Value<'t>) -> Result<Value<'t>, Stop> {
    match (of, index) {
        (of, Value::Text(name)) => named(of, name.as_str()),
        (Value::Array(items), Value::Number(index)) => {
            let item = place(*index, items.len()).and_then(|place| items.get(place));
            Ok(item.cloned().unwrap_or(Value::Null))
        }
        (Value::Null, Value::Number(_) | Value::Null) => Ok(Value::Null),
        (of, index) => {
            let (of, index) = (of.described(), index.described());
            Err(Stop::error(format!("{of} has no item {index}")))
        }
    }
}

/// Where an index points to, which counts from the end when it is negative.
fn place(index: Number, length: usize) -> Option<usize> {
    let index = match index {
        Number::Whole(index) => index,
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a float that is no index finds no item either way"
        )]
        Number::Float(index) => index.floor() as i128,
    };
    let from_start = if index < 0 {
        index.saturating_add(length as i128)
    } else {
        index
    };
    usize::try_from(from_start).ok()
}

/// `of[from:to]`, of which either end may be null.
fn sliced<'t>(
    of: &Value<'t>,
    from: &Value<'t>,
    to: &Value<'t>,
    work: &mut Work,
) -> Result<Value<'t>, Stop> {
    let length = match of {
        Value::Null => return Ok(Value::Null),
        Value::Array(items) => items.len(),
        Value::Text(text) => {
            work.spend_bytes(text.as_str().len())?;
            text.as_str().chars().count()
        }
        of => return Err(Stop::error(format!("{} has no slices", of.described()))),
    };
    let end =
        |end: &Value<'_>, open: usize| match end {
            Value::Null => Ok(open),
            // Before the start is the start, and behind the end is the end.
            Value::Number(index) => Ok(place(*index, length)
                .unwrap_or_else(|| if index.as_f64() < 0.0 { 0 } else { length })),
            end => Err(Stop::error(format!(
                "{} is no end of a slice",
                end.described()
            ))),
        };
    let (from, to) = (end(from, 0)?.min(length), end(to, length)?.min(length));
    let taken = to.saturating_sub(from);
    match of {
        Value::Array(items) => {
            work.spend(taken as u64)?;
            Ok(Value::array(
                items.iter().skip(from).take(taken).cloned().collect(),
            ))
        }
        of => {
            let text: String = written(of, work)?.chars().skip(from).take(taken).collect();
            Ok(Value::text(text))
        }
    }
}
