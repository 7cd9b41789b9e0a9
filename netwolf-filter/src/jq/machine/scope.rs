//! Variables: binding and looking them up. Bindings lie on the call stack, each pointing to the one around it.

use super::{Emit, Machine};
use crate::jq::{node::Node, value::Value, work::Flow};

/// The variables that are bound.
#[derive(Clone, Copy, Debug)]
pub(in crate::jq) struct Scope<'e, 't>(Option<&'e Bound<'e, 't>>);

#[derive(Debug)]
struct Bound<'e, 't> {
    value: &'e Value<'t>,
    outer: Scope<'e, 't>,
}

impl<'e, 't> Scope<'e, 't> {
    pub(in crate::jq) const EMPTY: Self = Self(None);

    /// The value that was bound so many bindings ago.
    fn value(self, back: usize) -> Option<&'e Value<'t>> {
        let mut bound = self.0?;
        for _ in 0..back {
            bound = bound.outer.0?;
        }
        Some(bound.value)
    }
}

impl Machine {
    pub(super) fn bind<'t>(
        &mut self,
        of: &'t Node,
        body: &'t Node,
        input: &Value<'t>,
        scope: Scope<'_, 't>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        self.run(of, input, scope, &mut |value, machine| {
            let bound = Bound {
                value: &value,
                outer: scope,
            };
            machine.run(body, input, Scope(Some(&bound)), emit)
        })
    }

    pub(super) fn variable<'t>(
        &mut self,
        back: usize,
        scope: Scope<'_, 't>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        let value = scope.value(back);
        let value = value.expect("the parser counts bindings as the machine does");
        emit(value.clone(), self)
    }
}
