//! What people get for what they write: every mistake under `testdata/bad` with its whole message, and good
//! files with what they come to.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use netwolf_wire::{SecretRef, Span, legacy::Legacy, target::HostKey};
use proptest::prelude::*;

use super::*;
use crate::{inventory::Device, remote_write::Authorization};

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("testdata")
        .join(name)
}

/// A message without the path of the test's machine.
fn relative(message: &str, directory: &Path) -> String {
    message.replace(&format!("{}/", directory.display()), "")
}

fn good(name: &str) -> Loaded {
    load(&testdata(name)).unwrap_or_else(|faults| panic!("{faults}"))
}

fn device<'a>(loaded: &'a Loaded, name: &str) -> &'a Device {
    &loaded.inventory.devices[name]
}

#[test]
fn every_mistake_has_its_message() {
    let directory = testdata("bad");
    let mut names: Vec<String> = fs::read_dir(&directory)
        .unwrap()
        .filter_map(|entry| {
            Some(
                entry
                    .unwrap()
                    .file_name()
                    .to_str()?
                    .strip_suffix(".yml")?
                    .to_owned(),
            )
        })
        .collect();
    names.sort();
    assert!(names.len() > 20, "{names:?}");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(&directory);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for name in names {
            let faults = load(&directory.join(format!("{name}.yml")))
                .expect_err(&name)
                .to_string();
            assert!(
                !faults.contains("hunter2") && !faults.contains("8675309"),
                "a secret: {faults}"
            );
            insta::assert_snapshot!(name, relative(&faults, &directory));
        }
    });
}

#[test]
fn a_missing_main_file_is_one_fault() {
    let faults = load(Path::new("no/such/netwolf.yml")).unwrap_err();
    assert_eq!(
        faults.to_string(),
        "no/such/netwolf.yml: cannot be read: no such file or directory\n1 fault"
    );
}

#[test]
fn the_example_of_the_readme_loads() {
    let loaded = good("netwolf.yml");
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.inventory.devices.len(), 3);
    let router = device(&loaded, "ams-2");
    assert_eq!(router.job.target.port, 2222);
    assert!(
        matches!(&router.job.target.host_key, HostKey::Pinned(key) if key.starts_with("SHA256:1m"))
    );
    let probe = device(&loaded, "probe-1");
    assert_eq!(
        probe.job.target.host_key,
        HostKey::KnownHosts("/etc/netwolf/known_hosts".into())
    );
    assert!(probe.job.target.login.password.is_none());
}

#[test]
fn the_summary_counts_what_only_runs_use() {
    let summary = |more: &str| {
        let text = format!(
            "credentials: {{ lab: {{ username: a, password: env:A }}, changer: {{ username: b, password: env:B }} }}\n\
             devices: [{{ name: sw-1, address: 192.0.2.1, platform: linux, credential: lab, collectors: [cpu] }}]\n\
             {more}"
        );
        let loaded =
            super::parse("netwolf.yml".as_ref(), &text).unwrap_or_else(|faults| panic!("{faults}"));
        let summary = loaded.summary().to_string();
        summary.lines().next().unwrap().to_owned()
    };
    let line = summary("");
    assert!(
        line.starts_with("1 device, 0 groups, 2 credentials, "),
        "{line}"
    );
    assert!(
        line.ends_with(" polls a second"),
        "what NetWolf brings is not counted: {line}"
    );
    let line = summary(
        "procedures: { ntp: { changes: true, credential: changer, commands: [x] } }\n\
         backup: { folder: configs, where: [name=core-*] }\n",
    );
    assert!(
        line.ends_with(", 1 procedure that changes devices, a backup of 0 devices daily"),
        "{line}"
    );
    for (every, said) in [
        ("1h", "every 1h"),
        ("24h", "daily"),
        ("36h", "every 1day12h"),
        ("7days", "weekly"),
        ("28days", "every 28 days"),
    ] {
        let line = summary(&format!(
            "backup: {{ folder: configs, every: {every}, where: [name=core-*] }}\n"
        ));
        let end = format!(", a backup of 0 devices {said}");
        assert!(line.ends_with(&end), "{every}: {line}");
    }
}

