//! From a pattern's text to its nodes, by the rules of Python's own parser.

use super::{Greed, MAX_DEPTH, MAX_WEIGHT, Needs, Node, Pattern, loops, set::Set, width};

/// Why a pattern is none, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::textfsm) struct Refusal {
    /// Characters before the place.
    pub(in crate::textfsm) at: usize,
    pub(in crate::textfsm) reason: String,
}

pub(super) type Parsed<T> = Result<T, Refusal>;

pub(super) fn parse(text: &[char]) -> Parsed<Pattern> {
    let mut parser = Parser {
        text,
        at: 0,
        flags: Flags::default(),
        groups: Vec::new(),
        behind_from: None,
        depth: 0,
        needs: Needs::default(),
        referenced: Vec::new(),
        conditions: Vec::new(),
    };
    let node = parser.alternation(true)?;
    if parser.peek().is_some() {
        return parser.refuse_at(parser.at, "unbalanced parenthesis");
    }
    for &(at, group) in &parser.conditions {
        if group > parser.groups.len() {
            return parser.refuse_at(at, "the condition's group does not exist");
        }
    }
    let weight = width::weight(&node);
    if weight > MAX_WEIGHT {
        return parser.refuse_at(0, "the counted repetitions make the pattern too big");
    }
    let mut pattern = Pattern {
        node,
        weight,
        referenced: parser.referenced,
        needs: parser.needs,
        groups: parser.groups.into_iter().map(|group| group.name).collect(),
        odd: Vec::new(),
    };
    let odd = loops::odd(&pattern);
    if let Some(odd) = odd.iter().find(|odd| !odd.is_taken) {
        return Err(Refusal {
            at: odd.at,
            reason: "what this repeats can match nothing or has groups, and only `*` and `+` repeat that here as Python does"
                .to_owned(),
        });
    }
    pattern.needs.backtracking |= !odd.is_empty();
    pattern.odd = odd.iter().map(|odd| odd.at).collect();
    Ok(pattern)
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flags {
    pub(super) fold: bool,
    pub(super) ascii: bool,
    verbose: bool,
}

#[derive(Debug)]
struct OpenGroup {
    name: Option<String>,
    /// Its least and greatest width, once it is closed.
    width: Option<width::Width>,
}

#[derive(Debug)]
pub(super) struct Parser<'p> {
    text: &'p [char],
    pub(super) at: usize,
    pub(super) flags: Flags,
    groups: Vec<OpenGroup>,
    /// How many groups there were where a look-behind began: it cannot refer to those inside.
    behind_from: Option<usize>,
    depth: usize,
    pub(super) needs: Needs,
    referenced: Vec<usize>,
    /// The groups of conditions, which may come later, with the places.
    conditions: Vec<(usize, usize)>,
}

