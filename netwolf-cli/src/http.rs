//! Questions to an HTTP server that we are told of: an address, a connection, a request, a deadline.

use std::{fmt::Write as _, path::PathBuf, time::Duration};

use anyhow::Context;
use bytes::Bytes;
use hyper::{Method, StatusCode};
use netwolf_web::client::Trust;
use rustls_pki_types::ServerName;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};
use zeroize::Zeroizing;

pub(crate) use self::line::Line;

pub(crate) mod events;
pub(crate) mod line;

/// A kind of server.
#[derive(Debug)]
pub(crate) struct Peer {
    /// As it stands in a sentence.
    pub(crate) name: &'static str,
    /// The flag that says where it is.
    pub(crate) flag: &'static str,
    /// Where it listens unless told otherwise.
    pub(crate) port: u16,
    pub(crate) deadline: Duration,
}

/// What proves who we are, and who they are.
#[derive(Debug, Default)]
pub(crate) struct Access {
    /// Sent along, where there is one.
    pub(crate) token: Option<Zeroizing<String>>,
    /// The authority of the server's certificate; the system's where none is named.
    pub(crate) ca_file: Option<PathBuf>,
}

/// Where one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// Whether it is reached over TLS.
    pub(crate) is_tls: bool,
    /// `HOST:PORT`.
    pub(crate) authority: String,
    /// What stands before `/api`, without a slash at its end.
    pub(crate) prefix: String,
}

impl Address {
    /// Reads `http://HOST[:PORT][/PREFIX]`, or `https://`.
    pub(crate) fn parse(text: &str, default_port: u16) -> Result<Self, String> {
        let (is_tls, rest) = match text.split_once("://") {
            Some(("http", rest)) => (false, rest),
            Some(("https", rest)) => (true, rest),
            Some(_) => return Err("the address must begin with http:// or https://".into()),
            None => (false, text),
        };
        let (authority, prefix) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let has_port = authority
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        if authority.is_empty() || authority.contains(['@', ' ', '?']) || prefix.contains('?') {
            return Err("it should read http://HOST:PORT or https://HOST:PORT".into());
        }
        Ok(Self {
            is_tls,
            authority: if has_port {
                authority.into()
            } else {
                format!("{authority}:{default_port}")
            },
            prefix: prefix.trim_end_matches('/').into(),
        })
    }

    /// `path`, which begins with a slash, as it is written in full.
    pub(crate) fn url(&self, path: &str) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{}{}{path}", self.authority, self.prefix)
    }

    /// Asks for `path` over a connection of its own and returns what comes, whatever its status.
    ///
    /// # Errors
    /// When nobody is there, or the answer is not whole in time.
    pub(crate) async fn ask(
        &self,
        peer: &Peer,
        access: &Access,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> anyhow::Result<(StatusCode, Bytes)> {
        let asking = async {
            let mut line = self.line(peer, access).await?;
            line.ask(method, path, body).await
        };
        let answer = timeout(peer.deadline, asking).await;
        answer.with_context(|| {
            let (url, seconds) = (self.url(path), peer.deadline.as_secs());
            format!("no answer from {url} within {seconds} s")
        })?
    }

    /// Connects, for one question or for many.
    ///
    /// # Errors
    /// When nobody is there.
    pub(crate) async fn line<'a>(
        &'a self,
        peer: &'a Peer,
        access: &'a Access,
    ) -> anyhow::Result<Line<'a>> {
        let Self { authority, .. } = self;
        let Peer { name, flag, .. } = peer;
        let stream = TcpStream::connect(authority).await.with_context(|| {
            format!(
                "cannot connect to {name} at {authority}\n  hint: does it run there? {flag} says where"
            )
        })?;
        if self.is_tls {
            let stream = self.encrypted(stream, access).await?;
            Line::over(stream, self, peer, access).await
        } else {
            Line::over(stream, self, peer, access).await
        }
    }

    async fn encrypted(
        &self,
        stream: TcpStream,
        access: &Access,
    ) -> anyhow::Result<TlsStream<TcpStream>> {
        let host = self.authority.rsplit_once(':').map_or("", |(host, _)| host);
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let server = ServerName::try_from(bare.to_owned())
            .with_context(|| format!("{host:?} is no name that a certificate can have"))?;
        let trust = Trust {
            ca_file: access.ca_file.clone(),
            identity: None,
        };
        let connector = TlsConnector::from(trust.load()?);
        connector.connect(server, stream).await.with_context(|| {
            format!(
                "no TLS with {}\n  hint: --ca-file names the authority of its certificate",
                self.authority
            )
        })
    }
}

/// `text` as a part of a path or as a value in a query; slashes stand as they are.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            escaped.push(byte.into());
        } else {
            write!(escaped, "%{byte:02X}").expect("a string takes all");
        }
    }
    escaped
}

/// As [`escape`], for one segment of a path: a slash in a name is none of the path's.
pub(crate) fn segment(text: &str) -> String {
    escape(text).replace('/', "%2F")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_with_and_without_its_parts() {
        for (text, authority, prefix) in [
            ("http://127.0.0.1:9799", "127.0.0.1:9799", ""),
            ("http://noc.example.net", "noc.example.net:9799", ""),
            ("noc:80/netwolf/", "noc:80", "/netwolf"),
            ("http://[::1]:1", "[::1]:1", ""),
            ("https://noc.example.net", "noc.example.net:9799", ""),
        ] {
            let address = Address::parse(text, 9799).unwrap();
            assert_eq!(
                (address.authority.as_str(), address.prefix.as_str()),
                (authority, prefix)
            );
            assert_eq!(address.is_tls, text.starts_with("https"));
        }
        for bad in ["", "ftp://x", "http://u:p@x", "http://x/?a"] {
            assert!(Address::parse(bad, 9799).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_letter_is_escaped() {
        assert_eq!(escape("ams/core 1"), "ams/core%201");
        assert_eq!(escape("show ip | i x&y"), "show%20ip%20%7C%20i%20x%26y");
    }
}
