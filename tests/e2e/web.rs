//! The web configuration of exporters, as operators meet it: promtool takes our samples, a real Prometheus scrapes over
//! TLS with a password, curl is kept out without, and certificates change while the programs run.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};
use tempfile::TempDir;

use crate::{
    lab::{self, Devices, Manager, PATIENCE, eventually, netwolf},
    metrics_server::Prometheus,
};

/// An authority of the test's own.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(DnType::CommonName, "authority of a test");
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn write(&self, path: &Path) {
        fs::write(path, self.0.pem()).unwrap();
    }

    /// Writes a certificate for servers and clients, and its key.
    pub(crate) fn issue(&self, folder: &Path, name: &str) {
        let key = KeyPair::generate().unwrap();
        let names = vec![
            "localhost".into(),
            "127.0.0.1".into(),
            format!("{name}.example.net"),
        ];
        let mut params = CertificateParams::new(names).unwrap();
        // Another one than the authority's, or OpenSSL takes it for self-signed.
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let certificate = params.signed_by(&key, &self.0).unwrap();
        fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
        // Last: whoever follows the files reads both.
        fs::write(folder.join(format!("{name}.crt")), certificate.pem()).unwrap();
    }
}

/// Files of a manager that demands TLS and a password.
struct Scene {
    folder: TempDir,
    web: PathBuf,
}

