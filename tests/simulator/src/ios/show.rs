//! What `show` commands print: the general ones here, tables of processes and interfaces beside.
//!
//! Texts end their rows with a bare `\n`; the terminal side makes them `\r\n`.

use std::fmt::Write as _;
use std::time::Duration;

use super::View;
use super::commands::Show;
use super::filter::Filter;
use super::interfaces;
use super::processes;
use crate::configuring;
use crate::dialogue::{Around, UserLine};
use crate::laws;
use crate::table::{self, clock};

/// Software of all simulated routers, and the version as file names spell it.
const VERSION: &str = "15.7(3)M8";
const IMAGE: &str = "flash0:c2900-universalk9-mz.SPA.157-3.M8.bin";
/// The number of `vty 0` among all lines: the console and the auxiliary port come before.
const FIRST_VTY: usize = 2;

/// The output of one command. Rows that `filter` takes out anyhow may be missing.
pub(super) fn show(
    what: Show,
    argument: &str,
    filter: Option<&Filter>,
    view: View<'_>,
    around: &Around<'_>,
) -> String {
    match what {
        Show::Clock => format!("*{}\n", clock(view.now.unix, true)),
        Show::Interfaces => interfaces::details(view, argument),
        Show::InterfacesDescription => interfaces::descriptions(),
        Show::IpInterfaceBrief => interfaces::brief(view),
        Show::ProcessesCpu => processes::cpu(view, |name| {
            filter.is_none_or(|filter| filter.may_keep(name))
        }),
        Show::ProcessesMemory => processes::memory(view),
        Show::RunningConfig => running_config(view, &(around.configuration)()),
        Show::Users => users(&(around.users)()),
        Show::Version => version(view),
        Show::Written(text) => table::fill(text, written(view)),
    }
}

/// What a written text may tell of the device.
fn written(view: View<'_>) -> table::View<'_> {
    table::View {
        facts: view.facts,
        now: view.now,
        hostname: view.hostname,
        user: "",
        argument: "",
        context: "",
        marked: false,
        paging: true,
    }
}

/// `2 years, 31 weeks, 6 days, 9 hours, 55 minutes`, without parts that are 0.
fn uptime(up: Duration) -> String {
    let minutes = up.as_secs() / 60;
    let days = minutes / 1_440;
    let parts = [
        (days / 365, "year"),
        (days % 365 / 7, "week"),
        (days % 365 % 7, "day"),
        (minutes / 60 % 24, "hour"),
        (minutes % 60, "minute"),
    ];
    let mut words: Vec<String> = Vec::new();
    for (count, unit) in parts {
        match count {
            0 => {}
            1 => words.push(format!("1 {unit}")),
            _ => words.push(format!("{count} {unit}s")),
        }
    }
    if words.is_empty() {
        "0 minutes".to_owned()
    } else {
        words.join(", ")
    }
}

fn version(view: View<'_>) -> String {
    let key = view.facts.key;
    let booted = view.now.unix.saturating_sub(view.now.since_boot);
    let serial = laws::pick(laws::part(key, 20), 0, 9_999);
    let week = laws::pick(laws::part(key, 21), 10, 52);
    let mut text = format!(
        "Cisco IOS Software, C2900 Software (C2900-UNIVERSALK9-M), Version {VERSION}, RELEASE SOFTWARE (fc1)\n\
         Technical Support: http://www.cisco.com/techsupport\n\
         Copyright (c) 1986-2020 by Cisco Systems, Inc.\n\
         Compiled Wed 11-Mar-20 10:46 by prod_rel_team\n\
         \n\
         ROM: System Bootstrap, Version 15.0(1r)M16, RELEASE SOFTWARE (fc1)\n\
         \n"
    );
    write!(
        text,
        "{} uptime is {}\n\
         System returned to ROM by power-on\n\
         System restarted at {}\n\
         System image file is \"{IMAGE}\"\n\
         Last reload type: Normal Reload\n\
         Last reload reason: power-on\n\
         \n\
         \n\
         \n\
         This is a simulated device. It routes nothing.\n\
         \n\
         Cisco CISCO2911/K9 (revision 1.0) with 479232K/45056K bytes of memory.\n\
         Processor board ID FTX17{week}{serial:04}\n\
         3 Gigabit Ethernet interfaces\n\
         1 Serial interface\n\
         1 terminal line\n\
         DRAM configuration is 64 bits wide with parity enabled.\n\
         255K bytes of non-volatile configuration memory.\n\
         250880K bytes of ATA System CompactFlash 0 (Read/Write)\n\
         \n\
         \n\
         Configuration register is 0x2102\n\
         \n",
        view.hostname,
        uptime(view.now.since_boot),
        clock(booted, false),
    )
    .expect("a string takes all");
    text
}

fn users(lines: &[UserLine]) -> String {
    let mut text =
        String::from("    Line       User       Host(s)              Idle       Location\n");
    for line in lines {
        let seconds = line.idle.as_secs();
        let idle = format!(
            "{:02}:{:02}:{:02}",
            seconds / 3_600,
            seconds / 60 % 60,
            seconds % 60
        );
        writeln!(
            text,
            "{} {:>2} vty {:<5} {:<10} {:<20} {idle:<10} {}",
            if line.own { '*' } else { ' ' },
            FIRST_VTY + line.number,
            line.number,
            line.user,
            "idle",
            line.location,
        )
        .expect("a string takes all");
    }
    text.push_str("\n  Interface    User               Mode         Idle     Peer Address\n\n");
    text
}

fn running_config(view: View<'_>, lines: &[String]) -> String {
    let mut body = format!(
        "version 15.7\n\
         service timestamps debug datetime msec\n\
         service timestamps log datetime msec\n\
         !\n\
         hostname {}\n\
         !\n\
         aaa new-model\n\
         !\n\
         aaa authentication login default local\n\
         !\n\
         no ip domain lookup\n\
         ip ssh version 2\n\
         !\n",
        view.hostname
    );
    body.push_str(&interfaces::configuration(view));
    body.push_str(
        "ip forward-protocol nd\n\
         !\n\
         control-plane\n\
         !\n\
         line con 0\n\
         line aux 0\n\
         line vty 0 4\n \
         transport preferred none\n \
         transport input ssh\n\
         !\n\
         end\n",
    );
    if !lines.is_empty() {
        body = configuring::merged(&body, lines);
    }
    format!(
        "Building configuration...\n\nCurrent configuration : {} bytes\n!\n{body}\n",
        body.len() + 2
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uptime_leaves_out_what_is_zero() {
        #[track_caller]
        fn check(seconds: u64, expected: &str) {
            assert_eq!(uptime(Duration::from_secs(seconds)), expected);
        }
        check(0, "0 minutes");
        check(61, "1 minute");
        check(3_600 + 120, "1 hour, 2 minutes");
        check(27 * 86_400 + 32 * 60, "3 weeks, 6 days, 32 minutes");
        check(365 * 86_400 * 2 + 86_400, "2 years, 1 day");
    }
}
