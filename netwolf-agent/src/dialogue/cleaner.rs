//! Terminal bytes to text, as they come: escape sequences, carriage returns, backspaces and NULs are
//! applied or dropped. State is kept across reads, so a sequence may be split anywhere.
//!
//! ```text
//!   finished lines ...\n | the current line
//!                          ^ line start   ^ cursor: back with BS, CR and ESC[D; text overwrites from it
//! ```
//!
//! Invariants: finished lines never change; the buffer is bounded by the limit (see [`Cleaner::new`]) plus
//! one line, which is bounded too.

/// While output is being thrown away, a line without end keeps so much of its end: a prompt or a pager fits.
const KEPT_OF_LONG_LINE: usize = 4 * 1024;
/// The longest line that is kept whole once output is being thrown away.
const MAX_LINE_WHEN_FULL: usize = 64 * 1024;
/// A buffer that grew over this is given back after the output was taken.
const KEPT_CAPACITY: usize = 4 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Text,
    /// After ESC.
    Escape,
    /// After `ESC [`, with the first parameter so far.
    Control(u16),
    /// After ESC and an intermediate byte such as `(`: one more byte belongs to it.
    Charset,
    /// After `ESC ]`, until BEL or `ESC \`.
    Title,
    /// After ESC within a title.
    TitleEscape,
}

/// Turns what a terminal would be sent into the text that it would show.
#[derive(Debug)]
pub(crate) struct Cleaner {
    limit: usize,
    buffer: Vec<u8>,
    line_start: usize,
    cursor: usize,
    state: State,
    /// The line was moved about in: spaces at its end come from a mark that was wiped.
    edited: bool,
    truncated: bool,
}

impl Cleaner {
    /// A cleaner that keeps at most `limit` bytes of finished lines; what follows is dropped.
    pub(crate) const fn new(limit: usize) -> Self {
        Self {
            limit,
            buffer: Vec::new(),
            line_start: 0,
            cursor: 0,
            state: State::Text,
            edited: false,
            truncated: false,
        }
    }

