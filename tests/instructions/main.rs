//! How many instructions the hot places take, counted by callgrind and held against `limits.json`.
//!
//! ```console
//! cargo bench --bench instructions               # counts, and fails where one is 10 % over its limit
//! cargo bench --bench instructions -- --bless    # writes what was counted down as the limits
//! ```
//!
//! Counts do not depend on what else the machine does, so that a tenth more is a change of the code and not of
//! the weather. Each scenario runs a few times and many times under callgrind; the difference of the two, by its
//! number of runs, is one run without start and set-up.

use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context, bail};

mod scenarios;

/// How often a scenario runs at the least: what is made at the first runs is made then.
const FEW: u32 = 5;
/// What a count may be over its limit.
const TOLERANCE: f64 = 1.10;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args()
        .skip(1)
        .filter(|text| text != "--bench")
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["run", scenario, times] => scenarios::run(scenario, times.parse().unwrap_or(1)),
        [] => check(false),
        ["--bless"] => check(true),
        _ => Err(anyhow::anyhow!(
            "usage: cargo bench --bench instructions [-- --bless]"
        )),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn limits() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("limits.json")
}

#[expect(clippy::print_stdout, reason = "a table for people")]
fn check(bless: bool) -> anyhow::Result<()> {
    let path = limits();
    let known: BTreeMap<String, u64> = match std::fs::read_to_string(&path) {
        Ok(text) => serde_json::from_str(&text).context("the limits cannot be read")?,
        Err(_) if bless => BTreeMap::new(),
        Err(error) => return Err(error).context("there are no limits; `--bless` writes them"),
    };
    let mut counted = BTreeMap::new();
    let mut over = Vec::new();
    println!(
        "{:<12} {:>14} {:>14} {:>7}",
        "SCENARIO", "INSTRUCTIONS", "LIMIT", "RATIO"
    );
    for (scenario, times) in scenarios::ALL {
        let (few, many) = (count(scenario, FEW)?, count(scenario, FEW + times)?);
        let one = many.saturating_sub(few) / u64::from(*times);
        let limit = known.get(*scenario).copied().unwrap_or(0);
        #[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
        let ratio = one as f64 / limit as f64;
        println!("{scenario:<12} {one:>14} {limit:>14} {ratio:>7.2}");
        if ratio > TOLERANCE {
            over.push(*scenario);
        }
        counted.insert((*scenario).to_owned(), one);
    }
    if bless {
        let text = serde_json::to_string_pretty(&counted)?;
        return std::fs::write(&path, text + "\n").context("the limits cannot be written");
    }
    if !over.is_empty() {
        bail!("more than a tenth over the limit: {}", over.join(", "));
    }
    Ok(())
}

/// Instructions of a whole process that runs a scenario so often.
fn count(scenario: &str, times: u32) -> anyhow::Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args(["run", scenario, &times.to_string()])
        .output()
        .context("valgrind cannot be run; Debian has it as `valgrind`")?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("{scenario} failed under callgrind:\n{said}");
    }
    let line = said
        .lines()
        .find_map(|line| line.split_once("Collected : "));
    let (_, number) = line.with_context(|| format!("callgrind counted nothing:\n{said}"))?;
    number
        .trim()
        .parse()
        .context("callgrind's count is no number")
}
