//! How we prove to a receiver who we are, from secrets that are read when they are needed.

use base64ct::{Base64, Encoding};
use hyper::header::HeaderValue;
use netwolf_secret::{Imprint, Secret, resolve};

use super::Authorization;

/// The header `Authorization`, and by what it is recognised when somebody repeats it.
#[derive(Debug)]
pub(super) struct Proof {
    header: HeaderValue,
    secrets: Vec<Imprint>,
}

impl Proof {
    /// Reads the secret; an error says what cannot be read, and never the secret.
    pub(super) async fn read(authorization: &Authorization) -> Result<Self, String> {
        let (Authorization::Basic {
            password: reference,
            ..
        }
        | Authorization::Bearer(reference)) = authorization;
        let secret = resolve(reference)
            .await
            .map_err(|error| error.to_string())?;
        let mut secrets = vec![secret.imprint()];
        let text = match authorization {
            Authorization::Basic { username, .. } => {
                let pair = Secret::new(format!("{username}:{}", secret.expose()));
                let encoded = Secret::new(Base64::encode_string(pair.expose().as_bytes()));
                secrets.push(encoded.imprint());
                Secret::new(format!("Basic {}", encoded.expose()))
            }
            Authorization::Bearer(_) => Secret::new(format!("Bearer {}", secret.expose())),
        };
        let mut header = HeaderValue::from_str(text.expose())
            .map_err(|_| format!("{reference} has characters that a header cannot have"))?;
        header.set_sensitive(true);
        Ok(Self { header, secrets })
    }

    /// What is sent.
    pub(super) fn header(&self) -> HeaderValue {
        self.header.clone()
    }

    /// What a receiver says, without what it was sent: some repeat all that they do not like.
    pub(super) fn hide_in(&self, text: &str) -> String {
        let secrets = self.secrets.iter();
        secrets.fold(text.to_owned(), |text, secret| secret.hide_in(&text))
    }
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
    async fn secrets_become_headers_that_are_recognised() {
        // The pair of RFC 7617, section 2.
        let (_folder, password) = written("open sesame\n");
        let username = "Aladdin".into();
        let basic = Authorization::Basic { username, password };
        let basic = Proof::read(&basic).await.unwrap();
        assert_eq!(basic.header(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        let said = "no QWxhZGRpbjpvcGVuIHNlc2FtZQ== (open sesame)";
        assert_eq!(basic.hide_in(said), "no *** (***)");
        let (_folder, token) = written("t0ken\r\n");
        let bearer = Proof::read(&Authorization::Bearer(token)).await.unwrap();
        assert_eq!(bearer.header(), "Bearer t0ken");
        assert!(bearer.header().is_sensitive());
        assert_eq!(bearer.hide_in("Bearer t0ken?"), "Bearer ***?");
    }

    #[tokio::test]
    async fn what_cannot_be_used_is_named_and_not_shown() {
        let (folder, token) = written("canary\u{1}");
        let error = Proof::read(&Authorization::Bearer(token)).await;
        let error = error.unwrap_err();
        assert!(
            error.starts_with("file:") && !error.contains("canary"),
            "{error}"
        );
        let gone = SecretRef::File(folder.path().join("gone"));
        let error = Proof::read(&Authorization::Bearer(gone)).await.unwrap_err();
        assert!(error.contains("cannot read"), "{error}");
    }
}
