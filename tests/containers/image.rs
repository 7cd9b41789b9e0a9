//! The image: a static program, linked if it is not there, and the few files that the Dockerfile copies.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::{
    engine::Engine,
    lab::{self, quoted},
};

/// The folder of this test.
pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/containers")
}

/// Links the static program of what is compiled already, where it is not there or older than its sources.
///
/// No library is in the image, and a program without symbols is a fifth of one with them.
fn program() -> PathBuf {
    let beside = Path::new(env!("CARGO_BIN_EXE_netwolf"));
    let profile = beside.parent().expect("target/PROFILE/netwolf");
    let target = profile.parent().expect("target/PROFILE");
    lab::say("containers: the static program is linked");
    let output = Command::new(env!("CARGO"))
        .args(["rustc", "--quiet", "--locked", "--package", "netwolf-cli"])
        .args(["--example", "netwolf-static", "--features", "static"])
        .arg("--target-dir")
        .arg(target)
        .args("-- -C target-feature=+crt-static -C strip=symbols".split(' '))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "the static program: {said}");
    target.join("debug/examples/netwolf-static")
}

/// Builds the image `name`, marked with `label`.
pub(crate) fn build(engine: &Engine, name: &str, label: &Value) {
    let program = program();
    let staged = lab::folder();
    let files = staged.path().join("tests/containers");
    fs::create_dir_all(&files).unwrap();
    fs::copy(program, staged.path().join("netwolf")).unwrap();
    for file in ["Dockerfile", "netwolf.yml", "collectors"] {
        let copied = Command::new("cp")
            .arg("-r")
            .arg(folder().join(file))
            .arg(&files)
            .status();
        assert!(copied.unwrap().success(), "{file}");
    }
    let path = format!(
        "/build?t={name}&dockerfile=tests%2Fcontainers%2FDockerfile&rm=1&forcerm=1&labels={}&buildargs={}",
        quoted(&label.to_string()),
        quoted(&json!({ "PROGRAM": "netwolf" }).to_string()),
    );
    let said = engine.archive("POST", &path, &tar(staged.path()));
    assert!(said.contains("Successfully tagged"), "{said}");
}

/// An archive of what is in `folder`.
pub(crate) fn tar(folder: &Path) -> Vec<u8> {
    let output = Command::new("tar")
        .arg("-C")
        .arg(folder)
        .args(["-c", "."])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "tar: {said}");
    output.stdout
}
