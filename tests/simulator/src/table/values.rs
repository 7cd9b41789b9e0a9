//! Templates: texts with values that move.
//!
//! | in a text | becomes |
//! |---|---|
//! | `{{hostname}}`, `{{user}}`, `{{arg}}`, `{{context}}`, `{{mark}}`, `{{paging}}` | what the session knows |
//! | `{{cpu}}`, `{{cpu1}}`, `{{cpu5}}`, `{{idle}}`, `{{load}}` | the load: 5 s, 1 min, 5 min, what is left, as `0.12` |
//! | `{{up_days}}`, `{{up_h}}`, `{{up_m}}`, `{{up_s}}`, `{{up_seconds}}`, `{{up_short}}` | time since boot, in parts, whole, as `1w2d3h4m5s` |
//! | `{{boot}}`, `{{clock}}`, `{{stamp}}`, `{{iso}}`, `{{unix}}` | dates: of the boot, `23:30:01.123 UTC Mon Nov 22 2027`, ... |
//! | `{{serial}}` | ten characters of the device's own |
//! | `{{level:LOW:HIGH}}`, `{{rest:TOTAL:LOW:HIGH}}` | a level between two bounds, and what it leaves of a total |
//! | `{{count:NAME:RATE}}` | a counter that grows by about so much a second |
//! | `{{pick:NAME:LOW:HIGH}}` | a number that never changes |
//! | `{{each:N}}` ... `{{i}}` ... `{{end}}` | the text N times, from 0 |
//!
//! Whatever else stands in double braces is left alone.

use std::fmt::Write as _;
use std::time::Duration;

use crate::clock::{Civil, Moment};
use crate::device::Facts;
use crate::laws;

/// What texts may tell.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) facts: Facts,
    pub(super) now: Moment,
    pub(super) hostname: &'a str,
    pub(super) user: &'a str,
    pub(super) argument: &'a str,
    pub(super) context: &'a str,
    /// Whether the configuration has changes that are not saved.
    pub(super) marked: bool,
    /// Whether the pager is on.
    pub(super) paging: bool,
}

/// `template` with everything filled in.
pub(super) fn fill(template: &str, view: View<'_>) -> String {
    let mut text = String::with_capacity(template.len() + template.len() / 4);
    fill_into(&mut text, template, view, 0);
    text
}

fn fill_into(text: &mut String, template: &str, view: View<'_>, index: u64) {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        text.push_str(before);
        let Some((name, behind)) = after.split_once("}}") else {
            text.push_str("{{");
            rest = after;
            continue;
        };
        if let Some(times) = name.strip_prefix("each:") {
            let (body, behind) = behind.split_once("{{end}}").unwrap_or((behind, ""));
            let body = body.strip_prefix('\n').unwrap_or(body);
            for index in 0..times.parse().unwrap_or(0) {
                fill_into(text, body, view, index);
            }
            rest = behind.strip_prefix('\n').unwrap_or(behind);
            continue;
        }
        match value(name, view, index) {
            Some(value) => text.push_str(&value),
            None => write!(text, "{{{{{name}}}}}").expect("a string takes all"),
        }
        rest = behind;
    }
    text.push_str(rest);
}

fn value(name: &str, view: View<'_>, index: u64) -> Option<String> {
    if let Some(value) = session_value(name, view) {
        return Some(value.to_owned());
    }
    if let Some(number) = load_value(name, view).or_else(|| uptime_value(name, view)) {
        return Some(number.to_string());
    }
    if let Some((kind, parameters)) = name.split_once(':') {
        return with_parameters(kind, parameters, view, index).map(|number| number.to_string());
    }
    let second = view.now.since_boot.as_secs();
    Some(match name {
        "i" => index.to_string(),
        "i1" => (index + 1).to_string(),
        "load" => {
            let cpu = laws::Cpu::new(view.facts.key).five_seconds(second);
            format!("{}.{:02}", cpu / 100, cpu % 100)
        }
        "up_short" => short(view.now.since_boot),
        "boot" => clock(view.now.unix.saturating_sub(view.now.since_boot), false),
        "clock" => clock(view.now.unix, true),
        "stamp" => stamp(view.now.unix),
        "iso" => iso(view.now.unix),
        "serial" => format!("SIM{:07X}", laws::part(view.facts.key, 20) & 0xfff_ffff),
        _ => return None,
    })
}

fn session_value<'a>(name: &str, view: View<'a>) -> Option<&'a str> {
    Some(match name {
        "hostname" => view.hostname,
        "user" => view.user,
        "arg" => view.argument,
        "context" => view.context,
        "paging" if view.paging => "more",
        "paging" => "standard",
        "mark" | "mark_or_tilde" if view.marked => "*",
        "mark" => "",
        "mark_or_tilde" => "~",
        _ => return None,
    })
}

fn load_value(name: &str, view: View<'_>) -> Option<u64> {
    let second = view.now.since_boot.as_secs();
    let cpu = laws::Cpu::new(view.facts.key);
    Some(match name {
        "cpu" => cpu.five_seconds(second),
        "cpu1" => cpu.mean(second, 60),
        "cpu5" => cpu.mean(second, 300),
        "idle" => 100 - cpu.five_seconds(second),
        "interrupts" => cpu.interrupts(second),
        _ => return None,
    })
}

