//! The dashboards that are meant: files, all of a folder, or those that the program brings along.

use std::{
    borrow::Cow,
    fs,
    path::{Path, PathBuf},
};

use super::model::Dashboard;
use crate::unknown::Unknown;

/// Names and texts of what stands in `grafana/dashboards`.
const SHIPPED: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/dashboards.rs"));

/// A dashboard and where it is from.
#[derive(Debug)]
pub(super) struct Named {
    /// The file's name without its ending.
    pub(super) name: String,
    pub(super) dashboard: Dashboard,
}

/// What `typed` names, in this order; all shipped dashboards where nothing is typed.
///
/// # Errors
/// With the first that is none.
pub(super) fn read(typed: &[PathBuf]) -> Result<Vec<Named>, Unknown> {
    if typed.is_empty() {
        return SHIPPED
            .iter()
            .map(|(file, text)| parse(Path::new(file), text))
            .collect();
    }
    let mut all = Vec::new();
    for path in typed {
        for file in files(path)? {
            let text = text(&file)?;
            all.push(parse(&file, &text)?);
        }
    }
    Ok(all)
}

/// `path`, or, of a folder, the JSON files in it, sorted.
fn files(path: &Path) -> Result<Vec<PathBuf>, Unknown> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let unreadable = |error| Unknown::new(format!("cannot read {}: {error}", path.display()), None);
    let mut files = Vec::new();
    for entry in fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        if file.extension().is_some_and(|end| end == "json") {
            files.push(file);
        }
    }
    files.sort();
    if files.is_empty() {
        let message = format!(
            "there is no dashboard in {}: no file ends in .json",
            path.display()
        );
        return Err(Unknown::new(message, None));
    }
    Ok(files)
}

/// The text of a file or, where there is none, of the shipped dashboard of that name.
fn text(path: &Path) -> Result<Cow<'static, str>, Unknown> {
    let own = SHIPPED
        .iter()
        .find(|(file, _)| Path::new(file).file_stem() == Some(path.as_os_str()));
    match (fs::read_to_string(path), own) {
        (Ok(text), _) => Ok(text.into()),
        (Err(_), Some((_, text))) => Ok((*text).into()),
        (Err(error), None) => {
            let names = SHIPPED
                .iter()
                .map(|(file, _)| file.trim_end_matches(".json"));
            let names: Vec<_> = names.collect();
            Err(Unknown::new(
                format!("cannot read {}: {error}", path.display()),
                Some(format!("the program itself brings {}", names.join(", "))),
            ))
        }
    }
}

fn parse(path: &Path, text: &str) -> Result<Named, Unknown> {
    let dashboard = serde_json::from_str(text).map_err(|error| {
        let hint = "what Grafana exports as classic JSON is read; the newer schemas are not";
        Unknown::new(
            format!("{} is no dashboard: {error}", path.display()),
            Some(hint.into()),
        )
    })?;
    let name = path.file_stem().unwrap_or(path.as_os_str());
    Ok(Named {
        name: name.to_string_lossy().into_owned(),
        dashboard,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_shipped_can_be_read() {
        let all = read(&[]).unwrap();
        assert!(all.iter().any(|named| named.name == "cpu"));
        let one = read(&["cpu".into()]).unwrap();
        assert_eq!(one.len(), 1);
    }

    #[test]
    fn what_is_none_is_told_with_what_there_is() {
        let unknown = read(&["cpuu".into()]).unwrap_err();
        assert!(unknown.message.contains("cpuu"), "{unknown:?}");
        assert!(unknown.hint.unwrap().contains("cpu"));
        let folder = tempfile::tempdir().unwrap();
        assert!(read(&[folder.path().into()]).is_err());
        fs::write(folder.path().join("a.json"), "{}").unwrap();
        let unknown = read(&[folder.path().into()]).unwrap_err();
        assert!(unknown.message.contains("is no dashboard"), "{unknown:?}");
    }
}
