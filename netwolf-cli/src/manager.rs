//! Where the manager's API is, and one question to it.

use std::{fmt::Write as _, str::FromStr, time::Duration};

use anyhow::{Context, bail};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Method, Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};

/// The manager itself waits up to 10 s for an agent.
const DEADLINE: Duration = Duration::from_secs(15);
/// A list of 50,000 devices has some 30 MB.
const MAX_BODY: usize = 256 << 20;
/// The manager's own default.
const DEFAULT_PORT: u16 = 9799;

/// How verbs that ask the manager are told where it is, and what to print.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    /// Where the manager serves HTTP.
    #[arg(
        long = "manager.url",
        value_name = "URL",
        env = "NETWOLF_MANAGER_URL",
        default_value = "http://127.0.0.1:9799"
    )]
    pub(crate) url: Url,

    /// What to print.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) output: Output,
}

/// Forms of output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Output {
    /// A table for people.
    #[default]
    Table,
    /// JSON for programs.
    Json,
}

/// A manager's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url {
    /// `HOST:PORT`.
    authority: String,
    /// What stands before `/api`, without a slash at its end.
    prefix: String,
}

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rest = match text.split_once("://") {
            Some(("http", rest)) => rest,
            Some(("https", _)) => {
                return Err("https is not supported: name the manager's own port".into());
            }
            Some(_) => return Err("the address must begin with http://".into()),
            None => text,
        };
        let (authority, prefix) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let has_port = authority
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        if authority.is_empty() || authority.contains(['@', ' ', '?']) || prefix.contains('?') {
            return Err("it should read http://HOST:PORT".into());
        }
        Ok(Self {
            authority: if has_port {
                authority.into()
            } else {
                format!("{authority}:{DEFAULT_PORT}")
            },
            prefix: prefix.trim_end_matches('/').into(),
        })
    }
}

/// What the manager answered when it did not answer what was asked.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Refused {
    /// The status of the answer.
    pub(crate) status: StatusCode,
    message: String,
}

impl Url {
    /// Asks for `path`, which begins with a slash.
    ///
    /// # Errors
    /// When the manager is not there, does not answer in time or no JSON, or has something to object: then
    /// [`Refused`], in its words.
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.ask(Method::GET, path)
    }

    /// As [`Self::get`], for something that is to be done.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) fn post(&self, path: &str) -> anyhow::Result<Value> {
        self.ask(Method::POST, path)
    }

    fn ask(&self, method: Method, path: &str) -> anyhow::Result<Value> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let url = format!("http://{}{}{path}", self.authority, self.prefix);
        let (status, body) = runtime
            // A deadline needs the runtime from its beginning on.
            .block_on(async { timeout(DEADLINE, self.fetch(method, path)).await })
            .with_context(|| format!("no answer from {url} within {} s", DEADLINE.as_secs()))??;
        let answer = serde_json::from_slice::<Value>(&body);
        if !status.is_success() {
            let said = answer.as_ref().ok().and_then(|answer| {
                let error = answer["error"].as_str()?;
                let hint = answer["hint"].as_str();
                Some(hint.map_or(error.to_owned(), |hint| format!("{error}\n  hint: {hint}")))
            });
            let message = said.unwrap_or_else(|| format!("{url} answered {status}"));
            return Err(Refused { status, message }.into());
        }
        answer.with_context(|| format!("{url} did not answer JSON: is it the manager's port?"))
    }

    async fn fetch(&self, method: Method, path: &str) -> anyhow::Result<(StatusCode, Bytes)> {
        let Self { authority, prefix } = self;
        let stream = TcpStream::connect(authority).await.with_context(|| {
            format!(
                "cannot connect to the manager at {authority}\n  hint: does it run there? \
                 --manager.url says where"
            )
        })?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let request = Request::builder()
            .method(method)
            .uri(format!("{prefix}{path}"))
            .header(header::HOST, authority)
            .header(header::ACCEPT, "application/json")
            .body(Empty::<Bytes>::new())?;
        let exchange = async {
            let response = sender.send_request(request).await?;
            let status = response.status();
            let body = Limited::new(response.into_body(), MAX_BODY).collect().await;
            let body = body.map_err(|error| anyhow::anyhow!("the answer broke off: {error}"))?;
            Ok::<_, anyhow::Error>((status, body.to_bytes()))
        };
        tokio::pin!(connection);
        let mut open = true;
        tokio::pin!(exchange);
        loop {
            tokio::select! {
                answer = &mut exchange => return answer,
                closed = &mut connection, if open => {
                    open = false;
                    if let Err(error) = closed {
                        bail!("the manager closed the connection: {error}");
                    }
                }
            }
        }
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
        ] {
            let url: Url = text.parse().unwrap();
            assert_eq!(
                (url.authority.as_str(), url.prefix.as_str()),
                (authority, prefix)
            );
        }
        for bad in ["", "https://x", "ftp://x", "http://u:p@x", "http://x/?a"] {
            assert!(bad.parse::<Url>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_no_letter_is_escaped() {
        assert_eq!(escape("ams/core 1"), "ams/core%201");
        assert_eq!(escape("show ip | i x&y"), "show%20ip%20%7C%20i%20x%26y");
    }
}
