//! As much of `PromQL` as the rules ask for: which series a query selects and by what, over what range, in which
//! function.
//!
//! Not a judge of syntax, which promtool is: brackets, quotes and names are enough here. Grafana's variables
//! (`$job`, `$__rate_interval`) stand in strings and ranges and are text.

use std::{collections::BTreeSet, iter::Peekable, vec};

/// What a query asks for.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub(super) selectors: Vec<Selector>,
    /// Labels of `by`, `on` and their like.
    pub(super) grouping: BTreeSet<String>,
    /// Labels that the query itself makes, by `label_replace` and `count_values`.
    pub(super) made: BTreeSet<String>,
}

/// `name{label="value"}[range]`.
#[derive(Debug, Default)]
pub(super) struct Selector {
    pub(super) name: String,
    pub(super) matchers: Vec<Matcher>,
    pub(super) range: Option<String>,
    /// The function whose brackets are the nearest around it.
    pub(super) within: Option<String>,
}

#[derive(Debug)]
pub(super) struct Matcher {
    pub(super) label: String,
    /// `=`, `!=`, `=~` or `!~`.
    pub(super) operator: String,
    pub(super) value: String,
}

impl Selector {
    pub(super) fn matcher(&self, label: &str) -> Option<&Matcher> {
        self.matchers.iter().find(|matcher| matcher.label == label)
    }

    /// Whether it stands in a function that makes a rate of a counter.
    pub(super) fn is_rated(&self) -> bool {
        let rates = ["rate", "irate", "increase"];
        self.range.is_some() && self.within.as_deref().is_some_and(|it| rates.contains(&it))
    }
}

/// Reads `text`, or says what is wrong with it.
pub(super) fn read(text: &str) -> Result<Query, String> {
    let mut reader = Reader {
        tokens: tokens(text)?.into_iter().peekable(),
        open: Vec::new(),
        ahead: None,
        query: Query::default(),
    };
    while let Some(token) = reader.tokens.next() {
        reader.take(token)?;
    }
    match reader.open.pop() {
        Some(_) => Err("a bracket is never closed".into()),
        None => Ok(reader.query),
    }
}

#[derive(Debug, PartialEq)]
enum Token {
    Word(String),
    /// In quotes, which are taken off.
    Text(String),
    /// A number, a duration, or a variable outside of quotes.
    Number(String),
    Sign(char),
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let mut more = |first: char, belongs: fn(char) -> bool| {
            let mut word = String::from(first);
            while let Some(c) = chars.next_if(|c| belongs(*c)) {
                word.push(c);
            }
            word
        };
        match c {
            _ if c.is_whitespace() => {}
            '#' => drop(more(c, |c| c != '\n')),
            'a'..='z' | 'A'..='Z' | '_' => tokens.push(Token::Word(more(c, |c| {
                c.is_ascii_alphanumeric() || c == '_' || c == ':'
            }))),
            '0'..='9' => tokens.push(Token::Number(more(c, |c| {
                c.is_ascii_alphanumeric() || c == '.'
            }))),
            '$' => tokens.push(Token::Number(more(c, |c| {
                c.is_ascii_alphanumeric() || c == '_' || c == '{' || c == '}'
            }))),
            '"' | '\'' | '`' => tokens.push(Token::Text(quoted(c, &mut chars)?)),
            _ => tokens.push(Token::Sign(c)),
        }
    }
    Ok(tokens)
}

/// What stands before the next `quote` that no backslash goes before.
fn quoted(quote: char, chars: &mut impl Iterator<Item = char>) -> Result<String, String> {
    let mut text = String::new();
    while let Some(c) = chars.next() {
        if c == quote {
            return Ok(text);
        }
        text.push(c);
        if c == '\\' && quote != '`' {
            text.extend(chars.next());
        }
    }
    Err(format!("a {quote} is never closed"))
}

/// Words that take a list of labels.
const GROUPING: [&str; 6] = [
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
];
const OPERATORS: [&str; 8] = [
    "and", "or", "unless", "bool", "offset", "atan2", "inf", "nan",
];
/// Functions that may have `by (...)` between their name and what they aggregate.
const AGGREGATORS: [&str; 13] = [
    "sum",
    "min",
    "max",
    "avg",
    "group",
    "count",
    "stddev",
    "stdvar",
    "topk",
    "bottomk",
    "quantile",
    "count_values",
    "limitk",
];
/// Functions whose first text is a label that they make.
const MAKERS: [&str; 3] = ["label_replace", "label_join", "count_values"];

/// A bracket that is open.
struct Open {
    function: Option<String>,
    texts: usize,
}

struct Reader {
    tokens: Peekable<vec::IntoIter<Token>>,
    open: Vec<Open>,
    /// A function whose bracket is still to come.
    ahead: Option<String>,
    query: Query,
}

impl Reader {
    fn take(&mut self, token: Token) -> Result<(), String> {
        match token {
            Token::Word(word) => self.word(word)?,
            Token::Text(text) => self.text(text),
            Token::Sign('(') => {
                let function = self.ahead.take();
                self.open.push(Open { function, texts: 0 });
            }
            Token::Sign(')') => {
                self.open
                    .pop()
                    .ok_or("a bracket is closed and was never open")?;
            }
            // Of a subquery; a selector takes its own range.
            Token::Sign('[') => drop(self.range()?),
            Token::Sign('{') => return Err("a selector without a name".into()),
            Token::Sign(']' | '}') => return Err("a bracket is closed and was never open".into()),
            Token::Number(_) | Token::Sign(_) => {}
        }
        Ok(())
    }

