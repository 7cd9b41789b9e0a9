//! Where records come from. Each source has a module of its own and gives the same thing: its fields'
//! names when it is compiled, and then records of those fields, one at a time.

mod jq;
mod regex;
mod shared;
mod textfsm;
mod xml;

use std::ops::ControlFlow;

use netwolf_wire::rule::{Rule, Source, SourceError};

pub(crate) use self::shared::Shared;
use self::{jq::JqRecords, regex::RegexRecords, textfsm::TextFsmRecords, xml::XmlRecords};
use crate::{error::Fault, problem::ProblemKind};

/// A compiled source.
#[derive(Debug)]
pub(crate) enum Records {
    Regex(RegexRecords),
    TextFsm(TextFsmRecords),
    Jq(JqRecords),
    Xml(XmlRecords),
}

/// What a source finds in an output.
#[derive(Debug)]
pub(crate) enum Found<'r> {
    Record(Record<'r>),
    /// Something that it cannot read, with the text for people.
    Problem(ProblemKind, String),
    /// So many more problems.
    UnlistedProblems(usize),
}

impl Records {
    /// Compiles the source of `rule`.
    ///
    /// # Errors
    /// Every fault of the source.
    pub(crate) fn compile(rule: &Rule) -> Result<Self, Vec<Fault>> {
        match rule.source() {
            Ok(Source::Regex(source)) => RegexRecords::compile(source).map(Self::Regex),
            Ok(Source::TextFsm(text)) => TextFsmRecords::compile(text).map(Self::TextFsm),
            Ok(Source::Jq(text)) => JqRecords::compile(text, rule).map(Self::Jq),
            Ok(Source::Xml(source)) => XmlRecords::compile(source).map(Self::Xml),
            Err(SourceError::None) => Err(vec![Fault::NoSource]),
            Err(SourceError::Many) => Err(vec![Fault::ManySources]),
        }
    }

    /// The fields' names, in the order of a record's indices.
    pub(crate) fn fields(&self) -> &[String] {
        match self {
            Self::Regex(regex) => regex.fields(),
            Self::TextFsm(template) => template.fields(),
            Self::Jq(program) => program.fields(),
            Self::Xml(paths) => paths.fields(),
        }
    }

    /// Whether each record that has `field` certainly has `other`, too.
    pub(crate) fn comes_with(&self, field: &str, other: &str) -> bool {
        match self {
            Self::Regex(regex) => regex.comes_with(field, other),
            // A cell or an element may be empty, and a key may be null.
            Self::TextFsm(_) | Self::Jq(_) | Self::Xml(_) => false,
        }
    }

    /// The fault of a metric, in the words of its source.
    pub(crate) fn told(&self, fault: Fault) -> Fault {
        match self {
            Self::Regex(_) => fault,
            Self::TextFsm(_) => fault.of_a_template(),
            Self::Jq(_) => fault.of_a_program(),
            Self::Xml(_) => fault.of_paths(),
        }
    }

    /// Whether an output without any record is a problem.
    pub(crate) fn wants_a_record(&self) -> bool {
        match self {
            Self::Regex(regex) => regex.wants_a_record(),
            // A table may be empty.
            Self::TextFsm(_) | Self::Jq(_) | Self::Xml(_) => false,
        }
    }

    /// Gives `each` what is in the output until it breaks: problems, and then the records in their order.
    pub(crate) fn read(
        &self,
        shared: &Shared<'_>,
        mut each: impl FnMut(Found<'_>) -> ControlFlow<()>,
    ) {
        let output = shared.output();
        if let Self::Regex(regex) = self
            && regex.read(output, |record| each(Found::Record(record))) == Ok(())
        {
            return;
        }
        // One copy of `each` for all of these: with one at each place that calls it, it is not part of the loop above
        // any more, and a poll by `regex` costs a tenth more.
        let each: &mut dyn FnMut(Found<'_>) -> ControlFlow<()> = &mut each;
        // `each` said how to go on, and there is nothing left to do either way.
        let _done = match self {
            // Else all is done.
            Self::Regex(_) => {
                let text = "the work for one output".to_owned();
                each(Found::Problem(ProblemKind::TooMany, text))
            }
            Self::TextFsm(template) => template.read(output, each),
            Self::Jq(program) => program.read(shared, each),
            Self::Xml(paths) => paths.read(shared, each),
        };
    }
}

/// The fields of one record, by index; the names were settled when the rule was compiled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'r> {
    fields: &'r [Option<&'r str>],
}

impl<'r> Record<'r> {
    pub(crate) const fn new(fields: &'r [Option<&'r str>]) -> Self {
        Self { fields }
    }

    /// The field's text; `None` when its group took no part.
    pub(crate) fn field(&self, index: usize) -> Option<&'r str> {
        self.fields.get(index).copied().flatten()
    }
}
