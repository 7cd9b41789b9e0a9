//! Tells of metrics whose series are left out because their name is taken.
//!
//! Series of such a metric are declared by every link, and tried again and again; the log has each name once.

use std::{collections::BTreeSet, sync::Mutex};

use netwolf_wire::series::FamilyDecl;
use tracing::warn;

use super::Family;
use crate::board::lock;

/// So many names are told: whoever makes up names has the rest of them counted only.
const MAX_TOLD: usize = 1_000;

/// The names that were told.
#[derive(Debug, Default)]
pub(super) struct Conflicts {
    told: Mutex<BTreeSet<String>>,
}

impl Conflicts {
    /// Tells of a metric that `other` excludes, or the manager's own metrics where there is none.
    pub(super) fn tell(&self, decl: &FamilyDecl, other: Option<&Family>) {
        if !self.is_new(&decl.name) {
            return;
        }
        let (metric, kind) = (&decl.name, decl.kind);
        let Some(other) = other else {
            warn!(
                metric = %metric,
                ?kind,
                "series are left out because the manager has a metric of this name"
            );
            return;
        };
        warn!(
            metric = %metric,
            ?kind,
            other = %other.name.sample(),
            other_kind = ?other.kind,
            "series are left out because another metric with this name has another kind"
        );
    }

    /// The names that were told, sorted.
    #[cfg(test)]
    pub(super) fn told(&self) -> Vec<String> {
        lock(&self.told).iter().cloned().collect()
    }

    /// Whether the name was not told before and still may be.
    fn is_new(&self, name: &str) -> bool {
        let mut told = lock(&self.told);
        !told.contains(name) && told.len() < MAX_TOLD && told.insert(name.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_told_once_and_there_are_not_too_many() {
        let conflicts = Conflicts::default();
        assert!(conflicts.is_new("a"));
        assert!(conflicts.is_new("b"));
        assert!(!conflicts.is_new("a"));
        let news = (0..MAX_TOLD).filter(|n| conflicts.is_new(&n.to_string()));
        assert_eq!(news.count(), MAX_TOLD - 2);
        assert!(!conflicts.is_new("c"));
    }
}
