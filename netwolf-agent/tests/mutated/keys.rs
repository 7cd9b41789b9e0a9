//! The server's half of a key exchange: Curve25519, Ed25519, SHA-256, and what AES-GCM needs of them.

use std::sync::LazyLock;

use aws_lc_rs::{
    aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree_ephemeral},
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};

use crate::packet::{mpint, string};

static HOST_KEY: LazyLock<Ed25519KeyPair> =
    LazyLock::new(|| Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a seed"));

/// What both sides say before there is a key.
#[derive(Debug, Default)]
pub(crate) struct Greetings {
    pub(crate) client_id: Vec<u8>,
    pub(crate) server_id: Vec<u8>,
    pub(crate) client_kexinit: Vec<u8>,
    pub(crate) server_kexinit: Vec<u8>,
}

/// Answers the client's share of a key: the payload of the reply, and the keys of both directions.
pub(crate) fn exchange(
    greetings: &Greetings,
    client_share: &[u8],
) -> Option<(Vec<u8>, Cipher, Cipher)> {
    let own = EphemeralPrivateKey::generate(&X25519, &SystemRandom::new()).ok()?;
    let server_share = own.compute_public_key().ok()?;
    let peer = UnparsedPublicKey::new(&X25519, client_share);
    let secret = agree_ephemeral(own, peer, (), |secret| Ok(secret.to_vec())).ok()?;
    let host_key = [
        string(b"ssh-ed25519"),
        string(HOST_KEY.public_key().as_ref()),
    ]
    .concat();
    let secret = mpint(&secret);
    let mut told = Vec::new();
    let Greetings {
        client_id,
        server_id,
        client_kexinit,
        server_kexinit,
    } = greetings;
    for part in [
        client_id,
        server_id,
        client_kexinit,
        server_kexinit,
        &host_key,
    ] {
        told.extend(string(part));
    }
    told.extend(string(client_share));
    told.extend(string(server_share.as_ref()));
    told.extend(&secret);
    let hash = digest(&SHA256, &told);
    let signature = [
        string(b"ssh-ed25519"),
        string(HOST_KEY.sign(hash.as_ref()).as_ref()),
    ]
    .concat();
    let reply = [
        vec![31],
        string(&host_key),
        string(server_share.as_ref()),
        string(&signature),
    ]
    .concat();
    let derive = |letter: u8| {
        let of = [&secret, hash.as_ref(), &[letter], hash.as_ref()].concat();
        digest(&SHA256, &of).as_ref().to_vec()
    };
    let from_client = Cipher::new(&derive(b'C'), &derive(b'A'));
    let to_client = Cipher::new(&derive(b'D'), &derive(b'B'));
    Some((reply, from_client, to_client))
}

/// One direction: `aes128-gcm@openssh.com`.
pub(crate) struct Cipher {
    key: LessSafeKey,
    iv: [u8; 12],
}

impl Cipher {
    fn new(key: &[u8], iv: &[u8]) -> Self {
        let key = UnboundKey::new(&AES_128_GCM, &key[..16]).expect("a key of 16 bytes");
        Self {
            key: LessSafeKey::new(key),
            iv: iv[..12].try_into().expect("12 bytes"),
        }
    }

    fn nonce(&mut self) -> Nonce {
        let nonce = Nonce::assume_unique_for_key(self.iv);
        let counter: [u8; 8] = self.iv[4..].try_into().expect("8 bytes");
        let next = u64::from_be_bytes(counter).wrapping_add(1);
        self.iv[4..].copy_from_slice(&next.to_be_bytes());
        nonce
    }

    /// Seals what stands behind a length, which is only vouched for.
    pub(crate) fn seal(&mut self, length: [u8; 4], mut inner: Vec<u8>) -> Vec<u8> {
        let nonce = self.nonce();
        let sealed = self
            .key
            .seal_in_place_append_tag(nonce, Aad::from(length), &mut inner);
        sealed.expect("a packet is short");
        [&length[..], &inner].concat()
    }

    /// Opens it; `None` when it was not sealed by the other side.
    pub(crate) fn open(&mut self, length: [u8; 4], mut inner: Vec<u8>) -> Option<Vec<u8>> {
        let nonce = self.nonce();
        let opened = self
            .key
            .open_in_place(nonce, Aad::from(length), &mut inner)
            .ok()?;
        Some(opened.to_vec())
    }
}
