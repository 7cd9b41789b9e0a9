//! The bundled collectors over recorded outputs of real devices, compared with the records that the corpus
//! expects. The corpus (the ntc-templates project's test data) is not part of this repository:
//! `NETWOLF_CORPUS` names the folder that holds `ntc-templates`, and `../shared/corpus` beside the
//! repository is where it is looked for otherwise. Where it is absent these tests say so and pass.

use std::{
    collections::BTreeMap,
    env, fs,
    io::Write,
    path::{Path, PathBuf},
};

use netwolf_filter::{Extraction, ProblemKind};
use saphyr::{LoadableYamlNode, Yaml};
use serde_json::{Map, Value};

use crate::{
    data::{Command, collector, collectors, files, render, series},
    yaml,
};

pub(crate) type Record = Map<String, Value>;
type Samples = BTreeMap<String, f64>;

/// Platforms that the corpus calls by another name.
const PLATFORMS: [(&str, &str); 2] = [("cisco_iosxr", "cisco_xr"), ("nokia_sros", "alcatel_sros")];

/// Commands that the corpus has under another one that answers alike, or in part.
const ALIKE: [(&str, &str); 7] = [
    (
        "cisco_ios_show_bgp_all_summary",
        "cisco_ios_show_ip_bgp_summary",
    ),
    (
        "cisco_ios_show_environment_all",
        "cisco_ios_show_environment_power_all",
    ),
    (
        "cisco_ios_show_environment_all",
        "cisco_ios_show_environment_temperature",
    ),
    (
        "cisco_nxos_show_bgp_vrf_all_all_summary",
        "cisco_nxos_show_ip_bgp_summary_vrf",
    ),
    (
        "cisco_nxos_show_environment",
        "cisco_nxos_show_environment_temperature",
    ),
    (
        "cisco_nxos_show_interface_transceiver_details",
        "cisco_nxos_show_interface_transceiver",
    ),
    (
        "cisco_nxos_show_ip_ospf_neighbors_vrf_all",
        "cisco_nxos_show_ip_ospf_neighbor",
    ),
];

/// Outputs that give no samples, or problems other than an object that they name more than once, and why.
const ODD: [(&str, &str, &str); 3] = [
    ("cisco_ios_bgp", "cisco_ios_show_ip_bgp_summary", NO_FAMILY),
    (
        "cisco_ios_bgp",
        "cisco_ios_show_ip_bgp_summary_with_dot",
        NO_FAMILY,
    ),
    (
        "cisco_ios_bgp",
        "cisco_ios_show_ip_bgp_summary_with_dot_peer_as",
        NO_FAMILY,
    ),
];
const NO_FAMILY: &str = "of a command for one address family, which the output does not name";

/// The folder of the corpus's cases, if it is here.
pub(crate) fn cases() -> Option<PathBuf> {
    let given = env::var_os("NETWOLF_CORPUS").map(PathBuf::from);
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus");
    let cases = given
        .clone()
        .unwrap_or_else(beside)
        .join("ntc-templates/cases");
    if cases.is_dir() {
        return Some(cases);
    }
    assert!(
        given.is_none(),
        "NETWOLF_CORPUS is set, but {} is no folder",
        cases.display()
    );
    // Past the test runner, which hides what a passing test prints.
    let note = "left out: no corpus; NETWOLF_CORPUS names the folder that holds ntc-templates\n";
    std::io::stderr()
        .write_all(note.as_bytes())
        .expect("standard error takes a line");
    None
}

