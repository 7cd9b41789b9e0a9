//! The bundled library is sound, and users' files take the place of its parts.

use std::{fs, path::PathBuf};

use netwolf_filter::{Extraction, Filter};

use super::*;

mod steps;
mod typed;

#[test]
fn every_bundled_file_loads() {
    let library = Library::bundled().unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(library.platforms().count(), bundled::PLATFORMS.len());
    let n_collectors: usize = library
        .platforms()
        .map(|platform| library.collectors_of(platform).count())
        .sum();
    assert!(n_collectors >= bundled::COLLECTORS.len(), "{n_collectors}");
}

#[test]
fn no_bundled_platform_turns_on_what_is_legacy() {
    let library = Library::bundled().unwrap();
    for name in library.platforms() {
        let platform = library.platform(name).unwrap();
        assert_eq!(platform.legacy, [], "{name}");
    }
}

#[test]
fn the_platforms_of_the_start_have_the_default_collectors() {
    let library = Library::bundled().unwrap();
    // The other platforms are there for collectors of one's own.
    for platform in ["cisco_ios", "cisco_iosxe", "linux"] {
        let collectors: Vec<&str> = library.collectors_of(platform).collect();
        for name in ["cpu", "facts", "interfaces", "memory"] {
            assert!(collectors.contains(&name), "{platform} has no {name}");
        }
    }
}

#[test]
fn bundled_files_are_called_what_they_hold() {
    let library = Library::bundled().unwrap();
    for (file, _) in bundled::PLATFORMS {
        let name = file.trim_end_matches(".yml");
        assert!(library.platform(name).is_some(), "{file}");
    }
}

/// A library with these files in the user's directories.
fn with_user_files(files: &[(&str, &str)]) -> (Library, Vec<String>) {
    let root = tempfile::tempdir().unwrap();
    for folder in ["platforms", "collectors", "procedures"] {
        fs::create_dir(root.path().join(folder)).unwrap();
    }
    for (name, text) in files {
        fs::write(root.path().join(name), text).unwrap();
    }
    let at = Place { line: 1, column: 1 };
    let directory = |name: &str| {
        Some(Spanned::<PathBuf> {
            at,
            value: root.path().join(name),
        })
    };
    let directories = UserDirectories {
        platforms: directory("platforms"),
        collectors: directory("collectors"),
        procedures: directory("procedures"),
    };
    let mut faults = Vec::new();
    let file = Path::new("netwolf.yml").into();
    let library = Library::load(&file, &directories, &mut Sources::default(), &mut faults);
    let prefix = format!("{}/", root.path().display());
    (
        library,
        faults
            .iter()
            .map(|fault| fault.to_string().replace(&prefix, ""))
            .collect(),
    )
}

const CPU: &str = "
name: cpu
platforms: [linux]
description: My own
commands:
  - command: uptime
    rules:
      - name: load
        regex: { patterns: ['load average: (?P<one>[0-9.]+)'] }
        metrics: [{ name: netwolf_load_average, kind: gauge, help: Load., value: one }]
";

#[test]
fn a_users_file_takes_the_place_of_the_bundled_one_where_it_says_so() {
    let platform = "{ name: linux, transport: exec, description: My own }";
    let (library, faults) =
        with_user_files(&[("platforms/x.yml", platform), ("collectors/cpu.yaml", CPU)]);
    assert_eq!(faults, [""; 0]);
    assert_eq!(library.platform("linux").unwrap().description, "My own");
    assert_eq!(
        library.collector("linux", "cpu").unwrap().commands[0].text,
        "uptime"
    );
    let bundled = library.collector("cisco_ios", "cpu").unwrap();
    assert_ne!(bundled.description, "My own");
    assert_eq!(bundled.origin.to_string(), "bundled, cisco_ios_cpu.yml");
    let own = library.collector("linux", "cpu").unwrap();
    assert!(own.origin.to_string().ends_with("collectors/cpu.yaml"));
}

