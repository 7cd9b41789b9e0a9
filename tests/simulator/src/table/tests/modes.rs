//! Configuration of every family: in, what is taken and refused, and out again.

use super::*;

/// A login of a device that remembers.
fn remembering(manner: Manner) -> Terminal {
    let (mut terminal, opened) = Terminal::with(Profile {
        remembers: true,
        ..profile(manner, false)
    });
    if opened.ends_with("Press any key to continue") {
        terminal.type_text(" ");
    }
    terminal
}

/// What `out` puts in force.
fn configured(out: &Outputs) -> Vec<Vec<String>> {
    let paths = out.as_slice().iter().filter_map(|output| match output {
        Output::Configured(path) => Some(path.clone()),
        _ => None,
    });
    paths.collect()
}

/// Types lines and looks at the prompt behind each.
struct Way {
    manner: Manner,
    terminal: Terminal,
    in_force: Vec<Vec<String>>,
}

impl Way {
    fn of(manner: Manner) -> Self {
        Self {
            manner,
            terminal: remembering(manner),
            in_force: Vec::new(),
        }
    }

    #[track_caller]
    fn then(mut self, line: &str, prompt: &str) -> Self {
        let out = self.terminal.feed(format!("{line}\r").as_bytes());
        self.in_force.extend(configured(&out));
        let shown = text(&out);
        let manner = self.manner;
        let last = shown.rsplit('\n').next().unwrap_or_default();
        assert!(at_prompt(&shown, prompt), "{manner} {line}: {shown:?}");
        assert_eq!(
            self.terminal.dialogue.prompt().trim_end(),
            prompt,
            "{manner} {line}: {last:?}"
        );
        self
    }

    #[track_caller]
    fn shows(mut self, line: &str, words: &str) -> Self {
        let shown = self.terminal.line(line);
        assert!(shown.contains(words), "{} {line}: {shown:?}", self.manner);
        self
    }

    /// Demands that these lines are in force, their levels parted by ` > `.
    #[track_caller]
    fn leaves(self, expected: &[&str]) {
        let paths: Vec<_> = self.in_force.iter().map(|path| path.join(" > ")).collect();
        assert_eq!(paths, expected, "{}", self.manner);
    }
}

#[test]
fn a_line_is_taken_and_nonsense_is_refused_in_the_familys_words() {
    #[track_caller]
    fn check(manner: Manner, enter: &str, prompt: &str, line: &str, leave: &[&str]) {
        let trial = TRIALS.iter().find(|trial| trial.manner == manner).unwrap();
        let mut way = Way::of(manner)
            .then(enter, prompt)
            .shows("nothing of the kind", trial.refusal);
        let shown = way.terminal.line("");
        assert!(at_prompt(&shown, prompt), "{manner}: {shown:?}");
        let out = way.terminal.feed(format!("{line}\r").as_bytes());
        way.in_force.extend(configured(&out));
        let shown = text(&out);
        assert!(!shown.contains(trial.refusal), "{manner}: {shown:?}");
        assert!(
            out.as_slice().contains(&Output::Ran(line.to_owned())),
            "{manner}"
        );
        for line in leave {
            let out = way.terminal.feed(format!("{line}\r").as_bytes());
            way.in_force.extend(configured(&out));
        }
        let shown = way.terminal.line("");
        let prompt = trial.prompt.trim_end();
        assert!(
            at_prompt(&shown, prompt) || at_prompt(&shown, &format!("*{prompt}")),
            "{manner}: {shown:?}"
        );
        way.leaves(&[line]);
    }
    let ntp = "ntp server 192.0.2.1";
    let set = "set system ntp server 192.0.2.1";
    let configure = "configure terminal";
    check(Manner::CiscoNxos, configure, "r1(config)#", ntp, &["end"]);
    check(Manner::CiscoAsa, configure, "r1(config)#", ntp, &["end"]);
    check(Manner::AristaEos, "configure", "r1(config)#", ntp, &["end"]);
    check(Manner::DellOs10, configure, "r1(config)#", ntp, &["end"]);
    check(Manner::ArubaAoscx, configure, "r1(config)#", ntp, &["end"]);
    check(Manner::HpProcurve, configure, "r1(config)#", ntp, &["end"]);
    let xr = "RP/0/RP0/CPU0:r1(config)#";
    check(Manner::CiscoIosxr, configure, xr, ntp, &["commit", "abort"]);
    let junos = "netwolf@r1#";
    check(
        Manner::JuniperJunos,
        "configure",
        junos,
        set,
        &["commit", "exit"],
    );
    check(Manner::Vyos, "configure", junos, set, &["commit", "exit"]);
    let panos =
        "set deviceconfig system ntp-servers primary-ntp-server ntp-server-address 192.0.2.1";
    check(
        Manner::PaloaltoPanos,
        "configure",
        "netwolf@r1(active)#",
        panos,
        &["commit", "exit"],
    );
    let vrp = "ntp-service unicast-server 192.0.2.1";
    check(
        Manner::HuaweiVrp,
        "system-view",
        "[~r1]",
        vrp,
        &["commit", "return"],
    );
    check(Manner::HpComware, "system-view", "[r1]", vrp, &["return"]);
    let classic = "system time ntp server 192.0.2.1";
    check(
        Manner::NokiaSros,
        "configure",
        "A:r1>config#",
        classic,
        &["exit all"],
    );
    let model = "configure system time ntp server 192.0.2.1";
    let leave = ["commit", "quit-config"];
    check(
        Manner::NokiaSrosMd,
        "edit-config exclusive",
        "A:netwolf@r1#",
        model,
        &leave,
    );
    check(
        Manner::FortinetFortios,
        "config global",
        "r1 (global) #",
        "set timezone 04",
        &["end"],
    );
}

