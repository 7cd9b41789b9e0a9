//! Reads `known_hosts` files. One that cannot be read vouches for nobody: the login fails. So does one with a marked
//! line that cannot be read, which may revoke a key.

use std::{
    collections::HashMap,
    fs::Metadata,
    io,
    os::unix::fs::MetadataExt,
    path::Path,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use netwolf_secret::blocking;
use netwolf_wire::status::{Failure, Reason};
use russh::keys::ssh_key::{
    KnownHosts,
    known_hosts::{Entry, HostPatterns, Marker as FileMarker},
};
use tokio::time::timeout;

use crate::session::known_hosts::{Hosts, KnownHost, KnownKeys, Marker};

/// A file of ten thousand devices has about 5 MB.
const MAX_FILE: u64 = 64 << 20;

/// A file that cannot be read in so long is on a network that is gone.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// What tells that a file has changed: a copy may keep the time and the length of the file that it replaces, and not
/// its inode and the time when that was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: (u64, u64),
    /// Seconds and nanoseconds.
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            modified: metadata.modified().ok(),
            length: metadata.len(),
            inode: (metadata.dev(), metadata.ino()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// A file as it was when it had this stamp.
type ReadFile = (Stamp, Arc<Vec<KnownHost>>);

/// Parsed files by path, as long as they do not change: a thousand logins read a file once.
static FILES: LazyLock<Mutex<HashMap<String, ReadFile>>> = LazyLock::new(Mutex::default);

/// What the file at `path` says of the device at `address` and `port`.
///
/// # Errors
/// [`Reason::HostKeyUnknown`] when the file cannot be read.
pub(in crate::session) async fn lookup(
    path: &str,
    address: &str,
    port: u16,
) -> Result<KnownKeys, Failure> {
    let (path, address) = (path.to_owned(), address.to_owned());
    let shown = path.clone();
    let found = blocking::run(move || {
        let lines = read(&path)?;
        Ok::<_, io::Error>(KnownKeys::of(lines.iter(), &address, port))
    });
    let error = match timeout(READ_TIMEOUT, found).await {
        Ok(Ok(Ok(keys))) => return Ok(keys),
        Ok(Ok(Err(error)) | Err(error)) => error.to_string(),
        Err(_) => format!("it took more than {} s", READ_TIMEOUT.as_secs()),
    };
    Err(Failure {
        reason: Reason::HostKeyUnknown,
        message: format!("cannot read the known hosts file \"{shown}\": {error}"),
        hint: Some(
            "create it on the agent's machine, or pin the device's key with `host_key`".into(),
        ),
    })
}

fn read(path: &str) -> io::Result<Arc<Vec<KnownHost>>> {
    let metadata = std::fs::metadata(Path::new(path))?;
    if !metadata.is_file() {
        // Reading a pipe could wait for ever.
        return Err(io::Error::other("it is not a regular file"));
    }
    if metadata.len() > MAX_FILE {
        return Err(io::Error::other("the file is too long"));
    }
    let stamp = Stamp::of(&metadata);
    let lock = || FILES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((known, lines)) = lock().get(path)
        && *known == stamp
    {
        return Ok(lines.clone());
    }
    let lines = Arc::new(parse(path, &std::fs::read_to_string(path)?)?);
    lock().insert(path.to_owned(), (stamp, lines.clone()));
    Ok(lines)
}

/// What a file of this content says of the device at `address` and `port`.
///
/// # Errors
/// As [`lookup`], in other words.
#[cfg(feature = "fuzzing")]
pub(crate) fn listed(content: &str, address: &str, port: u16) -> io::Result<KnownKeys> {
    let lines = parse("", content)?;
    Ok(KnownKeys::of(lines.iter(), address, port))
}

/// A line that cannot be read vouches for nothing and is left out, unless it begins with a marker: it may revoke a key
/// that another line vouches for.
fn parse(path: &str, text: &str) -> io::Result<Vec<KnownHost>> {
    let mut hosts = Vec::new();
    let mut bad: Option<(usize, String)> = None;
    let mut n_bad = 0_usize;
    for (number, line) in (1_usize..).zip(text.lines()) {
        // Between fields OpenSSH takes any number of blanks and tabs, and the parser a single blank.
        let fields: Vec<&str> = line
            .split([' ', '\t'])
            .filter(|field| !field.is_empty())
            .collect();
        let line = fields.join(" ");
        if line.starts_with('#') {
            continue;
        }
        match KnownHosts::new(&line).next() {
            Some(Ok(entry)) => hosts.extend(convert(&entry)),
            Some(Err(error)) if line.starts_with('@') => {
                return Err(io::Error::other(format!(
                    "line {number} has a marker and cannot be read: {error}"
                )));
            }
            Some(Err(error)) => {
                n_bad += 1;
                bad.get_or_insert_with(|| (number, error.to_string()));
            }
            None => {}
        }
    }
    if let Some((line, error)) = bad {
        tracing::warn!(path, n_bad, line, %error, "lines of a known hosts file were left out, this one first");
    }
    Ok(hosts)
}

fn convert(entry: &Entry) -> Option<KnownHost> {
    let mut key = entry.public_key().clone();
    key.set_comment("");
    Some(KnownHost {
        marker: entry.marker().map(|marker| match marker {
            FileMarker::CertAuthority => Marker::CertAuthority,
            FileMarker::Revoked => Marker::Revoked,
        }),
        hosts: match entry.host_patterns() {
            HostPatterns::Patterns(patterns) => Hosts::Patterns(patterns.clone()),
            HostPatterns::HashedName { salt, hash } => Hosts::Hashed {
                salt: salt.clone(),
                hash: *hash,
            },
        },
        key: key.to_openssh().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    #[tokio::test]
    async fn lines_are_read_and_bad_ones_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("known_hosts");
        let text = format!(
            "# comment\nr1,192.0.2.1 {KEY} some comment\nnonsense\n@revoked r2 {KEY}\nr3 ssh-future AAAA\n"
        );
        std::fs::write(&path, text).unwrap();
        let path = path.to_str().unwrap();
        let keys = lookup(path, "r1", 22).await.unwrap();
        assert_eq!(
            (keys.good.as_slice(), keys.revoked.len()),
            ([KEY.to_owned()].as_slice(), 0)
        );
        let keys = lookup(path, "r2", 22).await.unwrap();
        assert_eq!((keys.good.len(), keys.revoked.len()), (0, 1));
        // A file that changes is read again.
        std::fs::write(path, format!("r4 {KEY}\n")).unwrap();
        assert_eq!(lookup(path, "r4", 22).await.unwrap().good.len(), 1);
    }

    #[test]
    fn fields_may_stand_apart_as_openssh_takes_them() {
        for line in [
            format!("@revoked\t*\t{KEY}"),
            format!("  @revoked  * \t {KEY}  "),
            format!("\t@revoked * {}\r\n", KEY.replace(' ', "\t")),
        ] {
            let hosts = parse("test", &line).unwrap();
            assert_eq!(hosts.len(), 1, "{line:?}");
            assert_eq!(hosts[0].marker, Some(Marker::Revoked), "{line:?}");
            assert_eq!(hosts[0].key, KEY, "{line:?}");
        }
        let hosts = parse("test", &format!("  # @revoked r1\n\n \t\n r1\t\t{KEY}\n")).unwrap();
        assert_eq!((hosts.len(), hosts[0].marker), (1, None));
    }

    #[tokio::test]
    async fn a_line_that_may_revoke_and_cannot_be_read_fails_the_whole_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("known_hosts");
        let path = path.to_str().unwrap();
        for line in [
            "@revoked",
            "@revoked *",
            "@revoked * ssh-ed25519 AAAA",
            " @Revoked * x",
        ] {
            std::fs::write(path, format!("r1 {KEY}\n{line}\n")).unwrap();
            let failure = lookup(path, "r1", 22).await.unwrap_err();
            assert_eq!(failure.reason, Reason::HostKeyUnknown, "{failure:?}");
            assert!(failure.message.contains("line 2"), "{failure:?}");
        }
    }

    #[tokio::test]
    async fn a_file_that_took_the_place_of_another_is_read_though_its_time_and_length_are_the_same()
    {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        let known = path("known_hosts");
        std::fs::write(&known, format!("r1 {KEY}\n")).unwrap();
        let shown = known.to_str().unwrap();
        assert_eq!(lookup(shown, "r1", 22).await.unwrap().good.len(), 1);
        std::fs::write(path("other"), format!("r2 {KEY}\n")).unwrap();
        let modified = std::fs::metadata(&known).unwrap().modified().unwrap();
        let other = std::fs::File::options()
            .write(true)
            .open(path("other"))
            .unwrap();
        other.set_modified(modified).unwrap();
        std::fs::rename(path("other"), &known).unwrap();
        assert_eq!(lookup(shown, "r2", 22).await.unwrap().good.len(), 1);
    }

    #[tokio::test]
    async fn a_missing_file_fails_closed() {
        let failure = lookup("/nowhere/known_hosts", "r1", 22).await.unwrap_err();
        assert_eq!(failure.reason, Reason::HostKeyUnknown);
        assert!(failure.message.contains("/nowhere/known_hosts"));
    }
}
