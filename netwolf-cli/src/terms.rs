//! How a run goes about its steps, in lines for people: batches, when it stops, guards, window, deadlines. Pure.
//!
//! A preview and a procedure tell the same keys, so they are shown in the same words. What a later manager says in a way
//! that is not known here is shown as it came.

use std::fmt;

use netwolf_runs::{model::Guard, rollout::Amount, window::Window};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{print, table};

/// Lines for what `told` says of a run's terms; of `n_steps` steps where it is known how many there are.
pub(crate) fn lines(told: &Value, n_steps: Option<u32>) -> String {
    let rollout = &told["rollout"];
    if rollout.is_null() {
        return String::new();
    }
    let guards = told["guards"].as_array().into_iter().flatten();
    let guards: Vec<_> = guards.map(read::<Guard>).collect();
    let window = &told["window"];
    table::pairs(&[
        (
            "rollout",
            Some(batches(rollout, told["batches"].as_u64(), n_steps)),
        ),
        ("under way", under_way(rollout)),
        ("stops", Some(stops(rollout, !guards.is_empty(), n_steps))),
        ("guards", Some(guards.join("\n"))),
        (
            "window",
            (!window.is_null()).then(|| format!("{}, or later steps wait", read::<Window>(window))),
        ),
        ("step deadline", step_deadline(told)),
        (
            "run deadline",
            told["run_deadline"].as_str().map(str::to_owned),
        ),
    ])
}

/// Something in the words in which it is typed, or as it came.
fn read<T: DeserializeOwned + fmt::Display>(told: &Value) -> String {
    T::deserialize(told).map_or_else(|_| told.to_string(), |read| read.to_string())
}

/// A number of devices; of a part of them, how many those are.
fn amount(told: &Value, n_steps: Option<u32>) -> String {
    let devices = |n: u32| print::count(n as usize, "device");
    match (serde_json::from_value(told.clone()), n_steps) {
        (Ok(Amount::Count(count)), _) => devices(count),
        (Ok(part @ Amount::Part(_)), Some(n_steps)) => {
            format!("{part} ({})", devices(part.of(n_steps).max(1)))
        }
        (Ok(part), None) => format!("{part} of the devices"),
        (Err(_), _) => told.to_string(),
    }
}

/// How they are taken, one batch after the other.
fn batches(rollout: &Value, batches: Option<u64>, n_steps: Option<u32>) -> String {
    let batch = &rollout["batch"];
    let rest = (!batch.is_null()).then(|| format!("{} at a time", amount(batch, n_steps)));
    let canary = rollout["canary"].as_u64().unwrap_or_default();
    let canary = usize::try_from(canary).unwrap_or(usize::MAX);
    let text = match (canary, rest) {
        (0, None) => return "all devices in one batch".to_owned(),
        (0, Some(rest)) => rest,
        (canary, rest) => format!(
            "{} first, then {}",
            print::count(canary, "device"),
            rest.unwrap_or_else(|| "all others".to_owned())
        ),
    };
    match batches {
        Some(1) => text + ": one batch",
        Some(batches) => format!("{text}: {batches} batches"),
        None => text,
    }
}

fn under_way(rollout: &Value) -> Option<String> {
    let most = rollout["in_flight"].as_u64();
    let of_site = rollout["per_site"].as_u64();
    let most = most.map(|n| format!("{n} at most"));
    let of_site = of_site.map(|n| format!("{n} of a site"));
    let parts: Vec<_> = most.into_iter().chain(of_site).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// What ends it before its end.
fn stops(rollout: &Value, is_guarded: bool, n_steps: Option<u32>) -> String {
    let mut rules = Vec::new();
    if rollout["canary"].as_u64().is_some_and(|canary| canary > 0) {
        rules.push("one of the first has failed".to_owned());
    }
    let stop_after = &rollout["stop_after"];
    if !stop_after.is_null() {
        let has = match stop_after.as_u64() {
            Some(1) => "has",
            _ => "have",
        };
        rules.push(format!("{} {has} failed", amount(stop_after, n_steps)));
    }
    if is_guarded {
        rules.push("a guard is broken".to_owned());
    }
    if rules.is_empty() {
        return "not by itself, however many fail".to_owned();
    }
    format!("when {}", rules.join(", or "))
}

/// How long a step may take: on each device of a preview, or as a procedure says.
fn step_deadline(told: &Value) -> Option<String> {
    let Some(steps) = told["steps"].as_array() else {
        let written = told["definition"]["step_deadline"].as_str();
        let words = "the timeouts of its commands, and 30s";
        return Some(written.unwrap_or(words).to_owned());
    };
    let mut deadlines: Vec<&str> = Vec::new();
    for deadline in steps.iter().filter_map(|step| step["deadline"].as_str()) {
        if !deadlines.contains(&deadline) {
            deadlines.push(deadline);
        }
    }
    match deadlines.as_slice() {
        [] => None,
        [one] => Some((*one).to_owned()),
        some => Some(format!("{}, by platform", some.join(" or "))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn all_that_bounds_a_run_is_told() {
        let told = json!({
            "rollout": { "canary": 1, "batch": "10%", "stop_after": "5%", "per_site": 2, "in_flight": 50 },
            "batches": 11,
            "guards": [
                { "metric": "netwolf_cpu_utilization_ratio", "labels": { "window": "5s" }, "above": 0.9, "for": "30s" },
                { "metric": "m", "below": 1.0, "for": "5s", "kind": "of a later manager" },
            ],
            "window": { "days": ["mon", "tue"], "from": "22:00", "to": "04:00", "utc_offset": "+01:00" },
            "run_deadline": "2h",
            "steps": [{ "deadline": "1m" }, { "deadline": "1m" }, { "deadline": "90s" }],
        });
        assert_eq!(
            lines(&told, Some(36)),
            r#"rollout        1 device first, then 10% (4 devices) at a time: 11 batches
under way      50 at most, 2 of a site
stops          when one of the first has failed, or 5% (2 devices) have failed, or a guard is broken
guards         netwolf_cpu_utilization_ratio{window="5s"} above 0.9 for 30s
               {"below":1.0,"for":"5s","kind":"of a later manager","metric":"m"}
window         mon,tue 22:00-04:00 +01:00, or later steps wait
step deadline  1m or 90s, by platform
run deadline   2h
"#
        );
    }

    #[test]
    fn what_nobody_bounds_is_told_as_that() {
        let told = json!({ "rollout": { "in_flight": 500 }, "guards": [], "window": null, "run_deadline": "1h" });
        assert_eq!(
            lines(&told, None),
            "\
rollout        all devices in one batch
under way      500 at most
stops          not by itself, however many fail
step deadline  the timeouts of its commands, and 30s
run deadline   1h
"
        );
        assert_eq!(lines(&json!({}), None), "", "a manager of before");
    }

    #[test]
    fn amounts_are_counted_where_it_is_known_of_what() {
        for (told, n_steps, expected) in [
            (json!(1), Some(9), "1 device"),
            (json!(3), None, "3 devices"),
            (json!("5%"), Some(9), "5% (1 device)"),
            (json!("5%"), None, "5% of the devices"),
            (json!("a few"), None, "\"a few\""),
        ] {
            assert_eq!(amount(&told, n_steps), expected);
        }
    }
}
