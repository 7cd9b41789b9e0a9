//! `netwolf collectors` as people type it: the bundled library, and their own beside it.

use std::fs;

use crate::lab;

fn collectors(args: &[&str]) -> (i32, String, String) {
    lab::netwolf(&[&["collectors"], args].concat())
}

#[test]
fn the_bundled_library_is_listed() {
    let (code, out, said) = collectors(&[]);
    assert_eq!((code, said.as_str()), (0, ""));
    assert!(out.starts_with("COLLECTOR "), "{out}");
    let cpu = out
        .lines()
        .find(|line| line.starts_with("cpu") && line.contains("cisco_ios"));
    assert!(
        cpu.is_some_and(|line| line.contains("show processes cpu")),
        "{out}"
    );

    let (code, linux, _) = collectors(&["--platform", "linux"]);
    assert!(code == 0 && !linux.contains("cisco_ios"), "{linux}");
}

#[test]
fn one_collector_is_shown_whole() {
    let (code, out, said) = collectors(&["cpu", "--platform", "cisco_ios"]);
    assert_eq!((code, said.as_str()), (0, ""));
    for word in [
        "bundled, cisco_ios_cpu.yml",
        "netwolf_cpu_utilization_ratio",
        "gauge",
        "cpu, window",
    ] {
        assert!(out.contains(word), "{word} is not in\n{out}");
    }
    let (_, out, _) = collectors(&["cpu", "--output", "json"]);
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    let variants = answer["collectors"].as_array().unwrap();
    assert!(
        variants.len() > 1 && variants.iter().all(|it| it["name"] == "cpu"),
        "{out}"
    );
}

#[test]
fn a_users_own_are_listed_with_their_file() {
    let folder = lab::folder();
    let files = folder.path().join("collectors");
    fs::create_dir(&files).unwrap();
    let file = files.join("clock.yml");
    let text = "
name: clock
platforms: [linux]
description: Drift of the clock
commands:
  - command: drift
    interval: 60s
    rules:
      - name: drift
        regex: { patterns: ['drift (?P<drift>[0-9.]+)'] }
        metrics: [{ name: acme_clock_drift_seconds, kind: gauge, help: Drift., value: drift }]
";
    fs::write(&file, text).unwrap();
    let config = lab::configuration(
        folder.path(),
        "library: { collectors: collectors }\ndevices: []\n",
    );
    let config = ["--config.file", config.to_str().unwrap()];
    let (code, out, said) = collectors(&[&["clock"], &config[..]].concat());
    assert_eq!(
        (code, said.as_str()),
        (0, ""),
        "warnings about devices are for others"
    );
    assert!(out.contains(file.to_str().unwrap()), "{out}");
    assert!(out.contains("interval  1m\n"), "{out}");
    let (_, out, _) = collectors(&config);
    assert!(out.contains("\nclock "), "{out}");

    fs::write(&file, text.replace("kind: gauge", "kind: gage")).unwrap();
    let (code, _, said) = collectors(&config);
    assert!(
        code == 2 && said.contains("clock.yml:11:"),
        "{code}: {said}"
    );
}

#[test]
fn what_is_misspelt_is_guessed_at() {
    for (args, expected) in [
        (
            &["interface"][..],
            "unknown collector \"interface\"\n  hint: did you mean \"interfaces\"?",
        ),
        (
            &["--platform", "cisco-ios"],
            "unknown platform \"cisco-ios\"\n  hint: did you mean \"cisco_ios\"?",
        ),
        (
            &["cpu", "--platform", "nokia_sros_md2"],
            "unknown platform \"nokia_sros_md2\"\n  hint: did you mean \"nokia_sros_md\"?",
        ),
    ] {
        let (code, out, said) = collectors(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {said}");
        assert!(said.contains(expected), "{args:?}: {said}");
    }
}

#[test]
fn what_an_account_must_be_allowed_is_told_with_the_text_for_the_device() {
    let privileges = |args: &[&str]| collectors(&[&["privileges"], args].concat());
    let (code, out, said) = privileges(&["--platform", "cisco_ios", "--collectors", "ntp,facts"]);
    assert_eq!((code, said.as_str()), (0, ""));
    for line in [
        "collectors  facts, ntp",
        "enable              enable",
        "login               terminal length 0",
        "poll    ntp         show ntp status",
        "Ctrl-C  a command is past its deadline",
        "parser view: The account sees these commands",
        "\n commands exec include all show ntp status\n",
        "\n        permit \"^ntp status\"\n",
    ] {
        assert!(out.contains(line), "{line:?} is not in\n{out}");
    }
    assert!(!out.contains("show interfaces"), "{out}");

    let (_, out, _) = privileges(&["--platform", "juniper_junos", "--output", "json"]);
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    let commands = told["commands"].as_array().unwrap();
    assert!(
        commands.iter().all(|command| command["when"] == "poll"),
        "{out}"
    );
    let text = told["privileges"][0]["text"].as_str().unwrap();
    assert!(text.contains("allow-commands \"(^show "), "{text}");

    for (args, expected) in [
        (
            &["--platform", "cisco-ios"][..],
            "unknown platform \"cisco-ios\"",
        ),
        (
            &["--platform", "cisco_ios", "--collectors", "ntpp"],
            "unknown collector \"ntpp\"",
        ),
    ] {
        let (code, _, said) = privileges(args);
        assert!(code == 2 && said.contains(expected), "{code}: {said}");
    }
}

#[test]
fn a_users_own_platform_says_what_its_accounts_need() {
    let folder = lab::folder();
    for (kind, file, text) in [
        (
            "platforms",
            "lab_os.yml",
            "name: lab_os\ntransport: exec\nprivileges:\n  - name: role\n    effect: It may do this.\n    \
             before: \"role netwolf\\n\"\n    each: '  rule ${number} permit ${plain}'\n",
        ),
        (
            "collectors",
            "fans.yml",
            "name: fans\nplatforms: [lab_os]\ncommands:\n  - command: show fans | json\n    rules:\n      \
             - name: fans\n        regex: { patterns: ['(?P<fan>f)'] }\n        metrics: \
             [{ name: lab_fans_info, kind: info, help: Fans., labels: { fan: '${fan}' } }]\n",
        ),
    ] {
        fs::create_dir(folder.path().join(kind)).unwrap();
        fs::write(folder.path().join(kind).join(file), text).unwrap();
    }
    let config = lab::configuration(
        folder.path(),
        "library: { platforms: platforms, collectors: collectors }\ndevices: []\n",
    );
    let args = ["privileges", "--platform", "lab_os", "--config.file"];
    let (code, out, said) = collectors(&[&args[..], &[config.to_str().unwrap()]].concat());
    assert_eq!((code, said.as_str()), (0, ""));
    let text = "role: It may do this.\n\nrole netwolf\n  rule 101 permit show fans\n";
    assert!(out.ends_with(text), "{out}");
}
