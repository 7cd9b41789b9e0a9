//! From the text of a program to its tree, in one pass.
//!
//! ```text
//!   pipe         commas with `|` between; the last may be f as $x | pipe
//!   comma        alternatives with `,` between
//!   alternative  or // alternative
//!   or, and, comparison, sum, product
//!   postfix      atom, then .name  ."name"  [f]  [f:g]  []  ?
//! ```
//!
//! Invariant: the tree is no deeper and no larger than the limits say, because whoever walks or drops it recurses.

use super::{
    ProgramError,
    functions::{self, Form, Function},
    node::{Arithmetic, Comparison, Node, Piece},
    value::Number,
};
use crate::{
    limits::{MAX_JQ_BYTES, MAX_JQ_NESTING, MAX_JQ_NODES},
    source::regex,
};

/// Parses `text`.
///
/// # Errors
/// The first fault, with its place.
pub(super) fn parse(text: &str) -> Result<Node, ProgramError> {
    let mut parser = Parser {
        text,
        at: 0,
        variables: Vec::new(),
        nesting: 0,
        nodes: 0,
    };
    if text.len() > MAX_JQ_BYTES {
        return Err(parser.fault(0, format!("it has more than {MAX_JQ_BYTES} bytes")));
    }
    let mut node = parser.pipe()?;
    match parser.peek() {
        None => {
            node.keep_going();
            Ok(node)
        }
        Some(c) => Err(parser.fault(parser.at, format!("{c:?} is not expected here"))),
    }
}

struct Parser<'p> {
    text: &'p str,
    at: usize,
    /// The variables that are bound here, the last one innermost.
    variables: Vec<&'p str>,
    nesting: usize,
    nodes: usize,
}

/// Words that are syntax and no functions; the last ones are refused.
const KEYWORDS: [&str; 19] = [
    "and", "or", "as", "if", "then", "elif", "else", "end", "try", "catch", "reduce", "foreach",
    "def", "label", "break", "import", "include", "module", "__loc__",
];

type Parsed<T> = Result<T, ProgramError>;

impl<'p> Parser<'p> {
    /// `f as $x | g`, `f | g`, `f, g`.
    fn pipe(&mut self) -> Parsed<Node> {
        self.pipe_of(Self::comma)
    }

    fn pipe_of(&mut self, stage: fn(&mut Self) -> Parsed<Node>) -> Parsed<Node> {
        self.nested(|parser| {
            let mut stages = Vec::new();
            loop {
                let of = stage(parser)?;
                if parser.takes_word("as") {
                    let body = parser.binding(stage)?;
                    stages.push(parser.node(Node::Bind(Box::new(of), Box::new(body)))?);
                    break;
                }
                stages.push(of);
                if !parser.takes("|") {
                    break;
                }
            }
            parser.one_or(stages, Node::Pipe)
        })
    }

    /// What comes behind `as`.
    fn binding(&mut self, stage: fn(&mut Self) -> Parsed<Node>) -> Parsed<Node> {
        let start = self.start();
        if !self.text_from(start).starts_with('$') {
            let fault = self.fault(start, "a value is bound to one variable, such as `$x`");
            return Err(fault.with_hint(
                "bind the whole, and take it apart where it is used: `. as $x | $x.name`",
            ));
        }
        let name = self.variable_name()?;
        self.expect("|")?;
        self.variables.push(name);
        let body = self.pipe_of(stage);
        self.variables.pop();
        body
    }

    fn comma(&mut self) -> Parsed<Node> {
        let mut parts = vec![self.alternative()?];
        while self.takes(",") {
            parts.push(self.alternative()?);
        }
        self.one_or(parts, Node::Comma)
    }

    fn alternative(&mut self) -> Parsed<Node> {
        let first = self.or()?;
        if !self.takes("//") {
            return Ok(first);
        }
        let second = self.nested(Self::alternative)?;
        self.node(Node::Alternative(Box::new(first), Box::new(second)))
    }

    fn or(&mut self) -> Parsed<Node> {
        let mut left = self.and()?;
        while self.takes_word("or") {
            let right = self.and()?;
            left = self.node(Node::Or(Box::new(left), Box::new(right)))?;
        }
        Ok(left)
    }

