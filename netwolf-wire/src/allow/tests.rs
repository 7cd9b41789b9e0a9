use super::*;
use crate::{
    DeviceName, Epoch,
    step::{Attempt, RunId, StepAnswer, StepCommand},
};

fn platform() -> Platform {
    let mut platform = Platform::new("lab_os", Transport::Shell);
    platform.prompts.insert("user".into(), "[a-z]+#".into());
    platform.reads = vec!["show".into(), "ping".into(), "/* print".into()];
    platform.writes = vec![
        r"\| *(?:redirect|tee|append)".into(),
        r"(?i)> *flash:".into(),
    ];
    let config = Mode {
        enter: vec!["configure terminal".into()],
        leave: vec!["end".into()],
        prompt: None,
    };
    platform.modes.insert("config".into(), config);
    platform
}

fn login(allow: &[&str]) -> Login {
    Login {
        allow: allow.iter().copied().map(Into::into).collect(),
        ..Login::named("monitoring")
    }
}

fn read(command: &str) -> Result<(), Refused> {
    judge(&platform(), &login(&[]), false, None, command)
}

#[test]
fn beginnings_are_whole_words_in_any_case_and_with_any_blanks() {
    let allow = Allow::new(&["show", "IP  route", ""]);
    for command in [
        "show",
        "show version",
        "SHOW  Version",
        "  ip   route 1",
        "ip route",
    ] {
        assert!(allow.permits(command), "{command}");
    }
    for command in [
        "",
        "shower",
        "sh",
        "showversion",
        "ip",
        "ip routes",
        "do show",
    ] {
        assert!(!allow.permits(command), "{command}");
    }
    assert!(!Allow::new::<&str>(&[]).permits("show"));
}

#[test]
fn a_star_stands_for_characters_of_one_word() {
    let allow = Allow::new(&["/*/print", "/* print", "get *"]);
    for command in ["/ip/address/print", "/interface print detail", "get a"] {
        assert!(allow.permits(command), "{command}");
    }
    for command in [
        "/ip address print",
        "/print",
        "get",
        "/ip/address/printer",
        "ip/x/print",
    ] {
        assert!(!allow.permits(command), "{command}");
    }
    assert_eq!(fit("a*b*c", "abc"), Some(vec!["", ""]));
    assert_eq!(fit("a*b*c", "aXbYbZc"), Some(vec!["X", "YbZ"]));
    assert_eq!(fit("a*b*c", "acb"), None);
    assert_eq!(fit("*", ""), Some(vec![""]));
    assert_eq!(fit("*", "x"), Some(vec!["x"]));
    assert_eq!(fit("a*a", "a"), None);
    assert_eq!(fit("ab", "ab"), Some(Vec::new()));
}

/// NX-OS takes a second command behind `;`, and `allow` is a list of beginnings.
#[test]
fn a_beginning_that_is_allowed_allows_nothing_more_behind_it() {
    let mut platform = platform();
    platform.writes = vec![r"[;>]".into(), r"(?i)^[^|]*\|\s*[art]".into()];
    let change = |allow: &[&str], command: &str| {
        let own = Login {
            credential: "changer".into(),
            ..login(allow)
        };
        let on_its_own = judge(&platform, &login(allow), true, None, command);
        let with_another = judge(&platform, &login(&[]), true, Some(&own), command);
        assert_eq!(on_its_own.is_ok(), with_another.is_ok(), "{command}");
        on_its_own
    };
    for command in [
        "show clock ; reload",
        "show clock;reload",
        "show version | redirect flash:x",
        "show version | TEE flash:x",
        "show version > flash:x",
        "show version | re?direct flash:x",
    ] {
        let refused = change(&["show"], command).unwrap_err();
        assert!(
            matches!(refused, Refused::BeyondAllowed { .. }),
            "{refused}"
        );
        assert!(refused.hint().is_some());
    }
    assert_eq!(change(&["show"], "show version | include a|t"), Ok(()));
    assert!(matches!(
        change(&["show"], "reload ; show"),
        Err(Refused::NotAllowed { .. })
    ));

    // Who writes it into the list may, and not twice.
    let allow = ["show", "show version | redirect"];
    assert_eq!(change(&allow, "show version | redirect flash:x"), Ok(()));
    for command in [
        "show clock | redirect flash:x",
        "show version | redirect flash:x | tee y",
        "show version | redirect flash:x ; reload",
    ] {
        assert!(change(&allow, command).is_err(), "{command}");
    }
    let allow = ["copy a b ; show", "set [find *;"];
    assert_eq!(change(&allow, "COPY a  b ; show clock"), Ok(()));
    assert!(change(&allow, "copy a b ; show clock ; reload").is_err());
    assert_eq!(change(&allow, "set [find x; y"), Ok(()));
    assert!(change(&allow, "set [find x;reload;").is_err());
    assert!(change(&["show *"], "show ;reload").is_err());
}

