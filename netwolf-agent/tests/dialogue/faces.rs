//! How one device of each bundled platform shows itself: banner, question, prompts, echo, pager, and lines of
//! its outputs that look like a prompt. Written after manuals and captures, in our words.

/// How a device echoes what is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Echo {
    /// As it is, then a line end.
    Plain,
    /// The line end has a carriage return too many.
    TwoReturns,
    /// Wrapped at so many columns, the prompt among them.
    Wrapped(usize),
    /// As it is, and once more behind the prompt.
    Twice,
    /// The line is repainted with the prompt after each word.
    Repainted,
    /// Drawn on a screen with cursor addresses.
    Drawn,
    /// Not at all.
    None,
}

/// A device.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Face {
    pub(crate) platform: &'static str,
    /// Up to the first prompt or question.
    pub(crate) banner: &'static str,
    /// The question at the banner's end, and what answers it.
    pub(crate) question: Option<(&'static str, &'static str)>,
    /// The prompt before `enable`, where the login needs it.
    pub(crate) user: Option<&'static str>,
    pub(crate) prompt: &'static str,
    /// Shown before each prompt.
    pub(crate) above: &'static str,
    /// What the prompt may become.
    pub(crate) changed: &'static [&'static str],
    pub(crate) echo: Echo,
    /// The pager's mark and what wipes it.
    pub(crate) pager: Option<(&'static str, &'static str)>,
    /// Lines of output that look like prompts.
    pub(crate) lookalikes: &'static [&'static str],
}

const BACKSPACES: &str =
    "\x08\x08\x08\x08\x08\x08\x08\x08\x08\x08          \x08\x08\x08\x08\x08\x08\x08\x08\x08\x08";
const RETURNS: &str =
    "\r                                                                                    \r";

const IOS: Face = Face {
    platform: "cisco_ios",
    banner: "\r\n*****#\r\nrtr-9#\r\nUnauthorized access is prohibited #1\r\n\r\n",
    question: None,
    user: Some("rtr-1>"),
    prompt: "rtr-1#",
    above: "",
    changed: &["rtr-2#", "rtr-1(config)#", "rtr-1(config-if)#"],
    echo: Echo::Plain,
    pager: Some((" --More-- ", BACKSPACES)),
    lookalikes: &[
        "rtr-9#",
        "hostname#",
        "rtr-1>",
        "banner motd ^C welcome#",
        "!",
    ],
};

impl Face {
    /// That of a platform.
    ///
    /// # Panics
    /// When it has none: each bundled platform gets one.
    pub(crate) fn of(platform: &str) -> Self {
        let face = FACES.iter().find(|face| face.platform == platform);
        *face.unwrap_or_else(|| panic!("platform \"{platform}\" has no face here"))
    }
}

