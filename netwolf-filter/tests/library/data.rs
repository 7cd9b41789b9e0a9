//! The bundled collectors as this crate needs them.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use netwolf_filter::{Extraction, Filter};
use netwolf_wire::{Span, rule::Rule};
use serde::Deserialize;

use crate::yaml;

/// A collector file, with all its keys: one that is not here is a mistake in the file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Collector {
    pub(crate) name: String,
    pub(crate) platforms: Vec<String>,
    pub(crate) description: String,
    pub(crate) commands: Vec<Command>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Command {
    #[serde(rename = "command")]
    pub(crate) text: String,
    pub(crate) interval: Option<Span>,
    pub(crate) timeout: Option<Span>,
    pub(crate) rules: Vec<Rule>,
}

impl Command {
    pub(crate) fn filter(&self) -> Filter {
        Filter::compile(&self.rules).unwrap_or_else(|errors| panic!("{}: {errors:#?}", self.text))
    }
}

pub(crate) fn library() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../netwolf-manager/library")
}

/// Files of `folder` that end in `extension`, sorted, with their names up to it.
pub(crate) fn files(folder: &Path, extension: &str) -> Vec<(String, PathBuf)> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths
        .filter(|path| path.extension() == Some(OsStr::new(extension)))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
        .collect();
    files.sort();
    files
}

/// All bundled collectors by the name of their file.
pub(crate) fn collectors() -> Vec<(String, Collector)> {
    let files = files(&library().join("collectors"), "yml");
    assert!(!files.is_empty());
    files
        .into_iter()
        .map(|(stem, path)| (stem, yaml::read(&fs::read_to_string(path).unwrap())))
        .collect()
}

/// The one bundled collector whose file is `stem`.
pub(crate) fn collector(stem: &str) -> Collector {
    let (_, collector) = collectors()
        .into_iter()
        .find(|(name, _)| name == stem)
        .expect("the collector is bundled");
    collector
}

/// A sample's series as it stands on a page, without the device.
pub(crate) fn series(filter: &Filter, sample: &netwolf_filter::Sample) -> String {
    let labels: Vec<_> = sample
        .labels
        .iter()
        .map(|(name, value)| format!("{name}={value:?}"))
        .collect();
    let name = &filter.families()[sample.family].name;
    if labels.is_empty() {
        name.clone()
    } else {
        format!("{name}{{{}}}", labels.join(","))
    }
}

/// An extraction as text: a line for each sample, then a line for each problem.
pub(crate) fn render(filter: &Filter, extraction: &Extraction) -> String {
    let samples = extraction
        .samples
        .iter()
        .map(|sample| format!("{} {}", series(filter, sample), sample.value));
    let problems = extraction
        .problems
        .iter()
        .map(|problem| format!("problem: {problem}"));
    samples.chain(problems).collect::<Vec<_>>().join("\n")
}