impl Parser<'_> {
    pub(super) fn peek(&self) -> Option<char> {
        self.text.get(self.at).copied()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    pub(super) fn eat(&mut self, c: char) -> bool {
        let is_next = self.peek() == Some(c);
        self.at += usize::from(is_next);
        is_next
    }

    #[expect(clippy::unused_self, reason = "reads as what it is at every call")]
    pub(super) fn refuse_at<T>(&self, at: usize, reason: &str) -> Parsed<T> {
        let reason = reason.to_owned();
        Err(Refusal { at, reason })
    }

    /// Branches up to the end or a closing parenthesis.
    fn alternation(&mut self, is_outermost: bool) -> Parsed<Node> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return self.refuse_at(self.at, "groups nest too deep");
        }
        let mut branches = vec![self.sequence(is_outermost)?];
        while self.eat('|') {
            branches.push(self.sequence(false)?);
        }
        self.depth -= 1;
        Ok(match branches.len() {
            1 => branches.remove(0),
            _ => Node::Alternation(branches),
        })
    }

    fn sequence(&mut self, may_set_flags: bool) -> Parsed<Node> {
        let mut nodes: Vec<Node> = Vec::new();
        while let Some(c) = self.peek().filter(|c| !matches!(c, '|' | ')')) {
            let at = self.at;
            self.at += 1;
            let node = match c {
                '\t'..='\r' | ' ' if self.flags.verbose => continue,
                '#' if self.flags.verbose => {
                    while self.next().is_some_and(|c| c != '\n') {}
                    continue;
                }
                '\\' => self.escape(at)?,
                '[' => self.class(at)?,
                '.' => Node::Any,
                '^' => Node::Start,
                '$' => Node::End,
                '(' => match self.group(at, may_set_flags && nodes.is_empty())? {
                    Some(node) => node,
                    None => continue,
                },
                '*' | '+' | '?' | '{' => {
                    if let Some((min, max)) = self.bounds(c, at)? {
                        let node = self.repeat(nodes.pop(), min, max, at)?;
                        nodes.push(node);
                        continue;
                    }
                    Node::Set(Set::of_char(c, false))
                }
                c => Node::Set(Set::of_char(c, self.flags.fold)),
            };
            nodes.push(node);
        }
        Ok(match nodes.len() {
            0 => Node::Empty,
            1 => nodes.remove(0),
            _ => Node::Concat(nodes),
        })
    }

    /// How often the quantifier that begins with `c` repeats; `None` where the `{` is only a `{`.
    fn bounds(&mut self, c: char, at: usize) -> Parsed<Option<(usize, Option<usize>)>> {
        match c {
            '*' => return Ok(Some((0, None))),
            '+' => return Ok(Some((1, None))),
            '?' => return Ok(Some((0, Some(1)))),
            _ => {}
        }
        let begin = self.at;
        if self.peek() == Some('}') {
            return Ok(None);
        }
        let low = self.digits();
        let high = if self.eat(',') {
            self.digits()
        } else {
            low.clone()
        };
        if !self.eat('}') {
            self.at = begin;
            return Ok(None);
        }
        let number = |digits: &str| match digits.parse::<u32>() {
            Ok(number) => Ok(Some(number as usize)),
            Err(_) if digits.is_empty() => Ok(None),
            Err(_) => Err(Refusal {
                at,
                reason: "the repetition number is too large".to_owned(),
            }),
        };
        let (min, max) = (number(&low)?.unwrap_or(0), number(&high)?);
        if max.is_some_and(|max| max < min) {
            return self.refuse_at(at, "min repeat greater than max repeat");
        }
        Ok(Some((min, max)))
    }

    fn digits(&mut self) -> String {
        let mut digits = String::new();
        while let Some(c) = self.peek().filter(char::is_ascii_digit) {
            digits.push(c);
            self.at += 1;
        }
        digits
    }

    fn repeat(
        &mut self,
        node: Option<Node>,
        min: usize,
        max: Option<usize>,
        at: usize,
    ) -> Parsed<Node> {
        let node = match node {
            None | Some(Node::Start | Node::End | Node::Boundary { .. }) => {
                return self.refuse_at(at, "nothing to repeat");
            }
            Some(Node::Repeat { .. }) => return self.refuse_at(at, "multiple repeat"),
            Some(node) => node,
        };
        let greed = if self.eat('?') {
            Greed::Lazy
        } else if self.eat('+') {
            self.needs.backtracking = true;
            Greed::Possessive
        } else {
            Greed::Greedy
        };
        Ok(Node::Repeat {
            at,
            node: Box::new(node),
            min,
            max,
            greed,
        })
    }

    /// What an opening parenthesis opens; `None` for what matches nothing, a comment or flags.
    fn group(&mut self, at: usize, may_set_flags: bool) -> Parsed<Option<Node>> {
        if !self.eat('?') {
            return self.capture(None, at).map(Some);
        }
        let node = match self.next() {
            None => return self.refuse_at(self.at, "unexpected end of pattern"),
            Some('P') => return self.python_group(at).map(Some),
            Some(':') => self.inside(at)?,
            Some('#') => {
                while let Some(c) = self.next() {
                    if c == ')' {
                        return Ok(None);
                    }
                }
                return self.refuse_at(at, "missing ), unterminated comment");
            }
            Some('>') => {
                self.needs.backtracking = true;
                Node::Atomic(Box::new(self.inside(at)?))
            }
            Some(c @ ('=' | '!')) => self.look(true, c == '!', at)?,
            Some('<') => match self.next() {
                Some(c @ ('=' | '!')) => self.look(false, c == '!', at)?,
                Some(c) => return self.refuse_at(at + 1, &format!("unknown extension ?<{c}")),
                None => return self.refuse_at(self.at, "unexpected end of pattern"),
            },
            Some('(') => self.condition(at)?,
            Some(c) => {
                self.at -= 1;
                return self.flagged(c, at, may_set_flags);
            }
        };
        // As an item of its own, so that a quantifier inside is not taken for a second one.
        Ok(Some(Node::Concat(vec![node])))
    }

    /// The rest of a group, with its closing parenthesis. Flags that it sets end with it.
    fn inside(&mut self, at: usize) -> Parsed<Node> {
        let flags = self.flags;
        let node = self.alternation(false)?;
        self.flags = flags;
        if !self.eat(')') {
            return self.refuse_at(at, "missing ), unterminated subpattern");
        }
        Ok(node)
    }

    fn capture(&mut self, name: Option<String>, at: usize) -> Parsed<Node> {
        self.groups.push(OpenGroup { name, width: None });
        let number = self.groups.len();
        let node = self.inside(at)?;
        self.groups[number - 1].width = Some(self.width(&node));
        Ok(Node::Group(number, Box::new(node)))
    }

    fn width(&self, node: &Node) -> width::Width {
        let group = |number: usize| self.groups.get(number - 1).and_then(|group| group.width);
        width::of(node, &group)
    }

    fn python_group(&mut self, at: usize) -> Parsed<Node> {
        if self.eat('<') {
            let name = self.until('>', "group name")?;
            if !is_identifier(&name) {
                return self.refuse_at(at + 4, &format!("bad character in group name {name:?}"));
            }
            if self.number_of(&name).is_some() {
                return self.refuse_at(at, &format!("redefinition of group name {name:?}"));
            }
            return self.capture(Some(name), at);
        }
        if self.eat('=') {
            let name = self.until(')', "group name")?;
            return match self.number_of(&name) {
                Some(number) => self.reference(number, at),
                None => self.refuse_at(at + 4, &format!("unknown group name {name:?}")),
            };
        }
        match self.peek() {
            None => self.refuse_at(self.at, "unexpected end of pattern"),
            Some(c) => self.refuse_at(at + 1, &format!("unknown extension ?P{c}")),
        }
    }

    fn number_of(&self, name: &str) -> Option<usize> {
        let mut groups = self.groups.iter();
        let index = groups.position(|group| group.name.as_deref() == Some(name))?;
        Some(index + 1)
    }

    fn until(&mut self, end: char, what: &str) -> Parsed<String> {
        let begin = self.at;
        let mut text = String::new();
        loop {
            match self.next() {
                Some(c) if c == end && text.is_empty() => {
                    return self.refuse_at(begin, &format!("missing {what}"));
                }
                Some(c) if c == end => return Ok(text),
                Some(c) => text.push(c),
                None if text.is_empty() => {
                    return self.refuse_at(begin, &format!("missing {what}"));
                }
                None => {
                    return self.refuse_at(begin, &format!("missing {end}, unterminated name"));
                }
            }
        }
    }

    /// A back-reference to a group that is closed.
    pub(super) fn reference(&mut self, number: usize, at: usize) -> Parsed<Node> {
        match self.groups.get(number.wrapping_sub(1)) {
            None => {
                return self.refuse_at(at + 1, &format!("invalid group reference {number}"));
            }
            Some(group) if group.width.is_none() => {
                return self.refuse_at(at, "cannot refer to an open group");
            }
            Some(_) => {}
        }
        self.check_behind(number, at)?;
        self.needs.backtracking = true;
        self.referenced.push(number);
        Ok(Node::Reference {
            group: number,
            fold: self.flags.fold,
        })
    }

    fn check_behind(&self, number: usize, at: usize) -> Parsed<()> {
        if self.behind_from.is_some_and(|from| number > from) {
            return self.refuse_at(
                at,
                "cannot refer to group defined in the same lookbehind subpattern",
            );
        }
        Ok(())
    }

    fn look(&mut self, ahead: bool, negated: bool, at: usize) -> Parsed<Node> {
        self.needs.backtracking = true;
        let outer = self.behind_from;
        if !ahead && outer.is_none() {
            self.behind_from = Some(self.groups.len());
        }
        let node = self.inside(at)?;
        self.behind_from = outer;
        if !ahead {
            let (min, max) = self.width(&node);
            if max != Some(min) {
                return self.refuse_at(at, "look-behind requires fixed-width pattern");
            }
        }
        Ok(Node::Look {
            ahead,
            negated,
            node: Box::new(node),
        })
    }

    fn condition(&mut self, at: usize) -> Parsed<Node> {
        let name = self.until(')', "group name")?;
        let group = if is_identifier(&name) {
            self.number_of(&name)
        } else {
            let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
            name.parse().ok().filter(|&number| is_number && number > 0)
        };
        let Some(group) = group else {
            return self.refuse_at(at + 3, &format!("bad group name or number {name:?}"));
        };
        self.conditions.push((at + 3, group));
        self.check_behind(group, at)?;
        self.needs.backtracking = true;
        self.referenced.push(group);
        let flags = self.flags;
        let yes = Box::new(self.sequence(false)?);
        let mut no = Box::new(Node::Empty);
        if self.eat('|') {
            *no = self.sequence(false)?;
            if self.peek() == Some('|') {
                return self.refuse_at(self.at, "conditional backref with more than two branches");
            }
        }
        self.flags = flags;
        if !self.eat(')') {
            return self.refuse_at(at, "missing ), unterminated subpattern");
        }
        Ok(Node::Condition { group, yes, no })
    }

    /// `(?i)`, which is for the whole pattern and may only begin it, or `(?i-x:...)`.
    fn flagged(&mut self, begin: char, at: usize, may_set_flags: bool) -> Parsed<Option<Node>> {
        if !(begin == '-' || begin.is_ascii_alphabetic()) {
            return self.refuse_at(at + 1, &format!("unknown extension ?{begin}"));
        }
        let outer = self.flags;
        let mut flags = outer;
        let (mut is_on, mut types, mut count) = (true, 0, 0);
        let mut turned_on = Vec::new();
        loop {
            let here = self.at;
            let next = self.next();
            match next {
                Some(c @ ('i' | 'x' | 'm' | 's')) if is_on => turned_on.push(c),
                Some(c) if turned_on.contains(&c) => {
                    return self.refuse_at(here, "flag turned on and off");
                }
                _ => {}
            }
            match next {
                Some('i') => flags.fold = is_on,
                Some('x') => flags.verbose = is_on,
                // They are about line breaks, and there are none.
                Some('m' | 's') => {}
                Some(c @ ('a' | 'u')) if is_on => {
                    flags.ascii = c == 'a';
                    types += 1;
                }
                Some('-') if is_on => (is_on, count) = (false, 0),
                Some(')') if is_on && count > 0 => {
                    if !may_set_flags {
                        return self.refuse_at(
                            at,
                            "global flags not at the start of the expression; write `(?i:...)`",
                        );
                    }
                    self.flags = flags;
                    return Ok(None);
                }
                Some(':') if count > 0 => break,
                Some('L') => {
                    return self.refuse_at(here, "cannot use the flag L with text");
                }
                Some(_) => return self.refuse_at(here, "unknown flag"),
                None => return self.refuse_at(here, "missing -, : or )"),
            }
            count += usize::from(self.text[here] != '-');
            if types > 1 {
                return self.refuse_at(here, "flags a, u and L are incompatible");
            }
        }
        self.flags = flags;
        let node = self.inside(at)?;
        self.flags = outer;
        Ok(Some(Node::Concat(vec![node])))
    }
}

/// Python's `str.isidentifier`, near enough for names.
fn is_identifier(name: &str) -> bool {
    let mut chars = name.chars();
    let is_first = chars.next().is_some_and(|c| c == '_' || c.is_alphabetic());
    is_first && chars.all(|c| c == '_' || c.is_alphanumeric())
}
