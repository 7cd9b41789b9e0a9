//! Words behind a number that say nothing new, because the metric's name says the unit.

/// `text` without the longest of `units` that it ends in, whatever the case. A unit that goes on with letters before
/// it is another one: `C` is not taken off `dBC`.
pub(crate) fn without<'t>(text: &'t str, units: &[String]) -> &'t str {
    let rests = units.iter().filter_map(|unit| {
        let (rest, end) = text.split_at_checked(text.len().checked_sub(unit.len())?)?;
        let is_whole = !rest.ends_with(char::is_alphabetic);
        (is_whole && end.eq_ignore_ascii_case(unit)).then(|| rest.trim_end())
    });
    rests.min_by_key(|rest| rest.len()).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_unit_is_taken_off() {
        let units = ["C", "degrees C", "°C"].map(str::to_owned);
        let check = |text, expected| assert_eq!(without(text, &units), expected, "{text:?}");
        check("41 C", "41");
        check("41c", "41");
        check("41 degrees C", "41");
        check("41 °C", "41");
        check("41 dBC", "41 dBC");
        check("41", "41");
        check("C", "");
        check("", "");
        assert_eq!(without("ä", &["\u{a4}".to_owned()]), "ä");
    }
}
