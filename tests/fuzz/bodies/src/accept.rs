//! The headers by which a client chooses format and encoding.

use netwolf_exposition::accept::{format, gzip, text_over_json};

/// Reads a header, and the same header in other words.
///
/// # Panics
/// When those mean something else.
pub fn run(data: &[u8]) {
    let header = String::from_utf8_lossy(data);
    let read = |header: &str| {
        let header = Some(header);
        (format(header), gzip(header), text_over_json(header))
    };
    let meant = read(&header);
    assert_eq!(
        meant,
        read(&header.to_ascii_uppercase()),
        "case says nothing"
    );
    assert_eq!(
        meant,
        read(&format!("{header},x-fuzz/none")),
        "nor does what nobody knows"
    );
}
