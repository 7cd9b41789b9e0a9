//! Calls: functions of the table, and those that run their argument for each item.

use super::{Emit, Machine, Scope};
use crate::jq::{
    functions::{IsOf, Plain, With},
    node::{By, Node},
    value::{Value, order},
    work::{Flow, Stop},
};

impl Machine {
    pub(super) fn plain<'t>(
        &mut self,
        function: Plain,
        input: &Value<'t>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        let value = function(input.clone(), &mut self.work)?;
        emit(value, self)
    }

    pub(super) fn with<'t>(
        &mut self,
        function: With,
        argument: &'t Node,
        input: &Value<'t>,
        scope: Scope<'_, 't>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        self.run(argument, input, scope, &mut |argument, machine| {
            let value = function(input.clone(), argument, &mut machine.work)?;
            emit(value, machine)
        })
    }

    pub(super) fn of_kind<'t>(
        &mut self,
        is_of: IsOf,
        input: &Value<'t>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        if is_of(input) {
            emit(input.clone(), self)
        } else {
            Ok(())
        }
    }

    /// `input` with the first output of `of` for each value, and without those for which there is none.
    pub(super) fn map_values<'t>(
        &mut self,
        of: &'t Node,
        input: &Value<'t>,
        scope: Scope<'_, 't>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        let mapped = match input {
            Value::Array(items) => {
                let mut mapped = Vec::new();
                for item in items.iter() {
                    self.work.spend(1)?;
                    mapped.extend(self.first(of, item, scope)?);
                }
                Value::array(mapped)
            }
            Value::Object(object) => {
                let mut mapped = Vec::new();
                for (name, value) in object.entries() {
                    self.work.spend(2)?;
                    let value = self.first(of, value, scope)?;
                    mapped.extend(value.map(|value| (name.clone(), value)));
                }
                Value::object(mapped)
            }
            input => return Err(Stop::error(format!("{} has no items", input.described()))),
        };
        emit(mapped, self)
    }

    /// Sorts the items of `input` by what `key` makes of each, and then does what is to be done.
    pub(super) fn by<'t>(
        &mut self,
        by: By,
        key: &'t Node,
        input: &Value<'t>,
        scope: Scope<'_, 't>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        let Value::Array(items) = input else {
            return Err(Stop::error(format!("{} is no array", input.described())));
        };
        let mut keyed = Vec::new();
        for item in items.iter() {
            let keys = self.collect(Some(key), item, scope)?;
            // Sorting comes to some comparisons for each.
            keys.iter()
                .try_for_each(|key| key.pay(16, &mut self.work))?;
            keyed.push((keys, item.clone()));
        }
        // The last of the greatest, and the first of the least.
        keyed.sort_by(|(a, _), (b, _)| order(a, b));
        let is_same = |(a, _): &Keyed<'t>, (b, _): &Keyed<'t>| order(a, b).is_eq();
        let value = match by {
            By::Sort => Value::array(keyed.into_iter().map(|(_, item)| item).collect()),
            By::Unique => {
                keyed.dedup_by(|b, a| is_same(a, b));
                Value::array(keyed.into_iter().map(|(_, item)| item).collect())
            }
            By::Group => {
                let groups = keyed.chunk_by(is_same).map(|group| {
                    Value::array(group.iter().map(|(_, item)| item.clone()).collect())
                });
                Value::array(groups.collect())
            }
            By::Min => keyed
                .into_iter()
                .next()
                .map_or(Value::Null, |(_, item)| item),
            By::Max => keyed.pop().map_or(Value::Null, |(_, item)| item),
        };
        emit(value, self)
    }
}

/// An item with what it is sorted by.
type Keyed<'t> = (Vec<Value<'t>>, Value<'t>);
