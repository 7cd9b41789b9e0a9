//! What both sides say first (RFC 4253, section 4.2), and what the device then offers: enough to decide who speaks
//! to it.

use crate::{
    codec::Reader,
    error::Error,
    negotiation::Offer,
    numbers::{DEBUG, DISCONNECT, IGNORE, KEXINIT},
    packet::{MAX_PACKET, payload_of},
};

/// Lines that a server may say before its version, and how long each may be. OpenSSH reads as many.
const MAX_LINES: usize = 1024;
const MAX_LINE: usize = 8192;
/// RFC 4253 allows 255 bytes with the end of the line.
const MAX_VERSION: usize = 255;

/// All of a greeting together: whoever keeps bytes until it is whole keeps no more.
const MAX_GREETING: usize = 2 * MAX_PACKET;

/// What the device said first.
#[derive(Debug)]
pub struct Greeting {
    /// Its version, without the end of the line: `SSH-2.0-...`.
    pub(crate) version: String,
    /// Its first offer, as it came.
    pub(crate) kexinit: Vec<u8>,
    /// The packets that came before the offer, and the offer.
    pub(crate) n_packets: u32,
    /// Where in the bytes the greeting ends.
    pub(crate) length: usize,
}

impl Greeting {
    /// Reads it from all the bytes that came so far; nothing where more must come.
    ///
    /// # Errors
    /// What came is not the greeting of an SSH 2 server.
    pub fn read(bytes: &[u8]) -> Result<Option<Self>, Error> {
        let greeting = Self::read_so_far(bytes)?;
        if greeting.is_none() && bytes.len() > MAX_GREETING {
            return Err(Error::NotSsh);
        }
        Ok(greeting)
    }

    fn read_so_far(bytes: &[u8]) -> Result<Option<Self>, Error> {
        let Some((version, mut length)) = version(bytes)? else {
            return Ok(None);
        };
        for n_packets in 1.. {
            let Some(payload) = first_packet(&bytes[length..])? else {
                return Ok(None);
            };
            length += payload.whole;
            match payload.bytes.first() {
                Some(&KEXINIT) => {
                    return Ok(Some(Self {
                        version,
                        kexinit: payload.bytes.to_vec(),
                        n_packets,
                        length,
                    }));
                }
                Some(&(IGNORE | DEBUG)) => {}
                // That all lines are in use, mostly.
                Some(&DISCONNECT) => return Err(Error::of_goodbye(payload.bytes)),
                other => return Err(Error::OutOfTurn(other.copied().unwrap_or_default())),
            }
        }
        Ok(None)
    }

    /// Whether `bytes` are more than a version, so that an offer is on its way.
    pub fn has_version(bytes: &[u8]) -> bool {
        matches!(version(bytes), Ok(Some(_)))
    }

    /// What the device offers.
    ///
    /// # Errors
    /// The offer is not well-formed.
    pub fn offer(&self) -> Result<Offer, Error> {
        Offer::read(&self.kexinit)
    }

    /// How many of the bytes are the greeting; what follows belongs to the connection.
    pub const fn length(&self) -> usize {
        self.length
    }
}

/// The version, and where its line ends.
fn version(bytes: &[u8]) -> Result<Option<(String, usize)>, Error> {
    let mut from = 0;
    for _ in 0..MAX_LINES {
        let rest = &bytes[from..];
        let Some(end) = rest.iter().take(MAX_LINE).position(|byte| *byte == b'\n') else {
            return if rest.len() >= MAX_LINE {
                Err(Error::NotSsh)
            } else {
                Ok(None)
            };
        };
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        from += end + 1;
        if !line.starts_with(b"SSH-") {
            continue;
        }
        let is_two = line.starts_with(b"SSH-2.0-") || line.starts_with(b"SSH-1.99-");
        if !is_two || line.len() > MAX_VERSION {
            return Err(Error::NotSsh);
        }
        // It goes into a hash as it came, so what is no text would never fit.
        let version = str::from_utf8(line).map_err(|_| Error::NotSsh)?;
        return Ok(Some((version.to_owned(), from)));
    }
    Err(Error::NotSsh)
}

