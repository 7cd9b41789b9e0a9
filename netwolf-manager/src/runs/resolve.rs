//! From a procedure and a selection to a run that can be journalled: which devices, and what is typed on each.
//!
//! ```text
//!   selection --> devices --+
//!                           +--> a program for each platform and login --> judged --> spec, steps
//!   procedure --> actions --+                                              all or nothing
//! ```
//!
//! Invariants: nothing is looked up or decided later, so a reload changes no run that is there; each command was judged
//! for each platform and credential that it is typed with, as the agent judges it again; what cannot be done on one of
//! the devices is refused for all, with the names of those that it is about.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use netwolf_runs::{
    model::{ModeLines, Program, Spec, StepSpec},
    procedure::Procedure,
    selection::{Glob, Selection},
    submission::Submission,
};
use netwolf_wire::{
    DeviceName,
    allow::{Judge, Refused},
    platform::Platform,
    target::Login,
};

use super::{MAX_LIVE, Refusal, book::Book};
use crate::{
    config::suggest,
    inventory::{Device, Inventory},
};

/// Names in a message; of the others it says how many they are.
const NAMED: usize = 5;

/// A device with its name.
type Named<'a> = (&'a DeviceName, &'a Device);

/// A run that can be taken in.
#[derive(Debug)]
pub(super) struct Resolved {
    pub(super) programs: Vec<Program>,
    pub(super) steps: Vec<StepSpec>,
}

/// Some names, and how many there are more.
pub(super) fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let all: Vec<_> = names.into_iter().collect();
    let first = all.iter().take(NAMED).copied().collect::<Vec<_>>();
    let first = first.join(", ");
    match all.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// An error whose text has a hint in it.
pub(super) fn bad(error: &impl std::error::Error) -> Refusal {
    let text = error.to_string();
    match text.split_once("\n  hint: ") {
        Some((error, hint)) => Refusal::bad(error).hint(hint),
        None => Refusal::bad(text),
    }
}

/// The devices that a submission is about, in the order of the rollout: those that are named, as they are named, and
/// then by name.
pub(super) fn select<'a>(
    inventory: &'a Inventory,
    submission: &Submission,
) -> Result<Vec<Named<'a>>, Refusal> {
    if submission.devices.is_empty() && submission.selections.is_empty() {
        return Err(Refusal::bad("no devices are selected").hint(
            "name them by `devices`, or --device, or say which by `where`, or --where, such as `platform=cisco_ios,site=ams`; all of them are `name=*`",
        ));
    }
    let mut selected = Vec::new();
    let mut seen = BTreeSet::new();
    let mut globs = Vec::new();
    for text in &submission.devices {
        let glob: Glob = text.parse().map_err(|error| bad(&error))?;
        if !glob.is_exact() {
            globs.push((text, glob, false));
            continue;
        }
        let Some((name, device)) = inventory.devices.get_key_value(text.as_str()) else {
            let known = inventory.devices.keys().map(DeviceName::as_str);
            return Err(Refusal::bad(format!("unknown device {text:?}"))
                .maybe_hint(suggest::hint(text, "devices", known)));
        };
        if seen.insert(name) {
            selected.push((name, device));
        }
    }
    let selections: Vec<Selection> = submission
        .selections
        .iter()
        .map(|text| text.parse().map_err(|error| bad(&error)))
        .collect::<Result<_, _>>()?;
    for (name, device) in &inventory.devices {
        let candidate = device.candidate(name);
        let mut is_selected = selections.iter().any(|it| it.selects(&candidate));
        for (_, glob, has_fitted) in &mut globs {
            if glob.fits(name.as_str()) {
                (is_selected, *has_fitted) = (true, true);
            }
        }
        if is_selected && seen.insert(name) {
            selected.push((name, device));
        }
    }
    if let Some((text, ..)) = globs.iter().find(|(_, _, has_fitted)| !has_fitted) {
        return Err(Refusal::bad(format!("no device is called like {text:?}"))
            .hint("`netwolf devices` and /api/v1/devices list them"));
    }
    if selected.is_empty() {
        let labels: BTreeSet<&str> = selections.iter().flat_map(Selection::labels).collect();
        let unknown = labels.iter().find(|label| {
            let mut devices = inventory.devices.values();
            !devices.any(|device| device.labels.contains_key(**label))
        });
        let hint = match unknown {
            Some(label) => format!("no device has a label {label:?}"),
            None => "`netwolf devices` and /api/v1/devices list them, with their labels".into(),
        };
        return Err(Refusal::bad("the selection fits no device").hint(hint));
    }
    if selected.len() > MAX_LIVE {
        return Err(Refusal::bad(format!(
            "{} devices are selected, and a run has at most {MAX_LIVE}",
            selected.len()
        )));
    }
    Ok(selected)
}