#[test]
fn every_key_is_taken() {
    let loaded = good("good/everything.yml");
    insta::assert_snapshot!(loaded.summary());
    let files: Vec<String> = loaded
        .files()
        .map(|file| relative(&file.display().to_string(), &testdata("good")))
        .collect();
    assert_eq!(
        files,
        [
            "collectors/temperature.yml",
            "devices/ams.yml",
            "devices/fra.yml",
            "everything.yml",
            "platforms/lab_os.yml",
            "procedures/uptime.yml"
        ]
    );
    let procedures = &loaded.prepared.procedures;
    let names: Vec<&str> = procedures.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["backup", "ntp", "uptime", "version"],
        "with the bundled ones"
    );
    let backup = loaded.settings.backup.as_ref().unwrap();
    assert_eq!(backup.every, Duration::from_hours(12));
    assert_eq!((backup.procedure.as_str(), backup.in_flight), ("uptime", 5));
    assert_eq!(backup.selections.len(), 1);
    assert_eq!((backup.drop.len(), backup.redact.len()), (1, 1));
    assert!(backup.folder.ends_with("configs"));
    let ntp = &procedures["ntp"].procedure;
    assert_eq!(ntp.rollout.canary, 1);
    assert_eq!(ntp.actions("juniper_junos").unwrap().commands.len(), 2);
    let login = &loaded.prepared.logins["monitoring"];
    assert_eq!(login.allow, ["show", "display"]);
    assert_eq!(loaded.settings.timing.heartbeat, Duration::from_millis(500));
    assert_eq!(loaded.settings.timing.settle, Duration::from_secs(20));
    let remotes = &loaded.settings.remotes;
    assert_eq!(remotes.external_labels["region"], "eu");
    assert_eq!(remotes.external_labels["job"], "netwolf", "built in");
    let names: Vec<&str> = remotes
        .remotes
        .iter()
        .map(|remote| remote.name.as_str())
        .collect();
    assert_eq!(names, ["127.0.0.1:9090", "long-term", "with-token"]);
    let [near, far, _] = &remotes.remotes[..] else {
        panic!("three are configured");
    };
    assert_eq!((near.connections, near.queue_samples), (4, 2_000_000));
    assert_eq!((far.connections, far.queue_samples), (8, 500_000));
    assert_eq!(far.max_age, Duration::from_mins(15));
    assert_eq!(loaded.settings.tokens.find("abc").unwrap().name, "alice");
    let password = SecretRef::File("/etc/netwolf/tsdb".into());
    let username = "netwolf".into();
    assert_eq!(
        far.authorization,
        Some(Authorization::Basic { username, password })
    );
}

#[test]
fn the_nearest_layer_holds() {
    let loaded = good("good/everything.yml");
    let core = device(&loaded, "core-1");
    assert_eq!(core.platform, "cisco_iosxe");
    assert_eq!(
        core.collectors,
        ["cpu", "facts", "interfaces", "memory", "temperature"]
    );
    let lab = device(&loaded, "0042");
    assert_eq!(
        (lab.platform.as_str(), lab.job.target.port),
        ("cisco_ios", 22)
    );
    assert_eq!(lab.collectors, ["facts"]);
    assert!(matches!(lab.job.target.host_key, HostKey::Pinned(_)));
    let labels: Vec<_> = lab
        .labels
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        labels,
        [
            ("owner", "lab"),
            ("rack", "1.10"),
            ("role", "access"),
            ("site", "ams")
        ]
    );
    let switch = device(&loaded, "sw-1");
    assert_eq!(switch.job.target.port, 2222);
    assert_eq!(switch.job.target.host_key, HostKey::AcceptNew);
    assert_eq!(switch.interval, Span::from_secs(30), "the fastest counts");
    // From the defaults a platform takes what it has.
    assert_eq!(
        device(&loaded, "probe-1").collectors,
        ["cpu", "facts", "interfaces", "memory"]
    );
    assert_eq!(device(&loaded, "ams-2").collectors, ["temperature"]);
}