/// Runs the collector `stem` over all outputs of the corpus's `command`, each narrowed to what the device
/// would have sent by `narrow`, and gives the samples and the expected records to `compare`. The only
/// problem that an output may have is an object that it names more than once.
fn check(
    stem: &str,
    command: &str,
    narrow: impl Fn(&str) -> String,
    compare: impl Fn(&str, &Samples, &[Record]),
) {
    let Some(cases) = cases() else { return };
    let filter = collector(stem).commands[0].filter();
    let files = files(&cases.join(command), "raw");
    assert!(!files.is_empty(), "the corpus has outputs of {command}");
    let (mut count, mut repeated) = (0, 0);
    for (case, path) in &files {
        let extraction = filter.apply(&narrow(&fs::read_to_string(path).unwrap()));
        let readable = extraction
            .problems
            .iter()
            .all(|problem| problem.kind == ProblemKind::Duplicate);
        assert!(readable, "{case}:\n{}", render(&filter, &extraction));
        count += extraction.samples.len();
        repeated += extraction.problem_count();
        compare(
            case,
            &samples(&filter, &extraction),
            &records(&path.with_extension("yml")),
        );
    }
    println!(
        "{stem}: {} outputs give all samples, {count}, and repeat {repeated}",
        files.len()
    );
}

/// The corpus's folders of the command's outputs on `platform`. It has none of JSON or XML.
fn folders(platform: &str, command: &Command) -> Vec<String> {
    let renamed = PLATFORMS.iter().find(|(ours, _)| *ours == platform);
    let theirs = renamed.map_or(platform, |(_, theirs)| theirs);
    let text = command.text.split(" | include ").next().unwrap();
    let command = text.replace(' ', "_");
    let alike = ALIKE
        .iter()
        .filter(|(ours, _)| *ours == format!("{platform}_{command}"));
    let alike = alike.map(|(_, theirs)| (*theirs).to_owned());
    [format!("{theirs}_{command}")]
        .into_iter()
        .chain(alike)
        .collect()
}

/// What of `output` the device would have sent where the command ends in `| include`.
fn included(command: &Command, output: String) -> String {
    let Some((_, wanted)) = command.text.split_once(" | include ") else {
        return output;
    };
    let lines = output.lines().filter(|line| line.contains(wanted));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_recorded_output_of_a_bundled_command_gives_samples_and_no_problems() {
    let Some(cases) = cases() else { return };
    let mut odd = Vec::new();
    let mut seen = Vec::new();
    for (stem, collector) in collectors() {
        for command in &collector.commands {
            let filter = command.filter();
            let mut present = folders(&collector.platforms[0], command);
            present.retain(|folder| cases.join(folder).is_dir());
            let outputs = present
                .iter()
                .flat_map(|folder| files(&cases.join(folder), "raw"));
            for (case, path) in outputs {
                let output = included(command, fs::read_to_string(&path).unwrap());
                let extraction = filter.apply(&output);
                println!("{stem}: {case}\n{}\n", render(&filter, &extraction));
                let mut problems = extraction.problems.iter();
                let readable = problems.all(|problem| problem.kind == ProblemKind::Duplicate);
                if extraction.samples.is_empty() || !readable {
                    odd.push((stem.clone(), case));
                }
            }
            seen.extend(present);
        }
    }
    let known: Vec<_> = odd
        .iter()
        .map(|(stem, case)| (stem.as_str(), case.as_str()))
        .collect();
    let expected: Vec<_> = ODD.iter().map(|(stem, case, _)| (*stem, *case)).collect();
    assert_eq!(
        known, expected,
        "these can be read and are not, or the other way round"
    );
    for (_, theirs) in ALIKE {
        assert!(
            seen.iter().any(|folder| folder == theirs),
            "{theirs} is not used"
        );
    }
}

fn samples(filter: &netwolf_filter::Filter, extraction: &Extraction) -> Samples {
    extraction
        .samples
        .iter()
        .map(|sample| (series(filter, sample), sample.value))
        .collect()
}

pub(crate) fn records(path: &Path) -> Vec<Record> {
    let text = fs::read_to_string(path).unwrap();
    let documents = Yaml::load_from_str(&text).unwrap();
    match yaml::json(&documents[0])["parsed_sample"].take() {
        Value::Array(records) => records
            .into_iter()
            .map(|record| record.as_object().unwrap().clone())
            .collect(),
        Value::Object(record) => vec![record],
        other => panic!("expected records, not {other}"),
    }
}

fn text<'r>(record: &'r Record, field: &str) -> &'r str {
    record[field].as_str().unwrap()
}

