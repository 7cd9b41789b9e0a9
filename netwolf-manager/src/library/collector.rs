//! A collector file, checked: commands that can be typed, rules that compile.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use netwolf_filter::{Fault as RuleFault, Filter, RuleError};
use netwolf_wire::{
    Span,
    allow::{check_command, check_typed},
    platform::Transport,
    rule::Rule,
};
use serde::Deserialize;

use super::{Collector, CollectorCommand, Origin, families::Declared, typed};
use crate::{
    config::{
        fault::{Fault, Place},
        limits, suggest,
        yaml::{
            Document, Field, Spanned,
            Step::{Index, Key},
        },
    },
    inventory::catalogue::OWN,
};

/// The file exactly as typed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawCollector {
    name: Field<String>,
    platforms: Field<Vec<Field<String>>>,
    description: Field<String>,
    commands: Field<Vec<Field<RawCommand>>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawCommand {
    command: Field<String>,
    interval: Field<Span>,
    timeout: Field<Span>,
    rules: Field<Vec<Field<Rule>>>,
}

/// A collector and the platforms that it is for.
pub(super) struct Read {
    pub(super) collector: Collector,
    pub(super) platforms: Vec<Spanned<String>>,
    pub(super) metrics: Vec<Declared>,
}

/// Collects the faults of one file.
struct Checker<'a> {
    file: &'a Arc<Path>,
    document: &'a Document,
    faults: &'a mut Vec<Fault>,
    /// The transports of its platforms, as far as they are known.
    transports: Vec<Transport>,
    metrics: Vec<Declared>,
}

/// Reads and checks; nothing when there is no collector to speak of. Platforms have no transport where their files are
/// at fault.
pub(super) fn read(
    origin: &Origin,
    document: &Document,
    known_platforms: &BTreeMap<String, Option<Transport>>,
    faults: &mut Vec<Fault>,
) -> Option<Read> {
    let raw: Field<RawCollector> = document.read(faults);
    let mut checker = Checker {
        file: origin.file(),
        document,
        faults,
        transports: Vec::new(),
        metrics: Vec::new(),
    };
    if raw.is_absent() {
        checker.fault(document.place(&[]), "there is no collector in this file");
    }
    let Spanned { at, value: raw } = raw.into_spanned()?;
    let name = checker.name(at, raw.name);
    let platforms = checker.platforms(at, raw.platforms, known_platforms);
    let transports = platforms
        .iter()
        .map(|name| known_platforms.get(&name.value));
    checker.transports = transports.filter_map(|found| *found?).collect();
    let commands = checker.commands(at, raw.commands);
    let description = raw
        .description
        .into_spanned()
        .map(|text| text.value)
        .unwrap_or_default();
    let metrics = checker.metrics;
    Some(Read {
        collector: Collector {
            name: name?,
            description,
            origin: origin.clone(),
            commands,
        },
        platforms,
        metrics,
    })
}

/// Names stand in labels and file names.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let is_fit = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if !name.is_empty() && name.chars().all(is_fit) {
        return Ok(());
    }
    Err(format!(
        "the name {name:?} is not one; use letters, digits, `_`, `-` and `.`"
    ))
}

