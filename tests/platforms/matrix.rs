//! Each platform and each manner: a test of its own, and a cell of the table in `docs/platforms.md`.

use std::{fmt::Write as _, path::Path};

use netwolf_wire::platform::Transport;

use crate::{
    manners::{self, Manner},
    scene::{LIBRARY, bundled, with_shell},
};

/// Has the page's table written anew when it is set.
const UPDATE: &str = "NETWOLF_UPDATE_PAGES";
/// Stand around the table.
const BEGIN: &str = "<!-- manners -->";
const END: &str = "<!-- /manners -->";

/// Makes the list of manners, and the tests of one platform.
macro_rules! manners {
    ($($name:ident = $manner:ident,)+) => {
        /// All of them, in the order of the table.
        const MANNERS: &[&Manner] = &[$(&manners::$manner),+];

        macro_rules! cells {
            ($platform:ident) => {
                mod $platform {
                    $(
                        #[test]
                        fn $name() {
                            $crate::manners::$manner.try_on(stringify!($platform));
                        }
                    )+
                }
            };
        }
    };
}

/// Makes the list of platforms, and their tests.
macro_rules! platforms {
    ($($platform:ident,)+) => {
        /// All of them, in the order of the table.
        const PLATFORMS: &[&str] = &[$(stringify!($platform)),+];

        $(cells!($platform);)+
    };
}

manners! {
    login = LOGIN,
    replay = REPLAY,
    keyboard = KEYBOARD,
    banner = BANNER,
    question = QUESTION,
    enable = ENABLE,
    pager = PAGER,
    pager_again = PAGER_ALWAYS,
    long_echo = ECHO,
    line_above = ABOVE,
    rename = RENAME,
    refusal = REFUSAL,
    false_prompts = PROMPT_LIKE,
    timeout = TIMEOUT,
    dribble = DRIBBLE,
    flood = FLOOD,
    garbage = GARBAGE,
    drop = DROP,
    rekey = REKEY,
    channels = CHANNELS,
    reconnect = RECONNECT,
}

platforms! {
    arista_eos,
    aruba_aoscx,
    cisco_asa,
    cisco_ios,
    cisco_iosxe,
    cisco_iosxr,
    cisco_nxos,
    dell_os10,
    fortinet_fortios,
    hp_comware,
    hp_procurve,
    huawei_vrp,
    juniper_junos,
    linux,
    mikrotik_routeros,
    nokia_sros,
    nokia_sros_md,
    paloalto_panos,
    vyos,
}

/// Whether the manner is tried on the platform, and how the table says so.
fn cell(manner: &Manner, name: &str) -> &'static str {
    let platform = bundled(name);
    if (manner.lacks)(&with_shell(name)).is_some() && (manner.lacks)(&platform).is_some() {
        "–"
    } else if manner.shell && platform.transport == Transport::Exec {
        "sh"
    } else {
        "✓"
    }
}

/// The table with its legend, as it stands on the page.
fn table() -> String {
    let mut text = String::from("| platform |");
    for manner in MANNERS {
        write!(text, " {} |", manner.name).unwrap();
    }
    text += "\n|---|";
    text += &"---|".repeat(MANNERS.len());
    for platform in PLATFORMS {
        write!(text, "\n| `{platform}` |").unwrap();
        for manner in MANNERS {
            write!(text, " {} |", cell(manner, platform)).unwrap();
        }
    }
    text += "\n\n✓: tested as it is bundled. \
             sh: tested with `transport: shell`, which a file of your own can set; bundled, its commands run on \
             channels of their own, where there is no such thing.\n–: the platform has not got it.\n\n";
    for manner in MANNERS {
        write!(text, "- **{}**: {}", manner.name, manner.what).unwrap();
        let lacks = PLATFORMS.iter().find_map(|name| {
            (cell(manner, name) == "–").then(|| (manner.lacks)(&bundled(name)))?
        });
        match lacks {
            Some(why) => writeln!(text, "; –: {why}.").unwrap(),
            None => text += ".\n",
        }
    }
    text
}

#[test]
fn every_bundled_platform_is_tried() {
    let bundled: Vec<_> = LIBRARY.platforms().collect();
    assert_eq!(bundled, PLATFORMS);
}

#[test]
fn the_page_says_what_is_tested() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/platforms.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page
        .split_once(BEGIN)
        .expect("the page has a place for the table");
    let after = rest.split_once(END).map_or(rest, |(_, after)| after);
    let right = format!("{before}{BEGIN}\n\n{}\n{END}{after}", table());
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &right).unwrap();
    }
    assert!(
        page == right || std::env::var_os(UPDATE).is_some(),
        "the table in docs/platforms.md is not what is tested: run these tests with {UPDATE}=1"
    );
}
