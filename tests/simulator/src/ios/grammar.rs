//! Words of a command line against a tree of keywords, abbreviated as one likes.
//!
//! A word matches a keyword that it begins, if it begins no other one at that place; a keyword
//! spelt out in full wins. The caret of a fault points at the first character that fits nothing,
//! as IOS does it.

use std::fmt::Write as _;

use super::commands::Action;

/// What one word may be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Token {
    /// This word or a beginning of it.
    Keyword(&'static str),
    /// A whole number from 0 to the limit.
    Number { limit: u32 },
    /// Any one word; the name is shown by `?`.
    Word(&'static str),
    /// Any one word that begins with a letter, as an interface's name does.
    Interface,
    /// The rest of the line.
    Rest,
}

/// One place in the tree of commands.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) token: Token,
    /// Shown by `?`.
    pub(super) help: &'static str,
    /// Only for those who are enabled; to others the word does not exist.
    pub(super) privileged: bool,
    /// What the line does if it ends here.
    pub(super) action: Option<Action>,
    pub(super) next: &'static [Node],
}

/// A line understood.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found<'a> {
    pub(super) action: Action,
    /// The last word that was not a keyword, or the rest of the line; empty if there was none.
    pub(super) argument: &'a str,
    /// Where the argument begins, in bytes.
    pub(super) argument_at: usize,
}

/// A line not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing fits the character at `place` (in characters from the line's begin).
    Invalid { place: usize },
    /// A word begins several keywords.
    Ambiguous,
    /// More words are needed.
    Incomplete,
    /// Nothing but a group's first word.
    NeedsSubcommand { keyword: &'static str },
    /// An output filter's pattern is not a regular expression.
    BadPattern,
}

/// A word and where it begins, in bytes.
fn words(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = line.get(at..)?;
        let begin = at + (rest.len() - rest.trim_start().len());
        let rest = line.get(begin..).filter(|rest| !rest.is_empty())?;
        let word = rest.split(char::is_whitespace).next()?;
        at = begin + word.len();
        Some((begin, word))
    })
}

/// Characters that `word` shares with the begin of `keyword`, whatever their case.
fn shared(word: &str, keyword: &str) -> usize {
    word.chars()
        .zip(keyword.chars())
        .take_while(|(a, b)| a.eq_ignore_ascii_case(b))
        .count()
}

fn visible(nodes: &'static [Node], privileged: bool) -> impl Iterator<Item = &'static Node> {
    nodes
        .iter()
        .filter(move |node| privileged || !node.privileged)
}

/// The keywords of `nodes` that `word` abbreviates; a full spelling stands alone.
fn abbreviated(
    nodes: &'static [Node],
    word: &str,
    privileged: bool,
) -> Vec<(&'static str, &'static Node)> {
    let length = word.chars().count();
    let mut matches = Vec::new();
    for node in visible(nodes, privileged) {
        if let Token::Keyword(keyword) = node.token
            && shared(word, keyword) == length
        {
            if keyword.len() == word.len() {
                return vec![(keyword, node)];
            }
            matches.push((keyword, node));
        }
    }
    matches
}

/// The node that `word` means among `nodes`, at byte `begin` of `line`.
fn choose(
    nodes: &'static [Node],
    line: &str,
    (begin, word): (usize, &str),
    privileged: bool,
) -> Result<&'static Node, Fault> {
    match abbreviated(nodes, word, privileged).as_slice() {
        [(_, node)] => return Ok(node),
        [] => {}
        _ => return Err(Fault::Ambiguous),
    }
    let parameter = visible(nodes, privileged).find(|node| match node.token {
        Token::Keyword(_) => false,
        Token::Number { limit } => word.parse::<u32>().is_ok_and(|number| number <= limit),
        Token::Interface => word.starts_with(|c: char| c.is_ascii_alphabetic()),
        Token::Word(_) | Token::Rest => true,
    });
    parameter.ok_or_else(|| {
        let fits = visible(nodes, privileged).filter_map(|node| match node.token {
            Token::Keyword(keyword) => Some(shared(word, keyword)),
            _ => None,
        });
        let before = line.get(..begin).unwrap_or_default().chars().count();
        Fault::Invalid {
            place: before + fits.max().unwrap_or(0),
        }
    })
}

