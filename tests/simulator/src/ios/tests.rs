//! The IOS dialogue byte by byte, without a network.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::device::Secret;
use crate::dialogue::UserLine;
use crate::manner::Manner;

/// A terminal at a device whose time stands still.
struct Terminal {
    dialogue: IosDialogue,
    hostname: Arc<str>,
    now: Moment,
}

impl Terminal {
    fn new() -> Self {
        Self::with(Some("sesame"), false)
    }

    fn privileged() -> Self {
        Self::with(Some("sesame"), true)
    }

    fn with(enable_secret: Option<&str>, privileged: bool) -> Self {
        let profile = Profile {
            manner: Manner::CiscoIos,
            privileged,
            enable_secret: enable_secret.map(Secret::from),
            motd: "hello from {hostname}\n".to_owned(),
            questions: false,
            transcript: None,
            allowance: None,
            remembers: false,
        };
        let hostname: Arc<str> = Arc::from("r1");
        let dialogue = IosDialogue::new(Arc::new(profile), Facts::new(1, 0), Arc::clone(&hostname));
        let now = Moment {
            unix: Duration::from_millis(1_445_281_058_347),
            since_boot: Duration::from_secs(100_000),
        };
        let mut terminal = Self {
            dialogue,
            hostname,
            now,
        };
        terminal.act(IosDialogue::open);
        terminal
    }

