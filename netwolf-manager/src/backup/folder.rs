//! Where configurations are kept: a file a device, laid out for a version control system.
//!
//! ```text
//!   FOLDER/access/sw-1.cfg      group, or the platform where a device has none; name; nothing that changes by itself
//!   FOLDER/access/ams%2Fsw-2.cfg
//! ```
//!
//! Invariants: a file changes only when the configuration did, and is replaced as a whole; no name leads out of the
//! folder; nothing is ever deleted, because a device that has left the inventory is when its configuration is wanted.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use netwolf_secret::keeping;

/// What became of a configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// There was none of this device.
    New,
    /// It is another one than before.
    Changed,
    /// It is the one that is there.
    Unchanged,
}

/// The file of the device `name` below the folder; `group` may be a platform.
pub fn file(group: &str, name: &str) -> PathBuf {
    Path::new(&safe(group)).join(format!("{}.cfg", safe(name)))
}

/// Writes what has changed.
///
/// # Errors
/// What the operating system says; then the file is what it was.
pub fn keep(folder: &Path, file: &Path, text: &str) -> io::Result<Kept> {
    let path = folder.join(file);
    let kept = match fs::read(&path) {
        Ok(before) if before == text.as_bytes() => return Ok(Kept::Unchanged),
        Ok(_) => Kept::Changed,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            Kept::New
        }
        Err(error) => return Err(error),
    };
    keeping::replace(&path, text.as_bytes())?;
    Ok(kept)
}

/// `name` as one part of a path: other characters than letters, digits, `._-` as `%` and their bytes, a dot in
/// front too, so that no name is hidden or leads elsewhere, and none is another one's.
fn safe(name: &str) -> String {
    let mut safe = String::with_capacity(name.len());
    for (at, c) in name.char_indices() {
        let plain = c.is_alphanumeric() || matches!(c, '_' | '-') || (c == '.' && at > 0);
        if plain {
            safe.push(c);
        } else {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                write!(safe, "%{byte:02X}").expect("a text takes whatever is written to it");
            }
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_the_folder_and_apart() {
        assert_eq!(file("access", "sw-1.ams"), Path::new("access/sw-1.ams.cfg"));
        assert_eq!(file("..", "a/b:1@x"), Path::new("%2E./a%2Fb%3A1%40x.cfg"));
        assert_ne!(file("g", "a/b"), file("g", "a%2Fb"));
    }

    #[test]
    fn a_file_changes_only_with_its_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let path = file("access", "sw-1");
        let keep = |text| keep(folder.path(), &path, text).unwrap();
        assert_eq!(keep("hostname a\n"), Kept::New);
        let written = || {
            let about = fs::metadata(folder.path().join(&path)).unwrap();
            about.modified().unwrap()
        };
        let first = written();
        assert_eq!(keep("hostname a\n"), Kept::Unchanged);
        assert_eq!(written(), first);
        assert_eq!(keep("hostname b\n"), Kept::Changed);
        assert_eq!(
            fs::read_to_string(folder.path().join(&path)).unwrap(),
            "hostname b\n"
        );
        let others = fs::read_dir(folder.path().join("access")).unwrap().count();
        assert_eq!(others, 1, "nothing is left beside it");
    }
}
