//! Packets to and from the client, plain until keys are in force.

use std::io;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    DEADLINE,
    keys::Cipher,
    packet::padded,
    trouble::{Trouble, Twist},
};

/// A client's packet is shorter.
const MAX_PACKET: usize = 64 << 10;

pub(crate) struct Wire {
    stream: TcpStream,
    pub(crate) from_client: Option<Cipher>,
    pub(crate) to_client: Option<Cipher>,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            from_client: None,
            to_client: None,
        }
    }

    /// Writes bytes as they are.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Sends a message in a packet, which may be twisted.
    pub(crate) async fn send(&mut self, payload: &[u8], trouble: &mut Trouble) -> io::Result<()> {
        let (block, counted) = if self.to_client.is_some() {
            (16, 0)
        } else {
            (8, 4)
        };
        let mut inner = padded(payload, block, counted);
        let mut length = u32::try_from(inner.len())
            .expect("packets are short")
            .to_be_bytes();
        let twist = trouble.twist();
        match twist {
            Some(Twist::Length(wrong)) => length = wrong.to_be_bytes(),
            Some(Twist::Padding(wrong)) => inner[0] = wrong,
            Some(Twist::Bytes) | None => {}
        }
        let mut packet = match &mut self.to_client {
            Some(cipher) => cipher.seal(length, inner),
            None => [&length[..], &inner].concat(),
        };
        if twist == Some(Twist::Bytes) {
            trouble.spoil(&mut packet);
        }
        self.write(&packet).await
    }

    /// The client's greeting, without its line end.
    pub(crate) async fn greeting(&mut self) -> Option<Vec<u8>> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            let mut byte = [0];
            self.read(&mut byte).await?;
            line.extend(byte);
        }
        line.truncate(line.len() - 2);
        Some(line)
    }

    /// The next message of the client; `None` when it has left or says nothing.
    pub(crate) async fn receive(&mut self) -> Option<Vec<u8>> {
        let mut length = [0; 4];
        self.read(&mut length).await?;
        let n = usize::try_from(u32::from_be_bytes(length)).ok()?;
        let tag = if self.from_client.is_some() { 16 } else { 0 };
        if n > MAX_PACKET {
            return None;
        }
        let mut inner = vec![0; n + tag];
        self.read(&mut inner).await?;
        let inner = match &mut self.from_client {
            Some(cipher) => cipher.open(length, inner)?,
            None => inner,
        };
        let padding = usize::from(*inner.first()?);
        Some(inner.get(1..inner.len().checked_sub(padding)?)?.to_vec())
    }

    async fn read(&mut self, bytes: &mut [u8]) -> Option<()> {
        // Longer than any of the client's, so that those are seen to end; then nobody says anything any more.
        match timeout(3 * DEADLINE, self.stream.read_exact(bytes)).await {
            Ok(Ok(_)) => Some(()),
            Ok(Err(_)) | Err(_) => None,
        }
    }
}
