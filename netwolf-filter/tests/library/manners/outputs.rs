//! Real outputs of devices hold no prompt, no pager, no question and no refusal, but for what was pasted with
//! them. Where the corpus is absent these tests say so and pass; see `corpus`.

use std::{collections::BTreeMap, fs};

use super::{Manners, all};
use crate::{corpus::cases, data::files};

/// How the corpus calls the families whose outputs a platform's devices show.
const FAMILIES: &[(&str, &[&str])] = &[
    ("arista_eos", &["arista_eos"]),
    ("aruba_aoscx", &["aruba_aoscx"]),
    ("cisco_asa", &["cisco_asa"]),
    ("cisco_ios", &["cisco_ios"]),
    ("cisco_iosxe", &["cisco_ios", "cisco_wlc_ssh"]),
    ("cisco_iosxr", &["cisco_xr"]),
    ("cisco_nxos", &["cisco_nxos"]),
    ("dell_os10", &["dell_force10", "dell_powerconnect"]),
    ("fortinet_fortios", &["fortinet"]),
    ("hp_comware", &["hp_comware"]),
    ("hp_procurve", &["hp_procurve"]),
    ("huawei_vrp", &["huawei_vrp"]),
    ("juniper_junos", &["juniper_junos"]),
    ("linux", &["linux"]),
    ("mikrotik_routeros", &["mikrotik_routeros"]),
    ("nokia_sros", &["alcatel_sros"]),
    ("nokia_sros_md", &["alcatel_sros"]),
    ("paloalto_panos", &["paloalto_panos"]),
    ("vyos", &["vyatta_vyos", "ubiquiti_edgerouter"]),
];

/// What was pasted with an output, or is a refusal indeed: platform, and the text of the line.
const PASTED: &[(&str, &str)] = &[
    ("cisco_ios", "edge1-rt#"),
    ("cisco_iosxe", "edge1-rt#"),
    ("cisco_nxos", "% Invalid command at '^' marker."),
];

fn seen(manners: &Manners, output: &str) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    for line in output.lines().map(str::trim_end) {
        let mut note = |what, is_so: bool| {
            if is_so {
                found.push((what, line.to_owned()));
            }
        };
        note("prompt", !manners.modes(line).is_empty());
        note("question", manners.questions.is_match(line));
        note("refusal", manners.failures.is_match(line));
        note(
            "password",
            manners
                .enable
                .as_ref()
                .is_some_and(|ask| ask.is_match(line)),
        );
        note(
            "pager",
            manners.pagers.iter().any(|mark| line.ends_with(mark)),
        );
    }
    found
}

#[test]
fn every_platform_is_looked_at() {
    let names: Vec<String> = all().into_iter().map(|(name, ..)| name).collect();
    let looked_at: Vec<&str> = FAMILIES.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, looked_at);
}

#[test]
fn real_outputs_are_taken_for_nothing_else() {
    let Some(cases) = cases() else { return };
    let platforms: BTreeMap<_, _> = all()
        .into_iter()
        .map(|(name, _, manners)| (name, manners))
        .collect();
    let mut surprises = Vec::new();
    for (name, families) in FAMILIES {
        let (mut n_outputs, mut n_lines) = (0, 0);
        for folder in fs::read_dir(&cases).unwrap().map(|entry| entry.unwrap()) {
            let command = folder.file_name().into_string().unwrap();
            let is_of = |family: &&str| {
                command
                    .strip_prefix(*family)
                    .is_some_and(|rest| rest.starts_with('_'))
            };
            if !families.iter().any(is_of) {
                continue;
            }
            for (case, path) in files(&folder.path(), "raw") {
                let bytes = fs::read(path).unwrap();
                let output = String::from_utf8_lossy(&bytes);
                n_outputs += 1;
                n_lines += output.lines().count();
                for (what, line) in seen(&platforms[*name], &output) {
                    if !PASTED.contains(&(name, line.as_str())) {
                        surprises.push(format!("{name}: {what} in {command}/{case}: {line:?}"));
                    }
                }
            }
        }
        assert!(n_outputs > 0, "{name}: no output of {families:?}");
        println!("{name}: {n_outputs} outputs, {n_lines} lines");
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}
