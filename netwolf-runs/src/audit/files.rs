//! The files of the audit log: their names, and that they are their owner's alone.

use std::{
    fs::{self, DirBuilder, File, Permissions},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

/// Bytes after which a new file is begun: small enough to be read at each start, large enough that a year of a busy
/// fleet is some hundred files.
pub const MAX_FILE: u64 = 16 * 1024 * 1024;

/// The name of a file by its number; names sort as numbers do, up to a million files.
pub fn file_name(number: u32) -> String {
    format!("audit-{number:06}.jsonl")
}

fn number(name: &str) -> Option<u32> {
    let digits = name.strip_prefix("audit-")?.strip_suffix(".jsonl")?;
    let number = digits.parse().ok()?;
    // One number has one name; `audit-1.jsonl` beside it would be somebody else's.
    (file_name(number) == name).then_some(number)
}

/// The numbers of the files in `folder`, in order. Other files are passed over.
pub(super) fn numbers(folder: &Path) -> io::Result<Vec<u32>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        numbers.extend(entry?.file_name().to_str().and_then(number));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// Makes the folder where it is not there yet, and closes it to others if it was open.
pub(crate) fn private_folder(folder: &Path) -> io::Result<()> {
    if !folder.is_dir() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        if let Some(parent) = folder.parent().filter(|parent| *parent != Path::new("")) {
            sync_folder(parent)?;
        }
    }
    fs::set_permissions(folder, Permissions::from_mode(0o700))
}

/// Opens a file for reading and writing; a new one is its owner's alone, and its name is on the disk.
pub(super) fn private_file(folder: &Path, number: u32) -> io::Result<File> {
    let path = folder.join(file_name(number));
    let file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    // Always: a crash may have come between the file and its name at the last start.
    sync_folder(folder)?;
    Ok(file)
}

/// Returns when no power cut takes back a name that was made in `folder`.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_and_others_are_passed_over() {
        assert_eq!(file_name(12), "audit-000012.jsonl");
        assert_eq!(number("audit-000012.jsonl"), Some(12));
        assert_eq!(number("audit-1234567.jsonl"), Some(1_234_567));
        for other in [
            "audit-12.jsonl",
            "audit-0000012.jsonl",
            "audit-+00012.jsonl",
            "audit-000012.jsonl~",
            "notes.txt",
        ] {
            assert_eq!(number(other), None, "{other}");
        }
    }
}
