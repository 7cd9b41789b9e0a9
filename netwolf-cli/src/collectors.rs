//! `netwolf collectors`: what can be asked of devices, by the library that is bundled and the user's own.

use std::{path::PathBuf, process::ExitCode};

use netwolf_manager::library::Library;

use crate::{
    library::{self, Variant},
    manager::Output,
    print,
    unknown::Unknown,
};

mod privileges;
mod view;

/// What `netwolf collectors` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Option<Verb>,

    /// One collector, with all its metrics; all collectors, a line for each command, where none is named.
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// Only what there is for this platform.
    #[arg(long, global = true, value_name = "NAME")]
    platform: Option<String>,

    /// The configuration whose own platforms and collectors count, too [default: netwolf.yml where there is one].
    #[arg(long = "config.file", global = true, value_name = "FILE")]
    config_file: Option<PathBuf>,

    /// What to print.
    #[arg(long, global = true, value_enum, default_value_t)]
    output: Output,
}

/// What else can be asked of the library.
#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Show what an account must be allowed on the devices of a platform: every command that is typed, and the role,
    /// view or profile that allows those and no more.
    Privileges(privileges::Args),
}

/// 0 when there is something to show, 2 when there is no such collector or platform, or the configuration has faults.
pub(crate) fn run(args: &Args) -> ExitCode {
    if let Some(Verb::Privileges(privileges)) = &args.verb {
        if args.name.is_some() {
            let message = "`privileges` is of a platform, and a collector is named before it";
            return print::usage(message, Some("--collectors behind it takes their names"));
        }
        return privileges::run(privileges);
    }
    let Some(library) = library::load(args.config_file.as_deref()) else {
        return ExitCode::from(2);
    };
    let wanted = match args.wanted(&library) {
        Ok(wanted) => wanted,
        Err(unknown) => return unknown.tell(),
    };
    let shown = match (args.output, &args.name) {
        (Output::Json, _) => view::json(&wanted),
        (Output::Table, Some(_)) => Ok(view::details(&wanted)),
        (Output::Table, None) => Ok(view::list(&wanted)),
    };
    match shown.map_err(Into::into).and_then(|text| print::out(&text)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => netwolf_manager::cli::fail(&error),
    }
}

impl Args {
    /// Sorted by name.
    fn wanted<'l>(&self, library: &'l Library) -> Result<Vec<Variant<'l>>, Unknown> {
        let platform = self.platform.as_deref();
        if let Some(name) = &self.name {
            return library::variants(library, name, platform);
        }
        let Some(platform) = platform else {
            let all = library
                .collectors()
                .map(|name| library::variants(library, name, None));
            return Ok(all.collect::<Result<Vec<_>, _>>()?.concat());
        };
        library::known_platform(library, platform)?;
        let names = library.collectors_of(platform);
        let variants = names.map(|name| library::variants(library, name, Some(platform)));
        Ok(variants.collect::<Result<Vec<_>, _>>()?.concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &str) -> Args {
        match crate::manager::tests::typed(line) {
            crate::Verb::Collectors(args) => args,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn what_both_know_stands_before_and_behind_the_verb() {
        const BOTH: &str = "--platform linux --config.file f --output json";
        for line in [
            format!("netwolf collectors {BOTH} privileges"),
            format!("netwolf collectors privileges {BOTH}"),
        ] {
            let Some(Verb::Privileges(args)) = typed(&line).verb else {
                panic!("{line}")
            };
            assert_eq!(args.platform.as_deref(), Some("linux"), "{line}");
            assert_eq!(args.config_file.as_deref(), Some("f".as_ref()), "{line}");
            assert_eq!(args.output, Output::Json, "{line}");
        }
    }

    #[test]
    fn a_collector_before_the_verb_and_no_platform_are_refused() {
        let bad = format!("{:?}", ExitCode::from(2));
        for line in [
            "netwolf collectors cpu privileges --platform linux",
            "netwolf collectors privileges",
        ] {
            assert_eq!(format!("{:?}", run(&typed(line))), bad, "{line}");
        }
    }

    fn names(name: Option<&str>, platform: Option<&str>) -> Result<Vec<String>, String> {
        let library = Library::bundled().unwrap();
        let args = Args {
            verb: None,
            name: name.map(Into::into),
            platform: platform.map(Into::into),
            config_file: None,
            output: Output::Table,
        };
        let wanted = args.wanted(&library).map_err(|unknown| unknown.message)?;
        let name = |variant: &Variant<'_>| variant.collector.name.clone();
        Ok(wanted.iter().map(name).collect())
    }

    #[test]
    fn a_platform_and_a_name_narrow_it_down() {
        let all = names(None, None).unwrap();
        assert!(all.is_sorted() && all.contains(&"cpu".into()), "{all:?}");
        let linux = names(None, Some("linux")).unwrap();
        assert!(
            linux.len() < all.len() && linux.contains(&"cpu".into()),
            "{linux:?}"
        );
        assert_eq!(names(Some("cpu"), Some("linux")).unwrap(), ["cpu"]);
        assert_eq!(
            names(None, Some("lunix")).unwrap_err(),
            "unknown platform \"lunix\""
        );
        assert_eq!(
            names(Some("cpuu"), None).unwrap_err(),
            "unknown collector \"cpuu\""
        );
    }
}
