//! The dashboards in `grafana/dashboards`, and what was found wrong with one.

use std::{collections::BTreeSet, fmt, fs, path::PathBuf};

use serde_json::Value;

/// The folder of the project.
pub(super) fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A file with one dashboard.
pub(super) struct Dashboard {
    pub(super) file: String,
    pub(super) text: String,
    pub(super) json: Value,
}

impl Dashboard {
    pub(super) fn new(file: &str, text: String) -> Self {
        let json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        let file = file.into();
        Self { file, text, json }
    }

    /// All that we ship, by the names of their files.
    pub(super) fn shipped() -> Vec<Self> {
        let folder = fs::read_dir(root().join("grafana/dashboards")).unwrap();
        let mut paths: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|end| end == "json"));
        paths.sort();
        let name = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().to_owned();
        paths
            .iter()
            .map(|path| Self::new(&name(path), fs::read_to_string(path).unwrap()))
            .collect()
    }

    pub(super) fn uid(&self) -> &str {
        text(&self.json, "uid")
    }

    pub(super) fn title(&self) -> &str {
        text(&self.json, "title")
    }

    pub(super) fn variables(&self) -> &[Value] {
        list(&self.json["templating"], "list")
    }

    pub(super) fn variable(&self, name: &str) -> Option<&Value> {
        self.variables().iter().find(|it| text(it, "name") == name)
    }

    /// Variables whose values are asked for.
    pub(super) fn queried(&self) -> impl Iterator<Item = &Value> {
        self.variables()
            .iter()
            .filter(|it| text(it, "type") == "query")
    }

    /// Everything on the grid, rows and what is in them too.
    pub(super) fn everything(&self) -> impl Iterator<Item = &Value> {
        let outer = list(&self.json, "panels").iter();
        outer.flat_map(|panel| std::iter::once(panel).chain(list(panel, "panels")))
    }

    /// Panels that show data.
    pub(super) fn panels(&self) -> impl Iterator<Item = &Value> {
        self.everything()
            .filter(|it| !["row", "text"].contains(&text(it, "type")))
    }

    /// Every query of a panel, with that panel.
    pub(super) fn targets(&self) -> impl Iterator<Item = (&Value, &Value)> {
        self.panels()
            .flat_map(|panel| list(panel, "targets").iter().map(move |it| (panel, it)))
    }
}

/// The text at `key`, empty where there is none.
pub(super) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

/// The list at `key`, empty where there is none.
pub(super) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// One rule that one dashboard breaks.
pub(super) struct Fault {
    pub(super) rule: &'static str,
    pub(super) dashboard: String,
    pub(super) panel: Option<String>,
    file: String,
    what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        if let Some(panel) = &self.panel {
            write!(f, "panel {panel:?}: ")?;
        }
        write!(f, "{} ({})", self.what, self.rule)
    }
}

/// Where a rule puts what it finds.
pub(super) struct Findings<'d> {
    pub(super) dashboard: &'d Dashboard,
    /// Of all dashboards that there are.
    pub(super) uids: &'d BTreeSet<String>,
    pub(super) rule: &'static str,
    pub(super) faults: Vec<Fault>,
}

impl<'d> Findings<'d> {
    pub(super) fn new(dashboard: &'d Dashboard, uids: &'d BTreeSet<String>) -> Self {
        let (rule, faults) = ("", Vec::new());
        Self {
            dashboard,
            uids,
            rule,
            faults,
        }
    }

    /// The dashboard as a whole is wrong.
    pub(super) fn whole(&mut self, what: impl Into<String>) {
        self.add(None, what.into());
    }

    pub(super) fn panel(&mut self, panel: &Value, what: impl Into<String>) {
        let title = text(panel, "title");
        let name = if title.is_empty() {
            format!("number {}", panel["id"])
        } else {
            title.to_owned()
        };
        self.add(Some(name), what.into());
    }

    /// A query of a panel is wrong.
    pub(super) fn target(&mut self, panel: &Value, target: &Value, what: &str) {
        self.panel(panel, format!("query {}: {what}", text(target, "refId")));
    }

    fn add(&mut self, panel: Option<String>, what: String) {
        self.faults.push(Fault {
            rule: self.rule,
            dashboard: self.dashboard.title().into(),
            panel,
            file: self.dashboard.file.clone(),
            what,
        });
    }
}
