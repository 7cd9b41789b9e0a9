//! How much was taken out of a text, for the person who is about to show the rest to others. Pure.

use std::collections::HashMap;

/// Lines of `before` that are not in `after` as they were.
pub(super) fn changed_lines(before: &str, after: &str) -> usize {
    let mut kept: HashMap<&str, usize> = HashMap::new();
    for line in after.lines() {
        *kept.entry(line).or_default() += 1;
    }
    before
        .lines()
        .filter(|line| match kept.get_mut(line) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::changed_lines;

    #[test]
    fn lines_that_changed_or_went_are_counted() {
        for (before, after, expected) in [
            ("", "", 0),
            ("a\nb\n", "a\nb\n", 0),
            ("a\nsecret 1\nsecret 1\n", "a\nsecret\nsecret\n", 2),
            ("key\n line\n line\nend\n", "key\nend\n", 2),
        ] {
            assert_eq!(changed_lines(before, after), expected, "{before:?}");
        }
    }
}
