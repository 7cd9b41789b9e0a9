//! Private keys that were opened with a passphrase, which takes a tenth of a second of a core on purpose: once for all
//! devices, as long as neither file nor passphrase changes.
//!
//! What a key is opened from is read at each login all the same, so a key that is taken away is not used any more.

use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use netwolf_secret::{Imprint, Secret, blocking};
use netwolf_wire::SecretRef;
use russh::keys::{PrivateKey, decode_secret_key};
use tokio::sync::OnceCell;

/// Keys that are kept; the one that was opened first goes first. Each is a credential of its own.
const MAX_KEPT: usize = 256;

static OPENED: LazyLock<Opened> = LazyLock::new(Opened::default);

/// A key, or why it does not open: that stays so, too, as long as nothing changes.
type Result = std::result::Result<Arc<PrivateKey>, String>;

/// Opens the private key `text`, which was read from `reference`, with `passphrase`.
///
/// # Errors
/// Why it does not open.
pub(super) async fn open(reference: &SecretRef, text: Secret, passphrase: Secret) -> Result {
    OPENED.open(reference, text, passphrase).await
}

#[derive(Default)]
struct Opened(Mutex<Vec<Entry>>);

struct Entry {
    reference: SecretRef,
    text: Imprint,
    passphrase: Imprint,
    /// Filled by whoever comes first, while the others wait.
    key: Arc<OnceCell<Result>>,
}

impl Opened {
    async fn open(&self, reference: &SecretRef, text: Secret, passphrase: Secret) -> Result {
        let cell = self.cell(reference, &text, &passphrase);
        let opening = cell.get_or_try_init(|| async {
            blocking::run(move || {
                decode_secret_key(text.expose(), Some(passphrase.expose()))
                    .map(Arc::new)
                    .map_err(|error| error.to_string())
            })
            .await
        });
        match opening.await {
            Ok(result) => result.clone(),
            Err(error) => Err(error.to_string()),
        }
    }

    fn cell(
        &self,
        reference: &SecretRef,
        text: &Secret,
        passphrase: &Secret,
    ) -> Arc<OnceCell<Result>> {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |entry: &Entry| entry.text.is_of(text) && entry.passphrase.is_of(passphrase);
        let of_reference = |entry: &&Entry| entry.reference == *reference;
        if let Some(entry) = entries
            .iter()
            .filter(of_reference)
            .find(|entry| same(entry))
        {
            return entry.key.clone();
        }
        if entries.len() >= MAX_KEPT {
            entries.remove(0);
        }
        let key = Arc::new(OnceCell::new());
        entries.push(Entry {
            reference: reference.clone(),
            text: text.imprint(),
            passphrase: passphrase.imprint(),
            key: key.clone(),
        });
        key
    }
}

#[cfg(test)]
mod tests {
    use russh::keys::ssh_key::{LineEnding, private::Ed25519Keypair};

    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.into())
    }

    /// A key that opens with "open".
    fn encrypted(seed: u8) -> Secret {
        let key = PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]));
        let mut random = russh::keys::key::safe_rng();
        let key = key.encrypt(&mut random, "open").unwrap();
        secret(&key.to_openssh(LineEnding::default()).unwrap())
    }

    #[tokio::test]
    async fn a_key_is_opened_once_until_it_or_its_passphrase_changes() {
        let opened = Opened::default();
        let reference = SecretRef::File("/keys/lab".into());
        let open = async |text: &Secret, passphrase: &str| {
            opened
                .open(&reference, text.clone(), secret(passphrase))
                .await
        };
        let (one, other) = (encrypted(1), encrypted(2));
        let (first, second) = tokio::join!(open(&one, "open"), open(&one, "open"));
        let first = first.unwrap();
        assert!(Arc::ptr_eq(&first, &second.unwrap()));
        assert!(Arc::ptr_eq(&first, &open(&one, "open").await.unwrap()));
        open(&one, "wrong").await.unwrap_err();
        let changed = open(&other, "open").await.unwrap();
        assert_ne!(changed.public_key(), first.public_key());
    }

    #[test]
    fn few_are_kept() {
        let opened = Opened::default();
        for n in 0..=MAX_KEPT {
            let reference = SecretRef::File(format!("/keys/{n}").into());
            opened.cell(&reference, &secret("key"), &secret("pass"));
        }
        assert_eq!(opened.0.lock().unwrap().len(), MAX_KEPT);
    }
}
