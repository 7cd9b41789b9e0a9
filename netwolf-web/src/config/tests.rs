use std::fs;

use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use tempfile::TempDir;

use super::*;

const HASH: &str = "$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG";

/// A folder with a certificate, its key and an authority.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".into()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).unwrap();
    let write = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
    write("crt", certificate.pem());
    write("key", key.serialize_pem());
    write("other", KeyPair::generate().unwrap().serialize_pem());
    folder
}

fn load(text: &str) -> Result<WebConfig, WebConfigError> {
    let folder = folder();
    let path = folder.path().join("web.yml");
    fs::write(&path, text).unwrap();
    WebConfig::load(&path)
}

/// The faults of a file, as one text.
#[track_caller]
fn faults(text: &str) -> String {
    let error = load(text).unwrap_err();
    let faults: Vec<_> = error.faults.iter().map(ToString::to_string).collect();
    faults.join("\n")
}

const TLS: &str = "tls_server_config: { cert_file: crt, key_file: key";

#[test]
fn an_empty_file_asks_for_nothing() {
    let config = load("").unwrap();
    assert!(config.tls.is_none() && config.users.is_empty() && config.rate_limit.is_none());
    assert_eq!(config.files.len(), 1);
}

#[test]
fn all_of_the_format_is_read() {
    let text = format!(
        "tls_server_config:
  cert_file: crt
  key_file: key
  client_ca_file: crt
  client_auth_type: RequireAndVerifyClientCert
  client_allowed_sans: [prometheus.example.net]
  min_version: TLS12
  max_version: TLS13
  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]
  prefer_server_cipher_suites: false
  curve_preferences: [X25519, CurveP256]
http_server_config:
  http2: false
  headers:
    X-Frame-Options: deny
    Strict-Transport-Security: max-age=31536000
basic_auth_users:
  alice: {HASH}
rate_limit: {{ interval: 100ms, burst: 20 }}
"
    );
    let config = load(&text).unwrap();
    let tls = config.tls.unwrap();
    assert!(config.is_verified && !tls.ignore_client_order);
    assert_eq!(
        tls.crypto_provider().cipher_suites.len(),
        5,
        "three are of TLS 1.3"
    );
    assert_eq!(tls.crypto_provider().kx_groups.len(), 2);
    assert_eq!(config.headers.len(), 2);
    assert!(config.users.contains_key("alice"));
    let rate = config.rate_limit.unwrap();
    assert_eq!(
        (rate.burst, rate.interval),
        (20, Duration::from_millis(100))
    );
    assert!(config.warnings.is_empty(), "{:?}", config.warnings);
    assert_eq!(config.files.len(), 4);
}

#[test]
fn a_certificate_may_stand_in_the_file_itself() {
    let folder = folder();
    let indented = |name: &str| {
        let text = fs::read_to_string(folder.path().join(name)).unwrap();
        text.replace('\n', "\n    ")
    };
    let (certificate, key) = (indented("crt"), indented("key"));
    let text = format!("tls_server_config:\n  cert: |\n    {certificate}\n  key: |\n    {key}\n");
    assert!(load(&text).unwrap().tls.is_some());
}

#[test]
fn what_is_not_done_here_is_said() {
    let old = format!(
        "{TLS}, min_version: TLS10, curve_preferences: [CurveP521, X25519], \
         cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA] }}\nhttp_server_config: {{ http2: true }}"
    );
    let config = load(&old).unwrap();
    let warnings: Vec<_> = config.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 4, "{warnings:?}");
    assert!(warnings.iter().any(|text| text.contains("HTTP/2")));
}

#[test]
fn every_fault_is_told_with_its_line() {
    let text = "tls_server_config:
  cert_file: nowhere
  key_file: key
  min_version: TLS14
  certs: 1
http_server_config: { headers: { X-Frame-Options: allow, Server: x } }
basic_auth_users:
  alice: secret-canary
  \"a:b\": x
rate_limit: { interval: often, burst: 1 }
extra: 1
";
    let faults = faults(text);
    for part in [
        "line 2: `cert_file` ",
        "line 4: unknown `min_version`",
        "line 5: unknown key \"certs\" in tls_server_config; there are cert, cert_file",
        "line 6: X-Frame-Options is one of deny, sameorigin",
        "line 6: the header \"Server\" cannot be set",
        "line 8: the password of \"alice\" is no bcrypt hash",
        "line 9: the user name \"a:b\" has a colon",
        "line 10: `interval` is a time",
        "line 11: unknown key \"extra\" in the file",
    ] {
        assert!(faults.contains(part), "{part} in:\n{faults}");
    }
    assert!(!faults.contains("canary"));
}

#[test]
fn what_does_not_fit_together_is_a_fault() {
    for (text, fault) in [
        (
            "tls_server_config: { cert_file: crt }",
            "needs a `key_file`",
        ),
        (
            "tls_server_config: { key_file: key }",
            "needs a `cert_file`",
        ),
        (
            "tls_server_config: { cert_file: crt, key_file: other }",
            "not that of the certificate",
        ),
        (
            "tls_server_config: { cert_file: key, key_file: key }",
            "no certificate",
        ),
        (
            "tls_server_config: { cert_file: crt, key_file: crt }",
            "no private key",
        ),
        (
            &format!("{TLS}, client_ca_file: crt }}"),
            "without a `client_auth_type`",
        ),
        (
            &format!("{TLS}, client_auth_type: RequireAndVerifyClientCert }}"),
            "needs a `client_ca_file`",
        ),
        (
            &format!(
                "{TLS}, client_auth_type: VerifyClientCertIfGiven, client_ca_file: crt, client_allowed_sans: [a] }}"
            ),
            "demands a certificate",
        ),
        (
            &format!("{TLS}, client_auth_type: Any }}"),
            "unknown `client_auth_type`",
        ),
        (
            &format!("{TLS}, min_version: TLS13, max_version: TLS12 }}"),
            "no version is left",
        ),
        (
            &format!("{TLS}, max_version: TLS11 }}"),
            "no version is left",
        ),
        (
            &format!("{TLS}, curve_preferences: [CurveP521] }}"),
            "no curve is left",
        ),
        (
            &format!("{TLS}, cipher_suites: [RC4] }}"),
            "unknown cipher suite",
        ),
        ("rate_limit: { interval: 1s }", "needs a `burst`"),
        ("a: {", "not YAML"),
        ("- a", "not made of keys"),
    ] {
        let faults = faults(text);
        assert!(faults.contains(fault), "{text}: {faults}");
    }
    assert!(WebConfig::load("/nowhere/web.yml".as_ref()).is_err());
}
