//! Which file a part of the library was read from.

use std::{fmt, path::Path, sync::Arc};

/// Where a part of the library comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The binary carries it; the name of the file among the sources of `library/`.
    Bundled(Arc<Path>),
    /// A file of the user's.
    File(Arc<Path>),
}

impl Origin {
    /// The file, by which faults name it.
    pub fn file(&self) -> &Arc<Path> {
        match self {
            Self::Bundled(file) | Self::File(file) => file,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundled(file) => {
                let name = file.file_name().unwrap_or_default();
                write!(f, "bundled, {}", name.display())
            }
            Self::File(file) => write!(f, "{}", file.display()),
        }
    }
}
