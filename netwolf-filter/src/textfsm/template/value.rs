//! The declaration of a value: `Value OPTIONS NAME (regex)`.

use super::source::Text;
use crate::textfsm::{
    error::{TemplateError, TemplateFault as Fault},
    limits::MAX_NAME_CHARS,
    matcher::Matcher,
    pattern::Pattern,
};

/// A value of a template.
#[derive(Debug)]
pub(in crate::textfsm) struct Value {
    pub(in crate::textfsm) name: String,
    pub(in crate::textfsm) options: Options,
    /// What a list's text is taken apart by, where its expression has groups inside.
    pub(in crate::textfsm) parts: Option<Parts>,
}

#[derive(Clone, Copy, Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option that is there or not"
)]
pub(in crate::textfsm) struct Options {
    pub(in crate::textfsm) filldown: bool,
    pub(in crate::textfsm) fillup: bool,
    pub(in crate::textfsm) key: bool,
    pub(in crate::textfsm) list: bool,
    pub(in crate::textfsm) required: bool,
    /// `Required` stands before `List`, and so it asks for the last text instead of for the list.
    pub(in crate::textfsm) requires_text: bool,
}

/// How a list's text is taken apart.
#[derive(Debug)]
pub(in crate::textfsm) struct Parts {
    pub(in crate::textfsm) matcher: Matcher,
    /// The names of the groups, in the order of the matcher's slots. Without any, the text is only looked at.
    pub(in crate::textfsm) names: Vec<std::sync::Arc<str>>,
}

/// A value with what stands for its name in a rule.
pub(super) struct Declaration {
    pub(super) value: Value,
    pub(super) text: Text,
}

/// Reads a line that begins with `Value `.
pub(super) fn declaration(line: &Text) -> Result<Declaration, TemplateError> {
    let mut begin = 0;
    let words = line.chars.split(|&c| c == ' ').map(|word| {
        let range = begin..begin + word.len();
        begin = range.end + 1;
        range
    });
    let words: Vec<_> = words.collect();
    let [_, first, second, ..] = words.as_slice() else {
        return Err(line.fault(0, Fault::ShortValue));
    };
    let has_options = line.chars.get(second.start).is_none_or(|&c| c != '(') || second.is_empty();
    let (options, name, regex) = if has_options {
        let options = options(line, first)?;
        let regex = (second.end + 1).min(line.chars.len());
        (options, second.clone(), regex)
    } else {
        (Options::default(), first.clone(), second.start)
    };
    let text = line.slice(name.clone()).text();
    let fault = |fault: fn(String) -> Fault, at| Err(line.fault(at, fault(text.clone())));
    if name.len() > MAX_NAME_CHARS {
        return fault(Fault::LongName, name.start);
    }
    if text.contains('\\') {
        return fault(Fault::BadName, name.start);
    }
    let regex = line.slice(regex..line.chars.len());
    match regex.chars.as_slice() {
        ['(', .., last, ')'] if *last != '\\' => {}
        ['(', ')'] => {}
        _ => return fault(Fault::NoParentheses, regex.place(0).column - 1),
    }
    let pattern = Pattern::parse(&regex.chars)
        .map_err(|refusal| regex.fault(refusal.at, Fault::Regex(refusal.reason)))?;
    let parts = (options.list && pattern.group_count() > 1).then(|| {
        let (groups, names): (Vec<_>, Vec<_>) = pattern
            .names()
            .map(|(number, name)| (number, name.into()))
            .unzip();
        Parts {
            matcher: Matcher::new(pattern, &groups),
            names,
        }
    });
    let mut named = Text::default();
    for c in "(?P<".chars().chain(text.chars()).chain(['>']) {
        named.push(c, regex.place(0));
    }
    named.extend(&regex.slice(1..regex.chars.len()));
    Ok(Declaration {
        value: Value {
            name: text,
            options,
            parts,
        },
        text: named,
    })
}

fn options(line: &Text, range: &std::ops::Range<usize>) -> Result<Options, TemplateError> {
    let mut options = Options::default();
    let text = line.slice(range.clone()).text();
    for name in text.split(',') {
        let option = match name {
            "Filldown" => &mut options.filldown,
            "Fillup" => &mut options.fillup,
            "Key" => &mut options.key,
            "List" => &mut options.list,
            "Required" => &mut options.required,
            _ => return Err(line.fault(range.start, Fault::UnknownOption(name.to_owned()))),
        };
        if std::mem::replace(option, true) {
            return Err(line.fault(range.start, Fault::RepeatedOption(name.to_owned())));
        }
        options.requires_text = options.required && (options.requires_text || !options.list);
    }
    Ok(options)
}
