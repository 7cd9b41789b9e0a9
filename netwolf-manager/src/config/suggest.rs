//! Did you mean: the known name nearest to a mistyped one.

/// Below this likeness a suggestion only confuses.
const ALIKE: f64 = 0.82;

/// More names than these are not listed in a hint.
const LISTED: usize = 32;

/// `did you mean "x"?`, or a list of all names where none is near; `kind` is their plural.
pub fn hint<'a>(
    typed: &str,
    kind: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let mut known: Vec<&str> = known.into_iter().collect();
    known.sort_unstable();
    known.dedup();
    if let Some(name) = nearest(typed, known.iter().copied()) {
        return Some(format!("did you mean {name:?}?"));
    }
    match known.len() {
        0 => Some(format!("no {kind} are defined")),
        1..=LISTED => Some(format!("known {kind}: {}", known.join(", "))),
        _ => None,
    }
}

/// The one of `known` that is most like `typed`, if it is like it at all.
pub fn nearest<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|name| (likeness(typed, name), name))
        .filter(|(likeness, _)| *likeness >= ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

/// From 0 to 1. People leave out the front of a name (`iosxe` for `cisco_iosxe`), so its tails count as well.
fn likeness(typed: &str, name: &str) -> f64 {
    let typed = typed.to_lowercase();
    let name = name.to_lowercase();
    let whole = strsim::jaro_winkler(&typed, &name);
    name.char_indices()
        .filter(|(_, c)| "_-.".contains(*c))
        .filter_map(|(at, c)| name.get(at + c.len_utf8()..))
        // A tail that fits is a little worse than a whole name that fits as well.
        .map(|tail| strsim::jaro_winkler(&typed, tail) * 0.99)
        .fold(whole, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(typed: &str, known: &[&str], expected: Option<&str>) {
        assert_eq!(nearest(typed, known.iter().copied()), expected, "{typed}");
    }

    #[test]
    fn finds_what_was_meant() {
        let platforms = ["cisco_ios", "cisco_iosxe", "linux"];
        check("iosxee", &platforms, Some("cisco_iosxe"));
        check("cisco-ios", &platforms, Some("cisco_ios"));
        check("Linux", &platforms, Some("linux"));
        check("junos", &platforms, None);
        check("adress", &["address", "name", "port"], Some("address"));
        check("intervall", &["interval", "timeout"], Some("interval"));
    }

    #[test]
    fn lists_what_there_is_when_nothing_is_near() {
        assert_eq!(
            hint("junos", "platforms", ["linux", "cisco_ios"]).as_deref(),
            Some("known platforms: cisco_ios, linux")
        );
        assert_eq!(
            hint("x", "groups", []).as_deref(),
            Some("no groups are defined")
        );
    }
}
