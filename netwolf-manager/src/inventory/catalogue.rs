//! What the collectors of an inventory make: metric families, and of which commands.
//!
//! Several platforms make one family of different commands, and agents declare it in whatever order they come.
//! So what people read about a family is put together here, from the configuration alone: it is the same on
//! every page until that changes.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    exposition::put,
    library::Library,
    series::{FamilyName, limits::HELP},
};

/// Stands for the manager's own families where collectors are named; no collector may be called so.
pub const OWN: &str = "netwolf";

/// Bytes of the commands that a help text lists, and of each: a fleet may have a dozen platforms, and whoever reads
/// it wants one line.
const COMMANDS: usize = 200;
const COMMAND: usize = 100;

/// The collectors that devices have, and the families that they make.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalogue {
    collectors: BTreeMap<String, BTreeSet<FamilyName>>,
    helps: BTreeMap<FamilyName, String>,
}

/// What is told of a family.
#[derive(Default)]
struct Told<'a> {
    help: &'a str,
    collectors: BTreeSet<&'a str>,
    commands: BTreeSet<&'a str>,
}

impl Catalogue {
    /// The catalogue of what is used: names of collectors, each with a platform that has it.
    pub(crate) fn of<'a>(library: &Library, used: &BTreeSet<(&'a str, &'a str)>) -> Self {
        let mut collectors = BTreeMap::<String, BTreeSet<FamilyName>>::new();
        let mut told = BTreeMap::<FamilyName, Told<'_>>::new();
        for (name, platform) in used {
            let Some(collector) = library.collector(platform, name) else {
                continue;
            };
            let made = collectors.entry((*name).to_owned()).or_default();
            for command in &collector.commands {
                for metric in command.rules.iter().flat_map(|rule| &rule.metrics) {
                    let Some(family) = FamilyName::new(&metric.name, metric.kind) else {
                        continue;
                    };
                    made.insert(family.clone());
                    let told = told.entry(family).or_insert_with(|| Told {
                        help: &metric.help,
                        ..Told::default()
                    });
                    told.collectors.insert(&collector.name);
                    told.commands.insert(&command.text);
                }
            }
        }
        let helps = told.into_iter().map(|(name, told)| (name, told.text()));
        Self {
            collectors,
            helps: helps.collect(),
        }
    }

    /// Names of the collectors that some device has, sorted.
    pub fn collectors(&self) -> impl Iterator<Item = &str> {
        self.collectors.keys().map(String::as_str)
    }

    /// The families that a collector makes on whatever platform; `None` where no device has it.
    pub fn families_of(&self, collector: &str) -> Option<&BTreeSet<FamilyName>> {
        self.collectors.get(collector)
    }

    /// What people read about a family; `None` where no collector makes it any more.
    pub fn help(&self, family: &FamilyName) -> Option<&str> {
        self.helps.get(family).map(String::as_str)
    }
}

impl Told<'_> {
    /// `Load of the CPU. (collector cpu: "show processes cpu", "display cpu-usage")`
    fn text(&self) -> String {
        let help = self.help.trim_end();
        let mut text = cut(help, HELP).to_owned();
        let many = if self.collectors.len() > 1 { "s" } else { "" };
        text.extend([" (collector", many, " "]);
        list(&mut text, &self.collectors, ("", ""));
        text.push_str(": ");
        list(&mut text, &self.commands, ("`", "`"));
        text.push(')');
        text
    }
}

/// Appends as many items as there is room for, at least one, and the number of the others.
fn list(text: &mut String, items: &BTreeSet<&str>, (before, behind): (&str, &str)) {
    let begin = text.len();
    for (no, item) in items.iter().enumerate() {
        let shown = cut(item, COMMAND);
        if no > 0 && text.len() + shown.len() > begin + COMMANDS {
            let n_others = items.len() - no;
            put(text, format_args!(" and {n_others} more"));
            return;
        }
        let comma = if no > 0 { ", " } else { "" };
        let dots = if shown.len() < item.len() { "..." } else { "" };
        text.extend([comma, before, shown, dots, behind]);
    }
}

fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most))
        .expect("it is cut at a character's end")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue(used: &[(&str, &str)]) -> Catalogue {
        Catalogue::of(
            &Library::bundled().unwrap(),
            &used.iter().copied().collect(),
        )
    }

    fn utilization() -> FamilyName {
        let kind = netwolf_wire::series::Kind::Gauge;
        FamilyName::new("netwolf_cpu_utilization_ratio", kind).unwrap()
    }

    #[test]
    fn a_help_text_names_collectors_and_commands_and_not_who_came_first() {
        let check = |used: &[(&str, &str)], expected: &str| {
            let catalogue = catalogue(used);
            let help = catalogue.help(&utilization()).unwrap();
            let text =
                "Share of the time that the CPU was busy, from 0 to 1, averaged over the window. ";
            assert_eq!(help.strip_prefix(text), Some(expected));
        };
        check(
            &[("cpu", "cisco_ios")],
            "(collector cpu: `show processes cpu | include CPU`)",
        );
        check(
            &[
                ("cpu", "cisco_iosxr"),
                ("cpu", "cisco_ios"),
                ("cpu", "cisco_iosxe"),
            ],
            "(collector cpu: `show processes cpu | include CPU`, `show processes cpu | include CPU utilization`)",
        );
    }

    #[test]
    fn a_collector_makes_what_its_platforms_make() {
        let catalogue = catalogue(&[("cpu", "linux"), ("cpu", "cisco_ios"), ("memory", "linux")]);
        assert_eq!(
            catalogue.collectors().collect::<Vec<_>>(),
            ["cpu", "memory"]
        );
        let cpu = catalogue.families_of("cpu").unwrap();
        assert!(cpu.contains(&utilization()));
        assert!(cpu.is_disjoint(catalogue.families_of("memory").unwrap()));
        assert_eq!(catalogue.families_of("bgp"), None);
    }

    #[test]
    fn every_bundled_help_text_is_one_short_line() {
        let library = Library::bundled().unwrap();
        let used = library.collectors().flat_map(|name| {
            let platforms = library.platforms_of(name);
            platforms.map(move |(platform, _)| (name, platform))
        });
        let catalogue = Catalogue::of(&library, &used.collect());
        for help in catalogue.helps.values() {
            assert!(help.len() < 600 && !help.contains('\n'), "{help}");
            assert!(
                help.contains(" (collector") && help.ends_with(')'),
                "{help}"
            );
        }
    }

    #[test]
    fn a_long_list_is_cut() {
        let commands: Vec<String> = (10..60)
            .map(|no| format!("show something long {no}"))
            .collect();
        let long = "x".repeat(300);
        let told = Told {
            help: "Help.",
            collectors: ["a", "b"].into(),
            commands: commands.iter().map(String::as_str).collect(),
        };
        let text = told.text();
        assert!(
            text.starts_with("Help. (collectors a, b: `show something long 10`, "),
            "{text}"
        );
        assert!(text.ends_with(" more)") && text.len() < 300, "{text}");
        let told = Told {
            commands: [long.as_str()].into(),
            ..told
        };
        assert!(told.text().ends_with("xxx...`)") && told.text().len() < 200);
    }
}
