//! Where values come from: a Prometheus, or what a test makes up.

use std::{collections::BTreeMap, str::FromStr, time::Duration};

use anyhow::Context;
use hyper::Method;
use serde::Deserialize;
use serde_json::Value;
use tokio::runtime::Runtime;

use super::window::Window;
use crate::http::{self, Peer};

const PROMETHEUS: Peer = Peer {
    name: "Prometheus",
    flag: "--prometheus.url",
    port: 9090,
    // It gives up a query after two minutes; a person has done so before.
    deadline: Duration::from_secs(30),
};

pub(super) type Labels = BTreeMap<String, String>;

/// Values of one series, in the order of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Series {
    pub(super) labels: Labels,
    /// Seconds of Unix time, and the value then.
    pub(super) points: Vec<(f64, f64)>,
}

/// Who can be asked. Errors are the words of whoever was asked.
pub(super) trait Source {
    /// The series of `query` over `window`, a point each `step` seconds.
    fn range(&self, query: &str, window: Window, step: f64) -> Result<Vec<Series>, String>;
    /// The series of `query` at `time`, with one point each.
    fn instant(&self, query: &str, time: f64) -> Result<Vec<Series>, String>;
    /// The values of `label`, of all series or of those that `selector` chooses; sorted.
    fn label_values(
        &self,
        label: &str,
        selector: Option<&str>,
        window: Window,
    ) -> Result<Vec<String>, String>;
}

/// Where a Prometheus is.
#[derive(Clone, Debug)]
pub(super) struct Address(http::Address);

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        http::Address::parse(text, PROMETHEUS.port).map(Self)
    }
}

/// A Prometheus, or what speaks as one. It is asked one thing at a time, so that it hardly notices.
pub(super) struct Prometheus {
    address: http::Address,
    runtime: Runtime,
}

impl Prometheus {
    /// # Errors
    /// When nothing there answers as a Prometheus does: before anything is asked of it in earnest.
    pub(super) fn at(address: &Address) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start")?;
        let prometheus = Self {
            address: address.0.clone(),
            runtime,
        };
        prometheus
            .ask("/api/v1/query", &[("query", "vector(1)")])
            .context("this is no Prometheus that can be asked")?;
        Ok(prometheus)
    }

    /// What it has to say to `path` with `pairs`.
    fn ask(&self, path: &str, pairs: &[(&str, &str)]) -> anyhow::Result<Value> {
        let pairs = pairs
            .iter()
            .map(|(key, value)| format!("{}={}", http::escape(key), http::escape(value)));
        let path = format!("{path}?{}", pairs.collect::<Vec<_>>().join("&"));
        let access = http::Access::default();
        let asked = self
            .address
            .ask(&PROMETHEUS, &access, Method::GET, &path, None);
        let (status, body) = self.runtime.block_on(asked)?;
        let url = self.address.url("");
        let answer: Answer = serde_json::from_slice(&body)
            .with_context(|| format!("{url} answered {status}, and not as Prometheus does"))?;
        match answer {
            Answer::Success { data } => Ok(data),
            Answer::Error { error } => anyhow::bail!("{error}"),
        }
    }

    fn series(&self, path: &str, pairs: &[(&str, &str)]) -> Result<Vec<Series>, String> {
        let data = self
            .ask(path, pairs)
            .map_err(|error| format!("{error:#}"))?;
        let result: QueryResult =
            serde_json::from_value(data).map_err(|error| format!("unexpected answer: {error}"))?;
        result.series()
    }
}

impl Source for Prometheus {
    fn range(&self, query: &str, window: Window, step: f64) -> Result<Vec<Series>, String> {
        let [from, to, step] = [window.from, window.to, step].map(|time| time.to_string());
        let pairs = [
            ("query", query),
            ("start", &from),
            ("end", &to),
            ("step", &step),
        ];
        self.series("/api/v1/query_range", &pairs)
    }

    fn instant(&self, query: &str, time: f64) -> Result<Vec<Series>, String> {
        let time = time.to_string();
        self.series("/api/v1/query", &[("query", query), ("time", &time)])
    }

    fn label_values(
        &self,
        label: &str,
        selector: Option<&str>,
        window: Window,
    ) -> Result<Vec<String>, String> {
        let [from, to] = [window.from, window.to].map(|time| time.to_string());
        let mut pairs = vec![("start", from.as_str()), ("end", &to)];
        pairs.extend(selector.map(|selector| ("match[]", selector)));
        let path = format!("/api/v1/label/{}/values", http::escape(label));
        let data = self
            .ask(&path, &pairs)
            .map_err(|error| format!("{error:#}"))?;
        serde_json::from_value(data).map_err(|error| format!("unexpected answer: {error}"))
    }
}

#[derive(Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
enum Answer {
    Success { data: Value },
    Error { error: String },
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum QueryResult {
    Matrix(Vec<RawSeries>),
    Vector(Vec<RawSeries>),
    Scalar((f64, String)),
    String((f64, String)),
}

/// Of a matrix with `values`, of a vector with `value`.
#[derive(Deserialize)]
struct RawSeries {
    metric: Labels,
    #[serde(default)]
    values: Vec<(f64, String)>,
    #[serde(default)]
    value: Option<(f64, String)>,
}

impl QueryResult {
    fn series(self) -> Result<Vec<Series>, String> {
        match self {
            Self::Matrix(raw) | Self::Vector(raw) => raw.into_iter().map(RawSeries::read).collect(),
            Self::Scalar(point) => Ok(vec![Series {
                labels: Labels::new(),
                points: vec![number(&point)?],
            }]),
            Self::String((_, text)) => {
                Err(format!("the answer is the text {text:?}, and no series"))
            }
        }
    }
}

impl RawSeries {
    fn read(self) -> Result<Series, String> {
        let points = self.values.iter().chain(&self.value).map(number);
        Ok(Series {
            points: points.collect::<Result<_, _>>()?,
            labels: self.metric,
        })
    }
}

/// A value as Prometheus writes it: `+Inf`, `-Inf` and `NaN` among them.
fn number((time, text): &(f64, String)) -> Result<(f64, f64), String> {
    let value = text.parse();
    let value = value.map_err(|_| format!("{text:?} is no value"))?;
    Ok((*time, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Vec<Series> {
        let result: QueryResult = serde_json::from_str(json).unwrap();
        result.series().unwrap()
    }

    #[test]
    fn results_of_each_kind_are_series() {
        let labels = Labels::from([("device".into(), "core-1".into())]);
        let matrix = r#"{ "resultType": "matrix", "result": [
            { "metric": { "device": "core-1" }, "values": [[1.5, "2"], [2.5, "+Inf"]] } ] }"#;
        let expected = Series {
            labels: labels.clone(),
            points: vec![(1.5, 2.0), (2.5, f64::INFINITY)],
        };
        assert_eq!(read(matrix), [expected]);
        let vector = r#"{ "resultType": "vector", "result": [
            { "metric": { "device": "core-1" }, "value": [1, "0.5"] } ] }"#;
        let expected = Series {
            labels,
            points: vec![(1.0, 0.5)],
        };
        assert_eq!(read(vector), [expected]);
        let scalar = r#"{ "resultType": "scalar", "result": [1, "3"] }"#;
        assert_eq!(read(scalar)[0].points, [(1.0, 3.0)]);
    }
}
