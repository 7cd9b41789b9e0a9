//! Which changes on disk matter, and which directories must be watched to see them. Pure but for what the
//! caller says about directories; paths are absolute throughout, as notify reports them.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use crate::config::{Sources, glob};

/// Kubernetes swaps the content of a mounted config map by renaming this link.
const CONFIG_MAP_LINK: &str = "..data";

/// The sources of a configuration as seen from the file system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Relevance {
    files: BTreeSet<PathBuf>,
    patterns: BTreeSet<PathBuf>,
}

impl Relevance {
    /// `directory` is what relative paths are relative to. Links are followed, so that a change of the file
    /// behind one is seen too.
    pub(super) fn of(sources: &Sources, directory: &Path) -> Self {
        let mut files: BTreeSet<PathBuf> = sources
            .files
            .iter()
            .map(|file| directory.join(file))
            .collect();
        let behind_links: Vec<PathBuf> = files
            .iter()
            .filter_map(|file| file.canonicalize().ok())
            .collect();
        files.extend(behind_links);
        let patterns = sources
            .patterns
            .iter()
            .map(|pattern| directory.join(pattern))
            .collect();
        Self { files, patterns }
    }

    /// Whether a change of `path` may be a change of the configuration.
    pub(super) fn concerns(&self, path: &Path) -> bool {
        path.file_name().is_some_and(|name| name == CONFIG_MAP_LINK)
            || self.files.iter().any(|file| file.starts_with(path))
            || self.patterns.iter().any(|pattern| {
                glob::matches(pattern, path)
                    || (1..pattern.components().count()).any(|parts| {
                        // A directory on the way to files that match.
                        let way: PathBuf = pattern.components().take(parts).collect();
                        glob::matches(&way, path)
                    })
            })
    }

    /// The directories to watch, and whether with all that is below them. Where one is missing, the nearest
    /// one above it is watched for its coming.
    pub(super) fn directories(
        &self,
        is_directory: impl Fn(&Path) -> bool,
    ) -> BTreeMap<PathBuf, bool> {
        let files = self
            .files
            .iter()
            .filter_map(|file| Some((file.parent()?.to_owned(), false)));
        let patterns = self.patterns.iter().filter_map(|pattern| {
            let parent = pattern.parent()?;
            Some((glob::fixed_part(parent), glob::is_pattern(parent)))
        });
        let mut directories = BTreeMap::new();
        for (directory, is_deep) in files.chain(patterns) {
            let there = directory
                .ancestors()
                .find(|directory| is_directory(directory));
            let Some(there) = there else { continue };
            // Below a directory that stands in for a missing one there is nothing of ours.
            let is_deep = is_deep && there == directory;
            *directories.entry(there.to_owned()).or_insert(false) |= is_deep;
        }
        directories
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relevance(files: &[&str], patterns: &[&str]) -> Relevance {
        let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect();
        Relevance::of(
            &Sources {
                files: paths(files),
                patterns: paths(patterns),
                ..Sources::default()
            },
            Path::new("/etc/netwolf"),
        )
    }

    #[test]
    fn files_patterns_and_the_way_to_them_concern_us() {
        let relevance = relevance(&["netwolf.yml"], &["devices/*.yml", "/srv/*/sites/*.yml"]);
        for path in [
            "/etc/netwolf/netwolf.yml",
            "/etc/netwolf/devices/new.yml",
            "/etc/netwolf/devices",
            "/etc/netwolf",
            "/srv/eu",
            "/srv/eu/sites",
            "/srv/eu/sites/ams.yml",
            "/somewhere/..data",
        ] {
            assert!(relevance.concerns(Path::new(path)), "{path}");
        }
        for path in [
            "/etc/netwolf/netwolf.yml.swp",
            "/etc/netwolf/devices/.new.yml.swp",
            "/etc/netwolf/devices/new.yml~",
            "/etc/netwolf/known_hosts",
            "/srv/eu/other",
        ] {
            assert!(!relevance.concerns(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn directories_are_watched_or_the_nearest_above_them() {
        let relevance = relevance(&["netwolf.yml"], &["devices/*.yml", "/srv/*/sites/*.yml"]);
        let there = ["/", "/etc", "/etc/netwolf", "/srv"];
        let directories =
            relevance.directories(|path| there.iter().any(|there| Path::new(there) == path));
        let expected = [("/etc/netwolf", false), ("/srv", true)];
        assert_eq!(
            directories,
            expected
                .map(|(path, is_deep)| (PathBuf::from(path), is_deep))
                .into()
        );
    }
}
