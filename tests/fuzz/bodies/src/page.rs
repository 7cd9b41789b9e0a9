//! A strict reader of pages of metrics, which shares nothing with the writer. The manager's own tests read with it as
//! well.

use std::collections::{BTreeMap, BTreeSet};

use netwolf_exposition::Format;

/// A sample line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// Reads a page to its end.
///
/// # Panics
/// When a scraper could not read it, or would read it as something else.
pub(crate) fn read(page: &str, format: Format) -> Vec<Sample> {
    let page = match format {
        Format::Text => page,
        Format::OpenMetrics => page.strip_suffix("# EOF\n").expect("an end"),
    };
    let Some(page) = page.strip_suffix('\n') else {
        assert_eq!(page, "", "the last line has an end");
        return Vec::new();
    };
    let mut names = BTreeMap::<String, &str>::new();
    let (mut series, mut samples) = (BTreeSet::new(), Vec::new());
    let mut family = Family::default();
    for line in page.split('\n') {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            assert!(family.is_shown, "{family:?} has no samples");
            let (name, help) = word(rest);
            assert_is_help(help, format);
            family = Family {
                name,
                kind: "",
                is_shown: false,
            };
            let former = names.insert(name.to_owned(), name);
            assert_eq!(former, None, "{name} comes twice");
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = word(rest);
            assert_eq!((name, family.kind), (family.name, ""));
            family.kind = kind.trim_start();
        } else if let Some(rest) = line.strip_prefix("# UNIT ") {
            assert!(format == Format::OpenMetrics && word(rest).0 == family.name);
        } else {
            let sample = sample(line);
            family.assert_has(&sample, format);
            let owner = names.entry(sample.name.clone()).or_insert(family.name);
            assert_eq!(*owner, family.name, "{line:?}");
            family.is_shown = true;
            let one = (sample.name.clone(), sample.labels.clone());
            assert!(series.insert(one), "{line:?} comes twice");
            samples.push(sample);
        }
    }
    assert!(family.is_shown, "{family:?} has no samples");
    samples
}

/// The family that is being read.
#[derive(Debug)]
struct Family<'a> {
    name: &'a str,
    kind: &'a str,
    is_shown: bool,
}

impl Default for Family<'_> {
    /// Before the first one, nothing is missing.
    fn default() -> Self {
        Self {
            name: "",
            kind: "",
            is_shown: true,
        }
    }
}

impl Family<'_> {
    fn assert_has(&self, sample: &Sample, format: Format) {
        let Sample {
            name,
            labels,
            value,
        } = sample;
        let suffix = name.strip_prefix(self.name);
        let suffix = suffix.unwrap_or_else(|| panic!("{sample:?} of {self:?}"));
        assert!(
            suffixes(format, self.kind).contains(&suffix),
            "{sample:?} of {self:?}"
        );
        let is = |number: f64| value.to_bits() == number.to_bits();
        match self.kind {
            "counter" => assert!(*value >= 0.0, "{sample:?}"),
            "info" => assert!(is(1.0), "{sample:?}"),
            "stateset" => {
                assert!(is(0.0) || is(1.0), "{sample:?}");
                assert!(labels.contains_key(self.name), "{sample:?}");
            }
            _ => {}
        }
    }
}

/// What may stand behind the name of a family in the names of its samples.
fn suffixes(format: Format, kind: &str) -> &'static [&'static str] {
    match (format, kind) {
        (_, "histogram") => &["_bucket", "_sum", "_count"],
        (Format::OpenMetrics, "counter") => &["_total"],
        (Format::OpenMetrics, "info") => &["_info"],
        (_, "gauge" | "counter") | (Format::OpenMetrics, "stateset") => &[""],
        other => panic!("{other:?}"),
    }
}

/// What stands before the first character that is none of a name, and the rest.
fn word(text: &str) -> (&str, &str) {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let end = text.find(|c| !is_of_name(c)).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let is_name = !word.is_empty() && !word.starts_with(|c: char| c.is_ascii_digit());
    assert!(is_name, "{text:?}");
    (word, rest)
}

/// Backslashes of a help text stand before what they may.
fn assert_is_help(text: &str, format: Format) {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, format) {
            ('\\', _) => {
                let next = chars.next();
                let is_quote = next == Some('"') && format == Format::OpenMetrics;
                assert!(is_quote || matches!(next, Some('n' | '\\')), "{text:?}");
            }
            ('"', Format::OpenMetrics) => panic!("a bare quote in {text:?}"),
            _ => {}
        }
    }
}

/// A text in quotes, and the rest.
fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.strip_prefix('"').expect("a quote").chars();
    loop {
        match chars.next().expect("a closing quote") {
            '"' => return (value, chars.as_str()),
            '\\' => value.push(match chars.next() {
                Some('n') => '\n',
                Some(c @ ('\\' | '"')) => c,
                other => panic!("escaped {other:?} in {text:?}"),
            }),
            c => value.push(c),
        }
    }
}

fn sample(line: &str) -> Sample {
    let (name, mut rest) = word(line);
    let mut labels = BTreeMap::new();
    if let Some(mut inner) = rest.strip_prefix('{') {
        loop {
            let (label, behind) = word(inner);
            let (value, behind) = quoted(behind.strip_prefix('=').expect("an equals sign"));
            assert!(!label.contains(':'), "{line:?}");
            assert!(labels.insert(label.to_owned(), value).is_none(), "{line:?}");
            if let Some(behind) = behind.strip_prefix(',') {
                inner = behind;
            } else {
                rest = behind
                    .strip_prefix('}')
                    .unwrap_or_else(|| panic!("{line:?}"));
                break;
            }
        }
    }
    let value = match rest.strip_prefix(' ').expect("a space") {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        number => number.parse().unwrap_or_else(|_| panic!("{line:?}")),
    };
    Sample {
        name: name.to_owned(),
        labels,
        value,
    }
}
