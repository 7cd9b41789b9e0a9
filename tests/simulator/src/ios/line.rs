//! The line being typed, and what the terminal shows of it.
//!
//! A line longer than the terminal is wide is shown scrolled: after a `$`, its end. Each time the
//! cursor reaches the edge, the shown part moves on by ten characters, drawn with backspaces.

use crate::dialogue::Outputs;

/// The longest line, in bytes; more is answered with a bell and dropped.
pub(super) const LIMIT: usize = 254;
/// How far a long line is scrolled at a time.
const SCROLL: usize = 10;
/// Terminals with less room behind the prompt than this are not scrolled at all.
const LEAST_ROOM: usize = SCROLL + 2;

const BELL: u8 = 0x07;

/// A key that takes something away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    Character,
    Word,
    All,
}

impl Edit {
    /// What `byte` means to the editor, if anything.
    pub(super) fn of(byte: u8) -> Option<Self> {
        match byte {
            0x08 | 0x7f => Some(Self::Character),
            0x17 => Some(Self::Word),
            0x15 | 0x18 => Some(Self::All),
            _ => None,
        }
    }
}

/// A line of input and its picture.
#[derive(Debug)]
pub(super) struct Line {
    typed: Vec<u8>,
    /// The first byte that is shown; more than 0 when scrolled.
    from: usize,
    prompt: usize,
    width: usize,
}

impl Line {
    pub(super) fn new(width: usize) -> Self {
        Self {
            typed: Vec::new(),
            from: 0,
            prompt: 0,
            width,
        }
    }

    /// Columns of the terminal; 0 means that lines are never scrolled.
    pub(super) fn set_width(&mut self, width: usize) {
        self.width = width;
    }

    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// A prompt of `columns` was printed; what is typed stands behind it.
    pub(super) fn begin_after(&mut self, columns: usize) {
        self.prompt = columns;
    }

    /// What was typed so far. Bytes that are not UTF-8 are replaced.
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.typed).into_owned()
    }

    /// Ends the line and gives it out.
    pub(super) fn take(&mut self) -> String {
        let text = self.text();
        self.typed.clear();
        self.from = 0;
        text
    }

    /// Adds a character and echoes it.
    pub(super) fn push(&mut self, byte: u8, out: &mut Outputs) {
        if self.typed.len() >= LIMIT {
            return out.text([BELL]);
        }
        let before = self.shown();
        self.typed.push(byte);
        if self.has_edge() && self.prompt + self.shown() >= self.width {
            self.draw(self.from + SCROLL, before, out);
        } else {
            out.text([byte]);
        }
    }

    /// Adds text without showing it.
    pub(super) fn append(&mut self, text: &str) {
        let room = LIMIT.saturating_sub(self.typed.len());
        self.typed.extend(text.bytes().take(room));
    }

    /// Takes something away and wipes it from the terminal.
    pub(super) fn edit(&mut self, edit: Edit, out: &mut Outputs) {
        let before = self.shown();
        let length = self.typed.len();
        let left = match edit {
            Edit::Character => length.saturating_sub(1),
            Edit::Word => {
                let blank = |byte: &u8| *byte == b' ';
                let word_end = self
                    .typed
                    .iter()
                    .rposition(|byte| !blank(byte))
                    .map_or(0, |at| at + 1);
                self.typed[..word_end]
                    .iter()
                    .rposition(blank)
                    .map_or(0, |at| at + 1)
            }
            Edit::All => 0,
        };
        if left == length {
            return;
        }
        self.typed.truncate(left);
        if self.from == 0 {
            let gone = length - left;
            wipe(gone, out);
        } else if left > self.from + 1 {
            wipe(length - left, out);
        } else {
            self.draw(self.first_shown(), before, out);
        }
    }

    /// Prints the line again, after a fresh prompt.
    pub(super) fn reprint(&mut self, out: &mut Outputs) {
        self.draw(self.first_shown(), 0, out);
    }

    fn has_edge(&self) -> bool {
        self.width >= self.prompt + LEAST_ROOM
    }

    /// Columns that the line takes up behind the prompt.
    fn shown(&self) -> usize {
        self.typed.len() - self.from + usize::from(self.from > 0)
    }

    /// Where the picture must begin for the end of the line to fit.
    fn first_shown(&self) -> usize {
        let room = self.width.saturating_sub(self.prompt + 2);
        if !self.has_edge() || self.typed.len() <= room {
            return 0;
        }
        (self.typed.len() - room).div_ceil(SCROLL) * SCROLL
    }

    /// Draws the line from byte `from` on, over a picture that was `before` columns wide.
    fn draw(&mut self, from: usize, before: usize, out: &mut Outputs) {
        self.from = from.min(self.typed.len());
        out.text(vec![0x08; before]);
        if self.from > 0 {
            out.text("$");
        }
        out.text(&self.typed[self.from..]);
        let surplus = before.saturating_sub(self.shown());
        out.text(vec![b' '; surplus]);
        out.text(vec![0x08; surplus]);
    }
}

/// Takes `count` columns back.
fn wipe(count: usize, out: &mut Outputs) {
    out.text(b"\x08 \x08".repeat(count));
}