#[test]
fn a_metric_has_one_kind_whatever_collector_makes_it() {
    let own = |name: &str, metrics: &str| {
        format!(
            "name: {name}
platforms: [linux, cisco_ios]
description: My own
commands:
  - command: show one
    rules:
      - name: one
        regex: {{ patterns: ['(?P<v>1)'] }}
        metrics: [{{ name: acme_one, kind: gauge, help: One., value: v }}]
  - command: show two
    rules:
      - name: two
        regex: {{ patterns: ['(?P<v>2)'] }}
        metrics: [{metrics}]
"
        )
    };
    let check = |one: &str, two: &str, expected: &[&str]| {
        let (one, two) = (own("one", one), own("two", two));
        let (_, faults) =
            with_user_files(&[("collectors/one.yml", &one), ("collectors/two.yml", &two)]);
        assert_eq!(faults, expected);
    };
    let same = "{ name: acme_x_total, kind: counter, help: X., value: v }";
    check(same, same, &[]);
    let hint = "\n  hint: a metric has one kind on all devices: give both the same, or one of them another name";
    // Of another command, and of another file.
    let state = "{ name: acme_one, kind: stateset, help: One., value: v, states: [up] }";
    check(
        state,
        same,
        &[&format!(
            "collectors/one.yml:14:19: metric \"acme_one\" is a stateset here and a gauge at collectors/one.yml:9:19{hint}"
        )],
    );
    let info = "{ name: acme_x_info, kind: info, help: X. }";
    check(
        same,
        info,
        &[&format!(
            "collectors/two.yml:14:19: metric \"acme_x_info\" cannot be on the page beside \"acme_x_total\", a counter at collectors/one.yml:14:19{hint}"
        )],
    );
}

#[test]
fn a_metric_of_ones_own_has_the_kind_of_the_bundled_one() {
    let collector = CPU
        .replace("name: cpu", "name: load")
        .replace("kind: gauge", "kind: stateset, states: [up]");
    let (_, faults) = with_user_files(&[("collectors/load.yml", &collector)]);
    assert_eq!(faults.len(), 1, "{faults:?}");
    let (file, bundled) = faults[0]
        .split_once(" is a stateset here and a gauge at ")
        .unwrap();
    assert_eq!(
        file,
        "collectors/load.yml:10:19: metric \"netwolf_load_average\""
    );
    assert!(bundled.starts_with("bundled/collectors/"), "{bundled}");

    // One that takes the place of the only bundled one with that name is not compared with it.
    let collector = CPU
        .replace("netwolf_load_average", "netwolf_cpu_seconds_total")
        .replace("kind: gauge", "kind: stateset, states: [up]");
    let collector = collector.replace("_total", "");
    let (_, faults) = with_user_files(&[("collectors/cpu.yml", &collector)]);
    assert_eq!(faults, [""; 0]);
}

#[test]
fn no_collector_is_called_as_the_managers_own_metrics_are() {
    let collector = CPU.replace("name: cpu", "name: netwolf");
    let (_, faults) = with_user_files(&[("collectors/x.yml", &collector)]);
    assert_eq!(
        faults,
        [
            "collectors/x.yml:2:7: the name \"netwolf\" stands for the manager's own metrics\n  hint: give the collector another name"
        ]
    );
}

/// Every key that a rule and its metrics may have besides the usual ones.
const PORTS: &str = r"
name: ports
platforms: [linux]
description: Ports
commands:
  - command: show ports
    rules:
      - name: ports
        when: { port: ['mgmt', '/^Eth[0-9]/'] }
        unless: { state: [absent] }
        max_series: 6
        regex:
          match: every
          patterns: ['(?m)^(?P<port>\w+) \| (?P<state>\w+) \| (?P<speed>[^|]+) \| (?P<power>[^|]+) \| (?P<since>.+)$']
        metrics:
          - name: netwolf_port_state
            kind: stateset
            help: State of the port.
            labels: { port: '${port}' }
            value: state
            states: [up, down]
            aliases: { 1: up }
          - name: netwolf_port_speed_bytes_per_second
            kind: gauge
            help: Speed of the port.
            labels: { port: '${port}' }
            value: speed
            parse: bit_rate
            absent: [auto, '--']
          - name: netwolf_port_power_dbm
            kind: gauge
            help: Light that the port receives.
            labels: { port: '${port}' }
            value: power
            units: [dBm]
            absent: ['--']
            when: { state: ['/^(?i:up|1)$/'] }
          - name: netwolf_port_changed_timestamp_seconds
            kind: gauge
            help: When the port changed its state.
            labels: { port: '${port}' }
            value: since
            parse: timestamp
            times: { formats: ['%d.%m.%Y %H:%M %Z'], zone: '+01:00', zones: { CET: '+01:00' } }
