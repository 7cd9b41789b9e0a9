//! Arista EOS.

use crate::table::traits::{Does, Echo, Enable, Pages, Traits, Where, act};

pub(super) const EOS: Traits = Traits {
    identification: "SSH-2.0-OpenSSH_8.7",
    greeting: "Last login: {{stamp}} from 192.0.2.9\n",
    enable: Some(Enable {
        question: "Password: ",
        refusal: "% Bad secrets\n",
    }),
    pager: Some(Pages {
        mark: " --More-- ",
        wipe: "\r\x1b[K",
    }),
    echo: Echo::Twice,
    channels: 10,
    exec: true,
    unknown: "% Invalid input\n",
    incomplete: "% Incomplete command\n",
    commands: &[&[
        act(
            "terminal length <n>",
            Where::Always,
            Does::Rows,
            "Pagination disabled.\n",
        ),
        act(
            "terminal width <n>",
            Where::Always,
            Does::Columns,
            "Width set to {{arg}} columns.\n",
        ),
        act("enable", Where::Exec, Does::Enable, ""),
        act("disable", Where::Exec, Does::Disable, ""),
        act(
            "configure terminal",
            Where::Privileged,
            Does::Configure(""),
            "",
        ),
        act("hostname <w>", Where::Config, Does::Hostname, ""),
        act("configure", Where::Privileged, Does::Configure(""), ""),
        act(
            "configure session",
            Where::Privileged,
            Does::Configure(""),
            "",
        ),
        act("abort", Where::Config, Does::EndConfigure, ""),
        act("end", Where::Config, Does::EndConfigure, ""),
        act("exit", Where::Always, Does::Leave, ""),
        act("logout", Where::Exec, Does::Logout, ""),
        act(
            "write memory",
            Where::Privileged,
            Does::Commit,
            "Copy completed successfully.\n",
        ),
    ]],
    answers: "arista_eos",
    ..Traits::COMMON
};
