//! What each bundled platform takes for a prompt, for a line above it, for a question and for a refusal: a
//! table of what its devices show, and the corpus's real outputs, in which nothing of the kind may be seen.

mod outputs;
mod table;

use netwolf_wire::platform::Platform;
use regex::{Regex, RegexSet};

use crate::platforms::platforms;

/// A platform's expressions as an agent compiles them.
pub(crate) struct Manners {
    prompts: Vec<(String, Regex)>,
    above: Option<Regex>,
    questions: RegexSet,
    failures: Regex,
    pagers: Vec<String>,
    enable: Option<Regex>,
}

impl Manners {
    fn of(platform: &Platform) -> Self {
        let regex = |pattern: String| Regex::new(&pattern).unwrap();
        let questions = platform
            .questions
            .iter()
            .map(|question| format!("(?:{})$", question.ask));
        let failures = if platform.failures.is_empty() {
            // Fits nothing.
            r"\z\A.".to_owned()
        } else {
            format!("(?m){}", platform.failures.join("|"))
        };
        Self {
            prompts: platform
                .prompts
                .iter()
                .map(|(mode, prompt)| (mode.clone(), regex(format!("^(?:{prompt})$"))))
                .collect(),
            above: platform
                .above
                .as_ref()
                .map(|above| regex(format!("^(?:{above})$"))),
            questions: RegexSet::new(questions).unwrap(),
            failures: regex(failures),
            pagers: platform
                .pagers
                .iter()
                .map(|pager| pager.mark.trim().to_owned())
                .collect(),
            enable: platform
                .enable
                .as_ref()
                .map(|enable| regex(format!("(?:{})$", enable.password_prompt))),
        }
    }

    /// The modes whose prompt `line` is. An agent cuts the spaces off its end first.
    fn modes(&self, line: &str) -> Vec<&str> {
        let line = line.trim_end();
        let fits = self
            .prompts
            .iter()
            .filter(|(_, prompt)| prompt.is_match(line));
        fits.map(|(mode, _)| mode.as_str()).collect()
    }
}

/// All bundled platforms by name.
fn all() -> Vec<(String, Platform, Manners)> {
    let platforms = platforms().into_iter();
    platforms
        .map(|platform| {
            let manners = Manners::of(&platform);
            (platform.name.clone(), platform, manners)
        })
        .collect()
}
