//! Runs a template over an output, line by line.
//!
//! ```text
//!   line --> rules of the state, in their order --> assign --> record action --> line action
//!               (only those that can begin so)                                    Continue: the next rule
//!                                                                                 Next: the next line, a state
//!                                                                                 Error: see below
//! ```
//!
//! No rule can go on with the same line in another state, so that every line ends. In the lenient mode an error loses
//! the record that was begun, and what follows of it until it would be recorded: it may belong to what the odd line
//! began.

use super::{
    limits::{MAX_OUTPUT_BYTES, MAX_PROBLEMS},
    lines::{Line, Lines},
    matcher::{Failure, Slots},
    pattern::first_text,
    problem::{Parsed, Problem, ProblemKind, RunError},
    record::{Outcome, Record},
    table::Table,
    template::{LineAction, RecordAction, Rule, Target, Template},
};
use crate::problem::excerpt;

/// Runs `template` as Python does.
pub(super) fn run<'t>(template: &Template, output: &'t str) -> Result<Table<'t>, RunError> {
    let settings = Settings {
        is_strict: true,
        ..Settings::default()
    };
    let mut run = Run::new(template, settings);
    match run.all(output) {
        Ok(()) => Ok(run.table),
        Err(End(problem)) => Err(RunError(problem)),
    }
}

/// Runs `template` and keeps what can be read. `settings` are lenient ones.
pub(super) fn run_leniently<'t>(
    template: &Template,
    output: &'t str,
    settings: Settings,
) -> Parsed<'t> {
    debug_assert!(!settings.is_strict, "an error has no table");
    let mut run = Run::new(template, settings);
    if let Err(End(problem)) = run.all(output) {
        run.list(problem);
    }
    Parsed {
        table: run.table,
        problems: run.problems,
        unlisted_problems: run.unlisted,
    }
}

/// How a template is run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// The first problem is the end.
    pub(super) is_strict: bool,
    /// Lines that no rule takes are told, unless it is strict.
    pub(super) tells_unmatched: bool,
    /// Cells of the table, each item of a list being one as well.
    pub(super) max_cells: usize,
    /// Work, as it is counted by [`MAX_WORK`](super::limits::MAX_WORK).
    pub(super) max_work: u64,
}

/// Lenient.
impl Default for Settings {
    fn default() -> Self {
        Self {
            is_strict: false,
            tells_unmatched: true,
            max_cells: super::limits::MAX_CELLS,
            max_work: super::limits::MAX_WORK,
        }
    }
}

/// Nothing is read after this.
struct End(Problem);

struct Run<'p, 't> {
    template: &'p Template,
    settings: Settings,
    table: Table<'t>,
    record: Record<'p, 't>,
    /// Of each rule of each state, made when it is first tried.
    slots: Vec<Vec<Slots>>,
    state: usize,
    problems: Vec<Problem>,
    unlisted: usize,
    /// The line's number, from 1.
    number: usize,
    work: u64,
}

/// How it goes on after a line.
enum Flow {
    On,
    /// `End` and not `EOF`.
    End,
    Eof,
}

impl<'p, 't> Run<'p, 't> {
    fn new(template: &'p Template, settings: Settings) -> Self {
        Self {
            template,
            settings,
            table: Table::new(template.header().clone()),
            record: Record::new(template),
            slots: template.states.iter().map(|_| Vec::new()).collect(),
            state: template.start,
            problems: Vec::new(),
            unlisted: 0,
            number: 0,
            work: 0,
        }
    }

    fn all(&mut self, output: &'t str) -> Result<(), End> {
        let read = self.whole_lines(output)?;
        for line in Lines::new(read) {
            self.number += 1;
            match self.line(line)? {
                Flow::On => {}
                Flow::End => return Ok(()),
                Flow::Eof => break,
            }
        }
        if !self.template.has_eof {
            self.save(None, "")?;
        }
        Ok(())
    }

