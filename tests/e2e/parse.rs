//! `netwolf parse` as people type it: files and pipes, tables on one side and words about them on the other.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use crate::lab;

const PORTS: &str = r"Value Required PORT (\S+)
Value SPEED (\d+)
Value List VLAN (\d+)

Start
  ^Port -> Continue.Record
  ^Port ${PORT} is up( at ${SPEED} Mbit/s)?$$
  ^\s+member of ${VLAN}$$
  ^\s+!! -> Error
";

const OUTPUT: &str = "\
Port 1/1 is up at 1000 Mbit/s
  member of 10
  member of 20
it rains
Port 1/2 is up
  !! the optics are hot
Port 1/3 is up
";

/// Runs `netwolf parse` to its end with `stdin`: exit code, standard output, standard error.
fn parse(args: &[&str], stdin: &[u8]) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_netwolf"))
        .arg("parse")
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Where it does not read, the pipe is closed, and that is as well.
    drop(child.stdin.take().unwrap().write_all(stdin));
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().expect("an exit code"),
        text(output.stdout),
        text(output.stderr),
    )
}

fn write<'p>(path: &'p Path, text: &str) -> &'p str {
    fs::write(path, text).unwrap();
    path.to_str().unwrap()
}

#[test]
fn a_template_reads_a_file_or_a_pipe_and_odd_lines_are_told() {
    let folder = lab::folder();
    let template = folder.path().join("ports.textfsm");
    let template = write(&template, PORTS);
    let output = folder.path().join("ports.txt");
    let output = write(&output, OUTPUT);

    let (code, piped, said) = parse(&["--textfsm", template], OUTPUT.as_bytes());
    assert_eq!(code, 0, "{said}");
    let rows: serde_json::Value = serde_json::from_str(&piped).unwrap();
    assert_eq!(
        rows,
        serde_json::json!([
            { "port": "1/1", "speed": "1000", "vlan": ["10", "20"] },
            { "port": "1/3", "speed": "", "vlan": [] },
        ])
    );
    assert_eq!(
        said,
        "warning: output line 4: no rule takes the line: \"it rains\"\n\
         warning: output line 6, template line 9: the rule says that the line is an error: \"!! the optics are hot\"\n"
    );

    let (code, table, _) = parse(&["--textfsm", template, output, "--format", "table"], b"");
    let lines = "PORT  SPEED  VLAN\n1/1   1000   10,20\n1/3\n2 rows\n";
    assert_eq!((code, table.as_str()), (0, lines));
    for named in [output, "-"] {
        let again = parse(&["--textfsm", template, named], OUTPUT.as_bytes());
        assert_eq!(again.1, piped, "{named}");
    }
}

#[test]
fn of_more_problems_than_are_told_the_count_is_said_to_be_the_least() {
    let folder = lab::folder();
    let template = folder.path().join("ports.textfsm");
    let template = write(
        &template,
        "Value PORT (\\S+)\n\nStart\n  ^Port ${PORT} -> Record\n",
    );
    let output = "Port 1\n".to_owned() + &"it rains\n".repeat(131);
    let (code, _, said) = parse(&["--textfsm", template], output.as_bytes());
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!((code, lines.len()), (0, 4), "{said}");
    assert_eq!(
        lines[3],
        "warning: no rule takes at least 97 more lines, from line 5 on; --unmatched tells these, and 31 more problems \
         are only counted"
    );
    let (code, _, said) = parse(&["--textfsm", template, "--unmatched"], output.as_bytes());
    assert_eq!((code, said.lines().count()), (0, 101), "{said}");
    assert!(
        said.ends_with("warning: 31 more problems are only counted: the first 100 are told\n"),
        "{said}"
    );
}

#[test]
fn what_python_refuses_is_refused_where_that_is_asked_for() {
    let folder = lab::folder();
    let template = folder.path().join("ports.textfsm");
    let template = write(&template, PORTS);
    let (code, out, said) = parse(&["--strict", "--textfsm", template], OUTPUT.as_bytes());
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(said.contains("output line 6, template line 9"), "{said}");

    let calm = OUTPUT.replace("  !! the optics are hot\n", "");
    let (code, out, said) = parse(&["--strict", "--textfsm", template], calm.as_bytes());
    assert_eq!((code, said.as_str()), (0, ""));
    assert!(out.contains("1/2"), "{out}");
}

