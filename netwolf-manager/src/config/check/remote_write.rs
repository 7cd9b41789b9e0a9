//! Receivers of samples: where they are, and how much may wait for them.

use std::{error::Error, time::Duration};

use hyper::{
    Uri,
    header::{self, HeaderName, HeaderValue},
};
use netwolf_web::client::Trust;
use netwolf_wire::Span;
use rustls_pki_types::ServerName;

use super::{Checker, layer::check_labels};
use crate::{
    config::{
        fault::Place,
        limits, raw,
        yaml::{Entries, Field, Spanned},
    },
    remote_write::{Authorization, Remote, Remotes, Tls},
};

/// A receiver answers in a second; one that takes longer than a few minutes never does.
const TIMEOUT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_mins(5));

/// A receiver's restart fits into a minute; Prometheus takes nothing that is older than a day or so.
const MAX_AGE: (Duration, Duration) = (Duration::from_mins(1), Duration::from_hours(24));

/// Fewer do not make a request, more are gigabytes.
const QUEUE: (u32, u32) = (10_000, 100_000_000);

/// More are no faster and only load the receiver.
const CONNECTIONS: (u32, u32) = (1, 64);

/// Headers that are ours to send.
const OWN_HEADERS: [HeaderName; 6] = [
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::HOST,
    header::TRANSFER_ENCODING,
    header::USER_AGENT,
];

