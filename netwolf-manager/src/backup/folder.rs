//! Where configurations are kept: a file a device, laid out for a version control system.
//!
//! ```text
//!   FOLDER/access/sw-1.cfg      group, or the platform where a device has none; name; nothing that changes by itself
//!   FOLDER/access/ams%2Fsw-2.cfg
//!   FOLDER/access/%E2%80%A6...~0f4c2ae1b97d6358.cfg     too long for a file: its begin, and a hash of all of it
//! ```
//!
//! Invariants: a file changes only when the configuration did, and is replaced as a whole; no name leads out of the
//! folder; nothing is ever deleted, because a device that has left the inventory is when its configuration is wanted.

use std::{
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{SHA256, digest};
use netwolf_secret::keeping;

/// Bytes of a name of a file or folder that every system takes.
const LONGEST: usize = 255;

/// Behind the name of a device.
const EXTENSION: &str = ".cfg";

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
    let most = LONGEST - EXTENSION.len();
    Path::new(&safe(group, LONGEST)).join(safe(name, most) + EXTENSION)
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
/// front too, so that no name is hidden or leads elsewhere, and none is another one's. What would be longer than `most`
/// bytes ends in a hash of `name`, behind a character that no other name has.
fn safe(name: &str, most: usize) -> String {
    let hash = shortened(name);
    let mut safe = String::with_capacity(name.len());
    let mut fits = 0;
    for (at, c) in name.char_indices() {
        if safe.len() + hash.len() <= most {
            fits = safe.len();
        }
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
    if safe.len() > most {
        safe.truncate(fits);
        safe += &hash;
    }
    safe
}

/// What stands for the rest of a name: 64 bits tell the names of any fleet apart.
fn shortened(name: &str) -> String {
    let hash = digest(&SHA256, name.as_bytes());
    let bytes = hash.as_ref().iter().take(8);
    bytes.fold(String::from("~"), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a text takes whatever is written to it");
        text
    })
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
    fn a_name_that_is_too_long_for_a_file_is_shortened_and_stays_apart() {
        let folder = tempfile::tempdir().unwrap();
        let longest = "x".repeat(LONGEST - EXTENSION.len());
        let whole = format!("g/{longest}.cfg");
        assert_eq!(file("g", &longest), Path::new(&whole), "as it fits");
        let slashes = "/".repeat(84);
        let names = [
            format!("{longest}x"),
            format!("{longest}y"),
            format!("{slashes}a"),
            format!("{slashes}b"),
            "\u{2026}".repeat(84),
        ];
        let mut files = std::collections::BTreeSet::new();
        for name in &names {
            let file = file(name, name);
            let parts: Vec<_> = file.iter().map(|part| part.to_str().unwrap()).collect();
            assert!(parts.iter().all(|part| part.len() <= LONGEST), "{parts:?}");
            let (begin, hash) = parts[1].split_once('~').unwrap();
            assert_eq!(hash.len(), 16 + EXTENSION.len(), "{parts:?}");
            assert!(begin.len() > 220, "as much as fits: {parts:?}");
            // No escape is cut in the middle.
            assert!(begin.contains('x') || begin.len() % 3 == 0, "{parts:?}");
            assert_eq!(keep(folder.path(), &file, "a\n").unwrap(), Kept::New);
            assert_eq!(keep(folder.path(), &file, "b\n").unwrap(), Kept::Changed);
            files.insert(file);
        }
        assert_eq!(files.len(), names.len());
        assert_eq!(
            file("g", &names[0]),
            file("g", &names[0]),
            "always the same"
        );
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