#[test]
fn a_session_takes_its_settings_from_the_nearest_layer_and_the_platform() {
    let loaded = good("good/everything.yml");
    let target = |name: &str| &device(&loaded, name).job.target;
    let hours = |n: u64| Some(Span::from_secs(n * 3600));

    let core = target("core-1");
    assert_eq!(core.max_age, hours(8));
    assert_eq!(core.legacy, [Legacy::Group14Sha1, Legacy::SshRsa]);
    let bastion = core.jump.as_ref().unwrap();
    assert_eq!(
        (bastion.address.as_str(), bastion.port),
        ("bastion.example.net", 2022)
    );
    assert_eq!(bastion.login.credential, "bastion");
    assert_eq!(
        bastion.login.ssh_agent.as_ref().unwrap().to_string(),
        "file:/run/netwolf/agent.sock"
    );
    assert_eq!(
        bastion.host_key,
        HostKey::KnownHosts("/etc/netwolf/jump_hosts".into())
    );
    assert_eq!(
        core.login.ssh_agent.as_ref().unwrap().to_string(),
        "env:SSH_AUTH_SOCK"
    );

    let switch = target("sw-1");
    assert_eq!(switch.max_age, hours(1));
    assert_eq!(switch.legacy, [Legacy::TripleDesCbc]);
    let gate = switch.jump.as_ref().unwrap();
    assert_eq!(
        (gate.port, gate.legacy.as_slice()),
        (22, [Legacy::Aes128Cbc].as_slice())
    );
    assert!(matches!(gate.host_key, HostKey::Pinned(_)));

    // An empty list and `none` are said, too.
    let lab = target("0042");
    assert_eq!(lab.legacy, []);
    assert_eq!(lab.jump, None);
    assert_eq!(lab.max_age, hours(1));

    // The platform needs these, whatever the layers say.
    let both = [Legacy::Group14Sha1, Legacy::SshRsa, Legacy::HmacSha1];
    assert_eq!(target("ams-2").legacy, both);
}

#[test]
fn a_jump_host_changes_the_jobs_behind_it_and_no_others() {
    let inventory = |port: u16| {
        let text = format!(
            "credentials: {{ lab: {{ username: netwolf, password: env:LAB_PASSWORD }} }}\n\
             jump_hosts: {{ gate: {{ address: 192.0.2.9, port: {port}, credential: lab }} }}\n\
             defaults: {{ credential: lab, platform: linux }}\n\
             devices:\n  - {{ name: near, address: 192.0.2.1 }}\n  \
             - {{ name: far, address: 192.0.2.2, jump_host: gate }}\n"
        );
        let loaded = parse(Path::new("netwolf.yml"), &text);
        loaded.unwrap_or_else(|faults| panic!("{faults}")).inventory
    };
    let changes = Inventory::changes(&inventory(22), &inventory(2222));
    assert_eq!(changes.changed.len(), 1, "{changes:?}");
    assert_eq!(changes.changed[0].as_str(), "far");
}

#[test]
fn nothing_to_poll_is_a_warning() {
    for text in [
        "",
        "# nothing\n",
        "devices:\n",
        "devices: []\n",
        "timing: {}\n",
    ] {
        let loaded = parse(Path::new("netwolf.yml"), text).unwrap();
        let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(warnings.len(), 1, "{text:?}");
        assert!(
            warnings[0].starts_with("netwolf.yml: there are no devices"),
            "{}",
            warnings[0]
        );
    }
}

#[test]
fn a_pattern_without_files_is_a_warning() {
    let text = "inventories: [{ file: nowhere/*.yml }]";
    let loaded = parse(Path::new("netwolf.yml"), text).unwrap();
    assert_eq!(
        loaded.warnings[1].to_string(),
        r#"netwolf.yml:1:23: no file matches "nowhere/*.yml""#
    );
}

