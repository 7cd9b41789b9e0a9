//! Commands that somebody wants to see the output of, run between the scheduled ones.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use netwolf_wire::{message::ShownOutput, status::Failure};

use super::notice::ShowOrder;
use crate::{plan::CompiledPlan, redact::redact};

/// Text of all outputs of one answer together; what is more is cut, so that the answer fits a frame.
const MAX_TOTAL: usize = 8 * ShownOutput::MAX_TEXT;

/// An order that is being carried out.
#[derive(Debug)]
pub(super) struct Showing {
    order: Arc<ShowOrder>,
    plan: Arc<CompiledPlan>,
    left: VecDeque<usize>,
    outputs: Vec<ShownOutput>,
    room: usize,
    /// Commands that were handed out and have brought nothing yet: one at most.
    running: usize,
    told: bool,
}

impl Showing {
    /// Begins with `order`, on the commands of `plan`.
    pub(super) fn new(order: Arc<ShowOrder>, plan: Arc<CompiledPlan>) -> Self {
        let wanted = |text: &str| order.command.as_deref().is_none_or(|wanted| wanted == text);
        let left = (0..plan.commands.len())
            .filter(|index| wanted(&plan.commands[*index].text))
            .collect();
        Self {
            left,
            order,
            plan,
            outputs: Vec::new(),
            room: MAX_TOTAL,
            running: 0,
            told: false,
        }
    }

    /// The number of the request.
    pub(super) fn request(&self) -> u64 {
        self.order.request
    }

    /// The next command to run, with the plan that it is of.
    pub(super) fn next(&mut self) -> Option<(Arc<CompiledPlan>, usize)> {
        let command = self.left.pop_front()?;
        self.running += 1;
        Some((self.plan.clone(), command))
    }

    /// Takes in what a command brought, or why it brought nothing.
    pub(super) fn add(
        &mut self,
        command: &str,
        unix_ms: u64,
        took: Duration,
        brought: (String, bool, Option<Failure>),
    ) {
        let (text, cut_before, failure) = brought;
        self.running = self.running.saturating_sub(1);
        let bound = ShownOutput::MAX_TEXT.min(self.room);
        // Cut first: what is taken out costs time by its length.
        let (text, cut_here) = cut(&text, ShownOutput::MAX_TEXT);
        let redacted = printable(&redact(text));
        let (text, cut_again) = cut(&redacted, bound);
        self.room -= text.len();
        self.outputs.push(ShownOutput {
            command: command.to_owned(),
            unix_ms,
            took: took.into(),
            text: text.to_owned(),
            truncated: cut_before || cut_here || cut_again,
            failure,
        });
    }

    /// The answer, once, when nothing is left to run.
    pub(super) fn take_answer(&mut self) -> Option<Vec<ShownOutput>> {
        let done = self.left.is_empty() && self.running == 0 && !self.told;
        self.told |= done;
        done.then(|| std::mem::take(&mut self.outputs))
    }
}

/// `text` as it may be shown on anybody's terminal.
pub(super) fn printable(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\t' => c,
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    text.chars().map(shown).collect()
}

/// The first `bound` bytes of `text` or a few less, and whether that is less than all.
pub(super) fn cut(text: &str, bound: usize) -> (&str, bool) {
    if text.len() <= bound {
        return (text, false);
    }
    let end = text.floor_char_boundary(bound);
    (text.get(..end).unwrap_or_default(), true)
}

#[cfg(test)]
mod tests {
    use netwolf_wire::{
        Span,
        job::{Command, Plan},
        platform::{Platform, Transport},
    };

    use super::*;

    fn showing(command: Option<&str>) -> Showing {
        let command_of = |text: &str| Command {
            text: text.into(),
            collectors: Vec::new(),
            interval: Span::from_secs(1),
            timeout: Span::from_secs(1),
            rules: Vec::new(),
        };
        let plan = Plan {
            platform: Arc::new(Platform::new("linux", Transport::Exec)),
            commands: (0..12).map(|n| command_of(&format!("show {n}"))).collect(),
        };
        let order = ShowOrder {
            request: 7,
            command: command.map(Into::into),
        };
        let plan = CompiledPlan::compile(plan.digest(), &plan).unwrap();
        Showing::new(Arc::new(order), Arc::new(plan))
    }

    #[test]
    fn one_command_is_run_where_one_is_named_and_all_otherwise() {
        assert_eq!(showing(Some("show 3")).next().unwrap().1, 3);
        assert_eq!(showing(None).left.len(), 12);
        let mut unknown = showing(Some("reload"));
        assert_eq!(unknown.take_answer(), Some(Vec::new()));
        assert_eq!(unknown.take_answer(), None, "told once");
    }

    #[test]
    fn texts_are_cut_without_secrets_and_fit_one_message() {
        let mut showing = showing(None);
        let long = "é".repeat(ShownOutput::MAX_TEXT);
        while let Some((_, n)) = showing.next() {
            assert_eq!(showing.take_answer(), None);
            let text = format!("enable secret 9 hunter2\n\u{1b}[2J{long}");
            showing.add(&format!("show {n}"), 0, Duration::ZERO, (text, false, None));
        }
        let outputs = showing.take_answer().unwrap();
        assert_eq!((showing.request(), outputs.len()), (7, 12));
        let total: usize = outputs.iter().map(|output| output.text.len()).sum();
        assert!(total <= MAX_TOTAL);
        for output in outputs {
            assert!(output.truncated && output.text.len() <= ShownOutput::MAX_TEXT);
            assert!(!output.text.contains("hunter2") && !output.text.contains('\u{1b}'));
        }
    }
}
