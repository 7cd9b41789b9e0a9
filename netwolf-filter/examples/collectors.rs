//! What a poll of each bundled collector costs in CPU, measured on the golden outputs.
//!
//! ```console
//! cargo run --release -p netwolf-filter --example collectors
//! cargo run --release -p netwolf-filter --example collectors -- junos bgp
//! ```
//!
//! A line for each golden output, the dearest first, and then the sums of each kind of source. Arguments pick the
//! files whose names hold all of them. An output is read as an agent does it: with the label sets of the output
//! before. It is read in rounds, and the fastest round counts, because what else runs on the machine only adds.

#![expect(clippy::print_stdout, reason = "the table is what it is for")]

#[expect(
    dead_code,
    clippy::unwrap_used,
    reason = "the tests read the same files and need more of them"
)]
#[path = "../tests/library/data.rs"]
mod data;
#[path = "../tests/library/yaml.rs"]
mod yaml;

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    fs,
    hint::black_box,
    time::{Duration, Instant},
};

use netwolf_filter::{Filter, Recollection};
use netwolf_wire::rule::{Rule, Source};

/// Rounds of one output.
const ROUNDS: u32 = 12;

/// How long a round lasts, at least.
const ROUND: Duration = Duration::from_millis(4);

/// What one golden output costs.
struct Cost {
    name: String,
    kinds: String,
    rules: usize,
    bytes: usize,
    samples: usize,
    seconds: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let wanted: Vec<String> = env::args().skip(1).collect();
    let mut costs = Vec::new();
    for (stem, collector) in data::collectors() {
        if !wanted.iter().all(|part| stem.contains(part.as_str())) {
            continue;
        }
        for (case, path) in data::files(&data::library().join("testdata").join(&stem), "txt") {
            let (number, _) = case.split_once('.').ok_or("a case is named N.CASE.txt")?;
            let rules = &collector.commands[number.parse::<usize>()? - 1].rules;
            let filter = Filter::compile(rules).map_err(|faults| format!("{stem}: {faults:?}"))?;
            let output = fs::read_to_string(path)?;
            let (seconds, samples) = measure(&filter, &output);
            costs.push(Cost {
                name: format!("{stem}/{case}"),
                kinds: kinds(rules),
                rules: rules.len(),
                bytes: output.len(),
                samples,
                seconds,
            });
        }
    }
    costs.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    println!(
        "{:44}  {:14} {:>5} {:>7} {:>7} {:>8} {:>7}",
        "output", "source", "rules", "bytes", "samples", "us/poll", "MB/s"
    );
    let mut sums: BTreeMap<&str, Vec<&Cost>> = BTreeMap::new();
    for cost in &costs {
        print(cost);
        sums.entry(&cost.kinds).or_default().push(cost);
    }
    println!();
    for (kinds, costs) in sums {
        print(&Cost {
            name: format!("{} outputs", costs.len()),
            kinds: kinds.to_owned(),
            rules: costs.iter().map(|cost| cost.rules).sum(),
            bytes: costs.iter().map(|cost| cost.bytes).sum(),
            samples: costs.iter().map(|cost| cost.samples).sum(),
            seconds: costs.iter().map(|cost| cost.seconds).sum(),
        });
    }
    Ok(())
}

/// Seconds of a poll, and its samples.
fn measure(filter: &Filter, output: &str) -> (f64, usize) {
    let mut recollection = Recollection::default();
    let samples = filter.apply_again(output, &mut recollection).samples.len();
    let mut polls = 1;
    let mut best = f64::INFINITY;
    let mut rounds = 0;
    while rounds < ROUNDS {
        let started = Instant::now();
        for _ in 0..polls {
            black_box(filter.apply_again(black_box(output), &mut recollection));
        }
        let took = started.elapsed();
        if took < ROUND {
            // That was too short to be told from the clock's own cost.
            polls *= 2;
            continue;
        }
        best = best.min(took.as_secs_f64() / f64::from(polls));
        rounds += 1;
    }
    (best, samples)
}

/// The kinds of the rules' sources, each once.
fn kinds(rules: &[Rule]) -> String {
    let kinds = rules.iter().filter_map(|rule| match rule.source().ok()? {
        Source::Regex(_) => Some("regex"),
        Source::TextFsm(_) => Some("textfsm"),
        Source::Jq(_) => Some("jq"),
        Source::Xml(_) => Some("xml"),
    });
    let mut kinds: Vec<_> = kinds.collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds.join("+")
}

#[expect(
    clippy::cast_precision_loss,
    reason = "outputs have fewer bytes than an f64 has whole numbers"
)]
fn print(cost: &Cost) {
    let Cost {
        name,
        kinds,
        rules,
        bytes,
        samples,
        seconds,
    } = cost;
    println!(
        "{name:44}  {kinds:14} {rules:5} {bytes:7} {samples:7} {:8.1} {:7.1}",
        seconds * 1e6,
        *bytes as f64 / seconds / 1e6
    );
}
