//! Secrets for receivers, read on the manager's machine when they are needed.

use std::{env, fs::File, io::Read};

use base64ct::{Base64, Encoding};
use hyper::header::HeaderValue;
use netwolf_wire::SecretRef;
use zeroize::Zeroizing;

use super::Authorization;

/// A longer one is no token.
const MAX_SECRET: u64 = 64 << 10;

/// The header `Authorization`; an error says what cannot be read, and never the secret.
pub(super) fn header(authorization: &Authorization) -> Result<HeaderValue, String> {
    let (text, reference) = match authorization {
        Authorization::Basic { username, password } => {
            let pair = Zeroizing::new(format!("{username}:{}", *read(password)?));
            let encoded = Zeroizing::new(Base64::encode_string(pair.as_bytes()));
            (Zeroizing::new(format!("Basic {}", *encoded)), password)
        }
        Authorization::Bearer(token) => {
            (Zeroizing::new(format!("Bearer {}", *read(token)?)), token)
        }
    };
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| format!("{reference} has characters that a header cannot have"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn read(reference: &SecretRef) -> Result<Zeroizing<String>, String> {
    let text = match reference {
        SecretRef::Env(name) => env::var(name).map_err(|_| format!("{reference} is not set"))?,
        SecretRef::File(path) => {
            let mut text = String::new();
            File::open(path)
                .and_then(|file| file.take(MAX_SECRET).read_to_string(&mut text))
                .map_err(|error| format!("{reference} cannot be read: {error}"))?;
            text
        }
    };
    let mut text = Zeroizing::new(text);
    let bare = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(bare);
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(content: &str) -> (tempfile::TempDir, SecretRef) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, content).unwrap();
        (folder, SecretRef::File(path))
    }

    #[test]
    fn secrets_become_headers() {
        // The pair of RFC 7617, section 2.
        let (_folder, password) = written("open sesame\n");
        let username = "Aladdin".into();
        let basic = header(&Authorization::Basic { username, password }).unwrap();
        assert_eq!(basic, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        let (_folder, token) = written("t0ken\r\n");
        let bearer = header(&Authorization::Bearer(token)).unwrap();
        assert_eq!(bearer, "Bearer t0ken");
        assert!(bearer.is_sensitive());
    }

    #[test]
    fn what_cannot_be_used_is_named_and_not_shown() {
        let (folder, token) = written("canary\u{1}");
        let error = header(&Authorization::Bearer(token)).unwrap_err();
        assert!(
            error.starts_with("file:") && !error.contains("canary"),
            "{error}"
        );
        let gone = SecretRef::File(folder.path().join("gone"));
        let error = header(&Authorization::Bearer(gone)).unwrap_err();
        assert!(error.contains("cannot be read"), "{error}");
    }
}
