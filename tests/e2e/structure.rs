//! The direction of dependencies, proved: what is pure pulls in no runtime, and SSH stays in its rooms.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

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
fn the_vocabulary_the_filters_and_the_ssh_machine_pull_in_no_runtime() {
    for package in [
        "netwolf-wire",
        "netwolf-exposition",
        "netwolf-runs",
        "netwolf-ssh",
    ] {
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
        &[
            "netwolf-agent",
            "netwolf-cli",
            "netwolf-simulator",
            "netwolf-ssh",
            "russh",
        ],
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
    free_of("netwolf-secret", &["russh", "hyper"]);
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

/// Every manifest in `folder` and below that is our own.
fn manifests(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name());
        if name == "Cargo.toml" {
            found.push(path);
        } else if entry.file_type().unwrap().is_dir()
            // What cargo built, and what is no part of the sources.
            && !path.join("CACHEDIR.TAG").exists()
            && !name.to_string_lossy().starts_with('.')
        {
            manifests(&path, found);
        }
    }
}

#[test]
fn no_crate_has_unsafe_code() {
    const FORBIDS: &str = "\nunsafe_code = \"forbid\"\n";
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let workspace = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let (_, lints) = workspace.split_once("[workspace.lints.rust]").unwrap();
    assert!(lints.split("\n[").next().unwrap().contains(FORBIDS));

    let mut found = Vec::new();
    manifests(&root, &mut found);
    assert!(found.len() > 9, "{found:?}");
    for path in found {
        let manifest = fs::read_to_string(&path).unwrap();
        let forbids = manifest
            .split("\n[")
            .any(|table| match table.split_once("]\n") {
                Some(("lints", keys)) => keys.starts_with("workspace = true\n"),
                Some(("lints.rust" | "workspace.lints.rust", keys)) => {
                    format!("\n{keys}\n").contains(FORBIDS)
                }
                _ => false,
            });
        assert!(forbids, "{} lets unsafe code in", path.display());
    }
}
