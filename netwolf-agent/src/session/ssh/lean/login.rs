//! Logging in by the lean client.

use netwolf_secret::Secret;
use netwolf_ssh::{Connection, Error, Reply};
use russh::{
    MethodKind, MethodSet,
    client::Handle,
    keys::{
        HashAlg, PrivateKeyWithHashAlg,
        signature::Signer,
        ssh_encoding::Encode,
        ssh_key::{self, Signature, private::KeypairData},
    },
};

use super::{Lean, Over};
use crate::session::ssh::{
    auth::{Asked, Attempt, Broken, Peer},
    client::Client,
    error::without,
    questions::password_change,
};

impl From<Over> for Broken {
    fn from(_: Over) -> Self {
        Self::Connection
    }
}

impl Lean {
    /// Tries something, and waits for what the device says.
    async fn attempt(
        &mut self,
        attempt: impl FnOnce(&mut Connection) -> Result<(), Error>,
    ) -> Result<Reply, Broken> {
        self.order(attempt)?;
        Ok(self.until(|lean| lean.machine().poll_login()).await?)
    }

    fn judge(&self, reply: Reply) -> Result<Attempt, Broken> {
        match reply {
            Reply::Accepted => Ok(Attempt::Accepted),
            Reply::Refused { methods, partial } => {
                let known: Vec<MethodKind> = methods
                    .iter()
                    .filter_map(|name| name.parse().ok())
                    .collect();
                Ok(Attempt::Rejected {
                    remaining: MethodSet::from(known.as_slice()),
                    partial,
                })
            }
            Reply::PasswordChange(words) => {
                let words = without(self.password.as_ref(), &words);
                Err(Broken::Because(password_change(&words)))
            }
            // Neither was asked for.
            Reply::KeyWanted | Reply::Questions { .. } => Err(Broken::Connection),
        }
    }

    fn asked(&self, reply: Reply) -> Result<Asked, Broken> {
        match reply {
            Reply::Questions {
                instructions,
                prompts,
            } => Ok(Asked::Questions {
                instructions,
                prompts,
            }),
            other => self.judge(other).map(Asked::Done),
        }
    }
}

impl Peer for Lean {
    async fn try_none(&mut self, user: &str) -> Result<Attempt, Broken> {
        let reply = self.attempt(|machine| machine.try_none(user)).await?;
        self.judge(reply)
    }

    async fn try_password(&mut self, user: &str, password: &Secret) -> Result<Attempt, Broken> {
        let reply = self
            .attempt(|machine| machine.try_password(user, password.expose()))
            .await?;
        self.judge(reply)
    }

    async fn try_key(&mut self, user: &str, key: PrivateKeyWithHashAlg) -> Result<Attempt, Broken> {
        let algorithm = key.algorithm().to_string();
        let public = key.public_key().to_bytes().map_err(russh::Error::from)?;
        // A device refuses many keys without the price of a signature.
        let reply = self
            .attempt(|machine| machine.offer_key(user, &algorithm, &public))
            .await?;
        if reply != Reply::KeyWanted {
            return self.judge(reply);
        }
        let mut signed = self.machine().to_sign(user, &algorithm, &public);
        let signature = sign(&key, &signed).map_err(russh::Error::from)?;
        signature
            .encode_prefixed(&mut signed)
            .map_err(|error| russh::Error::from(ssh_key::Error::from(error)))?;
        let reply = self.attempt(|machine| machine.try_signed(&signed)).await?;
        self.judge(reply)
    }

    async fn try_questions(&mut self, user: &str) -> Result<Asked, Broken> {
        let reply = self.attempt(|machine| machine.try_questions(user)).await?;
        self.asked(reply)
    }

    async fn answer(&mut self, answers: Vec<String>) -> Result<Asked, Broken> {
        let answers: Vec<_> = answers.into_iter().map(zeroize::Zeroizing::new).collect();
        let reply = self.attempt(|machine| machine.answer(&answers)).await?;
        self.asked(reply)
    }

    async fn rsa_hash(&mut self) -> Result<Option<Option<HashAlg>>, Broken> {
        // What a device says of itself comes before its answer to the first attempt.
        Ok(match self.machine().rsa_signatures() {
            Some(takes) if takes.sha512 => Some(Some(HashAlg::Sha512)),
            Some(takes) if takes.sha256 => Some(Some(HashAlg::Sha256)),
            Some(takes) if takes.sha1 => Some(None),
            Some(_) | None => None,
        })
    }

    fn for_agent(&mut self) -> Option<&mut Handle<Client>> {
        None
    }

    fn is_closed(&self) -> bool {
        self.is_over()
    }

    async fn settle(&mut self) {}
}

fn sign(key: &PrivateKeyWithHashAlg, message: &[u8]) -> ssh_key::Result<Signature> {
    let signature = match key.key_data() {
        KeypairData::Rsa(pair) => (pair, key.hash_alg()).try_sign(message),
        pair => pair.try_sign(message),
    };
    Ok(signature?)
}
