//! What is read: lists in pages, streams of events, procedures, and what is asked wrongly.

use tokio::io::AsyncBufReadExt;

use super::{
    super::client::{post_chunked, post_text},
    *,
};

#[tokio::test]
async fn lists_come_in_pages_and_by_state() {
    let stage = Stage::prepared(&TWO).await;
    for _ in 0..3 {
        stage
            .submit(&json!({"procedure": "load", "where": ["name=*"]}))
            .await;
    }
    let ids = |page: &Value| {
        let runs = page["runs"].as_array().unwrap();
        runs.iter()
            .map(|run| run["id"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    let page = stage.read("?limit=2").await;
    assert_eq!((ids(&page), &page["next"]), (vec![3, 2], &json!(2)));
    let page = stage.read("?limit=2&before=2").await;
    assert_eq!((ids(&page), &page["next"]), (vec![1], &Value::Null));
    assert_eq!(ids(&stage.read("?state=succeeded").await), [0; 0]);
    assert_eq!(ids(&stage.read("?state=running").await), [3, 2, 1]);

    let devices = |page: &Value| {
        let steps = page["steps"].as_array().unwrap();
        let names = steps
            .iter()
            .map(|step| step["device"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    let page = stage.read("/1/steps?limit=1").await;
    assert_eq!(
        (devices(&page), &page["next"]),
        (vec!["sw-1".into()], &json!(0))
    );
    let page = stage.read("/1/steps?limit=1&after=0").await;
    assert_eq!(
        (devices(&page), &page["next"]),
        (vec!["sw-2".into()], &Value::Null)
    );
    assert!(devices(&stage.read("/1/steps?state=failed").await).is_empty());

    let web = stage.manager.web_addr;
    for (path, status) in [
        ("?state=done", 400),
        ("?lim=2", 400),
        ("/1/steps?after=x", 400),
        ("/x", 404),
        ("/9", 404),
        ("/9/steps", 404),
        ("/1/steps/sw-9", 404),
        ("/9/events", 404),
    ] {
        let answer = get(web, &format!("/api/v1/runs{path}")).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.json()["error"].is_string(), "{path}");
    }
    let nowhere = get(web, "/api/v1/runs/1/steps/sw-9").await.json();
    assert_eq!(
        nowhere,
        json!({
            "error": "run 1 has no step on a device \"sw-9\"",
            "hint": "`netwolf runs show 1` lists its devices",
        })
    );
}

#[tokio::test]
async fn what_means_nothing_is_refused_with_what_to_do() {
    let stage = Stage::prepared(&ONE).await;
    let web = stage.manager.web_addr;
    stage
        .submit(&json!({"procedure": "load", "devices": ["sw-1"]}))
        .await;
    for path in [
        "runs?limit=0",
        "runs?limit=1001",
        "runs?limit=x",
        "runs?limit=1&limit=2",
        "runs?before=0",
        "runs?before=9007199254740992",
        "runs?state=done",
        "runs?x",
        "runs/1?x=1",
        "runs/1/events?x=1",
        "runs/1/steps?limit=0",
        "runs/1/steps?after=-1",
        "runs/1/steps/sw-1?x=1",
        "backup?x=1",
        "procedures/load?x=1",
        "procedures?x=1",
        "devices?x=1",
        "devices/sw-1?command=a",
        "devices/sw-1/output?x=1",
        "status?x=1",
        "agents?x=1",
        "credentials?x=1",
        "authorities?x=1",
        "openapi.json?x=1",
    ] {
        let answer = get(web, &format!("/api/v1/{path}")).await;
        assert_eq!(answer.status, 400, "{path}");
        let told = answer.json();
        let words = [&told["error"], &told["hint"]].map(|it| it.as_str().unwrap());
        assert!(!words[0].contains("deserialize"), "{path}: {told}");
    }
    let answer = post(web, "/api/v1/runs/1/cancel?force=true").await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert_eq!(stage.read("/1").await["state"], "running");
    for path in [
        "runs?limit=1000&before=9007199254740991",
        "runs?",
        "backup?",
    ] {
        let answer = get(web, &format!("/api/v1/{path}")).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    }
    // A run has one path.
    for number in [
        "01",
        "+1",
        "0",
        "1%20",
        "9007199254740992",
        "18446744073709551615",
    ] {
        for of_it in ["", "/steps", "/events"] {
            let path = format!("/api/v1/runs/{number}{of_it}");
            let answer = get(web, &path).await;
            assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        }
    }
}

#[tokio::test]
async fn a_body_is_one_object_and_has_an_end() {
    let stage = Stage::prepared(&ONE).await;
    let web = stage.manager.web_addr;
    for (path, body) in [
        (
            "runs",
            r#"[null,"arr",["show clock"],false,null,null,null,["sw-1"]]"#,
        ),
        (
            "runs",
            r#"{"procedure":"load","devices":["sw-1"],"rollout":[1]}"#,
        ),
        ("runs", r#"{"commands":[["uptime"]],"devices":["sw-1"]}"#),
        ("runs/1/retry", "[false]"),
        ("runs/1/retry", "[true]"),
        ("runs/1/steps/sw-1/settle", r#"["succeeded",null]"#),
    ] {
        let answer = post_text(web, &format!("/api/v1/{path}"), body).await;
        let (status, told) = (answer.status, answer.json());
        assert_eq!(status, 400, "{body}: {told}");
        assert!(
            told["error"].as_str().unwrap().contains("no object"),
            "{told}"
        );
        assert!(told["hint"].is_string(), "{told}");
    }
    assert_eq!(stage.read("").await["runs"], json!([]));

    let long = json!({ "procedure": "load", "devices": ["sw-1"], "comment": "x".repeat(70_000) });
    let long = long.to_string();
    for answer in [
        post_text(web, "/api/v1/runs", &long).await,
        post_chunked(web, "/api/v1/runs", &long).await,
    ] {
        let (status, told) = (answer.status, answer.json());
        assert_eq!(status, 413, "{told}");
        assert_eq!(told["error"], "a request has at most 65536 bytes");
    }
    let whole = json!({ "procedure": "load", "devices": ["sw-1"] }).to_string();
    let answer = post_chunked(web, "/api/v1/runs", &whole).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
}

/// Reads a stream of events until its end.
async fn events(stage: &Stage, run: u64) -> Vec<(String, Value)> {
    let socket = TcpStream::connect(stage.manager.web_addr).await.unwrap();
    let (read, mut write) = socket.into_split();
    let request = format!("GET /api/v1/runs/{run}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    write.write_all(request.as_bytes()).await.unwrap();
    let mut lines = BufReader::new(read).lines();
    let (mut events, mut kind, mut counted) = (Vec::new(), String::new(), 0);
    while let Some(line) = lines.next_line().await.unwrap() {
        if let Some(name) = line.strip_prefix("event: ") {
            kind = name.to_owned();
        } else if let Some(data) = line.strip_prefix("data: ") {
            events.push((kind.clone(), serde_json::from_str(data).unwrap()));
        } else if let Some(id) = line.strip_prefix("id: ") {
            counted += 1;
            assert_eq!(id, counted.to_string());
        }
        if kind == "end" && events.last().is_some_and(|(kind, _)| kind == "end") {
            break;
        }
    }
    events
}

#[tokio::test]
async fn a_stream_tells_how_each_step_stands_and_ends_with_the_run() {
    let stage = Stage::prepared(&TWO).await;
    let agent = stage.worker(&TWO).await;
    stage
        .submit(&json!({"procedure": "load", "where": ["name=*"]}))
        .await;
    let orders = [agent.step("sw-1", 1).await, agent.step("sw-2", 1).await];
    let work = async {
        for order in &orders {
            agent.carry_out(order, "0.1\n", StepEnd::Succeeded).await;
        }
    };
    let (told, ()) = tokio::join!(timeout(PATIENCE, events(&stage, 1)), work);
    let told = told.unwrap();
    assert_eq!(told[0].0, "run");
    let (kind, end) = told.last().unwrap();
    assert_eq!((kind.as_str(), &end["state"]), ("end", &json!("succeeded")));
    for device in ["sw-1", "sw-2"] {
        let mut of_device = told
            .iter()
            .rev()
            .filter(|(_, data)| data["device"] == device);
        let (kind, last) = of_device.next().unwrap();
        assert_eq!(
            (kind.as_str(), &last["state"]),
            ("step", &json!("succeeded"))
        );
    }
    // Who comes late is told how it stands.
    let late = timeout(PATIENCE, events(&stage, 1)).await.unwrap();
    let kinds: Vec<_> = late.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["run", "step", "step", "end"]);
    // A stream does not hold the manager's end up.
    stage
        .submit(&json!({"procedure": "load", "devices": ["sw-1"]}))
        .await;
    let begun = Instant::now();
    let reading = events(&stage, 2);
    let ending = async {
        agent.step("sw-1", 1).await;
    };
    let both = async { tokio::join!(reading, ending) };
    drop(timeout(Duration::from_millis(300), both).await);
    stage.manager.shutdown().await;
    assert!(begun.elapsed() < PATIENCE);
}

#[tokio::test]
async fn procedures_of_the_configuration_and_the_library_are_listed() {
    let stage = Stage::prepared(&ONE).await;
    let web = stage.manager.web_addr;
    let list = get(web, "/api/v1/procedures").await.json();
    let listed = list["procedures"].as_array().unwrap().iter();
    let names: Vec<_> = listed.map(|it| it["name"].as_str().unwrap()).collect();
    for name in ["load", "ntp", "version"] {
        assert!(names.contains(&name), "{names:?}");
    }
    let one = get(web, "/api/v1/procedures/ntp").await.json();
    assert_eq!(
        (&one["changes"], &one["credential"]),
        (&json!(true), &json!("changer"))
    );
    assert_eq!(
        one["definition"]["commands"][1]["command"],
        "service ntp restart"
    );
    assert_eq!(
        one["rollout"],
        json!({"in_flight": 500}),
        "as it is in force"
    );
    assert_eq!(
        (&one["run_deadline"], &one["guards"], &one["window"]),
        (&json!("1h"), &json!([]), &json!(null))
    );
    let unknown = get(web, "/api/v1/procedures/ntpp").await;
    assert_eq!(unknown.status, 404);
    assert_eq!(unknown.json()["hint"], "did you mean \"ntp\"?");
}

#[tokio::test]
async fn streams_of_events_are_few() {
    let stage = Stage::prepared(&ONE).await;
    stage
        .submit(&json!({"procedure": "load", "devices": ["sw-1"]}))
        .await;
    let streams = &stage.manager.state().runs.streams;
    let taken = u32::try_from(crate::runs::STREAMS).unwrap();
    let held = streams.clone().acquire_many_owned(taken).await.unwrap();
    let web = stage.manager.web_addr;
    let refused = get(web, "/api/v1/runs/1/events").await;
    assert_eq!(refused.status, 429, "{}", refused.text());
    drop(held);
    let told = async { events(&stage, 1).await };
    let cancel = async { stage.act("/1/cancel", &json!({})).await };
    let (told, _) = tokio::join!(timeout(PATIENCE, told), cancel);
    assert_eq!(told.unwrap().last().unwrap().1["state"], "cancelled");
}

#[tokio::test]
async fn more_live_steps_than_memory_is_meant_for_are_refused() {
    let stage = Stage::prepared(&ONE).await;
    let runs = &stage.manager.state().runs;
    stage
        .submit(&json!({"procedure": "load", "devices": ["sw-1"]}))
        .await;
    let (run, steps) = runs.whole(netwolf_wire::step::RunId(1)).await.unwrap();
    let spec = netwolf_runs::model::Spec::clone(&run.spec);
    let many = vec![steps[0].spec.clone(); crate::runs::MAX_LIVE];
    let refusal = runs.submit(spec, many).await.unwrap_err();
    assert_eq!(refusal.kind, crate::runs::Kind::TooMany);
    assert_eq!(stage.read("").await["runs"].as_array().unwrap().len(), 1);
}
