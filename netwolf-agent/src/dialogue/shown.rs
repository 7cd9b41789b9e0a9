//! The text of a stretch of bytes that no command asked for, such as a greeting.

use super::{MAX_OUTPUT, cleaner::Cleaner};

/// What a terminal would show of `bytes`, line by line.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let mut cleaner = Cleaner::new(MAX_OUTPUT);
    cleaner.feed(bytes);
    String::from_utf8_lossy(cleaner.lines()).into_owned()
        + &String::from_utf8_lossy(cleaner.current_line())
}
