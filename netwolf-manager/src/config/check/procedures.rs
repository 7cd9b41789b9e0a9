//! Procedures: those of the configuration and of the library, checked against the credentials.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use netwolf_runs::procedure::raw::RawProcedure;

use super::{Checker, Known};
use crate::{
    config::{
        fault::{Fault, Place},
        suggest,
        yaml::{Entries, Field},
    },
    library::Origin,
    runs::book::{Entry, Procedures},
};

impl Checker<'_> {
    /// By name. One of the configuration takes the place of one of the library.
    pub(super) fn procedures(
        &mut self,
        known: &Known,
        procedures: Field<Entries<RawProcedure>>,
    ) -> Procedures {
        let mut checked = BTreeMap::new();
        for file in known.library.procedures() {
            let at = (file.origin.file().clone(), file.at);
            let (name, raw) = (file.name.clone(), &file.raw);
            if let Some(entry) = self.procedure(known, &at, name, raw, file.origin.clone()) {
                checked.insert(entry.name.clone(), Arc::new(entry));
            }
        }
        let own = procedures.into_spanned().map(|own| own.value.0);
        for (name, raw) in own.unwrap_or_default() {
            let raw = match raw {
                Field::Spoilt => continue,
                Field::Absent => RawProcedure::default(),
                Field::Value(raw) => raw.value,
            };
            let at = (self.file.clone(), name.at);
            let origin = Origin::File(self.file.clone());
            if let Some(entry) = self.procedure(known, &at, name.value, &raw, origin) {
                checked.insert(entry.name.clone(), Arc::new(entry));
            }
        }
        checked
    }

    fn procedure(
        &mut self,
        known: &Known,
        (file, at): &(Arc<Path>, Place),
        name: String,
        raw: &RawProcedure,
        origin: Origin,
    ) -> Option<Entry> {
        // One with faults is reported where it stands.
        let is_good = |name: &str| known.credentials.get(name);
        let mut faults = Vec::new();
        if let Some(credential) = &raw.credential
            && is_good(credential).is_none()
        {
            let names = known.credentials.keys().map(String::as_str);
            let hint = suggest::hint(credential, "credentials", names);
            faults.push((
                format!("procedure {name:?} names an unknown credential {credential:?}"),
                hint,
            ));
        }
        platforms(known, &name, raw, &mut faults);
        let checked = Entry::check(name, raw, origin);
        let entry = match checked {
            Ok(entry) => Some(entry),
            Err(found) => {
                faults.extend(found);
                None
            }
        };
        let is_whole = faults.is_empty();
        for (message, hint) in faults {
            self.faults
                .push(Fault::new(file, *at, message).maybe_hint(hint));
        }
        entry.filter(|_| is_whole)
    }
}

/// Platforms and modes that there are not. What is misspelt would be found out only when somebody runs it.
fn platforms(
    known: &Known,
    name: &str,
    raw: &RawProcedure,
    faults: &mut Vec<(String, Option<String>)>,
) {
    let library = &known.library;
    for (platform, program) in &raw.platforms {
        // One with faults is reported where it stands.
        if library.is_spoilt(platform) {
            continue;
        }
        let Some(found) = library.platform(platform) else {
            let message = format!("procedure {name:?}: `platforms`: unknown platform {platform:?}");
            let hint = suggest::hint(platform, "platforms", library.platforms());
            faults.push((message, hint));
            continue;
        };
        if let Some(mode) = &program.mode
            && !found.modes.contains_key(mode)
        {
            let message = format!(
                "procedure {name:?}: `platforms.{platform}.mode`: {platform} has no mode {mode:?}"
            );
            let modes = found.modes.keys().map(String::as_str);
            faults.push((message, suggest::hint(mode, "modes", modes)));
        }
    }
}
