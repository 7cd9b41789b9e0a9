//! `netwolf try` as people type it, against devices that count who comes: one login, and nothing of it twice.

use std::{fs, path::Path, process::Command, sync::Arc};

use netwolf_simulator::{FleetConfig, Transcript};

use crate::lab::{self, Devices, PASSWORD};

/// A switch whose commands are its own.
fn switch() -> Devices {
    let transcript = serde_json::json!({
        "format": 1, "platform": "cisco_ios", "hostname": "sw1", "prompt": "sw1#", "before_prompt": "",
        "commands": [
            { "command": "show fans", "output": "Fan 1: 4200 rpm\nFan 2: n/a rpm\nFan 3: 0 rpm\n" },
            { "command": "show banner", "output": format!("Welcome. The password is {PASSWORD}.\n") },
        ],
    });
    let mut config = FleetConfig::new(1, "netwolf", PASSWORD);
    config.transcript = Some(Arc::new(
        Transcript::parse(&transcript.to_string()).unwrap(),
    ));
    Devices::of(config)
}

const FANS: &str = r"
name: fans
platforms: [cisco_ios]
description: Fans of the chassis
commands:
  - command: show fans
    interval: 60s
    rules:
      - name: speed
        regex: { patterns: ['Fan (?P<fan>[0-9]+): (?P<rpm>\S+) rpm'], match: every }
        metrics:
          - name: acme_fan_speed_hertz
            kind: gauge
            help: Turns of the fan in a second.
            labels: { fan: '${fan}' }
            value: rpm
            scale: 0.016666666666666666
";

/// A configuration with the collector `fans` beside the bundled ones; devices run it where `collectors` says so.
fn configuration(folder: &Path, devices: &Devices, more: &str) -> String {
    fs::create_dir_all(folder.join("collectors")).unwrap();
    fs::write(folder.join("collectors/fans.yml"), FANS).unwrap();
    let entries = devices.entries(more);
    let text = format!("library: {{ collectors: collectors }}\ndevices:\n{entries}");
    lab::configuration(folder, &text).display().to_string()
}

/// Runs `netwolf try` to its end: exit code, standard output, standard error.
fn try_out(config: &str, args: &[&str]) -> (i32, String, String) {
    lab::netwolf(&[&["try", "--config.file", config], args].concat())
}

#[test]
fn a_command_alone_prints_its_output_and_nothing_else() {
    let (folder, devices) = (lab::folder(), switch());
    let config = configuration(folder.path(), &devices, "");
    let (code, out, said) = try_out(&config, &["sim-0001", "--command", "show fans"]);
    assert_eq!(
        (code, out.as_str()),
        (0, "Fan 1: 4200 rpm\nFan 2: n/a rpm\nFan 3: 0 rpm\n"),
        "{said}"
    );
    for word in [
        "one login as \"netwolf\"",
        "key exchange",
        "prompt",
        "show fans: 3 lines in",
    ] {
        assert!(said.contains(word), "{word} is not in\n{said}");
    }
    assert_eq!(devices.fleet().totals().logins, 1);
}