/// The credential that a procedure names.
fn login<'a>(book: &'a Book, procedure: &Procedure) -> Result<Option<&'a Login>, Refusal> {
    let Some(name) = &procedure.credential else {
        return Ok(None);
    };
    let logins = &book.prepared.logins;
    let known = || logins.keys().map(String::as_str);
    logins.get(name).map(Some).ok_or_else(|| {
        Refusal::bad(format!("unknown credential {name:?}")).maybe_hint(suggest::hint(
            name,
            "credentials",
            known(),
        ))
    })
}

/// A platform as the devices of the inventory have it.
fn platform_of<'a>(
    inventory: &'a Inventory,
    device: &Device,
) -> Result<&'a Arc<Platform>, Refusal> {
    let plan = inventory.plans.get(&device.job.plan);
    plan.map(|plan| &plan.platform)
        .ok_or_else(|| Refusal::bad(format!("platform {:?} is not known", device.platform)))
}

/// What is typed on each of the devices, judged.
pub(super) fn resolve(
    book: &Book,
    procedure: &Procedure,
    selected: &[Named<'_>],
) -> Result<Resolved, Refusal> {
    let own = login(book, procedure)?;
    let mut resolving = Resolving::new(&book.inventory, procedure.changes);
    let mut unknown: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut steps = Vec::with_capacity(selected.len());
    for (name, device) in selected {
        let Some(program) = procedure.program(&device.platform) else {
            let devices = unknown.entry(&device.platform).or_default();
            devices.push(name.as_str());
            continue;
        };
        steps.push(resolving.step(name, device, program, own)?);
    }
    let forbidden = resolving.forbidden();
    if let Some(first) = unknown.keys().next() {
        let each = unknown
            .iter()
            .map(|(platform, devices)| format!("{platform} ({})", names(devices.iter().copied())));
        let each: Vec<_> = each.collect();
        let mut error = format!(
            "procedure {:?} has no commands for {}",
            procedure.name,
            each.join(", ")
        );
        if let Some(forbidden) = forbidden {
            error = format!("{error}; {}", forbidden.error);
        }
        return Err(Refusal::bad(error).hint(format!(
            "add them under its `platforms`, or leave these devices out of the selection: `platform!={first}`"
        )));
    }
    if let Some(forbidden) = forbidden {
        return Err(forbidden);
    }
    Ok(Resolved {
        programs: resolving.programs,
        steps,
    })
}

/// The steps of a run that is tried anew, judged by the configuration in force. Devices that are not there any more
/// are left out.
pub(super) fn resolve_again(
    book: &Book,
    spec: &Spec,
    steps: &[StepSpec],
) -> Result<Resolved, Refusal> {
    let mut resolving = Resolving::new(&book.inventory, spec.changes);
    let mut again = Vec::with_capacity(steps.len());
    for step in steps {
        let Some(device) = book.inventory.devices.get(&step.device) else {
            continue;
        };
        let mut program = spec.program(step).clone();
        if device.platform != program.platform {
            return Err(Refusal::bad(format!(
                "{} is of platform {:?} now, and was of {:?}",
                step.device, device.platform, program.platform
            ))
            .hint("submit a new run for it"));
        }
        let former = program.login.take();
        let own = match &former {
            None => None,
            Some(former) => {
                let name = &former.credential;
                let login = book.prepared.logins.get(name);
                Some(login.ok_or_else(|| {
                    Refusal::bad(format!("there is no credential {name:?} any more"))
                })?)
            }
        };
        again.push(resolving.step(&step.device, device, program, own)?);
    }
    if again.is_empty() {
        return Err(Refusal::bad("none of its devices is there any more"));
    }
    if let Some(forbidden) = resolving.forbidden() {
        return Err(forbidden);
    }
    Ok(Resolved {
        programs: resolving.programs,
        steps: again,
    })
}

/// What is known while steps are resolved one after the other: ten thousand devices share few platforms.
struct Resolving<'a> {
    inventory: &'a Inventory,
    changes: bool,
    judges: HashMap<&'a str, Judge>,
    /// What may not be typed, by program and the device's own credential: places in `refused`.
    judged: HashMap<(u32, String), Vec<usize>>,
    /// All that may not be typed, each with the devices that it is about.
    refused: Vec<(Refused, Vec<DeviceName>)>,
    /// Devices that were looked at.
    n_devices: usize,
    programs: Vec<Program>,
    /// Programs by platform and whether they log in themselves.
    places: HashMap<(String, bool), u32>,
    /// Texts that steps share.
    shared: BTreeMap<String, Arc<str>>,
}

