//! What must hold whatever is done to the files, and whenever the process ends.

use std::fs;

use proptest::prelude::*;

use super::*;

/// Something that a person may do to the files of a log.
#[derive(Clone, Debug)]
enum Deed {
    Byte(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Drop(prop::sample::Index),
    Double(prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
    Remove,
}

fn deed() -> impl Strategy<Value = Deed> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, byte)| Deed::Byte(at, byte)),
        at().prop_map(Deed::Cut),
        at().prop_map(Deed::Drop),
        at().prop_map(Deed::Double),
        (at(), at()).prop_map(|(a, b)| Deed::Swap(a, b)),
        Just(Deed::Remove),
    ]
}

fn done(deed: &Deed, content: &[u8]) -> Option<Vec<u8>> {
    let mut lines: Vec<_> = content.split_inclusive(|byte| *byte == b'\n').collect();
    let n = lines.len();
    match deed {
        Deed::Byte(at, byte) => {
            let mut content = content.to_vec();
            let at = at.index(content.len());
            content[at] = *byte;
            return Some(content);
        }
        Deed::Cut(at) => return Some(content[..at.index(content.len())].to_vec()),
        Deed::Drop(at) => drop(lines.remove(at.index(n))),
        Deed::Double(at) => lines.insert(at.index(n), lines[at.index(n)]),
        Deed::Swap(a, b) => lines.swap(a.index(n), b.index(n)),
        Deed::Remove => return None,
    }
    Some(lines.concat())
}

/// What happens to a log in its life.
#[derive(Clone, Debug)]
enum Event {
    /// Some records, which are answered for or not.
    Append(u8, bool),
    /// A crash after so much of what was not answered for was written, with what it leaves behind.
    Crash(prop::sample::Index, Vec<u8>),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (1..6_u8, any::<bool>()).prop_map(|(n, is_kept)| Event::Append(n, is_kept)),
        1 => (any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 0..40))
            .prop_map(|(at, rest)| Event::Crash(at, rest)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_is_done_to_a_file_is_found(deed in deed(), file in 1..5_u32) {
        let (folder, head) = a_log(14);
        let folder = folder.path();
        let path = folder.join(file_name(file.min(head.file)));
        let content = fs::read(&path).unwrap();
        let changed = done(&deed, &content);
        match &changed {
            Some(changed) => fs::write(&path, changed).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let result = verify(folder, None, Some(&head));
        prop_assert_eq!(result.is_ok(), changed.as_deref() == Some(&content), "{:?}", result);
        // What is opened ends with the head; of its newest file, only lines before that can be missing unnoticed, and
        // what was put behind it is cut off.
        if let Ok(opened) = open(folder, Some(head))
            && file >= head.file
        {
            prop_assert_eq!(opened.log.head(), head);
            prop_assert!(content.ends_with(&fs::read(&path).unwrap()));
        }
    }

    #[test]
    fn a_log_holds_all_that_was_answered_for_through_any_life(
        events in prop::collection::vec(event(), 1..30),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let mut log = open(folder, Some(Head::START)).unwrap().log;
        let (mut head, mut next, mut known) = (Head::START, 0, Vec::new());
        for event in events {
            match event {
                Event::Append(n, is_kept) => {
                    let records: Vec<_> = (next..next + u64::from(n)).map(command).collect();
                    next += u64::from(n);
                    log.append(&records).unwrap();
                    if is_kept {
                        head = log.head();
                        known.extend(records.into_iter().filter_map(|record| record.command));
                    } else {
                        log.take_back();
                    }
                }
                Event::Crash(at, rest) => {
                    let records: Vec<_> = (next..next + 3).map(command).collect();
                    next += 3;
                    log.append(&records).unwrap();
                    let path = folder.join(file_name(log.head().file));
                    let content = fs::read(&path).unwrap();
                    let lines: Vec<_> = content.split_inclusive(|byte| *byte == b'\n').collect();
                    let kept = lines[..lines.len() - 3].concat().len();
                    let cut = kept + at.index(content.len() - kept + 1);
                    let rest = if cut == content.len() { &rest[..] } else { &[] };
                    fs::write(&path, [&content[..cut], rest].concat()).unwrap();
                    let opened = open(folder, Some(head)).unwrap();
                    let whole = content[kept..cut].split(|byte| *byte == b'\n').count() - 1;
                    prop_assert_eq!(opened.ahead, whole as u64);
                    known.extend(records.into_iter().take(whole).filter_map(|record| record.command));
                    log = opened.log;
                    // The next group that is answered for is one behind those.
                    head = log.head();
                }
            }
            let report = verify(folder, None, Some(&head)).unwrap();
            prop_assert_eq!((report.last, report.torn), (head, 0));
            prop_assert_eq!(&commands(folder), &known);
        }
    }
}
