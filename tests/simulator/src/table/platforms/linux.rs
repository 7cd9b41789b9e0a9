//! Linux with bash: what monitoring reads of `/proc`, and nothing of what a shell can do besides.

use crate::table::traits::{Command, Does, Mode, Traits, Where, act, show};

const OS_RELEASE: &str = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nVERSION=\"12 (bookworm)\"\nVERSION_CODENAME=bookworm\nID=debian\n";

const COMMANDS: &[Command] = &[
    show(
        "cat /etc/os-release 2>/dev/null; uname -srm; cat /proc/uptime",
        concat!(
            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\n\
             VERSION=\"12 (bookworm)\"\nVERSION_CODENAME=bookworm\nID=debian\n",
            "Linux 6.1.0-18-amd64 x86_64\n",
            "{{up_seconds}}.25 {{up_seconds}}.00\n",
        ),
    ),
    show(
        "cat /proc/loadavg && grep '^cpu' /proc/stat",
        concat!(
            "{{load}} {{load}} {{load}} 1/128 4711\n",
            include_str!("../output/linux_stat.txt"),
        ),
    ),
    show(
        "grep -sH . /sys/class/net/*/operstate /sys/class/net/*/flags /sys/class/net/*/address /sys/class/net/*/speed; cat /proc/net/dev",
        concat!(
            include_str!("../output/linux_sys_net.txt"),
            include_str!("../output/linux_net_dev.txt"),
        ),
    ),
    show("cat /etc/os-release", OS_RELEASE),
    show(
        "uname -a",
        "Linux {{hostname}} 6.1.0-18-amd64 #1 SMP PREEMPT_DYNAMIC x86_64 GNU/Linux\n",
    ),
    show("uname -srm", "Linux 6.1.0-18-amd64 x86_64\n"),
    show("hostname", "{{hostname}}\n"),
    show(
        "uptime",
        " {{iso}} up {{up_short}},  1 user,  load average: {{load}}, {{load}}, {{load}}\n",
    ),
    show("cat /proc/uptime", "{{up_seconds}}.25 {{up_seconds}}.00\n"),
    show(
        "cat /proc/loadavg",
        "{{load}} {{load}} {{load}} 1/128 4711\n",
    ),
    show("cat /proc/stat", include_str!("../output/linux_stat.txt")),
    show(
        "cat /proc/meminfo",
        include_str!("../output/linux_meminfo.txt"),
    ),
    show(
        "cat /proc/net/dev",
        include_str!("../output/linux_net_dev.txt"),
    ),
    show(
        "ip -s -j link",
        include_str!("../output/linux_ip_link.json"),
    ),
    show("top -b -n 1", include_str!("../output/linux_top.txt")),
    show("true", ""),
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
    ..Traits::COMMON
};