/// The expected number of a field, `None` where the field is empty.
fn number(record: &Record, field: &str) -> Option<f64> {
    match text(record, field) {
        "" => None,
        digits => Some(digits.parse().unwrap()),
    }
}

#[test]
fn recorded_cpu_loads_are_read() {
    let include_cpu = |output: &str| {
        output
            .lines()
            .filter(|line| line.contains("CPU"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    check(
        "cisco_ios_cpu",
        "cisco_ios_show_processes_cpu",
        include_cpu,
        |case, samples, records| {
            for (series, field) in [
                (
                    "netwolf_cpu_utilization_ratio{cpu=\"0\",window=\"5s\"}",
                    "cpu_usage_5_sec",
                ),
                (
                    "netwolf_cpu_utilization_ratio{cpu=\"0\",window=\"1m\"}",
                    "cpu_usage_1_min",
                ),
                (
                    "netwolf_cpu_utilization_ratio{cpu=\"0\",window=\"5m\"}",
                    "cpu_usage_5_min",
                ),
                (
                    "netwolf_cpu_interrupt_ratio{cpu=\"0\",window=\"5s\"}",
                    "cpu_interruption_5_sec",
                ),
            ] {
                let expected = number(&records[0], field).map(|percent| percent / 100.0);
                assert_eq!(samples.get(series).copied(), expected, "{case}: {series}");
            }
            assert_eq!(samples.len(), 4, "{case}");
        },
    );
}

#[test]
fn recorded_memory_pools_are_read() {
    let include_pool = |output: &str| {
        output
            .lines()
            .filter(|line| line.contains("Pool"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    check(
        "cisco_ios_memory",
        "cisco_ios_show_processes_memory_sorted",
        include_pool,
        |case, samples, records| {
            for what in ["total", "used", "free"] {
                let series = format!("netwolf_memory_{what}_bytes{{pool=\"Processor\"}}");
                assert_eq!(
                    samples.get(&series).copied(),
                    number(&records[0], &format!("memory_{what}")),
                    "{case}: {series}"
                );
            }
            let pools = samples
                .keys()
                .filter(|series| series.contains("_total_"))
                .count();
            assert_eq!(samples.len(), 3 * pools, "{case}: every pool has all three");
        },
    );
}

#[test]
fn recorded_versions_are_read() {
    check(
        "cisco_ios_facts",
        "cisco_ios_show_version",
        str::to_owned,
        |case, samples, records| {
            let record = &records[0];
            let first = |field: &str| record[field][0].as_str().unwrap();
            let info = format!(
                "netwolf_device_info{{hostname={:?},image={:?},model={:?},serial={:?},version={:?}}}",
                text(record, "hostname"),
                text(record, "software_image"),
                first("hardware"),
                first("serial"),
                text(record, "version"),
            );
            assert_eq!(
                samples.get(&info),
                Some(&1.0),
                "{case}: {info} is not in {samples:?}"
            );
            let unit =
                |field: &str, seconds: f64| number(record, field).unwrap_or_default() * seconds;
            let uptime = unit("uptime_years", 365.0 * 86_400.0)
                + unit("uptime_weeks", 7.0 * 86_400.0)
                + unit("uptime_days", 86_400.0)
                + unit("uptime_hours", 3_600.0)
                + unit("uptime_minutes", 60.0);
            assert_eq!(
                samples.get("netwolf_device_uptime_seconds"),
                Some(&uptime),
                "{case}"
            );
            assert_eq!(samples.len(), 2, "{case}");
        },
    );
}

#[test]
fn recorded_loads_of_eos_are_read() {
    let (stem, command) = ("arista_eos_cpu", "arista_eos_show_processes_top_once");
    check(stem, command, str::to_owned, |case, samples, records| {
        for (window, field) in [
            ("1m", "global_load_average_1_minutes"),
            ("5m", "global_load_average_5_minutes"),
            ("15m", "global_load_average_15_minutes"),
        ] {
            let series = format!("netwolf_load_average{{window={window:?}}}");
            let expected = number(&records[0], field);
            assert_eq!(samples.get(&series).copied(), expected, "{case}: {series}");
        }
        // Old releases tell the share since the start, to which procps gives per cent signs.
        let busy = samples.get("netwolf_cpu_utilization_ratio{cpu=\"all\",window=\"150ms\"}");
        let is_old = ["3", "_trailing_whitespace"]
            .iter()
            .any(|end| case.ends_with(end));
        let idle = number(&records[0], "global_cpu_percent_idle").filter(|_| !is_old);
        let expected = idle.map(|idle| idle * -0.01 + 1.0);
        assert_eq!(busy.copied(), expected, "{case}");
        assert_eq!(samples.len(), 3 + usize::from(!is_old), "{case}");
    });
}

#[test]
fn recorded_versions_of_junos_are_read() {
    let (stem, command) = ("juniper_junos_facts", "juniper_junos_show_version");
    check(stem, command, str::to_owned, |case, samples, records| {
        let info = format!(
            "netwolf_device_info{{hostname={:?},model={:?},version={:?}}}",
            text(&records[0], "hostname"),
            text(&records[0], "model"),
            text(&records[0], "junos_version"),
        );
        assert_eq!(samples.get(&info), Some(&1.0), "{case}: {samples:?}");
        assert_eq!(samples.len(), 1, "{case}");
    });
}

#[test]
fn recorded_interfaces_are_read() {
    let (stem, command) = ("cisco_ios_interfaces", "cisco_ios_show_interfaces");
    check(stem, command, str::to_owned, |case, samples, records| {
        // One output has an interface twice, and then the first one stays.
        let expected: Samples = records.iter().rev().flat_map(interface).collect();
        for (series, value) in &expected {
            assert_eq!(samples.get(series), Some(value), "{case}: {series}");
        }
        // The records have no bytes; they stand in the lines of the packets.
        for series in samples.keys().filter(|series| series.contains("_packets_")) {
            assert!(
                samples.contains_key(&series.replace("_packets_", "_bytes_")),
                "{case}: {series}"
            );
        }
        // Where the corpus's own template misses a line, our pattern may have it.
        let more = samples
            .keys()
            .filter(|series| !expected.contains_key(*series));
        let more: Vec<_> = more.filter(|series| !series.contains("_bytes_")).collect();
        println!(
            "{case}: {} more than the records have: {more:?}",
            more.len()
        );
    });
}

/// What an expected record says of its interface, as our series.
fn interface(record: &Record) -> Vec<(String, f64)> {
    let name = text(record, "interface");
    let truth = |is: bool| Some(f64::from(u8::from(is)));
    let is_up = text(record, "protocol_status").starts_with("up");
    let is_admin_up = text(record, "link_status") != "administratively down";
    let kilobits = text(record, "bandwidth").split(' ').next().unwrap();
    let values = [
        ("up", truth(is_up)),
        ("admin_up", truth(is_admin_up)),
        (
            "speed_bytes_per_second",
            kilobits.parse().ok().map(|number: f64| number * 125.0),
        ),
        ("receive_packets_total", number(record, "input_packets")),
        ("receive_errors_total", number(record, "input_errors")),
        ("receive_discards_total", number(record, "queue_drops")),
        ("transmit_packets_total", number(record, "output_packets")),
        ("transmit_errors_total", number(record, "output_errors")),
        (
            "transmit_discards_total",
            number(record, "queue_output_drops"),
        ),
    ];
    let series = values.into_iter().filter_map(|(metric, value)| {
        Some((
            format!("netwolf_interface_{metric}{{interface={name:?}}}"),
            value?,
        ))
    });

    let words = text(record, "mac_address").split('.');
    let mac: Option<Vec<_>> = words
        .flat_map(|word| [word.get(..2), word.get(2..)])
        .collect();
    let labels = [
        ("description", text(record, "description").to_owned()),
        ("interface", name.to_owned()),
        ("mac", mac.unwrap_or_default().join(":")),
    ];
    let labels = labels.iter().filter(|(_, value)| !value.is_empty());
    let labels: Vec<_> = labels
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    let info = format!("netwolf_interface_info{{{}}}", labels.join(","));
    series.chain([(info, 1.0)]).collect()
}
