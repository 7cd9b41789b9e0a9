//! Label sets as text, in the form that both exposition formats share: `{device="sw-1",interface="Gi1"}`.

use super::{limits, name::is_label_name};

/// Renders a label set with `device` first and the others sorted by name, so that one set has one text; `None`
/// when a name is not one, appears twice or the whole is longer than [`limits::LABELS`]. An empty value is the
/// same as no label, so it is left out.
///
/// The label of a `state`, if there is to be one, stands last: `OpenMetrics` wants the states of one thing together.
pub(super) fn render(
    device: &str,
    labels: &[(String, String)],
    state: Option<&str>,
) -> Option<String> {
    let mut text = String::with_capacity(64);
    text.push('{');
    push(&mut text, "device", device);
    let mut sorted: Vec<_> = labels.iter().collect();
    let is_state = |name: &str| state == Some(name);
    sorted.sort_unstable_by_key(|(name, value)| (is_state(name), name, value));
    if state.is_some()
        && !sorted
            .last()
            .is_some_and(|(name, value)| is_state(name) && !value.is_empty())
    {
        return None;
    }
    let mut former = "";
    for (name, value) in sorted {
        let is_new = name != "device" && name != former;
        former = name;
        if !is_label_name(name) || !is_new || text.len() + value.len() > limits::LABELS {
            return None;
        }
        if !value.is_empty() {
            text.push(',');
            push(&mut text, name, value);
        }
    }
    text.push('}');
    (text.len() <= limits::LABELS).then_some(text)
}

/// The names and values of a rendered label set.
pub(super) fn parse(text: &str) -> impl Iterator<Item = (&str, String)> {
    let mut rest = text.trim_start_matches('{');
    std::iter::from_fn(move || {
        let (name, behind) = rest.split_once("=\"")?;
        let mut value = String::new();
        let mut chars = behind.chars();
        loop {
            match chars.next()? {
                '"' => break,
                '\\' => value.push(match chars.next()? {
                    'n' => '\n',
                    c => c,
                }),
                c => value.push(c),
            }
        }
        rest = chars.as_str().trim_start_matches(',');
        Some((name, value))
    })
}

/// What the label sets of a device begin with.
pub(super) fn beginning(device: &str) -> String {
    let mut text = String::from("{device=\"");
    escape(&mut text, device);
    text
}

/// What the label sets of a device begin with and those of no other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DeviceLabels(pub(super) String);

impl DeviceLabels {
    /// Those of the device of that name.
    pub fn of(device: &str) -> Self {
        let mut text = beginning(device);
        text.push('"');
        Self(text)
    }
}

fn push(text: &mut String, name: &str, value: &str) {
    text.push_str(name);
    text.push_str("=\"");
    escape(text, value);
    text.push('"');
}

/// Appends a label's value as both formats escape it.
pub(crate) fn escape(text: &mut String, value: &str) {
    // As nearly every value is.
    if !value.bytes().any(|b| matches!(b, b'\\' | b'"' | b'\n')) {
        text.push_str(value);
        return;
    }
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            c => text.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(labels: &[(&str, &str)], expected: Option<&str>) {
        let labels: Vec<_> = labels
            .iter()
            .map(|(n, v)| ((*n).into(), (*v).into()))
            .collect();
        assert_eq!(render("sw-1", &labels, None).as_deref(), expected);
    }

    #[test]
    fn renders_what_both_formats_read() {
        check(&[], Some(r#"{device="sw-1"}"#));
        check(
            &[("a", "to \"x\"\n\\"), ("b", ""), ("c", "ü")],
            Some(r#"{device="sw-1",a="to \"x\"\n\\",c="ü"}"#),
        );
    }

    #[test]
    fn what_is_rendered_is_read_again() {
        let labels = [("a", "to \"x\"\n\\n,{}="), ("c", "ü")];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let text = render("sw\"1\"", &labels, None).unwrap();
        let mut expected = vec![("device", "sw\"1\"".to_owned())];
        expected.extend(
            labels
                .iter()
                .map(|(name, value)| (name.as_str(), value.clone())),
        );
        assert_eq!(parse(&text).collect::<Vec<_>>(), expected);
        assert_eq!(parse("{}").count(), 0);
    }

    #[test]
    fn one_set_has_one_text() {
        let text = r#"{device="sw-1",a="1",b="2"}"#;
        check(&[("a", "1"), ("b", "2")], Some(text));
        check(&[("b", "2"), ("a", "1")], Some(text));
    }

    #[test]
    fn the_label_of_a_state_stands_last_and_is_there() {
        let labels = [("peer", "b"), ("bgp", "idle"), ("vrf", "")];
        let mut labels: Vec<_> = labels
            .iter()
            .map(|(n, v)| ((*n).into(), (*v).into()))
            .collect();
        assert_eq!(
            render("sw-1", &labels, Some("bgp")).as_deref(),
            Some(r#"{device="sw-1",peer="b",bgp="idle"}"#)
        );
        assert_eq!(render("sw-1", &labels, Some("other")), None);
        assert_eq!(render("sw-1", &labels, Some("vrf")), None);
        labels.clear();
        assert_eq!(render("sw-1", &labels, Some("bgp")), None);
    }

    #[test]
    fn refuses_what_would_spoil_the_page() {
        check(&[("device", "other")], None);
        check(&[("a", "1"), ("a", "2")], None);
        check(&[("a-b", "1")], None);
        check(&[("a", &"x".repeat(limits::LABELS))], None);
        check(&[("a", &"\n".repeat(limits::LABELS - 30))], None);
    }
}