    /// Takes in `bytes`.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.state == State::Text && self.cursor == self.buffer.len() {
                let plain = bytes
                    .iter()
                    .position(|byte| *byte < b' ' && *byte != b'\t' || *byte == 0x7f);
                let (text, rest) = bytes.split_at(plain.unwrap_or(bytes.len()));
                self.append(text);
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
            let keep_from = self.buffer.len() - KEPT_OF_LONG_LINE;
            self.buffer.drain(self.line_start..keep_from);
        }
        self.cursor = self.buffer.len();
    }

    fn step(&mut self, byte: u8) {
        match self.state {
            State::Text => self.text(byte),
            State::Escape => match byte {
                b'[' => self.state = State::Control(0),
                b']' => self.state = State::Title,
                b'(' | b')' | b'#' | b'%' => self.state = State::Charset,
                b'E' => {
                    self.state = State::Text;
                    self.end_line();
                }
                _ => self.state = State::Text,
            },
            State::Control(parameter) => match byte {
                b'0'..=b'9' => {
                    let digit = u16::from(byte - b'0');
                    self.state = State::Control(parameter.saturating_mul(10).saturating_add(digit));
                }
                // `?`, `;` and the like; the parameters after the first do not matter for what is kept.
                0x20..=0x3f => {}
                _ => {
                    self.state = State::Text;
                    self.control(byte, parameter);
                }
            },
            State::Charset | State::TitleEscape => self.state = State::Text,
            State::Title => match byte {
                0x07 => self.state = State::Text,
                0x1b => self.state = State::TitleEscape,
                _ => {}
            },
        }
    }

    fn text(&mut self, byte: u8) {
        match byte {
            b'\n' => self.end_line(),
            b'\r' => self.move_to(self.line_start),
            0x08 => self.move_to(self.cursor.saturating_sub(1)),
            0x1b => self.state = State::Escape,
            b'\t' | b' '..=0x7e | 0x80.. => {
                if self.cursor < self.buffer.len() {
                    self.buffer[self.cursor] = byte;
                    self.cursor += 1;
                    self.edited = true;
                } else {
                    self.append(&[byte]);
                }
            }
            // NUL, BEL and the rest show nothing.
            _ => {}
        }
    }

    fn control(&mut self, command: u8, parameter: u16) {
        match command {
            b'D' => self.move_to(self.cursor.saturating_sub(usize::from(parameter.max(1)))),
            b'C' => self.move_to(self.cursor + usize::from(parameter.max(1))),
            b'G' => self.move_to(self.line_start + usize::from(parameter.max(1)) - 1),
            b'K' if parameter == 0 => self.buffer.truncate(self.cursor),
            b'K' if parameter == 2 => {
                self.buffer.truncate(self.line_start);
                self.cursor = self.line_start;
            }
            // Colours, scrolling, cursor reports: nothing of it is text.
            _ => {}
        }
    }

    fn move_to(&mut self, position: usize) {
        self.cursor = position.clamp(self.line_start, self.buffer.len());
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

    /// Bytes held, for tests of the bound.
    #[cfg(test)]
    pub(crate) fn held(&self) -> usize {
        self.buffer.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(input: &[u8]) -> String {
        let mut cleaner = Cleaner::new(1 << 20);
        cleaner.feed(input);
        String::from_utf8([cleaner.lines(), cleaner.current_line()].concat()).unwrap()
    }

    #[track_caller]
    fn check(input: &str, expected: &str) {
        assert_eq!(shown(input.as_bytes()), expected);
    }

    #[test]
    fn line_ends_of_all_makes_are_one() {
        check("a\r\nb\r\r\nc\nd", "a\nb\nc\nd");
    }

    #[test]
    fn escape_sequences_vanish() {
        check(
            "\x1b[1;31mred\x1b[0m \x1b]0;title\x07x\x1b]2;t\x1b\\y\x1b(Bz\x1b7\x1b[?25l",
            "red xyz",
        );
    }

    #[test]
    fn backspaces_and_returns_overwrite() {
        check("shwo\x08\x08ow", "show");
        check("12345\rab", "ab345");
        check("\x08\x08x", "x");
        check("abc\x1b[2DX", "aXc");
        check("abc\r\x1b[Kx", "x");
    }

    #[test]
    fn nul_and_bell_show_nothing() {
        check("a\0b\x07c", "abc");
    }

    #[test]
    fn a_wiped_mark_leaves_no_spaces() {
        check(
            "one\r\n --More-- \x08\x08\x08\x08\x08\x08\x08\x08\x08\x08          \x08\x08\x08\x08\x08\x08\x08\x08\x08\x08two\r\nx ",
            "one\ntwo\nx ",
        );
        check("one\r\n --More-- \r          \rtwo\r\n", "one\ntwo\n");
    }

    #[test]
    fn a_flood_is_bounded_and_its_end_is_seen() {
        let mut cleaner = Cleaner::new(1000);
        for _ in 0..100_000 {
            cleaner.feed(b"0123456789012345678901234567890123456789\r\n");
            assert!(cleaner.held() < 2000);
        }
        cleaner.feed(b"rtr-1#");
        assert!(cleaner.is_truncated());
        assert_eq!(cleaner.current_line(), b"rtr-1#");
        assert!(cleaner.lines().len() <= 1042);
    }

    #[test]
    fn a_line_without_end_is_bounded() {
        let mut cleaner = Cleaner::new(1000);
        for _ in 0..10_000 {
            cleaner.feed(&[b'x'; 1000]);
            assert!(cleaner.held() <= 1000 + 2 * MAX_LINE_WHEN_FULL);
        }
        assert!(cleaner.is_truncated());
    }

    proptest! {
        #[test]
        fn any_split_shows_the_same(
            input in proptest::collection::vec(prop_oneof![
                Just(b'\r'), Just(b'\n'), Just(8), Just(27), Just(b'['), Just(b'K'), Just(b'2'), Just(b'D'), any::<u8>(),
            ], 0..200),
            at in any::<prop::sample::Index>(),
        ) {
            let mut whole = Cleaner::new(50);
            whole.feed(&input);
            let mut split = Cleaner::new(50);
            let (first, second) = input.split_at(at.index(input.len() + 1));
            split.feed(first);
            split.feed(second);
            prop_assert_eq!(whole.lines(), split.lines());
            prop_assert_eq!(whole.current_line(), split.current_line());
            prop_assert_eq!(whole.is_truncated(), split.is_truncated());
        }
    }
}
