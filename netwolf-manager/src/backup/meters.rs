//! What backups export: the last one by device state, when it was, and how often configurations changed.

use crate::exposition::{OwnFamily, Type};

use super::view::{BackupState, BackupView, Report};

/// What is counted over the life of the manager.
#[derive(Clone, Copy, Debug, Default)]
pub struct Meters {
    /// Backups that were to begin and could not, or whose run was lost.
    pub failures: u64,
    /// Configurations that were another one than before.
    pub changes: u64,
}

/// The families; none where no backup is configured.
pub(super) fn families(view: &BackupView, meters: Meters) -> Vec<OwnFamily> {
    if !view.configured {
        return Vec::new();
    }
    let mut failures = OwnFamily::new(
        "netwolf_backup_failures",
        Type::Counter,
        "Backups that could not be begun or whose run was lost.",
    );
    failures.count(&[], meters.failures);
    let mut changes = OwnFamily::new(
        "netwolf_backup_changed_configurations",
        Type::Counter,
        "Configurations that a backup found changed.",
    );
    changes.count(&[], meters.changes);
    let mut families = vec![failures, changes];
    if let Some(every) = view.every_seconds {
        let mut interval = OwnFamily::new(
            "netwolf_backup_interval_seconds",
            Type::Gauge,
            "From the begin of one backup to the begin of the next.",
        );
        interval.count(&[], every);
        families.push(interval);
    }
    if let Some(last) = &view.last {
        families.extend(of_last(last));
    }
    families
}

fn of_last(last: &Report) -> [OwnFamily; 2] {
    let mut devices = OwnFamily::new(
        "netwolf_backup_devices",
        Type::Gauge,
        "Devices of the last backup by what became of their configuration.",
    );
    for state in BackupState::ALL {
        devices.count(&[("state", state.as_str())], last.count(state) as u64);
    }
    let mut ended = OwnFamily::new(
        "netwolf_backup_last_end_timestamp_seconds",
        Type::Gauge,
        "When the last backup had ended.",
    );
    ended.count(&[], last.ended.0 / 1000);
    [devices, ended]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_often_is_told_from_the_start_and_the_end_once_there_is_one() {
        let names = |view: &BackupView| -> Vec<String> {
            let families = families(view, Meters::default());
            let bases = families.iter().map(OwnFamily::base);
            bases.map(str::to_owned).collect()
        };
        assert!(names(&BackupView::default()).is_empty());
        let view = BackupView {
            configured: true,
            every_seconds: Some(86_400),
            ..BackupView::default()
        };
        let names = names(&view);
        assert!(
            names
                .iter()
                .any(|it| it == "netwolf_backup_interval_seconds"),
            "{names:?}"
        );
        let end = "netwolf_backup_last_end_timestamp_seconds";
        assert!(names.iter().all(|it| it != end), "{names:?}");
    }
}
