//! File name patterns: `*`, `?`, `[abc]`, `[a-z]` and `[!abc]` in any part of a path, `/` never matched by
//! them. A name that begins with a dot is matched only by a pattern that does, which keeps editors' scratch
//! files out.

use std::{
    ffi::OsStr,
    io,
    path::{Component, Path, PathBuf},
};

/// Whether `path` is a pattern at all.
pub(crate) fn is_pattern(path: &Path) -> bool {
    path.components()
        .any(|part| is_pattern_part(part.as_os_str()))
}

fn is_pattern_part(part: &OsStr) -> bool {
    part.to_string_lossy().contains(['*', '?', '['])
}

/// The directories of a pattern in which a file could come to match it: as far as it has no wildcard.
pub(crate) fn fixed_part(pattern: &Path) -> PathBuf {
    pattern
        .components()
        .take_while(|part| !is_pattern_part(part.as_os_str()))
        .collect()
}

/// Whether `path` matches `pattern`, part by part.
pub(crate) fn matches(pattern: &Path, path: &Path) -> bool {
    let mut parts = path.components();
    pattern
        .components()
        .all(|wanted| parts.next().is_some_and(|part| part_matches(wanted, part)))
        && parts.next().is_none()
}

fn part_matches(pattern: Component<'_>, part: Component<'_>) -> bool {
    name_matches(
        &pattern.as_os_str().to_string_lossy(),
        &part.as_os_str().to_string_lossy(),
    )
}

/// The files that match `pattern`, sorted. A directory that is not there holds none.
///
/// # Errors
/// When a directory is there but cannot be listed.
pub(crate) fn expand(pattern: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        if !is_pattern_part(part.as_os_str()) {
            for path in &mut found {
                path.push(part);
            }
            continue;
        }
        let wanted = part.as_os_str().to_string_lossy();
        let mut next = Vec::new();
        for directory in &found {
            for name in names_in(directory)? {
                if name_matches(&wanted, &name.to_string_lossy()) {
                    next.push(directory.join(name));
                }
            }
        }
        found = next;
    }
    found.retain(|path| path.is_file());
    found.sort();
    Ok(found)
}

fn names_in(directory: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    let directory = if directory.as_os_str().is_empty() {
        Path::new(".")
    } else {
        directory
    };
    match std::fs::read_dir(directory) {
        Ok(entries) => entries.map(|entry| Ok(entry?.file_name())).collect(),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            Ok(Vec::new())
        }
        Err(error) => Err(error),
    }
}

/// Whether one name matches one part of a pattern.
fn name_matches(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    // Where to begin again when what follows the last star did not fit: quadratic at worst.
    let (mut at, mut in_name) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while in_name < name.len() {
        let step = match pattern.get(at) {
            Some('*') => {
                star = Some((at + 1, in_name));
                at += 1;
                continue;
            }
            Some('?') => Some(1),
            Some('[') => class(&pattern, at, name[in_name]),
            Some(c) if *c == name[in_name] => Some(1),
            _ => None,
        };
        match (step, star) {
            (Some(length), _) => {
                at += length;
                in_name += 1;
            }
            (None, Some((after, from))) => {
                star = Some((after, from + 1));
                (at, in_name) = (after, from + 1);
            }
            (None, None) => return false,
        }
    }
    pattern
        .get(at..)
        .is_some_and(|rest| rest.iter().all(|c| *c == '*'))
}

/// How long the class at `at` is in the pattern, if it holds `c`. A bracket without its end is a character.
fn class(pattern: &[char], at: usize, c: char) -> Option<usize> {
    let body = pattern.get(at + 1..)?;
    let negated = body.first() == Some(&'!');
    let body = if negated { body.get(1..)? } else { body };
    // A bracket that comes first is one of the characters.
    let Some(end) = body
        .iter()
        .skip(1)
        .position(|c| *c == ']')
        .map(|end| end + 1)
    else {
        return (c == '[').then_some(1);
    };
    let members = body.get(..end)?;
    let mut holds = false;
    let mut index = 0;
    while let Some(first) = members.get(index) {
        if let (Some('-'), Some(last)) = (members.get(index + 1), members.get(index + 2)) {
            holds |= (*first..=*last).contains(&c);
            index += 3;
        } else {
            holds |= *first == c;
            index += 1;
        }
    }
    (holds != negated).then_some(1 + usize::from(negated) + end + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(pattern: &str, path: &str, expected: bool) {
        assert_eq!(
            matches(Path::new(pattern), Path::new(path)),
            expected,
            "{pattern} {path}"
        );
    }

    #[test]
    fn matches_names_part_by_part() {
        check("devices/*.yml", "devices/ams.yml", true);
        check("devices/*.yml", "devices/ams.yaml", false);
        check("devices/*.yml", "devices/eu/ams.yml", false);
        check("devices/*/*.yml", "devices/eu/ams.yml", true);
        check("*.yml", ".ams.yml", false);
        check(".*.yml", ".ams.yml", true);
        check("a?c", "abc", true);
        check("a?c", "ac", false);
        check("s[0-9].yml", "s7.yml", true);
        check("s[!0-9].yml", "s7.yml", false);
        check("s[!0-9].yml", "sx.yml", true);
        check("s[ab-d].yml", "sc.yml", true);
        check("s[", "s[", true);
        check("[]]", "]", true);
        check("*a*b*", "xxaxxbxx", true);
        check("*a*b*", "xxbxxaxx", false);
        check("é*", "école", true);
    }

    #[test]
    fn finds_files_sorted_and_no_directories() {
        let root = tempfile::tempdir().unwrap();
        for name in ["b/2.yml", "a/1.yml", "a/.1.yml", "a/x.txt"] {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        std::fs::create_dir(root.path().join("a/dir.yml")).unwrap();
        let found = expand(&root.path().join("*/*.yml")).unwrap();
        assert_eq!(
            found,
            [root.path().join("a/1.yml"), root.path().join("b/2.yml")]
        );
        assert_eq!(
            expand(&root.path().join("nowhere/*.yml")).unwrap(),
            Vec::<PathBuf>::new()
        );
        assert_eq!(fixed_part(&root.path().join("*/*.yml")), root.path());
    }

    proptest! {
        #[test]
        fn any_name_matches_itself_with_stars_put_in(name in "[a-z.]{1,12}", at in 0usize..12) {
            let at = at.clamp(1, name.len());
            let pattern = format!("{}*{}", name.get(..at).unwrap(), name.get(at..).unwrap());
            prop_assert!(name_matches(&pattern, &name));
        }

        #[test]
        fn never_panics(pattern in "[\\[\\]!a-c*?-]{0,12}", name in "[a-c\\[\\]]{0,12}") {
            let _: bool = name_matches(&pattern, &name);
        }
    }
}