#[test]
fn faults_name_the_sources_so_that_mending_is_seen() {
    let faults = load(&testdata("bad/missing_file.yml")).unwrap_err();
    assert!(
        faults
            .sources()
            .files
            .contains(&testdata("bad/devices/amsterdam.yml"))
    );
}

#[test]
fn a_large_fleet_loads_and_shares_plans() {
    // Without optimisation it takes too long for a test that people run often.
    let n = if cfg!(debug_assertions) {
        2_000
    } else {
        50_000
    };
    let text = fleet(n);
    let start = std::time::Instant::now();
    let loaded = parse(Path::new("netwolf.yml"), &text).unwrap();
    println!("{n} devices, {} bytes: {:?}", text.len(), start.elapsed());
    assert_eq!(loaded.inventory.devices.len(), n);
    assert_eq!(loaded.inventory.plans.len(), 2);
}

/// The text of a configuration with `n` devices of two platforms.
fn fleet(n: usize) -> String {
    use std::fmt::Write as _;

    let mut text = String::from(
        "credentials: { lab: { username: netwolf, password: env:LAB_PASSWORD } }\n\
         defaults: { credential: lab, platform: cisco_ios }\n\
         groups: { access: { labels: { role: access } } }\n\
         devices:\n",
    );
    for i in 0..n {
        let platform = if i % 2 == 0 { "cisco_ios" } else { "linux" };
        writeln!(
            text,
            "  - {{ name: dev-{i:05}, address: 10.{}.{}.{}, group: access, platform: {platform}, \
             labels: {{ site: ams }}, host_key: \"SHA256:BzBOqLbhyYuQ5kaWfpNJa2cUvsNlDbhVn3zJoZtLh2s\" }}",
            i >> 16,
            (i >> 8) & 255,
            i & 255
        )
        .unwrap();
    }
    text
}

proptest! {
    // The reader has its own, with many more cases; each of these reads the whole library.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_yaml_like_text_makes_it_panic(
        text in "((defaults|devices|groups|timing|name|address|platform|labels|<<|cisco_ios|a|1|0x1f|\
                 1\\.5|true|~|null|&a|\\*a|!t|!!int|\"q\"|'é'|\\||>)?[:,] ?|[ \\n\\[\\]{}?#-]|- |\\n  ){0,40}"
    ) {
        drop(parse(Path::new("netwolf.yml"), &text));
    }

    /// Whatever is taken out of a good file, what is left is either good or has faults with places in it.
    #[test]
    fn faults_stand_where_there_is_text(from in 0usize..1400, length in 0usize..40) {
        let text = fs::read_to_string(testdata("netwolf.yml")).unwrap();
        let from = from.min(text.len());
        let to = (from + length).min(text.len());
        let damaged = format!("{}{}", text.get(..from).unwrap(), text.get(to..).unwrap());
        if let Err(faults) = parse(&testdata("netwolf.yml"), &damaged) {
            let n_lines = damaged.split('\n').count();
            for fault in faults.iter() {
                prop_assert!(fault.line as usize <= n_lines, "{fault}");
            }
        }
    }
}

/// The reference pages, which say what the code does or nothing at all.
mod pages {
    use super::*;

    fn page(name: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../docs")
            .join(name);
        fs::read_to_string(path).unwrap()
    }

    /// The YAML blocks of a page.
    fn examples(page: &str) -> Vec<&str> {
        let blocks = page.split("```yaml\n").skip(1);
        blocks
            .map(|block| block.split("```").next().unwrap())
            .collect()
    }

