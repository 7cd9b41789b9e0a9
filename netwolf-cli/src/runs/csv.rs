//! Values with commas between, as RFC 4180 has them, but for the line ends, which are those of this system. Pure.

/// One record.
pub(super) fn record<T: AsRef<str>>(fields: impl IntoIterator<Item = T>) -> String {
    let fields: Vec<_> = fields
        .into_iter()
        .map(|field| quoted(field.as_ref()))
        .collect();
    fields.join(",") + "\n"
}

fn quoted(field: &str) -> String {
    if field.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_tear_a_record_is_quoted() {
        assert_eq!(
            record(["r1", "", "a,b", "say \"x\"", "1\n2"]),
            "r1,,\"a,b\",\"say \"\"x\"\"\",\"1\n2\"\n"
        );
    }
}