impl Scene {
    fn new(text: &str) -> Self {
        let folder = lab::folder();
        let authority = Authority::new();
        authority.write(&folder.path().join("ca.crt"));
        authority.write(&folder.path().join("clients.crt"));
        authority.issue(folder.path(), "manager");
        authority.issue(folder.path(), "client");
        let web = folder.path().join("web.yml");
        fs::write(&web, text).unwrap();
        Self { folder, web }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn manager(&self, config: &Path) -> Manager {
        let mut command = Command::new(env!("CARGO_BIN_EXE_netwolf"));
        command
            .args(["manager"])
            .args(["--web.listen-address", "127.0.0.1:0"])
            .args(["--agent.listen-address", "127.0.0.1:0"])
            .arg("--config.file")
            .arg(config)
            .arg("--storage.path")
            .arg(self.path("data"))
            .arg("--web.config.file")
            .arg(&self.web);
        Manager::ready(command, self.folder.path())
    }
}

/// What curl gets: the status, 0 where there is none, and the body.
pub(crate) fn curl(args: &[&str]) -> (u16, String) {
    let output = Command::new("curl")
        .args(["-s", "--max-time", "10", "-w", "\n%{http_code}"])
        .args(args)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let (body, status) = text.rsplit_once('\n').unwrap();
    (status.parse().unwrap(), body.to_owned())
}

fn with_password() -> String {
    // At the least cost that there is.
    let hash = bcrypt::hash("open sesame", 4).unwrap();
    format!(
        "tls_server_config: {{ cert_file: manager.crt, key_file: manager.key }}\n\
         basic_auth_users: {{ prometheus: {hash} }}\n"
    )
}

/// The blocks of a page of the documentation that have `mark` in them.
fn blocks(page: &str, mark: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../docs")
        .join(page);
    let text = fs::read_to_string(path).unwrap();
    let blocks = text.split("```yaml\n").skip(1);
    let blocks = blocks.map(|block| block.split("```").next().unwrap().to_owned());
    let blocks: Vec<_> = blocks.filter(|block| block.contains(mark)).collect();
    assert!(
        !blocks.is_empty(),
        "the samples of {page} have gone elsewhere"
    );
    blocks
}

#[test]
fn the_scrapes_over_tls_are_good_for_promtool() {
    let Some(promtool) = lab::have("promtool", "prometheus") else {
        return;
    };
    let scene = Scene::new("");
    fs::write(scene.path("password"), "open sesame").unwrap();
    for page in ["security-http.md", "prometheus.md"] {
        for text in blocks(page, "scheme: https") {
            let path = scene.path("prometheus.yml");
            let text = text
                .replace("/etc/prometheus/netwolf-ca.crt", "ca.crt")
                .replace("/etc/prometheus/netwolf-password", "password");
            fs::write(&path, &text).unwrap();
            let output = Command::new(&promtool)
                .args(["check", "config"])
                .arg(&path)
                .output()
                .unwrap();
            assert!(output.status.success(), "{text}: {output:?}");
        }
    }
}

#[test]
fn the_samples_are_good_for_promtool_and_for_us() {
    for text in blocks("security-http.md", "# web.yml") {
        let scene = Scene::new(&text);
        let config = scene.path("netwolf.yml");
        fs::write(&config, "devices: []\n").unwrap();
        let (code, _, error) = netwolf(&[
            "manager",
            "--check",
            "--config.file",
            config.to_str().unwrap(),
            "--web.config.file",
            scene.web.to_str().unwrap(),
        ]);
        assert_eq!(code, 0, "{error}");
        let Some(promtool) = lab::have("promtool", "prometheus") else {
            continue;
        };
        let output = Command::new(promtool)
            .args(["check", "web-config"])
            .arg(&scene.web)
            .output()
            .unwrap();
        assert!(output.status.success(), "{text}: {output:?}");
    }
}

#[test]
fn a_bad_file_ends_the_start_with_what_is_wrong() {
    let scene = Scene::new("tls_server_config: { cert_file: manager.crt }\nusers: {}\n");
    let config = scene.path("netwolf.yml");
    fs::write(&config, "devices: []\n").unwrap();
    let (code, _, error) = netwolf(&[
        "manager",
        "--config.file",
        config.to_str().unwrap(),
        "--web.config.file",
        scene.web.to_str().unwrap(),
    ]);
    assert_eq!(code, 2, "{error}");
    assert!(
        error.contains("line 2: unknown key \"users\"") && error.contains("needs a `key_file`"),
        "{error}"
    );
}

#[test]
fn a_real_prometheus_scrapes_over_tls_with_a_password_and_others_do_not() {
    let scene = Scene::new(&with_password());
    let folder = scene.folder.path();
    let devices = Devices::start(2);
    let config = lab::configuration(folder, &devices.inventory());
    let manager = scene.manager(&config);
    let agent_web = lab::free_address();
    let _agent = manager.agent_with("a1", 1, folder, |command| {
        command.args(["--web.listen-address", &agent_web]);
        command.arg("--web.config.file").arg(&scene.web);
    });

    let Some(_) = lab::have("curl", "curl") else {
        return;
    };
    let ca = scene.path("ca.crt");
    let ca = ca.to_str().unwrap();
    for address in [&manager.web, &agent_web] {
        let url = format!("https://{address}/metrics");
        assert_eq!(curl(&["--cacert", ca, &url]).0, 401);
        assert_eq!(
            curl(&["--cacert", ca, "-u", "prometheus:open barley", &url]).0,
            401
        );
        let (status, page) = curl(&["--cacert", ca, "-u", "prometheus:open sesame", &url]);
        assert_eq!(status, 200);
        assert!(
            page.contains("netwolf_http_refused_total{reason=\"no_credentials\"} 1"),
            "{page}"
        );
        let (status, said) = curl(&[&format!("http://{address}/metrics")]);
        assert!(status == 400 && said.contains("https"), "{status} {said}");
        // Whoever does not know the authority is not told anything.
        assert_eq!(curl(&[&url]).0, 0);
    }

    fs::write(scene.path("scrape-password"), "open sesame").unwrap();
    let job = |name: &str, address: &str| {
        format!(
            "  - job_name: {name}\n    scheme: https\n    tls_config: {{ ca_file: {ca} }}\n    basic_auth: \
             {{ username: prometheus, password_file: {} }}\n    static_configs: [{{ targets: [\"{address}\"] }}]\n",
            scene.path("scrape-password").display()
        )
    };
    let text = format!(
        "global: {{ scrape_interval: 1s }}\nscrape_configs:\n{}{}",
        job("netwolf", &manager.web),
        job("netwolf-agents", &agent_web)
    );
    let Some(prometheus) = Prometheus::with(&text, folder) else {
        return;
    };
    for query in [
        "count(netwolf_device_up == 1) == 2",
        "netwolf_agent_link_up == 1",
        "count(up == 1) == 2",
    ] {
        eventually(PATIENCE, query, || match prometheus.query(query)? {
            answer if answer.is_empty() => Err("nothing".into()),
            _ => Ok(()),
        });
    }
}

#[test]
fn certificates_change_under_way_and_a_bad_file_does_not() {
    let Some(_) = lab::have("curl", "curl") else {
        return;
    };
    let scene = Scene::new(&with_password());
    let folder = scene.folder.path();
    let config = scene.path("netwolf.yml");
    fs::write(&config, "devices: []\n").unwrap();
    let manager = scene.manager(&config);
    let url = format!("https://{}/-/healthy", manager.web);
    let (former, present) = (scene.path("ca.crt"), scene.path("new.crt"));
    let ask = |ca: &Path, password: &str| {
        let user = format!("prometheus:{password}");
        curl(&["--cacert", ca.to_str().unwrap(), "-u", &user, &url]).0
    };
    assert_eq!(ask(&former, "open sesame"), 200);
    let authority = Authority::new();
    authority.write(&present);
    authority.issue(folder, "manager");
    eventually(PATIENCE, "the new certificate", || {
        match ask(&present, "open sesame") {
            200 => Ok(()),
            status => Err(status.to_string()),
        }
    });
    assert_eq!(ask(&former, "open sesame"), 0);
    fs::write(&scene.web, "basic_auth_users: { prometheus: sesame }\n").unwrap();
    let reload = format!("https://{}/-/reload", manager.web);
    let (status, said) = curl(&[
        "--cacert",
        present.to_str().unwrap(),
        "-u",
        "prometheus:open sesame",
        "-X",
        "POST",
        &reload,
    ]);
    assert!(
        status == 500 && said.contains("line 1: the password of \"prometheus\" is no bcrypt hash"),
        "{status} {said}"
    );
    assert_eq!(ask(&present, "open sesame"), 200);
    assert_eq!(ask(&present, "sesame"), 401);
}

#[test]
fn only_certificates_of_the_authority_are_let_in() {
    let Some(_) = lab::have("curl", "curl") else {
        return;
    };
    let scene = Scene::new(
        "tls_server_config: { cert_file: manager.crt, key_file: manager.key, client_ca_file: clients.crt, \
         client_auth_type: RequireAndVerifyClientCert, client_allowed_sans: [client.example.net] }\n",
    );
    let folder = scene.folder.path();
    let config = scene.path("netwolf.yml");
    fs::write(&config, "devices: []\n").unwrap();
    Authority::new().issue(folder, "stranger");
    let manager = scene.manager(&config);
    let url = format!("https://{}/-/healthy", manager.web);
    let ca = scene.path("ca.crt");
    let ask = |name: &str| {
        let (certificate, key) = (
            scene.path(&format!("{name}.crt")),
            scene.path(&format!("{name}.key")),
        );
        curl(&[
            "--cacert",
            ca.to_str().unwrap(),
            "--cert",
            certificate.to_str().unwrap(),
            "--key",
            key.to_str().unwrap(),
            &url,
        ])
        .0
    };
    assert_eq!(ask("client"), 200);
    assert_eq!(ask("stranger"), 0, "another authority");
    assert_eq!(ask("manager"), 0, "another name");
    assert_eq!(curl(&["--cacert", ca.to_str().unwrap(), &url]).0, 0);
}

#[test]
fn tokens_of_netwolf_token_do_what_their_roles_may() {
    let scene =
        Scene::new("tls_server_config: { cert_file: manager.crt, key_file: manager.key }\n");
    let config = scene.path("netwolf.yml");
    let mut text = String::from("devices: []\napi:\n  tokens:\n");
    for role in ["view", "admin"] {
        let (code, token, line) = netwolf(&["token", "--role", role, role]);
        assert!(code == 0 && token.starts_with("nwt_"), "{token} {line}");
        fs::write(scene.path(role), &token).unwrap();
        let line = line.lines().find(|line| line.contains("sha256:")).unwrap();
        assert!(!line.contains(token.trim()));
        text.extend([line, "\n"]);
    }
    fs::write(&config, text).unwrap();
    let manager = scene.manager(&config);
    let url = format!("https://{}", manager.web);
    let ca = scene.path("ca.crt");
    let ask = |verb: &[&str], role: &str| {
        let file = scene.path(role);
        let more = [
            "--manager.url",
            &url,
            "--ca-file",
            ca.to_str().unwrap(),
            "--token-file",
            file.to_str().unwrap(),
        ];
        netwolf(&[verb, &more].concat())
    };
    let (code, _, error) = ask(&["devices"], "view");
    assert_eq!(code, 0, "{error}");
    let (code, _, error) = ask(&["agents", "drain", "a1"], "view");
    assert!(
        code == 1
            && error.contains("takes a token with the role \"operate\"")
            && error.contains("netwolf token --role"),
        "{error}"
    );
    let (_, _, error) = ask(&["agents", "drain", "a1"], "admin");
    assert!(error.contains("no agent \"a1\""), "{error}");
    let (code, _, error) = netwolf(&[
        "devices",
        "--manager.url",
        &url,
        "--ca-file",
        ca.to_str().unwrap(),
    ]);
    assert!(
        code == 1 && error.contains("a token is needed") && error.contains("--token-file"),
        "{error}"
    );
    let (code, _, error) = netwolf(&["devices", "--manager.url", &url]);
    assert!(code == 1 && error.contains("--ca-file"), "{error}");
    assert!(
        !manager.process.log().contains("nwt_"),
        "no token is logged"
    );
}

#[test]
fn the_api_may_have_an_address_of_its_own() {
    let folder = lab::folder();
    let config = folder.path().join("netwolf.yml");
    fs::write(&config, "devices: []\n").unwrap();
    let api = lab::free_address();
    let mut command = Command::new(env!("CARGO_BIN_EXE_netwolf"));
    command
        .args(["manager", "--web.listen-address", "127.0.0.1:0"])
        .args(["--agent.listen-address", "127.0.0.1:0"])
        .args(["--api.listen-address", &api])
        .arg("--config.file")
        .arg(&config)
        .arg("--storage.path")
        .arg(folder.path().join("data"));
    let manager = Manager::ready(command, folder.path());
    for path in ["/metrics", "/sd/devices", "/-/healthy"] {
        assert!(lab::get(&manager.web, path, "").is_ok(), "{path}");
    }
    for path in ["/", "/api/v1/status"] {
        assert!(lab::get(&manager.web, path, "").is_err(), "{path}");
        assert!(lab::get(&api, path, "").is_ok(), "{path}");
    }
    assert!(lab::get(&api, "/metrics", "").is_err());
    let reload =
        |address: &str| lab::request("POST", address, "/-/reload", "Content-Length: 0\r\n");
    assert!(reload(&manager.web).is_err() && reload(&api).is_ok());
    let said = lab::get(&manager.web, "/api/v1/status", "").unwrap_err();
    assert!(said.contains("--api.listen-address"), "{said}");
}

#[test]
fn remote_write_reaches_a_prometheus_behind_tls_and_a_password() {
    let scene = Scene::new(&with_password());
    let folder = scene.folder.path();
    let Some(prometheus) = Prometheus::behind(&scene.web, folder) else {
        return;
    };
    if lab::have("curl", "curl").is_none() {
        return;
    }
    fs::write(scene.path("scrape-password"), "open sesame\n").unwrap();
    let devices = Devices::start(2);
    let config = lab::configuration(folder, &devices.inventory());
    let mut text = fs::read_to_string(&config).unwrap();
    let password = scene.path("scrape-password");
    let remote = format!(
        "remote_write:\n  - url: https://{}/api/v1/write\n    username: prometheus\n    password: file:{}\n    \
         tls: {{ ca_file: ca.crt }}\n",
        prometheus.address,
        password.display()
    );
    text.push_str(&remote);
    fs::write(&config, text).unwrap();
    let manager = Manager::start(&config, folder);
    let _agent = manager.agent("a1", 1, folder);
    let url = format!(
        "https://{}/api/v1/query?query=count(netwolf_cpu_utilization_ratio)",
        prometheus.address
    );
    let ca = scene.path("ca.crt");
    eventually(PATIENCE, "samples over TLS", || {
        let (status, body) = curl(&[
            "--cacert",
            ca.to_str().unwrap(),
            "-u",
            "prometheus:open sesame",
            &url,
        ]);
        if status == 200 && body.contains("\"value\"") {
            return Ok(());
        }
        Err(format!("{status} {body}\n{}", manager.process.log()))
    });
}