/// All of them.
pub(crate) const FACES: &[Face] = &[
    IOS,
    Face {
        platform: "cisco_iosxe",
        user: None,
        echo: Echo::Wrapped(80),
        ..IOS
    },
    Face {
        platform: "cisco_nxos",
        banner: "User Access Verification\r\nNexus#1\r\n\r\n",
        user: None,
        prompt: "nx-1# ",
        changed: &["nx-2# ", "nx-1(config)# ", "nx-1(maint-mode)# "],
        echo: Echo::TwoReturns,
        pager: Some(("--More--", "\r\x1b[K")),
        lookalikes: &["nx-9#", "nx-1# copy run start", "banner motd #"],
        ..IOS
    },
    Face {
        platform: "cisco_iosxr",
        banner: "\r\n\r\n",
        user: None,
        prompt: "RP/0/RP0/CPU0:xr-1#",
        changed: &["RP/0/RP1/CPU0:xr-1#", "RP/0/RP0/CPU0:xr-1(config)#"],
        lookalikes: &["RP/0/RP0/CPU0:xr-9#", "RP/0/RP0/CPU0:xr-1#show log", "!"],
        ..IOS
    },
    Face {
        platform: "cisco_asa",
        banner: "Type help or '?' for a list of available commands.\r\n",
        user: Some("fw-1/pri/act> "),
        prompt: "fw-1/pri/act# ",
        changed: &[
            "fw-1/pri/stby# ",
            "fw-1/pri/act/ctx1# ",
            "fw-1/pri/act(config)# ",
        ],
        pager: Some(("<--- More --->", "\r              \r")),
        lookalikes: &["fw-9#", "fw-1/pri/act#", ": Saved"],
        ..IOS
    },
    Face {
        platform: "arista_eos",
        banner: "Last login: Tue Nov  4 12:34:56 2025 from 192.0.2.9\r\nleaf#1 of 4#\r\n",
        user: Some("leaf-1>"),
        prompt: "leaf-1#",
        changed: &["leaf-1(s1)#", "leaf-1(config)#", "leaf-2#"],
        echo: Echo::Twice,
        pager: Some((" --More-- ", "\r\x1b[K")),
        lookalikes: &["leaf-9#", "leaf-1#show clock", "banner login#"],
        ..IOS
    },
    Face {
        platform: "juniper_junos",
        banner: "--- JUNOS 21.4R3 built#1\r\nop@r9>\r\n",
        user: None,
        prompt: "op@r1> ",
        above: "\r\n{master:0}\r\n",
        changed: &["op@r2> ", "op@r1# "],
        pager: Some((
            "---(more 45%)---",
            "\r                                        \r",
        )),
        lookalikes: &["{master:0}", "op@r9>", "op@r1> show version"],
        ..IOS
    },
    Face {
        platform: "nokia_sros",
        banner: "\r\nTiMOS-B-19.10.R1 both/x86_64 #1\r\nA:pe-9#\r\n\r\n",
        user: None,
        prompt: "A:pe-1# ",
        changed: &[
            "*A:pe-1# ",
            "B:pe-1# ",
            "A:pe-1>config>router# ",
            "A:pe-1>config>router$ ",
        ],
        echo: Echo::Wrapped(80),
        pager: Some(("Press any key to continue (Q to quit)", RETURNS)),
        lookalikes: &["A:pe-9#", "A:pe-1# admin", "#-----", "*A:pe-1#"],
        ..IOS
    },
    Face {
        platform: "nokia_sros_md",
        banner: "\r\nTiMOS-C-22.2.R1 #1\r\n[/]\r\nA:admin@pe-9#\r\n\r\n",
        user: None,
        prompt: "A:admin@pe-1# ",
        above: "\r\n[/]\r\n",
        changed: &["*A:admin@pe-1# ", "B:admin@pe-1# "],
        pager: Some((
            "Press Q to quit, Enter to print next line or any other key to print next page.",
            RETURNS,
        )),
        lookalikes: &[
            "[/]",
            "[ex:/configure]",
            "A:admin@pe-9#",
            "A:admin@pe-1# info",
        ],
        ..IOS
    },
    Face {
        platform: "mikrotik_routeros",
        banner: "\r\n  MikroTik RouterOS 7.11.2 (c) 1999-2023\r\n[admin@r9] > #\r\n",
        question: Some(("Do you want to see the software license? [Y/n]: ", "n")),
        user: None,
        prompt: "[admin@r1] > ",
        changed: &["[admin@r2] > ", "[admin@r1] /interface> "],
        echo: Echo::Repainted,
        pager: Some(("-- [Q quit|D dump|down]", "\r\x1b[K")),
        lookalikes: &["[admin@r9] >", "[admin@r1] > /export", "# nov/04/2025"],
        ..IOS
    },
    Face {
        platform: "huawei_vrp",
        banner: "\r\nInfo: The max number of VTY users is 5.\r\n[V200R009C00SPC500]\r\n<core-9>\r\n",
        question: Some((
            "Warning: The password needs to be changed. Change now? [Y/N]:",
            "N\n",
        )),
        user: None,
        prompt: "<core-1>",
        changed: &[
            "<core-2>",
            "[core-1]",
            "[~core-1]",
            "[*core-1]",
            "HRP_M<core-1>",
        ],
        pager: Some((
            "  ---- More ----",
            "\x1b[42D                                          \x1b[42D",
        )),
        lookalikes: &[
            "[V200R009C00SPC500]",
            "<core-9>",
            "<core-1>display",
            "#",
            "[~core-1]",
        ],
        ..IOS
    },
    Face {
        platform: "hp_comware",
        banner: "\r\n******\r\n* Copyright # *\r\n<sw-9>\r\n",
        question: Some(("Press Y or ENTER to continue, N to exit.", "\n")),
        user: None,
        prompt: "\0<sw-1>\x07",
        changed: &["<sw-2>", "[sw-1]", "[~sw-1]", "RBM_P<sw-1>"],
        pager: Some(("---- More ----", "\x1b[16D                \x1b[16D")),
        lookalikes: &["<sw-9>", "[sw-1-GigabitEthernet1/0/1]", "<sw-1>save", "#"],
        ..IOS
    },
    Face {
        platform: "hp_procurve",
        banner: "\x1b[1;24r\x1b[1;1H\x1b[2JHP J9772A 2530#\r\nsw 9#\r\n\x1b[24;1H\x1b[?25h",
        question: Some(("Press any key to continue", " ")),
        user: Some("HP 2530> "),
        prompt: "HP 2530# ",
        changed: &["HP 2531# ", "HP 2530(config)# ", "HP 2530(vlan-1)# "],
        echo: Echo::Drawn,
        pager: Some((
            "-- MORE --, next page: Space, next line: Enter, quit: Control-C",
            "\r\x1b[24;1H\x1b[2K\x1b[24;1H",
        )),
        lookalikes: &["sw 9#", "HP 2530# boot", "hostname \"sw 1#\""],
        ..IOS
    },
    Face {
        platform: "aruba_aoscx",
        banner: "Last login: 2025-11-04 from 192.0.2.9\r\ncx-9#\r\n",
        user: None,
        prompt: "cx-1# ",
        changed: &["cx-2# ", "cx-1(config)# ", "cx-1(config-if)# "],
        pager: Some((
            "-- MORE --, next page: Space, next line: Enter, quit: q",
            "\r\x1b[K",
        )),
        lookalikes: &["cx-9#", "cx-1# show run", "!Version #1"],
        ..IOS
    },
    Face {
        platform: "fortinet_fortios",
        banner: "\r\nWelcome #\r\nfgt-9 #\r\n",
        question: Some(("(Press 'a' to accept):", "a")),
        user: None,
        prompt: "fgt-1 # ",
        changed: &["fgt-2 # ", "fgt-1 (root) # ", "(M) fgt-1 # ", "fgt-1 $ "],
        echo: Echo::None,
        pager: Some(("--More-- ", "\r         \r")),
        lookalikes: &["fgt-9 #", "fgt-1 # get", "#config-version=FGT"],
        ..IOS
    },
    Face {
        platform: "paloalto_panos",
        banner: "Last login: Tue Nov  4\r\nadmin@fw-9>\r\nNumber of failed attempts: #0\r\n\r\n",
        user: None,
        prompt: "admin@fw-1(active)> ",
        changed: &[
            "admin@fw-1(passive)> ",
            "admin@fw-2(active)> ",
            "admin@fw-1(active)# ",
        ],
        above: "",
        pager: Some(("--more--", "\r\x1b[K")),
        lookalikes: &["admin@fw-9>", "admin@fw-1(active)> show", "hostname: fw-1#"],
        ..IOS
    },
    Face {
        platform: "vyos",
        banner: "Welcome to VyOS#\r\nop@vyos-9:~$\r\n",
        user: None,
        prompt: "op@vyos-1:~$ ",
        changed: &["op@vyos-2:~$ ", "op@vyos-1# "],
        // Switched off at login, or shown by a program that takes the whole screen.
        pager: None,
        lookalikes: &["op@vyos-9:~$", "op@vyos-1:~$ ls", "root#"],
        ..IOS
    },
    Face {
        platform: "dell_os10",
        banner: "Debian GNU/Linux 9#\r\nos10-9#\r\n",
        user: Some("os10-1>"),
        prompt: "os10-1#",
        changed: &["os10-2#", "os10-1(config)#", "os10-1(conf-if-eth1/1/1)#"],
        pager: Some(("--More--", "\r\x1b[K")),
        lookalikes: &["os10-9#", "os10-1#show", "! Version 10#"],
        ..IOS
    },
];
