//! A plan made ready for use: expressions and filters compiled once a plan and shard, shared by its sessions.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use netwolf_filter::Filter;
use netwolf_wire::{
    allow::Judge,
    hash::Digest,
    job::{Command, Plan},
    platform::{Platform, Transport},
};
use thiserror::Error;

use crate::dialogue::{
    manners::{Manners, MannersError},
    modes::Modes,
};

/// No wait for a device is shorter. The manager takes nothing like it, so all bounds here are for version skew.
pub(crate) const MIN_TIMEOUT: Duration = Duration::from_millis(1);
/// No wait for a device is longer.
pub(crate) const MAX_TIMEOUT: Duration = Duration::from_hours(24);
/// No command is run more rarely.
const MAX_INTERVAL: Duration = Duration::from_hours(24 * 30);

/// Why a plan cannot be run. The manager checks the same before it sends one, so this is for version skew.
#[derive(Debug, Error)]
pub(crate) enum PlanError {
    #[error(transparent)]
    Manners(#[from] MannersError),
    #[error("command \"{command}\": {fault}")]
    Filter { command: String, fault: String },
}

/// A plan that can be run.
#[derive(Debug)]
pub(crate) struct CompiledPlan {
    pub(crate) digest: Digest,
    pub(crate) platform: Arc<Platform>,
    pub(crate) manners: Arc<Manners>,
    pub(crate) commands: Vec<CompiledCommand>,
    for_steps: OnceLock<ForSteps>,
}

/// What steps need of a platform beyond what polls do.
#[derive(Debug)]
pub(crate) struct ForSteps {
    pub(crate) judge: Judge,
    /// How its shell behaves, where steps that have a mode type, or why there is none.
    pub(crate) shell: Result<Arc<Manners>, String>,
    pub(crate) modes: Result<Modes, String>,
}

/// A command that can be run.
#[derive(Debug)]
pub(crate) struct CompiledCommand {
    pub(crate) text: String,
    /// Names the command in metrics.
    pub(crate) collector: String,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) filter: Filter,
}

impl CompiledPlan {
    /// Compiles `plan`, which was sent under the name `digest`.
    ///
    /// # Errors
    /// The first fault of the plan.
    pub(crate) fn compile(digest: Digest, plan: &Plan) -> Result<Self, PlanError> {
        Ok(Self {
            digest,
            platform: plan.platform.clone(),
            manners: Arc::new(Manners::compile(&plan.platform)?),
            commands: plan
                .commands
                .iter()
                .map(compile_command)
                .collect::<Result<_, _>>()?,
            for_steps: OnceLock::new(),
        })
    }

    /// What steps need, made ready when the first one comes.
    pub(crate) fn for_steps(&self) -> &ForSteps {
        self.for_steps.get_or_init(|| {
            let shell = match self.manners.transport {
                Transport::Shell => Ok(self.manners.clone()),
                Transport::Exec => Manners::compile_for(&self.platform, Transport::Shell)
                    .map(Arc::new)
                    .map_err(|error| error.to_string()),
            };
            ForSteps {
                judge: Judge::new(&self.platform),
                shell,
                modes: Modes::compile(&self.platform).map_err(|error| error.to_string()),
            }
        })
    }
}

fn compile_command(command: &Command) -> Result<CompiledCommand, PlanError> {
    let filter = Filter::compile(&command.rules).map_err(|faults| PlanError::Filter {
        command: command.text.clone(),
        fault: faults.first().map(ToString::to_string).unwrap_or_default(),
    })?;
    Ok(CompiledCommand {
        text: command.text.clone(),
        collector: command.collectors.first().cloned().unwrap_or_default(),
        interval: command.interval.get().clamp(MIN_TIMEOUT, MAX_INTERVAL),
        timeout: command.timeout.get().clamp(MIN_TIMEOUT, MAX_TIMEOUT),
        filter,
    })
}
