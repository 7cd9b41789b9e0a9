//! Backups of configurations: where to, how often, of which devices.

use std::time::Duration;

use netwolf_runs::selection::Selection;
use regex::Regex;

use super::Checker;
use crate::{
    backup::{PROCEDURE, Settings},
    config::{
        fault::Place,
        limits, raw, suggest,
        yaml::{Field, Spanned},
    },
    runs::book::Procedures,
};

/// More often is monitoring; less often than every four weeks is no backup.
const EVERY: (Duration, Duration) = (Duration::from_mins(1), Duration::from_hours(24 * 28));

/// More would fill the lines to a site with configurations.
const IN_FLIGHT: (u32, u32) = (1, 1_000);

impl Checker<'_> {
    /// What is given, the defaults for the rest; nothing where there is no `backup`.
    pub(super) fn backup(
        &mut self,
        backup: Field<raw::Backup>,
        procedures: &Procedures,
    ) -> Option<Settings> {
        let Spanned { at, value: raw } = backup.into_spanned()?;
        if raw.folder.is_absent() {
            let hint =
                "the files are made there, a folder a group: `folder: /var/lib/netwolf/configs`";
            self.fault(at, "a backup needs a `folder`", Some(hint.into()));
        }
        let every = self.every(raw.every);
        let in_flight = self.in_flight(raw.in_flight);
        let selections = self.selections(raw.selections);
        let drop = self.patterns("drop", raw.drop);
        let redact = self.patterns("redact", raw.redact);
        let procedure = match raw.procedure.into_spanned() {
            Some(name) => {
                if !procedures.contains_key(&name.value) {
                    let names = procedures.keys().map(String::as_str);
                    let hint = suggest::hint(&name.value, "procedures", names);
                    self.fault(name.at, format!("unknown procedure {:?}", name.value), hint);
                }
                name.value
            }
            None => PROCEDURE.to_owned(),
        };
        let folder = raw.folder.into_spanned()?;
        Some(Settings {
            folder: self.path(&folder.value),
            every,
            selections,
            procedure,
            in_flight,
            drop,
            redact,
        })
    }

    fn every(&mut self, given: Field<netwolf_wire::Span>) -> Duration {
        let Some(Spanned { at, value }) = given.into_spanned() else {
            return Duration::from_hours(24);
        };
        if let Err(message) = limits::between(value, EVERY.0, EVERY.1, "`every`") {
            self.fault(at, message, None);
        }
        value.get()
    }

    fn in_flight(&mut self, given: Field<u32>) -> u32 {
        let Some(Spanned { at, value }) = given.into_spanned() else {
            return 20;
        };
        let (lowest, highest) = IN_FLIGHT;
        if !(lowest..=highest).contains(&value) {
            let message = format!("`in_flight` is from {lowest} to {highest}, not {value}");
            self.fault(at, message, None);
        }
        value
    }

    fn selections(&mut self, given: Field<Vec<Field<String>>>) -> Vec<Selection> {
        let Some(list) = given.into_spanned() else {
            let all = "name=*".parse();
            return vec![all.expect("it is a selection, and a test reads it")];
        };
        let mut selections = Vec::new();
        for text in list.value.into_iter().filter_map(Field::into_spanned) {
            match text.value.parse::<Selection>() {
                Ok(selection) => selections.push(selection),
                Err(error) => {
                    let text_of = error.to_string();
                    let (message, hint) = text_of
                        .split_once("\n  hint: ")
                        .unwrap_or((&text_of, "such as `site=ams`; all devices are `name=*`"));
                    self.fault(text.at, message, Some(hint.into()));
                }
            }
        }
        selections
    }

    fn patterns(&mut self, key: &str, given: Field<Vec<Field<String>>>) -> Vec<String> {
        let list = given.into_spanned().map(|list| list.value);
        let mut patterns = Vec::new();
        for text in list.into_iter().flatten().filter_map(Field::into_spanned) {
            let Spanned { at, value } = text;
            match Regex::new(&value) {
                Ok(_) => patterns.push(value),
                Err(error) => self.bad_pattern(at, key, &value, &error),
            }
        }
        patterns
    }

    fn bad_pattern(&mut self, at: Place, key: &str, pattern: &str, error: &regex::Error) {
        let message = format!("`{key}` has {pattern:?}, which is no regular expression: {error}");
        self.fault(at, message, None);
    }
}
