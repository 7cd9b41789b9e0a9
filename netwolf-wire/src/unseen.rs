//! Characters that people do not see, or that make them see something else than what is there. Pure.
//!
//! What people write and others read, such as a command, an answer, the name of a run and a comment on it, holds none
//! of them: whoever agrees to a run must read what is typed.
//!
//! ```
//! use netwolf_wire::unseen::{unseen, Unseen};
//!
//! assert_eq!(unseen("show version"), None);
//! assert_eq!(unseen("show\nreload"), Some(Unseen::Control('\n')));
//! assert_eq!(unseen("show \u{202e}noisrev"), Some(Unseen::Invisible('\u{202e}')));
//! ```

use std::fmt;

/// A character that does not stand there as people would read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unseen {
    /// A line end, or another key that does more than stand there.
    Control(char),
    /// It has no width, separates lines, or turns the direction of the text around it.
    Invisible(char),
}

impl Unseen {
    /// What to do about it, in a text that is one line.
    pub const fn hint(self) -> &'static str {
        match self {
            Self::Control(_) => "write it in one line",
            Self::Invisible(_) => {
                "leave the character out: people would not read what is there; it may have come from where the text was copied"
            }
        }
    }
}

/// Goes on after `has`: `a control character in it, '\n'`.
impl fmt::Display for Unseen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Control(c) => write!(f, "a control character in it, {c:?}"),
            Self::Invisible(c) => {
                write!(f, "an invisible character in it, U+{:04X}", u32::from(*c))
            }
        }
    }
}

/// The first such character of `text`.
pub fn unseen(text: &str) -> Option<Unseen> {
    text.chars().find_map(|c| {
        if c.is_control() {
            Some(Unseen::Control(c))
        } else if is_invisible(c) {
            Some(Unseen::Invisible(c))
        } else {
            None
        }
    })
}

/// Whether `c` has no width, separates lines, or turns the direction of text; control characters are others.
pub const fn is_invisible(c: char) -> bool {
    matches!(c,
        // The soft hyphen, and the mark of a direction that stands apart from its kin.
        '\u{ad}' | '\u{61c}'
        // Spaces and joiners without width, marks of a direction.
        | '\u{200b}'..='\u{200f}'
        // Separators of lines and paragraphs, embeddings and overrides of a direction.
        | '\u{2028}'..='\u{202e}'
        // The word joiner, operators that are not shown, isolates.
        | '\u{2060}'..='\u{206f}'
        // The byte order mark.
        | '\u{feff}'
        // Tags: a whole alphabet that is not shown.
        | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_character_that_hides_or_turns_text_is_let_through() {
        let ranges = [
            0x200b..=0x200f,
            0x2028..=0x2029,
            0x202a..=0x202e,
            0x2060..=0x2064,
            0x2066..=0x2069,
            0xfeff..=0xfeff,
        ];
        for code in ranges.into_iter().flatten() {
            let c = char::from_u32(code).unwrap();
            let text = format!("show{c} version");
            assert_eq!(unseen(&text), Some(Unseen::Invisible(c)), "U+{code:04X}");
            let told = Unseen::Invisible(c).to_string();
            assert!(told.is_ascii(), "it is not told by itself: {told}");
        }
        for c in (0..=u8::MAX).map(char::from).filter(|c| c.is_control()) {
            assert_eq!(unseen(&format!("a{c}")), Some(Unseen::Control(c)));
            assert!(Unseen::Control(c).to_string().is_ascii());
        }
    }

    #[test]
    fn what_people_write_is_let_through() {
        for text in [
            "",
            "show interfaces | include Gi0/1 \\[confirm\\]",
            "Zürich 東京 Москва שלום",
            "a b\u{a0}c — „quoted“ …",
        ] {
            assert_eq!(unseen(text), None, "{text:?}");
        }
    }
}
