//! Conditions of rules and metrics: which records count.

use netwolf_wire::rule::Conditions;
use regex::Regex;

use crate::{error::Fault, pattern, source::Record};

/// A compiled condition. Without any test it holds of every record.
#[derive(Debug, Default)]
pub(crate) struct Condition {
    when: Vec<FieldTests>,
    unless: Vec<FieldTests>,
}

/// A field by index, and texts that it may have.
#[derive(Debug)]
struct FieldTests {
    field: usize,
    tests: Vec<Test>,
}

#[derive(Debug)]
enum Test {
    /// The whole field, white space around it aside.
    Text(String),
    Pattern(Regex),
}

impl Condition {
    /// Compiles `when` and `unless` of a rule, or of the `metric` that it is about. `field` gives the index of a field
    /// by its name.
    ///
    /// # Errors
    /// Every fault of them.
    pub(crate) fn compile(
        when: &Conditions,
        unless: &Conditions,
        metric: Option<&str>,
        field: impl Fn(&str) -> Result<usize, Fault>,
    ) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut compile = |conditions: &Conditions| {
            let mut all = Vec::new();
            for (name, texts) in conditions {
                match FieldTests::compile(name, texts, metric, &field) {
                    Ok(tests) => all.push(tests),
                    Err(found) => faults.extend(found),
                }
            }
            all
        };
        let condition = Self {
            when: compile(when),
            unless: compile(unless),
        };
        if faults.is_empty() {
            Ok(condition)
        } else {
            Err(faults)
        }
    }

    /// Whether the record counts: each field of `when` has one of its texts, and none of `unless` has.
    pub(crate) fn holds(&self, record: Record<'_>) -> bool {
        self.when.iter().all(|tests| tests.fit(record))
            && !self.unless.iter().any(|tests| tests.fit(record))
    }
}

impl FieldTests {
    fn compile(
        name: &str,
        texts: &[String],
        metric: Option<&str>,
        field: impl Fn(&str) -> Result<usize, Fault>,
    ) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let field = field(name).unwrap_or_else(|fault| {
            faults.push(fault);
            0
        });
        if texts.is_empty() {
            faults.push(Fault::EmptyCondition {
                metric: metric.map(str::to_owned),
                field: name.to_owned(),
            });
        }
        let mut compiled = Vec::new();
        for text in texts {
            match Test::compile(text) {
                Ok(test) => compiled.push(test),
                Err(reason) => faults.push(Fault::BadCondition {
                    metric: metric.map(str::to_owned),
                    text: text.clone(),
                    reason,
                }),
            }
        }
        if faults.is_empty() {
            Ok(Self {
                field,
                tests: compiled,
            })
        } else {
            Err(faults)
        }
    }

    fn fit(&self, record: Record<'_>) -> bool {
        let text = record.field(self.field).unwrap_or_default().trim();
        self.tests.iter().any(|test| match test {
            Test::Text(known) => known == text,
            Test::Pattern(pattern) => pattern.is_match(text),
        })
    }
}

impl Test {
    /// Text between slashes is a regular expression.
    fn compile(text: &str) -> Result<Self, String> {
        let pattern = text
            .strip_prefix('/')
            .and_then(|rest| rest.strip_suffix('/'));
        let Some(pattern) = pattern else {
            return Ok(Self::Text(text.trim().to_owned()));
        };
        pattern::build(pattern)
            .map(Self::Pattern)
            .map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(texts: &[(&str, &[&str])]) -> Conditions {
        let all = texts.iter().map(|(field, texts)| {
            let texts = texts.iter().map(|&text| text.to_owned()).collect();
            ((*field).to_owned(), texts)
        });
        all.collect()
    }

    /// Whether a condition on the fields `a` and `b` holds.
    fn holds(
        when: &[(&str, &[&str])],
        unless: &[(&str, &[&str])],
        a: Option<&str>,
        b: Option<&str>,
    ) -> bool {
        let field = |name: &str| Ok(usize::from(name == "b"));
        let (when, unless) = (conditions(when), conditions(unless));
        let condition = Condition::compile(&when, &unless, None, field).unwrap();
        condition.holds(Record::new(&[a, b]))
    }

    #[test]
    fn without_conditions_every_record_counts() {
        assert!(holds(&[], &[], None, None));
    }

    #[test]
    fn text_is_the_whole_field_and_a_pattern_may_match_anywhere() {
        let when: &[(&str, &[&str])] = &[("a", &["up", "/^Gi[0-9]/"])];
        for (text, expected) in [
            ("up", true),
            (" up ", true),
            ("Up", false),
            ("up up", false),
            ("Gi0/1", true),
            ("xGi0", false),
            ("", false),
        ] {
            assert_eq!(holds(when, &[], Some(text), None), expected, "{text:?}");
        }
        assert!(!holds(when, &[], None, None));
        assert!(
            holds(&[("a", &["/"])], &[], Some("/"), None),
            "a lone slash is text"
        );
    }

    #[test]
    fn when_wants_all_its_fields_and_unless_none() {
        let tests: &[(&str, &[&str])] = &[("a", &["1"]), ("b", &["2", ""])];
        let cases = [
            (Some("1"), Some("2"), true, false),
            (Some("1"), None, true, false),
            (Some("1"), Some("3"), false, false),
            (Some("0"), Some("2"), false, false),
            (Some("0"), Some("3"), false, true),
        ];
        for (a, b, when, unless) in cases {
            assert_eq!(holds(tests, &[], a, b), when, "when {a:?} {b:?}");
            assert_eq!(holds(&[], tests, a, b), unless, "unless {a:?} {b:?}");
        }
    }
}
