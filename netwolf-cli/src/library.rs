//! Collectors that people name: looked up in what is bundled and in what the configuration adds.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use netwolf_manager::{
    config::{self, suggest},
    library::{Collector, CollectorCommand, Library},
};

use netwolf_wire::platform::Platform;

use crate::{print, unknown::Unknown};

/// The configuration where none is named.
const CONFIG_FILE: &str = "netwolf.yml";

/// A collector with all platforms that have this one under its name.
#[derive(Clone, Debug)]
pub(crate) struct Variant<'l> {
    /// Sorted, at least one.
    pub(crate) platforms: Vec<&'l str>,
    /// What it does there.
    pub(crate) collector: &'l Arc<Collector>,
}

/// The library of the configuration at `path`; where none is named that of `netwolf.yml`, or the bundled one where there
/// is no such file. Faults are said here; warnings are not, because they are about devices.
pub(crate) fn load(path: Option<&Path>) -> Option<Library> {
    let default = || Some(PathBuf::from(CONFIG_FILE)).filter(|path| path.exists());
    let library = match path.map(Path::to_owned).or_else(default) {
        Some(path) => config::load(&path).map(|loaded| loaded.library),
        None => Library::bundled(),
    };
    library.map_err(|faults| print::tell!("{faults}")).ok()
}

/// The variants of the collector `name`, in the order of their first platforms; those of `platform` alone where one is
/// named.
///
/// # Errors
/// There is no such collector, no such platform, or nothing of the one for the other.
pub(crate) fn variants<'l>(
    library: &'l Library,
    name: &str,
    platform: Option<&str>,
) -> Result<Vec<Variant<'l>>, Unknown> {
    let mut variants: Vec<Variant<'l>> = Vec::new();
    for (on, collector) in library.platforms_of(name) {
        if platform.is_some_and(|wanted| wanted != on) {
            continue;
        }
        match variants
            .iter_mut()
            .find(|it| Arc::ptr_eq(it.collector, collector))
        {
            Some(variant) => variant.platforms.push(on),
            None => variants.push(Variant {
                platforms: vec![on],
                collector,
            }),
        }
    }
    if !variants.is_empty() {
        return Ok(variants);
    }
    if let Some(platform) = platform {
        known_platform(library, platform)?;
    }
    if library.platforms_of(name).next().is_none() {
        let hint = suggest::hint(name, "collectors", library.collectors());
        return Err(Unknown::new(format!("unknown collector \"{name}\""), hint));
    }
    let platform = platform.unwrap_or_default();
    Err(Unknown::new(
        format!("collector \"{name}\" has nothing for platform \"{platform}\""),
        Some(collectors_hint(library, platform)),
    ))
}

/// The platform of that name.
///
/// # Errors
/// There is none.
pub(crate) fn known_platform<'l>(
    library: &'l Library,
    name: &str,
) -> Result<&'l Platform, Unknown> {
    if let Some(platform) = library.platform(name) {
        return Ok(platform);
    }
    let hint = suggest::hint(name, "platforms", library.platforms());
    Err(Unknown::new(format!("unknown platform \"{name}\""), hint))
}

fn collectors_hint(library: &Library, platform: &str) -> String {
    let names: Vec<&str> = library.collectors_of(platform).collect();
    if names.is_empty() {
        format!("the library has no collector for {platform}; add one by `library.collectors`")
    } else {
        format!("collectors for {platform}: {}", names.join(", "))
    }
}

/// The one collector that is meant.
///
/// # Errors
/// As [`variants`], and where the collector is not the same on all platforms and none is named.
pub(crate) fn one<'l>(
    library: &'l Library,
    name: &str,
    platform: Option<&str>,
) -> Result<Variant<'l>, Unknown> {
    let mut variants = variants(library, name, platform)?;
    if variants.len() == 1 {
        return Ok(variants.remove(0));
    }
    let platforms = variants.iter().flat_map(|variant| &variant.platforms);
    let mut platforms: Vec<&str> = platforms.copied().collect();
    platforms.sort_unstable();
    Err(Unknown::new(
        format!("collector \"{name}\" is not the same on all platforms"),
        Some(format!("name one by --platform: {}", platforms.join(", "))),
    ))
}

/// The command of `collector` that is meant: the one that was typed, or the only one.
///
/// # Errors
/// The collector does not run what was typed, or runs several commands and nothing was typed.
pub(crate) fn command<'c>(
    collector: &'c Collector,
    typed: Option<&str>,
) -> Result<&'c CollectorCommand, Unknown> {
    let texts = || {
        collector
            .commands
            .iter()
            .map(|command| command.text.as_str())
    };
    let listed = |texts: Vec<&str>| {
        let quoted = texts.iter().map(|text| format!("\n    '{text}'"));
        quoted.collect::<String>()
    };
    match (typed, collector.commands.as_slice()) {
        (None, [only]) => Ok(only),
        (None, _) => Err(Unknown::new(
            format!("collector \"{}\" runs several commands", collector.name),
            Some(format!(
                "say by --command whose output it is:{}",
                listed(texts().collect())
            )),
        )),
        (Some(typed), commands) => {
            let words = |text: &str| {
                text.split_whitespace()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            let wanted = words(typed);
            let found = commands
                .iter()
                .find(|command| words(&command.text) == wanted);
            found.ok_or_else(|| {
                let hint = match suggest::nearest(typed, texts()) {
                    Some(near) => format!("did you mean '{near}'?"),
                    None => format!("it runs:{}", listed(texts().collect())),
                };
                let message = format!("collector \"{}\" does not run \"{typed}\"", collector.name);
                Unknown::new(message, Some(hint))
            })
        }
    }
}

#[cfg(test)]
mod tests;
