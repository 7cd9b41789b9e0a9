//! Platforms, collectors and procedures: the bundled ones and those of the user's directories.
//!
//! Two layers: what is bundled in the binary (`library/` beside this crate's sources) and what the
//! configuration's `library` directories hold. A user's platform takes the place of the bundled one of that
//! name, a user's collector that of the bundled one of that name on the platforms that it names, and a user's
//! procedure that of the bundled one of that name. Within a layer nothing may be there twice.

mod collector;
mod families;
mod origin;
mod platform;
pub mod privileges;
mod procedure;
mod typed;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::{Arc, LazyLock},
};

use netwolf_wire::{
    Span,
    platform::{Platform, Transport},
    rule::Rule,
};

use self::families::Declared;
pub use self::{origin::Origin, procedure::ProcedureFile};
use crate::config::{
    Faults,
    fault::{Fault, Place},
    sources::{Sources, describe},
    yaml::{Document, Field, Spanned},
};

/// The files of the bundled library with their names.
mod bundled {
    include!(concat!(env!("OUT_DIR"), "/bundled.rs"));
}

/// What can be polled, and how.
#[derive(Clone, Debug, Default)]
pub struct Library {
    platforms: BTreeMap<String, Arc<Platform>>,
    /// By name, then by platform.
    collectors: BTreeMap<String, BTreeMap<String, Arc<Collector>>>,
    procedures: BTreeMap<String, Arc<ProcedureFile>>,
    /// Names of platforms and collectors with faults: whoever uses them is not at fault.
    spoilt: BTreeSet<String>,
}

/// Commands and the rules that turn their output into samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Collector {
    /// What the inventory calls it: `cpu`.
    pub name: String,
    /// For people: what it tells.
    pub description: String,
    /// The file that it was read from.
    pub origin: Origin,
    /// At least one.
    pub commands: Vec<CollectorCommand>,
}

/// A command of a collector.
#[derive(Clone, Debug, PartialEq)]
pub struct CollectorCommand {
    /// What is typed.
    pub text: String,
    /// From one start to the next; the device's interval where nothing is said.
    pub interval: Option<Span>,
    /// Until the output must be whole; the device's timeout where nothing is said.
    pub timeout: Option<Span>,
    /// At least one; they compile.
    pub rules: Vec<Rule>,
}

/// Directories of the user.
#[derive(Debug, Default)]
pub(crate) struct UserDirectories {
    pub(crate) platforms: Option<Spanned<PathBuf>>,
    pub(crate) collectors: Option<Spanned<PathBuf>>,
    pub(crate) procedures: Option<Spanned<PathBuf>>,
}

/// What the binary carries, with its faults, of which the tests make sure that there are none: read once, since that
/// takes longer than all of a small configuration.
static BUNDLED: LazyLock<(Library, Vec<Fault>)> = LazyLock::new(|| {
    let mut faults = Vec::new();
    let library = Library::of(&[bundled_layer()], &mut faults);
    (library, faults)
});

/// The files of one layer.
#[derive(Default)]
struct Layer {
    platforms: Vec<(Origin, String)>,
    collectors: Vec<(Origin, String)>,
    procedures: Vec<(Origin, String)>,
}

/// Where things of a layer were found, to name both places of a repetition.
type Seen<K> = BTreeMap<K, (Arc<Path>, Place)>;

impl Layer {
    fn is_empty(&self) -> bool {
        self.platforms.is_empty() && self.collectors.is_empty() && self.procedures.is_empty()
    }
}

impl Library {
    /// What the binary carries.
    ///
    /// # Errors
    /// When a bundled file has faults, which the tests rule out.
    pub fn bundled() -> Result<Self, Faults> {
        let mut sources = Sources::default();
        let mut faults = Vec::new();
        let library = Self::load(
            &Path::new("").into(),
            &UserDirectories::default(),
            &mut sources,
            &mut faults,
        );
        if faults.is_empty() {
            Ok(library)
        } else {
            Err(Faults::new(faults, sources))
        }
    }

    /// Both layers; `config` is the file that names the user's directories.
    pub(crate) fn load(
        config: &Arc<Path>,
        directories: &UserDirectories,
        sources: &mut Sources,
        faults: &mut Vec<Fault>,
    ) -> Self {
        let user = Layer {
            platforms: read_directory(config, directories.platforms.as_ref(), sources, faults),
            collectors: read_directory(config, directories.collectors.as_ref(), sources, faults),
            procedures: read_directory(config, directories.procedures.as_ref(), sources, faults),
        };
        if user.is_empty() {
            let (library, found) = &*BUNDLED;
            faults.extend_from_slice(found);
            return library.clone();
        }
        Self::of(&[bundled_layer(), user], faults)
    }

