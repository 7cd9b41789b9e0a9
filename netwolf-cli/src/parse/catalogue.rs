//! What an index of templates makes of a platform's name.
//!
//! A row takes a name that begins as it says, and not up to its end, as in Python: the row of `cisco_ios` takes
//! `cisco_iosxr`, too, and reads wrong rows out of its outputs. Whoever asks is told, because nothing else shows it.

use regex::Regex;

/// Platforms that ntc-templates calls by another name than NetWolf; the other bundled ones are called alike.
const THEIRS: [(&str, &str); 5] = [
    ("cisco_iosxe", "cisco_ios"),
    ("cisco_iosxr", "cisco_xr"),
    ("fortinet_fortios", "fortinet"),
    ("nokia_sros", "alcatel_sros"),
    ("nokia_sros_md", "alcatel_sros"),
];

/// The column with the platforms.
pub(super) const PLATFORM: &str = "Platform";

/// What ntc-templates calls `platform`, where that is another name.
pub(super) fn theirs(platform: &str) -> Option<&'static str> {
    let mut known = THEIRS.iter();
    known
        .find(|(ours, _)| *ours == platform)
        .map(|(_, theirs)| *theirs)
}

/// The platforms that the row in `line` of the index `text` is for, where they are not `platform` but only begin it.
pub(super) fn of_others<'i>(text: &'i str, line: usize, platform: &str) -> Option<&'i str> {
    let text = text.trim_start_matches('\u{feff}');
    let mut lines = text.lines();
    let is_header = |line: &&str| !without_comment(line).trim().is_empty();
    let header = without_comment(lines.find(is_header)?);
    let column = header.split(',').position(|it| it.trim() == PLATFORM)?;
    let row = text.lines().nth(line.checked_sub(1)?)?;
    let platforms = row.split(',').nth(column)?.trim();
    if platforms.is_empty() {
        return None;
    }
    // What only Python's expressions have is in no platform's name; where it is, nothing is said.
    let whole = Regex::new(&format!("^(?:{platforms})$")).ok()?;
    let names = [Some(platform), theirs(platform)];
    let is_for_it = names.iter().flatten().any(|name| whole.is_match(name));
    (!is_for_it).then_some(platforms)
}

fn without_comment(line: &str) -> &str {
    line.split('#').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "# names\n\nTemplate, Hostname, Platform, Command\n\
        a.textfsm, .*, cisco_ios, sh[[ow]] ver[[sion]]\n\
        b.textfsm, .*, (hp|aruba)_procurve, show\n\
        c.textfsm, .*, .*vyos.*, show\n\
        d.textfsm, .*, , show\n\
        e.textfsm, .*, cisco_xr, show\n";

    fn check(line: usize, platform: &str, expected: Option<&str>) {
        assert_eq!(of_others(INDEX, line, platform), expected, "{platform}");
    }

    #[test]
    fn a_row_that_takes_a_part_of_the_name_is_of_others() {
        check(4, "cisco_ios", None);
        check(4, "cisco_iosxr", Some("cisco_ios"));
        check(4, "cisco_ios_lab", Some("cisco_ios"));
        check(5, "aruba_procurve", None);
        check(5, "hp_procurve_2", Some("(hp|aruba)_procurve"));
    }

    #[test]
    fn a_row_for_the_platform_by_its_other_name_or_for_all_is_no_fault() {
        check(4, "cisco_iosxe", None);
        check(6, "my_vyos_2", None);
        check(7, "anything", None);
        check(8, "cisco_iosxr", None);
        check(99, "cisco_ios", None);
    }
}
