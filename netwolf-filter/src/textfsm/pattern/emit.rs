//! From nodes to a pattern in Rust's syntax.

use std::fmt::Write as _;

use super::{
    Greed, Node, Pattern,
    set::{Category, Item, Set, class_of_bits},
    width,
};

/// Which text the pattern is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    /// Bytes that are ASCII, without Unicode: such automata are small, and fast with captures.
    Ascii,
    Unicode,
}

/// The pattern, anchored at the begin, and the groups of `captured` in the order in which they are numbered in it.
pub(super) fn emit(
    pattern: &Pattern,
    language: Language,
    captured: &[usize],
) -> (String, Vec<usize>) {
    let mut emitter = Emitter {
        text: r"\A(?:".to_owned(),
        pattern,
        language,
        captured,
        numbers: Vec::new(),
    };
    emitter.node(&pattern.node);
    emitter.text.push(')');
    (emitter.text, emitter.numbers)
}

struct Emitter<'e> {
    text: String,
    pattern: &'e Pattern,
    language: Language,
    captured: &'e [usize],
    numbers: Vec<usize>,
}

impl Emitter<'_> {
    fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    fn node(&mut self, node: &Node) {
        match node {
            Node::Empty => self.push("(?:)"),
            Node::Any => self.push("(?s:.)"),
            Node::Set(set) => self.set(set),
            Node::Start => self.push(r"\A"),
            Node::End => self.push(r"\z"),
            Node::Boundary { negated, ascii } => self.boundary(*negated, *ascii),
            Node::Group(number, node) => {
                if self.captured.contains(number) {
                    self.numbers.push(*number);
                    self.wrap("(", node);
                } else {
                    self.wrap("(?:", node);
                }
            }
            Node::Concat(nodes) => {
                self.push("(?:");
                for node in nodes {
                    self.node(node);
                }
                self.push(")");
            }
            Node::Alternation(nodes) => {
                self.push("(?:");
                for (index, node) in nodes.iter().enumerate() {
                    self.push(if index > 0 { "|" } else { "" });
                    self.node(node);
                }
                self.push(")");
            }
            Node::Repeat {
                node,
                min,
                max,
                greed,
                at,
            } => {
                self.push(if *greed == Greed::Possessive {
                    "(?>"
                } else {
                    "(?:"
                });
                if width::is_always_empty(node) {
                    // `fancy-regex` repeats no look-around, and nothing is gained by it.
                    self.once(node, *min, *greed);
                } else {
                    // `fancy-regex` leaves a loop without look-around to the `regex` crate.
                    let is_odd = self.pattern.odd.contains(at);
                    self.wrap(if is_odd { "(?:(?=)" } else { "(?:" }, node);
                    self.times(*min, *max);
                }
                let lazy = *greed == Greed::Lazy && !width::is_always_empty(node);
                self.push(if lazy { "?)" } else { ")" });
            }
            Node::Atomic(node) => self.wrap("(?>", node),
            Node::Look {
                ahead,
                negated,
                node,
            } => {
                let open = match (ahead, negated) {
                    (true, false) => "(?=",
                    (true, true) => "(?!",
                    (false, false) => "(?<=",
                    (false, true) => "(?<!",
                };
                self.wrap(open, node);
            }
            Node::Reference { group, fold } => {
                let number = self.number(*group);
                let open = if *fold { "(?i:" } else { "(?:" };
                self.write(format_args!(r"{open}\{number})"));
            }
            Node::Condition { group, yes, no } => {
                let number = self.number(*group);
                self.write(format_args!("(?({number})"));
                self.node(yes);
                self.push("|");
                self.node(no);
                self.push(")");
            }
        }
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        self.text.write_fmt(text).expect("a string takes all text");
    }

    fn wrap(&mut self, open: &str, node: &Node) {
        self.push(open);
        self.node(node);
        self.push(")");
    }

    /// What repeats nothing, once or, where it need not be there, not at all.
    fn once(&mut self, node: &Node, min: usize, greed: Greed) {
        match (min, greed) {
            (0, Greed::Lazy) => {
                self.push("(?:|");
                self.node(node);
                self.push(")");
            }
            (0, _) => {
                self.push("(?:");
                self.node(node);
                self.push("|)");
            }
            _ => self.wrap("(?:", node),
        }
    }

    fn times(&mut self, min: usize, max: Option<usize>) {
        match (min, max) {
            (0, None) => self.push("*"),
            (1, None) => self.push("+"),
            (0, Some(1)) => self.push("?"),
            (min, None) => self.write(format_args!("{{{min},}}")),
            (min, Some(max)) => self.write(format_args!("{{{min},{max}}}")),
        }
    }

    /// The number that a group has among those that capture, which are numbered as they open.
    fn number(&self, group: usize) -> usize {
        self.captured.partition_point(|&other| other < group) + 1
    }

    fn set(&mut self, set: &Set) {
        match self.language {
            Language::Ascii => match set.char().filter(char::is_ascii) {
                Some(c) => self.write(format_args!(r"\x{:02x}", c as u32)),
                None => match class_of_bits(set.bits()).as_str() {
                    "" => self.push(r"[^\x00-\xff]"),
                    class => self.write(format_args!("[{class}]")),
                },
            },
            Language::Unicode => match set.char() {
                Some(c) => self.write(format_args!(r"\x{{{:x}}}", c as u32)),
                None => self.class(set),
            },
        }
    }

    fn class(&mut self, set: &Set) {
        self.push(if set.fold { "(?i:[" } else { "[" });
        self.push(if set.negated { "^" } else { "" });
        let extra = set.extra_folds().iter().map(|&c| Item::Range(c, c));
        for item in set.items.iter().copied().chain(extra) {
            match item {
                Item::Range(from, to) => self.write(format_args!(
                    r"\x{{{:x}}}-\x{{{:x}}}",
                    from as u32, to as u32
                )),
                Item::Category {
                    category,
                    negated,
                    ascii,
                } => {
                    let not = if negated { "^" } else { "" };
                    self.write(format_args!("[{not}{}]", category.in_class(ascii)));
                }
            }
        }
        self.push(if set.fold { "])" } else { "]" });
    }

    fn boundary(&mut self, negated: bool, ascii: bool) {
        if self.language == Language::Ascii {
            self.push(r"\b");
            return;
        }
        let word = Category::Word.in_class(ascii);
        if negated {
            self.write(format_args!(
                r"(?:(?!\A\z)(?:(?<=[{word}])(?=[{word}])|(?<![{word}])(?![{word}])))"
            ));
        } else {
            self.write(format_args!(
                "(?:(?<=[{word}])(?![{word}])|(?<![{word}])(?=[{word}]))"
            ));
        }
    }
}
