//! Templates: texts with values that move.
//!
//! | in a text | becomes |
//! |---|---|
//! | `{{hostname}}`, `{{user}}`, `{{arg}}`, `{{context}}`, `{{mark}}`, `{{paging}}` | what the session knows |
//! | `{{cpu}}`, `{{cpu1}}`, `{{cpu5}}`, `{{idle}}` | the load in per cent: 5 s, 1 min, 5 min, and what is left of the first |
//! | `{{interrupts}}`, `{{work}}` | the two parts of `{{cpu}}` |
//! | `{{core}}`, `{{core_interrupts}}`, `{{core_work}}`, `{{core_idle}}` | the same of the core that an `each` is at |
//! | `{{load}}`, `{{load1}}`, `{{load5}}`, `{{load15}}` | the load as `0.12` |
//! | `{{up_days}}`, `{{up_h}}`, `{{up_m}}`, `{{up_s}}`, `{{up_seconds}}`, `{{up_short}}` | time since boot, in parts, whole, as `1w2d3h4m5s` |
//! | `{{up:FORM}}`, `{{up:FORM:NAME}}` | time since boot, or since NAME came up soon after, as `seconds`, `clock`, `cisco`, `huawei`, `mikrotik`, `nokia` write it |
//! | `{{at:FORM}}`, `{{at:FORM:NAME}}` | the date of that, as `iso`, `long`, `slashed`, `unix` |
//! | `{{boot}}`, `{{clock}}`, `{{stamp}}`, `{{iso}}`, `{{unix}}` | dates: of the boot, `23:30:01.123 UTC Mon Nov 22 2027`, ... |
//! | `{{serial}}`, `{{serial:NAME}}` | ten characters of the device's own, or of a part's |
//! | `{{level:LOW:HIGH}}`, `{{level:NAME:LOW:HIGH}}` | a level between two bounds, such as `-3.20` and `-2.80`, with as many decimals |
//! | `{{rest:TOTAL:LOW:HIGH}}`, `{{rest:TOTAL:NAME:LOW:HIGH}}` | what that level leaves of a total |
//! | `{{percent:TOTAL:LOW:HIGH}}`, `{{percent:TOTAL:NAME:LOW:HIGH}}` | how much of a total that level is |
//! | `{{count:NAME:RATE}}`, `{{count:NAME:TIMES/SECONDS}}` | a counter that grows by about so much a second, or so often in so many; sums have `+` between: `{{count:a:9+b:1/60}}` |
//! | `{{pick:NAME:LOW:HIGH}}` | a number that never changes |
//! | `{{each:N}}` ... `{{i}}`, `{{i1}}` ... `{{end}}` | the text N times, counted from 0 and from 1 |
//! | `{{each:A B C}}` ... `{{item}}` ... `{{end}}` | the text for A, for B, and for C |
//!
//! A NAME tells values of one kind apart; within an `each` every turn has its own.
//! `{{...>12}}` is set to the right in 12 columns, `{{...<12}}` to the left, `{{...>02}}` filled up with zeros,
//! and `{{...,}}` has commas between thousands.
//! Whatever else stands in double braces is left alone.

mod dates;

use std::fmt::Write as _;
use std::time::Duration;

use crate::clock::Moment;
use crate::device::Facts;
use crate::laws;

pub(crate) use dates::clock;
pub(super) use dates::stamp;

/// What texts may tell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'a> {
    pub(crate) facts: Facts,
    pub(crate) now: Moment,
    pub(crate) hostname: &'a str,
    pub(crate) user: &'a str,
    pub(crate) argument: &'a str,
    pub(crate) context: &'a str,
    /// Whether the configuration has changes that are not saved.
    pub(crate) marked: bool,
    /// Whether the pager is on.
    pub(crate) paging: bool,
}

/// The turn that an `each` is at.
#[derive(Clone, Copy, Debug, Default)]
struct Turn<'a> {
    index: u64,
    item: &'a str,
}

