//! A page at a time: ` --More-- `, space for a page, Enter for a row, any other key to stop.

use crate::dialogue::Outputs;

const MARK: &str = " --More-- ";
/// Wipes the mark: back over all but its first blank, over-written, back again.
const WIPE: &[u8] =
    b"\x08\x08\x08\x08\x08\x08\x08\x08\x08        \x08\x08\x08\x08\x08\x08\x08\x08\x08";

/// What was pressed at the mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Page,
    Row,
    Quit,
}

/// Output of which a part was shown.
#[derive(Debug)]
pub(super) struct Pager {
    body: String,
    /// Bytes of `body` that were shown.
    at: usize,
    /// Rows of a page, without that of the mark.
    rows: usize,
    /// Columns; 0 means that rows are as long as they like.
    width: usize,
}

impl Pager {
    /// For a terminal of `length` rows, which is not 0.
    pub(super) fn new(body: String, length: usize, width: usize) -> Self {
        Self {
            body,
            at: 0,
            rows: length.saturating_sub(1).max(1),
            width,
        }
    }

    /// Shows the first page. True when that was all.
    pub(super) fn begin(&mut self, out: &mut Outputs) -> bool {
        self.show(self.rows, out)
    }

    /// Goes on after the mark. True when it is over.
    pub(super) fn press(&mut self, key: Key, out: &mut Outputs) -> bool {
        out.text(WIPE);
        match key {
            Key::Page => self.show(self.rows, out),
            Key::Row => self.show(1, out),
            Key::Quit => true,
        }
    }

    fn show(&mut self, rows: usize, out: &mut Outputs) -> bool {
        let mut left = rows;
        for line in self
            .body
            .get(self.at..)
            .unwrap_or_default()
            .split_inclusive('\n')
        {
            let text = line.trim_end_matches('\n');
            let taken = match self.width {
                0 => 1,
                width => text.chars().count().div_ceil(width).max(1),
            };
            // A line that alone is longer than a page is shown whole rather than never.
            if taken > left && left < rows {
                break;
            }
            out.text(text);
            out.text("\r\n");
            self.at += line.len();
            left = left.saturating_sub(taken);
            if left == 0 {
                break;
            }
        }
        let over = self.at >= self.body.len();
        if !over {
            out.text(MARK);
        }
        over
    }
}
