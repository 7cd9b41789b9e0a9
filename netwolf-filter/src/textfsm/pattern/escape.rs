//! What stands behind a backslash, and classes.

use super::{
    Node,
    parse::{Parsed, Parser, Refusal},
    set::{Category, Item, Set},
};

/// The least octal number that is no byte.
const OCTAL_LIMIT: u32 = 0o400;

impl Parser<'_> {
    /// An escape outside a class, whose backslash at `at` is read.
    pub(super) fn escape(&mut self, at: usize) -> Parsed<Node> {
        let Some(c) = self.next() else {
            return self.refuse_at(at, "bad escape (end of pattern)");
        };
        if let Some(Item::Category {
            category,
            negated,
            ascii,
        }) = self.category(c)
        {
            return Ok(Node::Set(Set::of_category(category, negated, ascii)));
        }
        let node = match c {
            'A' => Node::Start,
            'Z' => Node::End,
            'b' | 'B' => {
                let negated = c == 'B';
                self.needs.boundary = true;
                // Rust's takes place in an empty line, and Python's does not.
                self.needs.backtracking |= negated;
                let ascii = self.flags.ascii;
                Node::Boundary { negated, ascii }
            }
            '1'..='9' => return self.number(c, at),
            c => Node::Set(Set::of_char(self.char(c, at)?, self.flags.fold)),
        };
        Ok(node)
    }

    /// A class, whose bracket at `at` is read.
    pub(super) fn class(&mut self, at: usize) -> Parsed<Node> {
        let open = "unterminated character set";
        let negated = self.eat('^');
        let mut items = Vec::new();
        loop {
            let here = self.at;
            let from = match self.next() {
                None => return self.refuse_at(at, open),
                Some(']') if !items.is_empty() => break,
                Some('\\') => self.member(here)?,
                Some(c) => Item::Range(c, c),
            };
            if !self.eat('-') {
                items.push(from);
                continue;
            }
            let there = self.at;
            let to = match self.next() {
                None => return self.refuse_at(at, open),
                Some(']') => {
                    items.extend([from, Item::Range('-', '-')]);
                    break;
                }
                Some('\\') => self.member(there)?,
                Some(c) => Item::Range(c, c),
            };
            match (from, to) {
                (Item::Range(from, _), Item::Range(to, _)) if from <= to => {
                    items.push(Item::Range(from, to));
                }
                _ => return self.refuse_at(here, "bad character range"),
            }
        }
        Ok(Node::Set(Set {
            negated,
            fold: self.flags.fold,
            items,
        }))
    }

    /// An escape inside a class.
    fn member(&mut self, at: usize) -> Parsed<Item> {
        let Some(c) = self.next() else {
            return self.refuse_at(at, "bad escape (end of pattern)");
        };
        if let Some(category) = self.category(c) {
            return Ok(category);
        }
        let c = match c {
            'b' => '\u{8}',
            '0'..='7' => self.octal(c, at)?,
            '8' | '9' => return self.bad(c, at),
            c => self.char(c, at)?,
        };
        Ok(Item::Range(c, c))
    }

    fn category(&self, c: char) -> Option<Item> {
        let category = match c.to_ascii_lowercase() {
            'd' => Category::Digit,
            's' => Category::Space,
            'w' => Category::Word,
            _ => return None,
        };
        Some(Item::Category {
            category,
            negated: c.is_ascii_uppercase(),
            ascii: self.flags.ascii,
        })
    }

    /// An escape that stands for one character, in a class and outside alike.
    fn char(&mut self, c: char, at: usize) -> Parsed<char> {
        Ok(match c {
            'a' => '\u{7}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'x' => self.hex(2, at)?,
            'u' => self.hex(4, at)?,
            'U' => self.hex(8, at)?,
            '0' => self.octal(c, at)?,
            'N' => {
                return self.refuse_at(
                    at,
                    "characters by name are not supported; write `\\u` and their number",
                );
            }
            c if c.is_ascii_alphabetic() => return self.bad(c, at),
            c => c,
        })
    }

    fn bad<T>(&self, c: char, at: usize) -> Parsed<T> {
        self.refuse_at(at, &format!("bad escape \\{c}"))
    }

    fn hex(&mut self, digits: usize, at: usize) -> Parsed<char> {
        let mut number = 0;
        for _ in 0..digits {
            let digit = self.peek().and_then(|c| c.to_digit(16));
            let Some(digit) = digit else {
                return self.refuse_at(at, &format!("incomplete escape, {digits} digits wanted"));
            };
            number = number * 16 + digit;
            self.at += 1;
        }
        char::from_u32(number).ok_or_else(|| Refusal {
            at,
            reason: "the escape is no character".to_owned(),
        })
    }

    /// Up to three octal digits, of which `first` is read.
    fn octal(&mut self, first: char, at: usize) -> Parsed<char> {
        let mut number = first.to_digit(8).unwrap_or(0);
        for _ in 0..2 {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) else {
                break;
            };
            number = number * 8 + digit;
            self.at += 1;
        }
        if number >= OCTAL_LIMIT {
            return self.refuse_at(at, "octal escape outside of range 0-0o377");
        }
        char::from_u32(number).map_or_else(|| self.bad(first, at), Ok)
    }

    /// A back-reference by one or two digits, or three octal digits.
    fn number(&mut self, first: char, at: usize) -> Parsed<Node> {
        let is_octal = |c: Option<char>| c.is_some_and(|c| c.is_digit(8));
        let mut number = first.to_digit(10).unwrap_or(0) as usize;
        if let Some(second) = self.peek().and_then(|c| c.to_digit(10)) {
            let begin = self.at;
            self.at += 1;
            if is_octal(Some(first)) && second < 8 && is_octal(self.peek()) {
                self.at = begin;
                let c = self.octal(first, at)?;
                return Ok(Node::Set(Set::of_char(c, self.flags.fold)));
            }
            number = number * 10 + second as usize;
        }
        self.reference(number, at)
    }
}