/// `template` with everything filled in.
pub(crate) fn fill(template: &str, view: View<'_>) -> String {
    let mut text = String::with_capacity(template.len() + template.len() / 4);
    fill_into(&mut text, template, view, Turn::default());
    text
}

fn fill_into(text: &mut String, template: &str, view: View<'_>, turn: Turn<'_>) {
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
            repeat(text, times, body, view);
            rest = behind.strip_prefix('\n').unwrap_or(behind);
            continue;
        }
        match formatted(name, view, turn) {
            Some(value) => text.push_str(&value),
            None => write!(text, "{{{{{name}}}}}").expect("a string takes all"),
        }
        rest = behind;
    }
    text.push_str(rest);
}

/// `body` so many `times`, or for each word of `times` if that is no number.
fn repeat(text: &mut String, times: &str, body: &str, view: View<'_>) {
    if let Ok(times) = times.parse::<u64>() {
        for index in 0..times {
            fill_into(text, body, view, Turn { index, item: "" });
        }
        return;
    }
    for (index, item) in (0..).zip(times.split_whitespace()) {
        fill_into(text, body, view, Turn { index, item });
    }
}

/// The value that `word` stands for, in the columns that it asks for.
fn formatted(word: &str, view: View<'_>, turn: Turn<'_>) -> Option<String> {
    let (name, place) = match word.rsplit_once(['>', '<']) {
        Some((name, width)) if width.parse::<usize>().is_ok() => (name, Some(width)),
        _ => (word, None),
    };
    let (name, grouped) = match name.strip_suffix(',') {
        Some(name) => (name, true),
        None => (name, false),
    };
    let mut value = value(name, view, turn)?;
    if grouped {
        value = in_thousands(&value);
    }
    let Some(width) = place else {
        return Some(value);
    };
    let columns = width.parse().ok()?;
    Some(if word.contains('<') {
        format!("{value:<columns$}")
    } else if width.starts_with('0') {
        format!("{value:0>columns$}")
    } else {
        format!("{value:>columns$}")
    })
}

