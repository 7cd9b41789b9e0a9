//! The bundled library is sound, and users' files take the place of its parts.

use std::{fs, path::PathBuf};

use super::*;

#[test]
fn every_bundled_file_loads() {
    let library = Library::bundled().unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(library.platforms().count(), bundled::PLATFORMS.len());
    let n_collectors: usize = library
        .platforms()
        .map(|platform| library.collectors_of(platform).count())
        .sum();
    assert!(n_collectors >= bundled::COLLECTORS.len(), "{n_collectors}");
}

#[test]
fn no_bundled_platform_turns_on_what_is_legacy() {
    let library = Library::bundled().unwrap();
    for name in library.platforms() {
        let platform = library.platform(name).unwrap();
        assert_eq!(platform.legacy, [], "{name}");
    }
}

#[test]
fn the_platforms_of_the_start_have_the_default_collectors() {
    let library = Library::bundled().unwrap();
    // The other platforms are there for collectors of one's own.
    for platform in ["cisco_ios", "cisco_iosxe", "linux"] {
        let collectors: Vec<&str> = library.collectors_of(platform).collect();
        for name in ["cpu", "facts", "interfaces", "memory"] {
            assert!(collectors.contains(&name), "{platform} has no {name}");
        }
    }
}

#[test]
fn bundled_files_are_called_what_they_hold() {
    let library = Library::bundled().unwrap();
    for (file, _) in bundled::PLATFORMS {
        let name = file.trim_end_matches(".yml");
        assert!(library.platform(name).is_some(), "{file}");
    }
}

/// A library with these files in the user's directories.
fn with_user_files(files: &[(&str, &str)]) -> (Library, Vec<String>) {
    let root = tempfile::tempdir().unwrap();
    for folder in ["platforms", "collectors"] {
        fs::create_dir(root.path().join(folder)).unwrap();
    }
    for (name, text) in files {
        fs::write(root.path().join(name), text).unwrap();
    }
    let at = Place { line: 1, column: 1 };
    let directory = |name: &str| {
        Some(Spanned::<PathBuf> {
            at,
            value: root.path().join(name),
        })
    };
    let directories = UserDirectories {
        platforms: directory("platforms"),
        collectors: directory("collectors"),
    };
    let mut faults = Vec::new();
    let file = Path::new("netwolf.yml").into();
    let library = Library::load(&file, &directories, &mut Sources::default(), &mut faults);
    let prefix = format!("{}/", root.path().display());
    (
        library,
        faults
            .iter()
            .map(|fault| fault.to_string().replace(&prefix, ""))
            .collect(),
    )
}

const CPU: &str = "
name: cpu
platforms: [linux]
description: My own
commands:
  - command: uptime
    rules:
      - name: load
        regex: { patterns: ['load average: (?P<one>[0-9.]+)'] }
        metrics: [{ name: netwolf_load_average, kind: gauge, help: Load., value: one }]
";

#[test]
fn a_users_file_takes_the_place_of_the_bundled_one_where_it_says_so() {
    let platform = "{ name: linux, transport: exec, description: My own }";
    let (library, faults) =
        with_user_files(&[("platforms/x.yml", platform), ("collectors/cpu.yaml", CPU)]);
    assert_eq!(faults, [""; 0]);
    assert_eq!(library.platform("linux").unwrap().description, "My own");
    assert_eq!(
        library.collector("linux", "cpu").unwrap().commands[0].text,
        "uptime"
    );
    assert_ne!(
        library.collector("cisco_ios", "cpu").unwrap().description,
        "My own"
    );
}

#[test]
fn two_files_of_a_user_do_not_hold_the_same() {
    let (_, faults) = with_user_files(&[("collectors/a.yml", CPU), ("collectors/b.yml", CPU)]);
    assert_eq!(
        faults,
        [
            "collectors/b.yml:3:13: collector \"cpu\" for platform \"linux\" is there already, at \
             collectors/a.yml:3:13\n  hint: give one of them another name"
        ]
    );
}

#[test]
fn an_empty_file_is_told() {
    let (_, faults) =
        with_user_files(&[("collectors/a.yml", "# nothing\n"), ("platforms/a.yml", "")]);
    assert_eq!(
        faults,
        [
            "platforms/a.yml: there is no platform in this file",
            "collectors/a.yml: there is no collector in this file"
        ]
    );
}
