//! Bounds of what waits.

use netwolf_runs::{
    machine::{Change, Outcome},
    model::Output,
};
use netwolf_wire::{
    Span,
    step::{Attempt, CommandDone},
};

use super::{
    keys::{KEYS, Keys},
    saving::{Group, OUTPUT_BUDGET},
    *,
};

fn output(bytes: usize) -> Change {
    Change::Output(Box::new(Output {
        id: Attempt {
            run: RunId(1),
            step: 0,
            attempt: 1,
        },
        verify: false,
        command: "show tech-support".into(),
        time_ms: 1,
        done: CommandDone {
            index: 0,
            took: Span::from_secs(1),
            text: "x".repeat(bytes),
            truncated: false,
            sha256: String::new(),
            answered: Vec::new(),
            failure: None,
        },
    }))
}

#[test]
fn outputs_that_wait_for_the_disk_are_bounded_and_marked_where_they_are_cut() {
    let mut group = Group::default();
    let mebi = 1 << 20;
    let n_outputs = OUTPUT_BUDGET / mebi + 3;
    for _ in 0..n_outputs {
        group.add(Outcome {
            changes: vec![output(mebi)],
            effects: Vec::new(),
        });
    }
    let outputs: Vec<_> = group
        .changes
        .iter()
        .filter_map(|change| match change {
            Change::Output(output) => Some(output),
            _ => None,
        })
        .collect();
    assert_eq!(outputs.len(), n_outputs, "each of them is told");
    let text: usize = outputs.iter().map(|output| output.done.text.len()).sum();
    assert_eq!(text, OUTPUT_BUDGET);
    let cut = outputs.iter().filter(|output| output.done.truncated);
    assert_eq!(cut.count(), 3);
}

#[test]
fn keys_are_bounded_and_the_oldest_goes_first() {
    let mut keys = Keys::default();
    for no in 0..=KEYS as u64 {
        keys.insert(no.to_string(), RunId(no), None);
    }
    assert!(keys.get("0").is_none() && keys.get("1").is_some());
    keys.remove("1");
    assert!(keys.get("1").is_none());
    assert_eq!(keys.by_key.len(), keys.order.len());
}