    /// What is read of the output.
    fn whole_lines(&mut self, output: &'t str) -> Result<&'t str, End> {
        if output.len() <= MAX_OUTPUT_BYTES {
            return Ok(output);
        }
        self.tell(ProblemKind::OutputTooLong, None, "")?;
        let end = output.floor_char_boundary(MAX_OUTPUT_BYTES);
        let read = output.get(..end).unwrap_or_default();
        let end = read.rfind('\n').unwrap_or_default();
        Ok(read.get(..end).unwrap_or_default())
    }

    fn line(&mut self, line: Line<'t>) -> Result<Flow, End> {
        let template = self.template;
        let state = &template.states[self.state];
        let bytes = line.text.as_bytes();
        let text = first_text(bytes);
        if self.slots[self.state].is_empty() {
            self.slots[self.state].resize_with(state.rules.len(), Slots::default);
        }
        let mut is_matched = false;
        for (index, rule) in state.candidates(bytes.first().copied(), text) {
            if !self.matches(index, rule, line)? {
                continue;
            }
            is_matched = true;
            if let LineAction::Error(message) = &rule.line_action {
                return self.error(index, rule, message.as_ref(), line);
            }
            self.assign(index, rule, line)?;
            self.record_action(rule, line)?;
            if let LineAction::Next(target) = rule.line_action {
                return Ok(self.go(target));
            }
        }
        let tells = self.settings.tells_unmatched && !self.settings.is_strict;
        if !is_matched && text.is_some() && tells {
            self.tell(ProblemKind::Unmatched, None, line.text)?;
        }
        Ok(Flow::On)
    }

    fn matches(&mut self, index: usize, rule: &Rule, line: Line<'t>) -> Result<bool, End> {
        let slots = &mut self.slots[self.state][index];
        let matched = rule.matcher.matches(line, slots, &mut self.work);
        if self.work > self.settings.max_work {
            return Err(self.end(ProblemKind::TooMuchWork, line.text));
        }
        let kind = match matched {
            Ok(matched) => return Ok(matched),
            Err(Failure::Backtracks) => ProblemKind::Backtracks,
            Err(Failure::TooBig) => ProblemKind::PatternTooBig,
        };
        self.tell(kind, Some(rule), line.text)?;
        Ok(false)
    }

    fn assign(&mut self, index: usize, rule: &Rule, line: Line<'t>) -> Result<(), End> {
        for (slot, &value) in rule.values.iter().enumerate() {
            let found = self.slots[self.state][index].get(slot);
            let text = found.and_then(|(from, to)| line.text.get(from..to));
            let assigned = self
                .record
                .assign(value, text, &mut self.table, &mut self.work);
            if assigned.is_err() {
                self.tell(ProblemKind::NoGroup, Some(rule), line.text)?;
            }
        }
        Ok(())
    }

    fn record_action(&mut self, rule: &Rule, line: Line<'t>) -> Result<(), End> {
        match rule.record_action {
            RecordAction::None => {}
            RecordAction::Record => self.save(Some(rule), line.text)?,
            RecordAction::Clear => self.record.clear(),
            RecordAction::Clearall => self.record.clear_all(),
        }
        if !matches!(
            rule.record_action,
            RecordAction::None | RecordAction::Record
        ) {
            self.record.is_lost = false;
        }
        Ok(())
    }

    /// Records what there is, unless an error took a part of it.
    fn save(&mut self, rule: Option<&Rule>, text: &str) -> Result<(), End> {
        if std::mem::take(&mut self.record.is_lost) {
            self.record.clear();
            return Ok(());
        }
        let outcome = self.record.record(&mut self.table);
        if outcome == Outcome::Recorded && self.record.cells > self.settings.max_cells {
            let mut end = self.end(ProblemKind::TooManyCells, text);
            end.0.rule = rule.map(|rule| rule.line);
            return Err(end);
        }
        Ok(())
    }

    fn error(
        &mut self,
        index: usize,
        rule: &Rule,
        message: Option<&String>,
        line: Line<'t>,
    ) -> Result<Flow, End> {
        // Python's table is gone with the error; here the rows that an action of the rule records are kept.
        if rule.record_action == RecordAction::Record {
            self.assign(index, rule, line)?;
            self.record_action(rule, line)?;
        }
        let kind = ProblemKind::Error(message.cloned());
        self.tell(kind, Some(rule), line.text)?;
        self.record.is_lost |= self.record.is_begun;
        Ok(Flow::On)
    }

    fn go(&mut self, target: Target) -> Flow {
        match target {
            Target::Same => Flow::On,
            Target::State(state) => {
                self.state = state;
                Flow::On
            }
            Target::End => Flow::End,
            Target::Eof => Flow::Eof,
        }
    }

    /// Lists a problem, or ends with it in the strict mode.
    fn tell(&mut self, kind: ProblemKind, rule: Option<&Rule>, text: &str) -> Result<(), End> {
        let problem = Problem {
            kind,
            rule: rule.map(|rule| rule.line),
            line: self.number,
            text: String::new(),
        };
        if self.settings.is_strict {
            let text = excerpt(text);
            return Err(End(Problem { text, ..problem }));
        }
        if self.problems.len() < MAX_PROBLEMS {
            let text = excerpt(text);
            self.problems.push(Problem { text, ..problem });
        } else {
            self.unlisted += 1;
        }
        Ok(())
    }

    fn end(&self, kind: ProblemKind, text: &str) -> End {
        End(Problem {
            kind,
            rule: None,
            line: self.number,
            text: excerpt(text),
        })
    }

    fn list(&mut self, problem: Problem) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(problem);
        } else {
            self.unlisted += 1;
        }
    }
}
