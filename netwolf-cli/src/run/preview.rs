//! What a run would do, as people read it before they agree. Pure.

use std::{collections::BTreeSet, fmt::Write as _};

use serde_json::Value;

use crate::{
    print::{self, put},
    table, terms, typed,
};

/// Devices with what would be typed, in the order of the rollout. Devices that get the same are told together.
pub(super) fn view(planned: &Value) -> String {
    let steps = steps(planned);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rows: Vec<_> = steps
        .iter()
        .map(|step| {
            let batch = step["batch"].as_u64();
            [
                text(&step["device"]),
                text(&step["platform"]),
                batch.map(|batch| batch.to_string()).unwrap_or_default(),
                text(&step["mode"]),
                text(&step["credential"]),
            ]
        })
        .collect();
    let mut page = table::render(["DEVICE", "PLATFORM", "BATCH", "MODE", "CREDENTIAL"], &rows);
    for (typed, devices) in groups(steps) {
        let who = match devices.as_slice() {
            [one] => (*one).to_owned(),
            many if many.len() == steps.len() => "all devices".to_owned(),
            many => print::count(many.len(), "device") + ": " + &many.join(", "),
        };
        write!(page, "\nOn {}:\n{typed}", print::plain(&who)).expect("a string takes all");
    }
    let n_steps = u32::try_from(steps.len()).unwrap_or(u32::MAX);
    let terms = terms::lines(planned, Some(n_steps));
    if !terms.is_empty() {
        put(&mut page, format_args!("\n{terms}"));
    }
    let kind = if planned["changes"] == true {
        "would be changed"
    } else {
        "would be read"
    };
    let n_devices = print::count(steps.len(), "device");
    writeln!(page, "\n{n_devices} {kind}; nothing was done").expect("a string takes all");
    page
}

/// What is asked before devices are changed.
pub(super) fn question(planned: &Value) -> String {
    let steps = steps(planned);
    let credentials: BTreeSet<_> = steps
        .iter()
        .filter_map(|step| step["credential"].as_str())
        .map(|name| format!("\"{name}\""))
        .collect();
    let with = match credentials.len() {
        0 => String::new(),
        _ => format!(
            " with the credential {}",
            credentials.into_iter().collect::<Vec<_>>().join(", ")
        ),
    };
    let first = steps.first().and_then(|step| step["device"].as_str());
    let first = first.map(|first| format!(", {first} first"));
    let batches = planned["batches"].as_u64().filter(|batches| *batches > 1);
    let batches = batches.map(|batches| format!(" in {batches} batches"));
    format!(
        "This changes {}{}{with}{}.",
        print::count(steps.len(), "device"),
        batches.unwrap_or_default(),
        first.unwrap_or_default()
    )
}

fn steps(planned: &Value) -> &[Value] {
    planned["steps"].as_array().map_or(&[][..], Vec::as_slice)
}

/// Each text that is typed with its devices, in the order of the first of them.
fn groups(steps: &[Value]) -> Vec<(String, Vec<&str>)> {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for step in steps {
        let typed = typed::lines(step);
        let device = step["device"].as_str().unwrap_or_default();
        match groups.iter_mut().find(|(text, _)| *text == typed) {
            Some((_, devices)) => devices.push(device),
            None => groups.push((typed, vec![device])),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned() -> Value {
        let step = |device: &str, platform: &str, commands: &[&str]| {
            serde_json::json!({
                "device": device, "platform": platform, "batch": 0, "mode": "config", "commands": commands,
                "verify": "show ntp", "credential": "changer", "deadline": "1m30s",
            })
        };
        serde_json::json!({ "changes": true, "batches": 3, "guards": [], "window": null,
        "rollout": { "canary": 1, "batch": "10%", "stop_after": 1, "in_flight": 500 }, "run_deadline": "1h", "steps": [
            step("sw-1", "cisco_ios", &["ntp server 192.0.2.1"]),
            step("r-1", "juniper_junos", &["set system ntp server 192.0.2.1", "commit"]),
            step("sw-2", "cisco_ios", &["ntp server 192.0.2.1"]),
        ]})
    }

    #[test]
    fn a_preview_tells_who_and_exactly_what() {
        assert_eq!(
            view(&planned()),
            "\
DEVICE  PLATFORM       BATCH  MODE    CREDENTIAL
sw-1    cisco_ios      0      config  changer
r-1     juniper_junos  0      config  changer
sw-2    cisco_ios      0      config  changer

On 2 devices: sw-1, sw-2:
  (in mode config)
  ntp server 192.0.2.1
  (then verified by: show ntp)

On r-1:
  (in mode config)
  set system ntp server 192.0.2.1
  commit
  (then verified by: show ntp)

rollout        1 device first, then 10% (1 device) at a time: 3 batches
under way      500 at most
stops          when one of the first has failed, or 1 device has failed
step deadline  1m30s
run deadline   1h

3 devices would be changed; nothing was done
"
        );
    }

    #[test]
    fn devices_that_are_answered_otherwise_are_told_apart() {
        let mut planned = planned();
        let answering = |answer: &str| {
            serde_json::json!([
                { "command": "ntp server 192.0.2.1", "answers": [{ "ask": "sure", "answer": answer }] },
            ])
        };
        planned["steps"][0]["commands"] = answering("y");
        planned["steps"][2]["commands"] = answering("n");
        let page = view(&planned);
        assert!(
            page.contains(
                "\nOn sw-1:\n  (in mode config)\n  ntp server 192.0.2.1\n      answers: sure -> y\n"
            ),
            "{page}"
        );
        assert!(page.contains("      answers: sure -> n\n"), "{page}");
    }

    #[test]
    fn the_question_names_number_credential_and_first() {
        assert_eq!(
            question(&planned()),
            "This changes 3 devices in 3 batches with the credential \"changer\", sw-1 first."
        );
    }
}
