//! What came of trying, as people and programs read it.

use netwolf_agent::visit::{Answer, Steps};
use netwolf_wire::status::Failure;
use serde::Serialize;

use crate::{
    inventory::Device,
    outcome::{self, Outcome},
    print,
};

/// What a command brought.
#[derive(Debug)]
pub(super) struct Tried<'r> {
    /// As it was typed.
    pub(super) command: &'r str,
    /// Or why it brought nothing.
    pub(super) answered: Result<Answered<'r>, Failure>,
    /// No other command can be run.
    pub(super) session_is_over: bool,
}

/// An output, and what rules made of it.
#[derive(Debug)]
pub(super) struct Answered<'r> {
    output: String,
    pub(super) is_cut: bool,
    took: std::time::Duration,
    /// None where only the output is wanted.
    pub(super) outcome: Option<Outcome<'r>>,
    /// The rules are to make samples, and not only records.
    wants_samples: bool,
}

impl<'r> Answered<'r> {
    pub(super) fn new(answer: Answer, outcome: Option<Outcome<'r>>, wants_samples: bool) -> Self {
        let Answer {
            output,
            is_cut,
            took,
        } = answer;
        Self {
            output,
            is_cut,
            took,
            outcome,
            wants_samples,
        }
    }

    /// How much it was, and how long it took.
    pub(super) fn in_words(&self) -> String {
        let lines = print::count(self.output.lines().count(), "line");
        let answered = format!("{lines} in {}", print::took(self.took));
        let Some(outcome) = &self.outcome else {
            return answered;
        };
        let records = print::count(outcome.records(), "record");
        let parsed = format!(
            "{answered}, parsed in {}: {records}",
            print::took(outcome.took)
        );
        if self.wants_samples {
            format!("{parsed}, {}", print::count(outcome.samples(), "sample"))
        } else {
            parsed
        }
    }

    /// Whether there are rules, and they made nothing of it.
    pub(super) fn found_nothing(&self) -> bool {
        match &self.outcome {
            Some(outcome) if self.wants_samples => outcome.samples() == 0,
            Some(outcome) => outcome.records() == 0,
            None => false,
        }
    }
}

/// How long the steps of a login took.
pub(super) fn steps(steps: Steps) -> String {
    format!(
        "connect {}, key exchange {}, login {}, prompt {}",
        print::took(steps.connect),
        print::took(steps.key_exchange),
        print::took(steps.login),
        print::took(steps.prompt),
    )
}

/// `1 command was`, `2 commands were`.
pub(super) fn were(commands: usize) -> String {
    let were = if commands == 1 { "was" } else { "were" };
    format!("{} {were}", print::count(commands, "command"))
}

/// The output; where there are rules, with headings, records and samples.
pub(super) fn for_people(tried: &Tried<'_>, device: &str) -> String {
    let Ok(answered) = &tried.answered else {
        return String::new();
    };
    let output = &answered.output;
    let Some(outcome) = &answered.outcome else {
        return output.clone();
    };
    let command = tried.command;
    let end = if output.is_empty() || output.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    let mut page = format!(
        "--- output of \"{command}\"\n{output}{end}{}",
        outcome.tables()
    );
    if outcome.samples() > 0 {
        page += "--- samples\n";
        page += &outcome.exposition(Some(device));
    }
    page
}

/// All that came, for programs.
pub(super) struct Page<'r> {
    device: &'r Device,
    steps: Steps,
    tried: Vec<Tried<'r>>,
}

#[derive(Serialize)]
struct JsonPage<'p> {
    device: &'p str,
    address: &'p str,
    port: u16,
    platform: &'p str,
    login: JsonSteps,
    commands: Vec<JsonTried<'p>>,
}

#[derive(Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "JSON keys say their unit, as metrics do"
)]
struct JsonSteps {
    connect_seconds: f64,
    key_exchange_seconds: f64,
    login_seconds: f64,
    prompt_seconds: f64,
}

#[derive(Serialize)]
struct JsonTried<'p> {
    command: &'p str,
    #[serde(flatten)]
    result: JsonResult<'p>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum JsonResult<'p> {
    Failure(&'p Failure),
    #[serde(untagged)]
    Answered {
        output: &'p str,
        cut: bool,
        command_seconds: f64,
        #[serde(flatten)]
        parsed: Option<JsonParsed<'p>>,
    },
}

#[derive(Serialize)]
struct JsonParsed<'p> {
    parse_seconds: f64,
    #[serde(flatten)]
    outcome: outcome::Json<'p>,
}