    fn act(&mut self, call: impl FnOnce(&mut IosDialogue, &Around<'_>, &mut Outputs)) -> Outputs {
        let mut out = Outputs::new();
        self.act_into(&mut out, call);
        out
    }

    fn act_into(
        &mut self,
        out: &mut Outputs,
        call: impl FnOnce(&mut IosDialogue, &Around<'_>, &mut Outputs),
    ) {
        let users = || {
            vec![UserLine {
                number: 0,
                own: true,
                user: "netwolf".to_owned(),
                idle: Duration::ZERO,
                location: "192.0.2.7".to_owned(),
            }]
        };
        let around = Around {
            now: self.now,
            hostname: &self.hostname,
            users: &users,
            configuration: &Vec::new,
            mark: false,
            pager_forced: false,
        };
        call(&mut self.dialogue, &around, out);
        for output in out.as_slice() {
            if let Output::Hostname(name) = output {
                self.hostname = Arc::clone(name);
            }
        }
    }

    /// What the terminal gets back for `keys`.
    fn press(&mut self, keys: &str) -> String {
        let out = self.act(|dialogue, around, out| {
            dialogue.handle_bytes(keys.as_bytes(), around, out);
        });
        String::from_utf8(out.bytes()).expect("all that is typed here is UTF-8")
    }

    /// The output of one command, without echo and prompt, pager off.
    fn output(&mut self, command: &str) -> String {
        self.dialogue.length = 0;
        let text = self.press(&format!("{command}\r"));
        let prompt = self.dialogue.prompt();
        let text = text.strip_prefix(command).expect("the echo comes first");
        let text = text.strip_prefix("\r\n").expect("then a new line");
        text.strip_suffix(&prompt)
            .expect("the prompt comes last")
            .replace("\r\n", "\n")
    }
}

#[track_caller]
fn check(keys: &str, expected: &str) {
    assert_eq!(Terminal::new().press(keys), expected);
}

#[track_caller]
fn check_privileged(keys: &str, expected: &str) {
    assert_eq!(Terminal::privileged().press(keys), expected);
}

#[test]
fn a_shell_opens_with_the_message_of_the_day_and_a_prompt() {
    let mut terminal = Terminal::new();
    let out = terminal.act(IosDialogue::open);
    assert_eq!(out.bytes(), b"hello from r1\r\nr1>");
}

#[test]
fn what_is_dangerous_is_asked_about() {
    let question = "reload\r\nProceed with reload? [confirm]";
    check_privileged("reload\r", question);
    check_privileged("reload\rn", &format!("{question}\r\nr1#"));
    check_privileged("reload\r\x03", &format!("{question}\r\nr1#"));
    let mut terminal = Terminal::privileged();
    terminal.press("reload\r");
    let out = terminal.act(|dialogue, around, out| dialogue.handle_bytes(b"\r", around, out));
    assert!(out.as_slice().contains(&Output::Close { status: 0 }));
    check_privileged(
        "clear counters\ry",
        "clear counters\r\nClear \"show interface\" counters on all interfaces [confirm]\r\nr1#",
    );
    check_privileged(
        "copy running-config startup-config\rstartup-config\r",
        "copy running-config startup-config\r\nDestination filename [startup-config]? \
         startup-config\r\nBuilding configuration...\r\n[OK]\r\nr1#",
    );
}

#[test]
fn a_device_that_remembers_takes_lines_of_configuration_and_refuses_others() {
    let mut terminal = Terminal::privileged();
    terminal.press("configure terminal\r");
    assert!(
        terminal
            .press("ntp server 192.0.2.1\r")
            .contains("Invalid input")
    );
    let profile = Arc::get_mut(&mut terminal.dialogue.profile).unwrap();
    profile.remembers = true;
    let out = terminal.act(|dialogue, around, out| {
        dialogue.handle_bytes(b"ntp server 192.0.2.1\r", around, out);
    });
    let line = "ntp server 192.0.2.1".to_owned();
    assert!(out.as_slice().contains(&Output::Ran(line.clone())));
    assert!(out.as_slice().contains(&Output::Configured(vec![line])));
    assert!(out.bytes().ends_with(b"(config)#"));
    let shown = terminal.press("  nonsense\r");
    let caret = "             ^\r\n% Invalid input detected at '^' marker.";
    assert!(shown.contains(caret), "{shown:?}");

    terminal.press("int gi0/1\r");
    let out = terminal.act(|dialogue, around, out| {
        dialogue.handle_bytes(b"description uplink\r", around, out);
    });
    let path = ["interface gi0/1", "description uplink"].map(str::to_owned);
    assert!(out.as_slice().contains(&Output::Configured(path.to_vec())));
    assert!(out.bytes().ends_with(b"r1(config-if)#"));
    assert!(terminal.press("exit\r").ends_with("r1(config)#"));
    terminal.press("interface gi0/1\r");
    assert!(terminal.press("end\r").ends_with("r1#"));
    assert!(
        terminal
            .press("configure terminal\r")
            .ends_with("r1(config)#")
    );
}

#[test]
fn characters_are_echoed_as_they_come() {
    let mut terminal = Terminal::new();
    assert_eq!(terminal.press("s"), "s");
    assert_eq!(terminal.press("ho"), "ho");
}

#[test]
fn every_line_end_is_one() {
    check("\r", "\r\nr1>");
    check("\n", "\r\nr1>");
    check("\r\n", "\r\nr1>");
    check("\r\0", "\r\nr1>");
    check("\r\r", "\r\nr1>\r\nr1>");
    check("\n\n", "\r\nr1>\r\nr1>");
    check("\r\n\r\n", "\r\nr1>\r\nr1>");
}

#[test]
fn editing_keys_wipe_what_they_take() {
    check("shx\x08", "shx\x08 \x08");
    check("shx\x7f", "shx\x08 \x08");
    check("\x08", "");
    check("abc\x15", "abc\x08 \x08\x08 \x08\x08 \x08");
    check("show ip\x17", "show ip\x08 \x08\x08 \x08");
    check(
        "ab\x15show clockk\x7f\r",
        concat!(
            "ab\x08 \x08\x08 \x08show clockk\x08 \x08\r\n",
            "*18:57:38.347 UTC Mon Oct 19 2015\r\nr1>"
        ),
    );
    // Arrow keys are swallowed, split or not.
    check(
        "sh\x1b[Dow \x1bOAclock\r",
        "show clock\r\n*18:57:38.347 UTC Mon Oct 19 2015\r\nr1>",
    );
}

#[test]
fn control_c_and_z_drop_the_line() {
    check("show\x03", "show\r\nr1>");
    check("show\x1a", "show^Z\r\nr1>");
    check_privileged(
        "conf t\rhost\x03",
        concat!(
            "conf t\r\nEnter configuration commands, one per line.  End with CNTL/Z.\r\n",
            "r1(config)#host^C\r\nr1#"
        ),
    );
    check_privileged(
        "conf t\r\x1a",
        concat!(
            "conf t\r\nEnter configuration commands, one per line.  End with CNTL/Z.\r\n",
            "r1(config)#^Z\r\nr1#"
        ),
    );
}

#[test]
fn long_lines_are_scrolled_by_ten_with_backspaces() {
    let mut terminal = Terminal::new();
    terminal.dialogue.resize(20, 24);
    // "r1>" and 17 characters reach the edge of 20 columns.
    assert_eq!(terminal.press("0123456789abcdef"), "0123456789abcdef");
    let scrolled = terminal.press("g");
    assert_eq!(
        scrolled,
        format!(
            "{}$abcdefg{}{}",
            "\x08".repeat(16),
            " ".repeat(8),
            "\x08".repeat(8)
        )
    );
    assert_eq!(terminal.press("h"), "h");
    assert_eq!(terminal.dialogue.line.text(), "0123456789abcdefgh");
    // Wiping goes back over the edge.
    let wiped = terminal.press("\x15");
    assert_eq!(
        wiped,
        format!("{}{}{}", "\x08".repeat(9), " ".repeat(9), "\x08".repeat(9))
    );
}

#[test]
fn a_line_has_an_end() {
    let mut terminal = Terminal::new();
    terminal.press(&"x".repeat(line::LIMIT));
    assert_eq!(terminal.press("x"), "\x07");
}

#[test]
fn words_may_be_abbreviated_as_far_as_they_are_unique() {
    let clock = "*18:57:38.347 UTC Mon Oct 19 2015\n";
    for command in ["show clock", "sh cl", "sho  clock ", "SHOW Clock", "s c"] {
        assert_eq!(Terminal::new().output(command), clock, "{command}");
    }
    assert!(
        Terminal::new()
            .output("sh proc cpu")
            .starts_with("CPU utilization for five seconds: ")
    );
    assert_eq!(Terminal::new().output("term len 0"), "");
}

#[test]
fn the_caret_stands_under_the_first_character_that_fits_nothing() {
    let invalid = "\r\n% Invalid input detected at '^' marker.\r\n\r\nr1>";
    check("bogus\r", &format!("bogus\r\n   ^{invalid}"));
    check("show foo\r", &format!("show foo\r\n        ^{invalid}"));
    check(
        "show intefaces\r",
        &format!("show intefaces\r\n            ^{invalid}"),
    );
    check(
        "show clock now\r",
        &format!("show clock now\r\n{}^{invalid}", " ".repeat(14)),
    );
    check(
        "term len 600\r",
        &format!("term len 600\r\n{}^{invalid}", " ".repeat(12)),
    );
    // What only the enabled may use does not exist for others.
    check(
        "show running\r",
        &format!("show running\r\n{}^{invalid}", " ".repeat(8)),
    );
    check(
        "show clock | frob x\r",
        &format!("show clock | frob x\r\n{}^{invalid}", " ".repeat(16)),
    );
    check(
        "term len 0 | inc x\r",
        &format!("term len 0 | inc x\r\n{}^{invalid}", " ".repeat(13)),
    );
}

#[test]
fn ambiguous_and_incomplete_commands_are_named() {
    check(
        "show i\r",
        "show i\r\n% Ambiguous command:  \"show i\"\r\nr1>",
    );
    check("e\r", "e\r\n% Ambiguous command:  \"e\"\r\nr1>");
    check("show ip\r", "show ip\r\n% Incomplete command.\r\n\r\nr1>");
    check(
        "terminal length\r",
        "terminal length\r\n% Incomplete command.\r\n\r\nr1>",
    );
    check(
        "show clock |\r",
        "show clock |\r\n% Incomplete command.\r\n\r\nr1>",
    );
    check(
        "show clock | include\r",
        "show clock | include\r\n% Incomplete command.\r\n\r\nr1>",
    );
    check(
        "show\r",
        "show\r\n% Type \"show ?\" for a list of subcommands\r\nr1>",
    );
    check(
        "show clock | inc (\r",
        "show clock | inc (\r\n% Failed to compile regular expression.\r\n\r\nr1>",
    );
}

#[test]
fn enable_asks_for_a_secret_without_echo() {
    check("en\rsesame\r", "en\r\nPassword: \r\nr1#");
    check("en\rsesamx\x7fe\r", "en\r\nPassword: \r\nr1#");
    check("en\r\x03", "en\r\nPassword: \r\nr1>");
    check(
        "en\ra\rb\rc\r",
        "en\r\nPassword: \r\nPassword: \r\nPassword: \r\n% Bad secrets\r\n\r\nr1>",
    );
    check(
        "en\rno\rsesame\rdisable\r",
        "en\r\nPassword: \r\nPassword: \r\nr1#disable\r\nr1>",
    );
    check_privileged("enable\r", "enable\r\nr1#");
}

#[test]
fn without_a_secret_enable_is_refused() {
    let mut terminal = Terminal::with(None, false);
    assert_eq!(
        terminal.press("enable\r"),
        "enable\r\n% No password set\r\nr1>"
    );
}

#[test]
fn leaving_closes_the_session_with_a_status() {
    for word in ["exit", "logout", "quit", "ex"] {
        let mut terminal = Terminal::new();
        let out = terminal.act(|dialogue, around, out| {
            dialogue.handle_bytes(format!("{word}\rshow clock\r").as_bytes(), around, out);
        });
        assert_eq!(out.bytes(), format!("{word}\r\n").as_bytes());
        assert_eq!(out.as_slice().last(), Some(&Output::Close { status: 0 }));
    }
}

#[test]
fn configuration_changes_the_prompt_and_the_hostname() {
    let mut terminal = Terminal::privileged();
    terminal.press("configure terminal\r");
    assert_eq!(
        terminal.press("hostname core-1\r"),
        "hostname core-1\r\ncore-1(config)#"
    );
    assert_eq!(&*terminal.hostname, "core-1");
    assert_eq!(
        terminal.press("do show clock\r"),
        "do show clock\r\n*18:57:38.347 UTC Mon Oct 19 2015\r\ncore-1(config)#"
    );
    assert_eq!(
        terminal.press("do show clokc\r"),
        format!(
            "do show clokc\r\n{}^\r\n% Invalid input detected at '^' marker.\r\n\r\ncore-1(config)#",
            " ".repeat("core-1(config)#do show clo".len())
        )
    );
    assert!(terminal.press("show clock\r").contains("% Invalid input"));
    assert!(terminal.press("hostname a/b\r").contains("illegal"));
    terminal.press("hostname a-name-of-more-than-twenty-characters\r");
    assert_eq!(terminal.dialogue.prompt(), "a-name-of-more-than-(config)#");
    assert!(
        terminal
            .press("end\r")
            .ends_with("\na-name-of-more-than-twenty-characters#")
    );
    assert!(
        terminal
            .output("show run")
            .contains("hostname a-name-of-more-than-twenty-characters\n")
    );
}

#[test]
fn another_login_may_rename_the_device() {
    let mut terminal = Terminal::new();
    terminal.hostname = Arc::from("other");
    assert_eq!(terminal.press("\r"), "\r\nother>");
}

#[test]
fn the_pager_shows_a_page_a_row_or_no_more() {
    const WIPE: &str =
        "\x08\x08\x08\x08\x08\x08\x08\x08\x08        \x08\x08\x08\x08\x08\x08\x08\x08\x08";
    let all = Terminal::new().output("show interfaces");
    let rows: Vec<&str> = all.lines().collect();
    let shown = |rows: &[&str]| {
        rows.iter()
            .flat_map(|row| [*row, "\r\n"])
            .collect::<String>()
    };

    let mut terminal = Terminal::new();
    terminal.dialogue.resize(200, 24);
    let first = terminal.press("show interfaces\r");
    assert_eq!(
        first,
        format!("show interfaces\r\n{} --More-- ", shown(&rows[..23]))
    );
    assert_eq!(
        terminal.press(" "),
        format!("{WIPE}{} --More-- ", shown(&rows[23..46]))
    );
    assert_eq!(
        terminal.press("\r\n"),
        format!("{WIPE}{} --More-- ", shown(&rows[46..47]))
    );
    assert_eq!(terminal.press("q"), format!("{WIPE}r1>"));
    assert_eq!(
        terminal.press("show clock\r"),
        "show clock\r\n*18:57:38.347 UTC Mon Oct 19 2015\r\nr1>"
    );

    // Page by page it is whole, and the prompt follows the last row at once.
    let mut text = terminal.press("show interfaces\r");
    while text.ends_with(" --More-- ") {
        text.push_str(&terminal.press(" "));
    }
    let mark = format!(" --More-- {WIPE}");
    assert_eq!(
        text.replace(&mark, ""),
        format!("show interfaces\r\n{}r1>", shown(&rows))
    );
}

#[test]
fn the_page_follows_the_terminal() {
    let mut terminal = Terminal::new();
    terminal.dialogue.resize(200, 10);
    assert_eq!(
        terminal.press("show version\r").matches("\r\n").count(),
        1 + 9
    );
    terminal.press("q");
    assert!(terminal.press("terminal length 0\r").ends_with("r1>"));
    assert!(!terminal.press("show version\r").contains("More"));
    // A row that is wider than the terminal takes up several.
    terminal.press("terminal length 10\rterminal width 40\r");
    assert!(terminal.press("show version\r").matches("\r\n").count() < 1 + 9);
    terminal.press("q");
    // Size 0 means that the client does not know.
    terminal.dialogue.resize(0, 0);
    assert_eq!(terminal.dialogue.length, DEFAULT_ROWS);
}

/// The rows of `text` that contain `what`.
fn including(text: &str, what: &str) -> String {
    let rows = text.lines().filter(|row| row.contains(what));
    rows.flat_map(|row| [row, "\n"]).collect()
}

#[test]
fn output_filters_do_what_they_are_called() {
    let mut terminal = Terminal::privileged();
    let all = terminal.output("show ip interface brief");
    let including = |what| including(&all, what);
    assert_eq!(
        terminal.output("show ip interface brief | include Gigabit"),
        including("Gigabit")
    );
    assert_eq!(
        terminal
            .output("show ip interface brief | i ^Lo|^Tu")
            .lines()
            .count(),
        2
    );
    let without = terminal.output("show ip interface brief | exclude unassigned|Interface");
    assert_eq!(without.lines().count(), 5);
    let from = terminal.output("show ip interface brief | begin Loop");
    assert!(from.starts_with("Loopback0 ") && from.lines().count() == 2);
    let section = terminal.output("show running-config | section interface Gi.*/1");
    assert_eq!(
        section,
        "interface GigabitEthernet0/1\n description site LAN\n ip address 10.0.2.1 255.255.255.0\n"
    );
    // `_` is any delimiter.
    assert_eq!(
        terminal.output("show ip interface brief | include _down_"),
        including("down")
    );
}

#[test]
fn help_lists_what_may_follow() {
    let mut terminal = Terminal::new();
    let list = terminal.press("show ?");
    assert!(
        list.starts_with("show ?\r\n  clock             Display the system clock\r\n"),
        "{list}"
    );
    assert!(!list.contains("running-config"), "not enabled");
    assert!(list.ends_with("\r\n\r\nr1>show "), "{list}");
    assert_eq!(terminal.press("c?"), "c?\r\nclock  \r\n\r\nr1>show c");
    assert_eq!(terminal.press("\t"), "\r\nr1>show clock ");
    assert_eq!(
        terminal.press("\r"),
        "\r\n*18:57:38.347 UTC Mon Oct 19 2015\r\nr1>"
    );
}

#[test]
fn an_exec_request_prints_the_output_and_nothing_else() {
    let exec = |command: &str| {
        let mut terminal = Terminal::new();
        let out = terminal.act(|dialogue, around, out| dialogue.exec(command, around, out));
        assert_eq!(out.as_slice().last(), Some(&Output::Close { status: 0 }));
        String::from_utf8(out.bytes()).expect("text")
    };
    assert_eq!(
        exec("show clock"),
        "\r\n*18:57:38.347 UTC Mon Oct 19 2015\r\n"
    );
    assert!(!exec("show interfaces").contains("More"));
    assert_eq!(
        exec("sh ver | inc uptime"),
        "\r\nr1 uptime is 1 day, 3 hours, 46 minutes\r\n"
    );
    assert_eq!(
        exec("shwo ver"),
        "\r\nLine has invalid autocommand \"shwo ver\"\r\n"
    );
}

#[test]
fn the_load_line_has_the_form_pollers_know() {
    let line = Terminal::new().output("show processes cpu | include CPU");
    let form = regex::Regex::new(
        r"^CPU utilization for five seconds: \d+%/\d+%; one minute: \d+%; five minutes: \d+%\n$",
    )
    .expect("a pattern");
    assert!(form.is_match(&line), "{line}");
}

#[test]
fn a_filter_keeps_the_rows_that_fit_though_the_others_are_not_made() {
    let mut terminal = Terminal::new();
    let all = terminal.output("show processes cpu");
    let including = |what| including(&all, what);
    for what in [
        "CPU",
        "S",
        "0 S",
        "IP Input",
        "Input  ",
        "IPv4",
        "BGP-",
        "OSPF-1 H",
        "SNMP",
        "PID",
        "TTY Process",
        "%   0 I",
        "0",
        "nothing",
    ] {
        let command = format!("show processes cpu | include {what}");
        assert_eq!(terminal.output(&command), including(what), "{what:?}");
    }
    let shown = terminal.output("show processes cpu | begin TTY B");
    assert!(
        all.ends_with(&shown) && shown.lines().count() == 12,
        "{shown}"
    );
}

#[test]
fn tables_keep_their_columns_for_devices_of_any_age() {
    let row = regex::Regex::new(r"^ *\d+ +\d+ +\d+ +\d+ +\d+\.\d\d% +\d+\.\d\d% +\d+\.\d\d% +0 \S")
        .expect("a pattern");
    let pool = regex::Regex::new(r"(?m)^( *\S+) Pool Total: +(\d+) Used: +(\d+) Free: +(\d+)$")
        .expect("a pattern");
    for days in [0, 1, 100, 1_000] {
        let mut terminal = Terminal::new();
        terminal.now.since_boot = Duration::from_hours(24 * days) + Duration::from_secs(1);
        for line in terminal.output("show processes cpu").lines().skip(2) {
            assert!(row.is_match(line), "after {days} days: {line}");
        }
        let memory = terminal.output("show processes memory");
        let mut pools = 0;
        for found in pool.captures_iter(&memory) {
            let number = |index: usize| found[index].parse::<u64>().expect("digits");
            assert_eq!(number(2), number(3) + number(4));
            pools += 1;
        }
        assert_eq!(pools, 2, "{memory}");
    }
}

/// The numbers of all rows that count something, by their place in `show interfaces`.
fn counters(text: &str) -> Vec<u64> {
    let number = regex::Regex::new(r"\d+").expect("a pattern");
    text.lines()
        .filter(|line| {
            line.contains("packets input")
                || line.contains("packets output")
                || line.contains("errors")
        })
        .flat_map(|line| {
            number
                .find_iter(line)
                .map(|found| found.as_str().parse().expect("digits"))
        })
        .collect()
}

#[test]
fn interface_counters_grow_and_never_fall() {
    let mut terminal = Terminal::new();
    let first = counters(&terminal.output("show interfaces"));
    let mut before = first.clone();
    for _ in 0..50 {
        terminal.now.since_boot += Duration::from_millis(700);
        let now = counters(&terminal.output("show interfaces"));
        assert!(now.iter().zip(&before).all(|(now, before)| now >= before));
        before = now;
    }
    let moved = before
        .iter()
        .zip(&first)
        .filter(|(now, first)| now > first)
        .count();
    assert!(
        moved >= 16,
        "bytes and packets of four interfaces both ways: {moved}"
    );
}

#[test]
fn secrets_stay_out_of_debug() {
    let terminal = Terminal::new();
    assert!(!format!("{:?}", terminal.dialogue.profile).contains("sesame"));
}

/// Things one may type, whole commands mostly, so that a case gets somewhere.
fn keys() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "show version\r",
        "show interfaces\r\n",
        "sh proc cpu | inc CPU\n",
        "en\r",
        "sesame\r",
        "conf t\r",
        "hostname x1\r",
        "end\r",
        "\r",
        "\n",
        "\r\n",
        " ",
        "q",
        "\x03",
        "\x1a",
        "\x15",
        "\x08",
        "\x7f",
        "\t",
        "?",
        "\x1b[A",
        "show ip\r",
        "sho",
        "term len 0\r",
        "term len 7\r",
        "term width 30\r",
        "exit\r",
        "a line that is longer than a narrow terminal is wide\r",
        "do show clock\r",
        "é",
    ]);
    let piece = prop_oneof![
        8 => known.prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..6),
    ];
    prop::collection::vec(piece, 1..25).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn it_does_not_matter_where_the_input_is_cut(
        keys in keys(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut whole = Outputs::new();
        Terminal::new().act_into(&mut whole, |dialogue, around, out| {
            dialogue.handle_bytes(&keys, around, out);
        });
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(keys.len() + 1)).collect();
        places.extend([0, keys.len()]);
        places.sort_unstable();
        let mut cut = Outputs::new();
        let mut terminal = Terminal::new();
        for pair in places.windows(2) {
            terminal.act_into(&mut cut, |dialogue, around, out| {
                dialogue.handle_bytes(&keys[pair[0]..pair[1]], around, out);
            });
        }
        prop_assert_eq!(whole, cut);
    }

    #[test]
    fn byte_by_byte_is_the_same_as_at_once(keys in keys()) {
        let mut whole = Outputs::new();
        Terminal::privileged().act_into(&mut whole, |dialogue, around, out| {
            dialogue.handle_bytes(&keys, around, out);
        });
        let mut single = Outputs::new();
        let mut terminal = Terminal::privileged();
        for byte in keys {
            terminal.act_into(&mut single, |dialogue, around, out| {
                dialogue.handle_bytes(&[byte], around, out);
            });
        }
        prop_assert_eq!(whole, single);
    }
}
