//! What of a configuration is kept: not what changes by itself, and no secret.
//!
//! Agents take secrets out of everything before they tell it; the rules of
//! this module come on top: lines that a device changes by itself, and what the operator wants removed.

use regex::{Regex, RegexSet};

/// What stands for something that was removed; the same word as in every other output.
const REMOVED: &str = "<removed>";

/// Whole lines that change although nobody has changed the configuration.
const BY_THEMSELVES: &[&str] = &[
    // IOS, IOS XE, IOS XR, NX-OS, ASA.
    r"^Building configuration\.\.\.$",
    r"^Current configuration *: *\d+ bytes$",
    r"^!? ?Last configuration change at ",
    r"^!! Last configuration change at ",
    r"^! No configuration change since last restart",
    r"^! NVRAM config last updated at ",
    r"^!Running configuration last done at:",
    r"^!Time: ",
    r"^ntp clock-period ",
    r"^: Written by .* at ",
    r"^Cryptochecksum:",
    r"^(Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d\.\d+ ",
    // EOS.
    r"^! Command: show running-config",
    r"^! device: .* \(.*, EOS-.*\)$",
    // Junos, SR OS.
    r"^## Last (commit|changed): ",
    r"^# (Generated|Finished) [A-Z]{3} ",
    r"^# (Generated|Finished) \d{4}-\d\d-\d\d",
    // RouterOS.
    r"^# [a-z]{3}/\d\d/\d{4} \d\d:\d\d:\d\d by RouterOS",
    r"^# \d{4}-\d\d-\d\d \d\d:\d\d:\d\d by RouterOS",
    // Comware, VRP.
    r"^!Last configuration was (updated|saved) at ",
    r"^ ?#?!?Last configuration was updated at ",
    // FortiOS, PAN-OS.
    r"^#conf_file_ver=",
    r"^ *# ?config-last-modified",
    // AOS-CX, Dell OS10.
    r"^! Last configuration change on ",
];

/// The rules of one configuration.
#[derive(Clone, Debug)]
pub struct Rules {
    drop: RegexSet,
    redact: Vec<Regex>,
}

impl Rules {
    /// The built-in rules, lines that match one of `drop` besides, and what matches one of `redact`.
    ///
    /// # Errors
    /// An expression that is none.
    pub fn new(drop: &[String], redact: &[String]) -> Result<Self, regex::Error> {
        let all = BY_THEMSELVES
            .iter()
            .copied()
            .chain(drop.iter().map(String::as_str));
        Ok(Self {
            drop: RegexSet::new(all)?,
            redact: redact
                .iter()
                .map(|rule| Regex::new(rule))
                .collect::<Result<_, _>>()?,
        })
    }

    /// What is kept of `text`: line ends of Unix, no white space at the end of a line, no empty lines at either
    /// end, and one newline behind the last.
    ///
    /// A group of a rule named `secret` is what is removed; the whole match where there is none.
    pub fn keep(&self, text: &str) -> String {
        let lines: Vec<String> = text
            .lines()
            .map(str::trim_end)
            .filter(|line| !self.drop.is_match(line))
            .map(|line| self.redact(line))
            .collect();
        let first = lines.iter().position(|line| !line.is_empty());
        let last = lines.iter().rposition(|line| !line.is_empty());
        let (Some(first), Some(last)) = (first, last) else {
            return String::new();
        };
        let mut kept = lines
            .get(first..=last)
            .map(|lines| lines.join("\n"))
            .unwrap_or_default();
        kept.push('\n');
        kept
    }

    fn redact(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for rule in &self.redact {
            line = rule
                .replace_all(&line, |found: &regex::Captures<'_>| {
                    let whole = found.get(0).map_or(0..0, |whole| whole.range());
                    let secret = found
                        .name("secret")
                        .map_or(whole.clone(), |secret| secret.range());
                    let text = found.get(0).map_or("", |whole| whole.as_str());
                    let before = text.get(..secret.start - whole.start).unwrap_or_default();
                    let after = text.get(secret.end - whole.start..).unwrap_or_default();
                    format!("{before}{REMOVED}{after}")
                })
                .into_owned();
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str) -> String {
        Rules::new(&[], &[]).unwrap().keep(text)
    }

    #[test]
    fn what_changes_by_itself_is_left_out() {
        let ios = |at: &str, bytes: &str| {
            format!(
                "\r\nBuilding configuration...\r\n\r\nCurrent configuration : {bytes} bytes\r\n!\r\n\
                 ! Last configuration change at {at} UTC Mon Nov 30 2026 by lab\r\n!\r\nversion 15.2\r\n\
                 hostname sw-1 \r\nntp clock-period 360{bytes}\r\nend\r\n\r\n"
            )
        };
        let (one, other) = (ios("10:00:00", "1234"), ios("11:11:11", "99"));
        assert_eq!(kept(&one), kept(&other));
        assert_eq!(kept(&one), "!\n!\nversion 15.2\nhostname sw-1\nend\n");
        for line in [
            "## Last commit: 2026-11-30 10:00:00 UTC by lab",
            "!Time: Mon Nov 30 10:00:00 2026",
            "# 2026-11-30 10:00:00 by RouterOS 7.20",
            "# nov/30/2026 10:00:00 by RouterOS 6.49.18",
            "# Generated MON NOV 30 10:00:00 2026 UTC",
            "Mon Nov 30 10:00:00.123 UTC",
            "!! Last configuration change at Mon Nov 30 10:00:00 2026 by lab",
            "!Last configuration was updated at 2026-11-30 10:00:00 UTC by lab",
        ] {
            assert_eq!(
                kept(&format!("{line}\nhostname sw-1\n")),
                "hostname sw-1\n",
                "{line}"
            );
        }
    }

    #[test]
    fn an_operators_rules_come_on_top() {
        let drop = ["^! uptime".to_owned()];
        let redact = [
            r"circuit-id (?P<secret>\S+)".to_owned(),
            r"\d{4}-PIN".to_owned(),
        ];
        let rules = Rules::new(&drop, &redact).unwrap();
        assert_eq!(
            rules.keep("! uptime 4 weeks\ncircuit-id AMS-77 up\nnote 1234-PIN, 5678-PIN\n"),
            "circuit-id <removed> up\nnote <removed>, <removed>\n"
        );
        assert!(Rules::new(&["(".to_owned()], &[]).is_err());
    }

    #[test]
    fn nothing_is_nothing() {
        assert_eq!(kept("\r\n \r\nBuilding configuration...\r\n"), "");
    }
}
