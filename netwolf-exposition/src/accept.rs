//! Which format and which encoding a client asks for, by its `Accept` and `Accept-Encoding` headers.

use super::Format;

/// The format for an `Accept` header: OpenMetrics only for those who name it, and prefer it to text.
pub fn format(accept: Option<&str>) -> Format {
    let mut open_metrics = 0.0f32;
    let mut text = 0.0f32;
    for range in accept.unwrap_or_default().split(',') {
        let (kind, parameters) = range.split_once(';').unwrap_or((range, ""));
        let version = parameter(parameters, "version");
        let quality = quality(parameters);
        match kind.trim().to_ascii_lowercase().as_str() {
            "application/openmetrics-text" if version.is_none_or(|v| v == "1.0.0") => {
                open_metrics = open_metrics.max(quality);
            }
            "text/plain" if version.is_none_or(|v| v == "0.0.4") => text = text.max(quality),
            _ => {}
        }
    }
    if open_metrics > 0.0 && open_metrics >= text {
        Format::OpenMetrics
    } else {
        Format::Text
    }
}

/// Whether an `Accept` header prefers plain text to JSON.
pub fn text_over_json(accept: Option<&str>) -> bool {
    let (mut text, mut json) = (0.0f32, 0.0f32);
    for range in accept.unwrap_or("*/*").split(',') {
        let (kind, parameters) = range.split_once(';').unwrap_or((range, ""));
        let quality = quality(parameters);
        match kind.trim().to_ascii_lowercase().as_str() {
            "text/plain" | "text/*" => text = text.max(quality),
            "application/json" | "application/*" => json = json.max(quality),
            _ => {}
        }
    }
    text > json
}

/// Whether an `Accept-Encoding` header allows gzip.
pub fn gzip(accept_encoding: Option<&str>) -> bool {
    let mut any = false;
    for range in accept_encoding.unwrap_or_default().split(',') {
        let (coding, parameters) = range.split_once(';').unwrap_or((range, ""));
        let allowed = quality(parameters) > 0.0;
        match coding.trim().to_ascii_lowercase().as_str() {
            "gzip" | "x-gzip" => return allowed,
            "*" => any = allowed,
            _ => {}
        }
    }
    any
}

fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    parameters.split(';').find_map(|parameter| {
        let (key, value) = parameter.split_once('=')?;
        key.trim()
            .eq_ignore_ascii_case(name)
            .then(|| value.trim().trim_matches('"'))
    })
}

fn quality(parameters: &str) -> f32 {
    let quality = parameter(parameters, "q").map_or(Ok(1.0), str::parse::<f32>);
    quality
        .ok()
        .filter(|q| q.is_finite())
        .map_or(0.0, |q| q.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_metrics_is_for_those_who_ask_for_it() {
        let check = |accept: &str, expected| assert_eq!(format(Some(accept)), expected, "{accept}");
        assert_eq!(format(None), Format::Text);
        check("*/*", Format::Text);
        check("", Format::Text);
        check("text/html,application/xhtml+xml,*/*;q=0.8", Format::Text);
        check("application/json", Format::Text);
        check("application/openmetrics-text", Format::OpenMetrics);
        check(
            "Application/OpenMetrics-Text; Version=1.0.0; charset=utf-8",
            Format::OpenMetrics,
        );
        // As Prometheus asks.
        check(
            "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,\
             text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            Format::OpenMetrics,
        );
        check(
            "application/openmetrics-text;q=0.3, text/plain;q=0.9",
            Format::Text,
        );
        check("application/openmetrics-text;q=0, */*", Format::Text);
        check("application/openmetrics-text;version=2.0.0", Format::Text);
        check("application/openmetrics-text;q=nonsense", Format::Text);
    }

    #[test]
    fn plain_text_is_for_those_who_ask_for_it() {
        let check =
            |accept: &str, expected| assert_eq!(text_over_json(Some(accept)), expected, "{accept}");
        assert!(!text_over_json(None));
        check("*/*", false);
        check("text/plain", true);
        check("text/plain, */*", true);
        check("application/json, text/plain, */*", false);
        check("application/json;q=0.5, text/plain", true);
        check("text/plain;q=0", false);
    }

    #[test]
    fn gzip_is_for_those_who_can_read_it() {
        let check = |accept: &str, expected| assert_eq!(gzip(Some(accept)), expected, "{accept}");
        assert!(!gzip(None));
        check("gzip", true);
        check("br, gzip;q=0.5", true);
        check("*", true);
        check("gzip;q=0, *", false);
        check("identity", false);
    }
}
