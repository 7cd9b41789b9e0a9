//! How typing is shown: plainly, or in one of the ways in which terminals are redrawn.

use super::traits::Echo;
use crate::dialogue::Outputs;

/// Shows what is typed behind a prompt.
#[derive(Debug)]
pub(super) struct Echoer {
    style: Echo,
    /// Columns of the terminal.
    width: usize,
    /// Where the cursor stands, from 0.
    column: usize,
}

impl Echoer {
    pub(super) fn new(style: Echo, width: usize) -> Self {
        Self {
            style,
            width,
            column: 0,
        }
    }

    pub(super) fn set_width(&mut self, width: usize) {
        self.width = width;
    }

    /// A prompt of `columns` was printed.
    pub(super) fn begin_after(&mut self, columns: usize) {
        self.column = columns;
    }

    /// A prompt as this family paints it.
    pub(super) fn paint(&self, prompt: &str) -> String {
        match self.style {
            Echo::Repaint => format!("\r\r\r\r{prompt}\r\r\r\r{prompt}"),
            Echo::Cursor => {
                let end = prompt.chars().count() + 1;
                format!(
                    "\x1b[1;24r\x1b[24;1H\x1b[24;1H\x1b[2K\x1b[24;1H\x1b[?25h\x1b[24;1H\x1b[24;1H\
                     {prompt}\x1b[24;1H\x1b[24;{end}H\x1b[24;1H\x1b[?25h\x1b[24;{end}H"
                )
            }
            Echo::Plain | Echo::Twice | Echo::Left => prompt.to_owned(),
        }
    }

    pub(super) fn push(&mut self, byte: u8, out: &mut Outputs) {
        out.text([byte]);
        self.column += 1;
        match self.style {
            Echo::Cursor => out.text(format!("\x1b[24;{}H\x1b[?25h", self.column + 1)),
            Echo::Left if byte == b' ' => out.text(" \x1b[1D"),
            // A terminal waits at its edge before it wraps; a blank and a step back make it.
            _ if self.width > 0 && self.column.is_multiple_of(self.width) => out.text(" \x08"),
            _ => {}
        }
    }

    pub(super) fn back(&mut self, out: &mut Outputs) {
        self.column = self.column.saturating_sub(1);
        out.text("\x08 \x08");
    }

    /// The line ended.
    pub(super) fn end(&mut self, prompt: &str, line: &str, line_end: &str, out: &mut Outputs) {
        match self.style {
            Echo::Repaint if !line.is_empty() => out.text(format!("\r{prompt}{line}")),
            Echo::Cursor => out.text("\x1b[?25h\x1b[24;1H"),
            _ => {}
        }
        out.text(line_end);
        self.column = 0;
    }
}

/// What the kernel of a busy device shows of `bytes`, without its command line knowing.
pub(super) fn raw(bytes: &[u8]) -> Vec<u8> {
    let mut shown = Vec::with_capacity(bytes.len() + 2);
    for &byte in bytes {
        match byte {
            b'\r' | b'\n' => shown.extend_from_slice(b"\r\n"),
            b' '..=b'~' => shown.push(byte),
            _ => {}
        }
    }
    shown
}