#[test]
fn a_bad_template_is_refused_with_its_place() {
    let folder = lab::folder();
    let template = folder.path().join("bad.textfsm");
    let template = write(&template, &PORTS.replace("${VLAN}", "${VLANS}"));
    let (code, out, said) = parse(&["--textfsm", template], OUTPUT.as_bytes());
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(
        said.contains("bad.textfsm") && said.contains("line 8") && said.contains("\"VLANS\""),
        "{said}"
    );
    let (code, _, said) = parse(&["--textfsm", "/nonexistent"], b"");
    assert!(code == 1 && said.contains("/nonexistent"), "{code}: {said}");
    assert_eq!(parse(&[], b"").0, 2, "bad usage");
}

#[test]
fn an_index_chooses_the_templates_by_platform_and_command() {
    let folder = lab::folder();
    write(&folder.path().join("ports.textfsm"), PORTS);
    write(
        &folder.path().join("index"),
        "Template, Hostname, Platform, Command\n\nports.textfsm, .*, lab_os, sh[[ow]] po[[rts]]\n",
    );
    let index = folder.path().to_str().unwrap();
    let asked = |platform, command| {
        let args = [
            "--index",
            index,
            "--platform",
            platform,
            "--command",
            command,
        ];
        parse(&args, b"Port 1/1 is up\n")
    };
    let (code, out, said) = asked("lab_os", "sho por");
    assert_eq!((code, said.as_str()), (0, ""));
    assert!(out.contains("\"port\": \"1/1\""), "{out}");

    let (code, out, said) = asked("lab_os", "show fans");
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(said.contains("\"show fans\" on \"lab_os\""), "{said}");
}

#[test]
fn a_row_of_an_index_that_takes_a_part_of_the_platform_is_told() {
    let folder = lab::folder();
    write(&folder.path().join("ports.textfsm"), PORTS);
    write(
        &folder.path().join("index"),
        "Template, Hostname, Platform, Command\n\nports.textfsm, .*, cisco_ios, sh[[ow]] po[[rts]]\n",
    );
    let index = folder.path().to_str().unwrap();
    let asked = |platform| {
        let args = ["--index", index, "--command", "show ports", "--platform"];
        parse(&[&args[..], &[platform]].concat(), b"Port 1/1 is up\n")
    };
    for right in ["cisco_ios", "cisco_iosxe"] {
        let (code, _, said) = asked(right);
        assert_eq!((code, said.as_str()), (0, ""), "{right}");
    }
    let (code, out, said) = asked("cisco_iosxr");
    assert_eq!(code, 0);
    assert!(out.contains("\"port\": \"1/1\""), "{out}");
    assert_eq!(
        said,
        "warning: line 3 of the index is for the platform \"cisco_ios\", and not for \"cisco_iosxr\"\n  \
         hint: ntc-templates calls the platform \"cisco_xr\"\n"
    );
    let (code, _, said) = asked("cisco_ios_lab");
    assert!(
        code == 0 && said.contains("may be rows of another platform"),
        "{said}"
    );
    let (code, _, said) = asked("nokia_sros");
    assert!(
        code == 1 && said.contains("calls the platform \"alcatel_sros\""),
        "{said}"
    );
}

#[test]
fn a_device_need_not_say_utf_8_and_moves_no_cursor() {
    let folder = lab::folder();
    let template = folder.path().join("t.textfsm");
    let template = write(
        &template,
        "Value NAME (.+)\n\nStart\n  ^name ${NAME} -> Record\n",
    );
    let output = b"name \xe4\x1b[2J\n\x1b[2Jodd\n";
    let args = ["--textfsm", template, "--format", "table"];
    let (code, out, said) = parse(&args, output);
    assert_eq!(
        (code, out.as_str()),
        (0, "NAME\n\u{fffd}\u{fffd}[2J\n1 row\n")
    );
    assert!(said.contains("odd") && !said.contains('\u{1b}'), "{said:?}");
}

#[test]
fn a_mark_that_an_editor_put_before_an_output_is_no_part_of_it() {
    let folder = lab::folder();
    let template = folder.path().join("t.textfsm");
    let template = write(
        &template,
        "Value NAME (\\w+)\n\nStart\n  ^name ${NAME} -> Record\n",
    );
    let args = ["--textfsm", template, "--format", "table"];
    let (code, out, said) = parse(&args, "\u{feff}name r1\n".as_bytes());
    assert_eq!(
        (code, out.as_str(), said.as_str()),
        (0, "NAME\nr1\n1 row\n", "")
    );
}

const CPU: &str =
    "CPU utilization for five seconds: 26%/3%; one minute: 20%; five minutes: 19%\r\n";

