//! Times as devices print them, and texts that are none.

use proptest::prelude::*;

use super::*;

fn reader(formats: &[&str], zone: Option<&str>, zones: &[(&str, &str)]) -> TimeReader {
    let times = Times {
        formats: formats.iter().map(|&format| format.to_owned()).collect(),
        zone: zone.map(str::to_owned),
        zones: zones
            .iter()
            .map(|&(name, offset)| (name.to_owned(), offset.to_owned()))
            .collect(),
    };
    TimeReader::compile(&times).unwrap()
}

fn check(formats: &[&str], text: &str, expected: Option<f64>) {
    assert_eq!(reader(formats, None, &[]).read(text), expected, "{text:?}");
}

/// 2026-03-07 09:05:03 UTC.
const TIME: f64 = 1_772_874_303.0;

#[test]
fn common_times_need_no_format() {
    for text in [
        "2026-03-07T09:05:03Z",
        "2026-03-07T10:05:03+01:00",
        "2026-03-07T09:05:03",
        "2026-03-07 04:35:03 -0430",
        "2026-03-07 09:05:03 UTC",
        " 2026-03-07 09:05:03 ",
        "2026/03/07 09:05:03",
        "09:05:03 UTC Sat Mar 7 2026",
        "Sat Mar  7 09:05:03 2026",
        "Sat Mar 7 09:05:03 GMT 2026",
        "Mar 7 2026 09:05:03",
        "March 07 2026 9:05:03 UTC",
    ] {
        check(&[], text, Some(TIME));
    }
    check(&[], "2026-03-07 09:05:03.250", Some(TIME + 0.25));
    check(&[], "1970-01-01", Some(0.0));
    check(&[], "1969-12-31 23:59:59", Some(-1.0));
}

#[test]
fn formats_are_tried_in_their_order() {
    check(
        &["%d.%m.%y %H:%M", "%m/%d/%Y %I:%M:%S %p"],
        "7.3.26 09:05",
        Some(TIME - 3.0),
    );
    check(
        &["%d.%m.%y %H:%M", "%m/%d/%Y %I:%M:%S %p"],
        "3/7/2026 9:05:03 am",
        Some(TIME),
    );
    check(&["%Y%m%d%H%M%S"], "20260307090503", Some(TIME));
    check(
        &["%Y%m%d 100%% %I %p"],
        "20260307 100% 12 AM",
        Some(1_772_841_600.0),
    );
    check(&["%Y%m%d %I%p"], "20260307 12PM", Some(1_772_884_800.0));
    check(&["%s"], "1772874303.5", Some(TIME + 0.5));
    check(&["%y-%m-%d"], "70-01-01", Some(0.0));
}

#[test]
fn a_zone_is_known_or_the_text_is_no_time() {
    let text = "10:05:03 CET Sat Mar 7 2026";
    check(&[], text, None);
    assert_eq!(
        reader(&[], None, &[("CET", "+01:00")]).read(text),
        Some(TIME)
    );
    let local = reader(&[], Some("+01:00"), &[]);
    assert_eq!(local.read("2026-03-07 10:05:03"), Some(TIME));
    assert_eq!(
        local.read("2026-03-07 09:05:03 UTC"),
        Some(TIME),
        "what the text says comes first"
    );
}

#[test]
fn what_is_no_time() {
    for text in [
        "",
        "never",
        "2026-02-29",
        "2026-13-01",
        "2026-03-07 24:00:00",
        "2026-03-07 09:60:00",
        "2026-03-07 09:05:61",
        "2026-03-07 09:05",
        "2026-03-07 09:05:03 and more",
        "26-03-07",
        "Sat Mär 7 09:05:03 2026",
        "Sat Marc 7 09:05:03 2026",
        "ä",
    ] {
        check(&[], text, None);
    }
}

#[test]
fn what_is_no_format_is_told() {
    let times = Times {
        formats: [
            "%Y-%m",
            "%Y-%m-%d %Q",
            "%",
            "%Y-%m-%d %I:%M",
            "%Y-%m-%d %M",
            "%d %b %H:%M:%S",
        ]
        .map(str::to_owned)
        .into(),
        zone: Some("CET".into()),
        zones: [("CEST".to_owned(), "2".to_owned())].into(),
    };
    let faults = TimeReader::compile(&times).unwrap_err();
    let texts: Vec<_> = faults.iter().map(|fault| fault.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "CET",
            "2",
            "%Y-%m",
            "%Y-%m-%d %Q",
            "%",
            "%Y-%m-%d %I:%M",
            "%Y-%m-%d %M",
            "%d %b %H:%M:%S"
        ]
    );
}

proptest! {
    #[test]
    fn a_time_is_read_back(year in 1_i64..=9999, month in 1_u32..=12, day in 1_u32..=28, second in 0_u32..86_400) {
        let (h, m, s) = (second / 3600, second / 60 % 60, second % 60);
        let days = civil::days(year, month, day).unwrap();
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let expected = Some((days * 86_400 + i64::from(second)) as f64);
        let reader = reader(&[], None, &[]);
        prop_assert_eq!(reader.read(&format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}Z")), expected);
        let name = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
            [month as usize - 1];
        prop_assert_eq!(reader.read(&format!("{h:02}:{m:02}:{s:02} UTC Mon {name} {day} {year:04}")), expected);
    }

    #[test]
    fn no_text_and_no_format_make_it_panic(format in "(%.|[-: ]|.){0,12}", text in "([0-9]{1,4}|[-:. ]|.){0,12}") {
        let times = Times { formats: vec![format], ..Times::default() };
        if let Ok(reader) = TimeReader::compile(&times) {
            reader.read(&text);
        }
        reader(&[], None, &[]).read(&text);
    }
}
