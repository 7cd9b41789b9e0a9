//! Runs a program over a value.
//!
//! Each step hands its outputs on, one at a time, to what stands behind it: nothing is kept that is not asked for. So
//! the call stack is at most as deep as the program is large. All work is counted, and when there is no more of it left
//! the run ends, wherever it is.

use std::cmp::Ordering;

use regex::Regex;

use super::{
    arithmetic,
    functions::{IsOf, Plain, With, written},
    node::{Arithmetic, By, Comparison, Node, Piece},
    value::{Number, Object, Text, Value, order},
};
use crate::limits::{MAX_JQ_STEPS, MAX_PROBLEMS};

/// Why a step does not go on.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The program cannot do something with a value. `try` catches it.
    Error(Box<str>),
    /// All work is done that one output may take.
    Exhausted,
    /// Nobody wants more.
    Enough,
}

/// Whether to go on.
pub(crate) type Flow = Result<(), Stop>;

impl Stop {
    pub(crate) fn error(message: impl Into<Box<str>>) -> Self {
        Self::Error(message.into())
    }
}

/// The work that is left.
#[derive(Debug)]
pub(crate) struct Work {
    steps: u64,
}

/// Bytes of text that are handled in a step.
const BYTES_PER_STEP: usize = 16;

impl Work {
    /// Takes `steps` of it.
    pub(crate) fn spend(&mut self, steps: u64) -> Flow {
        let left = self.steps.checked_sub(steps);
        self.steps = left.unwrap_or(0);
        left.map(|_| ()).ok_or(Stop::Exhausted)
    }

    /// Takes as much as text of that length costs.
    pub(crate) fn spend_bytes(&mut self, bytes: usize) -> Flow {
        self.spend((bytes / BYTES_PER_STEP) as u64 + 1)
    }
}

/// One run.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) work: Work,
    /// Errors that cost an item and not the run.
    pub(super) errors: Vec<Box<str>>,
    /// So many more of them.
    pub(super) unlisted: usize,
}

/// Takes the outputs of a step.
type Emit<'e, 't> = dyn FnMut(Value<'t>, &mut Machine) -> Flow + 'e;

/// The variables that are bound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'e, 't>(Option<&'e Bound<'e, 't>>);

#[derive(Debug)]
struct Bound<'e, 't> {
    value: &'e Value<'t>,
    outer: Scope<'e, 't>,
}

impl<'e, 't> Scope<'e, 't> {
    pub(super) const EMPTY: Self = Self(None);

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
    pub(super) const fn new() -> Self {
        Self {
            work: Work {
                steps: MAX_JQ_STEPS,
            },
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

    fn array<'t>(
        &mut self,
        items: Option<&'t Node>,
        input: &Value<'t>,
        scope: Scope<'_, 't>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        let items = self.collect(items, input, scope)?;
        emit(Value::array(items), self)
    }

    fn negated<'t>(
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

    fn bind<'t>(
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

    fn variable<'t>(&mut self, back: usize, scope: Scope<'_, 't>, emit: &mut Emit<'_, 't>) -> Flow {
        let value = scope.value(back);
        let value = value.expect("the parser counts bindings as the machine does");
        emit(value.clone(), self)
    }

    fn calculated<'t>(
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

    fn compared<'t>(
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

    fn index<'t>(
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

    fn plain<'t>(&mut self, function: Plain, input: &Value<'t>, emit: &mut Emit<'_, 't>) -> Flow {
        let value = function(input.clone(), &mut self.work)?;
        emit(value, self)
    }

    fn with<'t>(
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

    fn of_kind<'t>(&mut self, is_of: IsOf, input: &Value<'t>, emit: &mut Emit<'_, 't>) -> Flow {
        if is_of(input) {
            emit(input.clone(), self)
        } else {
            Ok(())
        }
    }

    fn select<'t>(
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

    fn first_of<'t>(
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

    fn test<'t>(&mut self, regex: &Regex, input: &Value<'t>, emit: &mut Emit<'_, 't>) -> Flow {
        let text = self.searched(input)?;
        emit(Value::Bool(regex.is_match(text)), self)
    }

    fn capture<'t>(
        &mut self,
        regex: &'t Regex,
        input: &Value<'t>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        match captured(regex, self.searched(input)?) {
            Some(groups) => emit(groups, self),
            None => Ok(()),
        }
    }

    /// `input` and what is in it, from the outside in.
    fn everything<'t>(&mut self, input: &Value<'t>, emit: &mut Emit<'_, 't>) -> Flow {
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

    fn interpolate<'t>(
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

    /// All outputs of `node`; none where there is none.
    fn collect<'t>(
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
    fn object<'t>(
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

    fn pipe<'t>(
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

    fn comma<'t>(
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

    /// Gives `emit` each combination of the outputs of `left` and `right`.
    fn pairs<'t>(
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
    fn decided<'t>(
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

    /// Runs `node`; its own errors end it and are left out, those of `emit` are not.
    fn attempt<'t>(
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

    /// The outputs of `first` that are true, or else those of `second`.
    fn alternative<'t>(
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

    fn branch<'t>(
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

    fn field<'t>(
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

    fn slice<'t>(
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

    fn each<'t>(
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

    /// The first output of `node`.
    fn first<'t>(
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
    fn quantified<'t>(
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

    /// `input` with the first output of `of` for each value, and without those for which there is none.
    fn map_values<'t>(
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
    fn by<'t>(
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

    /// The text that a pattern is looked for in, paid for.
    fn searched<'v>(&mut self, value: &'v Value<'_>) -> Result<&'v str, Stop> {
        let Value::Text(text) = value else {
            return Err(Stop::error(format!("{} is no text", value.described())));
        };
        self.work.spend(text.as_str().len() as u64 + 1)?;
        Ok(text.as_str())
    }
}

/// An item with what it is sorted by.
type Keyed<'t> = (Vec<Value<'t>>, Value<'t>);

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

/// The named groups of the first match; null for one that took no part.
fn captured<'t>(regex: &'t Regex, text: &str) -> Option<Value<'t>> {
    let captures = regex.captures(text)?;
    let groups = regex.capture_names().flatten().map(|name| {
        let group = captures.name(name);
        let value = group.map_or(Value::Null, |group| Value::text(group.as_str()));
        (Text::Borrowed(name), value)
    });
    Some(Value::Object(Object::new(groups.collect()).into()))
}