struct Payload<'a> {
    bytes: &'a [u8],
    /// Length of the packet that it came in.
    whole: usize,
}

/// The payload of a packet that is not encrypted yet.
fn first_packet(bytes: &[u8]) -> Result<Option<Payload<'_>>, Error> {
    let Ok(length) = Reader::new(bytes).uint32() else {
        return Ok(None);
    };
    let length = usize::try_from(length).map_err(|_| Error::Length)?;
    if length > MAX_PACKET {
        return Err(Error::Length);
    }
    let Some(packet) = bytes.get(4..4 + length) else {
        return Ok(None);
    };
    Ok(Some(Payload {
        bytes: payload_of(packet)?,
        whole: 4 + length,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(payload: &[u8]) -> Vec<u8> {
        let padding = 4;
        let length = u32::try_from(1 + payload.len() + padding).unwrap();
        let mut out = length.to_be_bytes().to_vec();
        out.push(4);
        out.extend_from_slice(payload);
        out.extend_from_slice(&[0; 4]);
        out
    }

    fn greeting(before: &str) -> Vec<u8> {
        let mut bytes = before.as_bytes().to_vec();
        bytes.extend(packet(&[IGNORE, 0, 0, 0, 0]));
        bytes.extend(packet(&[KEXINIT, 1, 2, 3]));
        bytes
    }

    #[test]
    fn a_greeting_is_read_whole_from_any_pieces() {
        let mut bytes = greeting("Authorised users only\r\nSSH-2.0-Cisco-1.25\r\n");
        let whole = bytes.len();
        bytes.extend_from_slice(b"more");
        for n in 0..whole {
            assert!(Greeting::read(&bytes[..n]).unwrap().is_none(), "{n}");
        }
        let greeting = Greeting::read(&bytes).unwrap().unwrap();
        assert_eq!(greeting.version, "SSH-2.0-Cisco-1.25");
        assert_eq!(greeting.kexinit, [KEXINIT, 1, 2, 3]);
        assert_eq!((greeting.n_packets, greeting.length), (2, whole));
    }

    #[test]
    fn a_server_of_both_versions_will_do_and_one_of_the_first_will_not() {
        let read = |text: &str| Greeting::read(&greeting(text));
        assert!(read("SSH-1.99-Cisco-1.25\n").unwrap().is_some());
        assert_eq!(read("SSH-1.5-Cisco-1.25\n").unwrap_err(), Error::NotSsh);
    }

    #[test]
    fn a_device_that_says_goodbye_at_once_is_heard() {
        let mut bytes = b"SSH-2.0-x\n".to_vec();
        bytes.extend(packet(b"\x01\0\0\0\x0c\0\0\0\x04full\0\0\0\0"));
        let goodbye = Error::Disconnected("full".into());
        assert_eq!(Greeting::read(&bytes).unwrap_err(), goodbye);
    }

    #[test]
    fn what_is_no_ssh_server_is_seen_and_read_no_further() {
        let web = "HTTP/1.1 400 Bad Request\r\n".repeat(2000);
        assert_eq!(
            Greeting::read(web.as_bytes()).unwrap_err(),
            Error::NotSsh,
            "lines without end"
        );
        assert_eq!(
            Greeting::read(&[b'x'; 9000]).unwrap_err(),
            Error::NotSsh,
            "a line without end"
        );
        let long = format!("SSH-2.0-{}\n", "x".repeat(300));
        assert_eq!(Greeting::read(long.as_bytes()).unwrap_err(), Error::NotSsh);
        let mut huge = b"SSH-2.0-x\n".to_vec();
        huge.extend_from_slice(&u32::MAX.to_be_bytes());
        assert_eq!(Greeting::read(&huge).unwrap_err(), Error::Length);
        let mut early = b"SSH-2.0-x\n".to_vec();
        early.extend(packet(&[94, 0, 0, 0, 0]));
        assert_eq!(Greeting::read(&early).unwrap_err(), Error::OutOfTurn(94));
    }
}
