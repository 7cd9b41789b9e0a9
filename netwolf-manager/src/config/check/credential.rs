//! Credentials: a user name and at least one way to prove it.

use std::collections::BTreeMap;

use netwolf_wire::{SecretRef, target::Login};

use super::Checker;
use crate::config::{
    raw,
    yaml::{Entries, Field, Spanned},
};

impl Checker<'_> {
    /// By name; none where a credential has faults.
    pub(super) fn credentials(
        &mut self,
        credentials: Field<Entries<raw::Credential>>,
    ) -> BTreeMap<String, Option<Login>> {
        let credentials = credentials
            .into_spanned()
            .map(|credentials| credentials.value.0)
            .unwrap_or_default();
        credentials
            .into_iter()
            .map(|(name, credential)| {
                let login = match credential {
                    Field::Absent => self.credential(&name, raw::Credential::default()),
                    Field::Spoilt => None,
                    Field::Value(credential) => self.credential(&name, credential.value),
                };
                (name.value, login)
            })
            .collect()
    }

    fn credential(&mut self, name: &Spanned<String>, raw: raw::Credential) -> Option<Login> {
        let Spanned { at, value: name } = name;
        let n_faults = self.faults.len();
        if raw.username.is_absent() {
            self.fault(*at, format!("credential {name:?} has no `username`"), None);
        }
        if let Some(username) = raw.username.spanned()
            && (username.value.is_empty()
                || username
                    .value
                    .contains(|c: char| c.is_control() || c.is_whitespace()))
        {
            self.fault(
                username.at,
                format!("the username of credential {name:?} is empty or has white space in it"),
                None,
            );
        }
        if raw.password.is_absent() && raw.private_key.is_absent() && raw.ssh_agent.is_absent() {
            self.fault(
                *at,
                format!("credential {name:?} has no way to log in"),
                Some("give it a `private_key`, an `ssh_agent` or a `password`, such as `password: env:NETWOLF_PASSWORD`".into()),
            );
        }
        if let Some(passphrase) = raw.passphrase.spanned()
            && raw.private_key.is_absent()
        {
            let message = format!(
                "credential {name:?} has a `passphrase` and no `private_key` that it opens"
            );
            self.fault(passphrase.at, message, None);
        }
        let allow = self.allow(name, raw.allow);
        let is_spoilt = allow.is_none()
            || raw.username.is_spoilt()
            || raw.ssh_agent.is_spoilt()
            || [
                &raw.password,
                &raw.private_key,
                &raw.passphrase,
                &raw.enable_secret,
            ]
            .iter()
            .any(|secret| secret.is_spoilt());
        if is_spoilt || self.faults.len() > n_faults {
            return None;
        }
        Some(Login {
            credential: name.clone(),
            username: raw.username.into_spanned()?.value,
            private_key: reference(raw.private_key),
            passphrase: reference(raw.passphrase),
            password: reference(raw.password),
            enable_secret: reference(raw.enable_secret),
            ssh_agent: raw.ssh_agent.into_spanned().map(|socket| socket.value.0),
            allow: allow?,
        })
    }
}

impl Checker<'_> {
    /// Beginnings of commands; none where they have faults.
    fn allow(&mut self, name: &str, allow: Field<Vec<Field<String>>>) -> Option<Vec<String>> {
        if allow.is_spoilt() {
            return None;
        }
        let Some(list) = allow.into_spanned() else {
            return Some(Vec::new());
        };
        let mut beginnings = Vec::new();
        if list.value.is_empty() {
            let message = format!("the `allow` of credential {name:?} is empty");
            let hint = "list how commands begin that it may type, such as `[show, display]`, or leave the key out";
            self.fault(list.at, message, Some(hint.into()));
            return None;
        }
        for beginning in list.value {
            let beginning = beginning.into_spanned()?;
            if beginning.value.trim().is_empty() || beginning.value.contains(char::is_control) {
                let message = format!(
                    "{:?} in the `allow` of credential {name:?} is no beginning of a command",
                    beginning.value
                );
                let hint = "write its first words, such as `show` or `ip route`";
                self.fault(beginning.at, message, Some(hint.into()));
                return None;
            }
            beginnings.push(beginning.value);
        }
        Some(beginnings)
    }
}

fn reference(secret: Field<raw::Secret>) -> Option<SecretRef> {
    secret.into_spanned().map(|secret| secret.value.0)
}
