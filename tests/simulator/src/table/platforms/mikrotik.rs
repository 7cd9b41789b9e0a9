//! `MikroTik` RouterOS 7. A user name may carry wishes for the terminal behind `+`.

use crate::table::traits::{
    Command, Does, Echo, Enter, Mode, Pages, Question, Traits, Where, act, show,
};

const RESOURCE: &str = include_str!("../output/ros_resource.txt");
const INTERFACES: &str = include_str!("../output/ros_interfaces.txt");
const STATS: &str = include_str!("../output/ros_stats.txt");
const EXPORT: &str = include_str!("../output/ros_export.txt");

const COMMANDS: &[Command] = &[
    show("/system resource print", RESOURCE),
    show("/system resource print without-paging", RESOURCE),
    show("system resource print", RESOURCE),
    show("/system identity print", "  name: {{hostname}}\n"),
    show("/interface print detail", INTERFACES),
    show("/interface print detail without-paging", INTERFACES),
    show("/interface print stats", STATS),
    show("/interface print stats without-paging", STATS),
    show("/export", EXPORT),
    show(
        "/system clock print",
        "  time: {{iso}}\n  time-zone-name: UTC\n",
    ),
    show(
        "/system routerboard print",
        "  routerboard: yes\n  model: CCR2004-1G-12S+2XS\n  serial-number: {{serial}}\n",
    ),
    show(
        "system routerboard print",
        "  routerboard: yes\n  model: CCR2004-1G-12S+2XS\n  serial-number: {{serial}}\n",
    ),
    act(
        "/system identity set <w>",
        Where::Always,
        Does::Hostname,
        "",
    ),
    act("/quit", Where::Always, Does::Logout, ""),
    act("quit", Where::Always, Does::Logout, ""),
];

pub(super) const ROUTEROS: Traits = Traits {
    identification: "SSH-2.0-ROSSSH",
    greeting: "\n\n  MikroTik RouterOS 7.12 (c) 1999-2023       https://www.mikrotik.com/\n\n\
               Press F1 for help\n\n",
    question: Some(Question {
        text: "Do you want to see the software license? [Y/n]: ",
        accept: "n",
        refuse: "",
        with_enter: false,
        always: false,
    }),
    prompts: [
        "[{{user}}@{{hostname}}] > ",
        "[{{user}}@{{hostname}}] > ",
        "[{{user}}@{{hostname}}] > ",
    ],
    start: Mode::User,
    pager: Some(Pages {
        mark: "-- [Q quit|D dump|down]",
        wipe: "\r\x1b[K",
    }),
    echo: Echo::Repaint,
    enter: Enter::Cr,
    channels: 10,
    exec: true,
    abbreviates: false,
    unknown: "bad command name {{word}} (line 1 column {{column}})\n",
    incomplete: "expected command name (line 1 column {{column}})\n",
    commands: &[COMMANDS],
    ..Traits::COMMON
};
