//! Commands of files that cannot be typed, names that nobody is sent to, and metrics that never have their turn.

use super::*;

/// A collector with one command, as YAML has it in double quotes.
fn collector(platforms: &str, command: &str) -> String {
    format!(
        "name: mine\nplatforms: [{platforms}]\ncommands:\n  - command: \"{command}\"\n    rules:\n      \
         - {{ name: r, regex: {{ patterns: ['(?P<v>1)'] }}, metrics: [{{ name: acme_one, kind: gauge, help: One., value: v }}] }}\n"
    )
}

#[test]
fn a_collector_types_no_keys() {
    let check = |platforms: &str, command: &str, expected: &[&str]| {
        let text = collector(platforms, command);
        let (_, faults) = with_user_files(&[("collectors/x.yml", &text)]);
        assert_eq!(faults, expected);
    };
    let keys = "\n  hint: a command is plain text: no keys such as Tab, Ctrl-C and the arrows";
    for (typed, shown, key) in [
        (
            "show ip \\x03dhcp pool",
            "show ip \\u{3}dhcp pool",
            "\\u{3}",
        ),
        ("show\\tversion", "show\\tversion", "\\t"),
        ("\\x1b[A", "\\u{1b}[A", "\\u{1b}"),
    ] {
        let fault = format!(
            "collectors/x.yml:4:14: the command \"{shown}\" has a control character in it, '{key}'{keys}"
        );
        check("cisco_ios", typed, &[&fault]);
        check("linux", typed, &[&fault]);
    }
    check(
        "cisco_ios",
        "show\\nversion",
        &[
            "collectors/x.yml:4:14: the command \"show\\nversion\" has a control character in it, '\\n'\n  hint: a command is one line: write an entry of its own for each line",
        ],
    );
    check(
        "cisco_ios",
        " ",
        &["collectors/x.yml:4:14: a command is empty"],
    );
}

#[test]
fn a_collector_asks_no_shell_for_help() {
    let help = "collectors/x.yml:4:14: \"show ip ?\" asks for help with `?`, which types a part of it only\n  \
                hint: write the whole command without `?`, which a shell takes for a key";
    for (platforms, expected) in [
        ("cisco_ios", &[help][..]),
        ("linux, cisco_ios", &[help]),
        ("linux", &[]),
        ("lab_exec", &[]),
        ("lab_shell", &[help]),
    ] {
        let text = collector(platforms, "show ip ?");
        let (_, faults) = with_user_files(&[
            ("collectors/x.yml", &text),
            (
                "platforms/a.yml",
                "{ name: lab_exec, transport: exec, prompts: { user: '[a-z]+>' } }",
            ),
            (
                "platforms/b.yml",
                "{ name: lab_shell, transport: shell, prompts: { user: '[a-z]+>' } }",
            ),
        ]);
        assert_eq!(faults, expected, "{platforms}");
    }
}

#[test]
fn a_platform_types_no_keys_as_commands_but_as_answers() {
    let platform = r#"
name: lab
transport: shell
prompts: { user: '[a-z]+>' }
questions: [{ ask: 'key', answer: "\x03" }]
pagers: [{ mark: 'More', answer: "\x1b" }]
setup: ["page\x01r off"]
enable: { command: "ena\tble", password_prompt: 'word:', prompt_end: '#' }
reads: ["show\x7f"]
modes:
  config: { enter: ["conf\x0bigure"], leave: ["\x1a"] }
"#;
    let (_, faults) = with_user_files(&[("platforms/lab.yml", platform)]);
    let places: Vec<_> = faults
        .iter()
        .map(|fault| fault.split_once(": the command ").unwrap().0)
        .collect();
    assert_eq!(
        places,
        ["7:9", "8:20", "9:9", "11:21", "11:47"].map(|place| format!("platforms/lab.yml:{place}"))
    );
}

#[test]
fn nobody_is_sent_to_a_name_that_is_refused() {
    for name in ["'a b'", "''", "netwolf"] {
        let text = CPU.replace("name: cpu", &format!("name: {name}"));
        let platform = format!("{{ name: {name}, transport: exec }}");
        let other = collector("weather_os", "show");
        let (library, faults) = with_user_files(&[
            ("collectors/x.yml", &text),
            ("collectors/y.yml", &other),
            ("platforms/p.yml", &platform),
        ]);
        let bundled = Library::bundled().unwrap();
        let there: Vec<_> = library
            .collectors()
            .filter(|name| *name != "mine")
            .collect();
        let were: Vec<_> = bundled.collectors().collect();
        assert_eq!(there, were);
        let bare = name.trim_matches('\'');
        // Whoever uses it is not at fault.
        assert!(library.is_spoilt(bare), "{name}");
        let hint = faults
            .iter()
            .find(|fault| fault.contains("unknown platform \"weather_os\""))
            .unwrap();
        assert!(!hint.contains("a b") && !hint.contains(": ,"), "{hint}");
    }
}

#[test]
fn a_metric_that_never_counts_is_told_with_its_place() {
    let text = CPU.replace(
        "value: one }]",
        "value: one }, { name: netwolf_load_average, kind: gauge, help: Again., value: one, scale: 2 }]",
    );
    let (_, faults) = with_user_files(&[("collectors/cpu.yml", &text)]);
    assert_eq!(
        faults,
        [
            "collectors/cpu.yml:10:89: rule \"load\": metric \"netwolf_load_average\" is there already with the same labels, and of the two only the first counts\n  hint: leave it out, give it other labels, or say by `when` or `unless` which records each of them is for"
        ]
    );
}
