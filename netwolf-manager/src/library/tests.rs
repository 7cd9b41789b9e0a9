//! The bundled library is sound, and users' files take the place of its parts.

use std::{fs, path::PathBuf};

use netwolf_filter::{Extraction, Filter};

use super::*;

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
    for folder in ["platforms", "collectors"] {
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
    assert_ne!(
        library.collector("cisco_ios", "cpu").unwrap().description,
        "My own"
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
            "collectors/bgp.yml:8:9: rule \"neighbours\": the rule has more than one of `regex`, `textfsm` \
             and `jq`\n  hint: make two rules of it",
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
            "collectors/power.yml:9:13: rule \"supplies\": the program is refused: line 1, column 13: no function is \
             called `to_entires`\n  hint: did you mean `to_entries`? a field of that name is `.to_entires`",
        ),
        (
            "map(.celsius) | max",
            "map(.celsius | now)",
            "collectors/power.yml:9:13: rule \"supplies\": the program is refused: line 4, column 56: `now` is \
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
