//! The file of `--web.config.file`: what exporter-toolkit reads, unchanged, so that what people know of it and
//! `promtool check web-config` hold here, too.
//!
//! ```text
//!   file --> document (keys, lines) --> WebConfig (certificates read, names looked up)
//! ```
//!
//! Unknown keys are faults, and all faults are told at once. What the format allows and is not done here is said as a
//! warning where the rest works without it: HTTP/2, TLS before 1.2, ciphers of those days.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use hyper::header::{HeaderName, HeaderValue};
use rustls::ServerConfig;
use thiserror::Error;

use crate::bucket::Rate;

mod document;
mod sans;
mod tls;
mod verifier;

pub use document::Fault;
use document::{At, Faults, Section};

/// Larger files are none of these.
const MAX_BYTES: u64 = 1 << 20;

/// From this cost on a password takes seconds to check.
const HIGH_COST: u32 = 15;

/// The headers that can be set, and the values that they can have where these are few.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Content-Security-Policy", &[]),
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
];

/// What holds for a web port.
#[derive(Clone, Debug, Default)]
pub struct WebConfig {
    /// How connections are encrypted, if they are.
    pub tls: Option<Arc<ServerConfig>>,
    /// Whether a certificate that a client shows is known to lead to an authority.
    pub is_verified: bool,
    /// Set on every answer.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Hashes of passwords by user; without users none is asked for.
    pub users: BTreeMap<Arc<str>, Hash>,
    /// How many requests are taken.
    pub rate_limit: Option<Rate>,
    /// What is allowed and not done here.
    pub warnings: Vec<Fault>,
    /// All files that it was read from.
    pub files: Vec<PathBuf>,
}

/// The bcrypt hash of a password; not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Hash(pub(crate) Box<str>);

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hash(<secret>)")
    }
}

/// Why a file is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct WebConfigError {
    /// The file of the flag.
    pub path: PathBuf,
    /// Everything that is wrong.
    pub faults: Vec<Fault>,
    /// All files that it names, as far as they are known.
    pub files: Vec<PathBuf>,
}

impl fmt::Display for WebConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the web configuration {} has faults",
            self.path.display()
        )?;
        for fault in &self.faults {
            write!(f, "\n  {fault}")?;
        }
        f.write_str("\n  hint: `promtool check web-config FILE` reads the same format")
    }
}

impl WebConfig {
    /// Reads a file and those that it names; it blocks.
    ///
    /// # Errors
    /// All faults, when there is one.
    pub fn load(path: &Path) -> Result<Self, WebConfigError> {
        let mut files = vec![path.to_owned()];
        let mut faults = Faults::default();
        let read = match fs::metadata(path) {
            Ok(about) if about.len() > MAX_BYTES => Err("it has more than 1 MiB".to_owned()),
            _ => fs::read_to_string(path).map_err(|error| format!("it cannot be read: {error}")),
        };
        let config = match read {
            Ok(text) => {
                let folder = path.parent().unwrap_or(Path::new(""));
                Self::check(&text, folder, &mut files, &mut faults)
            }
            Err(message) => {
                faults.add(0, message);
                Self::default()
            }
        };
        let mut faults = faults.0;
        if faults.is_empty() {
            return Ok(Self { files, ..config });
        }
        faults.sort_by_key(|fault| fault.line);
        Err(WebConfigError {
            path: path.to_owned(),
            faults,
            files,
        })
    }

    fn check(text: &str, folder: &Path, files: &mut Vec<PathBuf>, faults: &mut Faults) -> Self {
        let mut warnings = Faults::default();
        let mut root = Section::root(text, faults);
        let tls = root.section("tls_server_config", faults);
        let tls = tls::read(tls, folder, files, faults, &mut warnings);
        let mut http = root.section("http_server_config", faults);
        if let Some(At { line, value: true }) = http.switch("http2", faults) {
            warnings.add(line, "HTTP/2 is not spoken: it is HTTP/1.1");
        }
        let headers = headers(http.section("headers", faults), faults);
        http.end(faults);
        let users = users(
            root.section("basic_auth_users", faults),
            faults,
            &mut warnings,
        );
        let rate_limit = rate_limit(root.section("rate_limit", faults), faults);
        root.end(faults);
        Self {
            is_verified: tls.as_ref().is_some_and(|tls| tls.is_verified),
            tls: tls.map(|tls| tls.server),
            headers,
            users,
            rate_limit,
            warnings: warnings.0,
            files: Vec::new(),
        }
    }
}

fn headers(section: Section, faults: &mut Faults) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = Vec::new();
    for (At { line, value: name }, value) in section.texts(faults) {
        if value.is_empty() {
            continue;
        }
        let Some((_, values)) = HEADERS.iter().find(|(known, _)| *known == name) else {
            let names = HEADERS.map(|(name, _)| name).join(", ");
            faults.add(
                line,
                format!("the header {name:?} cannot be set; there are {names}"),
            );
            continue;
        };
        if !values.is_empty() && !values.contains(&value.as_str()) {
            faults.add(line, format!("{name} is one of {}", values.join(", ")));
            continue;
        }
        match (name.parse(), HeaderValue::from_str(&value)) {
            (Ok(name), Ok(value)) => headers.push((name, value)),
            _ => faults.add(
                line,
                format!("the value of {name} has characters that no header has"),
            ),
        }
    }
    headers
}

fn users(section: Section, faults: &mut Faults, warnings: &mut Faults) -> BTreeMap<Arc<str>, Hash> {
    let mut users = BTreeMap::new();
    for (At { line, value: user }, hash) in section.texts(faults) {
        if user.contains(':') {
            faults.add(
                line,
                format!("the user name {user:?} has a colon, which none can have"),
            );
            continue;
        }
        match hash.parse::<bcrypt::HashParts>() {
            Ok(parts) => {
                if parts.get_cost() >= HIGH_COST {
                    let cost = parts.get_cost();
                    let message = format!("checking the password of {user:?} takes seconds: its cost is {cost}, and 10 is usual");
                    warnings.add(line, message);
                }
                users.insert(user.into(), Hash(hash.into()));
            }
            // What was typed is not shown: it may be the password itself.
            Err(_) => faults.add(
                line,
                format!("the password of {user:?} is no bcrypt hash; `htpasswd -nBC 10 {user}` makes one"),
            ),
        }
    }
    users
}

fn rate_limit(mut section: Section, faults: &mut Faults) -> Option<Rate> {
    let interval = section.text("interval", faults);
    let burst = section.text("burst", faults);
    section.end(faults);
    let interval = interval?;
    let Some(time) = duration(&interval.value) else {
        faults.add(interval.line, "`interval` is a time, such as `100ms`");
        return None;
    };
    let burst = burst.unwrap_or_default();
    match burst.value.parse() {
        _ if time.is_zero() => None,
        Ok(0) | Err(_) => {
            faults.add(
                burst.line,
                "`rate_limit` needs a `burst` of one request at least",
            );
            None
        }
        Ok(burst) => Some(Rate {
            burst,
            interval: time,
        }),
    }
}

/// A time as Go writes it; without a unit they are nanoseconds.
fn duration(text: &str) -> Option<Duration> {
    match text.parse() {
        Ok(nanoseconds) => Some(Duration::from_nanos(nanoseconds)),
        Err(_) => humantime::parse_duration(text).ok(),
    }
}

#[cfg(test)]
mod tests;
