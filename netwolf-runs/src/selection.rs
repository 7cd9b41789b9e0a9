//! Which devices: terms such as `platform=cisco_ios,site=ams`.
//!
//! ```text
//!   selection = term {"," term}          all must hold
//!   term      = key ("=" | "!=") value   key: name, platform, group, or a label
//!   value     = glob {"|" glob}          any may fit; `*` any characters, `?` one, `[a-z]`, `[!a-z]` one of them
//! ```
//!
//! Several selections are alternatives: any may hold. A label that a device does not have is the empty text, so
//! `role!=core` holds for a device without a role, and `role=` only for such ones.
//! There is no selection of everything but `name=*`, because nobody should mean it by leaving something out.

use std::{collections::BTreeMap, fmt, str::FromStr};

use regex::Regex;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// A device that may be selected.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its platform.
    pub platform: &'a str,
    /// Its group of the configuration.
    pub group: Option<&'a str>,
    /// Its labels.
    pub labels: &'a BTreeMap<String, String>,
}

/// Terms that must all hold.
///
/// ```
/// use std::collections::BTreeMap;
/// use netwolf_runs::selection::{Candidate, Selection};
///
/// let labels = BTreeMap::from([("site".to_owned(), "ams".to_owned())]);
/// let device = Candidate { name: "sw-1", platform: "cisco_ios", group: None, labels: &labels };
/// let selection: Selection = "platform=cisco_*,site=ams|fra,name!=core-*".parse()?;
/// assert!(selection.selects(&device));
/// # Ok::<_, netwolf_runs::selection::SelectionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Selection {
    text: String,
    terms: Vec<Term>,
}

#[derive(Clone, Debug)]
struct Term {
    key: String,
    equal: bool,
    values: Vec<Glob>,
}

/// Why a text is no selection.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SelectionError {
    /// Nothing is said.
    #[error(
        "the selection is empty\n  hint: say which devices, such as `site=ams`; all of them are `name=*`"
    )]
    Empty,
    /// No `=` or `!=`.
    #[error(
        "{0:?} is not a term\n  hint: write `key=value` or `key!=value`, with a comma between two of them"
    )]
    NotATerm(String),
    /// Nothing before the sign.
    #[error("{0:?} has no key\n  hint: the key is `name`, `platform`, `group` or a label")]
    NoKey(String),
    /// A glob is broken.
    #[error("{0:?} is not a pattern\n  hint: `[` begins a set of characters that `]` ends")]
    NotAPattern(String),
}

impl FromStr for Selection {
    type Err = SelectionError;

    fn from_str(text: &str) -> Result<Self, SelectionError> {
        if text.trim().is_empty() {
            return Err(SelectionError::Empty);
        }
        let terms = text.split(',').map(term).collect::<Result<_, _>>()?;
        Ok(Self {
            text: text.trim().to_owned(),
            terms,
        })
    }
}

fn term(text: &str) -> Result<Term, SelectionError> {
    let text = text.trim();
    let Some((key, value)) = text.split_once('=') else {
        return Err(SelectionError::NotATerm(text.to_owned()));
    };
    let (key, equal) = match key.strip_suffix('!') {
        Some(key) => (key.trim(), false),
        None => (key.trim(), true),
    };
    if key.is_empty() {
        return Err(SelectionError::NoKey(text.to_owned()));
    }
    let values = value
        .split('|')
        .map(|glob| glob.trim().parse())
        .collect::<Result<_, _>>()?;
    Ok(Term {
        key: key.to_owned(),
        equal,
        values,
    })
}

impl Selection {
    /// Whether a device is meant.
    pub fn selects(&self, device: &Candidate<'_>) -> bool {
        self.terms.iter().all(|term| term.holds(device))
    }

    /// The labels that it asks for: all keys but `name`, `platform` and `group`. One that no device has is most likely
    /// a mistake.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        let keys = self.terms.iter().map(|term| term.key.as_str());
        keys.filter(|key| !matches!(*key, "name" | "platform" | "group"))
    }
}

