//! The chain of one line to the next. Pure.
//!
//! ```text
//!   {"seq":2,"time":...,"outcome":"succeeded","prev":"<hash of line 1>","hash":"<hash of this line>"}
//!   `-------------------------- hashed, with a brace behind --------------'
//! ```
//!
//! The hash is SHA-256 over the line as it stands there, without its last member: what is left is an object again, so
//! anybody can check a line with a text editor and `sha256sum`, and nothing depends on how JSON is written.

use std::{fmt, str::FromStr};

use aws_lc_rs::digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

use super::record::Record;

/// What stands between the hashed part of a line and its hash.
const BEFORE_HASH: &str = ",\"hash\":\"";
/// What stands behind the hash.
const AFTER_HASH: &str = "\"}";
/// Digits of a hash.
const DIGITS: usize = 64;

/// A SHA-256; 64 hexadecimal digits as text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hash([u8; 32]);

impl Hash {
    /// What stands before the first record.
    pub const ZERO: Self = Self([0; 32]);

    /// That of some pieces of text, one behind the other.
    fn of(pieces: &[&str]) -> Self {
        let mut context = digest::Context::new(&digest::SHA256);
        for piece in pieces {
            context.update(piece.as_bytes());
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        Self(hash)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a hash has 64 hexadecimal digits, in lower case")]
pub struct NoHash;

impl FromStr for Hash {
    type Err = NoHash;

    fn from_str(text: &str) -> Result<Self, NoHash> {
        // One hash has one text, so that a line cannot be changed without the chain noticing it.
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != 32 || !rest.is_empty() {
            return Err(NoHash);
        }
        let mut hash = [0; 32];
        for (byte, [high, low]) in hash.iter_mut().zip(pairs) {
            *byte = digit(*high).ok_or(NoHash)? << 4 | digit(*low).ok_or(NoHash)?;
        }
        Ok(Self(hash))
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The end of a chain: which record is the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Its number, from 1; 0 before the first.
    pub seq: u64,
    /// Its hash.
    pub hash: Hash,
    /// The number of the file that it stands in.
    pub file: u32,
}

impl Head {
    /// Before the first record.
    pub const START: Self = Self {
        seq: 0,
        hash: Hash::ZERO,
        file: 1,
    };
}

/// `SEQ:FILE:HASH`, as people keep it elsewhere.
impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.seq, self.file, self.hash)
    }
}

/// A text that is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a head is SEQ:FILE:HASH, as the audit log's verification prints it")]
pub struct NoHead;

impl FromStr for Head {
    type Err = NoHead;

    fn from_str(text: &str) -> Result<Self, NoHead> {
        let mut parts = text.splitn(3, ':');
        let mut part = || parts.next().ok_or(NoHead);
        Ok(Self {
            seq: part()?.parse().map_err(|_| NoHead)?,
            file: part()?.parse().map_err(|_| NoHead)?,
            hash: part()?.parse().map_err(|_| NoHead)?,
        })
    }
}

/// A record with its place in the chain, as it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joint {
    /// Its number.
    pub seq: u64,
    /// The hash of the one before it, as it says.
    pub prev: Hash,
    /// Its own.
    pub hash: Hash,
}

/// Why a line is no record of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineFault {
    /// It does not end in a hash, or has no number.
    NoRecord,
    /// It is not what its hash was made of.
    Changed,
}

/// The part of a line that every version has.
#[derive(Serialize)]
struct Frame<'a> {
    seq: u64,
    #[serde(flatten)]
    record: &'a Record,
    prev: Hash,
}

/// Nothing more than the chain is looked at: what else stands in a line is the business of whoever reads it.
#[derive(Deserialize)]
struct Place {
    seq: u64,
    prev: Hash,
}

/// Appends the line of `record`, which follows `last`, to `text`, and returns its hash.
///
/// # Errors
/// Those of `serde_json`, which a [`Record`] never gives cause for.
pub fn seal(text: &mut String, last: &Head, record: &Record) -> serde_json::Result<Hash> {
    let frame = Frame {
        seq: last.seq + 1,
        record,
        prev: last.hash,
    };
    let object = serde_json::to_string(&frame)?;
    let hash = Hash::of(&[&object]);
    text.push_str(object.strip_suffix('}').unwrap_or(&object));
    text.push_str(BEFORE_HASH);
    text.push_str(&hash.to_string());
    text.push_str(AFTER_HASH);
    text.push('\n');
    Ok(hash)
}

/// Takes a line, without its newline, apart and checks that it is what its hash says.
///
/// # Errors
/// [`LineFault`].
pub fn read(line: &[u8]) -> Result<Joint, LineFault> {
    let line = std::str::from_utf8(line).map_err(|_| LineFault::NoRecord)?;
    let (hashed, hash) = split(line).ok_or(LineFault::NoRecord)?;
    if Hash::of(&[hashed, "}"]) != hash {
        return Err(LineFault::Changed);
    }
    let place: Place = serde_json::from_str(line).map_err(|_| LineFault::NoRecord)?;
    Ok(Joint {
        seq: place.seq,
        prev: place.prev,
        hash,
    })
}

/// The record of a line that [`read`] has taken.
///
/// # Errors
/// Those of `serde_json`: it is none, or one that lacks what every record has.
pub fn record(line: &[u8]) -> serde_json::Result<Record> {
    serde_json::from_slice(line)
}

fn split(line: &str) -> Option<(&str, Hash)> {
    let rest = line.strip_suffix(AFTER_HASH)?;
    let (rest, hash) = rest.split_at_checked(rest.len().checked_sub(DIGITS)?)?;
    Some((rest.strip_suffix(BEFORE_HASH)?, hash.parse().ok()?))
}

#[cfg(test)]
mod tests;
