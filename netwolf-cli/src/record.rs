//! `netwolf record DEVICE COMMAND...`: one login with the device's own settings, a transcript without secrets.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use netwolf_agent::record::{Progress, Recording, Request, record};
use netwolf_wire::Span;

use crate::{
    inventory::{self, Device},
    print, target,
};

/// What `netwolf record` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The configuration that has the device; its secrets are read on this machine.
    #[arg(
        long = "config.file",
        value_name = "FILE",
        default_value = "netwolf.yml"
    )]
    config_file: PathBuf,

    /// A program that `exec:` in a reference to a secret may run here, by its absolute path; may be given several times.
    #[arg(
        long = "secret.exec-allow",
        value_name = "PROGRAM",
        value_parser = netwolf_secret::allowed_program
    )]
    secret_exec_allow: Vec<PathBuf>,

    /// The device's name in the configuration.
    #[arg(value_name = "DEVICE")]
    device: String,

    /// What to type, in this order, each as one argument: 'show version'.
    #[arg(value_name = "COMMAND", required = true)]
    commands: Vec<String>,

    /// Where to write the transcript; - for standard output [default: DEVICE.json].
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Write over a file that is there.
    #[arg(long)]
    overwrite: bool,

    /// How long a command may take.
    #[arg(long, value_name = "TIME", default_value = "30s")]
    timeout: Span,
}

/// 0 when all commands are recorded, 1 when the login or one of them failed, 2 when it was not even tried.
pub(crate) fn run(args: &Args) -> ExitCode {
    if let Err(unknown) = target::commands(&args.commands) {
        return unknown.tell();
    }
    netwolf_secret::allow_programs(args.secret_exec_allow.clone());
    let Some(loaded) = inventory::load(&args.config_file) else {
        return ExitCode::from(2);
    };
    let device = match target::device(&loaded.inventory, &args.device, "recorded") {
        Ok(device) => device,
        Err(unknown) => return unknown.tell(),
    };
    if let Err(unknown) = target::commands_of(&device, &args.commands) {
        return unknown.tell();
    }
    let to = Destination::of(args, &device);
    if let Err(why) = to.is_free(args.overwrite) {
        return print::usage(
            &why,
            Some("name another one by --output, or pass --overwrite"),
        );
    }
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return netwolf_manager::cli::fail(&error.into()),
    };
    match runtime.block_on(log_in_and_record(args, &device)) {
        Ok(recording) => match tell(args, &to, &recording) {
            Ok(code) => code,
            Err(error) => netwolf_manager::cli::fail(&error),
        },
        Err(code) => code,
    }
}

async fn log_in_and_record(args: &Args, device: &Device) -> Result<Recording, ExitCode> {
    target::announce(device);
    let name = &device.name;
    let request = Request {
        device: name,
        target: &device.target,
        platform: &device.plan.platform,
        commands: &args.commands,
        timeout: args.timeout.get(),
    };
    let progress = |progress: Progress<'_>| match progress {
        Progress::LoggedIn => print::tell!("{name}: logged in"),
        Progress::Running(command) => print::tell!("{name}: {command}"),
    };
    record(&request, progress).await.map_err(|failure| {
        print::failure(&failure);
        print::tell!("It was tried once and is not tried again.");
        ExitCode::from(1)
    })
}

/// Writes the transcript and says what is in it, what is not, and what was taken out.
fn tell(args: &Args, to: &Destination, recording: &Recording) -> anyhow::Result<ExitCode> {
    let Recording {
        transcript,
        removed,
        cut,
        failed,
    } = recording;
    for (command, failure) in failed {
        print::tell!("not recorded: {}", print::plain(command));
        print::failure(failure);
    }
    for command in cut {
        print::tell!("warning: the output of \"{command}\" is too long and was cut");
    }
    if transcript.commands.is_empty() {
        print::tell!("Nothing was recorded, so nothing is written.");
        return Ok(ExitCode::from(1));
    }
    let mut text = serde_json::to_string_pretty(transcript)?;
    text.push('\n');
    to.write(&text, args.overwrite)?;
    let lines: usize = transcript
        .commands
        .iter()
        .map(|recorded| recorded.output.lines().count())
        .sum();
    print::tell!(
        "{to}: {}, {} of output; secrets were taken out of {}.\n\
         Names, addresses and serial numbers are still in it: read it before you show it to anybody.",
        print::count(transcript.commands.len(), "command"),
        print::count(lines, "line"),
        print::count(*removed, "line"),
    );
    if let Destination::File(path) = to {
        print::tell!("To play it: netwolf simulator --replay {}", path.display());
    }
    Ok(ExitCode::from(u8::from(!failed.is_empty())))
}

/// Where the transcript goes.
enum Destination {
    Output,
    File(PathBuf),
}

impl std::fmt::Display for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Output => f.write_str("transcript"),
            Self::File(path) => path.display().fmt(f),
        }
    }
}

impl Destination {
    fn of(args: &Args, device: &Device) -> Self {
        match &args.output {
            Some(path) if path == Path::new("-") => Self::Output,
            Some(path) => Self::File(path.clone()),
            None => Self::File(file_name(device.name.as_str()).into()),
        }
    }

    /// Before anything is asked of the device.
    fn is_free(&self, overwrite: bool) -> Result<(), String> {
        match self {
            Self::File(path) if path.is_dir() => Err(format!("\"{}\" is a folder", path.display())),
            Self::File(path) if path.exists() && !overwrite => {
                Err(format!("\"{}\" is there already", path.display()))
            }
            Self::File(path) => match path.parent() {
                Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => {
                    Err(format!("there is no folder \"{}\"", folder.display()))
                }
                _ => Ok(()),
            },
            Self::Output => Ok(()),
        }
    }

    fn write(&self, text: &str, overwrite: bool) -> anyhow::Result<()> {
        use std::os::unix::fs::OpenOptionsExt;

        let Self::File(path) = self else {
            return print::out(text);
        };
        // Readable by its owner alone until somebody has read it and shows it.
        let mut options = std::fs::OpenOptions::new();
        options.write(true).mode(0o600);
        if overwrite {
            options.create(true).truncate(true);
        } else {
            options.create_new(true);
        }
        let write = || options.open(path)?.write_all(text.as_bytes());
        write().with_context(|| format!("cannot write \"{}\"", path.display()))
    }
}

/// A device's name may hold what a file's name may not.
fn file_name(device: &str) -> String {
    let plain = |c: char| {
        if c.is_alphanumeric() || "-_.".contains(c) {
            c
        } else {
            '_'
        }
    };
    format!(
        "{}.json",
        device
            .chars()
            .map(plain)
            .collect::<String>()
            .trim_start_matches('.')
    )
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn a_devices_name_makes_a_files_name() {
        assert_eq!(file_name("core-1.ams"), "core-1.ams.json");
        assert_eq!(file_name("../etc/x y"), "_etc_x_y.json");
    }
}
