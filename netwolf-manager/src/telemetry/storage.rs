//! How much room there is where the manager keeps what outlives it.

use std::{path::Path, sync::OnceLock};

use tracing::debug;

use crate::exposition::{OwnFamily, Type};

/// The disk of the storage folder, once that is known.
#[derive(Debug, Default)]
pub struct Disk {
    folder: OnceLock<Box<Path>>,
}

impl Disk {
    /// From now on the disk of `folder` is shown. The first one that is told counts.
    pub fn watch(&self, folder: &Path) {
        self.folder.get_or_init(|| folder.into());
    }

    /// The disk as it is now; nothing where it does not say.
    pub fn families(&self) -> Vec<OwnFamily> {
        let Some(folder) = self.folder.get() else {
            return Vec::new();
        };
        let told = match rustix::fs::statvfs(&**folder) {
            Ok(told) => told,
            Err(error) => {
                debug!(%error, ?folder, "the disk of the storage folder does not say how full it is");
                return Vec::new();
            }
        };
        // What only root may use is no room for us.
        let sizes = [
            (
                "netwolf_storage_size_bytes",
                "The disk that the storage folder is on.",
                told.f_blocks,
            ),
            (
                "netwolf_storage_free_bytes",
                "Room on the disk of the storage folder that the manager can use.",
                told.f_bavail,
            ),
        ];
        sizes
            .into_iter()
            .map(|(name, help, blocks)| {
                let mut family = OwnFamily::new(name, Type::Gauge, help);
                family.count(&[], blocks.saturating_mul(told.f_frsize));
                family
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_disk_of_the_folder_is_shown_once_it_is_known() {
        let disk = Disk::default();
        assert!(disk.families().is_empty());
        disk.watch(Path::new("/does/not/exist"));
        assert!(disk.families().is_empty(), "nothing is made up");
        let disk = Disk::default();
        disk.watch(&std::env::temp_dir());
        assert_eq!(disk.families().len(), 2);
    }
}
