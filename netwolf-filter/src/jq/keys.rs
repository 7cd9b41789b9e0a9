//! The keys of a program's objects, where they can be told from its text.

use std::collections::BTreeSet;

use super::node::{Arithmetic, Node};

/// The keys that the outputs of `node` can have; `None` where anything may come out.
pub(super) fn of(node: &Node) -> Option<BTreeSet<&str>> {
    match node {
        Node::Object(entries) => {
            let keys = entries.iter().map(|(key, _)| match key {
                Node::Text(key) => Some(key.as_str()),
                _ => None,
            });
            keys.collect()
        }
        Node::Empty => Some(BTreeSet::new()),
        Node::Pipe(stages) => {
            // What only lets some through is looked past.
            let last = stages.iter().rev().find(|stage| !is_sieve(stage))?;
            of(last)
        }
        Node::Bind(_, body) | Node::First(body) | Node::Try(body) => of(body),
        Node::Comma(parts) => union(parts.iter().map(of)),
        Node::If(cases, Some(otherwise)) => {
            let branches = cases.iter().map(|(_, branch)| branch);
            union(branches.chain([&**otherwise]).map(of))
        }
        Node::Alternative(left, right) | Node::Calculated(Arithmetic::Add, left, right) => {
            union([of(left), of(right)])
        }
        _ => None,
    }
}

fn is_sieve(node: &Node) -> bool {
    matches!(node, Node::Select(_) | Node::OfKind(_))
}

fn union<'n>(
    sets: impl IntoIterator<Item = Option<BTreeSet<&'n str>>>,
) -> Option<BTreeSet<&'n str>> {
    let mut union = BTreeSet::new();
    for set in sets {
        union.extend(set?);
    }
    Some(union)
}
