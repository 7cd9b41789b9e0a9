//! What `--platform` means: one name for all devices, or counts of several.

use anyhow::Context as _;

use crate::manner::Manner;

/// `cisco_ios` for `devices` of them, or `cisco_ios=100,juniper_junos=50`.
pub(super) fn mix(texts: &[String], devices: usize) -> anyhow::Result<Vec<(Manner, usize)>> {
    if let [name] = texts
        && !name.contains('=')
    {
        return Ok(vec![(name.parse()?, devices)]);
    }
    texts.iter().map(|text| one(text)).collect()
}

fn one(text: &str) -> anyhow::Result<(Manner, usize)> {
    let (name, count) = text.split_once('=').with_context(|| {
        format!(
            "\"{text}\" stands beside others without a count\nhint: write {text}=10, and so for \
             each platform"
        )
    })?;
    let count = count.parse().ok().filter(|count| *count > 0);
    let count = count.with_context(|| format!("\"{text}\" has no count\nhint: write {name}=10"))?;
    Ok((name.parse()?, count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(texts: &[&str], expected: Result<&[(Manner, usize)], &str>) {
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        match (mix(&texts, 10), expected) {
            (Ok(mix), Ok(expected)) => assert_eq!(mix, expected),
            (Err(error), Err(expected)) => {
                assert!(error.to_string().starts_with(expected), "{error}");
            }
            (other, _) => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_platform_or_counts_of_several() {
        check(&["linux"], Ok(&[(Manner::Linux, 10)]));
        check(&["linux=2"], Ok(&[(Manner::Linux, 2)]));
        check(
            &["cisco_ios=3", "vyos=1"],
            Ok(&[(Manner::CiscoIos, 3), (Manner::Vyos, 1)]),
        );
        check(
            &["cisco_ios", "vyos=1"],
            Err("\"cisco_ios\" stands beside others"),
        );
        check(&["vyos=0"], Err("\"vyos=0\" has no count"));
        check(&["irix"], Err("there is no platform \"irix\""));
    }
}
