//! The table of limits names what is there: each constant and each test of it.

use std::{fs, path::Path};

/// The Rust files below `folder`, as one text.
fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("it can be listed").path();
        let is_built = path.ends_with("target");
        if path.is_dir() && !is_built {
            sources(&path, text);
        } else if path.extension().is_some_and(|end| end == "rs") {
            text.push_str(&fs::read_to_string(&path).expect("Rust is text"));
        }
    }
}

/// The words between backticks.
fn named(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

#[test]
fn every_limit_has_its_constant_and_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    let mut text = String::new();
    for folder in [
        "netwolf-wire",
        "netwolf-secret",
        "netwolf-ssh",
        "netwolf-web",
        "netwolf-filter",
        "netwolf-agent",
        "netwolf-manager",
        "netwolf-runs",
        "tests/e2e",
    ] {
        sources(&root.join(folder), &mut text);
    }
    let page = fs::read_to_string(root.join("docs/security-limits.md")).unwrap();
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| What"));
    let mut n_rows = 0;
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").collect();
        let [_what, _bound, _past, constants, tests] = cells[..] else {
            panic!("{row}");
        };
        let (constants, tests) = (named(constants), named(tests));
        assert!(!constants.is_empty() && !tests.is_empty(), "{row}");
        for constant in constants {
            assert!(
                text.contains(&format!("const {constant}: ")),
                "{constant} is no constant"
            );
        }
        for test in tests {
            assert!(text.contains(&format!("fn {test}(")), "{test} is no test");
        }
        n_rows += 1;
    }
    assert!(n_rows > 20, "{n_rows} rows");
}
