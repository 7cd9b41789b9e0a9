//! The OpenAPI document against a manager that runs: schemathesis makes requests of it, good and bad ones, and holds
//! each answer to what the document says.
//!
//! It is given a copy of the document in which parameters have the names of what is there, since by itself it guesses
//! no device; what it makes up beside them stays as strange as it is.

use std::{fs, process::Command};

use serde_json::{Value, json};

use crate::lab::{self, Devices, Manager, configuration, eventually, netwolf, wait_until_up};

/// Requests for each operation beside those that the document's own bounds and examples make: what a change
/// breaks is found by few.
const EXAMPLES: &str = "20";

/// The same requests each time.
const SEED: &str = "20260101";

const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";

/// Writes down what stands for what, so that requests meet something.
fn name_what_is_there(document: &mut Value, names: &[(&str, Value)]) {
    let mut put = |parameter: &mut Value| {
        let name = parameter["name"].as_str().unwrap_or_default().to_owned();
        let place = parameter["in"].as_str().unwrap_or_default();
        let about = parameter["description"].as_str().unwrap_or_default();
        let key = match (name.as_str(), place) {
            ("name", "path") if about.starts_with("The agent") => "agent",
            ("name" | "device", "path") if about.starts_with("The device") => "device",
            ("id", "path") => "run",
            ("target", "query") if about.starts_with("A device") => "device",
            ("command", "query") => "command",
            _ => return,
        };
        let (_, value) = names.iter().find(|(known, _)| *known == key).unwrap();
        parameter["examples"] = json!({ "there": { "value": value } });
    };
    let shared = document["components"]["parameters"]
        .as_object_mut()
        .unwrap();
    shared.values_mut().for_each(&mut put);
    let paths = document["paths"].as_object_mut().unwrap().values_mut();
    for operation in paths.flat_map(|path| path.as_object_mut().unwrap().values_mut()) {
        if let Some(Value::Array(parameters)) = operation.get_mut("parameters") {
            parameters.iter_mut().for_each(&mut put);
        }
    }
}

#[test]
fn a_running_manager_answers_as_its_document_says() {
    let how = "pip install schemathesis, in the version that .ci/run names";
    let Some(schemathesis) = lab::have_by("schemathesis", how) else {
        return;
    };
    let folder = lab::folder();
    let devices = Devices::start(3);
    let config = configuration(folder.path(), &devices.inventory());
    let manager = Manager::start(&config, folder.path());
    let _agent = manager.agent("a1", 1, folder.path());
    // This one may be drained.
    let _other = manager.agent("a2", 1, folder.path());
    wait_until_up(&manager.web, 3.0);
    let commands = manager.json("/api/v1/devices/sim-0001/output").unwrap();
    let command = commands["outputs"][0]["command"].clone();

    // A run with transcripts to be shown.
    let url = format!("http://{}", manager.web);
    let run = [
        "run",
        "--where",
        "name=*",
        "--detach",
        "--manager.url",
        &url,
        command.as_str().unwrap(),
    ];
    let (code, out, err) = netwolf(&run);
    assert_eq!((code, out.as_str()), (0, "1\n"), "{err}");
    eventually(lab::PATIENCE, "the end of the run", || {
        let run = manager.json("/api/v1/runs/1")?;
        if run["state"] == "succeeded" {
            Ok(())
        } else {
            Err(run.to_string())
        }
    });

    let mut document = manager.json("/api/v1/openapi.json").unwrap();
    let names = [
        ("agent", json!("a2")),
        ("device", json!("sim-0001")),
        ("run", json!(1)),
        ("command", command),
    ];
    name_what_is_there(&mut document, &names);
    let file = folder.path().join("openapi.json");
    fs::write(&file, document.to_string()).unwrap();
    let output = Command::new(schemathesis)
        .current_dir(folder.path())
        .arg("run")
        .arg(file)
        .args(["--url", &url, "--checks", CHECKS])
        .args(["--seed", SEED, "--max-examples", EXAMPLES])
        .args([
            "--phases",
            "examples,coverage,fuzzing",
            "--generation-database",
            "none",
        ])
        .args([
            "--request-timeout",
            "20",
            "--continue-on-failure",
            "--warnings",
            "off",
            "--no-color",
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let grumbled = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{grumbled}");
    // A run that tested nothing would be fine, too.
    let paths = document["paths"].as_object().unwrap().values();
    let n_operations: usize = paths.map(|path| path.as_object().unwrap().len()).sum();
    let tested = format!("Tested: {n_operations}\n");
    assert!(said.contains(&tested), "{tested}: {said}");
}
