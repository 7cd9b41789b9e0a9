//! `netwolf bench`: every verb measures, in small, and says what it has measured.

use std::process::Command;

use serde_json::Value;

/// Runs a verb and gives its figures.
fn bench(arguments: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_netwolf"))
        .arg("bench")
        .args(arguments)
        .args(["--output", "json", "--quiet"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[track_caller]
fn positive(figures: &Value, names: &[&str]) {
    for name in names {
        let figure = figures[name].as_f64();
        assert!(
            figure.is_some_and(|figure| figure > 0.0),
            "{name} of {figures}"
        );
    }
}

#[test]
fn sessions_are_measured_by_what_the_devices_saw() {
    let figures = bench(&[
        "sessions",
        "--sessions",
        "20",
        "--seconds",
        "3",
        "--settle",
        "1",
    ]);
    positive(
        &figures,
        &["rss_bytes_per_session", "p50_ms", "p99_ms", "gap_p99_ms"],
    );
    let rate = figures["polls_per_second"].as_f64().unwrap();
    assert!(
        (15.0..25.0).contains(&rate),
        "20 devices once a second: {figures}"
    );
    assert_eq!(figures["sessions"], 20);
}

#[test]
fn a_ladder_leaves_its_figures_and_its_curve() {
    let folder = tempfile::tempdir().unwrap();
    let (csv, svg) = (
        folder.path().join("ladder.csv"),
        folder.path().join("ladder.svg"),
    );
    let steps = bench(&[
        "sessions",
        "--ladder",
        "--sessions",
        "5",
        "--up-to",
        "10",
        "--seconds",
        "2",
        "--settle",
        "1",
        "--csv",
        csv.to_str().unwrap(),
        "--svg",
        svg.to_str().unwrap(),
    ]);
    let sessions: Vec<_> = steps
        .as_array()
        .unwrap()
        .iter()
        .map(|step| &step["sessions"])
        .collect();
    // On a busy machine the first step may have missed polls, and then it is the last one.
    let first = &steps[0];
    let all_in_time = first["missed"] == 0 && first["late"] == 0;
    let expected: &[u64] = if all_in_time { &[5, 10] } else { &[5] };
    assert_eq!(sessions, expected, "{steps}");
    let rows = std::fs::read_to_string(csv).unwrap();
    assert!(
        rows.starts_with("sessions,polls_per_second,")
            && rows.lines().count() == 1 + expected.len(),
        "{rows}"
    );
    assert!(std::fs::read_to_string(svg).unwrap().contains("<polyline"));
}

#[test]
fn storms_and_trouble_and_freshness_are_measured() {
    let storm = bench(&["storm", "--sessions", "20", "--group14", "5"]);
    assert_eq!(storm["group14_logins"], 5);
    positive(
        &storm,
        &["calm_gap_p99_ms", "storm_gap_max_ms", "storm_seconds"],
    );

    let trouble = bench(&["trouble", "--sessions", "20", "--seconds", "3"]);
    assert_eq!(
        (&trouble["dead"], &trouble["flooding"]),
        (&1.into(), &1.into())
    );
    positive(&trouble, &["calm_gap_p99_ms", "trouble_gap_p99_ms"]);

    let fresh = bench(&["freshness", "--sessions", "20", "--seconds", "3"]);
    positive(&fresh, &["answers_seen", "pages", "p50_ms", "p99_ms"]);
}

#[test]
fn the_manager_is_measured_over_a_real_link() {
    let ingest = bench(&["ingest", "--series", "1000", "--seconds", "1"]);
    positive(
        &ingest,
        &[
            "samples_per_second",
            "bytes_per_sample",
            "bytes_per_sample_plain",
        ],
    );
    let sent = bench(&["remote-write", "--series", "1000", "--seconds", "2"]);
    positive(&sent, &["bytes_per_sample_sent", "samples_per_request"]);
    let page = bench(&["exposition", "--series", "1000", "--scrapers", "3"]);
    positive(
        &page,
        &[
            "text_page_mib",
            "text_gzip_page_mib",
            "openmetrics_3_wall_ms",
        ],
    );
}

#[test]
fn runs_are_measured_from_their_submission_to_the_journal() {
    let runs = bench(&["runs", "--devices", "10", "--steps", "30"]);
    assert_eq!((&runs["steps"], &runs["runs"]), (&30.into(), &3.into()));
    // Each was typed once, as the devices saw it.
    assert_eq!(runs["commands_per_step"], 1.0);
    positive(
        &runs,
        &[
            "steps_per_second",
            "submit_ms",
            "journal_bytes_per_step",
            "commits_per_step",
            "commit_p50_ms",
            "audit_records_per_step",
        ],
    );
}

#[test]
fn placement_and_the_floor_are_measured() {
    let placement = bench(&[
        "placement",
        "--devices",
        "2000",
        "--shards",
        "10",
        "--runs",
        "1",
    ]);
    positive(&placement, &["solve_ms", "join_ms", "join_moved_ratio"]);
    let floor = bench(&["floor", "--sessions", "50", "--seconds", "1"]);
    positive(&floor, &["polls_per_second", "p99_ms"]);
}

#[test]
fn bad_usage_is_told_before_anything_starts() {
    for (arguments, word) in [
        (&["sessions", "--sessions", "0"][..], "0 is not in"),
        (&["sessions", "--interval", "1"], "unit"),
        (&["sessions", "--csv", "x.csv"], "--ladder"),
        (&["trouble", "--dead", "5"], "between 0 and 1"),
        (&["nothing"], "unrecognized"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_netwolf"))
            .arg("bench")
            .args(arguments)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert!(said.contains(word), "{arguments:?}: {said}");
    }
}
