//! Linux with bash: what monitoring reads of `/proc`, and nothing of what a shell can do besides.

use crate::table::traits::{Command, Does, Mode, Traits, Where, act};

const COMMANDS: &[Command] = &[
    act("hostname <w>", Where::Always, Does::Hostname, ""),
    act("exit", Where::Always, Does::Logout, ""),
    act("logout", Where::Always, Does::Logout, ""),
];

pub(super) const LINUX: Traits = Traits {
    identification: "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3",
    greeting: "Linux {{hostname}} 6.1.0-18-amd64 #1 SMP PREEMPT_DYNAMIC x86_64\n\
               Last login: {{stamp}} from 192.0.2.9\n",
    prompts: [
        "{{user}}@{{hostname}}:~$ ",
        "{{user}}@{{hostname}}:~$ ",
        "{{user}}@{{hostname}}:~$ ",
    ],
    start: Mode::User,
    channels: 10,
    exec: true,
    abbreviates: false,
    unknown: "-bash: {{word}}: command not found\n",
    incomplete: "-bash: {{word}}: command not found\n",
    failure_status: 127,
    commands: &[COMMANDS],
    answers: "linux",
    ..Traits::COMMON
};
