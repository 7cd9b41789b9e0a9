//! Counts as numbers to draw with, and back.

/// A count as a number. Past four thousand millions, where no picture goes, it stays there.
pub(super) fn float(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::from(u32::MAX), f64::from)
}

/// The count below `number`; 0 for what is negative or no number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what lies outside is brought to the bounds, which is what is wanted"
)]
pub(super) fn whole(number: f64) -> usize {
    number.floor() as usize
}
