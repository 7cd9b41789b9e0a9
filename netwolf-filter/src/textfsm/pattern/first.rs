//! Which characters can begin a match: most rules of a state can be passed over by one look at the line.

use super::{Node, set::is_space};

/// What a line that matches must begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::textfsm) struct First {
    /// Its first character.
    pub(in crate::textfsm) char: Start,
    /// Its first character that is no space.
    pub(in crate::textfsm) text: Start,
}

/// Characters, of which one must be there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::textfsm) struct Start {
    /// Of ASCII, a bit each.
    ascii: u128,
    /// The end of the line.
    end: bool,
    /// A match may also take none of them, so that anything may come.
    open: bool,
}

/// Everything that is no space.
const TEXT: u128 = {
    let mut bits = u128::MAX;
    let mut at = 0;
    while at < 128 {
        if matches!(at, 0x09..=0x0d | 0x1c..=0x20) {
            bits &= !(1 << at);
        }
        at += 1;
    }
    bits
};

impl First {
    pub(super) fn of(node: &Node) -> Self {
        Self {
            char: start(node, u128::MAX),
            text: start(node, TEXT),
        }
    }
}

impl Start {
    /// Whether a line can match whose first such character is `byte`; `None` at its end.
    pub(in crate::textfsm) fn takes(self, byte: Option<u8>) -> bool {
        let takes = match byte {
            Some(byte) if byte.is_ascii() => self.ascii >> byte & 1 == 1,
            // What is beyond ASCII was not looked at.
            Some(_) => true,
            None => self.end,
        };
        self.open || takes
    }

    fn or(self, other: Self) -> Self {
        Self {
            ascii: self.ascii | other.ascii,
            end: self.end || other.end,
            open: self.open || other.open,
        }
    }
}

/// What `node` begins with, of the characters in `counted`; the others are passed over.
fn start(node: &Node, counted: u128) -> Start {
    let passes = Start {
        open: true,
        ..Start::default()
    };
    match node {
        Node::Any => of_bits(u128::MAX, counted),
        Node::Set(set) => of_bits(set.bits(), counted),
        Node::End => Start {
            end: true,
            ..Start::default()
        },
        Node::Concat(nodes) => {
            let mut sum = passes;
            for node in nodes {
                if !sum.open {
                    break;
                }
                sum.open = false;
                sum = sum.or(start(node, counted));
            }
            sum
        }
        Node::Alternation(nodes) => nodes
            .iter()
            .map(|node| start(node, counted))
            .fold(Start::default(), Start::or),
        Node::Repeat { min: 0, node, .. } => start(node, counted).or(passes),
        Node::Group(_, node) | Node::Atomic(node) | Node::Repeat { node, .. } => {
            start(node, counted)
        }
        Node::Condition { yes, no, .. } => start(yes, counted).or(start(no, counted)),
        Node::Reference { .. } => Start {
            ascii: u128::MAX,
            end: true,
            open: true,
        },
        Node::Empty | Node::Start | Node::Boundary { .. } | Node::Look { .. } => passes,
    }
}

fn of_bits(bits: u128, counted: u128) -> Start {
    Start {
        ascii: bits & counted,
        end: false,
        open: bits & !counted != 0,
    }
}

/// The first byte of `line` that is no space.
pub(in crate::textfsm) fn first_text(line: &[u8]) -> Option<u8> {
    let mut bytes = line.iter().copied();
    bytes.find(|&byte| !is_space(char::from(byte)) || !byte.is_ascii())
}
