//! Records by a jq program: each object that it outputs is one, and the object's keys are the fields.
//!
//! `null` is an absent field. An array or an object is no text: such a field is absent, and a problem. What a program
//! cannot do with a part of the output costs that part, and what is no JSON costs the output; both are problems.

use std::{borrow::Cow, cell::RefCell, ops::ControlFlow};

use netwolf_wire::rule::Rule;

use super::{Found, Record, Shared};
use crate::{
    error::Fault,
    jq::{Flow, Program, Ran, Stop, Value},
    problem::{ProblemKind, excerpt},
    template::Template,
};

/// A compiled `jq` source.
#[derive(Debug)]
pub(crate) struct JqRecords {
    program: Program,
    fields: Vec<String>,
}

impl JqRecords {
    /// Parses the program `text` of `rule`. Where its keys cannot be told, the fields are those that the rule uses.
    ///
    /// # Errors
    /// The program's fault.
    pub(crate) fn compile(text: &str, rule: &Rule) -> Result<Self, Vec<Fault>> {
        let program = Program::parse(text).map_err(|error| vec![Fault::BadProgram(error)])?;
        let fields = program.keys().unwrap_or_else(|| used(rule));
        Ok(Self { program, fields })
    }

    /// The fields' names, in the order of a record's indices.
    pub(crate) fn fields(&self) -> &[String] {
        &self.fields
    }

    /// Gives `each` the records and then the problems of the output, until it breaks.
    pub(crate) fn read(
        &self,
        shared: &Shared<'_>,
        mut each: impl FnMut(Found<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let input = match shared.json() {
            Ok(input) => input,
            Err((kind, text)) => return each(Found::Problem(*kind, text.clone())),
        };
        let ran = self
            .program
            .run(input, |value| self.record(&value, &mut each));
        tell(&ran, &mut each)
    }

    /// Gives `each` an output of the program.
    fn record(
        &self,
        value: &Value<'_>,
        each: &mut impl FnMut(Found<'_>) -> ControlFlow<()>,
    ) -> Flow {
        let mut each = |found: Found<'_>| match each(found) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Stop::Enough),
        };
        let mut unreadable = |text: String| {
            let problem = Found::Problem(ProblemKind::Unreadable, excerpt(&text));
            each(problem)
        };
        let Value::Object(object) = value else {
            let what = value.described();
            return unreadable(format!(
                "the program makes {what} where an object is wanted"
            ));
        };
        let mut texts = Vec::with_capacity(self.fields.len());
        for field in &self.fields {
            texts.push(match object.get(field) {
                None | Some(Value::Null) => None,
                Some(Value::Text(text)) => Some(Cow::Borrowed(text.as_str())),
                Some(nested) if nested.is_nested() => {
                    let what = nested.described();
                    unreadable(format!("field {field:?} is {what}"))?;
                    None
                }
                Some(scalar) => Some(Cow::Owned(scalar.described())),
            });
        }
        let fields: Vec<_> = texts.iter().map(Option::as_deref).collect();
        each(Found::Record(Record::new(&fields)))
    }
}

/// Tells how a run went, where it did not go well.
fn tell(ran: &Ran, each: &mut impl FnMut(Found<'_>) -> ControlFlow<()>) -> ControlFlow<()> {
    let last = match &ran.stop {
        Some(Stop::Error(message)) => Some(message),
        _ => None,
    };
    for message in ran.errors.iter().chain(last) {
        let text = excerpt(message);
        each(Found::Problem(ProblemKind::Unreadable, text))?;
    }
    if ran.unlisted > 0 {
        each(Found::UnlistedProblems(ran.unlisted))?;
    }
    if ran.stop == Some(Stop::Exhausted) {
        let text = "steps of the program for this output".to_owned();
        each(Found::Problem(ProblemKind::TooMany, text))?;
    }
    ControlFlow::Continue(())
}

/// The fields that `rule` uses, each once. Faults of its metrics are told by whoever compiles them.
fn used(rule: &Rule) -> Vec<String> {
    let used = RefCell::new(Vec::new());
    let add = |name: &str| {
        let mut used = used.borrow_mut();
        if !used.iter().any(|it| it == name) {
            used.push(name.to_owned());
        }
        Ok(0)
    };
    let metrics = rule.metrics.iter();
    let conditions = metrics.flat_map(|metric| [&metric.when, &metric.unless]);
    for condition in conditions.chain([&rule.when, &rule.unless]) {
        condition.keys().map(|name| add(name)).for_each(drop);
    }
    for metric in &rule.metrics {
        let values = metric.value.iter().map(|name| add(name).map(|_| ()));
        let texts = metric.labels.values();
        let labels = texts.map(|text| Template::compile(text, add).map(|_| ()));
        values.chain(labels).for_each(drop);
    }
    used.into_inner()
}
