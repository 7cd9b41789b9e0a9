//! Terminal bytes to what they ask for: the grammar of control characters and escape sequences. Pure.
//!
//! State is kept across reads, so a sequence may be split anywhere. Whatever is not understood asks for
//! nothing; a sequence that never ends is given up at the end of its line, so that garbage cannot swallow
//! a prompt.

/// What a byte asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Nothing, or not yet.
    None,
    /// This byte is shown.
    Print(u8),
    /// The line ends.
    LineEnd,
    /// To the beginning of the line.
    Return,
    /// One to the left.
    Backspace,
    /// `ESC [ parameters command`, without those that are private to a terminal.
    Control {
        /// The final byte.
        command: u8,
        /// The first two parameters; 0 where none was given.
        parameters: [u16; 2],
    },
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// After ESC.
    Escape,
    /// After `ESC [`.
    Control,
    /// After ESC and an intermediate byte such as `(`: one more byte belongs to it.
    Charset,
    /// After `ESC ]` and its like, until BEL, `ESC \` or the line's end.
    Title,
    /// After ESC within a title.
    TitleEscape,
}

/// Reads sequences, byte by byte.
#[derive(Debug, Default)]
pub(super) struct Parser {
    state: State,
    parameters: [u16; 2],
    /// The parameter that digits belong to.
    index: usize,
    /// `ESC [ ?` and the like: modes of the terminal, none of which moves text.
    private: bool,
}

impl Parser {
    /// Nothing yet.
    pub(super) const fn new() -> Self {
        Self {
            state: State::Text,
            parameters: [0; 2],
            index: 0,
            private: false,
        }
    }

    /// Whether the next byte is text unless it says otherwise.
    pub(super) fn is_in_text(&self) -> bool {
        self.state == State::Text
    }

    /// Takes in one byte.
    pub(super) fn step(&mut self, byte: u8) -> Action {
        match self.state {
            State::Text => self.text(byte),
            State::Escape => self.escape(byte),
            State::Control => self.control(byte),
            State::Charset => {
                self.state = State::Text;
                Action::None
            }
            State::Title => match byte {
                0x07 => self.back_to_text(),
                b'\r' | b'\n' => {
                    self.state = State::Text;
                    self.text(byte)
                }
                0x1b => {
                    self.state = State::TitleEscape;
                    Action::None
                }
                _ => Action::None,
            },
            State::TitleEscape => match byte {
                b'\\' => self.back_to_text(),
                // The title was never ended, and this is the next sequence.
                _ => self.escape(byte),
            },
        }
    }

    fn back_to_text(&mut self) -> Action {
        self.state = State::Text;
        Action::None
    }

    fn text(&mut self, byte: u8) -> Action {
        match byte {
            b'\n' => Action::LineEnd,
            b'\r' => Action::Return,
            0x08 => Action::Backspace,
            0x1b => {
                self.state = State::Escape;
                Action::None
            }
            b'\t' | b' '..=0x7e | 0x80.. => Action::Print(byte),
            // NUL, BEL and the rest show nothing.
            _ => Action::None,
        }
    }

    fn escape(&mut self, byte: u8) -> Action {
        self.state = State::Text;
        match byte {
            b'[' => {
                *self = Self {
                    state: State::Control,
                    ..Self::default()
                };
            }
            b']' | b'P' | b'X' | b'^' | b'_' => self.state = State::Title,
            b'(' | b')' | b'#' | b'%' => self.state = State::Charset,
            // Next line and index.
            b'E' | b'D' => return Action::LineEnd,
            0x1b => self.state = State::Escape,
            b'\r' | b'\n' => return self.text(byte),
            _ => {}
        }
        Action::None
    }

    fn control(&mut self, byte: u8) -> Action {
        match byte {
            b'0'..=b'9' => {
                if let Some(parameter) = self.parameters.get_mut(self.index) {
                    *parameter = parameter
                        .saturating_mul(10)
                        .saturating_add(u16::from(byte - b'0'));
                }
            }
            b';' => self.index += 1,
            b'<'..=b'?' => self.private = true,
            0x1b => self.state = State::Escape,
            0x40..=0x7e => {
                self.state = State::Text;
                if !self.private {
                    return Action::Control {
                        command: byte,
                        parameters: self.parameters,
                    };
                }
            }
            // A terminal obeys these within a sequence.
            0x08 | b'\r' => return self.text(byte),
            // No sequence goes on over a line's end, nor has bytes beyond ASCII.
            b'\n' | 0x80.. => {
                self.state = State::Text;
                return self.text(byte);
            }
            // Intermediate bytes, and control characters that show nothing.
            _ => {}
        }
        Action::None
    }
}
