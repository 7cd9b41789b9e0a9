//! Steps that say what runs and what goes on: `|`, `,`, `//`, `if`, `try`, `select`, `first`, `any` and `all`.

use super::{Emit, Machine, Scope};
use crate::jq::{
    node::Node,
    value::Value,
    work::{Flow, Stop},
};

impl Machine {
    pub(super) fn pipe<'t>(
        &mut self,
        stages: &'t [Node],
        input: &Value<'t>,
        scope: Scope<'_, 't>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        match stages {
            [] => emit(input.clone(), self),
            [last] => self.run(last, input, scope, emit),
            [stage, rest @ ..] => self.run(stage, input, scope, &mut |value, machine| {
                machine.pipe(rest, &value, scope, emit)
            }),
        }
    }

    pub(super) fn comma<'t>(
        &mut self,
        parts: &'t [Node],
        input: &Value<'t>,
        scope: Scope<'_, 't>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        parts
            .iter()
            .try_for_each(|part| self.run(part, input, scope, emit))
    }

    /// The outputs of `first` that are true, or else those of `second`.
    pub(super) fn alternative<'t>(
        &mut self,
        first: &'t Node,
        second: &'t Node,
        input: &Value<'t>,
        scope: Scope<'_, 't>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        let mut any = false;
        self.attempt(first, input, scope, &mut |value, machine| {
            if !value.is_true() {
                return Ok(());
            }
            any = true;
            emit(value, machine)
        })?;
        if any {
            return Ok(());
        }
        self.run(second, input, scope, emit)
    }

    pub(super) fn branch<'t>(
        &mut self,
        cases: &'t [(Node, Node)],
        otherwise: Option<&'t Node>,
        input: &Value<'t>,
        scope: Scope<'_, 't>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        let [(condition, then), rest @ ..] = cases else {
            return match otherwise {
                Some(otherwise) => self.run(otherwise, input, scope, emit),
                None => emit(input.clone(), self),
            };
        };
        self.run(condition, input, scope, &mut |holds, machine| {
            if holds.is_true() {
                machine.run(then, input, scope, emit)
            } else {
                machine.branch(rest, otherwise, input, scope, emit)
            }
        })
    }

    /// Runs `node`; its own errors end it and are left out, those of `emit` are not.
    pub(super) fn attempt<'t>(
        &mut self,
        node: &'t Node,
        input: &Value<'t>,
        scope: Scope<'_, 't>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        let mut is_emits = false;
        let flow = self.run(node, input, scope, &mut |value, machine| {
            let flow = emit(value, machine);
            is_emits = flow.is_err();
            flow
        });
        match flow {
            Err(Stop::Error(_)) if !is_emits => Ok(()),
            flow => flow,
        }
    }

    pub(super) fn select<'t>(
        &mut self,
        condition: &'t Node,
        input: &Value<'t>,
        scope: Scope<'_, 't>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        self.run(condition, input, scope, &mut |holds, machine| {
            if holds.is_true() {
                emit(input.clone(), machine)
            } else {
                Ok(())
            }
        })
    }

    pub(super) fn first_of<'t>(
        &mut self,
        of: &'t Node,
        input: &Value<'t>,
        scope: Scope<'_, 't>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        match self.first(of, input, scope)? {
            Some(value) => emit(value, self),
            None => Ok(()),
        }
    }

    /// The first output of `node`.
    pub(super) fn first<'t>(
        &mut self,
        node: &'t Node,
        input: &Value<'t>,
        scope: Scope<'_, 't>,
    ) -> Result<Option<Value<'t>>, Stop> {
        let mut first = None;
        let flow = self.run(node, input, scope, &mut |value, _| {
            first = Some(value);
            Err(Stop::Enough)
        });
        match flow {
            Ok(()) | Err(Stop::Enough) => Ok(first),
            Err(stop) => Err(stop),
        }
    }

    /// Whether `condition` is `end` for anything that comes out of `of`; if not, the opposite.
    pub(super) fn quantified<'t>(
        &mut self,
        end: bool,
        of: &'t Node,
        condition: &'t Node,
        input: &Value<'t>,
        scope: Scope<'_, 't>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        let mut ends = false;
        let flow = self.run(of, input, scope, &mut |value, machine| {
            machine.run(condition, &value, scope, &mut |holds, _| {
                ends = holds.is_true() == end;
                if ends { Err(Stop::Enough) } else { Ok(()) }
            })
        });
        match flow {
            Ok(()) | Err(Stop::Enough) => emit(Value::Bool(ends == end), self),
            Err(stop) => Err(stop),
        }
    }
}
