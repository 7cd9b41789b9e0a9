//! Every family byte by byte, without a network.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

mod modes;

use crate::clock::Moment;
use crate::device::Secret;
use crate::manner::Manner;
use crate::transcript::{Recorded, Transcript};

/// What is tried on a family. Lines are typed with CR.
struct Trial {
    manner: Manner,
    /// The last line after login.
    prompt: &'static str,
    /// The pager goes off; several lines where configuration must be entered.
    pager_off: &'static [&'static str],
    /// More than a page.
    long: &'static str,
    /// Stands near the end of its output.
    last: &'static str,
    /// What a line that means nothing is answered.
    refusal: &'static str,
    /// The device becomes `r2`.
    rename: &'static [&'static str],
    /// The prompt after that.
    renamed: &'static str,
    logout: &'static str,
}

const fn trial(manner: Manner) -> Trial {
    Trial {
        manner,
        prompt: "r1# ",
        pager_off: &["terminal length 0"],
        long: "show running-config",
        last: "line vty",
        refusal: "% Invalid input detected",
        rename: &["configure terminal", "hostname r2", "end"],
        renamed: "r2# ",
        logout: "exit",
    }
}

const TRIALS: &[Trial] = &[
    Trial {
        refusal: "% Invalid command at",
        ..trial(Manner::CiscoNxos)
    },
    Trial {
        prompt: "RP/0/RP0/CPU0:r1#",
        rename: &["configure terminal", "hostname r2", "commit", "end"],
        renamed: "RP/0/RP0/CPU0:r2#",
        ..trial(Manner::CiscoIosxr)
    },
    Trial {
        pager_off: &["terminal pager 0"],
        refusal: "ERROR: % Invalid input",
        ..trial(Manner::CiscoAsa)
    },
    Trial {
        prompt: "r1#",
        refusal: "% Invalid input",
        renamed: "r2#",
        ..trial(Manner::AristaEos)
    },
    Trial {
        prompt: "netwolf@r1> ",
        pager_off: &["set cli screen-length 0"],
        long: "show interfaces extensive",
        last: "ge-0/0/3, Enabled",
        refusal: "unknown command",
        rename: &["configure", "set system host-name r2", "commit", "exit"],
        renamed: "netwolf@r2> ",
        ..trial(Manner::JuniperJunos)
    },
    Trial {
        prompt: "A:r1# ",
        pager_off: &["environment no more"],
        long: "admin display-config",
        last: "port 40",
        refusal: "Error: Bad command",
        rename: &["configure system name \"r2\""],
        renamed: "*A:r2# ",
        logout: "logout",
        ..trial(Manner::NokiaSros)
    },
    Trial {
        prompt: "A:netwolf@r1# ",
        pager_off: &["environment more false"],
        long: "admin show configuration",
        last: "port 40",
        refusal: "MINOR: ",
        rename: &[
            "edit-config exclusive",
            "configure system name r2",
            "commit",
            "quit-config",
        ],
        renamed: "A:netwolf@r2# ",
        logout: "logout",
        ..trial(Manner::NokiaSrosMd)
    },
    Trial {
        prompt: "[netwolf@r1] > ",
        pager_off: &[],
        long: "/export",
        last: "vlan40",
        refusal: "bad command name",
        rename: &["/system identity set name=r2"],
        renamed: "[netwolf@r2] > ",
        logout: "/quit",
        ..trial(Manner::MikrotikRouteros)
    },
    Trial {
        prompt: "<r1>",
        pager_off: &["screen-length 0 temporary"],
        long: "display interface",
        last: "LoopBack0",
        refusal: "Error: Unrecognized command",
        rename: &["system-view", "sysname r2", "commit", "return"],
        renamed: "<r2>",
        logout: "quit",
        ..trial(Manner::HuaweiVrp)
    },
    Trial {
        prompt: "<r1>",
        pager_off: &["screen-length disable"],
        long: "display interface",
        last: "GigabitEthernet1/0/24",
        refusal: "% Unrecognized command",
        rename: &["system-view", "sysname r2", "return"],
        renamed: "<r2>",
        logout: "quit",
        ..trial(Manner::HpComware)
    },
    Trial {
        pager_off: &["no page"],
        long: "show interfaces",
        last: "  48  ",
        refusal: "Invalid input: nothing",
        logout: "logout",
        ..trial(Manner::HpProcurve)
    },
    Trial {
        pager_off: &["no page"],
        long: "show interface",
        last: "Interface 1/1/24",
        refusal: "Invalid input: nothing",
        ..trial(Manner::ArubaAoscx)
    },
    Trial {
        prompt: "r1 # ",
        pager_off: &["config system console", "set output standard", "end"],
        long: "show",
        last: "host-40",
        refusal: "Unknown action",
        rename: &["config system global", "set hostname r2", "end"],
        renamed: "r2 # ",
        ..trial(Manner::FortinetFortios)
    },
    Trial {
        prompt: "netwolf@r1(active)> ",
        pager_off: &["set cli pager off"],
        long: "show interface all",
        last: "198.51.100.24/32",
        refusal: "Unknown command: nothing",
        rename: &[
            "configure",
            "set deviceconfig system hostname r2",
            "commit",
            "exit",
        ],
        renamed: "netwolf@r2(active)> ",
        ..trial(Manner::PaloaltoPanos)
    },
    Trial {
        prompt: "netwolf@r1:~$ ",
        pager_off: &["set terminal length 0"],
        long: "show interfaces",
        last: "eth39",
        refusal: "Invalid command: [nothing]",
        rename: &["configure", "set system host-name r2", "commit", "exit"],
        renamed: "netwolf@r2:~$ ",
        ..trial(Manner::Vyos)
    },
    Trial {
        long: "show running-configuration",
        refusal: "% Error: Unrecognized command",
        ..trial(Manner::DellOs10)
    },
    Trial {
        prompt: "netwolf@r1:~$ ",
        pager_off: &[],
        long: "top -b -n 1",
        last: "process50",
        refusal: "nothing: command not found",
        rename: &["hostname r2"],
        renamed: "netwolf@r2:~$ ",
        ..trial(Manner::Linux)
    },
];

