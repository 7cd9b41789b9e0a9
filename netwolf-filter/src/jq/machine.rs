//! Runs a program over a value.
//!
//! Each step hands its outputs on, one at a time, to what stands behind it: nothing is kept that is not asked for. So
//! the call stack is at most as deep as the program is large. All work is counted, and when there is no more of it left
//! the run ends, wherever it is.
//!
//! What the steps do is in the modules below; here is only which of them does it.

mod calls;
mod construction;
mod control;
mod operators;
mod paths;
mod patterns;
mod scope;

pub(super) use self::scope::Scope;
use super::{
    node::Node,
    value::{Text, Value},
    work::{Flow, Work},
};

/// One run.
#[derive(Debug)]
pub(super) struct Machine {
    work: Work,
    /// Errors that cost an item and not the run.
    pub(super) errors: Vec<Box<str>>,
    /// So many more of them.
    pub(super) unlisted: usize,
}

/// Takes the outputs of a step.
type Emit<'e, 't> = dyn FnMut(Value<'t>, &mut Machine) -> Flow + 'e;

impl Machine {
    pub(super) const fn new() -> Self {
        Self {
            work: Work::new(),
            errors: Vec::new(),
            unlisted: 0,
        }
    }

    /// Gives `emit` what `node` makes of `input`.
    pub(super) fn run<'t>(
        &mut self,
        node: &'t Node,
        input: &Value<'t>,
        scope: Scope<'_, 't>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        self.work.spend(1)?;
        // Each arm calls, and holds nothing itself: this frame is on the stack as often as the program has parts.
        match node {
            Node::Input => emit(input.clone(), self),
            Node::Everything => self.everything(input, emit),
            Node::Empty => Ok(()),
            Node::Null => emit(Value::Null, self),
            Node::Bool(value) => emit(Value::Bool(*value), self),
            Node::Number(number) => emit(Value::Number(*number), self),
            Node::Text(text) => emit(Value::Text(Text::Borrowed(text)), self),
            Node::Interpolated(pieces) => self.interpolate(pieces, "", input, scope, emit),
            Node::Array(items) => self.array(items.as_deref(), input, scope, emit),
            Node::Object(entries) => self.object(entries, &mut Vec::new(), input, scope, emit),
            Node::Negated(of) => self.negated(of, input, scope, emit),
            Node::Pipe(stages) => self.pipe(stages, input, scope, emit),
            Node::Comma(parts) => self.comma(parts, input, scope, emit),
            Node::Bind(of, body) => self.bind(of, body, input, scope, emit),
            Node::Variable(back) => self.variable(*back, scope, emit),
            Node::Alternative(first, second) => self.alternative(first, second, input, scope, emit),
            Node::And(left, right) => self.decided(false, left, right, input, scope, emit),
            Node::Or(left, right) => self.decided(true, left, right, input, scope, emit),
            Node::Calculated(sign, left, right) => {
                self.calculated(*sign, left, right, input, scope, emit)
            }
            Node::Compared(comparison, left, right) => {
                self.compared(*comparison, left, right, input, scope, emit)
            }
            Node::If(cases, otherwise) => {
                self.branch(cases, otherwise.as_deref(), input, scope, emit)
            }
            Node::Try(of) => self.attempt(of, input, scope, emit),
            Node::Field(of, name) => self.field(of, name, input, scope, emit),
            Node::Index(of, index) => self.index(of, index, input, scope, emit),
            Node::Slice(of, from, to) => self.slice(of, [from, to], input, scope, emit),
            Node::Each { of, costs_its_item } => self.each(of, *costs_its_item, input, scope, emit),
            Node::Plain(function) => self.plain(*function, input, emit),
            Node::With(function, argument) => self.with(*function, argument, input, scope, emit),
            Node::OfKind(is_of) => self.of_kind(*is_of, input, emit),
            Node::Select(condition) => self.select(condition, input, scope, emit),
            Node::MapValues(of) => self.map_values(of, input, scope, emit),
            Node::First(of) => self.first_of(of, input, scope, emit),
            Node::Quantified(end, of, condition) => {
                self.quantified(*end, of, condition, input, scope, emit)
            }
            Node::By(by, key) => self.by(*by, key, input, scope, emit),
            Node::Test(regex) => self.test(regex, input, emit),
            Node::Capture(regex) => self.capture(regex, input, emit),
        }
    }
}
