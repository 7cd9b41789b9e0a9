//! One message to bytes and back: JSON, inside a zstd frame where it is long. No length prefix here.

use std::{io, pin::Pin};

use bytes::{Bytes, BytesMut};
use serde::{Serialize, de::DeserializeOwned};
use zstd::bulk::{Compressor, Decompressor};

use super::{COMPRESS_FROM, FrameError, MAX_FRAME, MAX_MESSAGE, MAX_RATIO};

/// RFC 8878, section 3.1.1.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Begins a frame that readers of zstd skip; section 3.1.2.
const SKIPPABLE_MAGIC: [u8; 4] = [0x50, 0x2a, 0x4d, 0x18];

/// The fastest level: samples repeat so much that higher ones gain little.
const LEVEL: i32 = 1;

/// The payload format. The contexts of zstd are made at the first long message and then kept, one pair a link.
pub(super) struct JsonZstd {
    /// The longest message that is inflated.
    most: usize,
    compressor: Option<Compressor<'static>>,
    decompressor: Option<Decompressor<'static>>,
}

impl JsonZstd {
    /// Inflates messages of at most so many bytes.
    pub(super) const fn inflating(most: usize) -> Self {
        Self {
            most,
            compressor: None,
            decompressor: None,
        }
    }
}

impl<M: Serialize> tokio_serde::Serializer<M> for JsonZstd {
    type Error = FrameError;

    fn serialize(self: Pin<&mut Self>, message: &M) -> Result<Bytes, FrameError> {
        let json = serde_json::to_vec(message).map_err(FrameError::Encode)?;
        if json.len() < COMPRESS_FROM {
            return Ok(json.into());
        }
        if json.len() > MAX_MESSAGE {
            return Err(FrameError::MessageTooLong);
        }
        let compressed = compress(&mut self.get_mut().compressor, &json).map_err(FrameError::Io)?;
        Ok(padded(compressed, json.len()).into())
    }
}

impl<M: DeserializeOwned> tokio_serde::Deserializer<M> for JsonZstd {
    type Error = FrameError;

    fn deserialize(self: Pin<&mut Self>, payload: &BytesMut) -> Result<M, FrameError> {
        if !payload.starts_with(&ZSTD_MAGIC) {
            return serde_json::from_slice(payload).map_err(FrameError::Decode);
        }
        let most = most_inflated(payload.len()).min(self.most);
        if Decompressor::upper_bound(payload).is_none_or(|size| size > most) {
            return Err(FrameError::MessageTooLong);
        }
        let json = decompress(&mut self.get_mut().decompressor, payload, most)
            .map_err(FrameError::Inflate)?;
        serde_json::from_slice(&json).map_err(FrameError::Decode)
    }
}

fn compress(context: &mut Option<Compressor<'static>>, json: &[u8]) -> io::Result<Vec<u8>> {
    match context {
        Some(compressor) => compressor.compress(json),
        None => context.insert(Compressor::new(LEVEL)?).compress(json),
    }
}

/// What a payload of so many bytes may become.
fn most_inflated(length: usize) -> usize {
    let most = length.saturating_mul(MAX_RATIO);
    most.clamp(MAX_FRAME, MAX_MESSAGE)
}

/// A payload long enough for a message of so many bytes: few shrink so much, such as an output of nothing but empty lines.
fn padded(mut compressed: Vec<u8>, message: usize) -> Vec<u8> {
    let least = message.div_ceil(MAX_RATIO);
    if message > MAX_FRAME && compressed.len() < least {
        let padding = least - compressed.len();
        let length = u32::try_from(padding).expect("it is less than a frame");
        compressed.extend_from_slice(&SKIPPABLE_MAGIC);
        compressed.extend_from_slice(&length.to_le_bytes());
        compressed.resize(compressed.len() + padding, 0);
    }
    compressed
}

fn decompress(
    context: &mut Option<Decompressor<'static>>,
    payload: &[u8],
    most: usize,
) -> io::Result<Vec<u8>> {
    match context {
        Some(decompressor) => decompressor.decompress(payload, most),
        None => context
            .insert(Decompressor::new()?)
            .decompress(payload, most),
    }
}
