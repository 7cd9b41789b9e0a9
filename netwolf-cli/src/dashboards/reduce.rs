//! Many values made one: what Grafana calls calculations. Pure.

use super::number::float;

/// `calculation` of `points`; none where there is nothing to calculate with.
pub(super) fn reduce(calculation: &str, points: &[(f64, f64)]) -> Option<f64> {
    let values: Vec<f64> = points.iter().map(|(_, value)| *value).collect();
    let numbers = || values.iter().copied().filter(|value| !value.is_nan());
    let least = || numbers().min_by(f64::total_cmp);
    let most = || numbers().max_by(f64::total_cmp);
    let sum = || numbers().reduce(|sum, value| sum + value);
    match calculation {
        "first" | "firstNotNull" => values.first().copied(),
        "min" => least(),
        "max" => most(),
        "mean" => Some(sum()? / float(numbers().count())),
        "sum" => sum(),
        "count" => Some(float(values.len())),
        "range" => Some(most()? - least()?),
        "diff" => Some(values.last()? - values.first()?),
        // `lastNotNull` and `last`: Prometheus has no nulls.
        _ => values.last().copied(),
    }
}

/// The heading over such values.
pub(super) fn heading(calculation: &str) -> &str {
    match calculation {
        "lastNotNull" => "Last *",
        "last" => "Last",
        "first" => "First",
        "firstNotNull" => "First *",
        "min" => "Min",
        "max" => "Max",
        "mean" => "Mean",
        "sum" => "Total",
        "count" => "Count",
        "range" => "Range",
        "diff" => "Difference",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_calculation_is_what_its_name_says() {
        let points = [(1.0, 4.0), (2.0, f64::NAN), (3.0, 1.0), (4.0, 7.0)];
        for (calculation, expected) in [
            ("lastNotNull", 7.0),
            ("first", 4.0),
            ("min", 1.0),
            ("max", 7.0),
            ("mean", 4.0),
            ("sum", 12.0),
            ("count", 4.0),
            ("range", 6.0),
            ("diff", 3.0),
        ] {
            assert_eq!(
                reduce(calculation, &points),
                Some(expected),
                "{calculation}"
            );
        }
        assert_eq!(reduce("mean", &[]), None);
    }
}
