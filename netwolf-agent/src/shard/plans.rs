//! The plans that a shard was sent, each compiled once. Pure.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use netwolf_wire::{hash::Digest, job::Plan, series::FamilyNo};

use super::series::SeriesTable;
use crate::plan::CompiledPlan;

/// A plan with the numbers of its families, by command and family.
#[derive(Debug)]
pub(super) struct ReadyPlan {
    pub(super) plan: Arc<CompiledPlan>,
    pub(super) families: Vec<Vec<FamilyNo>>,
}

/// Plans by digest.
#[derive(Debug, Default)]
pub(super) struct Plans {
    plans: HashMap<Digest, Result<ReadyPlan, String>>,
}

impl Plans {
    /// Takes in a plan; one that was there before stays as it is.
    pub(super) fn insert(&mut self, digest: Digest, plan: &Plan, series: &mut SeriesTable) {
        self.plans.entry(digest).or_insert_with(|| {
            let plan = CompiledPlan::compile(digest, plan).map_err(|error| error.to_string())?;
            let families = plan
                .commands
                .iter()
                .map(|command| {
                    command
                        .filter
                        .families()
                        .iter()
                        .map(|family| series.family(family))
                        .collect()
                })
                .collect();
            Ok(ReadyPlan {
                plan: Arc::new(plan),
                families,
            })
        });
    }

    /// The plan named `digest`.
    ///
    /// # Errors
    /// Why it cannot be run, in words.
    pub(super) fn get(&self, digest: Digest) -> Result<&ReadyPlan, String> {
        match self.plans.get(&digest) {
            Some(Ok(plan)) => Ok(plan),
            Some(Err(fault)) => Err(fault.clone()),
            None => Err(format!("plan {digest} was never sent")),
        }
    }

    /// A new link stands: on it plans are sent again before they are named, so those that no lease names can go.
    pub(super) fn new_link(&mut self, used: impl Iterator<Item = Digest>) {
        let used: HashSet<_> = used.collect();
        self.plans.retain(|digest, _| used.contains(digest));
    }
}
