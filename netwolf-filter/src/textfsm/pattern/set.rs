//! Sets of characters, as Python's classes and categories name them.

/// A class such as `[a-z\d]`, a category such as `\d`, or one character.
#[derive(Clone, Debug)]
pub(super) struct Set {
    pub(super) negated: bool,
    /// Without regard to case.
    pub(super) fold: bool,
    pub(super) items: Vec<Item>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Range(char, char),
    Category {
        category: Category,
        negated: bool,
        /// Under the flag `a`.
        ascii: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Category {
    Digit,
    Space,
    Word,
}

/// Python's `str.isspace` below U+0080: unlike in Rust, the separators of ASCII are among them.
const SPACES: u128 = bits(0x09, 0x0d) | bits(0x1c, 0x20);
const SPACES_OF_ASCII: u128 = bits(0x09, 0x0d) | bits(0x20, 0x20);
const DIGITS: u128 = bits(b'0', b'9');
const WORDS: u128 = DIGITS | bits(b'A', b'Z') | bits(b'a', b'z') | bits(b'_', b'_');

/// What case joins with ASCII: the letter, and characters beyond ASCII that Python takes for it.
const FOLDS: [(u8, &[char]); 3] = [
    (b'i', &['\u{130}', '\u{131}']),
    (b'k', &['\u{212a}']),
    (b's', &['\u{17f}']),
];

const fn bits(from: u8, to: u8) -> u128 {
    let mut bits = 0;
    let mut at = from;
    while at <= to {
        bits |= 1 << at;
        at += 1;
    }
    bits
}

impl Category {
    fn bits(self, ascii: bool) -> u128 {
        match (self, ascii) {
            (Self::Digit, _) => DIGITS,
            (Self::Space, false) => SPACES,
            (Self::Space, true) => SPACES_OF_ASCII,
            (Self::Word, _) => WORDS,
        }
    }

    /// What stands for it inside a class of the `regex` crate.
    pub(super) fn in_class(self, ascii: bool) -> &'static str {
        match (self, ascii) {
            (Self::Digit, true) => "0-9",
            (Self::Digit, false) => r"\p{Nd}",
            (Self::Space, true) => r"\x09-\x0d\x20",
            (Self::Space, false) => r"\s\x1c-\x1f",
            (Self::Word, true) => "0-9A-Za-z_",
            // Not Rust's `\w`, which has marks and connectors in it and not all numbers.
            (Self::Word, false) => r"\p{L}\p{N}_",
        }
    }
}

impl Set {
    pub(super) fn of_char(c: char, fold: bool) -> Self {
        Self {
            negated: false,
            fold,
            items: vec![Item::Range(c, c)],
        }
    }

    pub(super) fn of_category(category: Category, negated: bool, ascii: bool) -> Self {
        Self {
            negated: false,
            fold: false,
            items: vec![Item::Category {
                category,
                negated,
                ascii,
            }],
        }
    }

    /// Its one character, if case plays no part in it.
    pub(super) fn char(&self) -> Option<char> {
        match *self.items.as_slice() {
            [Item::Range(from, to)] if from == to && !self.negated => {
                (!self.fold || is_caseless(from)).then_some(from)
            }
            _ => None,
        }
    }

    /// The members that are ASCII, a bit each.
    pub(super) fn bits(&self) -> u128 {
        let mut set = 0;
        for item in &self.items {
            set |= match *item {
                Item::Range(from, to) => range_bits(from, to),
                Item::Category {
                    category,
                    negated,
                    ascii,
                } => {
                    let bits = category.bits(ascii);
                    if negated { !bits } else { bits }
                }
            };
        }
        if self.fold {
            set |= self.folded(set);
        }
        if self.negated { !set } else { set }
    }

    /// The other cases of `set`, and of the members beyond ASCII.
    fn folded(&self, set: u128) -> u128 {
        let upper = set & bits(b'A', b'Z');
        let lower = set & bits(b'a', b'z');
        let mut folded = upper << 32 | lower >> 32;
        for (letter, others) in FOLDS {
            if others.iter().any(|&other| self.has_range_with(other)) {
                folded |= 1 << letter | 1 << letter.to_ascii_uppercase();
            }
        }
        folded
    }

    /// What Python takes for one of the members' cases and the `regex` crate does not.
    pub(super) fn extra_folds(&self) -> &'static [char] {
        let has_i = ['i', 'I', '\u{130}', '\u{131}'];
        let extra = self.fold && has_i.iter().any(|&c| self.has_range_with(c));
        if extra {
            &['i', 'I', '\u{130}', '\u{131}']
        } else {
            &[]
        }
    }

    fn has_range_with(&self, c: char) -> bool {
        let mut items = self.items.iter();
        items.any(|item| matches!(*item, Item::Range(from, to) if (from..=to).contains(&c)))
    }
}

/// Whether Python's `\s` takes it.
pub(in crate::textfsm) fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

fn is_caseless(c: char) -> bool {
    c.is_ascii() && !c.is_ascii_alphabetic()
}

fn range_bits(from: char, to: char) -> u128 {
    let from = u8::try_from(from).ok().filter(u8::is_ascii);
    let to = u8::try_from(to).ok().filter(u8::is_ascii).unwrap_or(0x7f);
    from.map_or(0, |from| bits(from, to))
}

/// The ranges of `set`, as the inside of a class.
pub(super) fn class_of_bits(set: u128) -> String {
    use std::fmt::Write as _;
    let mut class = String::new();
    let has = |c: u8| c < 128 && set >> c & 1 == 1;
    let mut at = 0;
    while at < 128 {
        if !has(at) {
            at += 1;
            continue;
        }
        let from = at;
        while has(at) {
            at += 1;
        }
        let written = if from + 1 == at {
            write!(class, r"\x{from:02x}")
        } else {
            write!(class, r"\x{from:02x}-\x{:02x}", at - 1)
        };
        written.expect("a string takes all text");
    }
    class
}
