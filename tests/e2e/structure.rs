//! The direction of dependencies, proved: what is pure pulls in no runtime, and SSH stays in its rooms.

use std::process::Command;

/// Every crate that `package` pulls in for its own use.
fn dependencies(package: &str) -> String {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--package",
            package,
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn free_of(package: &str, banned: &[&str]) {
    let tree = dependencies(package);
    for name in banned {
        let found = tree
            .lines()
            .find(|line| line.split(' ').next() == Some(name));
        assert_eq!(found, None, "{package} pulls in {name}");
    }
}

#[test]
fn the_vocabulary_and_the_filters_pull_in_no_runtime() {
    for package in ["netwolf-wire", "netwolf-exposition"] {
        free_of(package, &["tokio", "russh", "hyper"]);
    }
    free_of(
        "netwolf-filter",
        &["tokio", "tokio-util", "mio", "russh", "hyper", "zstd"],
    );
}

#[test]
fn the_two_programs_never_import_each_other_and_the_manager_knows_no_ssh() {
    free_of(
        "netwolf-manager",
        &["netwolf-agent", "netwolf-cli", "netwolf-simulator", "russh"],
    );
    free_of(
        "netwolf-agent",
        &[
            "netwolf-manager",
            "netwolf-cli",
            "netwolf-simulator",
            "axum",
        ],
    );
    free_of("netwolf-web", &["netwolf-wire", "axum", "russh"]);
    free_of(
        "netwolf-simulator",
        &["netwolf-wire", "netwolf-agent", "netwolf-manager"],
    );
}

#[test]
fn there_is_one_crypto_library() {
    free_of("netwolf-cli", &["ring", "openssl", "openssl-sys"]);
}
