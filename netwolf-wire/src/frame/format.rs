//! One message to bytes and back: JSON, inside a zstd frame where it is long. No length prefix here.

use std::{io, pin::Pin};

use bytes::{Bytes, BytesMut};
use serde::{Serialize, de::DeserializeOwned};
use zstd::bulk::{Compressor, Decompressor};

use super::{COMPRESS_FROM, FrameError, MAX_MESSAGE};

/// RFC 8878, section 3.1.1.
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// The fastest level: samples repeat so much that higher ones gain little.
const LEVEL: i32 = 1;

/// The payload format. The contexts of zstd are made at the first long message and then kept, one pair a link.
#[derive(Default)]
pub(super) struct JsonZstd {
    compressor: Option<Compressor<'static>>,
    decompressor: Option<Decompressor<'static>>,
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
        Ok(compressed.into())
    }
}

impl<M: DeserializeOwned> tokio_serde::Deserializer<M> for JsonZstd {
    type Error = FrameError;

    fn deserialize(self: Pin<&mut Self>, payload: &BytesMut) -> Result<M, FrameError> {
        if !payload.starts_with(&ZSTD_MAGIC) {
            return serde_json::from_slice(payload).map_err(FrameError::Decode);
        }
        if Decompressor::upper_bound(payload).is_none_or(|size| size > MAX_MESSAGE) {
            return Err(FrameError::MessageTooLong);
        }
        let json =
            decompress(&mut self.get_mut().decompressor, payload).map_err(FrameError::Inflate)?;
        serde_json::from_slice(&json).map_err(FrameError::Decode)
    }
}

fn compress(context: &mut Option<Compressor<'static>>, json: &[u8]) -> io::Result<Vec<u8>> {
    match context {
        Some(compressor) => compressor.compress(json),
        None => context.insert(Compressor::new(LEVEL)?).compress(json),
    }
}

fn decompress(context: &mut Option<Decompressor<'static>>, payload: &[u8]) -> io::Result<Vec<u8>> {
    match context {
        Some(decompressor) => decompressor.decompress(payload, MAX_MESSAGE),
        None => context
            .insert(Decompressor::new()?)
            .decompress(payload, MAX_MESSAGE),
    }
}
