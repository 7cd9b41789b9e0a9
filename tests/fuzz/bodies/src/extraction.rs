//! A rule, as people write it, and what it makes of an output.

use std::collections::BTreeSet;

use netwolf_filter::{
    Extraction, Filter, Recollection,
    limits::{MAX_EXCERPT, MAX_LABEL_BYTES, MAX_PROBLEMS, MAX_SAMPLES},
};
use netwolf_wire::rule::Rule;

use crate::parts;

/// Compiles the rule in the first part, as JSON, and applies it to the second.
///
/// # Panics
/// When what is made of it is not sound.
pub fn run(data: &[u8]) {
    let [rule, output] = parts::texts(data);
    let Ok(rule) = serde_json::from_str::<Rule>(&rule) else {
        return;
    };
    match Filter::compile(&[rule]) {
        Ok(filter) => apply(&filter, &output),
        Err(errors) => {
            let told: Vec<_> = errors.iter().map(ToString::to_string).collect();
            assert!(!told.is_empty());
        }
    }
}

/// Applies `filter` to `output`, twice and as if it came a second time.
///
/// # Panics
/// When what is made of it is not sound, or not the same.
pub fn apply(filter: &Filter, output: &str) {
    let extraction = filter.apply(output);
    assert_is_sound(filter, &extraction);
    let mut recollection = Recollection::default();
    for _ in 0..2 {
        let again = filter.apply_again(output, &mut recollection);
        // Texts only then: they take longer than all the rest, and a NaN is not equal to itself.
        if again != extraction {
            assert_eq!(format!("{again:?}"), format!("{extraction:?}"));
        }
    }
}

fn assert_is_sound(filter: &Filter, extraction: &Extraction) {
    assert!(extraction.samples.len() <= MAX_SAMPLES);
    assert!(extraction.problems.len() <= MAX_PROBLEMS);
    for problem in &extraction.problems {
        assert!(problem.text.chars().count() <= MAX_EXCERPT, "{problem:?}");
        assert!(!problem.text.contains(char::is_control), "{problem:?}");
    }
    let mut series = BTreeSet::new();
    for sample in &extraction.samples {
        assert!(sample.family < filter.families().len());
        assert!(
            series.insert((sample.family, &sample.labels)),
            "{sample:?} comes twice"
        );
        assert!(
            sample.labels.is_sorted_by(|one, other| one.0 < other.0),
            "{sample:?}"
        );
        for (_, value) in &*sample.labels {
            assert!(
                !value.is_empty() && value.len() <= MAX_LABEL_BYTES,
                "{sample:?}"
            );
            assert!(!value.contains(char::is_control), "{sample:?}");
        }
    }
}
