//! How wide what a node matches can be, and how much work a node is.

use super::Node;

/// The least and the greatest number of characters; without a greatest one where it repeats without bound.
pub(super) type Width = (usize, Option<usize>);

/// The width of `node`; `group` knows those of groups that are closed.
pub(super) fn of(node: &Node, group: &dyn Fn(usize) -> Option<Width>) -> Width {
    match node {
        Node::Empty | Node::Start | Node::End | Node::Boundary { .. } | Node::Look { .. } => {
            (0, Some(0))
        }
        Node::Any | Node::Set(_) => (1, Some(1)),
        Node::Group(_, node) | Node::Atomic(node) => of(node, group),
        Node::Concat(nodes) => nodes.iter().fold((0, Some(0)), |sum, node| {
            let width = of(node, group);
            let max = sum.1.zip(width.1);
            (
                sum.0.saturating_add(width.0),
                max.map(|(sum, max): (usize, usize)| sum.saturating_add(max)),
            )
        }),
        Node::Alternation(nodes) => nodes
            .iter()
            .map(|node| of(node, group))
            .reduce(either)
            .unwrap_or((0, Some(0))),
        Node::Repeat { node, min, max, .. } => {
            let width = of(node, group);
            let max = match (width.1, max) {
                (Some(width), Some(max)) => Some(width.saturating_mul(*max)),
                _ => None,
            };
            (width.0.saturating_mul(*min), max)
        }
        Node::Reference { group: number, .. } => group(*number).unwrap_or((0, None)),
        Node::Condition { yes, no, .. } => either(of(yes, group), of(no, group)),
    }
}

/// Whether `node` only ever matches the empty text.
pub(super) fn is_always_empty(node: &Node) -> bool {
    of(node, &|_| None).1 == Some(0)
}

fn either(a: Width, b: Width) -> Width {
    let max = a.1.zip(b.1).map(|(a, b)| a.max(b));
    (a.0.min(b.0), max)
}

/// How many nodes there are once counted repetitions are written out.
pub(super) fn weight(node: &Node) -> usize {
    let sum = |nodes: &[Node]| nodes.iter().map(weight).fold(0, usize::saturating_add);
    let inner = match node {
        Node::Group(_, node) | Node::Atomic(node) | Node::Look { node, .. } => weight(node),
        Node::Concat(nodes) | Node::Alternation(nodes) => sum(nodes),
        Node::Condition { yes, no, .. } => weight(yes).saturating_add(weight(no)),
        Node::Repeat { node, min, max, .. } => {
            let times = max.unwrap_or(*min).max(1);
            weight(node).saturating_mul(times)
        }
        _ => 0,
    };
    inner.saturating_add(1)
}
