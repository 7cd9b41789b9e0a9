//! Which of a metric's states a text stands for.

use netwolf_wire::rule::Metric;

use super::{Absent, Reading};

/// How the state of one metric is read.
#[derive(Debug)]
pub(crate) struct StateReader {
    /// Texts with the places of their states. So few that they are compared one by one.
    texts: Vec<(String, usize)>,
    absent: Absent,
}

impl StateReader {
    /// Makes the reader of `metric`, whose aliases stand for states that it has.
    pub(crate) fn of(metric: &Metric) -> Self {
        let place_of = |state: &String| metric.states.iter().position(|known| known == state);
        let aliases = metric
            .aliases
            .iter()
            .filter_map(|(text, state)| Some((text.trim().to_owned(), place_of(state)?)));
        let states = metric.states.iter().cloned().zip(0..);
        Self {
            texts: aliases.chain(states).collect(),
            absent: Absent(metric.absent.clone()),
        }
    }

    /// The place of the state that `text` stands for.
    pub(crate) fn read(&self, text: &str) -> Reading<usize> {
        let text = text.trim();
        let mut texts = self.texts.iter();
        match texts.find(|(known, _)| known.eq_ignore_ascii_case(text)) {
            Some((_, place)) => Reading::Value(*place),
            None if self.absent.has(text) => Reading::Absent,
            None => Reading::Unreadable,
        }
    }
}

#[cfg(test)]
mod tests {
    use netwolf_wire::series::Kind;

    use super::*;

    #[test]
    fn a_state_is_known_by_its_name_or_an_alias() {
        let reader = StateReader::of(&Metric {
            states: ["idle", "established"].map(str::to_owned).into(),
            aliases: [("Idle (Admin)", "idle"), ("6", "established")]
                .map(|(text, state)| (text.to_owned(), state.to_owned()))
                .into(),
            absent: vec!["-".into()],
            ..Metric::new("m", Kind::StateSet, "M.")
        });
        for (text, expected) in [
            ("idle", Reading::Value(0)),
            (" Established ", Reading::Value(1)),
            ("IDLE (ADMIN)", Reading::Value(0)),
            ("6", Reading::Value(1)),
            ("-", Reading::Absent),
            ("", Reading::Unreadable),
            ("active", Reading::Unreadable),
        ] {
            assert_eq!(reader.read(text), expected, "{text:?}");
        }
    }
}
