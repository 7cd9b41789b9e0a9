//! Length and payload: tokio-util's codec, made strict about where a stream may end.
//!
//! [`LengthDelimitedCodec`] takes the length off the buffer before the payload is there, and then looks only at
//! the buffer to tell a clean end: a stream that is cut right behind a length would pass as whole.

use std::io;

use bytes::{Bytes, BytesMut};
use tokio_util::codec::{Decoder, Encoder, LengthDelimitedCodec};

/// Frames of a 32-bit length and a payload, that end between two frames only.
pub(super) struct Codec {
    inner: LengthDelimitedCodec,
    /// The length of a frame was read and its payload was not.
    inside: bool,
}

impl Codec {
    pub(super) fn new(max_frame: usize) -> Self {
        let inner = LengthDelimitedCodec::builder()
            .length_field_type::<u32>()
            .max_frame_length(max_frame)
            .new_codec();
        Self {
            inner,
            inside: false,
        }
    }
}

impl Decoder for Codec {
    type Item = BytesMut;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> io::Result<Option<BytesMut>> {
        let before = buffer.len();
        let frame = self.inner.decode(buffer)?;
        self.inside = frame.is_none() && (self.inside || buffer.len() < before);
        Ok(frame)
    }

    fn decode_eof(&mut self, buffer: &mut BytesMut) -> io::Result<Option<BytesMut>> {
        match self.decode(buffer)? {
            None if self.inside || !buffer.is_empty() => Err(io::ErrorKind::UnexpectedEof.into()),
            frame => Ok(frame),
        }
    }
}

impl Encoder<Bytes> for Codec {
    type Error = io::Error;

    fn encode(&mut self, payload: Bytes, buffer: &mut BytesMut) -> io::Result<()> {
        self.inner.encode(payload, buffer)
    }
}
