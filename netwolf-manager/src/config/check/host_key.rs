//! Host keys: pinned, in a file of known hosts, or the first one seen; there is no way to accept any.

use netwolf_wire::target::HostKey;

use crate::config::yaml::{Field, Spanned};

/// Where agents look for host keys when nothing is said: a file of NetWolf's own, because an agent is a
/// service that has no `~/.ssh`.
pub(crate) const DEFAULT_KNOWN_HOSTS: &str = "/etc/netwolf/known_hosts";

/// The word that asks for the first key seen.
const ACCEPT_NEW: &str = "accept-new";

/// 32 bytes in base64 without padding.
const FINGERPRINT_CHARS: usize = 43;

/// What is wrong, and what to do.
pub(super) type Complaint = (String, Option<String>);

/// What a layer says about host keys; `complain` reports what is no good.
pub(super) fn check(
    host_key: Field<String>,
    known_hosts: Field<String>,
    mut complain: impl FnMut(&Spanned<String>, Complaint),
) -> Field<HostKey> {
    if let (Some(_), Some(known_hosts)) = (host_key.spanned(), known_hosts.spanned()) {
        complain(
            known_hosts,
            (
                "`host_key` and `known_hosts` are both here, but a host key is checked in one way only".into(),
                Some("keep one of them".into()),
            ),
        );
        return Field::Spoilt;
    }
    let mut checked = |field: Field<String>, check: fn(&str) -> Result<HostKey, Complaint>| {
        field.and_then(|text| match check(&text.value) {
            Ok(host_key) => Some(host_key),
            Err(complaint) => {
                complain(&text, complaint);
                None
            }
        })
    };
    match checked(host_key, policy) {
        Field::Absent => checked(known_hosts, file),
        field => field,
    }
}

fn policy(text: &str) -> Result<HostKey, Complaint> {
    if text == ACCEPT_NEW {
        return Ok(HostKey::AcceptNew);
    }
    match text.strip_prefix("SHA256:") {
        Some(digest) if is_sha256(digest) => Ok(HostKey::Pinned(text.into())),
        Some(_) => Err((
            format!(
                "{text:?} is not a fingerprint: {FINGERPRINT_CHARS} characters of base64 follow `SHA256:`"
            ),
            Some("`ssh-keyscan ADDRESS | ssh-keygen -lf -` shows fingerprints".into()),
        )),
        None => Err((
            format!(
                "{text:?} is neither a fingerprint, which begins with `SHA256:`, nor `{ACCEPT_NEW}`"
            ),
            Some("`ssh-keyscan ADDRESS | ssh-keygen -lf -` shows fingerprints".into()),
        )),
    }
}

fn is_sha256(digest: &str) -> bool {
    // The last character carries four bits of the digest and two that are zero.
    digest.len() == FINGERPRINT_CHARS
        && digest
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte))
        && digest.ends_with(|c| "AEIMQUYcgkosw048".contains(c))
}

fn file(text: &str) -> Result<HostKey, Complaint> {
    if text.starts_with('/') {
        return Ok(HostKey::KnownHosts(text.into()));
    }
    Err((
        format!("{text:?} is not an absolute path"),
        Some(
            "the file is read on the agents' machines, so its path is the same from everywhere"
                .into(),
        ),
    ))
}