/// What `line` asks for.
pub(super) fn parse<'a>(
    nodes: &'static [Node],
    line: &'a str,
    privileged: bool,
) -> Result<Found<'a>, Fault> {
    let mut here = nodes;
    let mut last: Option<&'static Node> = None;
    let mut depth = 0;
    let (mut argument_at, mut argument) = (0, "");
    for (begin, word) in words(line) {
        let node = choose(here, line, (begin, word), privileged)?;
        match node.token {
            Token::Keyword(_) => {}
            Token::Rest => {
                (argument_at, argument) = (begin, line.get(begin..).unwrap_or_default().trim_end());
            }
            _ => (argument_at, argument) = (begin, word),
        }
        depth += 1;
        last = Some(node);
        here = node.next;
        if matches!(node.token, Token::Rest) {
            break;
        }
    }
    let action = last.and_then(|node| node.action);
    match (action, last.map(|node| node.token)) {
        (Some(action), _) => Ok(Found {
            action,
            argument,
            argument_at,
        }),
        (None, Some(Token::Keyword(keyword))) if depth == 1 && keyword == "show" => {
            Err(Fault::NeedsSubcommand { keyword })
        }
        (None, _) => Err(Fault::Incomplete),
    }
}

/// The nodes where the last word of `line` stands, and that word (empty after a blank).
fn tail<'a>(
    nodes: &'static [Node],
    line: &'a str,
    privileged: bool,
) -> Result<(&'static [Node], &'a str, Option<&'static Node>), Fault> {
    let mut all: Vec<(usize, &str)> = words(line).collect();
    let open = line
        .chars()
        .last()
        .is_some_and(|last| !last.is_whitespace());
    let unfinished = if open {
        all.pop().map_or("", |(_, word)| word)
    } else {
        ""
    };
    let mut here = nodes;
    let mut last = None;
    for word in all {
        let node = choose(here, line, word, privileged)?;
        last = Some(node);
        here = node.next;
    }
    Ok((here, unfinished, last))
}

/// What `?` prints after `line`: the words that may stand there, one a row, or (right behind a
/// word) those that it begins, in one row.
pub(super) fn help(nodes: &'static [Node], line: &str, privileged: bool) -> Result<String, Fault> {
    let (here, unfinished, last) = tail(nodes, line, privileged)?;
    let mut text = String::new();
    if !unfinished.is_empty() {
        let matches = abbreviated(here, unfinished, privileged);
        if matches.is_empty() {
            return Err(Fault::Incomplete);
        }
        let names: Vec<&str> = matches.iter().map(|(keyword, _)| *keyword).collect();
        writeln!(text, "{}  \n", names.join("  ")).expect("a string takes all");
        return Ok(text);
    }
    for node in visible(here, privileged) {
        let name = match node.token {
            Token::Keyword(keyword) => keyword.to_owned(),
            Token::Number { limit } => format!("<0-{limit}>"),
            Token::Word(name) => name.to_owned(),
            Token::Interface => "INTERFACE".to_owned(),
            Token::Rest => "LINE".to_owned(),
        };
        writeln!(text, "  {name:<17} {}", node.help).expect("a string takes all");
    }
    if let Some(action) = last.and_then(|node| node.action) {
        if matches!(action, Action::Show(_)) {
            writeln!(text, "  {:<17} Output modifiers", "|").expect("a string takes all");
        }
        writeln!(text, "  {:<17}", "<cr>").expect("a string takes all");
    }
    text.push('\n');
    Ok(text)
}

/// What is missing of the last word of `line`, if it abbreviates just one keyword.
pub(super) fn complete(
    nodes: &'static [Node],
    line: &str,
    privileged: bool,
) -> Option<&'static str> {
    let (here, unfinished, _) = tail(nodes, line, privileged).ok()?;
    if unfinished.is_empty() {
        return None;
    }
    match abbreviated(here, unfinished, privileged).as_slice() {
        [(keyword, _)] => keyword.get(unfinished.len()..),
        _ => None,
    }
}