/// `1,234,567`.
fn in_thousands(digits: &str) -> String {
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn value(name: &str, view: View<'_>, turn: Turn<'_>) -> Option<String> {
    if let Some(value) = session_value(name, view) {
        return Some(value.to_owned());
    }
    if let Some(number) = load_value(name, view, turn).or_else(|| uptime_value(name, view)) {
        return Some(number.to_string());
    }
    if let Some((kind, parameters)) = name.split_once(':') {
        return with_parameters(kind, parameters, view, turn);
    }
    let boot = view.now.unix.saturating_sub(view.now.since_boot);
    Some(match name {
        "i" => turn.index.to_string(),
        "i1" => (turn.index + 1).to_string(),
        "item" => turn.item.to_owned(),
        "up_short" => dates::short(view.now.since_boot),
        "boot" => dates::clock(boot, false),
        "clock" => dates::clock(view.now.unix, true),
        "stamp" => stamp(view.now.unix),
        "iso" => dates::iso(view.now.unix),
        "serial" => serial(laws::part(view.facts.key, 20)),
        _ => return load_average(name, view),
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

fn load_value(name: &str, view: View<'_>, turn: Turn<'_>) -> Option<u64> {
    let second = view.now.since_boot.as_secs();
    let (key, what) = match name.strip_prefix("core") {
        Some("") => (core(view, turn), "cpu"),
        Some(what) => (core(view, turn), what.strip_prefix('_')?),
        None => (view.facts.key, name),
    };
    let cpu = laws::Cpu::new(key);
    Some(match what {
        "cpu" => cpu.five_seconds(second),
        "cpu1" => cpu.mean(second, 60),
        "cpu5" => cpu.mean(second, 300),
        "idle" => 100 - cpu.five_seconds(second),
        "interrupts" => cpu.interrupts(second),
        "work" => cpu.five_seconds(second) - cpu.interrupts(second),
        _ => return None,
    })
}

/// The key of the core that an `each` is at.
fn core(view: View<'_>, turn: Turn<'_>) -> u64 {
    laws::part(laws::part(view.facts.key, 60), turn.index)
}

/// The load as Unix tells it, here a load of 1 where the processor does nothing else.
fn load_average(name: &str, view: View<'_>) -> Option<String> {
    let second = view.now.since_boot.as_secs();
    let cpu = laws::Cpu::new(view.facts.key);
    let percent = match name {
        "load" => cpu.five_seconds(second),
        "load1" => cpu.mean(second, 60),
        "load5" => cpu.mean(second, 300),
        "load15" => cpu.mean(second, 900),
        _ => return None,
    };
    Some(format!("{}.{:02}", percent / 100, percent % 100))
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

fn with_parameters(kind: &str, parameters: &str, view: View<'_>, turn: Turn<'_>) -> Option<String> {
    match kind {
        "level" | "rest" | "percent" => level(kind, parameters, view, turn),
        "count" => counters(parameters, view, turn).map(|sum| sum.to_string()),
        "left" => {
            let (rate, others) = parameters.split_once(':')?;
            let all = u128::from(rate.parse::<u64>().ok()?) * view.now.since_boot.as_millis();
            let all = u64::try_from(all / 1_000).ok()?;
            let left = all.checked_sub(counters(others, view, turn)?)?;
            Some(left.to_string())
        }
        "pick" => {
            let (name, bounds) = parameters.split_once(':')?;
            let (low, high) = bounds.split_once(':')?;
            let key = named(name, view, turn);
            Some(laws::pick(key, low.parse().ok()?, high.parse().ok()?).to_string())
        }
        "serial" => Some(serial(named(parameters, view, turn))),
        "up" | "at" => {
            let (form, name) = parameters.split_once(':').unwrap_or((parameters, ""));
            let up = came_up(name, view, turn);
            if kind == "up" {
                return dates::duration(form, up);
            }
            dates::date(form, view.now.unix.saturating_sub(up))
        }
        _ => None,
    }
}

/// The key of what is called `name` in this turn.
fn named(name: &str, view: View<'_>, turn: Turn<'_>) -> u64 {
    laws::part(laws::part(view.facts.key, scatter(name)), turn.index)
}

/// For how long `name` has been up: the device itself, or something that took its time after the boot.
fn came_up(name: &str, view: View<'_>, turn: Turn<'_>) -> Duration {
    if name.is_empty() {
        return view.now.since_boot;
    }
    let after = laws::pick(named(name, view, turn), 30, 3_000);
    view.now
        .since_boot
        .saturating_sub(Duration::from_secs(after))
}

/// The sum of counters with `+` between them.
fn counters(parameters: &str, view: View<'_>, turn: Turn<'_>) -> Option<u64> {
    let parts = parameters.split('+');
    parts.map(|part| counter(part, view, turn)).sum()
}

/// A counter: `NAME:RATE` or `NAME:TIMES/SECONDS`.
fn counter(parameters: &str, view: View<'_>, turn: Turn<'_>) -> Option<u64> {
    let (name, rate) = parameters.split_once(':')?;
    let (times, seconds) = rate.split_once('/').unwrap_or((rate, "1"));
    let seconds: u64 = seconds.parse().ok().filter(|seconds| *seconds > 0)?;
    let grown = laws::grown(
        named(name, view, turn),
        times.parse().ok()?,
        view.now.since_boot,
    );
    Some(grown / seconds)
}

/// A level, what it leaves of a total, or its share of it. The numbers have as many decimals as they have here.
fn level(kind: &str, parameters: &str, view: View<'_>, turn: Turn<'_>) -> Option<String> {
    let mut parts: Vec<&str> = parameters.split(':').collect();
    let total = if kind == "level" {
        (0, 0)
    } else {
        decimal(parts.remove(0))?
    };
    let (key, low, high) = match parts[..] {
        [low, high] => (view.facts.key, low, high),
        [name, low, high] => (named(name, view, turn), low, high),
        _ => return None,
    };
    let ((low, decimals), (high, _)) = (decimal(low)?, decimal(high)?);
    let height = u64::try_from(high.checked_sub(low)?).ok()?;
    let above = laws::level(key, view.now.since_boot.as_secs(), 0, height);
    let level = low + i64::try_from(above).ok()?;
    Some(match kind {
        "level" => in_decimal(level, decimals),
        "rest" => in_decimal(total.0 - level, decimals),
        _ => (level * 100).checked_div(total.0)?.to_string(),
    })
}

/// A number without its point, and its decimals.
fn decimal(text: &str) -> Option<(i64, usize)> {
    let decimals = text.split_once('.').map_or(0, |(_, behind)| behind.len());
    Some((text.replace('.', "").parse().ok()?, decimals))
}

/// The number of [`decimal`] as text.
fn in_decimal(number: i64, decimals: usize) -> String {
    if decimals == 0 {
        return number.to_string();
    }
    let sign = if number < 0 { "-" } else { "" };
    let digits = format!("{:0width$}", number.unsigned_abs(), width = decimals + 1);
    let (whole, behind) = digits.split_at(digits.len() - decimals);
    format!("{sign}{whole}.{behind}")
}

fn serial(key: u64) -> String {
    format!("SIM{:07X}", key & 0xfff_ffff)
}

/// A number from a name, the same on every machine (FNV-1a).
fn scatter(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SINCE_BOOT: u64 = 8 * 86_400 + 3_725;

    fn filled(template: &str) -> String {
        let view = View {
            facts: Facts::new(1, 0),
            now: Moment {
                unix: Duration::from_millis(1_445_281_058_347),
                since_boot: Duration::from_secs(SINCE_BOOT),
            },
            hostname: "r1",
            user: "netwolf",
            argument: "24",
            context: "",
            marked: true,
            paging: true,
        };
        fill(template, view)
    }

    #[track_caller]
    fn check(template: &str, expected: &str) {
        assert_eq!(filled(template), expected);
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
    fn a_part_may_be_for_each_of_some_names() {
        check(
            "{{each:ge-0 ge-1}}\n{{item}} {{i}}\n{{end}}",
            "ge-0 0\nge-1 1\n",
        );
    }

    #[test]
    fn levels_have_decimals_and_signs() {
        check("{{level:rx:-3.20:-3.20}}", "-3.20");
        check("{{level:rx:-0.05:-0.05}} {{level:t:41:41}}", "-0.05 41");
        check(
            "{{rest:64.0:m:22.5:22.5}}MiB {{percent:64.0:m:22.5:22.5}}%",
            "41.5MiB 35%",
        );
    }

    #[test]
    fn values_stand_in_columns() {
        check("{{arg>5}}|{{arg<5}}|{{arg>05}}|", "   24|24   |00024|");
        check(
            "{{level:1234567:1234567,}} {{level:1000:1000,>8}}",
            "1,234,567    1,000",
        );
        check("{{level:12:12,}} {{level:123456:123456,}}", "12 123,456");
    }

    #[test]
    fn counters_are_summed_and_may_be_slow() {
        check("{{count:x:0+y:0}} {{count:z:1/100000000}}", "0 0");
        check("{{count:z:1/0}}", "{{count:z:1/0}}");
    }

    #[test]
    fn counters_of_one_whole_add_up_to_it() {
        let text = filled("{{count:user:20+system:5}} {{left:100:user:20+system:5}}");
        let parts: Vec<u64> = text.split(' ').map(|part| part.parse().unwrap()).collect();
        assert_eq!(parts.iter().sum::<u64>(), SINCE_BOOT * 100);
        check("{{left:0:user:20}}", "{{left:0:user:20}}");
    }

    #[test]
    fn what_came_up_after_the_boot_is_younger() {
        check("{{up:clock}} {{up:cisco}}", "193:02:05 1w1d");
        check(
            "{{at:slashed}} {{at:unix}}",
            "2015/10/11 17:55:33 1444586133",
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
