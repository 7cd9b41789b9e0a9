//! The walk of `docs/collectors-in-five-minutes.md`, typed as it stands there: what is pasted is what is printed.

use std::{fs, path::Path, process::Command, sync::Arc};

use netwolf_simulator::{FleetConfig, Transcript};

use crate::lab::{self, Devices, PASSWORD};

fn docs(file: &str) -> String {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    fs::read_to_string(docs.join(file)).unwrap()
}

/// The page's device, and a folder with its files in which its commands are typed.
struct Walk {
    page: String,
    folder: tempfile::TempDir,
    devices: Devices,
}

impl Walk {
    fn begin() -> Self {
        let mut config = FleetConfig::new(1, "netwolf", PASSWORD);
        let transcript = Transcript::parse(&docs("five-minutes/core-1.json")).unwrap();
        config.transcript = Some(Arc::new(transcript));
        let walk = Self {
            page: docs("collectors-in-five-minutes.md"),
            folder: lab::folder(),
            devices: Devices::of(config),
        };
        fs::create_dir(walk.folder.path().join("collectors")).unwrap();
        walk.write("netwolf.yml", &walk.yaml(0));
        walk
    }

    /// The page's YAML, by its place.
    fn yaml(&self, index: usize) -> String {
        let block = self.page.split("```yaml\n").nth(index + 1).unwrap();
        let (yaml, _) = block.split_once("```").unwrap();
        let port = self.devices.fleet().first_address().unwrap().port();
        yaml.replace("port: 2200", &format!("port: {port}"))
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.folder.path().join(file), text).unwrap();
    }

    /// Runs `netwolf` to its end: exit code, standard output, standard error.
    fn netwolf(&self, args: &[&str]) -> (i32, String, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_netwolf"))
            .args(args)
            .current_dir(self.folder.path())
            .env("LAB_PASSWORD", PASSWORD)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().expect("an exit code");
        (code, text(output.stdout), text(output.stderr))
    }

    /// That the page has `text` as the whole of what stands behind `before`.
    #[track_caller]
    fn shows(&self, before: &str, text: &str) {
        let expected = format!("{before}\n{text}```\n");
        assert!(
            self.page.contains(&expected),
            "not on the page:\n{expected}"
        );
    }
}

#[test]
fn the_page_shows_what_is_printed() {
    let walk = Walk::begin();
    assert!(
        walk.page.contains(walk.devices.fleet().host_key()),
        "the page pins the key of a simulator that is started as it says"
    );

    let ask = ["try", "core-1", "--command", "show ip dhcp pool"];
    let (code, output, said) = walk.netwolf(&ask);
    assert_eq!(code, 0, "{said}");
    walk.shows("```text", &output);
    walk.write("dhcp.txt", &output);

    let (_, rest) = walk.page.split_once("--regex '").unwrap();
    let (regex, _) = rest.split_once('\'').unwrap();
    let (code, out, said) = walk.netwolf(&[&ask[..], &["--regex", regex]].concat());
    assert_eq!(code, 0, "{said}");
    let records = out.split_once("--- rule ").unwrap().1;
    walk.shows("```text", &format!("--- rule {records}"));

    let collector = walk.yaml(1);
    walk.write("collectors/dhcp.yml", &collector);
    let parse = ["parse", "--collector", "dhcp", "dhcp.txt"];
    let typed = "$ netwolf parse --collector dhcp dhcp.txt";
    let (code, out, said) = walk.netwolf(&parse);
    assert_eq!((code, said.as_str()), (0, ""));
    walk.shows(typed, &out);

    walk.write(
        "collectors/dhcp.yml",
        &collector.replace("Leased addresses +: ", "Leased +: "),
    );
    let (code, _, said) = walk.netwolf(&parse);
    assert_eq!(code, 1);
    walk.shows(typed, &said);

    let check = ["check", "netwolf.yml"];
    walk.write(
        "collectors/dhcp.yml",
        &collector.replace("value: leased", "value: lease"),
    );
    let (code, _, said) = walk.netwolf(&check);
    assert_eq!(code, 2);
    walk.shows("$ netwolf check netwolf.yml", &said);

    walk.write("collectors/dhcp.yml", &collector);
    let before = walk.yaml(0);
    let (settings, _) = before.split_once("  - {").unwrap();
    walk.write("netwolf.yml", &format!("{settings}{}", walk.yaml(2)));
    let (code, out, said) = walk.netwolf(&check);
    assert_eq!((code, said.as_str()), (0, ""));
    walk.shows("$ netwolf check netwolf.yml", &out);

    let (code, out, said) = walk.netwolf(&["try", "core-1", "--collector", "dhcp"]);
    assert_eq!(code, 0, "{said}");
    let (_, samples) = out.split_once("--- samples\n").unwrap();
    let is_sample = |line: &&str| !line.starts_with('#');
    let samples: String = samples.split_inclusive('\n').filter(is_sample).collect();
    walk.shows(
        "$ curl -s http://127.0.0.1:9799/metrics | grep ^acme_dhcp",
        &samples,
    );
}
