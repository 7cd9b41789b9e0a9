//! Tokens of the API: names, roles and digests.

use super::Checker;
use crate::{
    access::{Digest, Role, Token, Tokens, tokens::PREFIX},
    config::{
        fault::Place,
        raw, suggest,
        yaml::{Field, Spanned},
    },
};

/// More are looked through for each request.
const MAX_TOKENS: usize = 256;

impl Checker<'_> {
    /// All tokens that are given.
    pub(super) fn tokens(&mut self, api: Field<raw::Api>) -> Tokens {
        let api = api.into_spanned().map(|api| api.value).unwrap_or_default();
        let list = api.tokens.into_spanned();
        let mut tokens = Tokens::default();
        if let Some(Spanned { at, value }) = &list
            && value.len() > MAX_TOKENS
        {
            self.fault(
                *at,
                format!("there are more than {MAX_TOKENS} tokens"),
                None,
            );
        }
        for raw in list.into_iter().flat_map(|list| list.value) {
            let Some(Spanned { at, value }) = raw.into_spanned() else {
                continue;
            };
            let Some(token) = self.token(at, value) else {
                continue;
            };
            let Tokens(all) = &mut tokens;
            if all.iter().any(|other| other.name == token.name) {
                let message = format!("two tokens are called {:?}", token.name);
                let hint = "the log calls whoever has one by its name";
                self.fault(at, message, Some(hint.into()));
            }
            if all.iter().any(|other| other.digest == token.digest) {
                let message = format!("the token {:?} is another one's, too", token.name);
                self.fault(at, message, Some("`netwolf token` makes a new one".into()));
            }
            all.push(token);
        }
        tokens
    }

    fn token(&mut self, at: Place, raw: raw::Token) -> Option<Token> {
        let absent = [
            ("name", raw.name.is_absent()),
            ("role", raw.role.is_absent()),
            ("sha256", raw.sha256.is_absent()),
        ];
        for (key, _) in absent.into_iter().filter(|(_, is_absent)| *is_absent) {
            let hint = "`netwolf token NAME` prints the line to paste";
            self.fault(at, format!("a token needs a `{key}`"), Some(hint.into()));
        }
        let role = raw.role.into_spanned().and_then(|role| self.role(&role));
        let digest = raw
            .sha256
            .into_spanned()
            .and_then(|text| self.digest(&text));
        let name = raw.name.into_spanned()?;
        if name.value.is_empty() {
            self.fault(name.at, "the name of a token is empty", None);
        }
        Some(Token {
            name: name.value,
            role: role?,
            digest: digest?,
        })
    }

    fn role(&mut self, role: &Spanned<String>) -> Option<Role> {
        let known = role.value.parse::<Role>();
        if known.is_err() {
            let message = format!("unknown role {:?}", role.value);
            let hint = suggest::hint(&role.value, "roles", Role::ALL.map(Role::as_str));
            self.fault(role.at, message, hint);
        }
        known.ok()
    }

    /// What was typed is not repeated: it may be the token.
    fn digest(&mut self, text: &Spanned<String>) -> Option<Digest> {
        let digest = Digest::parse(&text.value);
        if text.value.starts_with(PREFIX) {
            let hint = "put its digest here, which `netwolf token` printed with it, and make a new token: this one stands in a file";
            self.fault(text.at, "this is the token itself", Some(hint.into()));
        } else if digest.is_none() {
            let hint = "it is what `printf %s TOKEN | sha256sum` prints";
            let message = "the `sha256` of a token is 64 hexadecimal digits";
            self.fault(text.at, message, Some(hint.into()));
        }
        digest
    }
}