    fn and(&mut self) -> Parsed<Node> {
        let mut left = self.comparison()?;
        while self.takes_word("and") {
            let right = self.comparison()?;
            left = self.node(Node::And(Box::new(left), Box::new(right)))?;
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Parsed<Node> {
        let left = self.sum()?;
        let operators = [
            ("==", Comparison::Equal),
            ("!=", Comparison::Unequal),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        let Some((_, comparison)) = operators.into_iter().find(|(sign, _)| self.takes(sign)) else {
            self.refuse_assignment()?;
            return Ok(left);
        };
        let right = self.sum()?;
        self.node(Node::Compared(comparison, Box::new(left), Box::new(right)))
    }

    fn sum(&mut self) -> Parsed<Node> {
        let signs = [("+", Arithmetic::Add), ("-", Arithmetic::Subtract)];
        self.calculated(&signs, Self::product)
    }

    fn product(&mut self) -> Parsed<Node> {
        let signs = [
            ("*", Arithmetic::Multiply),
            ("/", Arithmetic::Divide),
            ("%", Arithmetic::Remainder),
        ];
        self.calculated(&signs, Self::postfix)
    }

    fn calculated(
        &mut self,
        signs: &[(&str, Arithmetic)],
        operand: fn(&mut Self) -> Parsed<Node>,
    ) -> Parsed<Node> {
        let mut left = operand(self)?;
        while let Some((_, sign)) = signs.iter().find(|(sign, _)| self.takes(sign)) {
            let right = operand(self)?;
            left = self.node(Node::Calculated(*sign, Box::new(left), Box::new(right)))?;
        }
        Ok(left)
    }

    /// An atom with its path.
    fn postfix(&mut self) -> Parsed<Node> {
        let mut node = self.atom()?;
        loop {
            let start = self.start();
            let rest = self.text_from(start);
            node = if rest.starts_with('[') {
                self.bracket(node)?
            } else if self.takes("?") {
                self.node(Node::Try(Box::new(node)))?
            } else if rest.starts_with('.') && !rest.starts_with("..") {
                self.at = start + 1;
                if self.peek() == Some('[') {
                    continue;
                }
                let name = self.field_name()?;
                self.named(node, name)?
            } else {
                return Ok(node);
            };
        }
    }

    /// `[]`, `[f]`, `[f:g]`, `[f:]`, `[:g]` behind `of`.
    fn bracket(&mut self, of: Node) -> Parsed<Node> {
        self.expect("[")?;
        let of = Box::new(of);
        if self.takes("]") {
            return self.node(Node::each(of));
        }
        let from = match self.peek() {
            Some(':') => None,
            _ => Some(self.pipe()?),
        };
        if !self.takes(":") {
            self.expect("]")?;
            return match from {
                Some(Node::Text(name)) => self.node(Node::Field(of, name)),
                Some(index) => self.node(Node::Index(of, Box::new(index))),
                None => unreachable!("only a colon stands in for it"),
            };
        }
        let to = match self.peek() {
            Some(']') => None,
            _ => Some(Box::new(self.pipe()?)),
        };
        self.expect("]")?;
        self.node(Node::Slice(of, from.map(Box::new), to))
    }

    /// `of."name"`, of which the name may be interpolated.
    fn named(&mut self, of: Node, name: Node) -> Parsed<Node> {
        match name {
            Node::Text(name) => self.node(Node::Field(Box::new(of), name)),
            name => self.node(Node::Index(Box::new(of), Box::new(name))),
        }
    }

    fn field_name(&mut self) -> Parsed<Node> {
        if self.peek() == Some('"') {
            return self.string();
        }
        let name = self.word()?;
        Ok(Node::Text(name.to_owned()))
    }

    fn atom(&mut self) -> Parsed<Node> {
        let start = self.start();
        let Some(first) = self.peek() else {
            return Err(self.fault(start, "it ends where something is expected"));
        };
        match first {
            '.' => self.dot(),
            '"' => self.string(),
            '0'..='9' => self.number(),
            '$' => self.variable(),
            '(' => {
                self.at += 1;
                let node = self.pipe()?;
                self.expect(")")?;
                Ok(node)
            }
            '[' => {
                self.at += 1;
                let items = if self.takes("]") {
                    None
                } else {
                    Some(Box::new(self.pipe()?))
                };
                if items.is_some() {
                    self.expect("]")?;
                }
                self.node(Node::Array(items))
            }
            '{' => self.object(),
            '-' => {
                self.at += 1;
                let of = self.nested(Self::postfix)?;
                self.node(Node::Negated(Box::new(of)))
            }
            '@' => self.format(),
            c if is_word_start(c) => self.worded(),
            c => Err(self.fault(start, format!("{c:?} is not expected here"))),
        }
    }

    /// `.`, `..`, `.name`, `."name"`; what follows is the postfix's.
    fn dot(&mut self) -> Parsed<Node> {
        if self.takes("..") {
            return self.node(Node::Everything);
        }
        self.at += 1;
        let next = self.text_from(self.at).chars().next();
        let is_named = next.is_some_and(|c| c == '"' || is_word_start(c));
        let input = self.node(Node::Input)?;
        if !is_named {
            return Ok(input);
        }
        let name = self.field_name()?;
        self.named(input, name)
    }

    fn worded(&mut self) -> Parsed<Node> {
        let start = self.start();
        let word = self.word()?;
        match word {
            "if" => self.condition(),
            "try" => {
                let of = self.nested(Self::postfix)?;
                let after = self.start();
                if self.takes_word("catch") {
                    let fault = self.fault(after, "`catch` is refused");
                    return Err(fault.with_hint("`try f` and `f?` leave errors out; `f? // g` puts something in their place"));
                }
                self.node(Node::Try(Box::new(of)))
            }
            "null" => self.node(Node::Null),
            "true" => self.node(Node::Bool(true)),
            "false" => self.node(Node::Bool(false)),
            "empty" => self.node(Node::Empty),
            _ => self.call(start, word),
        }
    }

    fn condition(&mut self) -> Parsed<Node> {
        let mut cases = Vec::new();
        loop {
            let condition = self.pipe()?;
            self.expect_word("then")?;
            cases.push((condition, self.pipe()?));
            if self.takes_word("elif") {
                continue;
            }
            let otherwise = if self.takes_word("else") {
                Some(Box::new(self.pipe()?))
            } else {
                None
            };
            self.expect_word("end")?;
            return self.node(Node::If(cases, otherwise));
        }
    }

    fn call(&mut self, start: usize, name: &'p str) -> Parsed<Node> {
        let mut arguments = Vec::new();
        if self.takes("(") {
            loop {
                arguments.push(self.pipe()?);
                if !self.takes(";") {
                    break;
                }
            }
            self.expect(")")?;
        }
        let function = functions::find(name, arguments.len());
        let function = function.map_err(|(message, hint)| ProgramError {
            hint: Some(hint),
            ..self.fault(start, message)
        })?;
        self.applied(start, function, arguments)
    }

    fn applied(
        &mut self,
        start: usize,
        function: Function,
        mut arguments: Vec<Node>,
    ) -> Parsed<Node> {
        let form = match function {
            Function::Plain(plain) => return self.node(Node::Plain(plain)),
            Function::OfKind(is_of) => return self.node(Node::OfKind(is_of)),
            Function::With(with) => {
                let argument = arguments.remove(0);
                return self.node(Node::With(with, Box::new(argument)));
            }
            Function::Form(form) => form,
        };
        let mut argument = || Box::new(arguments.remove(0));
        let items = || Node::each(Box::new(Node::Input));
        let node = match form {
            Form::Select => Node::Select(argument()),
            Form::Map => Node::Array(Some(Box::new(Node::Pipe(vec![items(), *argument()])))),
            Form::MapValues => Node::MapValues(argument()),
            Form::WithEntries => Node::Pipe(vec![
                Node::Plain(functions::to_entries),
                Node::Array(Some(Box::new(Node::Pipe(vec![items(), *argument()])))),
                Node::Plain(functions::from_entries),
            ]),
            Form::First => Node::First(argument()),
            Form::Any => Node::Quantified(true, Box::new(items()), Box::new(Node::Input)),
            Form::All => Node::Quantified(false, Box::new(items()), Box::new(Node::Input)),
            Form::AnyBy => Node::Quantified(true, Box::new(items()), argument()),
            Form::AllBy => Node::Quantified(false, Box::new(items()), argument()),
            Form::AddOf => Node::Pipe(vec![
                Node::Array(Some(argument())),
                Node::Plain(functions::add),
            ]),
            Form::By(by) => Node::By(by, argument()),
            Form::ByItself(by) => Node::By(by, Box::new(Node::Input)),
            Form::Test => Node::Test(self.pattern(start, &argument())?),
            Form::Capture => Node::Capture(self.pattern(start, &argument())?),
        };
        debug_assert!(
            arguments.is_empty(),
            "the function was found by their number"
        );
        self.node(node)
    }

    /// Compiles the pattern that a function has as its argument.
    fn pattern(&self, start: usize, argument: &Node) -> Parsed<::regex::Regex> {
        let Node::Text(pattern) = argument else {
            let fault = self.fault(start, "the pattern is not a plain text");
            return Err(fault.with_hint(
                "patterns are compiled once, with the program: write it out, in double quotes",
            ));
        };
        regex::build(pattern).map_err(|fault| self.fault(start, fault.to_string()))
    }

    fn object(&mut self) -> Parsed<Node> {
        self.expect("{")?;
        let mut entries = Vec::new();
        while !self.takes("}") {
            entries.push(self.entry()?);
            if !self.takes(",") {
                self.expect("}")?;
                break;
            }
        }
        self.node(Node::Object(entries))
    }

    /// `name: f`, `"name": f`, `(f): g`, `name`, `"name"`, `$name`.
    fn entry(&mut self) -> Parsed<(Node, Node)> {
        let start = self.start();
        let key = match self.peek() {
            Some('$') => {
                let name = self.variable_name()?;
                let key = name.get(1..).unwrap_or_default().to_owned();
                let value = self.bound(start, name)?;
                return Ok((self.node(Node::Text(key))?, value));
            }
            Some('(') => {
                self.at += 1;
                let key = self.pipe()?;
                self.expect(")")?;
                self.expect(":")?;
                return Ok((key, self.pipe_of(Self::alternative)?));
            }
            Some(_) => self.field_name()?,
            None => return Err(self.fault(start, "an object is not closed")),
        };
        if self.takes(":") {
            return Ok((key, self.pipe_of(Self::alternative)?));
        }
        let Node::Text(name) = &key else {
            return Err(self.fault(start, "an interpolated key has no value"));
        };
        let of = Box::new(self.node(Node::Input)?);
        let value = self.node(Node::Field(of, name.clone()))?;
        Ok((key, value))
    }

    fn variable(&mut self) -> Parsed<Node> {
        let start = self.start();
        let name = self.variable_name()?;
        self.bound(start, name)
    }

    /// `$name`, with the dollar.
    fn variable_name(&mut self) -> Parsed<&'p str> {
        let start = self.start();
        self.expect("$")?;
        self.word()?;
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    fn bound(&mut self, start: usize, name: &str) -> Parsed<Node> {
        if let Some(back) = self.variables.iter().rev().position(|it| *it == name) {
            return self.node(Node::Variable(back));
        }
        let fault = self.fault(start, format!("no variable {name} is bound here"));
        Err(fault.with_hint(format!("`f as {name} | g` binds it in `g`")))
    }

    /// `@text` before a string.
    fn format(&mut self) -> Parsed<Node> {
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

    fn number(&mut self) -> Parsed<Node> {
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
        match parse_number(literal) {
            Some(number) => self.node(Node::Number(number)),
            None => Err(self.fault(start, format!("{literal:?} is not a number"))),
        }
    }

    /// A text in double quotes, with `\(f)` in it.
    fn string(&mut self) -> Parsed<Node> {
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

    /// `=`, `|=`, `+=` and so on.
    fn refuse_assignment(&mut self) -> Parsed<()> {
        let start = self.start();
        let signs = ["=", "|=", "+=", "-=", "*=", "/=", "%=", "//="];
        match signs
            .into_iter()
            .find(|sign| self.text_from(start).starts_with(sign))
        {
            None => Ok(()),
            Some(sign) => {
                let fault = self.fault(start, format!("`{sign}` is refused"));
                Err(fault.with_hint("make a new object instead: `{name: f}`, or `. + {name: f}`"))
            }
        }
    }

    /// Goes one level deeper.
    fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.nesting == MAX_JQ_NESTING {
            return Err(self.fault(
                self.at,
                format!("it is nested deeper than {MAX_JQ_NESTING} levels"),
            ));
        }
        self.nesting += 1;
        let parsed = parse(self);
        self.nesting -= 1;
        parsed
    }

    /// Counts a node.
    fn node(&mut self, node: Node) -> Parsed<Node> {
        self.nodes += 1;
        if self.nodes > MAX_JQ_NODES {
            return Err(self.fault(self.at, format!("it has more than {MAX_JQ_NODES} steps")));
        }
        Ok(node)
    }

    /// The only one of `nodes`, or all of them in `many`.
    fn one_or(&mut self, mut nodes: Vec<Node>, many: fn(Vec<Node>) -> Node) -> Parsed<Node> {
        match nodes.pop() {
            Some(only) if nodes.is_empty() => Ok(only),
            last => {
                nodes.extend(last);
                self.node(many(nodes))
            }
        }
    }

    fn text_from(&self, at: usize) -> &'p str {
        self.text.get(at..).unwrap_or_default()
    }

    /// Where the next token begins: behind space and comments.
    fn start(&mut self) -> usize {
        loop {
            let rest = self.text_from(self.at);
            let trimmed = rest.trim_start();
            self.at += rest.len() - trimmed.len();
            if !trimmed.starts_with('#') {
                return self.at;
            }
            self.at += trimmed.find('\n').unwrap_or(trimmed.len());
        }
    }

    /// The first character of the next token.
    fn peek(&mut self) -> Option<char> {
        let start = self.start();
        self.text_from(start).chars().next()
    }

    /// The next character, whatever it is.
    fn next(&mut self) -> Option<char> {
        let c = self.text_from(self.at).chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    /// Takes `sign` if it comes next, and not as the beginning of a longer one.
    fn takes(&mut self, sign: &str) -> bool {
        let start = self.start();
        let Some(rest) = self.text_from(start).strip_prefix(sign) else {
            return false;
        };
        let is_longer = match sign {
            "|" | "+" | "-" | "*" | "%" | "<" | ">" | "//" => rest.starts_with('='),
            "/" => rest.starts_with(['/', '=']),
            _ => false,
        };
        if !is_longer {
            self.at = start + sign.len();
        }
        !is_longer
    }

    fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.takes(sign) {
            return Ok(());
        }
        let start = self.start();
        Err(match self.peek() {
            Some(c) => self.fault(start, format!("`{sign}` is expected and not {c:?}")),
            None => self.fault(start, format!("it ends where `{sign}` is expected")),
        })
    }

    /// The word that comes next.
    fn word(&mut self) -> Parsed<&'p str> {
        let start = self.start();
        let rest = self.text_from(start);
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        if !rest.starts_with(is_word_start) {
            return Err(match rest.chars().next() {
                Some(c) => self.fault(start, format!("a name is expected and not {c:?}")),
                None => self.fault(start, "it ends where a name is expected"),
            });
        }
        self.at = start + end;
        Ok(rest.get(..end).unwrap_or_default())
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let start = self.start();
        let rest = self.text_from(start).strip_prefix(word);
        let takes = rest.is_some_and(|rest| !rest.starts_with(is_word));
        if takes {
            self.at = start + word.len();
        }
        takes
    }

    fn expect_word(&mut self, word: &str) -> Parsed<()> {
        if self.takes_word(word) {
            return Ok(());
        }
        let start = self.start();
        Err(self.fault(start, format!("`{word}` is expected here")))
    }

    fn fault(&self, at: usize, message: impl Into<String>) -> ProgramError {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        ProgramError {
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            message: message.into(),
            hint: None,
        }
    }
}

/// Whether `name` is a word of the syntax.
pub(super) fn is_keyword(name: &str) -> bool {
    KEYWORDS.contains(&name)
}

/// A number as JSON and programs write it; whole ones keep all their digits while there is room.
pub(super) fn parse_number(literal: &str) -> Option<Number> {
    if let Ok(whole) = literal.parse() {
        return Some(Number::Whole(whole));
    }
    let number: f64 = literal.parse().ok()?;
    number.is_finite().then_some(Number::Float(number))
}

/// The end of the digits that begin at `from`.
fn digits(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + rest.bytes().take_while(u8::is_ascii_digit).count()
}

fn is_word_start(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_'
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}
