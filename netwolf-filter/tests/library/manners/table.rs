//! What devices of each platform show, line by line, and what it is taken for.

use super::{Manners, all};

/// What one platform shows.
struct Shown {
    platform: &'static str,
    /// Prompts with the mode that they are of.
    prompts: &'static [(&'static str, &'static str)],
    /// Lines of banners and outputs that look like prompts and are none.
    no_prompts: &'static [&'static str],
    /// Lines above the prompt.
    above: &'static [&'static str],
    /// Questions at login, and what is typed.
    questions: &'static [(&'static str, Option<&'static str>)],
    /// Ends of pages.
    pages: &'static [&'static str],
    refusals: &'static [&'static str],
    /// Lines of good outputs that look like refusals.
    no_refusals: &'static [&'static str],
}

/// Lines that are a prompt nowhere.
const NOWHERE: &[&str] = &[
    "",
    " ",
    "#",
    ">",
    "$",
    "%",
    "##########",
    "-----#",
    "Password:",
    "Username:",
    "login:",
    "*** Authorised users only ***#",
    "# Unauthorised access is prohibited #",
    "Type help or '?' for a list of commands>",
    "This system is monitored. Disconnect now if you are not authorised >",
];

const IOS: Shown = Shown {
    platform: "cisco_ios",
    prompts: &[
        ("rtr-1>", "user"),
        ("SW_1-2>", "user"),
        ("rtr-1#", "privileged"),
        ("rtr-1# ", "privileged"),
        ("sw1.example.net#", "privileged"),
        ("1841#", "privileged"),
        (
            "a-name-of-sixty-three-characters-which-is-the-most-that-there-i#",
            "privileged",
        ),
        ("rtr-1(config)#", "config"),
        ("rtr-1(config-if)#", "config"),
        ("rtr-1(config-router-af)#", "config"),
        ("rtr-1(tcl)#", "config"),
    ],
    no_prompts: &[
        "% Invalid input detected at '^' marker.",
        "Welcome to rtr-1 #",
        " --More-- ",
        "rtr-1#show version",
        "rtr-1#\nrtr-1",
        "rtr-1(config)",
        "<rtr-1>",
        "[rtr-1]",
    ],
    above: &[],
    questions: &[("Enter old password:", None), ("New password: ", None)],
    pages: &[" --More-- ", "interface Vlan1 --More--"],
    refusals: &[
        "% Invalid input detected at '^' marker.",
        "% Incomplete command.",
        "% Ambiguous command:  \"show ver | i x\"",
        "% Unknown command or computer name, or unable to find computer address",
        "% Bad IP address or host name",
        "Command authorization failed.",
        "% Authorization failed.",
        "shw version\n ^\n% Invalid input detected at '^' marker.\n",
    ],
    no_refusals: &[
        "  Description: % Invalid input",
        "CPU utilization for five seconds: 1%/0%",
        "%SYS-5-CONFIG_I: Configured from console",
        "% OSPF not enabled",
    ],
};

