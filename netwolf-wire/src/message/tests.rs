//! The forms on the wire are pinned: an agent of last year must still be understood.

use super::*;
use crate::version::CURRENT;

#[track_caller]
fn check<M: Serialize + serde::de::DeserializeOwned + PartialEq + fmt::Debug>(
    message: &M,
    json: &str,
) {
    assert_eq!(serde_json::to_string(message).unwrap(), json);
    assert_eq!(&serde_json::from_str::<M>(json).unwrap(), message);
}

#[test]
fn a_message_is_an_object_with_its_kind_as_key() {
    check(&ToAgent::from(Renew { beat: 3 }), r#"{"renew":{"beat":3}}"#);
    check(&ToManager::from(Goodbye {}), r#"{"goodbye":{}}"#);
    check(
        &ToManager::from(Hello {
            protocol: CURRENT,
            software: "0.1.0".into(),
            agent: AgentName::new("a1").unwrap(),
            shard: 1,
            shards: 2,
            incarnation: Incarnation(7),
            site: Some("ams".into()),
            size: 2,
            web: None,
            silent: Span::default(),
            running: Vec::new(),
        }),
        r#"{"hello":{"protocol":{"major":1,"minor":2},"software":"0.1.0","agent":"a1","shard":1,"shards":2,"incarnation":7,"site":"ams","size":2,"running":[]}}"#,
    );
    check(
        &ToManager::from(Polls {
            polls: vec![Poll(
                crate::series::DeviceNo(1),
                1000,
                vec![(crate::series::SeriesNo(2), crate::series::Value(0.5))],
            )],
        }),
        r#"{"polls":{"polls":[[1,1000,[[2,0.5]]]]}}"#,
    );
}

#[test]
fn an_unknown_kind_is_skipped_with_all_that_it_holds() {
    let message: ToAgent = serde_json::from_str(r#"{"dance":{"steps":[1,{"a":null}]}}"#).unwrap();
    assert_eq!(message, ToAgent::Unknown("dance".into()));
}

#[test]
fn an_unknown_field_is_skipped() {
    let message: ToAgent = serde_json::from_str(r#"{"renew":{"beat":3,"mood":"good"}}"#).unwrap();
    assert_eq!(message, Renew { beat: 3 }.into());
}

#[test]
fn two_kinds_or_none_are_refused() {
    for json in [
        "{}",
        r#"{"renew":{"beat":1},"refused":{}}"#,
        "[]",
        "3",
        "\"renew\"",
    ] {
        assert!(serde_json::from_str::<ToAgent>(json).is_err(), "{json}");
    }
}

#[test]
fn values_that_json_lacks_are_text() {
    for (value, json) in [
        (f64::INFINITY, "\"+Inf\""),
        (f64::NEG_INFINITY, "\"-Inf\""),
        (-0.25, "-0.25"),
        (3.0, "3.0"),
    ] {
        check(&crate::series::Value(value), json);
    }
    assert!(
        serde_json::from_str::<crate::series::Value>("\"NaN\"")
            .unwrap()
            .0
            .is_nan()
    );
    assert!(serde_json::from_str::<crate::series::Value>("\"1\"").is_err());
}