#[test]
fn a_bundled_collector_makes_samples_of_a_file_or_a_pipe() {
    let ios = ["--collector", "cpu", "--platform", "cisco_ios"];
    let (code, out, said) = parse(&ios, CPU.as_bytes());
    assert_eq!((code, said.as_str()), (0, ""));
    let page = lab::Page::parse(&out);
    assert!(out.starts_with("# HELP netwolf_cpu_"), "{out}");
    let load = "netwolf_cpu_utilization_ratio{cpu=\"0\",window=\"5s\"}";
    assert_eq!(page.value(load), Some(0.26), "{out}");

    let (_, out, _) = parse(&[&ios[..], &["--device", "r1"]].concat(), CPU.as_bytes());
    assert!(
        out.contains("{device=\"r1\",cpu=\"0\",window=\"5s\"} 0.26"),
        "{out}"
    );

    let folder = lab::folder();
    let file = folder.path().join("cpu.txt");
    let (code, out, _) = parse(
        &[&ios[..], &["--format", "json", write(&file, CPU)]].concat(),
        b"",
    );
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(code, 0);
    assert_eq!(answer["samples"][0]["value"], 0.26);
    assert_eq!(answer["records"][0]["records"][0]["one_minute"], "20");
    assert_eq!(answer["problems"], serde_json::json!([]));

    let (_, out, _) = parse(&[&ios[..], &["--format", "table"]].concat(), CPU.as_bytes());
    assert!(
        out.starts_with("--- rule \"utilization\": 1 record\n"),
        "{out}"
    );
}

#[test]
fn an_output_that_makes_no_sample_is_said_with_what_stands_in_it() {
    let (code, out, said) = parse(
        &["--collector", "cpu", "--platform", "cisco_iosxe"],
        b"\n% Invalid input\n",
    );
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(
        said.contains("rule \"utilization\": nothing in the output matches; it begins with: \"% Invalid input\""),
        "{said}"
    );
    assert!(
        said.contains("error: there are no samples in this output\n  hint: "),
        "{said}"
    );
}

#[test]
fn a_collector_that_is_not_clear_is_asked_about() {
    for (args, expected) in [
        (
            &["--collector", "cpu"][..],
            "collector \"cpu\" is not the same on all platforms\n  hint: name one by --platform: arista_eos, cisco_ios",
        ),
        (
            &["--collector", "cpuu"],
            "unknown collector \"cpuu\"\n  hint: did you mean \"cpu\"?",
        ),
        (
            &["--collector", "interfaces", "--platform", "paloalto_panos"],
            "collector \"interfaces\" has nothing for platform \"paloalto_panos\"",
        ),
        (
            &[
                "--collector",
                "cpu",
                "--platform",
                "cisco_ios",
                "--command",
                "show clock",
            ],
            "collector \"cpu\" does not run \"show clock\"\n  hint: it runs:\n    'show processes cpu",
        ),
        (
            &["--textfsm", "t", "--format", "metrics"],
            "a template has no metrics to print",
        ),
    ] {
        let (code, out, said) = parse(args, CPU.as_bytes());
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {said}");
        assert!(said.contains(expected), "{args:?}: {said}");
    }
}

#[test]
fn a_collector_of_the_configuration_with_two_commands_wants_one_named() {
    let folder = lab::folder();
    let files = folder.path().join("collectors");
    fs::create_dir(&files).unwrap();
    let rule = |field: &str| {
        format!(
            "[{{ name: r, regex: {{ patterns: ['{field} (?P<v>\\S+)'] }}, metrics: [{{ name: acme_{field}, \
             kind: gauge, help: It., value: v }}] }}]"
        )
    };
    let text = format!(
        "name: climate\nplatforms: [lab_os]\ncommands:\n  - {{ command: show heat, rules: {} }}\n  \
         - {{ command: show damp, rules: {} }}\n",
        rule("heat"),
        rule("damp"),
    );
    write(&files.join("climate.yml"), &text.replace("lab_os", "linux"));
    let config = lab::configuration(
        folder.path(),
        "library: { collectors: collectors }\ndevices: []\n",
    );
    let named = [
        "--config.file",
        config.to_str().unwrap(),
        "--collector",
        "climate",
    ];
    let (code, _, said) = parse(&named, b"damp 7");
    assert_eq!(code, 2);
    assert!(
        said.contains("runs several commands\n  hint: say by --command whose output it is:\n    'show heat'\n    'show damp'"),
        "{said}"
    );
    let damp = [&named[..], &["--command", "show damp"]].concat();
    let (code, out, said) = parse(&damp, b"damp 7");
    assert_eq!((code, said.as_str()), (0, ""));
    assert!(out.ends_with("acme_damp 7\n"), "{out}");
    let (code, out, said) = parse(&damp, b"damp high");
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(
        said.contains("rule \"r\": not a number: \"high\""),
        "{said}"
    );
    assert!(said.contains("see --format table"), "{said}");
}