";

#[test]
fn every_key_of_rules_is_read() {
    let (library, faults) = with_user_files(&[("collectors/ports.yml", PORTS)]);
    assert_eq!(faults, [""; 0]);
    let command = &library.collector("linux", "ports").unwrap().commands[0];
    let filter = Filter::compile(&command.rules).unwrap();
    let extraction = filter.apply(
        "Eth1 | 1 | 10 Gb/s | -3.2 dBm | 07.03.2026 10:05 CET\n\
         Eth2 | absent | 10 Gb/s | -- | never\n\
         Null0 | up | auto | -- | never\n\
         mgmt | DOWN | auto | -- | 07.03.2026 10:05 CET\n",
    );
    let values: Vec<_> = extraction.samples.iter().map(|s| s.value).collect();
    assert_eq!(values, [1.0, 0.0, 1.25e9, -3.2, 1_772_874_300.0, 0.0]);
    let problems: Vec<_> = extraction
        .problems
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        problems,
        [r#"rule "ports": a limit is reached, and the rest is left out: "6 series of this rule""#]
    );
}

/// Neighbours as a router might print them, with a state or a count in the last column.
const BGP: &str = r"
name: bgp
platforms: [linux]
description: Neighbours
commands:
  - command: show neighbours
    rules:
      - name: neighbours
        textfsm: |
          Value Filldown VRF (\S+)
          Value Required PEER ([0-9a-f.:]+)
          Value AS (\d+)
          Value STATE ([A-Z][a-z]+)
          Value PREFIXES (\d+)

          Start
            ^Routing table ${VRF},
            ^\s+${PEER}\s+AS${AS}\s+(${STATE}|${PREFIXES} prefixes)$$ -> Record
            ^!! -> Error
        metrics:
          - name: netwolf_bgp_prefixes
            kind: gauge
            help: Prefixes from the neighbour.
            labels: { vrf: '${vrf}', peer: '${peer}', as: '${as}' }
            value: prefixes
          - name: netwolf_bgp_session_info
            kind: info
            help: State of a session that is not up.
            labels: { peer: '${peer}', state: '${state:-Established}' }
";

/// The samples, a line each.
fn samples(filter: &Filter, extraction: &Extraction) -> Vec<String> {
    let samples = extraction.samples.iter().map(|sample| {
        let labels = sample.labels.iter();
        let labels: Vec<_> = labels
            .map(|(name, text)| format!("{name}={text}"))
            .collect();
        let name = &filter.families()[sample.family].name;
        format!("{name} {} {}", labels.join(","), sample.value)
    });
    samples.collect()
}

#[test]
fn a_template_in_a_file_makes_samples() {
    let (library, faults) = with_user_files(&[("collectors/bgp.yml", BGP)]);
    assert_eq!(faults, [""; 0]);
    let command = &library.collector("linux", "bgp").unwrap().commands[0];
    let filter = Filter::compile(&command.rules).unwrap();
    let extraction = filter.apply(
        "Routing table main, router 192.0.2.1\n\
         \x20 Neighbour     System   Up\n\
         \x20 192.0.2.2     AS64500  1200 prefixes\n\
         \x20 2001:db8::3   AS64501  Idle\n\
         !! neighbour 192.0.2.9 was not asked\n\
         Routing table guest, router 192.0.2.1\n\
         \x20 198.51.100.7  AS64502  0 prefixes\n",
    );
    assert_eq!(
        samples(&filter, &extraction),
        [
            "netwolf_bgp_prefixes as=64500,peer=192.0.2.2,vrf=main 1200",
            "netwolf_bgp_session_info peer=192.0.2.2,state=Established 1",
            "netwolf_bgp_session_info peer=2001:db8::3,state=Idle 1",
            "netwolf_bgp_prefixes as=64502,peer=198.51.100.7,vrf=guest 0",
            "netwolf_bgp_session_info peer=198.51.100.7,state=Established 1",
        ]
    );
    let problems: Vec<_> = extraction.problems.iter().map(|it| &it.text).collect();
    assert_eq!(
        problems,
        [
            "line 5 (template line 10): the rule says that the line is an error: !! neighbour 192.0.2.9 was not asked"
        ]
    );
}

