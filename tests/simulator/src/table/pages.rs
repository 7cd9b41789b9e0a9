//! A page at a time: space for a page, Enter for a row, `q` and Ctrl-C to stop.

use super::traits::Pages;
use crate::dialogue::Outputs;

/// What was pressed at the mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Page,
    Row,
    /// All that is left, without another mark.
    Rest,
    Quit,
}

/// Output of which a part was shown.
#[derive(Debug)]
pub(super) struct Pager {
    style: Pages,
    body: String,
    /// Bytes of `body` that were shown.
    at: usize,
    /// Rows of a page, without that of the mark.
    rows: usize,
    line_end: &'static str,
}

impl Pager {
    /// For a terminal of `length` rows, which is not 0.
    pub(super) fn new(style: Pages, body: String, length: usize, line_end: &'static str) -> Self {
        Self {
            style,
            body,
            at: 0,
            rows: length.saturating_sub(1).max(1),
            line_end,
        }
    }

    /// Shows the first page. True when that was all.
    pub(super) fn begin(&mut self, out: &mut Outputs) -> bool {
        self.show(self.rows, out)
    }

    /// What `byte` means at the mark.
    pub(super) fn key(&self, byte: u8) -> Key {
        match byte {
            b' ' | b'f' => Key::Page,
            b'\r' | b'\n' => Key::Row,
            b'd' | b'D' if self.style.mark.contains("D dump") => Key::Rest,
            _ => Key::Quit,
        }
    }

    /// Goes on after the mark. True when it is over.
    pub(super) fn press(&mut self, key: Key, out: &mut Outputs) -> bool {
        out.text(self.style.wipe);
        match key {
            Key::Page => self.show(self.rows, out),
            Key::Row => self.show(1, out),
            Key::Rest => self.show(usize::MAX, out),
            Key::Quit => true,
        }
    }

    fn show(&mut self, rows: usize, out: &mut Outputs) -> bool {
        let rest = self.body.get(self.at..).unwrap_or_default();
        let mut shown = 0;
        for line in rest.split_inclusive('\n').take(rows) {
            out.text(line.trim_end_matches('\n'));
            out.text(self.line_end);
            shown += line.len();
        }
        self.at += shown;
        let over = self.at >= self.body.len();
        if !over {
            out.text(self.style.mark);
        }
        over
    }
}
