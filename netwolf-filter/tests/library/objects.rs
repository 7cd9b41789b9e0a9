//! Nothing that recorded outputs of the corpus name is lost in silence: each object has its series, and each line that
//! shows a value makes one. Where the corpus is absent these tests say so and pass.

use std::{collections::BTreeSet, fs, path::Path};

use netwolf_filter::Filter;
use regex::Regex;

use crate::{
    corpus::{Record, cases, records},
    data::{collector, files, render, series},
};

/// The series that the `nth` command of the collector `stem` makes of `output`.
fn all_series(filter: &Filter, output: &str) -> BTreeSet<String> {
    let samples = filter.apply(output).samples;
    samples.iter().map(|it| series(filter, it)).collect()
}

/// By collector, number of its command and folder of the corpus: the field of the records that names an object, and the
/// label that has the name.
const NAMED: [(&str, usize, &str, &str, &str); 13] = [
    (
        "cisco_ios_interfaces",
        1,
        "cisco_ios_show_interfaces",
        "interface",
        "interface",
    ),
    (
        "cisco_nxos_interfaces",
        1,
        "cisco_nxos_show_interface",
        "interface",
        "interface",
    ),
    (
        "cisco_iosxr_interfaces",
        1,
        "cisco_xr_show_interfaces",
        "interface",
        "interface",
    ),
    (
        "huawei_vrp_interfaces",
        1,
        "huawei_vrp_display_interface",
        "interface",
        "interface",
    ),
    (
        "cisco_nxos_optics",
        1,
        "cisco_nxos_show_interface_transceiver",
        "serial",
        "serial",
    ),
    (
        "cisco_nxos_optics",
        1,
        "cisco_nxos_show_interface_transceiver",
        "part_number",
        "part",
    ),
    (
        "cisco_ios_neighbors",
        2,
        "cisco_ios_show_lldp_neighbors_detail",
        "local_interface",
        "interface",
    ),
    (
        "cisco_iosxr_neighbors",
        2,
        "cisco_xr_show_lldp_neighbors_detail",
        "local_interface",
        "interface",
    ),
    (
        "cisco_nxos_neighbors",
        1,
        "cisco_nxos_show_cdp_neighbors_detail",
        "local_interface",
        "interface",
    ),
    (
        "cisco_nxos_neighbors",
        2,
        "cisco_nxos_show_lldp_neighbors_detail",
        "local_interface",
        "interface",
    ),
    (
        "huawei_vrp_neighbors",
        1,
        "huawei_vrp_display_lldp_neighbor",
        "local_interface",
        "interface",
    ),
    (
        "cisco_nxos_environment",
        1,
        "cisco_nxos_show_environment",
        "fan",
        "fan",
    ),
    (
        "cisco_nxos_inventory",
        1,
        "cisco_nxos_show_inventory",
        "name",
        "item",
    ),
];

#[test]
fn every_object_that_a_recorded_output_names_has_its_series() {
    let Some(cases) = cases() else { return };
    for (stem, nth, folder, field, label) in NAMED {
        let filter = collector(stem).commands[nth - 1].filter();
        each_output(&cases, folder, |case, output, records| {
            let all = all_series(&filter, output);
            for record in records {
                let name = record[field].as_str().unwrap();
                let wanted = format!("{label}={name:?}");
                assert!(
                    name.is_empty() || all.iter().any(|it| it.contains(&wanted)),
                    "{stem}: {case}: no series has {wanted}"
                );
            }
        });
    }
}

/// By collector and folder of the corpus: lines that show a value, and the metric that each of them makes.
const SHOWN: [(&str, &str, &str, &str); 9] = [
    (
        "cisco_nxos_optics",
        "cisco_nxos_show_interface_transceiver",
        r"^\s*Temperature\s+[:\d]",
        "optic_temperature_celsius",
    ),
    (
        "cisco_nxos_optics",
        "cisco_nxos_show_interface_transceiver",
        r"Tx Power\s+.*\d dBm",
        "optic_transmit_power_dbm",
    ),
    (
        "cisco_nxos_optics",
        "cisco_nxos_show_interface_transceiver",
        r"^Rx Power\s+.*\d dBm",
        "optic_receive_power_dbm",
    ),
    (
        "huawei_vrp_interfaces",
        "huawei_vrp_display_interface",
        r"(?i)^\s*(?:Input|\d+ packets input)\b.*\d bytes$",
        "interface_receive_bytes_total",
    ),
    (
        "huawei_vrp_interfaces",
        "huawei_vrp_display_interface",
        r"(?i)^\s*(?:Output|\d+ packets output)\b.*\d bytes$",
        "interface_transmit_bytes_total",
    ),
    (
        "huawei_vrp_interfaces",
        "huawei_vrp_display_interface",
        r"(?i)^\s*(?:Output *:.*\d packets|\d+ packets output|Output packets)",
        "interface_transmit_packets_total",
    ),
    (
        "cisco_nxos_interfaces",
        "cisco_nxos_show_interface",
        r"\d output error",
        "interface_transmit_errors_total",
    ),
    (
        "cisco_iosxr_interfaces",
        "cisco_xr_show_interfaces",
        r"\d packets input",
        "interface_receive_packets_total",
    ),
    (
        "cisco_iosxr_interfaces",
        "cisco_xr_show_interfaces",
        r"\d output errors",
        "interface_transmit_errors_total",
    ),
];