#[test]
fn a_bad_template_is_told_with_its_place_in_the_file() {
    for (typed, instead, told) in [
        (
            "${PEER}",
            "${NEIGHBOUR}",
            "collectors/bgp.yml:10:11: rule \"neighbours\": the template is refused: line 9, column 7: no value is \
             named \"NEIGHBOUR\"\n  hint: lines and columns are those of the template, not of the file; `netwolf \
             parse --textfsm FILE` tries one by itself",
        ),
        (
            "value: prefixes",
            "value: PREFIXES",
            "collectors/bgp.yml:21:13: rule \"neighbours\": metric \"netwolf_bgp_prefixes\" uses field \
             \"PREFIXES\", which is no value of the template in lower case\n  hint: the template has these: vrf, \
             peer, as, state, prefixes",
        ),
        (
            "        textfsm: |",
            "        regex: { patterns: ['(?P<prefixes>.)'] }\n        textfsm: |",
            "collectors/bgp.yml:8:9: rule \"neighbours\": the rule has more than one of `regex`, `textfsm`, \
             `jq` and `xml`\n  hint: make two rules of it",
        ),
    ] {
        let (_, faults) = with_user_files(&[("collectors/bgp.yml", &BGP.replace(typed, instead))]);
        assert_eq!(faults, [told]);
    }
}

/// Power supplies as a switch might print them in JSON.
const POWER: &str = r"
name: power
platforms: [linux]
description: Power supplies
commands:
  - command: show power | json
    rules:
      - name: supplies
        jq: |
          .supplies | to_entries[] | {
            slot: .key,
            watts: .value.outputPower,
            temperature: (.value.sensors // {} | map(.celsius) | max),
          }
        metrics:
          - name: netwolf_power_supply_output_watts
            kind: gauge
            help: Power that the supply gives.
            labels: { slot: '${slot}' }
            value: watts
          - name: netwolf_power_supply_temperature_celsius
            kind: gauge
            help: Temperature of the hottest place in the supply.
            labels: { slot: '${slot}' }
            value: temperature
";

#[test]
fn a_program_in_a_file_makes_samples() {
    let (library, faults) = with_user_files(&[("collectors/power.yml", POWER)]);
    assert_eq!(faults, [""; 0]);
    let command = &library.collector("linux", "power").unwrap().commands[0];
    let filter = Filter::compile(&command.rules).unwrap();
    let extraction = filter.apply(
        r#"{ "supplies": {
            "1": { "outputPower": 112.5, "sensors": { "a": { "celsius": 31 }, "b": { "celsius": 34.5 } } },
            "2": { "outputPower": 98 },
            "3": { "sensors": { "a": "broken" } }
        } }"#,
    );
    assert_eq!(
        samples(&filter, &extraction),
        [
            "netwolf_power_supply_output_watts slot=1 112.5",
            "netwolf_power_supply_temperature_celsius slot=1 34.5",
            "netwolf_power_supply_output_watts slot=2 98",
        ]
    );
    let problems: Vec<_> = extraction.problems.iter().map(|it| &it.text).collect();
    assert_eq!(problems, ["\"broken\" has no field \"celsius\""]);
}

#[test]
fn a_bad_program_is_told_with_its_place_in_the_file() {
    for (typed, instead, told) in [
        (
            "to_entries[]",
            "to_entires[]",
            "collectors/power.yml:10:11: rule \"supplies\": the program is refused: line 1, column 13: no function is \
             called `to_entires`\n  hint: did you mean `to_entries`? a field of that name is `.to_entires`",
        ),
        (
            "map(.celsius) | max",
            "map(.celsius | now)",
            "collectors/power.yml:10:11: rule \"supplies\": the program is refused: line 4, column 55: `now` is \
             refused\n  hint: programs have no clock and no dates: let the metric parse the text",
        ),
        (
            "value: watts",
            "value: outputPower",
            "collectors/power.yml:16:13: rule \"supplies\": metric \"netwolf_power_supply_output_watts\" uses field \
             \"outputPower\", which is no key of the program's objects\n  hint: its keys are: slot, temperature, \
             watts",
        ),
    ] {
        let text = POWER.replace(typed, instead);
        let (_, faults) = with_user_files(&[("collectors/power.yml", &text)]);
        assert_eq!(faults, [told]);
    }
}

