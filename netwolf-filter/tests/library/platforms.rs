//! The bundled platforms are whole. What they take for a prompt or a refusal: `manners`.

use std::fs;

use netwolf_wire::platform::{Platform, Transport};
use regex::Regex;

use crate::{
    data::{collectors, files, library},
    yaml,
};

/// All bundled platforms.
pub(crate) fn platforms() -> Vec<Platform> {
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
        assert!(
            !platform.prompts.is_empty() || platform.transport == Transport::Exec,
            "{name}: a shell needs a prompt"
        );
        let enable = platform.enable.iter().map(|enable| &enable.password_prompt);
        let questions = platform.questions.iter().map(|question| &question.ask);
        for pattern in platform
            .prompts
            .values()
            .chain(&platform.above)
            .chain(&platform.failures)
            .chain(enable)
            .chain(questions)
        {
            Regex::new(pattern).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        assert_eq!(platform.legacy, [], "{name}: nothing legacy by default");
        // The other platforms are there for collectors of one's own.
        let complete = [
            "cisco_ios",
            "cisco_iosxe",
            "cisco_iosxr",
            "cisco_nxos",
            "huawei_vrp",
            "linux",
        ]
        .contains(&name.as_str());
        for wanted in ["facts", "cpu", "memory", "interfaces"]
            .into_iter()
            .filter(|_| complete)
        {
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
