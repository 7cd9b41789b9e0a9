//! Where the manager's API is, and one question to it.

use std::{path::PathBuf, str::FromStr, time::Duration};

use anyhow::Context;
use bytes::Bytes;
use hyper::{Method, StatusCode};
use netwolf_web::client::Trust;
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    http::{Access, Address, Line, Peer},
    print,
};

/// Has a token; a flag would show it to everybody on the machine.
const TOKEN_VARIABLE: &str = "NETWOLF_TOKEN";

const MANAGER: Peer = Peer {
    name: "the manager",
    flag: "--manager.url",
    port: 9799,
    // The manager itself waits up to 10 s for an agent.
    deadline: Duration::from_secs(15),
};

/// How verbs that ask the manager are told where it is. Where a verb has verbs of its own, before or behind those.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Reach {
    /// Where the manager serves HTTP.
    #[arg(
        long = "manager.url",
        global = true,
        value_name = "URL",
        env = "NETWOLF_MANAGER_URL",
        default_value = "http://127.0.0.1:9799"
    )]
    pub(crate) url: Url,

    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "NETWOLF_TOKEN_FILE",
        help = "A file with a token of the manager's configuration; the variable NETWOLF_TOKEN may have the token itself"
    )]
    token_file: Option<PathBuf>,

    /// The authority of the manager's certificate, for https [default: those of the system].
    #[arg(long, global = true, value_name = "FILE", env = "NETWOLF_CA_FILE")]
    ca_file: Option<PathBuf>,
}

/// How most verbs that ask the manager are told where it is, and what to print.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) reach: Reach,

    /// What to print.
    #[arg(long, global = true, value_enum, default_value_t)]
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
pub(crate) struct Url(Address);

impl FromStr for Url {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Address::parse(text, MANAGER.port).map(Self)
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

/// What stands for the manager to whoever asks it more than once.
#[derive(Debug)]
pub(crate) struct Client {
    address: Address,
    access: Access,
}

impl From<Url> for Args {
    fn from(url: Url) -> Self {
        Self {
            reach: Reach {
                url,
                token_file: None,
                ca_file: None,
            },
            output: Output::default(),
        }
    }
}

impl Args {
    /// As [`Reach::get`].
    ///
    /// # Errors
    /// As [`Reach::get`].
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.reach.get(path)
    }

    /// As [`Reach::post`].
    ///
    /// # Errors
    /// As [`Reach::get`].
    pub(crate) fn post(&self, path: &str) -> anyhow::Result<Value> {
        self.reach.post(path, None)
    }

    /// Prints what the manager answered: as it is, or as `table` shows it.
    ///
    /// # Errors
    /// When standard output takes nothing.
    pub(crate) fn print(
        &self,
        answer: &Value,
        table: impl FnOnce() -> String,
    ) -> anyhow::Result<()> {
        print::out(&match self.output {
            Output::Json => serde_json::to_string_pretty(answer)? + "\n",
            Output::Table => table(),
        })
    }
}

impl Reach {
    /// Asks for `path`, which begins with a slash.
    ///
    /// # Errors
    /// When the manager is not there, does not answer in time or no JSON, or has something to object: then
    /// [`Refused`], in its words.
    pub(crate) fn get(&self, path: &str) -> anyhow::Result<Value> {
        let client = self.client()?;
        runtime()?.block_on(client.get(path))
    }

    /// As [`Self::get`], for something that is to be done, with `body` where it takes more than a path.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) fn post(&self, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let client = self.client()?;
        runtime()?.block_on(client.post(path, body))
    }

    /// For verbs that ask more than once.
    ///
    /// # Errors
    /// When the token or the authority cannot be read.
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        let Url(address) = &self.url;
        if !address.is_tls && self.ca_file.is_some() {
            // It is of no use there. Whoever names one is told if it is wrong now, and not on the day of https.
            let trust = Trust {
                ca_file: self.ca_file.clone(),
                identity: None,
            };
            trust.load()?;
        }
        let access = Access {
            token: self.token()?,
            ca_file: self.ca_file.clone(),
        };
        Ok(Client {
            address: address.clone(),
            access,
        })
    }

    /// The token that is to be sent, if there is one.
    fn token(&self) -> anyhow::Result<Option<Zeroizing<String>>> {
        let text = match &self.token_file {
            Some(path) => std::fs::read_to_string(path)
                .with_context(|| format!("the token in {} cannot be read", path.display()))?,
            None => match std::env::var(TOKEN_VARIABLE) {
                Ok(text) => text,
                Err(_) => return Ok(None),
            },
        };
        let text = Zeroizing::new(text);
        Ok(Some(Zeroizing::new(text.trim().to_owned())))
    }
}