impl<'a> Resolving<'a> {
    fn new(inventory: &'a Inventory, changes: bool) -> Self {
        Self {
            inventory,
            changes,
            judges: HashMap::new(),
            judged: HashMap::new(),
            refused: Vec::new(),
            n_devices: 0,
            programs: Vec::new(),
            places: HashMap::new(),
            shared: BTreeMap::new(),
        }
    }

    fn step(
        &mut self,
        name: &DeviceName,
        device: &Device,
        mut program: Program,
        own: Option<&Login>,
    ) -> Result<StepSpec, Refusal> {
        let login = &device.job.target.login;
        // One that the session has already is not logged in with once more.
        let own = own.filter(|own| own.credential != login.credential);
        program.login = own.cloned();
        program.mode_lines = self.mode_lines(device, program.mode.as_deref())?;
        let key = (device.platform.clone(), own.is_some());
        let place = if let Some(place) = self.places.get(&key) {
            *place
        } else {
            let place = u32::try_from(self.programs.len()).unwrap_or(u32::MAX);
            self.programs.push(program.clone());
            self.places.insert(key, place);
            place
        };
        self.n_devices += 1;
        let kind = (place, login.credential.clone());
        if !self.judged.contains_key(&kind) {
            let mut places = Vec::new();
            for refused in self.judge(device, login, &program)? {
                places.push(self.place_of(refused));
            }
            self.judged.insert(kind.clone(), places);
        }
        for &place in &self.judged[&kind] {
            let (_, devices) = &mut self.refused[place];
            devices.push(name.clone());
        }
        let credential = own.map_or(&login.credential, |own| &own.credential);
        let site = device.labels.get("site");
        Ok(StepSpec {
            device: name.clone(),
            platform: self.share(&device.platform),
            site: site.map(|site| self.share(site)),
            program: place,
            credential: self.share(credential),
        })
    }

    /// What enters and leaves a mode; nothing where there is no such mode, which its judge says.
    fn mode_lines(&self, device: &Device, mode: Option<&str>) -> Result<ModeLines, Refusal> {
        let Some(mode) = mode else {
            return Ok(ModeLines::default());
        };
        let known = platform_of(self.inventory, device)?.modes.get(mode);
        let lines = known.map(|mode| ModeLines {
            enter: mode.enter.clone(),
            leave: mode.leave.clone(),
        });
        Ok(lines.unwrap_or_default())
    }

    /// All of a program that may not be typed on a device.
    fn judge(
        &mut self,
        device: &Device,
        login: &Login,
        program: &Program,
    ) -> Result<Vec<Refused>, Refusal> {
        let platform = platform_of(self.inventory, device)?;
        let judge = self
            .judges
            .entry(platform.name.as_str())
            .or_insert_with(|| Judge::new(platform));
        let (own, changes) = (program.login.as_ref(), self.changes);
        let mut judged = Vec::new();
        if let Some(mode) = &program.mode {
            judged.push(judge.judge_mode(login, changes, own, mode).map(drop));
        }
        for command in &program.commands {
            judged.push(judge.judge(login, changes, own, &command.text));
            judged.push(judge.judge_answers(login, changes, own, command));
        }
        if let Some(verify) = &program.verify {
            // It may be typed again, so it must only read.
            judged.push(judge.judge(login, false, own, &verify.text));
            judged.push(judge.judge_answers(login, false, own, verify));
        }
        Ok(judged.into_iter().filter_map(Result::err).collect())
    }

    /// Where a refusal stands, once for all devices.
    fn place_of(&mut self, refused: Refused) -> usize {
        let there = self.refused.iter().position(|(other, _)| *other == refused);
        there.unwrap_or_else(|| {
            self.refused.push((refused, Vec::new()));
            self.refused.len() - 1
        })
    }

    /// All that may not be typed, if there is something.
    fn forbidden(&self) -> Option<Refusal> {
        let (first, _) = self.refused.first()?;
        let told = self.refused.iter().map(|(refused, devices)| {
            let n_devices = devices.len();
            if n_devices < self.n_devices {
                let devices = names(devices.iter().map(DeviceName::as_str));
                format!("{refused} (on {devices})")
            } else if n_devices > 1 {
                format!("{refused} (on all {n_devices} devices)")
            } else {
                refused.to_string()
            }
        });
        let mut told: Vec<_> = told.take(NAMED).collect();
        match self.refused.len().saturating_sub(NAMED) {
            0 => {}
            more => told.push(format!("and {more} more")),
        }
        Some(Refusal::bad(told.join("; ")).maybe_hint(first.hint()))
    }

    fn share(&mut self, text: &str) -> Arc<str> {
        if let Some(shared) = self.shared.get(text) {
            return shared.clone();
        }
        let shared: Arc<str> = text.into();
        self.shared.insert(text.to_owned(), shared.clone());
        shared
    }
}

#[cfg(test)]
mod tests;
