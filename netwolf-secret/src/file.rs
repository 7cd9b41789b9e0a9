//! Reads a secret from a file, without leaving pieces of it in memory that is given back.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use zeroize::Zeroizing;

use crate::{Secret, SecretError};

/// A private key with its comment and certificates is a few KiB; a longer text is not a secret.
pub(crate) const MAX_SECRET: usize = 64 * 1024;

/// What the file at `path` holds, without one line end. May block.
pub(crate) fn read(path: &Path) -> Result<Secret, SecretError> {
    let shown = || path.display().to_string();
    let failed = |error: io::Error| SecretError::File {
        path: shown(),
        error: error.to_string(),
    };
    let metadata = fs::metadata(path).map_err(failed)?;
    if !metadata.is_file() {
        // Reading a pipe could wait for ever, and would find nothing at the next login.
        return Err(SecretError::NoFile(shown()));
    }
    let mut file = fs::File::open(path).map_err(failed)?;
    // One byte more than there should be, to see the end; and what it grew by since is read into as much as a secret may
    // have, at once. All that held a piece is wiped, and wiping 64 KiB for a password would be a tenth of a login.
    let expected = usize::try_from(metadata.len()).unwrap_or(MAX_SECRET);
    let mut bytes = Zeroizing::new(vec![0; expected.min(MAX_SECRET) + 1]);
    let mut len = 0;
    loop {
        let n_read = file.read(&mut bytes[len..]).map_err(failed)?;
        if n_read == 0 {
            break;
        }
        len += n_read;
        if len == bytes.len() && len <= MAX_SECRET {
            let mut longer = Zeroizing::new(vec![0; MAX_SECRET + 1]);
            longer[..len].copy_from_slice(&bytes);
            bytes = longer;
        }
    }
    text(&bytes[..len], shown)
}

/// The secret that `bytes` are, which came from what `shown` names.
pub(crate) fn text(bytes: &[u8], shown: impl Fn() -> String) -> Result<Secret, SecretError> {
    if bytes.len() > MAX_SECRET {
        return Err(SecretError::TooLong(shown()));
    }
    let text = str::from_utf8(bytes).map_err(|_| SecretError::NotText(shown()))?;
    // Editors and `echo` end a file with a line end that nobody means to be part of a password.
    let text = match text.strip_suffix('\n') {
        Some(line) => line.strip_suffix('\r').unwrap_or(line),
        None => text,
    };
    if text.is_empty() {
        return Err(SecretError::Empty(shown()));
    }
    Ok(Secret::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn what_is_longer_than_its_file_says_is_read_whole() {
        let path = Path::new("/proc/version");
        assert_eq!(fs::metadata(path).unwrap().len(), 0);
        let expected = fs::read_to_string(path).unwrap();
        assert_eq!(read(path).unwrap().expose(), expected.trim_end());
    }
}
