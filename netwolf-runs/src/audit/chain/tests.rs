use netwolf_wire::{DeviceName, step::RunId};
use proptest::prelude::*;

use super::*;
use crate::audit::{Action, Outcome};

fn a_record() -> Record {
    Record {
        step: Some(0),
        attempt: Some(1),
        index: Some(0),
        device: Some(DeviceName::new("sw-1").unwrap()),
        command: Some("show \"version\"".into()),
        ..Record::new(
            1_767_225_600_000,
            Action::Command,
            RunId(17),
            "anna",
            Outcome::Succeeded,
        )
    }
}

/// Checked once with `sha256sum`; a version that writes or hashes otherwise could not check what this one wrote.
#[test]
fn the_form_of_a_line_stays_as_it_is() {
    let mut text = String::new();
    seal(&mut text, &Head::START, &a_record()).unwrap();
    let object = r#"{"seq":1,"time":"2026-01-01T00:00:00.000Z","action":"command","run":17,"step":0,"attempt":1,"index":0,"device":"sw-1","requester":"anna","command":"show \"version\"","outcome":"succeeded","prev":"0000000000000000000000000000000000000000000000000000000000000000""#;
    let hash = "2cafd6b8041f7b82c6dc5b21cedc78b32e0ccda4794cec536774a198717820a3";
    assert_eq!(text, format!("{object},\"hash\":\"{hash}\"}}\n"));
}

#[test]
fn a_line_is_read_as_what_it_is() {
    let mut text = String::new();
    let hash = seal(&mut text, &Head::START, &a_record()).unwrap();
    let line = text.trim_end();
    let joint = Joint {
        seq: 1,
        prev: Hash::ZERO,
        hash,
    };
    assert_eq!(read(line.as_bytes()), Ok(joint));
    assert_eq!(record(line.as_bytes()).unwrap(), a_record());
    let changed = line.replace("version", "running");
    assert_eq!(read(changed.as_bytes()), Err(LineFault::Changed));
    for other in [
        "",
        "{}",
        "\"}",
        "not a record",
        line.strip_prefix('{').unwrap(),
        line.strip_suffix('}').unwrap(),
        // A hash in capitals would be a second text of the same line.
        &line.replace(&hash.to_string(), &hash.to_string().to_uppercase()),
        // Hashed, and yet no record.
        &{
            let hash = Hash::of(&["{\"no\":1}"]);
            format!("{{\"no\":1,\"hash\":\"{hash}\"}}")
        },
    ] {
        assert!(read(other.as_bytes()).is_err(), "{other}");
    }
    assert_eq!(read(b"\xff\"}"), Err(LineFault::NoRecord));
}

/// A later version may tell more: the chain holds it, and what is known of it is read.
#[test]
fn what_a_later_version_adds_is_hashed_and_passed_over() {
    let object = format!(
        r#"{{"seq":1,"time":"2026-01-01T00:00:00.000Z","action":"applaud","run":1,"requester":"a","outcome":"better","mood":"good","prev":"{}""#,
        Hash::ZERO
    );
    let line = format!("{object},\"hash\":\"{}\"}}", Hash::of(&[&object, "}"]));
    assert_eq!(read(line.as_bytes()).unwrap().seq, 1);
    let record = record(line.as_bytes()).unwrap();
    assert_eq!(
        (record.action, record.outcome),
        (Action::Other, Outcome::Other)
    );
}

#[test]
fn hashes_and_heads_have_one_text() {
    let head = Head {
        seq: 18_446_744_073_709_551_615,
        hash: Hash::of(&["x"]),
        file: 3,
    };
    assert_eq!(head.to_string().parse(), Ok(head));
    for other in ["", "1", "1:2", "1:2:abc", "1:2:3:4", "x:1:", "1:-2:"] {
        assert_eq!(other.parse::<Head>(), Err(NoHead), "{other}");
    }
    let hash = head.hash.to_string();
    assert_eq!(hash.len(), DIGITS);
    for other in [
        hash.get(1..).unwrap(),
        &format!("{hash}0"),
        &hash.replace(|_| true, "g"),
    ] {
        assert_eq!(other.parse::<Hash>(), Err(NoHash), "{other}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "(\\PC|\"|\\}|,\"hash\":\"[0-9a-f]{64}\"\\}){0,40}") {
        read(text.as_bytes()).ok();
        text.parse::<Head>().ok();
    }

    #[test]
    fn a_line_holds_any_text_and_no_byte_of_it_can_be_changed(
        command in any::<String>(),
        requester in any::<String>(),
        at in any::<proptest::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let record = Record { command: Some(command), requester, ..a_record() };
        let mut text = String::new();
        seal(&mut text, &Head::START, &record).unwrap();
        let line = text.strip_suffix('\n').unwrap().as_bytes();
        prop_assert!(!line.contains(&b'\n'));
        prop_assert!(read(line).is_ok());
        prop_assert_eq!(&super::record(line).unwrap(), &record);
        let mut changed = line.to_vec();
        let at = at.index(changed.len());
        changed[at] = byte;
        prop_assert_eq!(read(&changed).is_ok(), changed == line);
    }
}
