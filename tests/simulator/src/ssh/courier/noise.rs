//! What nobody asked for: rows of text without end, and garbage.

use crate::laws;

/// `count` bytes of numbered rows, from `row` on; the last one may be cut.
pub(super) fn rows(row: &mut u64, count: usize) -> Vec<u8> {
    let mut piece = Vec::with_capacity(count + 64);
    while piece.len() < count {
        let text = format!("{row:08} more than anybody asked for\r\n");
        piece.extend_from_slice(text.as_bytes());
        *row += 1;
    }
    piece.truncate(count);
    piece
}

/// `count` bytes of all values, the same each time.
pub(super) fn garbage(count: usize) -> Vec<u8> {
    let numbers = (0..).flat_map(|number| laws::mix(number).to_be_bytes());
    numbers.take(count).collect()
}
