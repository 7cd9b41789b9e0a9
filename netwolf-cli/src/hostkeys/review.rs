//! What a scan found, beside what is configured, in the three forms that people use. Pure.

use std::fmt::Write as _;

use clap::ValueEnum;
use netwolf_agent::host_keys::FoundKey;
use netwolf_wire::{
    status::{Failure, Reason},
    target::HostKey,
};

use super::subject::Subject;
use crate::{print, table};

/// How the keys are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A table for people.
    #[default]
    Table,
    /// Lines for a `known_hosts` file.
    #[value(name = "known_hosts")]
    KnownHosts,
    /// `host_key` lines for the inventory.
    Yaml,
}

/// One device's keys.
#[derive(Clone, Debug)]
pub(super) struct Review {
    /// Whose.
    pub(super) subject: Subject,
    /// At least one, or why there is none.
    pub(super) found: Result<Vec<Found>, Failure>,
}

/// One key.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// As the device showed it.
    pub(super) key: FoundKey,
    /// Whether a login would take it; nothing where nothing is configured.
    pub(super) trusted: Option<bool>,
    /// Why a login would not take it.
    pub(super) objection: Option<Failure>,
}

impl Review {
    /// What a person must look at: the device was not seen, or what is configured does not fit any of its
    /// keys, or one of them is revoked.
    pub(super) fn complaint(&self) -> Option<&Failure> {
        let found = match &self.found {
            Ok(found) => found,
            Err(failure) => return Some(failure),
        };
        let objections = || found.iter().filter_map(|found| found.objection.as_ref());
        if found.iter().any(|found| found.trusted == Some(true)) {
            // A device has keys of several types, and one that is trusted is enough.
            return objections().find(|failure| failure.message.contains("revoked"));
        }
        objections()
            .find(|failure| failure.reason == Reason::HostKeyMismatch)
            .or_else(|| objections().next())
    }

    /// In one or two words, for one key of the device.
    fn standing(&self, found: &Found) -> &'static str {
        match (&self.subject.configured, &found.objection) {
            (None, _) => "",
            (Some(HostKey::AcceptNew), _) => "accept-new",
            (Some(HostKey::Pinned(_)), None) => "pinned",
            (Some(HostKey::KnownHosts(_)), None) => "known",
            (_, Some(failure)) if failure.message.contains("revoked") => "REVOKED",
            // Another type of key beside the trusted one is as it should be.
            (..) if self.complaint().is_none() => "not listed",
            (_, Some(failure)) if failure.reason == Reason::HostKeyMismatch => "DIFFERS",
            (..) => "not known",
        }
    }

    /// The key that a login would be shown, so the one to pin.
    fn first(&self) -> Option<&FoundKey> {
        let order = |found: &&Found| {
            ["ssh-ed25519", "ecdsa-sha2-"]
                .iter()
                .position(|kind| found.key.algorithm.starts_with(kind))
                .unwrap_or(2)
        };
        let found = self.found.as_ref().ok()?;
        found.iter().min_by_key(order).map(|found| &found.key)
    }
}

/// All of `reviews` in the form of `format`. Devices that were not seen are in the table only.
pub(super) fn render(reviews: &[Review], format: Format) -> String {
    match format {
        Format::Table => as_table(reviews),
        Format::KnownHosts => each_key(reviews, |review, key| {
            format!("{} {}\n", review.subject.known_name(), key.line)
        }),
        Format::Yaml => as_yaml(reviews),
    }
}

fn each_key(reviews: &[Review], line: impl Fn(&Review, &FoundKey) -> String) -> String {
    let keys = reviews.iter().flat_map(|review| {
        let found = review.found.as_deref().unwrap_or_default();
        found.iter().map(move |found| (review, &found.key))
    });
    keys.map(|(review, key)| line(review, key)).collect()
}

fn as_table(reviews: &[Review]) -> String {
    let mut rows = Vec::new();
    for review in reviews {
        let (name, endpoint) = (review.subject.name.clone(), review.subject.endpoint());
        match &review.found {
            Ok(found) => rows.extend(found.iter().map(|found| {
                [
                    name.clone(),
                    endpoint.clone(),
                    found.key.algorithm.clone(),
                    found.key.fingerprint.clone(),
                    review.standing(found).to_owned(),
                ]
            })),
            Err(failure) => rows.push([
                name,
                endpoint,
                "-".into(),
                "-".into(),
                failure.reason.as_str().into(),
            ]),
        }
    }
    table::render(
        ["DEVICE", "ADDRESS", "KEY", "FINGERPRINT", "CONFIGURED"],
        &rows,
    )
}

fn as_yaml(reviews: &[Review]) -> String {
    let mut text = String::new();
    for review in reviews {
        let Some(key) = review.first() else { continue };
        let FoundKey {
            algorithm,
            fingerprint,
            ..
        } = key;
        let (name, endpoint) = (&review.subject.name, review.subject.endpoint());
        writeln!(
            text,
            "# {name}, {endpoint}, {algorithm}\nhost_key: \"{fingerprint}\""
        )
        .expect("a string takes all");
    }
    text
}

/// What it comes to, and what it does not prove.
pub(super) fn summary(reviews: &[Review]) -> String {
    let seen = reviews.iter().filter(|review| review.found.is_ok()).count();
    let trusted = |review: &&Review| {
        let found = review.found.as_deref().unwrap_or_default();
        review.complaint().is_none() && found.iter().any(|found| found.trusted == Some(true))
    };
    let fit = reviews.iter().filter(trusted).count();
    let at_odds = reviews
        .iter()
        .filter(|review| review.found.is_ok() && review.complaint().is_some())
        .count();
    let mut text = format!(
        "{}: {seen} showed keys, {fit} as configured, {at_odds} not",
        print::count(reviews.len(), "device"),
    );
    if fit < seen {
        text += "\nNobody vouches for a key because it was seen here: compare each fingerprint with the \
                 one that the device shows on its console before you trust it.";
    }
    text
}

#[cfg(test)]
mod tests;