#[test]
fn on_a_platform_that_says_nothing_no_separator_is_typed() {
    let silent = Platform::new("lab_os", Transport::Exec);
    let change = |command: &str| judge(&silent, &login(&["ls"]), true, None, command);
    assert_eq!(change("ls /tmp/?"), Ok(()));
    for command in [
        "ls; reboot",
        "ls && reboot",
        "ls | sh",
        "ls $(reboot)",
        "ls > x",
    ] {
        assert!(change(command).is_err(), "{command}");
    }
    let mut broken = platform();
    broken.writes = vec!["(".into()];
    assert!(matches!(
        judge(&broken, &login(&["show"]), true, None, "show version"),
        Err(Refused::BadPlatform { .. })
    ));
}

#[test]
fn what_is_polled_has_no_keys_in_it() {
    for transport in [Transport::Shell, Transport::Exec] {
        assert_eq!(check_typed(transport, "show version | include a"), Ok(()));
        assert_eq!(check_typed(transport, " \t"), Err(Refused::Empty));
        for command in ["show\tversion", "show \x03", "\x1b[A", "a\nb", "a\u{85}b"] {
            let checked = check_typed(transport, command);
            assert!(
                matches!(checked, Err(Refused::Unseen { .. })),
                "{command:?}"
            );
        }
    }
    assert!(matches!(
        check_typed(Transport::Shell, "show ver?"),
        Err(Refused::Help { .. })
    ));
    assert_eq!(check_typed(Transport::Exec, "ls /tmp/?"), Ok(()));
}

#[test]
fn who_does_not_change_may_only_read() {
    assert_eq!(read("show version"), Ok(()));
    assert_eq!(read("show version | include IOS"), Ok(()));
    assert!(matches!(read("reload"), Err(Refused::NotARead { .. })));
    assert!(matches!(
        read("show run | redirect flash:x"),
        Err(Refused::Writes { .. })
    ));
    assert!(matches!(
        read("show run >FLASH:x"),
        Err(Refused::Writes { .. })
    ));
    assert!(matches!(
        read("show run | re?direct flash:x"),
        Err(Refused::Help { .. })
    ));
    // Whatever the credential may do.
    let wide = login(&["reload", "show"]);
    let own = Some(&wide);
    for own in [None, own] {
        assert!(judge(&platform(), &wide, false, own, "reload").is_err());
        assert!(judge(&platform(), &wide, false, own, "show clock").is_ok());
        assert!(matches!(
            judge(&platform(), &wide, false, own, "ping 192.0.2.1"),
            Err(Refused::NotAllowed { .. })
        ));
    }
}

#[test]
fn who_changes_needs_a_credential_that_may() {
    let change = |login: &Login, own: Option<&Login>, command: &str| {
        judge(&platform(), login, true, own, command)
    };
    assert!(matches!(
        change(&login(&[]), None, "reload"),
        Err(Refused::NoOwnCredential { .. })
    ));
    assert_eq!(
        change(&login(&["clear counters"]), None, "clear counters"),
        Ok(())
    );
    assert!(matches!(
        change(&login(&["clear counters"]), None, "clear line 1"),
        Err(Refused::NotAllowed { .. })
    ));
    let own = Login::named("changer");
    assert_eq!(change(&login(&["show"]), Some(&own), "reload"), Ok(()));
    // To name the credential of the polls is to name no other one.
    let own = Login::named("monitoring");
    assert!(matches!(
        change(&login(&[]), Some(&own), "reload"),
        Err(Refused::NoOwnCredential { .. })
    ));
    let own = Login {
        credential: "changer".into(),
        ..login(&["ntp"])
    };
    assert_eq!(
        change(&login(&[]), Some(&own), "ntp server 192.0.2.1"),
        Ok(())
    );
    assert!(change(&login(&["reload"]), Some(&own), "reload").is_err());
}

