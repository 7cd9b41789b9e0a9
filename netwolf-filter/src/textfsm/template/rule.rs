//! A rule of a state: `^regex -> LineAction.RecordAction State`.

use std::collections::HashMap;

use super::source::Text;
use crate::textfsm::{
    error::{TemplateError, TemplateFault as Fault},
    matcher::Matcher,
    pattern::{First, Pattern, is_space},
};

/// A rule of a state.
#[derive(Debug)]
pub(in crate::textfsm) struct Rule {
    /// Its line in the template.
    pub(in crate::textfsm) line: usize,
    pub(in crate::textfsm) matcher: Matcher,
    /// The values that the matcher's slots fill, in the order of the groups.
    pub(in crate::textfsm) values: Vec<usize>,
    /// What a line that matches must begin with.
    pub(in crate::textfsm) first: First,
    pub(in crate::textfsm) line_action: LineAction,
    pub(in crate::textfsm) record_action: RecordAction,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::textfsm) enum LineAction {
    Continue,
    Next(Target),
    /// With what stands behind it.
    Error(Option<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::textfsm) enum Target {
    Same,
    State(usize),
    End,
    Eof,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::textfsm) enum RecordAction {
    None,
    Record,
    Clear,
    Clearall,
}

/// A rule whose state is not looked up yet, with the place of the state's name.
pub(super) struct Draft {
    pub(super) rule: Rule,
    pub(super) state: Option<(String, usize)>,
}

/// Reads a rule. `values` are the values' texts, and `indices` the values by name.
pub(super) fn rule(
    line: &Text,
    values: &HashMap<String, Text>,
    indices: &HashMap<String, usize>,
) -> Result<Draft, TemplateError> {
    let is_text = |&c: &char| !is_space(c);
    let begin = line.chars.iter().position(is_text).unwrap_or(0);
    let end = line.chars.iter().rposition(is_text).map_or(0, |at| at + 1);
    let line = line.slice(begin.min(end)..end);

    let arrow = (0..line.chars.len())
        .rev()
        .find(|&at| is_space(line.chars[at]) && line.chars[at + 1..].starts_with(&['-', '>']));
    let regex = line.slice(0..arrow.unwrap_or(line.chars.len()));
    let regex = if values.is_empty() {
        // As in Python, which then leaves the dollars alone.
        regex
    } else {
        substitute(&regex, values)?
    };
    let action = match arrow {
        Some(arrow) => action(&line, arrow + 3)?,
        None => Action::default(),
    };

    let pattern = Pattern::parse(&regex.chars)
        .map_err(|refusal| regex.fault(refusal.at, Fault::Regex(refusal.reason)))?;
    let assigned = pattern
        .names()
        .filter_map(|(number, name)| Some((number, *indices.get(name)?)));
    let (groups, values): (Vec<_>, Vec<_>) = assigned.unzip();
    let first = pattern.first();
    let matcher = Matcher::new(pattern, &groups);
    if matcher.check_backtracking().is_err() {
        let reason = "the engine for look-around and back-references does not take it";
        return Err(regex.fault(0, Fault::Regex(reason.to_owned())));
    }
    let (line_action, state) = match action.line.as_str() {
        "Continue" => (LineAction::Continue, None),
        "Error" => (LineAction::Error(action.state.map(|state| state.0)), None),
        _ => (LineAction::Next(Target::Same), action.state),
    };
    Ok(Draft {
        rule: Rule {
            line: line.place(0).line,
            first,
            matcher,
            values,
            line_action,
            record_action: match action.record.as_str() {
                "Record" => RecordAction::Record,
                "Clear" => RecordAction::Clear,
                "Clearall" => RecordAction::Clearall,
                _ => RecordAction::None,
            },
        },
        state,
    })
}

/// Puts the values in for their names, and `$` for `$$`.
fn substitute(regex: &Text, values: &HashMap<String, Text>) -> Result<Text, TemplateError> {
    let mut text = Text::default();
    let chars = &regex.chars;
    let mut at = 0;
    while let Some(&c) = chars.get(at) {
        if c != '$' {
            text.push(c, regex.place(at));
            at += 1;
            continue;
        }
        if chars.get(at + 1) == Some(&'$') {
            text.push('$', regex.place(at));
            at += 2;
            continue;
        }
        let is_braced = chars.get(at + 1) == Some(&'{');
        let begin = at + 1 + usize::from(is_braced);
        let is_name = |c: &&char| c.is_ascii_alphanumeric() || **c == '_';
        let length = chars[begin.min(chars.len())..]
            .iter()
            .take_while(is_name)
            .count();
        let end = begin + length;
        let is_good = length > 0
            && !chars[begin].is_ascii_digit()
            && (!is_braced || chars.get(end) == Some(&'}'));
        if !is_good {
            return Err(regex.fault(at, Fault::Dollar));
        }
        let name: String = chars[begin..end].iter().collect();
        let Some(value) = values.get(&name) else {
            return Err(regex.fault(at, Fault::UnknownValue(name)));
        };
        text.extend(value);
        at = end + usize::from(is_braced);
    }
    Ok(text)
}

/// The words of an action, empty where there are none.
#[derive(Debug, Default)]
struct Action {
    line: String,
    record: String,
    state: Option<(String, usize)>,
}

const LINE_ACTIONS: [&str; 3] = ["Continue", "Next", "Error"];
const RECORD_ACTIONS: [&str; 4] = ["Clear", "Clearall", "Record", "NoRecord"];

/// Reads what stands behind `->`, at `begin`.
fn action(line: &Text, begin: usize) -> Result<Action, TemplateError> {
    let chars = &line.chars;
    let text = |range: std::ops::Range<usize>| chars[range].iter().collect::<String>();
    let mut at = begin;
    let skip = |mut at: usize| {
        while chars.get(at).is_some_and(|&c| is_space(c)) {
            at += 1;
        }
        at
    };
    let mut action = Action::default();
    let bad = || {
        line.fault(
            begin,
            Fault::NoAction(text(begin..chars.len()).trim().to_owned()),
        )
    };
    at = skip(at);
    if at == chars.len() {
        return Ok(action);
    }
    if at == begin {
        return Err(bad());
    }

    let end = (at..chars.len())
        .find(|&at| is_space(chars[at]))
        .unwrap_or(chars.len());
    let word = text(at..end);
    let (first, second) = word.split_once('.').unzip();
    let first = first.unwrap_or(&word);
    if LINE_ACTIONS.contains(&first) && second.is_none_or(|it| RECORD_ACTIONS.contains(&it)) {
        first.clone_into(&mut action.line);
        second.unwrap_or_default().clone_into(&mut action.record);
        at = skip(end);
    } else if RECORD_ACTIONS.contains(&word.as_str()) {
        action.record = word;
        at = skip(end);
    }
    if at < chars.len() {
        let state = text(at..chars.len());
        let is_word = state.chars().all(is_word);
        let is_message = state.len() > 1 && state.starts_with('"') && state.ends_with('"');
        if !is_word && !is_message {
            return Err(bad());
        }
        if action.line == "Continue" {
            return Err(line.fault(at, Fault::ContinueWithState));
        }
        if is_message && action.line != "Error" {
            return Err(line.fault(at, Fault::MessageWithoutError));
        }
        action.state = Some((state, at));
    }
    if let Some((_, at)) = &mut action.state {
        *at = line.place(*at).column;
    }
    Ok(action)
}

/// Whether Python's `\w` takes it.
pub(super) fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}