impl Checker<'_> {
    fn fault(&mut self, at: Place, message: impl Into<String>) {
        self.faults.push(Fault::new(self.file, at, message));
    }

    /// The name, if it can be used.
    fn name(&mut self, whole: Place, name: Field<String>) -> Option<String> {
        if name.is_absent() {
            self.fault(whole, "a collector needs a `name`");
        }
        let Spanned { at, value: name } = name.into_spanned()?;
        if let Err(message) = check_name(&name) {
            self.fault(at, message);
            return None;
        }
        if name == OWN {
            let message = format!("the name {OWN:?} stands for the manager's own metrics");
            let fault = Fault::new(self.file, at, message);
            self.faults
                .push(fault.hint("give the collector another name"));
            return None;
        }
        Some(name)
    }

    fn platforms(
        &mut self,
        whole: Place,
        platforms: Field<Vec<Field<String>>>,
        known: &BTreeMap<String, Option<Transport>>,
    ) -> Vec<Spanned<String>> {
        if platforms.is_absent() || platforms.value().is_some_and(Vec::is_empty) {
            self.fault(whole, "a collector needs `platforms` that it is for");
        }
        let Some(platforms) = platforms.into_spanned() else {
            return Vec::new();
        };
        let mut good: Vec<Spanned<String>> = Vec::new();
        for platform in platforms.value.into_iter().filter_map(Field::into_spanned) {
            let Spanned { at, value: name } = &platform;
            if !known.contains_key(name) {
                let usable = known.iter().filter(|(_, transport)| transport.is_some());
                let usable = usable.map(|(name, _)| name.as_str());
                let hint = suggest::hint(name, "platforms", usable);
                let fault = Fault::new(self.file, *at, format!("unknown platform {name:?}"));
                self.faults.push(fault.maybe_hint(hint));
            } else if good.iter().any(|other| other.value == *name) {
                self.fault(*at, format!("platform {name:?} is named twice"));
            } else {
                good.push(platform);
            }
        }
        good
    }

    fn commands(
        &mut self,
        whole: Place,
        commands: Field<Vec<Field<RawCommand>>>,
    ) -> Vec<CollectorCommand> {
        if commands.is_absent() || commands.value().is_some_and(Vec::is_empty) {
            self.fault(whole, "a collector needs `commands`");
        }
        let Some(commands) = commands.into_spanned() else {
            return Vec::new();
        };
        let mut good: Vec<CollectorCommand> = Vec::new();
        for (index, command) in commands.value.into_iter().enumerate() {
            let Some(command) = command.into_spanned() else {
                continue;
            };
            let Some(command) = self.command(index, command) else {
                continue;
            };
            if good.iter().any(|other| other.text == command.text) {
                let at = self
                    .document
                    .place(&[Key("commands"), Index(index), Key("command")]);
                self.fault(
                    at,
                    format!("the command {:?} is there already", command.text),
                );
            }
            good.push(command);
        }
        good
    }

    fn command(&mut self, index: usize, raw: Spanned<RawCommand>) -> Option<CollectorCommand> {
        let Spanned {
            at: whole,
            value: raw,
        } = raw;
        if raw.command.is_absent() {
            self.fault(whole, "a command needs its text as `command`");
        }
        if raw.rules.is_absent() || raw.rules.value().is_some_and(Vec::is_empty) {
            self.fault(
                whole,
                "a command needs `rules` that make samples from its output",
            );
        }
        let interval = self.span(raw.interval, limits::check_interval);
        let timeout = self.span(raw.timeout, limits::check_timeout);
        let rules = self.rules(index, raw.rules);
        let Spanned { at, value: text } = raw.command.into_spanned()?;
        let mut transports = self.transports.iter();
        let checked = check_command(&text)
            .and_then(|()| transports.try_for_each(|transport| check_typed(*transport, &text)));
        if let Err(refused) = checked {
            let (message, hint) = typed::told(&refused);
            let fault = Fault::new(self.file, at, message);
            self.faults.push(fault.maybe_hint(hint.map(str::to_owned)));
        }
        Some(CollectorCommand {
            text,
            interval,
            timeout,
            rules,
        })
    }

    fn span(&mut self, span: Field<Span>, check: fn(Span) -> Result<(), String>) -> Option<Span> {
        let Spanned { at, value: span } = span.into_spanned()?;
        if let Err(message) = check(span) {
            self.fault(at, message);
        }
        Some(span)
    }

    /// The rules that were read; they are compiled together because they share one name space.
    fn rules(&mut self, command: usize, rules: Field<Vec<Field<Rule>>>) -> Vec<Rule> {
        let Some(rules) = rules.into_spanned() else {
            return Vec::new();
        };
        let (indices, rules): (Vec<usize>, Vec<Rule>) = rules
            .value
            .into_iter()
            .enumerate()
            .filter_map(|(index, rule)| Some((index, rule.into_spanned()?.value)))
            .unzip();
        if let Err(errors) = Filter::compile(&rules) {
            for error in errors {
                let at =
                    self.rule_place(command, indices[error.index], &rules[error.index], &error);
                self.faults
                    .push(Fault::new(self.file, at, error.to_string()).maybe_hint(error.hint));
            }
        }
        for (index, rule) in indices.iter().zip(&rules) {
            self.declare(command, *index, rule);
        }
        rules
    }

    /// Notes the metrics of a rule, to be compared with those of others.
    fn declare(&mut self, command: usize, rule: usize, Rule { metrics, .. }: &Rule) {
        for (place, metric) in metrics.iter().enumerate() {
            let steps = [
                Key("commands"),
                Index(command),
                Key("rules"),
                Index(rule),
                Key("metrics"),
                Index(place),
            ];
            self.metrics.push(Declared {
                name: metric.name.clone(),
                kind: metric.kind,
                file: self.file.clone(),
                at: self.document.place(&steps),
                command,
            });
        }
    }

    /// The pattern, template, program or metric that an error is about, or else the rule.
    fn rule_place(&self, command: usize, index: usize, rule: &Rule, error: &RuleError) -> Place {
        let at = [Key("commands"), Index(command), Key("rules"), Index(index)];
        let inner = |steps: &[_]| self.document.place(&[&at[..], steps].concat());
        if let Some(pattern) = pattern_of(&error.fault) {
            let patterns = rule.regex.as_ref().map(|regex| &regex.patterns);
            let index = patterns.and_then(|all| all.iter().position(|known| known == pattern));
            if let Some(index) = index {
                return inner(&[Key("regex"), Key("patterns"), Index(index)]);
            }
            return inner(&[Key("regex"), Key("blocks")]);
        }
        if is_of_template(&error.fault) {
            return inner(&[Key("textfsm")]);
        }
        if matches!(error.fault, RuleFault::BadProgram(_)) {
            return inner(&[Key("jq")]);
        }
        if let RuleFault::BadPath { field, .. } = &error.fault {
            return match field {
                Some(field) => inner(&[Key("xml"), Key("fields"), Key(field)]),
                None => inner(&[Key("xml"), Key("records")]),
            };
        }
        if let RuleFault::RepeatedMetric { place, .. } = &error.fault {
            return inner(&[Key("metrics"), Index(*place)]);
        }
        let metric = metric_of(&error.fault)
            .and_then(|name| rule.metrics.iter().position(|metric| metric.name == name));
        match metric {
            Some(index) => inner(&[Key("metrics"), Index(index)]),
            None => inner(&[]),
        }
    }
}