impl Term {
    fn holds(&self, device: &Candidate<'_>) -> bool {
        let value = match self.key.as_str() {
            "name" => device.name,
            "platform" => device.platform,
            "group" => device.group.unwrap_or(""),
            label => device.labels.get(label).map_or("", String::as_str),
        };
        self.values.iter().any(|glob| glob.fits(value)) == self.equal
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Selection {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Serialize for Selection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for Selection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// A pattern for a whole text: `*` stands for any characters, `?` for one, `[a-z]` and `[!a-z]` for one of a set.
#[derive(Clone, Debug)]
pub struct Glob {
    exact: bool,
    text: String,
    regex: Regex,
}

impl FromStr for Glob {
    type Err = SelectionError;

    fn from_str(text: &str) -> Result<Self, SelectionError> {
        let wrong = || SelectionError::NotAPattern(text.to_owned());
        let mut pattern = String::from(r"\A(?s:");
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '*' => pattern.push_str(".*"),
                '?' => pattern.push('.'),
                '[' => {
                    let (set, behind) = chars.as_str().split_once(']').ok_or_else(wrong)?;
                    chars = behind.chars();
                    let (set, begin) = match set.strip_prefix('!') {
                        Some(rest) => (rest, "[^"),
                        None => (set, "["),
                    };
                    if set.is_empty() {
                        return Err(wrong());
                    }
                    pattern.push_str(begin);
                    for c in set.chars() {
                        if c == '-' || c.is_alphanumeric() {
                            pattern.push(c);
                        } else {
                            pattern.push_str(&regex::escape(&c.to_string()));
                        }
                    }
                    pattern.push(']');
                }
                c => pattern.push_str(&regex::escape(&c.to_string())),
            }
        }
        pattern.push_str(r")\z");
        Ok(Self {
            exact: !text.contains(['*', '?', '[']),
            regex: Regex::new(&pattern).map_err(|_| wrong())?,
            text: text.to_owned(),
        })
    }
}

impl Glob {
    /// Whether the whole of `text` is as it says.
    pub fn fits(&self, text: &str) -> bool {
        if self.exact {
            self.text == text
        } else {
            self.regex.is_match(text)
        }
    }

    /// Whether it stands for one text only.
    pub const fn is_exact(&self) -> bool {
        self.exact
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(selection: &str, expected: &[&str]) {
        let label = |role: &str, site: &str| {
            BTreeMap::from([
                ("role".to_owned(), role.to_owned()),
                ("site".to_owned(), site.to_owned()),
            ])
        };
        let devices = [
            ("core-1", "cisco_iosxe", None, label("core", "ams")),
            ("sw-1", "cisco_ios", Some("access"), label("access", "ams")),
            ("sw-2", "cisco_ios", Some("access"), label("access", "lon")),
            ("mx.1", "juniper_junos", None, BTreeMap::new()),
        ];
        let selection: Selection = selection.parse().unwrap();
        let selected: Vec<_> = devices
            .iter()
            .filter(|(name, platform, group, labels)| {
                selection.selects(&Candidate {
                    name,
                    platform,
                    group: *group,
                    labels,
                })
            })
            .map(|(name, ..)| *name)
            .collect();
        assert_eq!(selected, expected);
    }

    #[test]
    fn all_terms_of_a_selection_must_hold() {
        check("platform=cisco_ios", &["sw-1", "sw-2"]);
        check("platform=cisco_ios, site=ams", &["sw-1"]);
        check("platform=cisco_ios,site!=ams", &["sw-2"]);
        check("group=access", &["sw-1", "sw-2"]);
    }

    #[test]
    fn values_are_patterns_and_alternatives_for_the_whole_text() {
        check("name=*", &["core-1", "sw-1", "sw-2", "mx.1"]);
        check("name=sw", &[]);
        check("name=?w-[2-9]", &["sw-2"]);
        check("name=sw-[!2]", &["sw-1"]);
        check("name=core-*|mx.1", &["core-1", "mx.1"]);
        check("name=mx?1", &["mx.1"]);
        check("name=m..1", &[]);
        check("platform=cisco_*,name!=sw-*|x", &["core-1"]);
    }

    #[test]
    fn a_label_that_a_device_does_not_have_is_empty() {
        check("role!=core", &["sw-1", "sw-2", "mx.1"]);
        check("role=", &["mx.1"]);
        check("role=?*", &["core-1", "sw-1", "sw-2"]);
        check("group=", &["core-1", "mx.1"]);
    }

    #[test]
    fn what_is_no_selection_says_what_to_write() {
        let error = |text: &str| text.parse::<Selection>().unwrap_err().to_string();
        assert!(error(" ").contains("all of them are `name=*`"));
        assert!(error("site").contains("write `key=value`"));
        assert!(error("site=ams,").contains("\"\" is not a term"));
        assert!(error("=ams").contains("has no key"));
        for broken in ["name=[", "name=[ab", "name=[]", "name=[z-a]"] {
            assert!(error(broken).contains("is not a pattern"), "{broken}");
        }
    }

    #[test]
    fn labels_are_told_so_that_a_mistyped_one_is_found() {
        let selection: Selection = "name=*,stie=ams,group=x".parse().unwrap();
        assert_eq!(selection.labels().collect::<Vec<_>>(), ["stie"]);
    }
}
