//! Numbers, and texts with what is escaped or interpolated in them.

use super::{Parsed, Parser};
use crate::jq::{
    functions,
    node::{Node, Piece},
    value::Number,
};

impl Parser<'_> {
    pub(super) fn number(&mut self) -> Parsed<Node> {
        let start = self.start();
        let rest = self.text_from(start);
        let mut end = digits(rest, 0);
        if rest.get(end..).is_some_and(|rest| rest.starts_with('.')) {
            end = digits(rest, end + 1);
        }
        if rest
            .get(end..)
            .is_some_and(|rest| rest.starts_with(['e', 'E']))
        {
            let sign = rest
                .get(end + 1..)
                .is_some_and(|rest| rest.starts_with(['+', '-']));
            end = digits(rest, end + 1 + usize::from(sign));
        }
        self.at = start + end;
        let literal = rest.get(..end).unwrap_or_default();
        match Number::parse(literal) {
            Some(number) => self.node(Node::Number(number)),
            None => Err(self.fault(start, format!("{literal:?} is not a number"))),
        }
    }

    /// A text in double quotes, with `\(f)` in it.
    pub(super) fn string(&mut self) -> Parsed<Node> {
        let start = self.start();
        self.expect("\"")?;
        let mut pieces = Vec::new();
        let mut text = String::new();
        loop {
            let Some(c) = self.next() else {
                return Err(self.fault(start, "the text is not closed"));
            };
            match c {
                '"' => break,
                '\\' if self.text_from(self.at).starts_with('(') => {
                    self.at += 1;
                    if !text.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut text)));
                    }
                    let of = self.pipe()?;
                    self.expect(")")?;
                    pieces.push(Piece::Of(of));
                }
                '\\' => text.push(self.escape()?),
                c => text.push(c),
            }
        }
        if pieces.is_empty() {
            return self.node(Node::Text(text));
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
        self.node(Node::Interpolated(pieces))
    }

    /// What stands behind a backslash.
    fn escape(&mut self) -> Parsed<char> {
        let start = self.at - 1;
        let escaped = match self.next() {
            Some('n') => Some('\n'),
            Some('t') => Some('\t'),
            Some('r') => Some('\r'),
            Some('b') => Some('\u{8}'),
            Some('f') => Some('\u{c}'),
            Some(c @ ('"' | '\\' | '/')) => Some(c),
            Some('u') => {
                let digits = self.text_from(self.at).get(..4);
                let code =
                    digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
                let code = code.and_then(|code| u32::from_str_radix(code, 16).ok());
                self.at += if code.is_some() { 4 } else { 0 };
                code.and_then(char::from_u32)
            }
            _ => None,
        };
        escaped.ok_or_else(|| {
            let fault = self.fault(start, "this escape is not one of JSON's");
            fault.with_hint("a backslash in a pattern is written twice: `\"\\\\d+\"`")
        })
    }

    /// `@text` before a string.
    pub(super) fn format(&mut self) -> Parsed<Node> {
        let start = self.start();
        self.at += 1;
        let name = self.word()?;
        if name != "text" {
            return Err(self.fault(start, format!("the format `@{name}` is refused")));
        }
        match self.peek() {
            Some('"') => self.string(),
            _ => self.node(Node::Plain(functions::tostring)),
        }
    }
}

/// The end of the digits that begin at `from`.
fn digits(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + rest.bytes().take_while(u8::is_ascii_digit).count()
}
