//! Parts of the page, probes and lists of targets, as Prometheus asks for them.

use super::*;

const OPEN_METRICS: (&str, &str) = ("Accept", "application/openmetrics-text");

/// A device with a family of the collector `cpu` and one of none, beside a device that nobody polls.
async fn stage() -> (Stage, FakeAgent) {
    let stage = Stage::new(&[("sw-1", 22), ("sw-10", 22)]).await;
    let agent = stage.agent("a1").await;
    let lease = agent.lease("sw-1").await;
    agent
        .declare(&lease, &["netwolf_load_average", "load"])
        .await;
    agent.status_up(&lease).await;
    agent
        .poll(&[("netwolf_load_average", 0.5), ("load", 2.0)])
        .await;
    stage.sees(r#"load{device="sw-1"} 2"#).await;
    stage.sees(r#"netwolf_device_up{device="sw-1"} 1"#).await;
    (stage, agent)
}

#[tokio::test]
async fn a_scraper_gets_the_part_that_it_asks_for() {
    let (stage, _agent) = stage().await;
    let web = stage.manager.web_addr;
    let ask = async |query: &str| {
        let answer = get(web, &format!("/metrics?{query}")).await;
        assert_eq!(answer.status, 200, "{query}");
        answer.text()
    };
    let average = r#"netwolf_load_average{device="sw-1"} 0.5"#;
    let (load, up) = (
        r#"load{device="sw-1"} 2"#,
        r#"netwolf_device_up{device="sw-1"} 1"#,
    );
    let has = |page: &str, line: &str| page.lines().any(|l| l == line);

    for query in ["collect[]=cpu", "collect%5B%5D=cpu", "collect=cpu"] {
        let page = ask(query).await;
        assert!(has(&page, average) && !page.contains("load{"), "{page}");
        assert!(
            page.contains(" (collector cpu: `cat /proc/loadavg "),
            "{page}"
        );
        assert!(
            !page.contains("netwolf_device_") && !page.contains("netwolf_manager_"),
            "{page}"
        );
        testing::promtool(&page);
    }
    let page = ask("collect[]=netwolf").await;
    assert!(
        has(&page, up) && page.contains("netwolf_manager_links ") && !page.contains("\nload{"),
        "{page}"
    );
    let page = ask("device=sw-1").await;
    assert!(
        [average, load, up].iter().all(|line| has(&page, line)),
        "{page}"
    );
    assert!(
        !page.contains("sw-10") && !page.contains("netwolf_manager_") && !page.contains("process_"),
        "{page}"
    );
    testing::promtool(&page);
    let page = ask("device=sw-10&device=sw-1&collect[]=cpu&collect[]=netwolf").await;
    assert!(
        has(&page, average) && has(&page, up) && page.contains("sw-10"),
        "{page}"
    );
    assert!(!has(&page, load), "{page}");
    let page = ask("device=sw-10&collect=cpu").await;
    assert!(page.is_empty(), "{page}");

    let path = "/metrics?device=sw-1";
    let open = get_with(web, path, &[OPEN_METRICS]).await.text();
    assert!(open.ends_with("# EOF\n") && has(&open, average), "{open}");
    let small = get_with(web, path, &[("Accept-Encoding", "gzip")]).await;
    assert!(has(&small.unzipped(), average));
}

#[tokio::test]
async fn what_cannot_be_asked_for_is_told_with_what_can() {
    let (stage, _agent) = stage().await;
    let web = stage.manager.web_addr;
    for (path, status, words) in [
        ("/metrics?collect[]=bgp", 400, "there are cpu, netwolf"),
        ("/metrics?device=sw-2", 404, "unknown device \"sw-2\""),
        ("/metrics?devices=sw-1", 400, "`collect[]`"),
        ("/probe", 400, "target=NAME"),
        ("/probe?target=sw-1&target=sw-10", 400, "one `target`"),
        ("/probe?target=sw-2", 404, "unknown device \"sw-2\""),
        ("/probe?target=192.0.2.1", 400, "/sd/devices"),
        (
            "/probe?target=127.0.0.1:22",
            400,
            "name the device: \"sw-1\"",
        ),
        ("/probe?target=[::1]:22", 400, "is an address"),
        (
            "/probe?target=sw-1&module=bgp",
            400,
            "there are cpu, netwolf",
        ),
        ("/probe?target=sw-1&debug=true", 400, "`module`"),
        ("/sd/agents?x=1", 400, "unknown parameter \"x\""),
        ("/sd/devices?target=port", 400, "name, address"),
    ] {
        let answer = get(web, path).await;
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.text().contains(words), "{path}: {}", answer.text());
    }
}

#[tokio::test]
async fn a_probe_tells_of_one_device() {
    let (stage, _agent) = stage().await;
    let web = stage.manager.web_addr;
    let page = get(web, "/probe?target=sw-1").await.text();
    for line in [
        "probe_success 1",
        r#"netwolf_load_average{device="sw-1"} 0.5"#,
        r#"load{device="sw-1"} 2"#,
        r#"netwolf_device_up{device="sw-1"} 1"#,
    ] {
        assert!(page.lines().any(|l| l == line), "{line} in {page}");
    }
    assert!(
        page.contains("\nprobe_duration_seconds ") && !page.contains("sw-10"),
        "{page}"
    );
    testing::promtool(&page);
    let page = get(web, "/probe?target=sw-10").await.text();
    assert!(page.lines().any(|l| l == "probe_success 0"), "{page}");
    let path = "/probe?target=sw-1&module=cpu";
    let open = get_with(web, path, &[OPEN_METRICS]).await.text();
    assert!(
        open.matches("# EOF\n").count() == 1 && open.ends_with("# EOF\n"),
        "{open}"
    );
    assert!(
        open.contains("netwolf_load_average{") && !open.contains("\nload{"),
        "{open}"
    );
    assert!(open.contains("netwolf_device_up{"), "{open}");
}

#[tokio::test]
async fn targets_are_listed_for_prometheus() {
    let stage = Stage::new(&[("sw-1", 22)]).await;
    let web = stage.manager.web_addr;
    let none = get(web, "/sd/agents").await;
    assert_eq!(
        (none.text().as_str(), none.header("content-type")),
        ("[]", Some("application/json"))
    );
    let mut greet = hello("a1", 1);
    greet.web = Some("0.0.0.0:9797".parse().unwrap());
    greet.site = Some("ams".into());
    let _agent = FakeAgent::connect(stage.manager.agents_addr, greet)
        .await
        .unwrap();
    let _other = stage.agent("a2").await;
    assert_eq!(
        get(web, "/sd/agents").await.json(),
        serde_json::json!([{
            "targets": ["127.0.0.1:9797"],
            "labels": {
                "agent": "a1",
                "__meta_netwolf_agent": "a1",
                "__meta_netwolf_site": "ams",
                "__meta_netwolf_version": "test",
            },
        }])
    );
    let shards = get(web, "/api/v1/agents").await.json()["shards"].clone();
    assert_eq!(shards[0]["web"], "127.0.0.1:9797");
    assert!(shards[1].get("web").is_none(), "{shards}");

    let labels = serde_json::json!({
        "__meta_netwolf_device": "sw-1",
        "__meta_netwolf_address": "127.0.0.1",
        "__meta_netwolf_port": "22",
        "__meta_netwolf_platform": "linux",
        "__meta_netwolf_collectors": ",cpu,",
        "__meta_netwolf_label_site": "ams",
    });
    for (path, target) in [
        ("/sd/devices", "sw-1"),
        ("/sd/devices?target=name", "sw-1"),
        ("/sd/devices?target=address", "127.0.0.1"),
    ] {
        let expected = serde_json::json!([{ "targets": [target], "labels": labels }]);
        assert_eq!(get(web, path).await.json(), expected, "{path}");
    }
}