const PLATFORMS: &[Shown] = &[
    Shown {
        platform: "arista_eos",
        prompts: &[
            ("leaf1>", "user"),
            ("leaf1#", "privileged"),
            ("leaf1.ams#", "privileged"),
            ("leaf1(vrf:MGMT)#", "privileged"),
            ("leaf1(s1)#", "privileged"),
            ("leaf1(config)#", "config"),
            ("leaf1(config-if-Et1/1)#", "config"),
            ("leaf1(s1)(config-s-maint)#", "config"),
        ],
        no_prompts: &["leaf1(config)", "[admin@leaf1 ~]", "Arista leaf #"],
        above: &[],
        questions: &[("Current password: ", None), ("New password:", None)],
        pages: &[" --More-- "],
        refusals: &[
            "% Invalid input",
            "% Invalid input (privileged mode required)",
            "% Incomplete command",
            "% Ambiguous command",
            "% Unavailable command (not supported on this hardware platform)",
            "% Authorization denied for command 'show running-config'",
            "% Error starting SSH",
        ],
        no_refusals: &["% BGP inactive", "% Total 12"],
    },
    Shown {
        platform: "aruba_aoscx",
        prompts: &[
            ("8320-1#", "privileged"),
            ("8320-1# ", "privileged"),
            ("8320-1>", "user"),
            ("8320-1(config)#", "config"),
            ("8320-1(config-if-vlan)#", "config"),
            ("8320-1(config-if)# ", "config"),
        ],
        no_prompts: &["8320-1# show version", "8320-1(config)"],
        above: &[],
        questions: &[
            ("Press any key to continue", Some(" ")),
            ("Enter new password:", None),
        ],
        pages: &["-- MORE --, next page: Space, next line: Enter, quit: q"],
        refusals: &[
            "Invalid input: shw",
            "Ambiguous input: s",
            "% Command incomplete.",
            "% Unknown command.",
            "Cannot execute command. Command not allowed.",
        ],
        no_refusals: &[" Invalid input: 0", "Rx invalid input: 3"],
    },
    Shown {
        platform: "cisco_asa",
        prompts: &[
            ("fw-1>", "user"),
            ("fw-1/pri/act>", "user"),
            ("fw-1#", "privileged"),
            ("fw-1/sec/stby#", "privileged"),
            ("fw-1/admin#", "privileged"),
            ("fw-1/pri/act/customer-a# ", "privileged"),
            ("fw-1(config)#", "config"),
            ("fw-1/pri/act(config-if)#", "config"),
        ],
        no_prompts: &["fw-1/pri/act# show version", "/etc/motd#", "<--- More --->"],
        above: &[],
        questions: &[("Enter new password: ", None)],
        pages: &["<--- More --->"],
        refusals: &[
            "ERROR: % Invalid input detected at '^' marker.",
            "ERROR: % Incomplete command",
            "ERROR: Command requires failover license",
            "Command authorization failed",
            "Type help or '?' for a list of available commands.",
        ],
        no_refusals: &[
            "  0 input errors, 0 CRC",
            "%ASA-6-302013: Built inbound TCP",
        ],
    },
    Shown {
        platform: "cisco_iosxr",
        prompts: &[
            ("RP/0/RP0/CPU0:core-1#", "privileged"),
            ("RP/0/RSP1/CPU0:core-1.ams#", "privileged"),
            ("RP/0/0/CPU0:ios#", "privileged"),
            ("RP/0/RP0/CPU0:core-1(config)#", "config"),
            ("RP/0/RP0/CPU0:core-1(config-bgp-nbr)#", "config"),
            ("RP/0/RP0/CPU0:core-1(admin)#", "config"),
            ("sysadmin-vm:0_RP0#", "sysadmin"),
            ("sysadmin-vm:0_RP0(config)#", "sysadmin"),
        ],
        no_prompts: &[
            "core-1#",
            "RP/0/RP0/CPU0:Nov 4 12:34:56.789 : bgp[1052]: neighbor down",
            "Tue Nov  4 12:34:56.789 UTC",
            "RP/0/RP0/CPU0#",
        ],
        above: &[],
        questions: &[("New password:", None)],
        pages: &[" --More-- "],
        refusals: &[
            "% Invalid input detected at '^' marker.",
            "% Incomplete command.",
            "% This command is not authorized",
        ],
        no_refusals: &["% Total 12", "      0 % of invalid input"],
    },
    Shown {
        platform: "cisco_nxos",
        prompts: &[
            ("leaf-1#", "privileged"),
            ("leaf-1# ", "privileged"),
            ("core-1-VDC2#", "privileged"),
            ("leaf-1(maint-mode)#", "privileged"),
            ("leaf-1>", "user"),
            ("leaf-1(config)#", "config"),
            ("leaf-1(config-if-range)#", "config"),
            ("leaf-1(maint-mode)(config)#", "config"),
        ],
        no_prompts: &["leaf-1# show version", "Nexus 9000 #", "leaf-1(shutdown)"],
        above: &[],
        questions: &[("Enter new password:", None)],
        pages: &["--More--"],
        refusals: &[
            "% Invalid command at '^' marker.",
            "% Invalid parameter detected at '^' marker.",
            "% Invalid number at '^' marker.",
            "% Incomplete command at '^' marker.",
            "% Ambiguous command at '^' marker.",
            "% Permission denied for the role",
            "Syntax error while parsing 'shw version'",
        ],
        no_refusals: &["% Total 12", "Note: process currently not running"],
    },
    Shown {
        platform: "dell_os10",
        prompts: &[
            ("leaf-1#", "privileged"),
            ("leaf-1# ", "privileged"),
            ("leaf-1>", "user"),
            ("leaf-1(config)#", "config"),
            ("leaf-1(conf-if-eth1/1/1)#", "config"),
        ],
        no_prompts: &["Dell EMC Networking #", "leaf-1# show version"],
        above: &[],
        questions: &[("(current) UNIX password: ", None), ("New password:", None)],
        pages: &["--More--"],
        refusals: &[
            "% Error: Unrecognized command.",
            "% Invalid input detected at '^' marker.",
            "Command not found / Incomplete command. Use ? to list commands.",
        ],
        no_refusals: &["  CRC % Error: 0", "%Node.1-Unit.1:PRI: log"],
    },
    Shown {
        platform: "fortinet_fortios",
        prompts: &[
            ("fgt-1 #", "privileged"),
            ("fgt-1 # ", "privileged"),
            ("fgt-1 $", "read_only"),
            ("fgt-1 (customer-a) #", "privileged"),
            ("fgt-1 (global) # ", "privileged"),
            ("fgt-1 (customer-a) $", "read_only"),
            ("(M) fgt-1 #", "privileged"),
            ("fortigate-amster~ #", "privileged"),
        ],
        no_prompts: &[
            "fgt-1 # get system status",
            "fgt-1#",
            "Authorised users only #",
            "--More--",
            "(Press 'a' to accept):",
        ],
        above: &[],
        questions: &[
            ("(Press 'a' to accept):", Some("a")),
            ("New Password: ", None),
        ],
        pages: &["--More--"],
        refusals: &[
            "Unknown action 0",
            "Command fail. Return code -61",
            "command parse error before 'foo'",
            "ambiguous command before 'sys'",
        ],
        no_refusals: &["  Unknown action: 0", "Last update result: No updates"],
    },
    Shown {
        platform: "hp_comware",
        prompts: &[
            ("<sw-1>", "user"),
            ("RBM_P<fw-1>", "user"),
            ("[sw-1]", "system"),
            ("[sw-1-GigabitEthernet1/0/1]", "system"),
            ("RBM_S[fw-1]", "system"),
        ],
        no_prompts: &["<sw-1>display version", "[edit", "<>", "[]", "sw-1>"],
        above: &[],
        questions: &[
            ("Press Y or ENTER to continue, N to exit.", Some("\n")),
            ("New password:", None),
        ],
        pages: &["  ---- More ----"],
        refusals: &[
            " % Unrecognized command found at '^' position.",
            "% Incomplete command found at '^' position.",
            " % Too many parameters found at '^' position.",
            "Permission denied.",
        ],
        no_refusals: &["     0% Unrecognized command", "CRC: 0"],
    },
    Shown {
        platform: "hp_procurve",
        prompts: &[
            ("HP-2920-24G#", "privileged"),
            ("HP-2920-24G# ", "privileged"),
            ("ProCurve Switch 2810-24G#", "privileged"),
            ("HP-2920-24G>", "user"),
            ("HP-2920-24G(config)#", "config"),
            ("HP-2920-24G(vlan-10)#", "config"),
            ("ProCurve Switch 2810-24G(eth-1)#", "config"),
        ],
        no_prompts: &[
            "HP-2920-24G# show version",
            "Press any key to continue",
            "We'd like to keep you up to date about: #",
            "Access is only for staff, see http://example.net/ #",
        ],
        above: &[],
        questions: &[
            ("Press any key to continue", Some(" ")),
            ("Enter switch number to connect to or <CR>: ", Some("\n")),
            ("New password:", None),
        ],
        pages: &["-- MORE --, next page: Space, next line: Enter, quit: Control-C"],
        refusals: &[
            "Invalid input: shw",
            "Incomplete input: show",
            "Ambiguous input: s",
            "Not authorized to run this command.",
        ],
        no_refusals: &["   Invalid input: 0", "Errors: 0"],
    },
    Shown {
        platform: "huawei_vrp",
        prompts: &[
            ("<pe-1>", "user"),
            ("HRP_M<fw-1>", "user"),
            ("[pe-1]", "system"),
            ("[~pe-1]", "system"),
            ("[*pe-1-GigabitEthernet0/0/1]", "system"),
            ("HRP_S[fw-1]", "system"),
        ],
        no_prompts: &[
            "<pe-1>display version",
            "pe-1>",
            "<>",
            "[]",
            "[Y/N]:",
            "< pe-1 >",
        ],
        above: &[],
        questions: &[
            (
                "The password needs to be changed. Change now? [Y/N]: ",
                Some("N\n"),
            ),
            (
                "Warning: The initial password poses security risks. Change now? [Y/N]:",
                Some("N\n"),
            ),
            (
                "Please choose 'YES' or 'NO' first before pressing 'Enter'. [Y/N]:",
                Some("N\n"),
            ),
            ("Please enter old password: ", None),
        ],
        pages: &["  ---- More ----"],
        refusals: &[
            "Error: Unrecognized command found at '^' position.",
            " Error: Wrong parameter found at '^' position.",
            "Error:Incomplete command found at '^' position.",
        ],
        no_refusals: &[" Error: 0", "    CRC: 0, Error: 12", "Total Error:       0"],
    },
    IOS,
    Shown {
        platform: "cisco_iosxe",
        ..IOS
    },
    Shown {
        platform: "juniper_junos",
        prompts: &[
            ("netwolf@mx-1>", "user"),
            ("netwolf@mx-1> ", "user"),
            ("netwolf@mx-1-re0>", "user"),
            ("netwolf@mx-1:customer-a>", "user"),
            ("netwolf@mx-1#", "config"),
        ],
        no_prompts: &[
            "netwolf@mx-1> show version",
            "root@mx-1:~ #",
            "root@mx-1%",
            "{master:0}",
            "mx-1>",
            "</rpc-reply>",
        ],
        above: &[
            "{master}",
            "{master:0}",
            "{backup}",
            "{primary:node0}",
            "{linecard:1}",
            "[edit]",
            "[edit interfaces ge-0/0/0]",
            "{master:0}[edit]",
        ],
        questions: &[("Old password:", None), ("New password:", None)],
        pages: &["---(more)---", "---(more 45%)---"],
        refusals: &[
            "unknown command.",
            "syntax error, expecting <command>.",
            "syntax error.",
            "'s' is ambiguous.",
            "missing mandatory argument: interface-name.",
            "error: syntax error, expecting <command>: foo",
            "error: permission denied: configure",
        ],
        no_refusals: &[
            "    Input errors: 0",
            "  Description: error: unknown command",
            "No alarms currently active",
        ],
    },
    Shown {
        platform: "linux",
        prompts: &[],
        no_prompts: &["root@probe:~#", "$"],
        above: &[],
        questions: &[],
        pages: &[],
        refusals: &[],
        no_refusals: &["sh: 1: foo: not found"],
    },
    Shown {
        platform: "mikrotik_routeros",
        prompts: &[
            ("[admin@MikroTik] >", "user"),
            ("[admin@MikroTik] > ", "user"),
            ("[netwolf@Core Router 1] >", "user"),
            ("[admin@MikroTik] /interface>", "user"),
            ("[admin@MikroTik] /ip/address> ", "user"),
            ("[admin@MikroTik] ip route<SAFE>", "safe"),
        ],
        no_prompts: &[
            "[admin@MikroTik] > /system resource print",
            "[Y/n]:",
            "[] >",
        ],
        above: &[],
        questions: &[
            (
                "Do you want to see the software license? [Y/n]: ",
                Some("n"),
            ),
            ("Please press \"Enter\" to continue!", Some("\r\n")),
            ("new password> ", None),
        ],
        pages: &["-- [Q quit|D dump|down]", "-- [Q quit|D dump|right|down]"],
        refusals: &[
            "bad command name shw (line 1 column 1)",
            "syntax error (line 1 column 9)",
            "expected end of command (line 1 column 8)",
            "no such item",
            "input does not match any value of interface",
            "not enough permissions (9)",
            "failure: already have such address",
        ],
        no_refusals: &[";;; failure: spare", "  comment=no such item"],
    },
    Shown {
        platform: "nokia_sros",
        prompts: &[
            ("A:pe-1#", "operational"),
            ("A:pe-1# ", "operational"),
            ("*A:pe-1#", "operational"),
            ("B:pe-1.ams#", "operational"),
            ("*A:pe-1>config>router>bgp#", "context"),
            ("A:pe-1>config>service>vprn$", "context"),
            ("*A:pe-1>config>router(\"Base\")# ", "context"),
        ],
        no_prompts: &["A:pe-1# show version", "pe-1#", "A:#", "a:pe-1#"],
        above: &[],
        questions: &[("New password:", None)],
        pages: &["Press any key to continue (Q to quit)"],
        refusals: &[
            "Error: Bad command.",
            "Error: Missing parameter",
            "MINOR: CLI Command not allowed for this user.",
            "MAJOR: MGMT_CORE #2201: Unknown element - 'shw'",
            "Bad Command: shw",
        ],
        no_refusals: &["  Oper State : MINOR: 0", "In Error: 0"],
    },
    Shown {
        platform: "nokia_sros_md",
        prompts: &[
            ("A:admin@pe-1#", "operational"),
            ("A:admin@pe-1# ", "operational"),
            ("*A:admin@pe-1#", "operational"),
            ("B:netwolf@pe-1.ams#", "operational"),
        ],
        no_prompts: &[
            "A:pe-1#",
            "[/]",
            "A:admin@pe-1# show version",
            "admin@pe-1#",
        ],
        above: &[
            "[/]",
            "[]",
            "[/show router \"Base\"]",
            "(ex)[/configure]",
            "*(ex)[/configure router \"Base\"]",
            "(gl)[configure]",
            "[ex:/configure]",
            "*[gl:/configure port 1/1/1]",
            "!*[pr:/configure]",
        ],
        questions: &[("New password:", None)],
        pages: &["Press Q to quit, Enter to print next line or any other key to print next page."],
        refusals: &[
            "MINOR: MGMT_CORE #2201: Unknown element - 'shw'",
            "MAJOR: CLI #1009: An error occurred",
            "Error: Bad command.",
        ],
        no_refusals: &["  MINOR alarms : 0"],
    },
    Shown {
        platform: "paloalto_panos",
        prompts: &[
            ("netwolf@fw-1>", "operational"),
            ("netwolf@fw-1> ", "operational"),
            ("netwolf@fw-1(active)>", "operational"),
            ("netwolf@fw-1(active-primary)>", "operational"),
            ("netwolf@pano(primary-logger)>", "operational"),
            ("netwolf@example.net@fw-1>", "operational"),
            ("example\\netwolf@fw-1(passive)>", "operational"),
            ("netwolf@fw-1#", "config"),
            ("netwolf@fw-1(active)#", "config"),
        ],
        no_prompts: &[
            "netwolf@fw-1> show system info",
            "fw-1>",
            "<netwolf@example.net>",
        ],
        above: &["[edit]", "[edit network interface]"],
        questions: &[
            (
                "Do you accept and acknowledge the statement above ? (yes/no) : ",
                Some("yes\n"),
            ),
            ("Enter old password : ", None),
        ],
        pages: &["--more--"],
        refusals: &[
            "Unknown command: shw",
            "Invalid syntax.",
            "Server error : op command for client dagger timed out",
            "Validation Error:",
        ],
        no_refusals: &["  server error: 0", "invalid syntax packets 0"],
    },
    Shown {
        platform: "vyos",
        prompts: &[
            ("netwolf@vyos:~$", "operational"),
            ("netwolf@vyos:~$ ", "operational"),
            ("ubnt@edge-1:/config$", "operational"),
            ("netwolf@vyos#", "config"),
        ],
        no_prompts: &["netwolf@vyos:~$ show version", "vyos:~$", "[edit]"],
        above: &["[edit]", "[edit interfaces]"],
        questions: &[
            ("(current) UNIX password: ", None),
            ("New password: ", None),
        ],
        pages: &[],
        refusals: &[
            "  Invalid command: [shw]",
            "  Ambiguous command: [s]",
            "  Incomplete command: [show]",
            "Set failed",
            "-vbash: foo: command not found",
        ],
        no_refusals: &["Description: Invalid command", "Set failed over: 0 times"],
    },
];

