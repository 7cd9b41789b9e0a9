use serde_json::json;

use super::{heatmap, state_timeline, *};

fn line(points: &[(f64, f64)]) -> Line {
    Line {
        name: "core-1".into(),
        points: points.to_vec(),
        look: Look::default(),
    }
}

#[test]
fn a_heatmap_counts_what_is_in_each_bucket() {
    let lines = [
        line(&[(0.0, 0.05), (5.0, 0.15), (10.0, 0.31)]),
        line(&[(0.0, 0.07), (5.0, f64::NAN), (10.0, 0.3)]),
    ];
    let rows = heatmap::counted(&lines, 10.0, Some(0.1), &|value| format!("{value:.1}"));
    let told: Vec<_> = rows
        .iter()
        .map(|row| (row.name.as_str(), row.cells.as_slice()))
        .collect();
    let expected: [(&str, &[(f64, f64)]); 4] = [
        ("0.0", &[(0.0, 2.0)]),
        ("0.1", &[(0.0, 1.0)]),
        ("0.2", &[(10.0, 1.0)]),
        ("0.3", &[(10.0, 1.0)]),
    ];
    assert_eq!(told, expected, "0.3 / 0.1 is a hair below 3");
}

#[test]
fn a_heatmap_of_nothing_or_of_one_value_is_no_trouble() {
    assert_eq!(
        heatmap::counted(&[line(&[])], 5.0, None, &|_| String::new()),
        []
    );
    let flat = heatmap::counted(&[line(&[(0.0, 7.0)])], 5.0, Some(1.0), &|_| String::new());
    assert_eq!(flat.len(), 1);
}

#[test]
fn what_is_shown_as_the_same_is_one_stretch_until_there_is_a_gap() {
    let mut line = line(&[(0.0, 1.0), (5.0, 1.0), (10.0, 0.0), (30.0, 0.0)]);
    line.look.mappings = serde_json::from_value(json!([{ "type": "value", "options": {
        "0": { "text": "down", "color": "red" }, "1": { "text": "up", "color": "green" } } }]))
    .unwrap();
    let stretches = state_timeline::stretches(&line, 5.0, 0.0);
    let told: Vec<_> = stretches
        .iter()
        .map(|stretch| (stretch.from, stretch.to, stretch.text.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (0.0, 10.0, "up"),
            (10.0, 15.0, "down"),
            (30.0, 35.0, "down")
        ]
    );
    assert_eq!(stretches[0].colour.as_deref(), Some("#73bf69"));
}
