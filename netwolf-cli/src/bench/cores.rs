//! Who runs where: the agent has cores of its own, everything else shares the others.

use anyhow::Context;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The two sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cores {
    /// What is measured.
    pub(super) measured: Vec<usize>,
    /// Simulators and all the rest.
    pub(super) rest: Vec<usize>,
}

impl Cores {
    /// Gives the last `wanted` of this process's cores to what is measured.
    ///
    /// # Errors
    /// When the operating system does not tell them.
    pub(super) fn split(wanted: usize) -> anyhow::Result<Self> {
        let set = sched_getaffinity(None).context("cannot tell which cores there are")?;
        let all: Vec<usize> = (0..CpuSet::MAX_CPU)
            .filter(|cpu| set.is_set(*cpu))
            .collect();
        Ok(Self::of(&all, wanted))
    }

    fn of(all: &[usize], wanted: usize) -> Self {
        // With one core, or none left for the others, they share.
        let at = all.len().saturating_sub(wanted.max(1));
        let (rest, measured) = all.split_at(at);
        Self {
            measured: measured.to_vec(),
            rest: if rest.is_empty() { measured } else { rest }.to_vec(),
        }
    }

    /// In words.
    pub(super) fn shown(&self) -> String {
        if self.measured == self.rest {
            return format!("{:?}, shared with all the rest", self.measured);
        }
        format!("{:?}; all the rest on {:?}", self.measured, self.rest)
    }
}

/// Calls `spawn` with this thread on `cores`, which a child inherits, and puts the thread back.
///
/// # Errors
/// When the operating system refuses.
pub(super) async fn on<T>(
    cores: &[usize],
    spawn: impl Future<Output = anyhow::Result<T>>,
) -> anyhow::Result<T> {
    let before = sched_getaffinity(None)?;
    pin(cores)?;
    let spawned = spawn.await;
    sched_setaffinity(None, &before)?;
    spawned
}

/// Keeps this thread, and what it starts, on `cores`.
///
/// # Errors
/// When the operating system refuses.
pub(super) fn pin(cores: &[usize]) -> anyhow::Result<()> {
    let mut set = CpuSet::new();
    for cpu in cores {
        set.set(*cpu);
    }
    sched_setaffinity(None, &set).context("cannot stay on the chosen cores")
}

/// The machine in a few words.
pub(super) fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let model = model.map_or("unknown CPU", |text| {
        text.trim_start_matches([' ', '\t', ':'])
    });
    let cores = info
        .lines()
        .filter(|line| line.starts_with("processor"))
        .count();
    format!("{cores} cores of {model}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_measured_has_cores_of_its_own_where_there_are_enough() {
        let of = |all: &[usize], wanted| {
            let cores = Cores::of(all, wanted);
            (cores.measured, cores.rest)
        };
        assert_eq!(of(&[0, 1], 1), (vec![1], vec![0]));
        assert_eq!(of(&[0, 2, 4, 6], 2), (vec![4, 6], vec![0, 2]));
        assert_eq!(of(&[3], 1), (vec![3], vec![3]));
        assert_eq!(of(&[0, 1], 2), (vec![0, 1], vec![0, 1]));
    }
}