impl Checker<'_> {
    /// What is given, the defaults for the rest.
    pub(super) fn remotes(
        &mut self,
        external_labels: Field<Entries<String>>,
        remote_write: Field<Vec<Field<raw::Remote>>>,
    ) -> Remotes {
        let mut remotes = Remotes::default();
        // The built-in ones go by their names, too: rules and dashboards are nothing without a job.
        let labels = check_labels(external_labels, |name, problem, hint| {
            let message = format!("external label {:?} {problem}", name.value);
            self.fault(name.at, message, Some(hint.into()));
        });
        remotes.external_labels.extend(labels);
        let list = remote_write.into_spanned().map(|list| list.value);
        for remote in list.into_iter().flatten() {
            let Some(Spanned { at, value }) = remote.into_spanned() else {
                continue;
            };
            let Some(remote) = self.remote(at, value) else {
                continue;
            };
            if remotes
                .remotes
                .iter()
                .any(|other| other.name == remote.name)
            {
                let message = format!("two remotes are called {:?}", remote.name);
                let hint = "give each a `name` of its own, which metrics show it by";
                self.fault(at, message, Some(hint.into()));
            }
            remotes.remotes.push(remote);
        }
        remotes
    }

    fn remote(&mut self, at: Place, raw: raw::Remote) -> Option<Remote> {
        let n_faults = self.faults.len();
        if raw.url.is_absent() {
            let hint = "such as `url: http://127.0.0.1:9090/api/v1/write`";
            self.fault(at, "a remote needs a `url`", Some(hint.into()));
        }
        let url = raw.url.into_spanned();
        let host = url.as_ref().and_then(|url| self.host(url));
        let is_https = url.as_ref().is_some_and(|url| url.starts_with("https:"));
        // Where the URL is no good there is nothing more to say.
        let tls = host
            .is_some()
            .then(|| self.tls(at, raw.tls, is_https))
            .flatten();
        let authorization = self.authorization(at, raw.username, raw.password, raw.bearer_token);
        let headers = self.headers(raw.headers);
        let timeout = self.time("timeout", raw.timeout, TIMEOUT, Duration::from_secs(30));
        let max_age = self.time("max_age", raw.max_age, MAX_AGE, Duration::from_hours(1));
        let connections = self.number("connections", raw.connections, CONNECTIONS, 4);
        let queue = self.number("queue_samples", raw.queue_samples, QUEUE, 2_000_000);
        let name = raw.name.and_then(|name| {
            if name.value.is_empty() {
                self.fault(name.at, "the name of a remote is empty", None);
            }
            Some(name.value)
        });
        let (url, host) = (url?, host?);
        if self.faults.len() > n_faults {
            return None;
        }
        Some(Remote {
            name: name.into_spanned().map_or(host, |name| name.value),
            url: url.value,
            timeout,
            headers,
            tls: tls?,
            authorization: authorization?,
            connections,
            queue_samples: queue,
            max_age,
        })
    }

    /// The host and port of a URL that can be sent to.
    fn host(&mut self, url: &Spanned<String>) -> Option<String> {
        let mut bad = |message: &str, hint: &str| {
            // The URL is not repeated: it may have a password.
            self.fault(url.at, message, Some(hint.into()));
            None
        };
        let Ok(uri) = url.value.parse::<Uri>() else {
            return bad(
                "the `url` of a remote is no URL",
                "write it as in `http://127.0.0.1:9090/api/v1/write`",
            );
        };
        match uri.scheme_str() {
            Some("http" | "https") => {}
            _ => {
                return bad(
                    "the `url` of a remote does not begin with `http://` or `https://`",
                    "write it as in `http://127.0.0.1:9090/api/v1/write`",
                );
            }
        }
        let authority = uri.authority()?;
        if authority.as_str().contains('@') {
            return bad(
                "the `url` of a remote has a user name",
                "give `username` and `password` by themselves, the password as a reference",
            );
        }
        if uri.path() == "/" && uri.query().is_none() {
            return bad(
                "the `url` of a remote has no path",
                "Prometheus and VictoriaMetrics take samples at `/api/v1/write`",
            );
        }
        Some(authority.as_str().to_owned())
    }

    /// Whose certificates are believed. The files are read here, so that what is wrong with them is said at once.
    fn tls(&mut self, at: Place, raw: Field<raw::RemoteTls>, is_https: bool) -> Option<Tls> {
        if raw.is_spoilt() {
            return None;
        }
        let raw = raw.into_spanned();
        if let Some(raw) = raw.as_ref().filter(|_| !is_https) {
            let hint = "write its `url` with `https://`";
            self.fault(
                raw.at,
                "a remote has `tls`, and is no https one",
                Some(hint.into()),
            );
            return None;
        }
        let at = raw.as_ref().map_or(at, |raw| raw.at);
        let raw = raw.map(|raw| raw.value).unwrap_or_default();
        let path = |field: Field<String>| field.into_spanned().map(|path| self.path(&path.value));
        let ca_file = path(raw.ca_file);
        let identity = match (path(raw.cert_file), path(raw.key_file)) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => {
                let message = "`tls` has only one of `cert_file` and `key_file`";
                self.fault(at, message, Some("give both, or none".into()));
                return None;
            }
        };
        let trust = Trust { ca_file, identity };
        if is_https && let Err(error) = trust.load() {
            let cause = error.source().map(|cause| format!(": {cause}"));
            let message = format!("{error}{}", cause.unwrap_or_default());
            let (message, hint) = match message.split_once("\n  hint: ") {
                Some((message, hint)) => (message.to_owned(), Some(hint.to_owned())),
                None => (message, None),
            };
            self.fault(at, message, hint);
            return None;
        }
        let server_name = raw.server_name.into_spanned();
        if let Some(name) = &server_name
            && ServerName::try_from(name.value.as_str()).is_err()
        {
            let message = format!("{:?} is no name that a certificate can have", name.value);
            self.fault(name.at, message, None);
        }
        Some(Tls {
            trust,
            server_name: server_name.map(|name| name.value),
        })
    }

    /// None where there is a fault.
    #[expect(clippy::option_option, reason = "none is a choice, too")]
    fn authorization(
        &mut self,
        at: Place,
        username: Field<String>,
        password: Field<raw::Secret>,
        bearer_token: Field<raw::Secret>,
    ) -> Option<Option<Authorization>> {
        let is_spoilt = username.is_spoilt() || password.is_spoilt() || bearer_token.is_spoilt();
        if is_spoilt {
            return None;
        }
        let secret = |field: Field<raw::Secret>| field.into_spanned().map(|secret| secret.value.0);
        let username = username.into_spanned().map(|username| username.value);
        match (username, secret(password), secret(bearer_token)) {
            (None, None, None) => Some(None),
            (None, None, Some(token)) => Some(Some(Authorization::Bearer(token))),
            (Some(username), Some(password), None) if !username.contains(':') => {
                Some(Some(Authorization::Basic { username, password }))
            }
            (Some(username), Some(_), None) => {
                let message = format!("the username {username:?} of a remote has a colon");
                self.fault(at, message, None);
                None
            }
            (_, _, Some(_)) => {
                let message = "a remote has both a `bearer_token` and a user name or password";
                self.fault(at, message, Some("keep one of the two".into()));
                None
            }
            (Some(_), None, None) | (None, Some(_), None) => {
                let message = "a remote has only one of `username` and `password`";
                self.fault(at, message, Some("give both, or none".into()));
                None
            }
        }
    }

    fn headers(&mut self, headers: Field<Entries<String>>) -> Vec<(String, String)> {
        let headers = headers.into_spanned().map(|headers| headers.value.0);
        let mut checked = Vec::new();
        for (name, value) in headers.into_iter().flatten() {
            let Ok(known) = name.value.parse::<HeaderName>() else {
                self.fault(
                    name.at,
                    format!("{:?} is no name of a header", name.value),
                    None,
                );
                continue;
            };
            if known == header::AUTHORIZATION {
                let hint = "give a `bearer_token`, or `username` and `password`, as references";
                let message = "the header `Authorization` cannot be given as text";
                self.fault(name.at, message, Some(hint.into()));
                continue;
            }
            if OWN_HEADERS.contains(&known) || known.as_str().starts_with("x-prometheus-remote-") {
                let message = format!("the header {:?} is not to be given", name.value);
                let hint = "the protocol says what it is";
                self.fault(name.at, message, Some(hint.into()));
                continue;
            }
            let Some(value) = value.into_spanned() else {
                continue;
            };
            if HeaderValue::from_str(&value.value).is_err() {
                let message = format!("the value of header {:?} has odd characters", name.value);
                self.fault(value.at, message, None);
                continue;
            }
            checked.push((name.value, value.value));
        }
        checked
    }

    fn time(
        &mut self,
        key: &str,
        given: Field<Span>,
        (lowest, highest): (Duration, Duration),
        default: Duration,
    ) -> Duration {
        let Some(Spanned { at, value }) = given.into_spanned() else {
            return default;
        };
        if let Err(message) = limits::between(value, lowest, highest, &format!("`{key}`")) {
            self.fault(at, message, None);
        }
        value.get()
    }

    fn number(
        &mut self,
        key: &str,
        given: Field<u32>,
        (lowest, highest): (u32, u32),
        default: u32,
    ) -> usize {
        let number = match given.into_spanned() {
            Some(Spanned { at, value }) => {
                if !(lowest..=highest).contains(&value) {
                    let message = format!("`{key}` is from {lowest} to {highest}, not {value}");
                    self.fault(at, message, None);
                }
                value
            }
            None => default,
        };
        number as usize
    }
}
