//! Files that only their owner can read, each written whole to a draft beside it that then takes its place.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Replaces the file at `path`, and returns when no power cut brings back the one of before. May block.
///
/// # Errors
/// Those of the operating system. What was there still is, unless the last step failed: then either may be.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let (mut file, draft) = begin(path)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(draft, path)?;
    // A name is part of its folder, which a bare name does not tell.
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Whether the file at `path` could be replaced, as far as can be told without doing it. May block.
///
/// # Errors
/// Those of the operating system.
pub fn probe(path: &Path) -> io::Result<()> {
    let (_, draft) = begin(path)?;
    fs::remove_file(draft)
}

/// A new draft: one that is left over may be anybody's, so it is removed and not written to.
fn begin(path: &Path) -> io::Result<(File, PathBuf)> {
    let draft = path.with_extension("new");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = File::options();
    let file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    Ok((file, draft))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_its_owners_whatever_the_draft_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        fs::write(path.with_extension("new"), "left over").unwrap();
        probe(&path).unwrap();
        assert!(!path.exists() && !path.with_extension("new").exists());
        fs::write(path.with_extension("new"), "left over").unwrap();
        for content in ["one", "two"] {
            replace(&path, content.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        assert!(replace(&folder.path().join("no/such.pem"), b"x").is_err());
    }
}