fn check(shown: &Shown, answers: &[(String, Option<String>)], manners: &Manners, has_enable: bool) {
    let name = shown.platform;
    for (line, mode) in shown.prompts {
        assert_eq!(manners.modes(line), [*mode], "{name}: {line:?}");
    }
    for line in shown.no_prompts.iter().chain(NOWHERE) {
        assert_eq!(
            manners.modes(line),
            [""; 0],
            "{name}: {line:?} is no prompt"
        );
    }
    // What is a prompt elsewhere and not here is seen by the tables of the others; here it counts that no
    // line is both.
    let is_above = |line: &str| {
        manners
            .above
            .as_ref()
            .is_some_and(|above| above.is_match(line))
    };
    for line in shown.above {
        assert!(is_above(line), "{name}: {line:?} stands above the prompt");
        assert_eq!(manners.modes(line), [""; 0], "{name}: {line:?}");
    }
    for line in ["", "]", "}", "text [/] in a line", "{", "[1] item"] {
        assert!(!is_above(line), "{name}: {line:?} is output");
    }
    for (line, answer) in shown.questions {
        let found: Vec<Option<&str>> = manners
            .questions
            .matches(line.trim_end())
            .into_iter()
            .map(|index| answers[index].1.as_deref())
            .collect();
        assert!(
            !found.is_empty() && found.iter().all(|found| found == answer),
            "{name}: {line:?} has {found:?}"
        );
    }
    for (index, (ask, _)) in answers.iter().enumerate() {
        let is_shown = shown
            .questions
            .iter()
            .any(|(line, _)| manners.questions.matches(line.trim_end()).matched(index));
        assert!(is_shown, "{name}: nothing here asks {ask:?}");
    }
    for page in shown.pages {
        let page = page.trim_end();
        assert!(
            manners.pagers.iter().any(|mark| page.ends_with(mark)),
            "{name}: {page:?}"
        );
    }
    let password = |line: &str| {
        manners
            .enable
            .as_ref()
            .is_some_and(|ask| ask.is_match(line))
    };
    assert_eq!(password("Password:"), has_enable, "{name}");
    for line in shown.refusals {
        assert!(
            manners.failures.is_match(line),
            "{name}: {line:?} is a refusal"
        );
    }
    let harmless = ["", "CPU utilization for five seconds: 1%/0%", "ok"];
    for line in shown.no_refusals.iter().chain(&harmless) {
        assert!(
            !manners.failures.is_match(line),
            "{name}: {line:?} is output"
        );
    }
}

