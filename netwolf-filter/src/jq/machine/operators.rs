//! Operators: each combination of what their two sides output, calculated or compared.

use std::cmp::Ordering;

use super::{Emit, Machine, Scope};
use crate::jq::{
    arithmetic,
    node::{Arithmetic, Comparison, Node},
    value::Value,
    work::{Flow, Stop, Work},
};

impl Machine {
    pub(super) fn negated<'t>(
        &mut self,
        of: &'t Node,
        input: &Value<'t>,
        scope: Scope<'_, 't>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        self.run(of, input, scope, &mut |value, machine| {
            emit(arithmetic::negate(&value)?, machine)
        })
    }

    pub(super) fn calculated<'t>(
        &mut self,
        sign: Arithmetic,
        left: &'t Node,
        right: &'t Node,
        input: &Value<'t>,
        scope: Scope<'_, 't>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        self.pairs(left, right, input, scope, &mut |left, right, machine| {
            let value = arithmetic::calculate(sign, left, right, &mut machine.work)?;
            emit(value, machine)
        })
    }

    pub(super) fn compared<'t>(
        &mut self,
        comparison: Comparison,
        left: &'t Node,
        right: &'t Node,
        input: &Value<'t>,
        scope: Scope<'_, 't>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        self.pairs(left, right, input, scope, &mut |left, right, machine| {
            let holds = compare(comparison, &left, &right, &mut machine.work)?;
            emit(Value::Bool(holds), machine)
        })
    }

    /// Gives `emit` each combination of the outputs of `left` and `right`.
    pub(super) fn pairs<'t>(
        &mut self,
        left: &'t Node,
        right: &'t Node,
        input: &Value<'t>,
        scope: Scope<'_, 't>,
        emit: &mut dyn FnMut(Value<'t>, Value<'t>, &mut Self) -> Flow,
    ) -> Flow {
        self.run(left, input, scope, &mut |left, machine| {
            machine.run(right, input, scope, &mut |right, machine| {
                emit(left.clone(), right, machine)
            })
        })
    }

    /// `and` and `or`: `decides` is what the right side need not be asked about.
    pub(super) fn decided<'t>(
        &mut self,
        decides: bool,
        left: &'t Node,
        right: &'t Node,
        input: &Value<'t>,
        scope: Scope<'_, 't>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        self.run(left, input, scope, &mut |left, machine| {
            if left.is_true() == decides {
                return emit(Value::Bool(decides), machine);
            }
            machine.run(right, input, scope, &mut |right, machine| {
                emit(Value::Bool(right.is_true()), machine)
            })
        })
    }
}

fn compare(
    comparison: Comparison,
    left: &Value<'_>,
    right: &Value<'_>,
    work: &mut Work,
) -> Result<bool, Stop> {
    Ok(match comparison {
        Comparison::Equal => left.same(right, work)?,
        Comparison::Unequal => !left.same(right, work)?,
        Comparison::Less => ordered(left, right, work)?.is_lt(),
        Comparison::LessOrEqual => ordered(left, right, work)?.is_le(),
        Comparison::Greater => ordered(left, right, work)?.is_gt(),
        Comparison::GreaterOrEqual => ordered(left, right, work)?.is_ge(),
    })
}

fn ordered(left: &Value<'_>, right: &Value<'_>, work: &mut Work) -> Result<Ordering, Stop> {
    left.pay(1, work)?;
    right.pay(1, work)?;
    Ok(left.order(right))
}