impl Client {
    /// As [`Reach::get`].
    ///
    /// # Errors
    /// As [`Reach::get`].
    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let asking = self
            .address
            .ask(&MANAGER, &self.access, Method::GET, path, None);
        let (status, body) = asking.await?;
        self.read(path, status, &body)
    }

    /// As [`Reach::post`].
    ///
    /// # Errors
    /// As [`Reach::get`].
    pub(crate) async fn post(&self, path: &str, body: Option<&Value>) -> anyhow::Result<Value> {
        let body = body.map(|body| Bytes::from(body.to_string()));
        let asking = self
            .address
            .ask(&MANAGER, &self.access, Method::POST, path, body);
        let (status, body) = asking.await?;
        self.read(path, status, &body)
    }

    /// A page that is no JSON.
    ///
    /// # Errors
    /// As [`Reach::get`].
    pub(crate) async fn page(&self, path: &str) -> anyhow::Result<String> {
        let asking = self
            .address
            .ask(&MANAGER, &self.access, Method::GET, path, None);
        let (status, body) = asking.await?;
        let text = String::from_utf8_lossy(&body);
        if !status.is_success() {
            let message = format!("{} answered {status}: {text}", self.address.url(path));
            return Err(Refused { status, message }.into());
        }
        Ok(text.into_owned())
    }

    /// A connection for many questions.
    ///
    /// # Errors
    /// When the manager is not there.
    pub(crate) async fn line(&self) -> anyhow::Result<Line<'_>> {
        self.address.line(&MANAGER, &self.access).await
    }

    /// Asks for `path` over `line`.
    ///
    /// # Errors
    /// As [`Reach::get`].
    pub(crate) async fn get_over(&self, line: &mut Line<'_>, path: &str) -> anyhow::Result<Value> {
        let (status, body) = line.ask(Method::GET, path, None).await?;
        self.read(path, status, &body)
    }

    /// What the manager answered at `path`.
    ///
    /// # Errors
    /// As [`Reach::get`].
    pub(crate) fn read(
        &self,
        path: &str,
        status: StatusCode,
        body: &[u8],
    ) -> anyhow::Result<Value> {
        let url = self.address.url(path);
        let answer = serde_json::from_slice::<Value>(body);
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
}

/// Where questions are asked from.
///
/// # Errors
/// When the operating system has nothing left for it.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    #[test]
    fn files_that_cannot_be_read_are_told_whatever_the_address() {
        #[derive(Debug, clap::Parser)]
        struct Typed {
            #[command(flatten)]
            reach: Reach,
        }
        for option in ["--token-file", "--ca-file"] {
            let url = "http://127.0.0.1:1";
            let words = ["x", "--manager.url", url, option, "/no/such/file"];
            let reach = <Typed as clap::Parser>::try_parse_from(words)
                .unwrap()
                .reach;
            let error = reach.client().unwrap_err().to_string();
            assert!(
                error.contains("/no/such/file") && error.contains("cannot be read"),
                "{error}"
            );
        }
    }

    /// What is typed.
    #[track_caller]
    pub(crate) fn typed(line: &str) -> crate::Verb {
        let typed = <crate::Args as clap::Parser>::try_parse_from(line.split(' '));
        typed.unwrap_or_else(|error| panic!("{line}: {error}")).verb
    }

    /// Options that say where a manager is and who asks, as they are typed.
    pub(crate) const SOMEWHERE: &str = "--manager.url https://m:1 --token-file t --ca-file c";

    /// What those say.
    #[track_caller]
    pub(crate) fn assert_somewhere(reach: &Reach, line: &str) {
        assert_eq!(reach.url, "https://m:1".parse().unwrap(), "{line}");
        assert_eq!(reach.token_file.as_deref(), Some("t".as_ref()), "{line}");
        assert_eq!(reach.ca_file.as_deref(), Some("c".as_ref()), "{line}");
    }

    /// The ways to type a verb and its own words with those options: before, behind, and divided.
    pub(crate) fn ways(verb: &str, words: &str) -> [String; 3] {
        [
            format!("netwolf {verb} {SOMEWHERE} {words}"),
            format!("netwolf {verb} {words} {SOMEWHERE}"),
            format!("netwolf {verb} --token-file t {words} --ca-file c --manager.url https://m:1"),
        ]
    }
}