#[test]
fn every_line_of_a_recorded_output_that_shows_a_value_makes_its_series() {
    let Some(cases) = cases() else { return };
    for (stem, folder, shown, metric) in SHOWN {
        let filter = collector(stem).commands[0].filter();
        let shown = Regex::new(shown).unwrap();
        let (mut lines, mut made) = (0, 0);
        each_output(&cases, folder, |_, output, _| {
            let begin = format!("netwolf_{metric}{{");
            let all = filter.apply(output).samples;
            let named = |it: &&netwolf_filter::Sample| series(&filter, it).starts_with(&begin);
            made += all.iter().filter(named).count();
            lines += output.lines().filter(|line| shown.is_match(line)).count();
        });
        assert!(lines > 0, "{stem}: no line is like {shown}");
        assert_eq!(made, lines, "{stem}: {metric} of the lines like {shown}");
    }
}

#[test]
fn traffic_of_nx_os_is_that_of_the_port_and_without_one_what_is_routed() {
    let Some(cases) = cases() else { return };
    let filter = collector("cisco_nxos_interfaces").commands[0].filter();
    let (mut ports, mut routed) = (0, 0);
    each_output(&cases, "cisco_nxos_show_interface", |case, output, _| {
        let mut wanted = BTreeSet::new();
        for block in interfaces_of_nx_os(output) {
            let name = block.split(' ').next().unwrap();
            for (direction, port, line) in [
                ("receive", "input", "L3 in Switched:"),
                ("transmit", "output", "L3 out Switched:"),
            ] {
                let of_port = of_port(block, port);
                ports += usize::from(of_port.is_some());
                let of_line = of_port.is_none().then(|| of_line(block, line)).flatten();
                routed += usize::from(of_line.is_some());
                let Some((packets, bytes)) = of_port.or(of_line) else {
                    continue;
                };
                for (what, number) in [("packets", packets), ("bytes", bytes)] {
                    wanted.insert(format!(
                        "netwolf_interface_{direction}_{what}_total{{interface={name:?}}} {number}"
                    ));
                }
            }
        }
        let extraction = filter.apply(output);
        let page = render(&filter, &extraction);
        let is_traffic = |line: &&str| {
            let name = line.split('{').next().unwrap();
            name.ends_with("_packets_total") || name.ends_with("_bytes_total")
        };
        let made: Vec<_> = page.lines().filter(is_traffic).collect();
        assert_eq!(made.len(), wanted.len(), "{case}: {made:#?} {wanted:#?}");
        let made: BTreeSet<_> = made.into_iter().map(str::to_owned).collect();
        assert_eq!(made, wanted, "{case}");
    });
    assert!(ports > 0 && routed > 0, "{ports} by ports, {routed} routed");
    println!("{ports} directions of ports, {routed} of what has none");
}

/// The parts of `output` that are about one interface each.
fn interfaces_of_nx_os(output: &str) -> Vec<&str> {
    let heading = Regex::new(r"(?m)^[A-Za-z]\S* is (?:administratively )?(?:up|down)").unwrap();
    let mut starts: Vec<_> = heading.find_iter(output).map(|it| it.start()).collect();
    starts.push(output.len());
    let blocks = starts.windows(2).map(|it| output.get(it[0]..it[1]));
    blocks.map(Option::unwrap).collect()
}

/// Packets and bytes that the counters of a port, a loopback or a tunnel tell.
fn of_port(block: &str, direction: &str) -> Option<(u64, u64)> {
    let heads = [
        format!(" {direction} packets "),
        format!(" packets {direction} "),
    ];
    let (before, after) = heads.iter().find_map(|head| block.split_once(head))?;
    let packets = before.rsplit(char::is_whitespace).next()?;
    let (before, _) = after.split_once(" bytes")?;
    let bytes = before.rsplit(' ').next()?;
    Some((packets.parse().unwrap(), bytes.parse().unwrap()))
}

/// Packets and bytes of the unicast behind `line`.
fn of_line(block: &str, line: &str) -> Option<(u64, u64)> {
    let (_, after) = block.split_once(line)?;
    let words: Vec<_> = after.split_whitespace().take(5).collect();
    let ["ucast:", packets, "pkts,", bytes, _] = words[..] else {
        panic!("behind {line:?} stands {words:?}");
    };
    Some((packets.parse().unwrap(), bytes.parse().unwrap()))
}

fn each_output(cases: &Path, folder: &str, mut look: impl FnMut(&str, &str, &[Record])) {
    for (case, path) in files(&cases.join(folder), "raw") {
        let output = fs::read_to_string(&path).unwrap();
        look(&case, &output, &records(&path.with_extension("yml")));
    }
}