#[test]
fn the_prompt_says_how_far_in_one_is() {
    let configure = "configure terminal";
    let cisco = |manner, base: &str, within: &str| {
        Way::of(manner)
            .then(configure, &format!("{base}(config)#"))
            .then("interface Ethernet1/2", within)
            .then("description uplink", within)
            .then("exit", &format!("{base}(config)#"))
            .then("interface Ethernet1/2", within)
            .then("no cdp run", &format!("{base}(config)#"))
            .then("exit", &format!("{base}#"))
            .leaves(&[
                "interface Ethernet1/2",
                "interface Ethernet1/2 > description uplink",
                "interface Ethernet1/2",
                "no cdp run",
            ]);
    };
    cisco(Manner::CiscoNxos, "r1", "r1(config-if)#");
    cisco(Manner::CiscoAsa, "r1", "r1(config-if)#");
    cisco(Manner::AristaEos, "r1", "r1(config-if-Et1/2)#");
    cisco(Manner::DellOs10, "r1", "r1(conf-if-Ethernet1/2)#");
    cisco(Manner::ArubaAoscx, "r1", "r1(config-if)#");
    cisco(Manner::HpProcurve, "r1", "r1(eth-Ethernet1/2)#");

    Way::of(Manner::HuaweiVrp)
        .then("system-view", "[~r1]")
        .then(
            "interface GigabitEthernet0/0/1",
            "[*r1-GigabitEthernet0/0/1]",
        )
        .then("description uplink", "[*r1-GigabitEthernet0/0/1]")
        .then("quit", "[*r1]")
        .then("commit", "[~r1]")
        .then("quit", "<r1>")
        .leaves(&[
            "interface GigabitEthernet0/0/1",
            "interface GigabitEthernet0/0/1 > description uplink",
        ]);
    Way::of(Manner::NokiaSros)
        .then("configure system", "*A:r1>config>system#")
        .then("time", "*A:r1>config>system>time#")
        .then("ntp server 192.0.2.1", "*A:r1>config>system>time#")
        .then("exit", "*A:r1>config>system#")
        .then("exit all", "*A:r1#")
        .then("configure system location \"lab\"", "*A:r1#")
        .then("admin save", "A:r1#");
    Way::of(Manner::FortinetFortios)
        .then("config system ntp", "r1 (ntp) #")
        .then("config ntpserver", "r1 (ntpserver) #")
        .then("edit 1", "r1 (1) #")
        .then("set server 192.0.2.1", "r1 (1) #")
        .then("next", "r1 (ntpserver) #")
        .then("end", "r1 (ntp) #")
        .then("end", "r1 #")
        .then("config global", "r1 (global) #")
        .then("config system ntp", "r1 (ntp) #")
        .then("end", "r1 (global) #")
        .then("end", "r1 #");
}

