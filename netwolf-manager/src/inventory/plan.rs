//! From collectors to a plan: the distinct commands of a device, each once.
//!
//! A command that several collectors want is run once: with the shortest of their intervals, the longest of
//! their timeouts and the rules of all of them. That these go together was seen when the library was loaded.
//!
//! Invariants: equal keys make equal plans, whatever the order in which collectors were named; rule names
//! are unique within a command.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use netwolf_wire::{
    Span,
    hash::Digest,
    job::{Command, Plan},
    rule::Rule,
};

use crate::library::{Collector, Library};

/// What a plan depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PlanKey {
    /// A platform of the library.
    pub(crate) platform: String,
    /// Names of collectors that the library has for it.
    pub(crate) collectors: BTreeSet<String>,
    /// For commands that do not say their own.
    pub(crate) interval: Span,
    /// For commands that do not say their own.
    pub(crate) timeout: Span,
}

/// A plan and what follows from it.
#[derive(Clone, Debug)]
pub(crate) struct Planned {
    pub(crate) plan: Arc<Plan>,
    pub(crate) digest: Digest,
    /// The shortest interval of the plan's commands.
    pub(crate) interval: Span,
}

/// Makes each distinct plan once.
pub(crate) struct Planner<'a> {
    library: &'a Library,
    plans: HashMap<PlanKey, Planned>,
}

impl<'a> Planner<'a> {
    pub(crate) fn new(library: &'a Library) -> Self {
        Self {
            library,
            plans: HashMap::new(),
        }
    }

    /// The plan for `key`. Platforms and collectors that the library does not have add nothing to it.
    pub(crate) fn plan(&mut self, key: &PlanKey) -> Option<&Planned> {
        if !self.plans.contains_key(key) {
            let planned = self.make(key)?;
            self.plans.insert(key.clone(), planned);
        }
        self.plans.get(key)
    }

    /// All distinct plans, by digest.
    pub(crate) fn finish(self) -> BTreeMap<Digest, Arc<Plan>> {
        let plans = self.plans.into_values();
        plans
            .map(|planned| (planned.digest, planned.plan))
            .collect()
    }

    fn make(&mut self, key: &PlanKey) -> Option<Planned> {
        let platform = self.library.platform(&key.platform)?;
        let collectors: Vec<&Arc<Collector>> = key
            .collectors
            .iter()
            .filter_map(|name| self.library.collector(&key.platform, name))
            .collect();
        let commands = join(&collectors, key.interval, key.timeout);
        let interval = commands.iter().map(|command| command.interval).min()?;
        let plan = Arc::new(Plan {
            platform: platform.clone(),
            commands,
        });
        let digest = plan.digest();
        Some(Planned {
            plan,
            digest,
            interval,
        })
    }
}

/// The distinct commands of `collectors`, in the order in which they first come.
fn join(collectors: &[&Arc<Collector>], interval: Span, timeout: Span) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    for collector in collectors {
        for wanted in &collector.commands {
            let interval = wanted.interval.unwrap_or(interval);
            let timeout = wanted.timeout.unwrap_or(timeout);
            if let Some(command) = commands
                .iter_mut()
                .find(|command| command.text == wanted.text)
            {
                command.interval = command.interval.min(interval);
                command.timeout = command.timeout.max(timeout);
                add_rules(&mut command.rules, &wanted.rules, &collector.name);
                if !command.collectors.contains(&collector.name) {
                    command.collectors.push(collector.name.clone());
                }
            } else {
                commands.push(Command {
                    text: wanted.text.clone(),
                    collectors: vec![collector.name.clone()],
                    interval,
                    timeout,
                    rules: wanted.rules.clone(),
                });
            }
        }
    }
    for command in &mut commands {
        command.collectors.sort();
    }
    commands
}

/// Adds `new` rules; a name that is taken is put behind the collector's.
fn add_rules(rules: &mut Vec<Rule>, new: &[Rule], collector: &str) {
    for rule in new {
        let mut rule = rule.clone();
        while rules.iter().any(|taken| taken.name == rule.name) {
            rule.name = format!("{collector}/{}", rule.name);
        }
        rules.push(rule);
    }
}

#[cfg(test)]
mod tests;