    fn word(&mut self, word: String) -> Result<(), String> {
        let bracket = self.tokens.peek() == Some(&Token::Sign('('));
        let is = |words: &[&str]| words.contains(&word.as_str());
        if is(&GROUPING) && bracket {
            self.labels()
        } else if is(&GROUPING) || is(&OPERATORS) {
            Ok(())
        } else if is(&AGGREGATORS) || bracket {
            self.ahead = Some(word);
            Ok(())
        } else {
            self.selector(word)
        }
    }

    /// `(label, label)`.
    fn labels(&mut self) -> Result<(), String> {
        self.tokens.next();
        loop {
            match self.tokens.next() {
                Some(Token::Word(label)) => {
                    self.query.grouping.insert(label);
                }
                Some(Token::Sign(',')) => {}
                Some(Token::Sign(')')) => return Ok(()),
                other => return Err(format!("{other:?} in a list of labels")),
            }
        }
    }

    fn text(&mut self, text: String) {
        if let Some(open) = self.open.last_mut() {
            open.texts += 1;
            let function = open.function.as_deref();
            if open.texts == 1 && function.is_some_and(|it| MAKERS.contains(&it)) {
                self.query.made.insert(text);
            }
        }
    }

    fn selector(&mut self, name: String) -> Result<(), String> {
        let mut selector = Selector {
            name,
            within: self.open.last().and_then(|open| open.function.clone()),
            ..Selector::default()
        };
        if self.tokens.next_if_eq(&Token::Sign('{')).is_some() {
            selector.matchers = self.matchers()?;
        }
        if self.tokens.next_if_eq(&Token::Sign('[')).is_some() {
            selector.range = Some(self.range()?);
        }
        self.query.selectors.push(selector);
        Ok(())
    }

    fn matchers(&mut self) -> Result<Vec<Matcher>, String> {
        let mut matchers = Vec::new();
        loop {
            let label = match self.tokens.next() {
                Some(Token::Word(label)) => label,
                Some(Token::Sign(',')) => continue,
                Some(Token::Sign('}')) => return Ok(matchers),
                other => return Err(format!("{other:?} where a label should be")),
            };
            let mut operator = String::new();
            while let Some(Token::Sign(sign)) = self
                .tokens
                .next_if(|it| matches!(it, Token::Sign('=' | '!' | '~')))
            {
                operator.push(sign);
            }
            let Some(Token::Text(value)) = self.tokens.next() else {
                return Err(format!("{label} is compared with what is no text"));
            };
            if !["=", "!=", "=~", "!~"].contains(&operator.as_str()) {
                return Err(format!("{label} is compared by {operator:?}"));
            }
            matchers.push(Matcher {
                label,
                operator,
                value,
            });
        }
    }

    /// Up to the bracket that closes it.
    fn range(&mut self) -> Result<String, String> {
        let mut range = String::new();
        loop {
            match self.tokens.next() {
                Some(Token::Sign(']')) => return Ok(range),
                Some(Token::Sign(sign)) => range.push(sign),
                Some(Token::Number(text) | Token::Word(text)) => range += &text,
                Some(Token::Text(_)) | None => return Err("a range is never closed".into()),
            }
        }
    }
}

#[test]
fn a_query_is_taken_apart() {
    let query = read(
        "topk(20, sum by (job, device) (rate(a_total{job=~\"$job\", x!=\"}\\\"\"}[$__rate_interval] @ end())) > 0)\n\
         / on (job) group_left b{job=~\"$job\"} # c{d=\"e\"}\n\
         or label_replace(max_over_time(x:y:z[$__range:1m]), \"site\", \"none\", \"site\", \"\")",
    )
    .unwrap();
    let names: Vec<_> = query.selectors.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["a_total", "b", "x:y:z"]);
    let [rated, plain, recorded] = query.selectors.as_slice() else {
        panic!("{query:?}");
    };
    assert_eq!(rated.range.as_deref(), Some("$__rate_interval"));
    assert!(rated.is_rated() && !plain.is_rated() && !recorded.is_rated());
    let x = rated.matcher("x").unwrap();
    assert_eq!((x.operator.as_str(), x.value.as_str()), ("!=", "}\\\""));
    assert_eq!(plain.within, None);
    assert_eq!(recorded.range.as_deref(), Some("$__range:1m"));
    assert_eq!(query.grouping.iter().collect::<Vec<_>>(), ["device", "job"]);
    assert_eq!(query.made.iter().collect::<Vec<_>>(), ["site"]);
}

#[test]
fn what_is_broken_is_told() {
    for text in [
        "sum(a",
        "a)",
        "a{b=\"c}",
        "a{b}",
        "a{b==\"c\"}",
        "rate(a[5m)",
        "{b=\"c\"}",
        "sum by (1) (a)",
        "a]",
    ] {
        assert!(read(text).is_err(), "{text}");
    }
}