#[test]
fn what_waits_for_a_commit_is_given_up_or_asked_about() {
    let xr = "RP/0/RP0/CPU0:r1";
    let within = format!("{xr}(config)#");
    let begun = || {
        Way::of(Manner::CiscoIosxr)
            .then("configure terminal", &within)
            .then("ntp server 192.0.2.1", &within)
    };
    let asks = "commit them before exiting(yes/no/cancel)? [cancel]:";
    begun().then("abort", &format!("{xr}#")).leaves(&[]);
    begun().shows("end", asks).then("", &within).leaves(&[]);
    begun()
        .shows("end", asks)
        .then("no", &format!("{xr}#"))
        .leaves(&[]);
    begun()
        .shows("exit", asks)
        .then("yes", &format!("{xr}#"))
        .leaves(&["ntp server 192.0.2.1"]);
    begun()
        .then("clear", &within)
        .then("end", &format!("{xr}#"))
        .leaves(&[]);

    let begun = |manner, enter| {
        Way::of(manner)
            .then(enter, "netwolf@r1#")
            .then("set system ntp server 192.0.2.1", "netwolf@r1#")
    };
    let junos = || begun(Manner::JuniperJunos, "configure private");
    let asks = "Discard uncommitted changes? [yes,no] (yes) ";
    junos()
        .shows("exit", asks)
        .then("no", "netwolf@r1#")
        .leaves(&[]);
    junos()
        .shows("exit", asks)
        .then("", "netwolf@r1>")
        .leaves(&[]);
    junos()
        .then("rollback", "netwolf@r1#")
        .then("exit configuration-mode", "netwolf@r1>")
        .leaves(&[]);
    junos()
        .then("commit and-quit", "netwolf@r1>")
        .leaves(&["set system ntp server 192.0.2.1"]);
    begun(Manner::Vyos, "configure")
        .shows("exit", "Cannot exit: configuration modified.")
        .then("exit discard", "netwolf@r1:~$")
        .leaves(&[]);

    let vrp = || {
        Way::of(Manner::HuaweiVrp)
            .then("system-view", "[~r1]")
            .then("ntp-service unicast-server 192.0.2.1", "[*r1]")
    };
    vrp()
        .shows("return", "[Y(yes)/N(no)/C(cancel)]:")
        .then("n", "<r1>")
        .leaves(&[]);
    vrp()
        .then("clear configuration candidate", "[~r1]")
        .then("return", "<r1>")
        .leaves(&[]);
    Way::of(Manner::NokiaSrosMd)
        .then("edit-config private", "A:netwolf@r1#")
        .then("configure system location lab", "A:netwolf@r1#")
        .shows("quit-config", "Discard uncommitted changes? [y,n]")
        .then("y", "A:netwolf@r1#")
        .leaves(&[]);
}

#[test]
fn a_session_of_eos_is_given_up_unless_it_is_committed() {
    let session = || {
        Way::of(Manner::AristaEos)
            .then("configure session", "r1(config-s-sess-1)#")
            .then("interface Ethernet1", "r1(config-s-sess-1-if-Et1)#")
            .then("description uplink", "r1(config-s-sess-1-if-Et1)#")
    };
    session().then("abort", "r1#").leaves(&[]);
    session().then("commit", "r1#").leaves(&[
        "interface Ethernet1",
        "interface Ethernet1 > description uplink",
    ]);
    Way::of(Manner::AristaEos)
        .then("configure", "r1(config)#")
        .shows("commit", "% Invalid input");
}

#[test]
fn routeros_is_configured_without_a_mode() {
    let prompt = "[netwolf@r1] >";
    Way::of(Manner::MikrotikRouteros)
        .then("/system ntp client set servers=192.0.2.1", prompt)
        .shows("/system ntp client", "expected command name")
        .shows("/nonsense set x=y", "bad command name /nonsense")
        .leaves(&["/system ntp client set servers=192.0.2.1"]);
}

#[test]
fn what_waits_for_a_commit_is_bounded() {
    let mut terminal = remembering(Manner::JuniperJunos);
    terminal.line("configure");
    for number in 0..1_000 {
        terminal.line(&format!("set system ntp server {number}{:0900}", 0));
    }
    assert!(terminal.dialogue.bytes_to_be <= crate::device::MEMORY_LIMIT);
    let count = terminal.dialogue.lines_to_be.len();
    assert!((500..600).contains(&count), "{count}");
}
