//! OpenMetrics, which is all that `prometheus-client` writes, as text 0.0.4.
//!
//! The lines of samples are the same in both; families are introduced by the names of their samples, and text 0.0.4
//! knows neither units nor an end mark nor info metrics and state sets.

/// A small page of OpenMetrics as text 0.0.4.
///
/// ```
/// let page = "# HELP x Counts x.\n# TYPE x counter\n# UNIT x seconds\nx_total 1\n# EOF\n";
/// let text = netwolf_exposition::text::from_open_metrics(page);
/// assert_eq!(text, "# HELP x_total Counts x.\n# TYPE x_total counter\nx_total 1\n");
/// ```
pub fn from_open_metrics(page: &str) -> String {
    let mut text = String::with_capacity(page.len() + 512);
    // The type comes after the help text, which needs it.
    let mut help = None;
    for line in page.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ');
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap_or((rest, "untyped"));
            let (suffix, kind) = match kind {
                "counter" => ("_total", "counter"),
                "info" => ("_info", "gauge"),
                "stateset" => ("", "gauge"),
                "unknown" => ("", "untyped"),
                kind => ("", kind),
            };
            if let Some((_, help)) = help.take().filter(|(named, _)| *named == name) {
                text.extend(["# HELP ", name, suffix, " ", help, "\n"]);
            }
            text.extend(["# TYPE ", name, suffix, " ", kind, "\n"]);
        } else if !line.starts_with("# ") {
            text.extend([line, "\n"]);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use prometheus_client::{
        encoding::text::encode,
        metrics::{counter::Counter, gauge::Gauge, info::Info},
        registry::Registry,
    };

    use super::*;

    #[test]
    fn families_of_each_type_are_introduced_as_their_samples_are_called() {
        let mut registry = Registry::with_prefix("x");
        registry.register("logins", "Logins", Counter::<u64>::default());
        registry.register("open", "Is open", Gauge::<i64>::default());
        registry.register("build", "The program", Info::new([("version", "1")]));
        let mut page = String::new();
        encode(&mut page, &registry).unwrap();
        assert!(page.ends_with("# EOF\n"));
        assert_eq!(
            from_open_metrics(&page),
            "# HELP x_logins_total Logins.\n# TYPE x_logins_total counter\nx_logins_total 0\n\
             # HELP x_open Is open.\n# TYPE x_open gauge\nx_open 0\n\
             # HELP x_build_info The program.\n# TYPE x_build_info gauge\nx_build_info{version=\"1\"} 1\n"
        );
    }
}