#[test]
fn nothing_can_be_typed_behind_a_line() {
    for command in [
        "show\nreload",
        "show\rreload",
        "show\treload",
        "show\u{1b}",
        "show \u{85}x",
        "\u{3}",
        "show \u{202e}noisrev",
        "show\u{200b} version",
        "show \u{2028}reload",
        "\u{feff}show",
    ] {
        let refused = read(command).unwrap_err();
        assert!(matches!(refused, Refused::Unseen { .. }), "{refused}");
    }
    assert_eq!(read("  "), Err(Refused::Empty));
    let long = "show ".repeat(MAX_COMMAND);
    assert!(matches!(read(&long), Err(Refused::TooLong { .. })));
}

#[test]
fn what_cannot_be_judged_is_refused() {
    let mut platform = platform();
    platform.writes.push("(".into());
    let refused = judge(&platform, &login(&[]), false, None, "show version");
    assert!(matches!(refused, Err(Refused::BadPlatform { .. })));
    platform.reads.clear();
    let refused = judge(&platform, &login(&["show"]), false, None, "show version");
    assert!(matches!(refused, Err(Refused::NoReads { .. })));
}

#[test]
fn what_enters_a_mode_is_judged_too() {
    let judge = Judge::new(&platform());
    let own = Login::named("changer");
    assert!(
        judge
            .judge_mode(&login(&[]), true, Some(&own), "config")
            .is_ok()
    );
    assert!(matches!(
        judge.judge_mode(&login(&["ntp"]), true, None, "config"),
        Err(Refused::NotAllowed { .. })
    ));
    assert!(
        judge
            .judge_mode(&login(&["ntp", "configure"]), true, None, "config")
            .is_ok()
    );
    assert!(
        judge
            .judge_mode(&login(&[]), false, None, "config")
            .is_err()
    );
    let refused = judge
        .judge_mode(&login(&[]), true, Some(&own), "bios")
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "platform \"lab_os\" has no mode \"bios\""
    );
    assert_eq!(refused.hint().unwrap(), "it has `config`");

    let mut exec = platform();
    exec.transport = Transport::Exec;
    assert!(
        Judge::new(&exec)
            .judge_mode(&login(&[]), true, Some(&own), "config")
            .is_ok()
    );
    exec.prompts.clear();
    assert!(matches!(
        Judge::new(&exec).judge_mode(&login(&[]), true, Some(&own), "config"),
        Err(Refused::NoShell { .. })
    ));
}

/// A step that only reads by `commands`, on a device as it stands.
pub(super) fn order(commands: Vec<StepCommand>) -> StepOrder {
    StepOrder {
        id: Attempt {
            run: RunId(1),
            step: 0,
            attempt: 1,
        },
        device: DeviceName::new("rtr-1").unwrap(),
        epoch: Epoch(1),
        mode: None,
        commands,
        verify: None,
        changes: false,
        login: None,
        deadline: std::time::Duration::from_mins(1).into(),
    }
}

#[test]
fn a_step_is_judged_as_a_whole() {
    let command = |text: &str| StepCommand {
        text: text.into(),
        timeout: std::time::Duration::from_secs(1).into(),
        expect: Vec::new(),
        reject: Vec::new(),
        answers: Vec::new(),
    };
    let mut step = StepOrder {
        mode: Some("config".into()),
        verify: Some(command("show ntp")),
        changes: true,
        login: Some(Login::named("changer")),
        ..order(vec![command("ntp server 192.0.2.1")])
    };
    let judge = Judge::new(&platform());
    assert_eq!(judge.judge_step(&login(&[]), &step), Ok(()));
    step.commands[0].answers.push(StepAnswer {
        ask: "confirm".into(),
        answer: "y\nreload".into(),
        bare: false,
    });
    assert!(matches!(
        judge.judge_step(&login(&[]), &step),
        Err(Refused::Unseen { .. })
    ));
    step.commands[0].answers.clear();
    // It may be typed more than once.
    step.verify = Some(command("clear ntp"));
    assert!(matches!(
        judge.judge_step(&login(&[]), &step),
        Err(Refused::NotARead { .. })
    ));
}
