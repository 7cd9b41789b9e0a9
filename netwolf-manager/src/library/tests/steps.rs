//! What steps of runs may type on the bundled platforms.

use netwolf_wire::{
    allow::{Judge, Refused},
    platform::{Platform, Transport},
    step::MAX_MODE_LINES,
    target::Login,
};

use super::*;

fn read(platform: &Platform, command: &str) -> Result<(), Refused> {
    let login = Login::named("monitoring");
    Judge::new(platform).judge(&login, false, None, command)
}

#[test]
fn every_bundled_platform_says_what_reads() {
    let library = Library::bundled().unwrap();
    for name in library.platforms() {
        let platform = library.platform(name).unwrap();
        assert!(!platform.reads.is_empty(), "{name}");
        for command in [
            "reload",
            "reboot",
            "request system reboot",
            "configure",
            "shutdown",
            "/system reboot",
        ] {
            assert!(read(platform, command).is_err(), "{name}: {command}");
        }
        assert_eq!(
            platform.writes.is_empty(),
            matches!(name, "fortinet_fortios" | "hp_procurve" | "paloalto_panos"),
            "{name}"
        );
    }
}

/// What is polled only reads; but Linux and RouterOS are polled with small programs, and those are not let through.
#[test]
fn what_collectors_type_is_known_to_only_read() {
    let library = Library::bundled().unwrap();
    let mut n = 0;
    for name in library.platforms() {
        if matches!(name, "linux" | "mikrotik_routeros") {
            continue;
        }
        let platform = library.platform(name).unwrap();
        for collector in library.collectors_of(name) {
            for command in &library.collector(name, collector).unwrap().commands {
                assert_eq!(read(platform, &command.text), Ok(()), "{name}");
                n += 1;
            }
        }
    }
    assert!(n > 100, "{n}");
}

#[test]
fn what_shows_a_configuration_only_reads() {
    let library = Library::bundled().unwrap();
    for (name, command) in [
        ("arista_eos", "show running-config"),
        ("aruba_aoscx", "show running-config"),
        ("cisco_asa", "show running-config"),
        ("cisco_ios", "show running-config"),
        ("cisco_iosxe", "show running-config"),
        ("cisco_iosxr", "show running-config"),
        ("cisco_nxos", "show running-config"),
        ("dell_os10", "show running-configuration"),
        ("fortinet_fortios", "show"),
        ("hp_comware", "display current-configuration"),
        ("hp_procurve", "show running-config"),
        ("huawei_vrp", "display current-configuration"),
        ("juniper_junos", "show configuration | display set"),
        ("linux", "cat /etc/os-release"),
        ("mikrotik_routeros", "/export"),
        ("nokia_sros", "admin display-config"),
        ("nokia_sros_md", "admin show configuration"),
        ("paloalto_panos", "show config running"),
        ("vyos", "show configuration commands"),
    ] {
        assert_eq!(
            read(library.platform(name).unwrap(), command),
            Ok(()),
            "{name}"
        );
    }
}