    fn of(layers: &[Layer], faults: &mut Vec<Fault>) -> Self {
        let mut library = Self::default();
        // All platforms first: a user's collector may be for a bundled platform and the other way round.
        for layer in layers {
            library.add_platforms(&layer.platforms, faults);
        }
        let mut metrics = Vec::new();
        for layer in layers {
            library.add_collectors(&layer.collectors, &mut metrics, faults);
            library.add_procedures(&layer.procedures, faults);
        }
        library.check_metrics(&metrics, faults);
        library
    }

    /// The platform of that name.
    pub fn platform(&self, name: &str) -> Option<&Arc<Platform>> {
        self.platforms.get(name)
    }

    /// All platforms' names, sorted.
    pub fn platforms(&self) -> impl Iterator<Item = &str> {
        self.platforms.keys().map(String::as_str)
    }

    /// What the collector of that name does on a platform.
    pub fn collector(&self, platform: &str, name: &str) -> Option<&Arc<Collector>> {
        self.collectors.get(name)?.get(platform)
    }

    /// All collectors' names, on whatever platform, sorted.
    pub fn collectors(&self) -> impl Iterator<Item = &str> {
        self.collectors.keys().map(String::as_str)
    }

    /// What the collector of that name does, by platform.
    pub fn platforms_of(&self, name: &str) -> impl Iterator<Item = (&str, &Arc<Collector>)> {
        let platforms = self.collectors.get(name).into_iter().flatten();
        platforms.map(|(platform, collector)| (platform.as_str(), collector))
    }

    /// Names of the collectors that a platform has, sorted.
    pub fn collectors_of(&self, platform: &str) -> impl Iterator<Item = &str> {
        self.collectors
            .iter()
            .filter(move |(_, platforms)| platforms.contains_key(platform))
            .map(|(name, _)| name.as_str())
    }

    /// All procedures, by name.
    pub fn procedures(&self) -> impl Iterator<Item = &Arc<ProcedureFile>> {
        self.procedures.values()
    }

    /// Whether the platform or collector of that name is there but has faults, which are reported.
    pub(crate) fn is_spoilt(&self, name: &str) -> bool {
        self.spoilt.contains(name)
    }

    fn add_platforms(&mut self, files: &[(Origin, String)], faults: &mut Vec<Fault>) {
        let mut seen = Seen::new();
        for (origin, text) in files {
            let file = origin.file();
            let document = Document::parse(file, text.clone(), faults);
            let platform = document
                .as_ref()
                .and_then(|document| platform::read(file, document, faults));
            let Some(platform) = platform else {
                self.spoilt.insert(name_in_ruins(file, document.as_ref()));
                continue;
            };
            let Spanned {
                at,
                value: platform,
            } = platform;
            // Nobody may be sent to a name that is refused, so it is none that there is.
            if collector::check_name(&platform.name).is_err() {
                self.spoilt.insert(platform.name);
                continue;
            }
            if let Some(first) = seen.get(&platform.name) {
                faults.push(twice(
                    file,
                    at,
                    &format!("platform {:?}", platform.name),
                    first,
                ));
                continue;
            }
            seen.insert(platform.name.clone(), (file.clone(), at));
            self.platforms
                .insert(platform.name.clone(), Arc::new(platform));
        }
    }

    /// `metrics` gets what each collector declares.
    fn add_collectors(
        &mut self,
        files: &[(Origin, String)],
        metrics: &mut Vec<(Arc<Collector>, Vec<Declared>)>,
        faults: &mut Vec<Fault>,
    ) {
        let spoilt = self.spoilt.iter().map(|name| (name.clone(), None));
        let usable = self.platforms.iter();
        let usable = usable.map(|(name, platform)| (name.clone(), Some(platform.transport)));
        let platforms: BTreeMap<String, Option<Transport>> = spoilt.chain(usable).collect();
        let mut seen = Seen::new();
        for (origin, text) in files {
            let file = origin.file();
            let document = Document::parse(file, text.clone(), faults);
            let n_faults = faults.len();
            let read = document
                .as_ref()
                .and_then(|document| collector::read(origin, document, &platforms, faults));
            if faults.len() > n_faults || document.is_none() {
                self.spoilt.insert(name_in_ruins(file, document.as_ref()));
            }
            let Some(read) = read else { continue };
            let collector = Arc::new(read.collector);
            metrics.push((collector.clone(), read.metrics));
            for platform in read.platforms {
                let key = (collector.name.clone(), platform.value.clone());
                if let Some(first) = seen.get(&key) {
                    let what = format!("collector {:?} for platform {:?}", key.0, key.1);
                    faults.push(twice(file, platform.at, &what, first));
                    continue;
                }
                self.collectors
                    .entry(key.0.clone())
                    .or_default()
                    .insert(key.1.clone(), collector.clone());
                seen.insert(key, (file.clone(), platform.at));
            }
        }
    }
}

