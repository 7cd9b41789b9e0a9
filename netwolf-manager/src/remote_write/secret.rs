//! How we prove to a receiver who we are, from secrets that are read when they are needed.

use base64ct::{Base64, Encoding};
use hyper::header::HeaderValue;
use netwolf_secret::resolve;
use zeroize::Zeroizing;

use super::Authorization;

/// The header `Authorization`; an error says what cannot be read, and never the secret.
pub(super) async fn header(authorization: &Authorization) -> Result<HeaderValue, String> {
    let (Authorization::Basic {
        password: reference,
        ..
    }
    | Authorization::Bearer(reference)) = authorization;
    let secret = resolve(reference)
        .await
        .map_err(|error| error.to_string())?;
    let text = match authorization {
        Authorization::Basic { username, .. } => {
            let pair = Zeroizing::new(format!("{username}:{}", secret.expose()));
            let encoded = Zeroizing::new(Base64::encode_string(pair.as_bytes()));
            Zeroizing::new(format!("Basic {}", *encoded))
        }
        Authorization::Bearer(_) => Zeroizing::new(format!("Bearer {}", secret.expose())),
    };
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| format!("{reference} has characters that a header cannot have"))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use netwolf_wire::SecretRef;

    use super::*;

    fn written(content: &str) -> (tempfile::TempDir, SecretRef) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, content).unwrap();
        (folder, SecretRef::File(path))
    }

    #[tokio::test]
    async fn secrets_become_headers() {
        // The pair of RFC 7617, section 2.
        let (_folder, password) = written("open sesame\n");
        let username = "Aladdin".into();
        let basic = header(&Authorization::Basic { username, password }).await;
        assert_eq!(basic.unwrap(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        let (_folder, token) = written("t0ken\r\n");
        let bearer = header(&Authorization::Bearer(token)).await.unwrap();
        assert_eq!(bearer, "Bearer t0ken");
        assert!(bearer.is_sensitive());
    }

    #[tokio::test]
    async fn what_cannot_be_used_is_named_and_not_shown() {
        let (folder, token) = written("canary\u{1}");
        let error = header(&Authorization::Bearer(token)).await.unwrap_err();
        assert!(
            error.starts_with("file:") && !error.contains("canary"),
            "{error}"
        );
        let gone = SecretRef::File(folder.path().join("gone"));
        let error = header(&Authorization::Bearer(gone)).await.unwrap_err();
        assert!(error.contains("cannot read"), "{error}");
    }
}
