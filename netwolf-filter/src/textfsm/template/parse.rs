//! From a template's text to its values and states.

use std::collections::HashMap;

use super::{
    State, Template,
    rule::{self, Draft, LineAction, Rule, Target, is_word},
    source::Text,
    value,
};
use crate::textfsm::{
    error::{Place, TemplateError, TemplateFault as Fault},
    limits::{MAX_NAME_CHARS, MAX_TEMPLATE_BYTES},
    pattern::is_space,
};

const RESERVED: [&str; 7] = [
    "Continue", "Next", "Error", "Clear", "Clearall", "Record", "NoRecord",
];

pub(super) fn parse(text: &str) -> Result<Template, TemplateError> {
    if text.len() > MAX_TEMPLATE_BYTES {
        let place = Place { line: 1, column: 1 };
        return Err(TemplateError::new(place, Fault::TooLong));
    }
    // As Python reads a file: every line break is one, and a byte order mark is none of the text.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines = text
        .split_terminator('\n')
        .map(|line| line.trim_end_matches(is_space));
    let mut parser = Parser::default();
    for (number, line) in (1..).zip(lines) {
        parser.line(&Text::of_line(number, line), line)?;
    }
    parser.finish()
}

/// What the next line is.
#[derive(Debug, Default)]
enum Section {
    #[default]
    Values,
    /// Between two states.
    States,
    /// In the last of the states.
    Rules,
}

#[derive(Default)]
struct Parser {
    section: Section,
    values: Vec<value::Value>,
    texts: HashMap<String, Text>,
    indices: HashMap<String, usize>,
    states: Vec<(String, Vec<Draft>)>,
    lines: usize,
}

impl Parser {
    /// Takes the next line, without the space at its end.
    fn line(&mut self, line: &Text, text: &str) -> Result<(), TemplateError> {
        self.lines += 1;
        if text.trim_start_matches(is_space).starts_with('#') {
            return Ok(());
        }
        match self.section {
            Section::Values | Section::Rules if text.is_empty() => self.section = Section::States,
            Section::Values if text.starts_with("Value ") => self.value(line)?,
            Section::Values if self.values.is_empty() => {
                return Err(line.fault(0, Fault::NoValues));
            }
            Section::Values => return Err(line.fault(0, Fault::NoBlankLine)),
            Section::States if text.is_empty() => {}
            Section::States => self.state(line, text)?,
            Section::Rules => self.rule(line, text)?,
        }
        Ok(())
    }

    fn value(&mut self, line: &Text) -> Result<(), TemplateError> {
        let declaration = value::declaration(line)?;
        let name = declaration.value.name.clone();
        if self.indices.contains_key(&name) {
            return Err(line.fault(0, Fault::RepeatedValue(name)));
        }
        self.indices.insert(name.clone(), self.values.len());
        self.texts.insert(name, declaration.text);
        self.values.push(declaration.value);
        Ok(())
    }

    fn state(&mut self, line: &Text, name: &str) -> Result<(), TemplateError> {
        let is_name = name.chars().all(is_word)
            && line.chars.len() <= MAX_NAME_CHARS
            && !RESERVED.contains(&name);
        let name = name.to_owned();
        if !is_name {
            return Err(line.fault(0, Fault::StateName(name)));
        }
        if self.states.iter().any(|(known, _)| *known == name) {
            return Err(line.fault(0, Fault::RepeatedState(name)));
        }
        self.states.push((name, Vec::new()));
        self.section = Section::Rules;
        Ok(())
    }

    fn rule(&mut self, line: &Text, text: &str) -> Result<(), TemplateError> {
        if ![" ^", "  ^", "\t^"]
            .iter()
            .any(|begin| text.starts_with(begin))
        {
            return Err(line.fault(0, Fault::NoRule));
        }
        let draft = rule::rule(line, &self.texts, &self.indices)?;
        if let Some((_, rules)) = self.states.last_mut() {
            rules.push(draft);
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Template, TemplateError> {
        let place = Place {
            line: self.lines.max(1),
            column: 1,
        };
        for end in ["End", "EOF"] {
            let state = self.states.iter().find(|(name, _)| name == end);
            if let Some(rule) = state.and_then(|(_, rules)| rules.first()) {
                let place = Place {
                    line: rule.rule.line,
                    column: 1,
                };
                return Err(TemplateError::new(place, Fault::RulesInEnd(end.to_owned())));
            }
        }
        let has_eof = self.states.iter().any(|(name, _)| name == "EOF");
        self.states
            .retain(|(name, _)| name != "End" && name != "EOF");
        let names: HashMap<String, usize> = (0..)
            .zip(&self.states)
            .map(|(index, (name, _))| (name.clone(), index))
            .collect();
        let Some(&start) = names.get("Start") else {
            return Err(TemplateError::new(place, Fault::NoStart));
        };
        let mut states = Vec::new();
        for (_, drafts) in self.states {
            let rules: Result<Vec<_>, _> = drafts
                .into_iter()
                .map(|draft| resolve(draft, &names))
                .collect();
            states.push(State::new(rules?));
        }
        Ok(Template {
            header: self
                .values
                .iter()
                .map(|value| value.name.as_str().into())
                .collect(),
            values: self.values,
            states,
            start,
            has_eof,
        })
    }
}

/// Looks up the state that a rule goes to.
fn resolve(draft: Draft, names: &HashMap<String, usize>) -> Result<Rule, TemplateError> {
    let Draft { mut rule, state } = draft;
    if let Some((name, column)) = state {
        let target = match name.as_str() {
            "End" => Target::End,
            "EOF" => Target::Eof,
            _ => {
                let Some(&index) = names.get(&name) else {
                    let line = rule.line;
                    let place = Place { line, column };
                    return Err(TemplateError::new(place, Fault::UnknownState(name)));
                };
                Target::State(index)
            }
        };
        rule.line_action = LineAction::Next(target);
    }
    Ok(rule)
}
