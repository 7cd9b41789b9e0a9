//! The bundled platforms: what is a prompt, what is not, and what is a refusal.

use std::fs;

use netwolf_wire::platform::{Platform, Transport};
use regex::Regex;

use crate::{
    data::{collectors, files, library},
    yaml,
};

fn platforms() -> Vec<Platform> {
    let files = files(&library().join("platforms"), "yml");
    let platforms = files.into_iter().map(|(stem, path)| {
        let platform: Platform = yaml::read(&fs::read_to_string(path).unwrap());
        assert_eq!(platform.name, stem, "a file has its platform's name");
        platform
    });
    platforms.collect()
}

#[test]
fn every_platform_is_whole_and_has_collectors() {
    let collectors = collectors();
    for platform in platforms() {
        let name = &platform.name;
        assert!(!platform.description.is_empty(), "{name}");
        assert_eq!(
            platform.prompt.is_some(),
            platform.transport == Transport::Shell,
            "{name}: a shell needs a prompt"
        );
        let enable = platform.enable.iter().map(|enable| &enable.password_prompt);
        for pattern in platform
            .prompt
            .iter()
            .chain(&platform.failures)
            .chain(enable)
        {
            Regex::new(pattern).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        for wanted in ["facts", "cpu", "memory", "interfaces"] {
            let found = collectors
                .iter()
                .filter(|(_, it)| it.name == wanted && it.platforms.contains(name))
                .count();
            assert_eq!(found, 1, "{name} has one collector {wanted}");
        }
    }
}

#[test]
fn every_platform_that_a_collector_names_is_there() {
    let names: Vec<_> = platforms()
        .into_iter()
        .map(|platform| platform.name)
        .collect();
    for (stem, collector) in collectors() {
        for platform in collector.platforms {
            assert!(names.contains(&platform), "{stem} names {platform:?}");
        }
    }
}

#[test]
fn an_ios_prompt_is_a_whole_line_and_nothing_in_a_banner_is() {
    for platform in platforms()
        .iter()
        .filter(|platform| platform.name.starts_with("cisco_ios"))
    {
        let prompt = Regex::new(platform.prompt.as_ref().unwrap()).unwrap();
        for line in [
            "rtr-1#",
            "rtr-1>",
            "rtr-1# ",
            "rtr-1(config)#",
            "rtr-1(config-if)#",
            "rtr-1(config-router-af)#",
            "sw1.example.net#",
            "SW_1-2>",
            "a-name-of-sixty-three-characters-which-is-the-most-that-there-i#",
            "rtr-1(tcl)#",
            "1841#",
        ] {
            assert!(prompt.is_match(line), "{line:?} is a prompt");
        }
        for line in [
            "",
            "#",
            ">",
            "Password:",
            "Username:",
            "% Invalid input detected at '^' marker.",
            "# Unauthorised access is prohibited #",
            "##########",
            "*** Authorised users only ***#",
            "Welcome to rtr-1 #",
            "Type help or '?' for a list of commands>",
            " --More-- ",
            "rtr-1#show version",
            "rtr-1#\nrtr-1",
            "rtr-1(config)",
            "-----#",
            "<rtr-1>",
        ] {
            assert!(!prompt.is_match(line), "{line:?} is no prompt");
        }
    }
}

#[test]
fn ios_refusals_are_seen_and_output_is_not_taken_for_one() {
    for platform in platforms()
        .iter()
        .filter(|platform| platform.name.starts_with("cisco_ios"))
    {
        let failures: Vec<_> = platform
            .failures
            .iter()
            .map(|pattern| Regex::new(&format!("(?m:{pattern})")).unwrap())
            .collect();
        let refused = |line: &str| failures.iter().any(|failure| failure.is_match(line));
        for line in [
            "% Invalid input detected at '^' marker.",
            "% Incomplete command.",
            "% Ambiguous command:  \"show ver | i x\"",
            "% Unknown command or computer name, or unable to find computer address",
            "Command authorization failed.",
            "% Authorization failed.",
            "% Bad IP address or host name",
            "shw version\n ^\n% Invalid input detected at '^' marker.\n",
        ] {
            assert!(refused(line), "{line:?} is a refusal");
        }
        for line in [
            "",
            "  Description: % Invalid input",
            "CPU utilization for five seconds: 1%/0%",
            "%SYS-5-CONFIG_I: Configured from console",
        ] {
            assert!(!refused(line), "{line:?} is output");
        }
    }
}