impl<'r> Page<'r> {
    pub(super) const fn new(device: &'r Device, steps: Steps) -> Self {
        Self {
            device,
            steps,
            tried: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, tried: Tried<'r>) {
        self.tried.push(tried);
    }

    /// How many commands were run.
    pub(super) fn commands(&self) -> usize {
        self.tried.len()
    }

    /// Whether every command was answered, and the rules of each found something.
    pub(super) fn is_good(&self) -> bool {
        self.tried.iter().all(|tried| {
            let answered = tried.answered.as_ref();
            answered.is_ok_and(|answered| !answered.found_nothing())
        })
    }

    pub(super) fn json(&self) -> serde_json::Result<String> {
        let Device { name, target, plan } = self.device;
        let page = JsonPage {
            device: name.as_str(),
            address: &target.address,
            port: target.port,
            platform: &plan.platform.name,
            login: JsonSteps {
                connect_seconds: self.steps.connect.as_secs_f64(),
                key_exchange_seconds: self.steps.key_exchange.as_secs_f64(),
                login_seconds: self.steps.login.as_secs_f64(),
                prompt_seconds: self.steps.prompt.as_secs_f64(),
            },
            commands: self.tried.iter().map(json).collect(),
        };
        Ok(serde_json::to_string_pretty(&page)? + "\n")
    }
}

fn json<'p>(tried: &'p Tried<'_>) -> JsonTried<'p> {
    JsonTried {
        command: tried.command,
        result: match &tried.answered {
            Ok(answered) => JsonResult::Answered {
                output: &answered.output,
                cut: answered.is_cut,
                command_seconds: answered.took.as_secs_f64(),
                parsed: answered.outcome.as_ref().map(|outcome| JsonParsed {
                    parse_seconds: outcome.took.as_secs_f64(),
                    outcome: outcome.json(),
                }),
            },
            Err(failure) => JsonResult::Failure(failure),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use netwolf_wire::{rule::Rule, status::Reason};

    use super::*;
    use crate::outcome::Rules;

    const RULE: &str = r#"{
        "name": "load",
        "regex": { "patterns": ["load (?P<load>\\S+)"], "match": "every" },
        "metrics": [{ "name": "load", "kind": "gauge", "help": "Load.", "value": "load" }]
    }"#;

    fn rules(metrics: bool) -> Rules {
        let mut rule: Rule = serde_json::from_str(RULE).unwrap();
        if !metrics {
            rule.metrics.clear();
        }
        Rules::compile(&[rule]).unwrap()
    }

    fn answered<'r>(output: &str, rules: Option<&'r Rules>) -> Answered<'r> {
        let answer = Answer {
            output: output.into(),
            is_cut: false,
            took: Duration::from_millis(12),
        };
        let mut outcome = rules.map(|rules| rules.read(output));
        if let Some(outcome) = &mut outcome {
            outcome.took = Duration::from_micros(40);
        }
        Answered::new(answer, outcome, rules.is_some_and(Rules::have_metrics))
    }

    fn tried(answered: Result<Answered<'_>, Failure>) -> Tried<'_> {
        Tried {
            command: "show load",
            answered,
            session_is_over: false,
        }
    }

    #[test]
    fn without_rules_there_is_the_output_and_nothing_else() {
        let answered = answered("load 1\u{1b}[2J\n", None);
        assert_eq!(answered.in_words(), "1 line in 12 ms");
        assert!(!answered.found_nothing());
        assert_eq!(for_people(&tried(Ok(answered)), "r1"), "load 1\u{1b}[2J\n");
    }

    #[test]
    fn rules_show_records_and_samples() {
        let rules = rules(true);
        let answered = answered("load 1\nload x", Some(&rules));
        assert_eq!(
            answered.in_words(),
            "2 lines in 12 ms, parsed in 0.0 ms: 2 records, 1 sample"
        );
        assert_eq!(
            for_people(&tried(Ok(answered)), "r1"),
            "\
--- output of \"show load\"
load 1
load x
--- rule \"load\": 2 records
load
1
x
--- samples
# HELP load Load.
# TYPE load gauge
load{device=\"r1\"} 1
"
        );
    }

    #[test]
    fn rules_without_metrics_show_records_alone() {
        let rules = rules(false);
        let some = answered("load 1\n", Some(&rules));
        assert_eq!(
            some.in_words(),
            "1 line in 12 ms, parsed in 0.0 ms: 1 record"
        );
        assert!(!some.found_nothing());
        assert!(answered("idle\n", Some(&rules)).found_nothing());
    }

    #[test]
    fn programs_get_the_output_or_the_failure() {
        let rules = rules(true);
        let good = tried(Ok(answered("load 1\n", Some(&rules))));
        let good = serde_json::to_value(json(&good)).unwrap();
        assert_eq!(good["output"], "load 1\n");
        assert_eq!(good["command_seconds"], 0.012);
        assert_eq!(good["samples"][0]["value"], 1.0);
        let plain = tried(Ok(answered("load 1\n", None)));
        let plain = serde_json::to_value(json(&plain)).unwrap();
        assert!(plain.get("samples").is_none() && plain.get("parse_seconds").is_none());
        let bad = tried(Err(Failure {
            reason: Reason::CommandRejected,
            message: "no".into(),
            hint: None,
        }));
        let bad = serde_json::to_value(json(&bad)).unwrap();
        assert_eq!(bad["failure"]["reason"], "command_rejected");
        assert!(bad.get("output").is_none());
    }
}
