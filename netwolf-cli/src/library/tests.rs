use super::*;

fn bundled() -> Library {
    Library::bundled().unwrap()
}

fn refused<T>(result: Result<T, Unknown>) -> (String, String) {
    let unknown = result.err().expect("it is refused");
    (unknown.message, unknown.hint.unwrap_or_default())
}

#[test]
fn platforms_that_share_a_collector_are_one_variant() {
    let library = bundled();
    let ios = one(&library, "cpu", Some("cisco_iosxe")).unwrap();
    assert_eq!(ios.platforms, ["cisco_iosxe"]);
    let variants = variants(&library, "cpu", None).unwrap();
    let ios = variants
        .iter()
        .find(|variant| variant.platforms.contains(&"cisco_ios"))
        .unwrap();
    assert!(ios.platforms.contains(&"cisco_iosxe"));
    let all: usize = variants.iter().map(|variant| variant.platforms.len()).sum();
    assert_eq!(all, library.platforms_of("cpu").count());
}

#[test]
fn what_is_misspelt_is_guessed_at() {
    let library = bundled();
    for (name, platform, message, hint) in [
        (
            "interface",
            None,
            "unknown collector \"interface\"",
            "did you mean \"interfaces\"?",
        ),
        (
            "cpu",
            Some("cisco-ios"),
            "unknown platform \"cisco-ios\"",
            "did you mean \"cisco_ios\"?",
        ),
        (
            "optics",
            Some("cisco_iosxr"),
            "collector \"optics\" has nothing for platform \"cisco_iosxr\"",
            "cisco_iosxr",
        ),
    ] {
        let (said, way_out) = refused(one(&library, name, platform));
        assert_eq!(said, message);
        assert!(way_out.contains(hint), "{way_out}");
    }
}

#[test]
fn a_collector_of_many_platforms_asks_for_one() {
    let (said, hint) = refused(one(&bundled(), "cpu", None));
    assert_eq!(said, "collector \"cpu\" is not the same on all platforms");
    assert!(
        hint.starts_with("name one by --platform: arista_eos, "),
        "{hint}"
    );
}

#[test]
fn the_command_is_clear_or_asked_for() {
    let library = bundled();
    let one_command = one(&library, "cpu", Some("cisco_ios")).unwrap();
    let only = &one_command.collector.commands[0].text;
    assert_eq!(&command(one_command.collector, None).unwrap().text, only);
    let spaced = format!(" {} ", only.replace(' ', "  "));
    assert_eq!(
        &command(one_command.collector, Some(&spaced)).unwrap().text,
        only
    );
    let (said, hint) = refused(command(one_command.collector, Some("show clock")));
    assert_eq!(said, "collector \"cpu\" does not run \"show clock\"");
    assert_eq!(hint, format!("it runs:\n    '{only}'"));

    let two = Collector {
        commands: [&one_command.collector.commands[..]; 2].concat(),
        ..(**one_command.collector).clone()
    };
    let (said, hint) = refused(command(&two, None));
    assert_eq!(said, "collector \"cpu\" runs several commands");
    assert_eq!(hint.matches(only.as_str()).count(), 2, "{hint}");
}