#[test]
fn each_platform_takes_what_it_shows_for_what_it_is() {
    let mut n_platforms = 0;
    for (name, platform, manners) in all() {
        let shown = PLATFORMS
            .iter()
            .find(|shown| shown.platform == name)
            .unwrap_or_else(|| panic!("{name} has no table"));
        let answers: Vec<_> = platform
            .questions
            .iter()
            .map(|question| (question.ask.clone(), question.answer.clone()))
            .collect();
        check(shown, &answers, &manners, platform.enable.is_some());
        for mode in platform.prompts.keys() {
            assert!(
                shown.prompts.iter().any(|(_, of)| of == mode),
                "{name}: no prompt of mode {mode} in the table"
            );
        }
        n_platforms += 1;
    }
    assert_eq!(n_platforms, PLATFORMS.len());
}

#[test]
fn what_is_typed_at_a_device_is_fit_for_it() {
    for (name, platform, _) in all() {
        for question in &platform.questions {
            assert_ne!(question.answer.as_deref(), Some(""), "{name}");
        }
        // A configuration is nothing that monitoring changes.
        for command in &platform.setup {
            let word = command.split(' ').next().unwrap();
            assert!(
                ![
                    "configure",
                    "config",
                    "conf",
                    "system-view",
                    "write",
                    "save",
                    "commit"
                ]
                .contains(&word),
                "{name}: {command:?}"
            );
        }
        // Wide enough for the longest command that is bundled, for devices that wrap what is typed.
        assert!(platform.width >= 511, "{name}");
        assert!(
            platform.limits.sessions.is_none_or(|sessions| sessions > 1),
            "{name}: there must be room for a person beside us"
        );
    }
}