impl Library {
    /// Tells of metrics that exclude each other, of all collectors that no other one has taken the place of.
    fn check_metrics(&self, metrics: &[(Arc<Collector>, Vec<Declared>)], faults: &mut Vec<Fault>) {
        let is_in_place = |collector: &Arc<Collector>| {
            let mut all = self.platforms_of(&collector.name);
            all.any(|(_, other)| Arc::ptr_eq(collector, other))
        };
        let in_place = metrics.iter().filter(|(it, _)| is_in_place(it));
        families::check(in_place.flat_map(|(_, metrics)| metrics), faults);
    }

    fn add_procedures(&mut self, files: &[(Origin, String)], faults: &mut Vec<Fault>) {
        let mut seen = Seen::new();
        for (origin, text) in files {
            let Some(read) = procedure::read(origin, text, faults) else {
                continue;
            };
            let (file, at) = (origin.file(), read.at);
            if let Some(first) = seen.get(&read.name) {
                let what = format!("procedure {:?}", read.name);
                faults.push(twice(file, at, &what, first));
                continue;
            }
            seen.insert(read.name.clone(), (file.clone(), at));
            self.procedures.insert(read.name.clone(), Arc::new(read));
        }
    }
}

/// What a file with faults was to be called, as well as that can be told.
fn name_in_ruins(file: &Path, document: Option<&Document>) -> String {
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Named {
        name: Field<String>,
    }

    // The other keys are unknown to this struct; their faults were reported by whoever knows them.
    let mut ignored = Vec::new();
    let named: Field<Named> =
        document.map_or(Field::Absent, |document| document.read(&mut ignored));
    match named.value().and_then(|named| named.name.value()) {
        Some(name) => name.clone(),
        None => file
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned(),
    }
}

fn twice(file: &Arc<Path>, at: Place, what: &str, first: &(Arc<Path>, Place)) -> Fault {
    let (other, place) = first;
    Fault::new(
        file,
        at,
        format!(
            "{what} is there already, at {}:{}:{}",
            other.display(),
            place.line,
            place.column
        ),
    )
    .hint("give one of them another name")
}

fn bundled_layer() -> Layer {
    let files = |folder: &str, files: &[(&str, &str)]| {
        files
            .iter()
            .map(|(name, text)| {
                let file = Path::new("bundled").join(folder).join(name);
                (Origin::Bundled(file.into()), (*text).into())
            })
            .collect()
    };
    Layer {
        platforms: files("platforms", bundled::PLATFORMS),
        collectors: files("collectors", bundled::COLLECTORS),
        procedures: files("procedures", bundled::PROCEDURES),
    }
}

/// The YAML files of a user's directory, sorted by name.
fn read_directory(
    config: &Arc<Path>,
    directory: Option<&Spanned<PathBuf>>,
    sources: &mut Sources,
    faults: &mut Vec<Fault>,
) -> Vec<(Origin, String)> {
    let Some(directory) = directory else {
        return Vec::new();
    };
    if !sources.has_directory(&directory.value) {
        let shown = directory.value.display().to_string();
        faults.push(
            Fault::new(
                config,
                directory.at,
                format!("there is no directory {shown:?}"),
            )
            .hint("paths are relative to the file that names them"),
        );
        return Vec::new();
    }
    let mut files = Vec::new();
    for pattern in ["*.yml", "*.yaml"] {
        match sources.expand(&directory.value.join(pattern)) {
            Ok(paths) => {
                let read = paths.iter().filter_map(|path| sources.read(path, faults));
                files.extend(read.map(|(file, text)| (Origin::File(file), text)));
            }
            Err(error) => {
                let message = format!("the directory cannot be listed: {}", describe(&error));
                faults.push(Fault::new(config, directory.at, message));
            }
        }
    }
    files
}

#[cfg(test)]
mod tests;
