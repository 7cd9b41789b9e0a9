//! Lines as Python's `str.splitlines` cuts them: at every sort of line break that Unicode has, and not only at `\n`.

/// The lines of a text, without their ends.
#[derive(Clone, Debug)]
pub(super) struct Lines<'t> {
    rest: &'t str,
}

/// A line, and whether all of it is ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line<'t> {
    pub(super) text: &'t str,
    pub(super) is_ascii: bool,
}

const PLAIN: u8 = 0;
const BREAK: u8 = 1;
const BEYOND: u8 = 2;

/// What each byte may mean.
const MEANINGS: [u8; 256] = {
    let mut meanings = [PLAIN; 256];
    let mut at = 0;
    while at < 256 {
        if at >= 0x80 {
            meanings[at] = BEYOND;
        } else if matches!(at, 0x0a..=0x0d | 0x1c..=0x1e) {
            meanings[at] = BREAK;
        }
        at += 1;
    }
    meanings
};

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { rest: text }
    }
}

impl<'t> Iterator for Lines<'t> {
    type Item = Line<'t>;

    fn next(&mut self) -> Option<Line<'t>> {
        if self.rest.is_empty() {
            return None;
        }
        let bytes = self.rest.as_bytes();
        let mut at = 0;
        let mut is_ascii = true;
        let width = loop {
            let Some(&byte) = bytes.get(at) else {
                break 0;
            };
            match MEANINGS[usize::from(byte)] {
                PLAIN => {}
                BREAK if byte == b'\r' && bytes.get(at + 1) == Some(&b'\n') => break 2,
                BREAK => break 1,
                _ => match &bytes[at..] {
                    [0xc2, 0x85, ..] => break 2,
                    [0xe2, 0x80, 0xa8 | 0xa9, ..] => break 3,
                    _ => is_ascii = false,
                },
            }
            at += 1;
        };
        let text = self.rest.get(..at)?;
        self.rest = self.rest.get(at + width..)?;
        Some(Line { text, is_ascii })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        let lines: Vec<_> = Lines::new(text).map(|line| line.text).collect();
        assert_eq!(lines, expected, "{text:?}");
    }

    #[test]
    fn lines_are_cut_where_python_cuts_them() {
        check("", &[]);
        check("a", &["a"]);
        check("a\n", &["a"]);
        check("a\n\n", &["a", ""]);
        check("\n", &[""]);
        check("a\r\nb\rc\n\rd", &["a", "b", "c", "", "d"]);
        check(
            "a\u{b}b\u{c}c\u{1c}d\u{1d}e\u{1e}f\u{85}g\u{2028}h\u{2029}i\u{1f}j",
            &["a", "b", "c", "d", "e", "f", "g", "h", "i\u{1f}j"],
        );
        check("é\u{a0}\u{2027}\u{85}", &["é\u{a0}\u{2027}"]);
    }

    #[test]
    fn lines_know_whether_they_are_ascii() {
        let ascii: Vec<_> = Lines::new("a\né\u{85}b")
            .map(|line| line.is_ascii)
            .collect();
        assert_eq!(ascii, [true, false, true]);
    }
}
