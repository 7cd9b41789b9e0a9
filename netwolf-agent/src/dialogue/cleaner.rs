//! Terminal bytes to text, as they come: escape sequences, carriage returns, backspaces and NULs are
//! applied or dropped. State is kept across reads, so a sequence may be split anywhere.
//!
//! ```text
//!   finished lines ...\n | the current line
//!                          ^ line start   ^ cursor: back with BS, CR and ESC[D; text overwrites from it
//! ```
//!
//! A device that draws its screen (`ESC [ row ; column H`) writes on one line at a time: going to another row
//! ends the line, going about in the same row edits it.
//!
//! Invariants: finished lines never change; the buffer is bounded by the limit (see [`Cleaner::new`]) plus
//! one line, which is bounded too; no byte costs more than the bytes it moves, which are bounded as well.

use self::escape::{Action, Parser};

mod escape;

/// While output is being thrown away, a line without end keeps so much of its end: a prompt or a pager fits.
const KEPT_OF_LONG_LINE: usize = 4 * 1024;
/// The longest line that is kept whole once output is being thrown away.
const MAX_LINE_WHEN_FULL: usize = 64 * 1024;
/// A buffer that grew over this is given back after the output was taken.
const KEPT_CAPACITY: usize = 4 * 1024;
/// Text is inserted and removed in lines up to this length: nobody edits a longer one.
const MAX_EDITED_LINE: usize = 4 * 1024;

/// Turns what a terminal would be sent into the text that it would show.
#[derive(Debug)]
pub(crate) struct Cleaner {
    limit: usize,
    buffer: Vec<u8>,
    line_start: usize,
    cursor: usize,
    parser: Parser,
    /// The line was moved about in: spaces at its end come from a mark that was wiped.
    edited: bool,
    truncated: bool,
    /// The row of the screen, once the device has named one; 0 before.
    row: u16,
    /// The lowest row that the device has named: lines that end there scroll the screen.
    bottom: u16,
}

impl Cleaner {
    /// A cleaner that keeps at most `limit` bytes of finished lines; what follows is dropped.
    pub(crate) const fn new(limit: usize) -> Self {
        Self {
            limit,
            buffer: Vec::new(),
            line_start: 0,
            cursor: 0,
            parser: Parser::new(),
            edited: false,
            truncated: false,
            row: 0,
            bottom: 0,
        }
    }

