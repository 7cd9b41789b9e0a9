//! From collectors to a plan: the distinct commands of a device, each once.
//!
//! A command that several collectors want is run once: with the shortest of their intervals, the longest of
//! their timeouts and the rules of all of them.
//!
//! Invariants: equal keys make equal plans, whatever the order in which collectors were named; rule names
//! are unique within a command.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use netwolf_filter::{Filter, RuleError};
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
    /// Collectors that each are sound but do not go together on one command.
    clashes: Vec<Clash>,
}

/// Two or more collectors want the same command and their rules contradict each other.
#[derive(Debug)]
pub(crate) struct Clash {
    pub(crate) platform: String,
    pub(crate) command: String,
    pub(crate) collectors: Vec<String>,
    pub(crate) errors: Vec<RuleError>,
}

impl<'a> Planner<'a> {
    pub(crate) fn new(library: &'a Library) -> Self {
        Self {
            library,
            plans: HashMap::new(),
            clashes: Vec::new(),
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

    /// All distinct plans, by digest, and the clashes found on the way.
    pub(crate) fn finish(self) -> (BTreeMap<Digest, Arc<Plan>>, Vec<Clash>) {
        let plans = self
            .plans
            .into_values()
            .map(|planned| (planned.digest, planned.plan))
            .collect();
        (plans, self.clashes)
    }

    fn make(&mut self, key: &PlanKey) -> Option<Planned> {
        let platform = self.library.platform(&key.platform)?;
        let collectors: Vec<&Arc<Collector>> = key
            .collectors
            .iter()
            .filter_map(|name| self.library.collector(&key.platform, name))
            .collect();
        let commands = join(&collectors, key.interval, key.timeout);
        for command in commands
            .iter()
            .filter(|command| command.collectors.len() > 1)
        {
            if let Err(errors) = Filter::compile(&command.rules)
                && !self.clashes.iter().any(|known| {
                    known.platform == key.platform
                        && known.command == command.text
                        && known.collectors == command.collectors
                })
            {
                self.clashes.push(Clash {
                    platform: key.platform.clone(),
                    command: command.text.clone(),
                    collectors: command.collectors.clone(),
                    errors,
                });
            }
        }
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
