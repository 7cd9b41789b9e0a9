//! Who may do what: without tokens changes are this machine's, with tokens each does what its role may, and no browser
//! does anything on behalf of another site.

use netwolf_web::refusals::Reason;

use super::*;
use crate::access::{Digest, Role};

const RELOAD: &str = "/-/reload";
const DRAIN: &str = "/api/v1/agents/a1/drain";

/// Lets in one token a role, of the role's name.
async fn with_tokens(stage: &Stage) {
    let path = stage.folder.path().join("netwolf.yml");
    let mut text = fs::read_to_string(&path).unwrap();
    text += "api:\n  tokens:\n";
    for role in Role::ALL {
        let digest = Digest::of(role.as_str());
        let line = format!("    - {{ name: {role}, role: {role}, sha256: {digest} }}\n");
        text.push_str(&line);
    }
    fs::write(&path, text).unwrap();
    stage.manager.reloader().reload().await.unwrap();
}

#[tokio::test]
async fn each_does_what_its_role_may() {
    let stage = Stage::new(&[("sw-1", 22)]).await;
    let web = stage.manager.web_addr;
    assert_eq!(get(web, "/api/v1/status").await.status, 200);
    assert_eq!(post(web, RELOAD).await.status, 200);
    with_tokens(&stage).await;
    for path in ["/metrics", "/sd/devices", "/-/healthy", "/"] {
        assert_eq!(get(web, path).await.status, 200, "{path}");
    }
    let nobody = get(web, "/api/v1/status").await;
    assert_eq!(nobody.status, 401);
    assert!(
        nobody
            .header("www-authenticate")
            .unwrap()
            .starts_with("Bearer")
    );
    assert!(
        nobody.json()["hint"]
            .as_str()
            .unwrap()
            .contains("netwolf token")
    );
    assert_eq!(post(web, RELOAD).await.status, 401);
    for (role, statuses) in [
        ("view", [200, 403, 403]),
        ("operate", [200, 404, 403]),
        ("admin", [200, 404, 200]),
        ("other", [401, 401, 401]),
    ] {
        let token = format!("Bearer {role}");
        let headers = [("Authorization", token.as_str())];
        let found = [
            get_with(web, "/api/v1/status", &headers).await.status,
            post_with(web, DRAIN, &headers).await.status,
            post_with(web, RELOAD, &headers).await.status,
        ];
        assert_eq!(found, statuses, "{role}");
    }
    let view = [("Authorization", "Bearer view")];
    let refused = post_with(web, DRAIN, &view).await.json();
    assert_eq!(
        refused["error"],
        "this takes a token with the role \"operate\""
    );
    let refusals = &stage.manager.state().telemetry.refusals;
    assert_eq!(refusals.get(Reason::NoCredentials), 2);
    assert_eq!(refusals.get(Reason::Credentials), 3);
    assert_eq!(refusals.get(Reason::Role), 4);
    let page = stage.page().await;
    assert!(
        page.contains("netwolf_http_refused_total{reason=\"role\"} 4"),
        "{page}"
    );
}

#[tokio::test]
async fn other_sites_and_passed_on_requests_change_nothing() {
    let stage = Stage::new(&[("sw-1", 22)]).await;
    let web = stage.manager.web_addr;
    let status = async |headers: &[(&str, &str)]| post_with(web, RELOAD, headers).await.status;
    assert_eq!(status(&[("Sec-Fetch-Site", "cross-site")]).await, 403);
    assert_eq!(status(&[("Origin", "http://evil.example")]).await, 403);
    assert_eq!(status(&[("X-Forwarded-For", "192.0.2.1")]).await, 403);
    let own = format!("http://{web}");
    assert_eq!(
        status(&[("Origin", &own), ("Sec-Fetch-Site", "same-origin")]).await,
        200
    );
    // What reads is not refused for that: a link to a page may stand anywhere.
    let linked = get_with(web, "/", &[("Sec-Fetch-Site", "cross-site")]).await;
    assert_eq!(linked.status, 200);
    assert!(
        linked
            .header("content-security-policy")
            .unwrap()
            .contains("default-src 'none'")
    );
    let api = get(web, "/api/v1").await;
    assert_eq!(api.header("cache-control"), Some("no-store"));
    assert_eq!(api.header("x-content-type-options"), Some("nosniff"));
    let reload = api.json()["paths"].as_array().unwrap().clone();
    let reload = reload
        .iter()
        .find(|info| info["path"] == RELOAD)
        .unwrap()
        .clone();
    assert_eq!(reload["role"], "admin");
    let refusals = &stage.manager.state().telemetry.refusals;
    assert_eq!(refusals.get(Reason::CrossSite), 2);
    assert_eq!(refusals.get(Reason::Remote), 1);
}