#[test]
fn a_collector_shows_output_records_samples_and_problems() {
    let (folder, devices) = (lab::folder(), switch());
    let config = configuration(folder.path(), &devices, "");
    let (code, out, said) = try_out(&config, &["sim-0001", "--collector", "fans"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(
        out,
        "\
--- output of \"show fans\"
Fan 1: 4200 rpm
Fan 2: n/a rpm
Fan 3: 0 rpm
--- rule \"speed\": 3 records
fan  rpm
1    4200
2    n/a
3    0
--- samples
# HELP acme_fan_speed_hertz Turns of the fan in a second.
# TYPE acme_fan_speed_hertz gauge
acme_fan_speed_hertz{device=\"sim-0001\",fan=\"1\"} 70
acme_fan_speed_hertz{device=\"sim-0001\",fan=\"3\"} 0
"
    );
    assert!(
        said.contains("warning: rule \"speed\": not a number: \"n/a\"\n"),
        "{said}"
    );
    assert!(said.contains(": 3 records, 2 samples\n"), "{said}");
}

#[test]
fn programs_get_all_of_it_with_times() {
    let (folder, devices) = (lab::folder(), switch());
    let config = configuration(folder.path(), &devices, ", collectors: [fans]");
    // No collector is named: all of the device.
    let (code, out, said) = try_out(&config, &["sim-0001", "--output", "json"]);
    assert_eq!(code, 0, "{said}");
    let page: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(page["platform"], "cisco_ios");
    for step in ["connect", "key_exchange", "login", "prompt"] {
        let seconds = page["login"][format!("{step}_seconds")].as_f64().unwrap();
        assert!(seconds > 0.0, "{step}: {page}");
    }
    let fans = &page["commands"][0];
    assert_eq!(fans["command"], "show fans");
    assert!(fans["command_seconds"].as_f64().unwrap() > 0.0 && fans["parse_seconds"].is_f64());
    assert_eq!(fans["records"][0]["records"][1]["rpm"], "n/a");
    assert_eq!(fans["samples"].as_array().unwrap().len(), 2);
    assert_eq!(fans["problems"][0]["kind"], "not_a_number");
}

#[test]
fn a_pattern_or_a_template_that_is_typed_shows_records() {
    let (folder, devices) = (lab::folder(), switch());
    let config = configuration(folder.path(), &devices, "");
    let command = ["sim-0001", "--command", "show fans"];
    let regex = ["--regex", r"Fan (?P<fan>\d+): (?P<rpm>\d+)"];
    let (code, out, said) = try_out(&config, &[&command[..], &regex].concat());
    assert_eq!(code, 0, "{said}");
    assert!(
        out.ends_with("--- rule \"typed\": 2 records\nfan  rpm\n1    4200\n3    0\n"),
        "{out}"
    );

    let template = folder.path().join("fans.textfsm");
    fs::write(
        &template,
        "Value FAN (\\d+)\nValue RPM (\\S+)\n\nStart\n  ^Fan ${FAN}: ${RPM} rpm -> Record\n",
    )
    .unwrap();
    let textfsm = ["--textfsm", template.to_str().unwrap()];
    let (code, out, said) = try_out(&config, &[&command[..], &textfsm].concat());
    assert_eq!(code, 0, "{said}");
    assert!(
        out.ends_with("--- rule \"typed\": 3 records\nfan  rpm\n1    4200\n2    n/a\n3    0\n"),
        "{out}"
    );

    let nothing = ["--regex", r"Blower (?P<blower>\d+)"];
    let (code, out, said) = try_out(&config, &[&command[..], &nothing].concat());
    assert!(code == 1 && out.contains("0 records"), "{code}: {out}");
    assert!(
        said.contains("error: nothing came out of \"show fans\""),
        "{said}"
    );
}

#[test]
fn the_password_is_shown_nowhere() {
    let (folder, devices) = (lab::folder(), switch());
    let config = configuration(folder.path(), &devices, "");
    for more in [
        &[][..],
        &["--output", "json"],
        &["--regex", "is (?P<password>.*)"],
    ] {
        let args = [&["sim-0001", "--command", "show banner"], more].concat();
        let (code, out, said) = try_out(&config, &args);
        assert_eq!(code, 0, "{said}");
        assert!(out.contains("The password is ***."), "{out}");
        assert!(!(out + &said).contains(PASSWORD));
    }
}

#[test]
fn an_enable_secret_is_typed_where_the_configuration_has_one() {
    let folder = lab::folder();
    let secret = folder.path().join("enable");
    fs::write(&secret, "open-sesame").unwrap();
    let mut fleet = FleetConfig::new(1, "netwolf", PASSWORD);
    fleet.enable_secret = Some("open-sesame".into());
    let devices = Devices::of(fleet);
    let config = configuration(folder.path(), &devices, "");
    let text = fs::read_to_string(&config).unwrap();
    let with_secret = format!(", enable_secret: \"file:{}\" }}\n", secret.display());
    fs::write(
        &config,
        text.replacen(" }\nlibrary", &(with_secret + "library"), 1),
    )
    .unwrap();
    // Who is not privileged is refused this.
    let args = ["sim-0001", "--command", "show running-config"];
    let (code, out, said) = try_out(&config, &args);
    assert_eq!(code, 0, "{said}");
    assert!(out.contains("hostname sim-0001"), "{out}");
    assert!(!(out + &said).contains("open-sesame"));
}

#[test]
fn a_refused_command_is_said_and_the_others_are_run() {
    let (folder, devices) = (lab::folder(), switch());
    // The bundled collector's command is not among those that were recorded.
    let config = configuration(folder.path(), &devices, ", collectors: [cpu, fans]");
    let (code, out, said) = try_out(&config, &["sim-0001"]);
    assert_eq!(code, 1, "{said}");
    assert!(out.contains("acme_fan_speed_hertz{"), "{out}");
    assert!(said.contains("not answered: show processes cpu"), "{said}");
    assert!(
        said.contains("the device refused") && said.contains("hint: "),
        "{said}"
    );

    let json = ["sim-0001", "--collector", "cpu", "--output", "json"];
    let (code, out, _) = try_out(&config, &json);
    let page: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        (code, page["commands"][0]["failure"]["reason"].as_str()),
        (1, Some("command_rejected"))
    );
}

#[test]
fn a_wrong_password_is_offered_once() {
    let (folder, devices) = (lab::folder(), switch());
    let config = configuration(folder.path(), &devices, "");
    fs::write(folder.path().join("password"), "battery-staple").unwrap();
    let (code, out, said) = try_out(&config, &["sim-0001", "--command", "show fans"]);
    assert_eq!((code, out.as_str()), (1, ""), "{said}");
    assert!(
        said.contains("error: ") && said.contains("tried once"),
        "{said}"
    );
    assert!(!said.contains("battery-staple"));
    let totals = devices.fleet().totals();
    assert_eq!((totals.logins, totals.login_failures), (0, 1));
}

#[test]
fn a_stranger_with_another_host_key_is_sent_no_password() {
    let (folder, devices) = (lab::folder(), switch());
    let config = configuration(folder.path(), &devices, "");
    let key = devices.fleet().host_key().to_owned();
    let other = "SHA256:BzBOqLbhyYuQ5kaWfpNJa2cUvsNlDbhVn3zJoZtLh2s";
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replace(&key, other)).unwrap();
    let (code, out, said) = try_out(&config, &["sim-0001", "--command", "show fans"]);
    assert_eq!((code, out.as_str()), (1, ""), "{said}");
    assert!(said.contains(&key) && said.contains("hint: "), "{said}");
    let totals = devices.fleet().totals();
    assert_eq!((totals.logins, totals.login_failures), (0, 0));
}

#[test]
fn what_cannot_be_meant_is_refused_before_anybody_is_called() {
    let (folder, devices) = (lab::folder(), switch());
    let config = configuration(folder.path(), &devices, "");
    let cases: [(&[&str], &str); 11] = [
        (
            &["sim-001"],
            "unknown device \"sim-001\"\n  hint: known devices: sim-0001",
        ),
        (
            &["sim-*"],
            "\"sim-*\" may be many devices, and one is tried at a time",
        ),
        (
            &["sim-0001", "--collector", "fan"],
            "unknown collector \"fan\"\n  hint: did you mean \"fans\"?",
        ),
        (
            &["sim-0001", "--collector", "fans", "--command", "show fan"],
            "collector \"fans\" does not run \"show fan\"\n  hint: did you mean 'show fans'?",
        ),
        (&["sim-0001", "--command", " "], "\" \" is not a command"),
        (&["sim-0001", "--command", "show\tfans"], "is not a command"),
        (
            &["sim-0001", "--command", "show f?ns"],
            "\"show f?ns\" asks for help with `?`, which types a part of it only\n  hint: write the whole command",
        ),
        (
            &["sim-0001", "--command", "a", "--regex", "(?P<a"],
            "is not a regular expression",
        ),
        (
            &["sim-0001", "--command", "a", "--textfsm", "/nonexistent"],
            "/nonexistent",
        ),
        (&["sim-0001", "--regex", "(?P<a>.)"], "--command"),
        (
            &[
                "sim-0001",
                "--collector",
                "fans",
                "--regex",
                "x",
                "--command",
                "a",
            ],
            "cannot be used with",
        ),
    ];
    for (args, expected) in cases {
        let (code, out, said) = try_out(&config, args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {said}");
        assert!(said.contains(expected), "{args:?}: {said}");
    }
    assert_eq!(try_out("/nonexistent/netwolf.yml", &["sim-0001"]).0, 2);
    assert_eq!(devices.fleet().totals().connections, 0);
}

#[test]
fn a_collector_that_the_platform_has_not_is_refused() {
    let (folder, devices) = (lab::folder(), switch());
    let config = configuration(folder.path(), &devices, "");
    // `fans` is for cisco_ios alone, and the simulated device is said to be another one here.
    let text = fs::read_to_string(&config).unwrap();
    fs::write(
        &config,
        text.replace("platform: cisco_ios", "platform: linux"),
    )
    .unwrap();
    let (code, _, said) = try_out(&config, &["sim-0001", "--collector", "fans"]);
    assert_eq!(code, 2, "{said}");
    assert!(
        said.contains("collector \"fans\" has nothing for platform \"linux\"\n  hint: collectors for linux: bgp, cpu"),
        "{said}"
    );
}

#[test]
fn help_says_that_it_is_a_login_of_its_own() {
    let output = Command::new(env!("CARGO_BIN_EXE_netwolf"))
        .args(["try", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(help.contains("one login of its own"), "{help}");
}
