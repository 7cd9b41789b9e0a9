//! An input of several texts.

/// Stands between two parts: no text has this byte, so that a corpus can be read and written by hand.
pub(crate) const END: u8 = 0xff;

/// The first `N` parts of an input; those that are not there are empty, and the last one takes all the rest.
pub(crate) fn texts<const N: usize>(data: &[u8]) -> [String; N] {
    let mut parts = data.splitn(N, |byte| *byte == END);
    std::array::from_fn(|_| String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned())
}
