//! The crate stays pure: nothing in its tree of dependencies has a runtime or does IO over a network.

use std::process::Command;

#[test]
fn the_crate_pulls_in_no_runtime() {
    let tree = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--package",
            "netwolf-filter",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs the tests, so it is there");
    assert!(
        tree.status.success(),
        "{}",
        String::from_utf8_lossy(&tree.stderr)
    );
    let tree = String::from_utf8(tree.stdout).expect("crate names are text");
    let crates: Vec<_> = tree
        .lines()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert!(
        crates.contains(&"netwolf-wire") && crates.contains(&"regex"),
        "{tree}"
    );
    for barred in [
        "tokio",
        "tokio-util",
        "mio",
        "russh",
        "hyper",
        "axum",
        "socket2",
        "zstd",
    ] {
        assert!(
            !crates.contains(&barred),
            "{barred} is in the tree:\n{tree}"
        );
    }
}