fn uptime_value(name: &str, view: View<'_>) -> Option<u64> {
    let up = view.now.since_boot.as_secs();
    Some(match name {
        "up_days" => up / 86_400,
        "up_h" => up / 3_600 % 24,
        "up_m" => up / 60 % 60,
        "up_s" => up % 60,
        "up_hours" => up / 3_600,
        "up_seconds" => up,
        "unix" => view.now.unix.as_secs(),
        _ => return None,
    })
}

fn with_parameters(kind: &str, parameters: &str, view: View<'_>, index: u64) -> Option<u64> {
    let mut parts = parameters.split(':');
    let mut number = || parts.next()?.parse::<u64>().ok();
    let second = view.now.since_boot.as_secs();
    match kind {
        "level" => {
            let (low, high) = (number()?, number()?);
            Some(laws::level(view.facts.key, second, low, high))
        }
        "rest" => {
            let (total, low, high) = (number()?, number()?, number()?);
            Some(total.saturating_sub(laws::level(view.facts.key, second, low, high)))
        }
        "count" | "pick" => {
            let (name, rest) = parameters.split_once(':')?;
            let key = laws::part(laws::part(view.facts.key, scatter(name)), index);
            let mut numbers = rest.split(':').map(str::parse::<u64>);
            let first = numbers.next()?.ok()?;
            if kind == "count" {
                return Some(laws::grown(key, first, view.now.since_boot));
            }
            Some(laws::pick(key, first, numbers.next()?.ok()?))
        }
        _ => None,
    }
}

/// A number from a name, the same on every machine (FNV-1a).
fn scatter(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// `1w2d3h4m5s`, without what is 0 at the begin.
fn short(up: Duration) -> String {
    let seconds = up.as_secs();
    let parts = [
        (seconds / 604_800, 'w'),
        (seconds / 86_400 % 7, 'd'),
        (seconds / 3_600 % 24, 'h'),
        (seconds / 60 % 60, 'm'),
        (seconds % 60, 's'),
    ];
    let mut text = String::new();
    for (count, unit) in parts {
        if count > 0 || unit == 's' {
            write!(text, "{count}{unit}").expect("a string takes all");
        }
    }
    text
}

/// `23:30:01.123 UTC Mon Nov 22 2027`.
fn clock(unix: Duration, exact: bool) -> String {
    let at = Civil::from_unix(unix);
    let exact = if exact {
        format!(".{:03}", at.millisecond)
    } else {
        String::new()
    };
    format!(
        "{:02}:{:02}:{:02}{exact} UTC {} {} {} {}",
        at.hour,
        at.minute,
        at.second,
        at.weekday_name(),
        at.month_name(),
        at.day,
        at.year
    )
}

/// `Mon Nov 22 23:30:01.123 UTC`, as IOS-XR puts it before outputs.
pub(super) fn stamp(unix: Duration) -> String {
    let at = Civil::from_unix(unix);
    format!(
        "{} {} {:>2} {:02}:{:02}:{:02}.{:03} UTC",
        at.weekday_name(),
        at.month_name(),
        at.day,
        at.hour,
        at.minute,
        at.second,
        at.millisecond
    )
}

/// `2027-11-22 23:30:01`.
fn iso(unix: Duration) -> String {
    let at = Civil::from_unix(unix);
    format!(
        "{}-{:02}-{:02} {:02}:{:02}:{:02}",
        at.year,
        at.month + 1,
        at.day,
        at.hour,
        at.minute,
        at.second
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(template: &str, expected: &str) {
        let view = View {
            facts: Facts::new(1, 0),
            now: Moment {
                unix: Duration::from_millis(1_445_281_058_347),
                since_boot: Duration::from_secs(8 * 86_400 + 3_725),
            },
            hostname: "r1",
            user: "netwolf",
            argument: "24",
            context: "",
            marked: true,
            paging: true,
        };
        assert_eq!(fill(template, view), expected);
    }

    #[test]
    fn values_are_filled_in() {
        check(
            "{{mark}}A:{{user}}@{{hostname}}# {{arg}}",
            "*A:netwolf@r1# 24",
        );
        check(
            "{{up_short}} {{up_days}} {{up_h}}:{{up_m}}",
            "1w1d1h2m5s 8 1:2",
        );
        check("{{stamp}}", "Mon Oct 19 18:57:38.347 UTC");
        check("{{iso}}", "2015-10-19 18:57:38");
    }

    #[test]
    fn a_part_may_be_repeated() {
        check(
            "a\n{{each:3}}\nport {{i1}}\n{{end}}\nb\n",
            "a\nport 1\nport 2\nport 3\nb\n",
        );
    }

    #[test]
    fn what_is_no_value_stays() {
        check(
            "{\"a\":{\"b\":1}} {{nothing}} {{",
            "{\"a\":{\"b\":1}} {{nothing}} {{",
        );
    }
}