#[test]
fn two_files_of_a_user_do_not_hold_the_same() {
    let (_, faults) = with_user_files(&[("collectors/a.yml", CPU), ("collectors/b.yml", CPU)]);
    assert_eq!(
        faults,
        [
            "collectors/b.yml:3:13: collector \"cpu\" for platform \"linux\" is there already, at \
             collectors/a.yml:3:13\n  hint: give one of them another name"
        ]
    );
}

#[test]
fn an_empty_file_is_told() {
    let (_, faults) =
        with_user_files(&[("collectors/a.yml", "# nothing\n"), ("platforms/a.yml", "")]);
    assert_eq!(
        faults,
        [
            "platforms/a.yml: there is no platform in this file",
            "collectors/a.yml: there is no collector in this file"
        ]
    );
}

/// Ports as Junos prints them in XML.
const XML_PORTS: &str = r"
name: ports
platforms: [linux]
description: Ports
commands:
  - command: show interfaces | display xml
    rules:
      - name: ports
        xml:
          records: //physical-interface
          fields:
            port: name
            status: oper-status
            bytes: traffic-statistics/input-bytes
            media: media/@kind
        metrics:
          - name: netwolf_port_up
            kind: gauge
            help: Whether the port is up.
            labels: { port: '${port}', media: '${media}' }
            value: status
            map: { up: 1, down: 0 }
          - name: netwolf_port_receive_bytes_total
            kind: counter
            help: Bytes received.
            labels: { port: '${port}' }
            value: bytes
";

#[test]
fn paths_in_a_file_make_samples() {
    let (library, faults) = with_user_files(&[("collectors/ports.yml", XML_PORTS)]);
    assert_eq!(faults, [""; 0]);
    let command = &library.collector("linux", "ports").unwrap().commands[0];
    let filter = Filter::compile(&command.rules).unwrap();
    let extraction = filter.apply(
        r#"
warning: a license is missing
<rpc-reply xmlns:junos="http://xml.example.net/junos/1/junos">
  <interface-information xmlns="http://xml.example.net/junos/1/junos-interface">
    <physical-interface>
      <name>
ge-0/0/0
</name>
      <oper-status>up</oper-status>
      <media kind="fibre"/>
      <traffic-statistics><input-bytes>18446744073709551615</input-bytes></traffic-statistics>
    </physical-interface>
    <physical-interface><name>ge-0/0/1</name><oper-status>down</oper-status></physical-interface>
    <physical-interface><name>ge-0/0/2</name><oper-status>odd</oper-status></physical-interface>
  </interface-information>
</rpc-reply>

{master}
"#,
    );
    assert_eq!(
        samples(&filter, &extraction),
        [
            "netwolf_port_up media=fibre,port=ge-0/0/0 1",
            "netwolf_port_receive_bytes_total port=ge-0/0/0 18446744073709552000",
            "netwolf_port_up port=ge-0/0/1 0",
        ]
    );
    let problems: Vec<_> = extraction.problems.iter().map(|it| &it.text).collect();
    assert_eq!(problems, ["odd"]);
}

#[test]
fn a_bad_path_is_told_with_its_place_in_the_file() {
    for (typed, instead, told) in [
        (
            "//physical-interface",
            "//junos:physical-interface",
            "collectors/ports.yml:10:20: rule \"ports\": the path \"//junos:physical-interface\" of the records is \
             refused: \"junos\" is a namespace: names have none here at character 3",
        ),
        (
            "status: oper-status",
            "status: oper-status[0]",
            "collectors/ports.yml:13:21: rule \"ports\": the path \"oper-status[0]\" of field \"status\" is refused: \
             positions count from 1 at character 13",
        ),
        (
            "value: bytes",
            "value: octets",
            "collectors/ports.yml:23:13: rule \"ports\": metric \"netwolf_port_receive_bytes_total\" uses field \
             \"octets\", for which the rule has no path",
        ),
    ] {
        let file = XML_PORTS.replace(typed, instead);
        let (_, faults) = with_user_files(&[("collectors/ports.yml", &file)]);
        let first_lines: Vec<_> = faults.iter().map(|fault| fault.lines().next()).collect();
        assert_eq!(first_lines, [Some(told)]);
        assert!(faults[0].contains("hint: "), "{faults:?}");
    }
}
