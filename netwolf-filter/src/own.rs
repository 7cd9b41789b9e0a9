//! Names of the metrics that NetWolf tells of itself, or Prometheus of what it scrapes, which no device may have.

/// What all names of a part of NetWolf, or of what a scrape was like, begin with.
const PREFIXES: [&str; 11] = [
    "netwolf_manager_",
    "netwolf_agent_",
    "netwolf_http_",
    "netwolf_credential_",
    "netwolf_poll_seconds",
    "netwolf_remote_write_",
    "netwolf_run_",
    "netwolf_runs",
    "netwolf_backup_",
    "netwolf_storage_",
    "scrape_",
];

/// Names that stand beside those of devices under one prefix, or that everybody uses, without the ending of their kind.
const NAMES: [&str; 19] = [
    "netwolf_agent",
    "netwolf_build",
    "netwolf_device_up",
    "netwolf_device_last_success_timestamp_seconds",
    "netwolf_device_session_state",
    "netwolf_device_login_seconds",
    "netwolf_device_failure",
    "netwolf_device_host_key_mismatch",
    "netwolf_device_legacy_algorithm",
    "netwolf_device_labels",
    "process_cpu_seconds",
    "process_resident_memory_bytes",
    "process_virtual_memory_bytes",
    "process_start_time_seconds",
    "process_open_fds",
    "process_max_fds",
    "probe_success",
    "probe_duration_seconds",
    "up",
];

/// Whether a metric, called so with or without the ending of its kind, is one that NetWolf tells of itself, or Prometheus
/// of each target.
///
/// ```
/// assert!(netwolf_filter::is_own_name("netwolf_device_up"));
/// assert!(netwolf_filter::is_own_name("netwolf_agent_polls_total"));
/// assert!(netwolf_filter::is_own_name("up"));
/// assert!(!netwolf_filter::is_own_name("netwolf_device_uptime_seconds"));
/// ```
pub fn is_own_name(name: &str) -> bool {
    let mut bases = ["", "_total", "_info"]
        .into_iter()
        .filter_map(|suffix| name.strip_suffix(suffix));
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || bases.any(|base| NAMES.contains(&base))
}