/// A terminal at a device whose time stands still.
struct Terminal {
    dialogue: TableDialogue,
    hostname: Arc<str>,
    mark: bool,
    forced: bool,
}

impl Terminal {
    fn new(manner: Manner, questions: bool) -> (Self, String) {
        Self::with(profile(manner, questions))
    }

    fn with(profile: Profile) -> (Self, String) {
        let hostname: Arc<str> = Arc::from("r1");
        let mut dialogue = TableDialogue::new(
            Arc::new(profile),
            Facts::new(1, 0),
            Arc::clone(&hostname),
            "netwolf+ct511w4098h",
        );
        dialogue.resize(200, 24);
        let mut terminal = Self {
            dialogue,
            hostname,
            mark: false,
            forced: false,
        };
        let opened = terminal.act(TableDialogue::open);
        (terminal, text(&opened))
    }

    /// Logged in, with every question answered.
    fn ready(manner: Manner) -> Self {
        let (mut terminal, opened) = Self::new(manner, false);
        if opened.ends_with("Press any key to continue") {
            terminal.type_text(" ");
        }
        terminal
    }

    fn act(&mut self, call: impl FnOnce(&mut TableDialogue, &Around<'_>, &mut Outputs)) -> Outputs {
        let users = Vec::new;
        let around = Around {
            now: Moment {
                unix: Duration::from_millis(1_445_281_058_347),
                since_boot: Duration::from_secs(100_000),
            },
            hostname: &self.hostname,
            users: &users,
            configuration: &Vec::new,
            mark: self.mark,
            pager_forced: self.forced,
        };
        let mut out = Outputs::new();
        call(&mut self.dialogue, &around, &mut out);
        for output in out.as_slice() {
            if let Output::Hostname(name) = output {
                self.hostname = Arc::clone(name);
            }
        }
        out
    }

    fn feed(&mut self, bytes: &[u8]) -> Outputs {
        self.act(|dialogue, around, out| dialogue.handle_bytes(bytes, around, out))
    }

    fn type_text(&mut self, typed: &str) -> String {
        text(&self.feed(typed.as_bytes()))
    }

    fn line(&mut self, line: &str) -> String {
        self.type_text(&format!("{line}\r"))
    }
}

fn profile(manner: Manner, questions: bool) -> Profile {
    Profile {
        manner,
        questions,
        transcript: None,
        privileged: true,
        enable_secret: Some(Secret::from("sesame")),
        motd: "# hello from {hostname} #\n".to_owned(),
        allowance: None,
        remembers: false,
    }
}

fn text(out: &Outputs) -> String {
    String::from_utf8(out.bytes()).expect("nothing but text")
}

fn has_ended(out: &Outputs) -> bool {
    out.as_slice()
        .iter()
        .any(|output| matches!(output, Output::Close { .. }))
}

/// Whether `shown` ends with `prompt`, whatever cursor moves surround it.
fn at_prompt(shown: &str, prompt: &str) -> bool {
    shown
        .rsplit('\n')
        .next()
        .is_some_and(|line| line.contains(prompt.trim_end()))
}

fn each(check: impl Fn(&Trial)) {
    for trial in TRIALS {
        check(trial);
    }
}

#[test]
fn every_manner_has_a_trial() {
    for manner in Manner::ALL {
        let live = matches!(manner, Manner::CiscoIos | Manner::CiscoIosxe);
        let tried = TRIALS.iter().any(|trial| trial.manner == *manner);
        assert_ne!(live, tried, "{manner}");
    }
}

#[test]
fn a_login_ends_at_the_prompt_and_an_empty_line_gives_another() {
    each(|trial| {
        let mut terminal = Terminal::ready(trial.manner);
        let shown = terminal.line("");
        assert!(
            at_prompt(&shown, trial.prompt),
            "{}: {shown:?}",
            trial.manner
        );
        assert_eq!(terminal.dialogue.prompt(), trial.prompt, "{}", trial.manner);
    });
}

#[test]
fn long_output_is_paged_until_the_pager_is_off() {
    each(|trial| {
        let manner = trial.manner;
        let mut terminal = Terminal::ready(manner);
        let mut paged = terminal.line(trial.long);
        if let Some(pages) = manner.traits().pager {
            let mut marks = 0;
            while paged.ends_with(pages.mark) {
                paged.truncate(paged.len() - pages.mark.len());
                let more = terminal.type_text(" ");
                paged.push_str(more.strip_prefix(pages.wipe).expect("the mark is wiped"));
                marks += 1;
                assert!(marks < 100, "{manner}: no end");
            }
            assert!(marks > 0, "{manner}: not paged: {paged:?}");
        }
        assert!(paged.contains(trial.last), "{manner}: {paged:?}");
        assert!(at_prompt(&paged, trial.prompt), "{manner}: {paged:?}");

        for line in trial.pager_off {
            terminal.line(line);
        }
        let whole = terminal.line(trial.long);
        if !trial.pager_off.is_empty() || manner.traits().pager.is_none() {
            assert_eq!(whole, paged, "{manner}");
        }
    });
}

#[test]
fn a_page_can_be_left_and_turned_by_a_row() {
    each(|trial| {
        let Some(pages) = trial.manner.traits().pager else {
            return;
        };
        let mut terminal = Terminal::ready(trial.manner);
        terminal.line(trial.long);
        let row = terminal.type_text("\r");
        let row = row.strip_prefix(pages.wipe).expect("the mark is wiped");
        let row = row.strip_suffix(pages.mark).expect("the mark is back");
        assert_eq!(row.matches('\n').count(), 1, "{}: {row:?}", trial.manner);
        let left = terminal.type_text("q");
        assert!(at_prompt(&left, trial.prompt), "{}: {left:?}", trial.manner);
        assert!(!left.contains(trial.last));
    });
}

#[test]
fn routeros_dumps_the_rest_of_its_pages() {
    let mut terminal = Terminal::ready(Manner::MikrotikRouteros);
    terminal.line("/export");
    let rest = terminal.type_text("d");
    assert!(
        rest.contains("vlan40") && at_prompt(&rest, "[netwolf@r1] > "),
        "{rest:?}"
    );
}

#[test]
fn a_pager_may_come_back_by_force() {
    each(|trial| {
        let Some(pages) = trial.manner.traits().pager else {
            return;
        };
        let mut terminal = Terminal::ready(trial.manner);
        for line in trial.pager_off {
            terminal.line(line);
        }
        terminal.forced = true;
        let shown = terminal.line(trial.long);
        assert!(shown.ends_with(pages.mark), "{}: {shown:?}", trial.manner);
    });
}

#[test]
fn unknown_commands_are_refused_in_the_familys_words() {
    each(|trial| {
        let mut terminal = Terminal::ready(trial.manner);
        let shown = terminal.line("nothing of the kind");
        assert!(shown.contains(trial.refusal), "{}: {shown:?}", trial.manner);
        assert!(
            at_prompt(&shown, trial.prompt),
            "{}: {shown:?}",
            trial.manner
        );
    });
}

#[test]
fn a_new_name_changes_the_prompt() {
    each(|trial| {
        let mut terminal = Terminal::ready(trial.manner);
        let mut shown = String::new();
        for line in trial.rename {
            shown = terminal.line(line);
            assert!(
                !shown.contains(trial.refusal),
                "{}: {line}: {shown:?}",
                trial.manner
            );
        }
        assert!(
            at_prompt(&shown, trial.renamed),
            "{}: {shown:?}",
            trial.manner
        );
        // As another login does it.
        terminal.hostname = Arc::from("elsewhere");
        let shown = terminal.line("");
        assert!(shown.contains("elsewhere"), "{}: {shown:?}", trial.manner);
    });
}

#[test]
fn a_logout_ends_the_session() {
    each(|trial| {
        let mut terminal = Terminal::ready(trial.manner);
        let mut out = terminal.feed(format!("{}\r", trial.logout).as_bytes());
        if trial.manner.traits().farewell.is_some() {
            assert!(!has_ended(&out));
            out = terminal.feed(b"y");
        }
        assert!(has_ended(&out), "{}", trial.manner);
        assert_eq!(terminal.line("more"), "", "{}", trial.manner);
    });
}

#[test]
fn questions_are_asked_and_wait_for_their_answer() {
    #[track_caller]
    fn check(manner: Manner, asked: &str, answer: &str, prompt: &str) {
        let (mut terminal, opened) = Terminal::new(manner, true);
        assert!(opened.ends_with(asked), "{opened:?}");
        let shown = terminal.type_text(answer);
        assert!(at_prompt(&shown, prompt), "{manner}: {shown:?}");
    }
    check(Manner::HpProcurve, "Press any key to continue", "x", "r1# ");
    check(Manner::HpComware, "N to exit.", "y", "<r1>");
    check(Manner::HpComware, "N to exit.", "\r", "<r1>");
    check(
        Manner::FortinetFortios,
        "(Press 'a' to accept):",
        "a",
        "r1 # ",
    );
    check(Manner::HuaweiVrp, "Change now? [Y/N]:", "n\r", "<r1>");
    check(Manner::MikrotikRouteros, "[Y/n]: ", "n", "[netwolf@r1] > ");

    let (mut terminal, _) = Terminal::new(Manner::HpComware, true);
    assert!(has_ended(&terminal.feed(b"n")));
    let (mut terminal, _) = Terminal::new(Manner::FortinetFortios, true);
    assert!(
        terminal.type_text("x").ends_with("(Press 'a' to accept):"),
        "asked again"
    );
}

#[test]
fn enable_asks_for_the_secret() {
    for manner in [Manner::AristaEos, Manner::CiscoAsa, Manner::HpProcurve] {
        let (mut terminal, opened) = Terminal::with(Profile {
            privileged: false,
            ..profile(manner, false)
        });
        if opened.ends_with("Press any key to continue") {
            terminal.type_text(" ");
        }
        assert!(terminal.line("enable").ends_with("Password: "), "{manner}");
        let shown = terminal.line("wrong");
        assert!(
            !shown.contains("wrong") && at_prompt(&shown, "r1>"),
            "{manner}: {shown:?}"
        );
        terminal.line("enable");
        assert!(at_prompt(&terminal.line("sesame"), "r1#"), "{manner}");
    }
}

#[test]
fn the_mark_stands_in_the_prompt_of_those_who_have_one() {
    let mut terminal = Terminal::ready(Manner::NokiaSros);
    terminal.mark = true;
    assert!(terminal.line("").ends_with("*A:r1# "));
    let mut terminal = Terminal::ready(Manner::HuaweiVrp);
    assert!(terminal.line("system-view").ends_with("[~r1]"));
    terminal.mark = true;
    assert!(terminal.line("").ends_with("[*r1]"));
}

#[test]
fn iosxr_stamps_outputs_until_told_not_to() {
    let mut terminal = Terminal::ready(Manner::CiscoIosxr);
    let shown = terminal.line("show clock");
    assert!(
        shown.contains("\r\nMon Oct 19 18:57:38.347 UTC\r\n"),
        "{shown:?}"
    );
    terminal.line("terminal exec prompt no-timestamp");
    assert!(
        !terminal
            .line("show clock")
            .contains("Mon Oct 19 18:57:38.347 UTC")
    );
}

#[test]
fn typing_is_shown_in_the_familys_way() {
    #[track_caller]
    fn check(manner: Manner, typed: &str, expected: &str) {
        assert_eq!(
            Terminal::ready(manner).type_text(typed),
            expected,
            "{manner}"
        );
    }
    check(Manner::AristaEos, "sh v\x7f", "sh v\x08 \x08");
    check(Manner::HuaweiVrp, "a b", "a  \x1b[1Db");
    check(Manner::HpProcurve, "a", "a\x1b[24;6H\x1b[?25h");
    check(Manner::NokiaSros, "a\x1b[Ab", "ab");
    // A command that reaches the edge: the cursor is made to wrap.
    let mut terminal = Terminal::ready(Manner::Vyos);
    terminal.dialogue.resize(20, 24);
    assert_eq!(terminal.type_text("abcdefg"), "abcdef \x08g");
    // RouterOS knows no LF, and paints the line again at its end.
    let mut terminal = Terminal::ready(Manner::MikrotikRouteros);
    assert_eq!(terminal.type_text("x\n"), "x");
    let shown = terminal.type_text("\r");
    assert!(shown.starts_with("\r[netwolf@r1] > x\r\n"), "{shown:?}");
    // What is typed ahead at EOS is shown at once, by its kernel.
    let terminal = Terminal::ready(Manner::AristaEos);
    assert_eq!(terminal.dialogue.echo_ahead(b"show\r"), b"show\r\n");
    let terminal = Terminal::ready(Manner::CiscoNxos);
    assert_eq!(terminal.dialogue.echo_ahead(b"show\r"), b"");
}

#[test]
fn prompts_come_with_what_stands_around_them() {
    let shown = Terminal::ready(Manner::JuniperJunos).line("");
    assert!(
        shown.ends_with("\r\n{master:0}\r\nnetwolf@r1> "),
        "{shown:?}"
    );
    let shown = Terminal::ready(Manner::NokiaSrosMd).line("");
    assert!(shown.ends_with("\r\n[/]\r\nA:netwolf@r1# "), "{shown:?}");
    let shown = Terminal::ready(Manner::HpComware).line("");
    assert!(shown.ends_with("\0\x07<r1>"), "{shown:?}");
    let shown = Terminal::ready(Manner::CiscoNxos).line("");
    assert!(shown.ends_with("\r\r\n\rr1# "), "{shown:?}");
}

#[test]
fn commands_run_without_a_shell_where_the_family_does_that() {
    #[track_caller]
    fn check(manner: Manner, command: &str, expected: &str, status: u32) {
        let (mut terminal, _) = Terminal::new(manner, false);
        let out = terminal.act(|dialogue, around, out| dialogue.exec(command, around, out));
        let shown = text(&out);
        assert!(
            shown.contains(expected) && !shown.contains('\r'),
            "{manner}: {shown:?}"
        );
        let last = out.as_slice().last();
        assert_eq!(last, Some(&Output::Close { status }), "{manner}");
    }
    check(
        Manner::Linux,
        "cat /proc/loadavg && grep '^cpu' /proc/stat",
        "\ncpu0 ",
        0,
    );
    check(Manner::Linux, "frob", "frob: command not found", 127);
    check(
        Manner::JuniperJunos,
        "show version | display xml",
        "<host-name>r1<",
        0,
    );
    check(
        Manner::AristaEos,
        "show version | json",
        "\"version\": \"4.28.3M\"",
        0,
    );
    check(
        Manner::AristaEos,
        "show version | include Uptime",
        "Uptime: 1 days",
        0,
    );
    check(
        Manner::CiscoNxos,
        "show version | json native",
        "\"host_name\": \"r1\"",
        0,
    );
    check(
        Manner::MikrotikRouteros,
        "/system resource print",
        "cpu-load: ",
        0,
    );
    check(
        Manner::MikrotikRouteros,
        "/nothing",
        "bad command name /nothing",
        1,
    );
}

#[test]
fn structured_outputs_are_well_formed() {
    for (manner, command) in [
        (Manner::AristaEos, "show version | json"),
        (Manner::AristaEos, "show interfaces | json"),
        (Manner::AristaEos, "show processes top once | json"),
        (Manner::CiscoNxos, "show version | json"),
        (Manner::JuniperJunos, "show version | display json"),
        (Manner::Linux, "ip -s -j link"),
    ] {
        let (mut terminal, _) = Terminal::new(manner, false);
        let out = terminal.act(|dialogue, around, out| dialogue.exec(command, around, out));
        let shown = text(&out);
        let parsed = serde_json::from_str::<serde_json::Value>(&shown);
        assert!(parsed.is_ok(), "{manner}: {command}: {parsed:?}: {shown}");
        assert!(!shown.contains("{{"), "{manner}: {command}: {shown}");
    }
}

#[test]
fn no_output_has_a_value_that_is_not_known() {
    for manner in Manner::ALL {
        let traits = manner.traits();
        let acts = traits.commands.iter().copied().flatten();
        for command in acts.chain(answers::of(traits.answers)) {
            let (mut terminal, _) = Terminal::new(*manner, false);
            let out = terminal.act(|dialogue, around, out| {
                let filled = dialogue.fill(command.reply, around, "7");
                out.text(filled);
            });
            assert!(!text(&out).contains("{{"), "{manner}: {}", command.words);
        }
    }
}

fn replayed() -> Terminal {
    let transcript = Transcript {
        format: 1,
        platform: "arista_eos".to_owned(),
        hostname: "r1".to_owned(),
        prompt: "r1(s1)#".to_owned(),
        before_prompt: "Last login: yesterday\n".to_owned(),
        commands: vec![Recorded {
            command: "show version".to_owned(),
            output: "Recorded EOS\nUptime: 5 days".to_owned(),
        }],
    };
    let (terminal, opened) = Terminal::with(Profile {
        transcript: Some(Arc::new(transcript)),
        ..profile(Manner::AristaEos, false)
    });
    assert_eq!(opened, "Last login: yesterday\r\nr1(s1)#");
    terminal
}

#[test]
fn a_replay_shows_what_was_recorded_and_nothing_else() {
    let mut terminal = replayed();
    let shown = terminal.line("show version");
    assert_eq!(
        shown,
        "show version\r\nRecorded EOS\r\nUptime: 5 days\r\nr1(s1)#"
    );
    assert!(terminal.line("show interfaces").contains("% Invalid input"));
    assert!(
        terminal
            .line("terminal length 0")
            .contains("Pagination disabled.")
    );
    terminal.hostname = Arc::from("r2");
    assert!(terminal.line("").ends_with("r2(s1)#"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// However a client cuts its packets, the device says the same.
    #[test]
    fn packets_may_be_cut_anywhere(
        number in 0..TRIALS.len(),
        cuts in prop::collection::vec(1_usize..9, 1..60),
    ) {
        let trial = &TRIALS[number];
        let mut script = format!("{}\r  nothing\r\x03\x7f", trial.long);
        for line in trial.rename.iter().chain(trial.pager_off).chain([&trial.long]) {
            script.push_str(line);
            script.push('\r');
        }
        let mut whole = Terminal::ready(trial.manner);
        let expected = whole.feed(script.as_bytes()).bytes();
        let mut cut = Terminal::ready(trial.manner);
        let mut shown = Vec::new();
        let mut rest = script.as_bytes();
        for size in cuts.iter().cycle() {
            let (piece, behind) = rest.split_at((*size).min(rest.len()));
            shown.extend(cut.feed(piece).bytes());
            rest = behind;
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(String::from_utf8_lossy(&shown), String::from_utf8_lossy(&expected));
    }

    /// Whatever bytes come, nothing panics.
    #[test]
    fn any_bytes_are_borne(
        number in 0..TRIALS.len(),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        Terminal::ready(TRIALS[number].manner).feed(&bytes);
    }
}
