//! Where the manager's API is, and one question to it.

use std::{path::PathBuf, str::FromStr, time::Duration};

use anyhow::Context;
use hyper::{Method, StatusCode};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    http::{Access, Address, Peer},
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

    #[arg(
        long,
        value_name = "FILE",
        env = "NETWOLF_TOKEN_FILE",
        help = "A file with a token of the manager's configuration; the variable NETWOLF_TOKEN may have the token itself"
    )]
    token_file: Option<PathBuf>,

    /// The authority of the manager's certificate, for https [default: those of the system].
    #[arg(long, value_name = "FILE", env = "NETWOLF_CA_FILE")]
    ca_file: Option<PathBuf>,

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

impl From<Url> for Args {
    fn from(url: Url) -> Self {
        Self {
            url,
            token_file: None,
            ca_file: None,
            output: Output::default(),
        }
    }
}

impl Args {
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

    fn ask(&self, method: Method, path: &str) -> anyhow::Result<Value> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let Url(address) = &self.url;
        let url = address.url(path);
        let access = Access {
            token: self.token()?,
            ca_file: self.ca_file.clone(),
        };
        let asking = address.ask(&MANAGER, &access, method, path);
        let (status, body) = runtime.block_on(asking)?;
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
