//! Secrets that can be recognised, and the search for them.

use std::{
    fmt::Write as _,
    fs,
    path::Path,
    sync::OnceLock,
    time::{SystemTime, UNIX_EPOCH},
};

use base64ct::{Base64Unpadded, Encoding};
use regex::bytes::{Regex, RegexSet};

/// The secrets of one run, and what is no secret. Each is a word that nothing else contains.
pub(super) struct Words {
    pub(super) canaries: Vec<(&'static str, String)>,
    pub(super) decoy: String,
    /// For each of the canaries, once all are there.
    search: OnceLock<RegexSet>,
}

impl Words {
    pub(super) fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let run = format!("{:x}{:x}", std::process::id(), now.subsec_nanos());
        let kinds = [
            "password-file",
            "password-env",
            "passphrase",
            "key-comment",
            "agent-key-comment",
            "enable-secret",
            "jump-password",
            "wrong-password",
            "wrong-enable-secret",
            "password-credential",
            "wiped-enable-secret",
            "password-exec",
            "keyboard-answer",
            "failing-exec",
            "remote-basic",
            "remote-bearer",
            "typed-in-place",
            "api-token",
            "wrong-token",
            "web-password",
        ];
        // Each half is a word of its own, too.
        let canary = |kind: &str| {
            let kind = kind.replace('-', "");
            format!("{kind}{run}{kind}")
        };
        Self {
            canaries: kinds.map(|kind| (kind, canary(kind))).into(),
            decoy: format!("decoy{run}"),
            search: OnceLock::new(),
        }
    }

    pub(super) fn canary(&self, kind: &str) -> &str {
        let found = self.canaries.iter().find(|(name, _)| *name == kind);
        &found.expect("a kind of secret").1
    }

    /// Which secrets are in `text`, in any of the shapes in which programs write bytes.
    pub(super) fn found_in(&self, text: &[u8]) -> Vec<&'static str> {
        let search = self.search.get_or_init(|| {
            let canaries = self.canaries.iter();
            RegexSet::new(canaries.map(|(_, canary)| pattern(canary))).unwrap()
        });
        let found = search.matches(text).into_iter();
        found.map(|index| self.canaries[index].0).collect()
    }

    pub(super) fn has_decoy(&self, text: &[u8]) -> bool {
        holds(text, &self.decoy)
    }
}

/// `word` as programs write bytes: as it is, in hexadecimal digits, in those of a URL, as Rust shows bytes, and in base64
/// wherever it begins in a longer text.
fn shapes(word: &str) -> Vec<String> {
    let digits = |before: &str| {
        word.bytes().fold(String::new(), |mut text, byte| {
            write!(text, "{before}{byte:02x}").unwrap();
            text
        })
    };
    let listed = format!("{:?}", word.as_bytes());
    let listed = listed.trim_matches(['[', ']']).to_owned();
    let encoded = (0..3).map(|before| {
        let text = Base64Unpadded::encode_string(format!("{:before$}{word}", "").as_bytes());
        // What stands at its ends depends on what is beside the word.
        let whole = (before * 8).div_ceil(6)..(before + word.len()) * 8 / 6;
        text.get(whole).unwrap().to_owned()
    });
    [word.to_owned(), digits(""), digits("%"), listed]
        .into_iter()
        .chain(encoded)
        .collect()
}

/// Whether `text` has `word` in any of its shapes.
fn holds(text: &[u8], word: &str) -> bool {
    Regex::new(&pattern(word)).unwrap().is_match(text)
}

fn pattern(word: &str) -> String {
    let shapes = shapes(word).into_iter().map(|shape| regex::escape(&shape));
    format!("(?i){}", shapes.collect::<Vec<_>>().join("|"))
}

/// What was looked at: where, and what stood there.
#[derive(Default)]
pub(super) struct Places(Vec<(String, Vec<u8>)>);

impl Places {
    pub(super) fn add(&mut self, place: impl Into<String>, text: impl Into<Vec<u8>>) {
        self.0.push((place.into(), text.into()));
    }

    /// All files below `folder`, but not those that hold the secrets themselves.
    pub(super) fn add_files(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.add_files(&path);
            } else {
                self.add(path.display().to_string(), fs::read(&path).unwrap());
            }
        }
    }

    /// Where which canary stands, a line for each.
    pub(super) fn leaks(&self, words: &Words) -> String {
        let mut leaks = String::new();
        for (place, text) in &self.0 {
            for kind in words.found_in(text) {
                let lines = String::from_utf8_lossy(text);
                let line = lines
                    .lines()
                    .find(|line| holds(line.as_bytes(), words.canary(kind)));
                writeln!(leaks, "{kind} in {place}: {line:?}").unwrap();
            }
        }
        leaks
    }

    /// Asserts that no canary is anywhere, and that the search found the decoy in each of `proven`, which are
    /// beginnings of places.
    #[track_caller]
    pub(super) fn check(&self, words: &Words, proven: &[&str]) {
        let leaks = self.leaks(words);
        assert!(leaks.is_empty(), "{leaks}");
        for proof in proven {
            let looked: Vec<_> = self
                .0
                .iter()
                .filter(|(place, _)| place.starts_with(proof))
                .collect();
            assert!(
                looked.iter().any(|(_, text)| words.has_decoy(text)),
                "the search is blind: no decoy in {proof}: {}",
                looked.iter().fold(String::new(), |all, (place, text)| {
                    all + &format!("{place}: {}\n", String::from_utf8_lossy(text))
                })
            );
        }
    }
}

#[test]
fn the_search_for_canaries_hears_each_of_them() {
    let words = Words::new();
    for (kind, canary) in &words.canaries {
        let encoded = |text: String| Base64Unpadded::encode_string(text.as_bytes());
        for text in [
            format!("login with {canary}!"),
            format!("{:?}", canary.as_bytes()),
            canary
                .bytes()
                .fold(String::new(), |text, byte| format!("{text}{byte:02X}")),
            canary
                .bytes()
                .fold("?q=".to_owned(), |text, byte| format!("{text}%{byte:02X}")),
            encoded(format!("netwolf:{canary}")),
            encoded(format!("a:{canary} and more")),
            encoded(format!("user:{canary}.")),
        ] {
            let mut places = Places::default();
            places.add("a page", "nothing of interest");
            assert_eq!(places.leaks(&words), "");
            places.add("a log", text);
            let leaks = places.leaks(&words);
            assert!(leaks.starts_with(&format!("{kind} in a log")), "{leaks}");
            assert_eq!(leaks.lines().count(), 1, "{leaks}");
        }
    }
    assert!(words.found_in(words.decoy.as_bytes()).is_empty());
}