/// Platforms, with a command that reads and one that begins so and writes.
const BY_WAY_OF_READING: &[(&str, &str, &str)] = &[
    (
        "cisco_ios",
        "show run | include a|r",
        "show run | red flash:x",
    ),
    (
        "cisco_ios",
        "show ip bgp regexp ^1",
        "show run |tee flash:x",
    ),
    (
        "cisco_iosxe",
        "show version | section Proc",
        "show version | append flash:x",
    ),
    (
        "cisco_asa",
        "show run | grep route",
        "show run | redirect disk0:x",
    ),
    (
        "cisco_iosxr",
        "show run | include foo|ufo",
        "show run | file disk0:x",
    ),
    (
        "cisco_iosxr",
        "show run | begin x",
        "show run | include x | utility xargs",
    ),
    (
        "cisco_nxos",
        "show version | include x | count",
        "show version ; reload",
    ),
    (
        "cisco_nxos",
        "show interface | egrep up",
        "show run > bootflash:x",
    ),
    ("cisco_nxos", "show run | section bgp", "show run | sed w/x"),
    (
        "arista_eos",
        "show version | json",
        "show version | tee flash:x",
    ),
    (
        "arista_eos",
        "show run | section bgp",
        "show run >> flash:x",
    ),
    (
        "dell_os10",
        "show run | grep x",
        "show run | save flash://x",
    ),
    (
        "juniper_junos",
        "show log messages | match \"a|save\" | count",
        "show version | save /tmp/x",
    ),
    (
        "juniper_junos",
        "show interfaces | no-more",
        "show version | match \"a\" |te /tmp/x",
    ),
    (
        "juniper_junos",
        "show configuration | display set",
        "show configuration | match y|save z",
    ),
    ("linux", "cat /proc/uptime", "cat /proc/uptime > x"),
    ("linux", "ip -j -s link show", "ip link set eth0 down"),
    (
        "linux",
        "vtysh -c \"show version\"",
        "vtysh -c \"show version\" -c \"configure\"",
    ),
    ("linux", "ss -tan", "ss -tK dst 192.0.2.1"),
    ("linux", "grep -c x /etc/hosts", "cat $(reboot)"),
    (
        "mikrotik_routeros",
        "/interface print detail where running",
        "/interface print file=x",
    ),
    (
        "mikrotik_routeros",
        "/ip route print count-only",
        "/ip route print where [/system reboot]",
    ),
    (
        "mikrotik_routeros",
        "/system resource print",
        "/system resource print; /system reboot",
    ),
    (
        "huawei_vrp",
        "display interface | include up",
        "display version > x.txt",
    ),
    (
        "hp_comware",
        "display version | include x",
        "display version > x.txt",
    ),
    (
        "nokia_sros",
        "show router interface | match x",
        "show version > cf3:x",
    ),
    (
        "vyos",
        "show interfaces | match eth | no-more",
        "show version | tee /tmp/x",
    ),
    (
        "vyos",
        "show configuration commands | grep x",
        "show version; reboot",
    ),
    ("vyos", "show version | strip-private", "show version | sh"),
];

#[test]
fn what_writes_by_way_of_a_reading_command_is_known() {
    let library = Library::bundled().unwrap();
    for (name, reads, writes) in BY_WAY_OF_READING {
        let platform = library.platform(name).unwrap();
        assert_eq!(read(platform, reads), Ok(()), "{name}");
        assert!(
            matches!(
                read(platform, writes),
                Err(Refused::Writes { .. } | Refused::NotARead { .. })
            ),
            "{name}: {writes:?}"
        );
    }
}

#[test]
fn every_mode_can_be_entered_where_a_procedure_may() {
    let library = Library::bundled().unwrap();
    let own = Login::named("changer");
    let monitoring = Login::named("monitoring");
    for name in library.platforms() {
        let platform = library.platform(name).unwrap();
        let judge = Judge::new(platform);
        for mode in platform.modes.keys() {
            let entered = judge.judge_mode(&monitoring, true, Some(&own), mode);
            assert!(entered.is_ok(), "{name}: {entered:?}");
            // To look, only what does not lock a configuration is entered.
            let looked = judge.judge_mode(&monitoring, false, None, mode);
            assert_eq!(looked.is_ok(), mode == "global", "{name}: {mode}");
        }
        let is_without = matches!(name, "linux" | "mikrotik_routeros");
        assert_eq!(platform.modes.is_empty(), is_without, "{name}");
        assert!(
            platform.transport == Transport::Shell || is_without || !platform.prompts.is_empty()
        );
    }
}

#[test]
fn a_mode_has_no_more_lines_than_can_be_told_of() {
    let platform = |n_enter: usize| {
        let enter = vec!["configure"; n_enter].join(", ");
        format!(
            "name: lab_os\ntransport: shell\nprompts: {{ user: '\\A[a-z]+> ?\\z' }}\nmodes:\n  config:\n    enter: [{enter}]\n    leave: [exit, exit]\n"
        )
    };
    let most = MAX_MODE_LINES as usize;
    let (_, faults) = with_user_files(&[("platforms/lab.yml", &platform(most - 2))]);
    assert_eq!(faults, [""; 0]);
    let (_, faults) = with_user_files(&[("platforms/lab.yml", &platform(most - 1))]);
    let [fault] = &faults[..] else {
        panic!("{faults:?}")
    };
    let said =
        "platforms/lab.yml:6:5: `enter` and `leave` of mode \"config\" have 65 lines together";
    assert!(fault.starts_with(said), "{fault}");
    assert!(fault.contains("hint: 64 are the most"), "{fault}");
}
