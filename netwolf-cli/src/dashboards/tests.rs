use super::{
    ask::Asked,
    model::Dashboard,
    source::{Labels, Series, Source},
    window::Window,
    *,
};

/// 2026-09-21 14:13:20.
const NOW: f64 = 1_790_000_000.0;

/// Three devices that were made up.
struct MadeUp;

impl MadeUp {
    fn series(query: &str, times: &[f64]) -> Result<Vec<Series>, String> {
        let labels = |name: &str, value: &str| Labels::from([(name.to_owned(), value.to_owned())]);
        let over = |labels, value: &dyn Fn(f64) -> f64| Series {
            labels,
            points: times.iter().map(|&time| (time, value(time))).collect(),
        };
        match query {
            "load" | "load{device=~\"(core-1|core-2)\"}" => Ok(vec![
                over(labels("device", "core-1"), &|_| 0.25),
                over(labels("device", "core-2"), &|time| {
                    0.9 + (time % 20.0) / 200.0
                }),
            ]),
            "up" => Ok(vec![over(labels("device", "core-1"), &|time| {
                f64::from(u8::from(time < NOW - 30.0))
            })]),
            "buckets" => Ok(vec![
                over(labels("le", "+Inf"), &|_| 9.0),
                over(labels("le", "0.001"), &|time| time % 10.0),
                over(labels("le", "0.1"), &|_| 7.0),
            ]),
            "nothing" => Ok(Vec::new()),
            "infinite" => Ok(vec![over(Labels::new(), &|_| f64::INFINITY)]),
            other => Err(format!("parse error: unexpected {other}")),
        }
    }
}

impl Source for MadeUp {
    fn range(&self, query: &str, window: Window, step: f64) -> Result<Vec<Series>, String> {
        let times = std::iter::successors(Some(window.from), |time| Some(time + step));
        let times: Vec<f64> = times.take_while(|time| *time <= window.to).collect();
        Self::series(query, &times)
    }

    fn instant(&self, query: &str, time: f64) -> Result<Vec<Series>, String> {
        Self::series(query, &[time])
    }

    fn label_values(&self, _: &str, _: Option<&str>, _: Window) -> Result<Vec<String>, String> {
        Ok(vec!["core-2".into(), "core-1".into()])
    }
}

fn small() -> Dashboard {
    serde_json::from_str(include_str!("testdata/small.json")).unwrap()
}

fn asked(dashboard: &Dashboard, is_thorough: bool) -> Asked<'_> {
    let question = Question {
        given: &Given::new(),
        now: NOW,
        length: None,
        scrape: 5.0,
        is_thorough,
    };
    ask::ask(dashboard, &MadeUp, &question)
}

#[test]
fn a_page_of_one_panel_of_each_kind() {
    let dashboard = small();
    let page = page::draw(&asked(&dashboard, false), Theme::Dark, &[], NOW);
    assert_eq!(
        page.errors,
        ["Refused: query A: parse error: unexpected bad"]
    );
    assert_eq!((page.panels, page.without_data), (9, 1));
    let (_, body) = page.html.split_once("</style>\n").unwrap();
    insta::assert_snapshot!(body);
}

#[test]
fn a_page_needs_nothing_from_elsewhere() {
    let dashboard = small();
    let html = page::draw(&asked(&dashboard, false), Theme::Light, &[], NOW).html;
    for sign in [
        "<script", "<link", "<img", "http://", "https://", "url(", "@import",
    ] {
        assert!(!html.contains(sign), "{sign}");
    }
}

#[test]
fn a_check_tells_what_has_no_data() {
    let mut dashboard = small();
    dashboard.panels[4].targets[0].expr = "infinite".into();
    let asked = asked(&dashboard, true);
    let report = Report::new("small", &asked);
    assert_eq!(
        report.errors(),
        ["small: Refused, query A: parse error: unexpected bad"]
    );
    insta::assert_snapshot!(check::text(&[report]));
}

#[test]
fn a_check_asks_over_time_what_is_drawn_of_one_moment() {
    let dashboard = small();
    let asked = asked(&dashboard, true);
    let report = serde_json::to_value(Report::new("small", &asked)).unwrap();
    let last = report["queries"]
        .as_array()
        .unwrap()
        .iter()
        .find(|query| query["panel"] == "Last");
    let last = last.unwrap();
    assert_eq!(last["outcome"], "data");
    assert_eq!(
        last["samples"],
        2 * 13 + 2,
        "thirteen steps and the moment, of two devices"
    );
    assert_eq!(report["variables"]["device"], json!(["core-1", "core-2"]));
}
