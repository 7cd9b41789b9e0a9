//! `netwolf hostkeys scan`: the host keys of many devices at once, for review. It never logs in, and it never
//! makes a key trusted: it prints, and a person compares.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use netwolf_agent::{host_keys, known_keys};
use netwolf_wire::{
    Span,
    status::{Failure, Reason},
    target::HostKey,
};

use self::{
    review::{Format, Found, Review},
    subject::Subject,
};
use crate::{inventory, print};

mod review;
mod subject;
mod sweep;

/// What can be done with host keys.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Verb {
    /// Collect the host keys of devices without a login, and say how they differ from what is configured.
    ///
    /// What a scan shows came over the same network that an attacker would sit in: it proves nothing until
    /// the fingerprints are compared with those that the devices show on their consoles.
    Scan(Scan),
}

/// What `netwolf hostkeys scan` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Scan {
    /// Scan the devices of this configuration [default: netwolf.yml where no address is given].
    #[arg(long = "config.file", value_name = "FILE")]
    config_file: Option<PathBuf>,

    /// With --config.file names of devices, with * and ? where many are meant; else HOST or HOST:PORT.
    #[arg(value_name = "DEVICE|HOST[:PORT]")]
    devices: Vec<String>,

    /// What to print.
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// How long a device may take for each of its keys.
    #[arg(long, value_name = "TIME", default_value = "5s")]
    timeout: Span,
}

/// 0 when every device showed keys that are not at odds with what is configured, 1 otherwise, 2 for bad usage.
pub(crate) fn run(verb: &Verb) -> ExitCode {
    let Verb::Scan(args) = verb;
    let subjects = match subjects(args) {
        Ok(subjects) => subjects,
        Err(code) => return code,
    };
    if subjects.is_empty() {
        return print::usage("there is nothing to scan", None);
    }
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return netwolf_manager::cli::fail(&error.into()),
    };
    let deadline = args.timeout.get();
    let reviews = runtime.block_on(sweep::sweep(subjects, |subject| look(subject, deadline)));
    match tell(&reviews, args.format) {
        Ok(code) => code,
        Err(error) => netwolf_manager::cli::fail(&error),
    }
}

fn subjects(args: &Scan) -> Result<Vec<Subject>, ExitCode> {
    if args.config_file.is_none() && !args.devices.is_empty() {
        let parsed = args.devices.iter().map(|typed| Subject::parse(typed));
        return parsed
            .collect::<Result<_, String>>()
            .map_err(|why| print::usage(&why, Some("to scan devices by name, add --config.file")));
    }
    let file = args
        .config_file
        .clone()
        .unwrap_or_else(|| "netwolf.yml".into());
    let loaded = inventory::load(&file).ok_or(ExitCode::from(2))?;
    let devices = inventory::pick(&loaded.inventory, &args.devices);
    let devices = devices.map_err(|unknown| unknown.tell())?;
    Ok(devices.into_iter().map(Subject::from).collect())
}

/// Sees one device's keys and compares them with what is configured.
async fn look(subject: Subject, deadline: Duration) -> Review {
    let found = see(&subject, deadline).await;
    Review { subject, found }
}

async fn see(subject: &Subject, deadline: Duration) -> Result<Vec<Found>, Failure> {
    let Subject {
        address,
        port,
        legacy,
        configured,
        jump,
        ..
    } = subject;
    if let Some(jump) = jump {
        return Err(Failure {
            reason: Reason::JumpFailed,
            message: format!("is reached through {jump}, and a scan logs in nowhere"),
            hint: Some(format!(
                "run `ssh-keyscan -p {port} {address}` on the jump host and compare what it shows"
            )),
        });
    }
    let keys = host_keys::scan(address, *port, legacy, deadline).await?;
    let judged = match configured {
        Some(policy) => known_keys::judge(policy, address, *port, &keys).await?,
        None => vec![None; keys.len()],
    };
    let says_nothing = matches!(configured, None | Some(HostKey::AcceptNew));
    Ok(keys
        .into_iter()
        .zip(judged)
        .map(|(key, objection)| Found {
            key,
            trusted: if says_nothing {
                None
            } else {
                Some(objection.is_none())
            },
            objection,
        })
        .collect())
}

fn tell(reviews: &[Review], format: Format) -> anyhow::Result<ExitCode> {
    print::out(&review::render(reviews, format))?;
    for review in reviews {
        if let Some(failure) = review.complaint() {
            print::complain(
                &format!("{}: {}", review.subject.name, failure.message),
                failure.hint.as_deref(),
            );
        }
    }
    print::tell!("{}", review::summary(reviews));
    Ok(ExitCode::from(u8::from(
        reviews.iter().any(|review| review.complaint().is_some()),
    )))
}