    #[test]
    fn the_examples_of_the_library_page_load() {
        let page = page("library.md");
        let examples = examples(&page);
        let [platform, collectors @ ..] = &examples[..] else {
            panic!("a platform and collectors")
        };
        let root = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let file = root.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        };
        write("platforms/example.yml", platform);
        for (index, collector) in collectors.iter().enumerate() {
            write(&format!("collectors/{index}.yml"), collector);
        }
        let text = "library: { platforms: platforms, collectors: collectors }";
        if let Err(faults) = parse(&root.path().join("netwolf.yml"), text) {
            panic!("{faults}");
        }
    }

    #[test]
    fn the_first_example_of_the_configuration_page_loads() {
        let page = page("configuration.md");
        let loaded = parse(Path::new("netwolf.yml"), examples(&page)[0]);
        let loaded = loaded.unwrap_or_else(|faults| panic!("{faults}"));
        assert_eq!(loaded.inventory.devices.len(), 5);
        assert!(device(&loaded, "fra-1").job.target.jump.is_some());
    }

    /// The other ones are parts, which stand in a configuration with what they refer to.
    #[test]
    fn every_part_that_the_configuration_page_shows_loads() {
        let page = page("configuration.md");
        let names =
            "monitoring: { username: a, password: env:A }, jumps: { username: a, password: env:A }";
        for part in examples(&page).into_iter().skip(1) {
            let mut text = part.replace("  - file: /srv/netbox/export.yml\n", "");
            if !part.contains("credentials:") {
                text.extend(["credentials: { ", names, " }\n"]);
            }
            if part.contains("devices:") {
                text += "defaults: { credential: monitoring }\n";
            }
            // Directories and files that are somebody's own are not here.
            if part.contains("library:") {
                continue;
            }
            if let Err(faults) = parse(Path::new("netwolf.yml"), &text) {
                panic!("{part}\n{faults}");
            }
        }
    }

    #[test]
    fn every_legacy_algorithm_has_its_row() {
        let page = page("configuration.md");
        for legacy in Legacy::ALL {
            assert!(
                page.contains(&format!("`{}`", legacy.as_str())),
                "{legacy:?}"
            );
        }
    }

    #[test]
    fn every_key_of_a_platform_has_its_row() {
        let page = page("library.md");
        let mut keys = vec![
            "limits.logins_per_minute".to_owned(),
            "limits.sessions".into(),
        ];
        // What is not said is left out of JSON, so that a platform must say everything.
        let file = fs::read_to_string(testdata("good/platforms/lab_os.yml")).unwrap();
        let tops = file.lines().filter(|line| !line.starts_with([' ', '#']));
        keys.extend(tops.map(|line| line.split(':').next().unwrap().to_owned()));
        keys.retain(|key| key != "limits");
        assert_eq!(keys.len(), 18, "{keys:?}");
        for key in keys {
            assert!(page.contains(&format!("| `{key}` |")), "{key}");
        }
    }

    #[test]
    fn every_bundled_platform_has_its_section() {
        let page = page("platforms.md");
        let library = crate::library::Library::bundled().unwrap();
        for name in library.platforms() {
            assert!(page.contains(&format!("\n### `{name}`\n")), "{name}");
        }
        assert_eq!(page.matches("\n### `").count(), library.platforms().count());
    }

    #[test]
    fn every_key_has_its_row() {
        let page = page("configuration.md") + &page("library.md");
        // The reader knows all keys of a struct and lists them when it is given something else.
        let places = [
            "1",
            "defaults: 1",
            "credentials: { a: x }",
            "jump_hosts: { a: x }",
            "groups: { a: x }",
            "devices: [x]",
            "inventories: [x]",
            "library: x",
            "timing: x",
            "procedures: { a: x }",
        ];
        for text in places {
            let faults = parse(Path::new("netwolf.yml"), text).unwrap_err();
            let hint = faults.iter().next().unwrap().hint.clone().unwrap();
            let keys = hint.strip_prefix("its keys are: ").unwrap();
            for key in keys.split(", ") {
                let rows = [format!("| `{key}` |"), format!("| [`{key}`]")];
                assert!(rows.iter().any(|row| page.contains(row)), "{key} of {text}");
            }
        }
    }
}