/// The pattern that a fault is about.
fn pattern_of(fault: &RuleFault) -> Option<&str> {
    match fault {
        RuleFault::BadPattern { pattern, .. } | RuleFault::PatternTooBig { pattern } => {
            Some(pattern)
        }
        _ => None,
    }
}

/// Whether a fault is one of the rule's template.
fn is_of_template(fault: &RuleFault) -> bool {
    matches!(
        fault,
        RuleFault::BadTemplate(_)
            | RuleFault::TemplateTooBig { .. }
            | RuleFault::RepeatedField { .. }
    )
}

/// The metric that a fault is about.
fn metric_of(fault: &RuleFault) -> Option<&str> {
    match fault {
        RuleFault::MetricName { metric }
        | RuleFault::SuffixMissing { metric, .. }
        | RuleFault::SuffixWrong { metric, .. }
        | RuleFault::OtherUnit { metric, .. }
        | RuleFault::OwnName { metric }
        | RuleFault::TypeInName { metric, .. }
        | RuleFault::CamelCase { metric, .. }
        | RuleFault::BareField { metric, .. }
        | RuleFault::NoHelp { metric }
        | RuleFault::NoValue { metric }
        | RuleFault::InfoValue { metric }
        | RuleFault::BadNumber { metric, .. }
        | RuleFault::NoStates { metric }
        | RuleFault::TooManyStates { metric }
        | RuleFault::BadState { metric, .. }
        | RuleFault::RepeatedState { metric, .. }
        | RuleFault::UnknownState { metric, .. }
        | RuleFault::StateLabel { metric }
        | RuleFault::UselessKey { metric, .. }
        | RuleFault::BadTimes { metric, .. }
        | RuleFault::EmptyCondition {
            metric: Some(metric),
            ..
        }
        | RuleFault::BadCondition {
            metric: Some(metric),
            ..
        }
        | RuleFault::UnknownField { metric, .. }
        | RuleFault::UnknownValue { metric, .. }
        | RuleFault::UnknownKey { metric, .. }
        | RuleFault::UnknownPath { metric, .. }
        | RuleFault::LabelName { metric, .. }
        | RuleFault::ReservedLabel { metric, .. }
        | RuleFault::KindConflict { metric }
        | RuleFault::FamilyConflict { metric, .. } => Some(metric),
        _ => None,
    }
}
