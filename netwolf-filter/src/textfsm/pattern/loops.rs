//! Loops whose body can match nothing: where Python and the `regex` crate part.
//!
//! ```text
//!            an iteration that matches nothing    the groups of its body
//!   Python   is the last one                      stand where it has left them
//!   regex    counts for nothing                   stand where the one before it has left them
//! ```
//!
//! Nobody can tell where the body tries everything else before nothing, and none of its groups is looked at: such a
//! loop is left to the `regex` crate. The others are odd. `fancy-regex` goes through one without a bound as Python does;
//! one with a bound, or that gives nothing back, is refused.

use super::{Greed, Node, Pattern, width};

/// How a node can match nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Nothing {
    Never,
    /// When all else that it can match was tried.
    Last,
    /// It may come before something.
    Sooner,
}

/// A repetition of which Python thinks in its own way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Odd {
    /// Where it stands.
    pub(super) at: usize,
    /// `fancy-regex` thinks so, too.
    pub(super) is_taken: bool,
}

/// All such repetitions.
pub(super) fn odd(pattern: &Pattern) -> Vec<Odd> {
    let mut found = Vec::new();
    visit(&pattern.node, &mut |node| {
        if let Node::Repeat {
            at,
            node,
            min,
            max,
            greed,
        } = node
        {
            let is_possessive = *greed == Greed::Possessive;
            // Python 3.11 forgets groups in such a one.
            let forgets = is_possessive && *max != Some(1) && has_seen_group(pattern, node);
            if forgets || is_odd(pattern, node, (*min, *max)) {
                found.push(Odd {
                    at: *at,
                    is_taken: max.is_none() && !is_possessive,
                });
            }
        }
    });
    found
}

/// Whether a repetition of `body` is such a one.
fn is_odd(pattern: &Pattern, body: &Node, (min, max): (usize, Option<usize>)) -> bool {
    // As often as it is written: no iteration is one too many.
    let is_written_out = max.is_some_and(|max| max <= 1 || max == min);
    if is_written_out || width::is_always_empty(body) {
        return false;
    }
    match nothing(body) {
        Nothing::Never => false,
        Nothing::Last => has_seen_group(pattern, body),
        Nothing::Sooner => true,
    }
}

fn has_seen_group(pattern: &Pattern, node: &Node) -> bool {
    let mut has_one = false;
    visit(node, &mut |node| {
        has_one |= matches!(node, Node::Group(number, _) if pattern.is_seen(*number));
    });
    has_one
}

/// Calls `each` with a node and all in it.
fn visit<'n>(node: &'n Node, each: &mut dyn FnMut(&'n Node)) {
    each(node);
    match node {
        Node::Concat(nodes) | Node::Alternation(nodes) => {
            for node in nodes {
                visit(node, each);
            }
        }
        Node::Group(_, node)
        | Node::Atomic(node)
        | Node::Look { node, .. }
        | Node::Repeat { node, .. } => visit(node, each),
        Node::Condition { yes, no, .. } => {
            visit(yes, each);
            visit(no, each);
        }
        Node::Empty
        | Node::Any
        | Node::Set(_)
        | Node::Start
        | Node::End
        | Node::Boundary { .. }
        | Node::Reference { .. } => {}
    }
}

fn nothing(node: &Node) -> Nothing {
    match node {
        Node::Any | Node::Set(_) => Nothing::Never,
        // There is one way to match these, or none.
        Node::Empty
        | Node::Start
        | Node::End
        | Node::Boundary { .. }
        | Node::Look { .. }
        | Node::Reference { .. } => Nothing::Last,
        Node::Group(_, node) | Node::Atomic(node) => nothing(node),
        Node::Concat(nodes) => {
            let all = || nodes.iter().map(nothing);
            if all().any(|part| part == Nothing::Never) {
                Nothing::Never
            } else {
                all().max().unwrap_or(Nothing::Last)
            }
        }
        Node::Alternation(nodes) => match nodes.split_last() {
            Some((last, others)) if others.iter().all(|node| nothing(node) == Nothing::Never) => {
                nothing(last)
            }
            _ => Nothing::Sooner,
        },
        Node::Repeat {
            node,
            min,
            max,
            greed,
            ..
        } => match nothing(node) {
            _ if *max == Some(0) => Nothing::Last,
            Nothing::Never if *min > 0 => Nothing::Never,
            Nothing::Never | Nothing::Last if *greed != Greed::Lazy => Nothing::Last,
            _ => Nothing::Sooner,
        },
        // Only one of them is there at a time.
        Node::Condition { yes, no, .. } => nothing(yes).max(nothing(no)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Pattern;

    /// Whether patterns are left to the `regex` crate.
    fn check(patterns: &[&str], expected: bool) {
        for pattern in patterns {
            let text: Vec<char> = pattern.chars().collect();
            let is_plain = Pattern::parse(&text).unwrap().is_plain();
            assert_eq!(is_plain, expected, "{pattern:?}");
        }
    }

    #[test]
    fn what_nobody_can_tell_is_left_as_it_is() {
        check(
            &[
                r"(?P<a>\S*)\s*",
                r"(\s*-*)*\s*$",
                r"(?:a|b?)*",
                r"(?:\b)*a",
                r"(?:a*b*){2,}",
                r"(?:(?:a*)+b?){1,3}",
                r"((?P<octet>\d{0,3})\.?){4}",
                r"(?P<a>a*)?",
                r"(?P<a>(a*)*)",
                r"(?:a*?b)+",
                r"(?P<list>(?P<item>\w+),?)+",
            ],
            true,
        );
    }

    #[test]
    fn what_no_engine_does_as_python_is_refused() {
        for (pattern, at) in [
            (r"x(?:\w?|-){1,3}", 10),
            (r"(?P<a>.*){0,2}?", 9),
            (r"(?P<a>.*)*+", 9),
            (r"(?P<a>\d)*+", 9),
            (r"(?:(a*)b?){2,4}\1", 10),
        ] {
            let text: Vec<char> = pattern.chars().collect();
            let refusal = Pattern::parse(&text).unwrap_err();
            assert_eq!(refusal.at, at, "{pattern:?}");
            assert!(refusal.reason.contains("only `*` and `+`"), "{refusal:?}");
        }
    }

    #[test]
    fn what_python_tells_goes_its_way() {
        check(
            &[
                r"(?P<a>.*)*",
                r"(?:\w?|-)+",
                r"(?:\s*|x)*",
                r"(?:|a)*",
                r"(?:a??)*",
                r"(?:a*?b?)*?",
                r"(?:(?:a??)+b*)*",
                r"(?:\s*(?P<a>\S*))*",
                r"(?:(a*)b?)*\1",
            ],
            false,
        );
    }
}