    /// Takes in `bytes`.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.cursor == self.buffer.len() && self.parser.is_in_text() {
                let plain = bytes
                    .iter()
                    .position(|byte| *byte < b' ' && *byte != b'\t' || *byte == 0x7f);
                let (text, rest) = bytes.split_at(plain.unwrap_or(bytes.len()));
                if !text.is_empty() {
                    self.append(text);
                }
                // By far the most common of what follows.
                if let Some(rest) = rest.strip_prefix(b"\r\n") {
                    self.end_line();
                    bytes = rest;
                    continue;
                }
                bytes = rest;
            }
            let Some((byte, rest)) = bytes.split_first() else {
                break;
            };
            self.step(*byte);
            bytes = rest;
        }
    }

    fn append(&mut self, text: &[u8]) {
        self.buffer.extend_from_slice(text);
        if self.truncated && self.buffer.len() - self.line_start > MAX_LINE_WHEN_FULL {
            let keep_from = self.buffer.len() - KEPT_OF_LONG_LINE;
            self.buffer.drain(self.line_start..keep_from);
        } else if !self.truncated && self.buffer.len() > self.limit + MAX_LINE_WHEN_FULL {
            // One line alone is over the limit.
            self.truncated = true;
            let keep_from = (self.buffer.len() - KEPT_OF_LONG_LINE).max(self.line_start);
            self.buffer.drain(self.line_start..keep_from);
        }
        self.cursor = self.buffer.len();
    }

    fn step(&mut self, byte: u8) {
        match self.parser.step(byte) {
            Action::None => {}
            Action::Print(byte) => {
                if self.cursor < self.buffer.len() {
                    self.buffer[self.cursor] = byte;
                    self.cursor += 1;
                    self.edited = true;
                } else {
                    self.append(&[byte]);
                }
            }
            Action::LineEnd => self.end_line(),
            Action::Return => self.move_to(self.line_start),
            Action::Backspace => self.move_to(self.cursor.saturating_sub(1)),
            Action::Control {
                command,
                parameters: [first, second],
            } => self.control(command, first, second),
        }
    }

    fn control(&mut self, command: u8, first: u16, second: u16) {
        let n = usize::from(first.max(1));
        match command {
            b'D' => self.move_to(self.cursor.saturating_sub(n)),
            b'C' => self.move_to(self.cursor + n),
            b'G' => self.move_to(self.line_start + n - 1),
            b'E' => self.break_line(),
            b'H' | b'f' => self.go_to(first, second),
            b'd' => self.go_to(first, 1),
            b'r' => self.bottom = self.bottom.max(second),
            b'K' | b'J' if first == 0 => self.buffer.truncate(self.cursor),
            b'K' if first == 2 => {
                self.buffer.truncate(self.line_start);
                self.cursor = self.line_start;
            }
            // The screen is wiped; what stood there was said all the same.
            b'J' if first >= 2 => self.break_line(),
            b'P' | b'X' | b'@' | b'K' if self.current_line().len() <= MAX_EDITED_LINE => {
                self.edit(command, n);
            }
            // Colours, scrolling, cursor reports: nothing of it is text.
            _ => {}
        }
    }

    /// Removes, wipes or inserts `n` characters at the cursor, or wipes up to it.
    fn edit(&mut self, command: u8, n: usize) {
        let end = (self.cursor + n).min(self.buffer.len());
        match command {
            b'P' => drop(self.buffer.drain(self.cursor..end)),
            b'X' => self.buffer[self.cursor..end].fill(b' '),
            b'@' if self.cursor < self.buffer.len() => {
                let spaces = std::iter::repeat_n(b' ', n.min(MAX_EDITED_LINE));
                self.buffer.splice(self.cursor..self.cursor, spaces);
            }
            b'K' => self.buffer[self.line_start..self.cursor].fill(b' '),
            _ => return,
        }
        self.edited = true;
    }

    /// To a place on the screen, counted from 1.
    fn go_to(&mut self, row: u16, column: u16) {
        let row = row.max(1);
        if row != self.row {
            // A device that begins to name rows may mean the one that it stands in.
            if self.row > 0 || column <= 1 {
                self.break_line();
            }
            self.row = row;
            self.bottom = self.bottom.max(row);
        }
        self.move_to(self.line_start + usize::from(column.max(1)) - 1);
    }

    fn move_to(&mut self, position: usize) {
        self.cursor = position.clamp(self.line_start, self.buffer.len());
    }

    /// What follows stands on another line.
    fn break_line(&mut self) {
        if self.buffer.len() > self.line_start {
            self.end_line();
        }
    }

    fn end_line(&mut self) {
        if self.edited {
            self.trim_line_end();
            self.edited = false;
        }
        if self.truncated || self.buffer.len() >= self.limit {
            self.truncated = true;
            self.buffer.truncate(self.line_start);
        } else {
            self.buffer.push(b'\n');
            self.line_start = self.buffer.len();
        }
        self.cursor = self.buffer.len();
        if self.row < self.bottom && self.row > 0 {
            self.row += 1;
        }
    }

    fn trim_line_end(&mut self) {
        while self.buffer.len() > self.line_start && self.buffer.last() == Some(&b' ') {
            self.buffer.pop();
        }
    }

    /// What is shown on the line that has no end yet.
    pub(crate) fn current_line(&self) -> &[u8] {
        &self.buffer[self.line_start..]
    }

    /// The end of the current line, without spaces behind it. All of it, unless it is longer than any prompt;
    /// so a look at it costs the same however much there is.
    pub(crate) fn shown(&self) -> &[u8] {
        let line = self.current_line();
        line[line.len().saturating_sub(KEPT_OF_LONG_LINE)..].trim_ascii_end()
    }

    /// The last `n` bytes of all that is held, finished lines and the current one.
    pub(crate) fn last_bytes(&self, n: usize) -> &[u8] {
        &self.buffer[self.buffer.len().saturating_sub(n)..]
    }

    /// The finished lines, each with its line end.
    pub(crate) fn lines(&self) -> &[u8] {
        &self.buffer[..self.line_start]
    }

    /// Whether output was dropped because it was over the limit.
    pub(crate) const fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Drops the last `n` bytes of the current line, such as a pager's mark.
    pub(crate) fn cut_line_end(&mut self, n: usize) {
        let end = self.buffer.len().saturating_sub(n).max(self.line_start);
        self.buffer.truncate(end);
        self.cursor = end;
        // The device wipes the mark that we already took away, which leaves spaces.
        self.edited = true;
    }

    /// The first `n` bytes of the finished lines; everything is forgotten as by [`Self::clear`]. A large
    /// buffer is handed over rather than copied.
    pub(crate) fn take(&mut self, n: usize) -> Vec<u8> {
        let n = n.min(self.line_start);
        let taken = if self.buffer.capacity() > KEPT_CAPACITY {
            let mut buffer = std::mem::take(&mut self.buffer);
            buffer.truncate(n);
            buffer
        } else {
            self.buffer[..n].to_vec()
        };
        self.clear();
        taken
    }

    /// Forgets the finished lines, and the current one too, and gives back what a flood made grow.
    pub(crate) fn clear(&mut self) {
        if self.buffer.capacity() > KEPT_CAPACITY {
            self.buffer = Vec::new();
        } else {
            self.buffer.clear();
        }
        self.line_start = 0;
        self.cursor = 0;
        self.edited = false;
        self.truncated = false;
    }

    /// Forgets the first `n` bytes of the finished lines.
    pub(crate) fn drop_front(&mut self, n: usize) {
        let n = n.min(self.line_start);
        self.buffer.drain(..n);
        self.line_start -= n;
        self.cursor -= n;
    }

    /// Bytes held.
    pub(crate) const fn held(&self) -> usize {
        self.buffer.capacity()
    }
}

#[cfg(test)]
mod tests;
