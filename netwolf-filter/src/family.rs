//! The metric families of a filter: each name once, with one kind.

use netwolf_wire::{rule::Metric, series::Kind};

use crate::{check, error::Fault};

/// A metric family that a filter's samples belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    /// The metric's name, with the ending of its kind.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// What people read about it.
    pub help: String,
}

/// The families that the metrics so far belong to, by index.
#[derive(Debug, Default)]
pub(crate) struct Families(Vec<Family>);

impl Families {
    /// The index of the metric's family, which is made with the first metric of its name; the help texts
    /// of further ones are not looked at.
    ///
    /// # Errors
    /// When the name is there with another kind, or `OpenMetrics` would give both one name.
    pub(crate) fn index(&mut self, metric: &Metric) -> Result<usize, Fault> {
        let openmetrics_name = check::family_name(&metric.name, metric.kind);
        for (index, family) in self.0.iter().enumerate() {
            if family.name == metric.name && family.kind == metric.kind {
                return Ok(index);
            }
            if family.name == metric.name {
                return Err(Fault::KindConflict {
                    metric: metric.name.clone(),
                });
            }
            if check::family_name(&family.name, family.kind) == openmetrics_name {
                let other = family.name.clone();
                return Err(Fault::FamilyConflict {
                    metric: metric.name.clone(),
                    other,
                });
            }
        }
        let (name, help) = (metric.name.clone(), metric.help.clone());
        self.0.push(Family {
            name,
            kind: metric.kind,
            help,
        });
        Ok(self.0.len() - 1)
    }

    pub(crate) fn into_vec(self) -> Vec<Family> {
        self.0
    }
}
