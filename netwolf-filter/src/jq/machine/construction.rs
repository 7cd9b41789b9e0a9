//! Steps that make values: arrays, objects and interpolated texts.

use super::{Emit, Machine, Scope};
use crate::jq::{
    functions::written,
    node::{Node, Piece},
    value::{Text, Value},
    work::{Flow, Stop},
};

impl Machine {
    pub(super) fn array<'t>(
        &mut self,
        items: Option<&'t Node>,
        input: &Value<'t>,
        scope: Scope<'_, 't>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        let items = self.collect(items, input, scope)?;
        emit(Value::array(items), self)
    }

    /// All outputs of `node`; none where there is none.
    pub(super) fn collect<'t>(
        &mut self,
        node: Option<&'t Node>,
        input: &Value<'t>,
        scope: Scope<'_, 't>,
    ) -> Result<Vec<Value<'t>>, Stop> {
        let mut items = Vec::new();
        if let Some(node) = node {
            self.run(node, input, scope, &mut |value, machine| {
                items.push(value);
                machine.work.spend(1)
            })?;
        }
        Ok(items)
    }

    /// An object for each combination of keys and values. `done` are the entries so far.
    pub(super) fn object<'t>(
        &mut self,
        entries: &'t [(Node, Node)],
        done: &mut Vec<(Text<'t>, Value<'t>)>,
        input: &Value<'t>,
        scope: Scope<'_, 't>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        let [(key, value), rest @ ..] = entries else {
            self.work.spend(2 * done.len() as u64)?;
            return emit(Value::object(done.clone()), self);
        };
        // What nearly all keys are.
        if let Node::Text(key) = key {
            let key = Text::Borrowed(key);
            return self.entry(&key, value, rest, done, input, scope, emit);
        }
        self.run(key, input, scope, &mut |key, machine| match key {
            Value::Text(key) => machine.entry(&key, value, rest, done, input, scope, emit),
            key => {
                let key = key.described();
                Err(Stop::error(format!("{key} cannot be the key of an object")))
            }
        })
    }

    /// The entry `key` with each output of `value`, and then the `rest`.
    #[expect(clippy::too_many_arguments, reason = "it is one half of `object`")]
    fn entry<'t>(
        &mut self,
        key: &Text<'t>,
        value: &'t Node,
        rest: &'t [(Node, Node)],
        done: &mut Vec<(Text<'t>, Value<'t>)>,
        input: &Value<'t>,
        scope: Scope<'_, 't>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        self.run(value, input, scope, &mut |value, machine| {
            done.push((key.clone(), value));
            let flow = machine.object(rest, done, input, scope, emit);
            done.pop();
            flow
        })
    }

    pub(super) fn interpolate<'t>(
        &mut self,
        pieces: &'t [Piece],
        text: &str,
        input: &Value<'t>,
        scope: Scope<'_, 't>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        self.work.spend_bytes(text.len())?;
        match pieces {
            [] => emit(Value::text(text), self),
            [Piece::Text(piece), rest @ ..] => {
                self.interpolate(rest, &[text, piece].concat(), input, scope, emit)
            }
            [Piece::Of(of), rest @ ..] => self.run(of, input, scope, &mut |value, machine| {
                let text = [text, &written(&value, &mut machine.work)?].concat();
                machine.interpolate(rest, &text, input, scope, emit)
            }),
        }
    }
}
