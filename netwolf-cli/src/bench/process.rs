//! What a process has cost so far, from the operating system's books.

use std::time::Duration;

use anyhow::Context;
use rustix::param::clock_ticks_per_second;

/// CPU time and memory of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Usage {
    /// User and system time of all its threads, to 10 ms.
    pub(super) cpu: Duration,
    /// Resident memory in bytes.
    pub(super) rss: u64,
    /// The most that was resident since [`forget_peak`], in bytes.
    pub(super) peak: u64,
}

impl Usage {
    /// CPU time since `before`, in seconds.
    pub(super) fn cpu_since(&self, before: &Self) -> f64 {
        self.cpu.saturating_sub(before.cpu).as_secs_f64()
    }
}

/// Reads the books of process `pid`.
///
/// # Errors
/// When it has ended, or the system is not Linux.
pub(super) fn usage(pid: u32) -> anyhow::Result<Usage> {
    let read = |file: &str| {
        let path = format!("/proc/{pid}/{file}");
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
    };
    let (stat, status) = (read("stat")?, read("status")?);
    Ok(Usage {
        cpu: cpu(&stat).context("cannot make out the CPU time")?,
        rss: kib(&status, "VmRSS:").context("cannot make out the memory")?,
        peak: kib(&status, "VmHWM:").context("cannot make out the memory")?,
    })
}

/// From now on the peak is counted anew.
pub(super) fn forget_peak(pid: u32) -> anyhow::Result<()> {
    let path = format!("/proc/{pid}/clear_refs");
    std::fs::write(&path, "5").with_context(|| format!("cannot write {path}"))
}

/// Fields 14 and 15; the second one, a name in parentheses, may hold anything.
fn cpu(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(Duration::from_micros(
        ticks * (1_000_000 / clock_ticks_per_second()),
    ))
}

fn kib(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    let number: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(number * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_can_read_its_own_books() {
        let usage = usage(std::process::id()).unwrap();
        assert!(
            usage.rss > 1 << 20 && usage.peak >= usage.rss / 2,
            "{usage:?}"
        );
    }

    #[test]
    fn a_name_may_hold_anything() {
        let stat = "7 (a) R (b) S 1 1 1 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 1 0 1 1 1";
        assert_eq!(cpu(stat), Some(Duration::from_secs(2)));
        assert_eq!(kib("VmHWM:\t   12 kB\n", "VmHWM:"), Some(12 * 1024));
    }
}
