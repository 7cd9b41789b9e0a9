//! `tls_server_config`: certificates, versions, ciphers and whose certificates are taken.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    CipherSuite, NamedGroup, RootCertStore, ServerConfig, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    version::{TLS12, TLS13},
};
use zeroize::Zeroizing;

use super::{
    document::{At, Faults, Section},
    verifier::Verifier,
};

/// Cipher suites by their names in Go; those of TLS 1.3 are always on, as there.
const SUITES: [(&str, CipherSuite); 9] = [
    (
        "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_128_GCM_SHA256,
    ),
    (
        "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_AES_256_GCM_SHA384,
    ),
    (
        "TLS_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    ),
    (
        "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
];

/// Those of the format that are older than what is spoken here: left out with a warning.
const OLD_SUITES: [&str; 8] = [
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
];

/// Curves by their names in Go; the last one is not spoken here.
const CURVES: [(&str, NamedGroup); 4] = [
    ("CurveP256", NamedGroup::secp256r1),
    ("CurveP384", NamedGroup::secp384r1),
    ("X25519", NamedGroup::X25519),
    ("CurveP521", NamedGroup::secp521r1),
];

/// What the section comes to.
#[derive(Debug)]
pub(super) struct Tls {
    pub(super) server: Arc<ServerConfig>,
    /// Whether a certificate that a client shows is known to lead to an authority.
    pub(super) is_verified: bool,
}

/// Reads the section. `files` gets every file that it names, to be watched.
pub(super) fn read(
    mut section: Section,
    folder: &Path,
    files: &mut Vec<PathBuf>,
    faults: &mut Faults,
    warnings: &mut Faults,
) -> Option<Tls> {
    let n_faults = faults.0.len();
    let mut pem = |name, file, section: &mut Section, faults: &mut Faults| {
        pem(section, (name, file), folder, files, faults)
    };
    let certificate = pem("cert", "cert_file", &mut section, faults);
    let key = pem("key", "key_file", &mut section, faults);
    let authorities = pem("client_ca", "client_ca_file", &mut section, faults);
    let policy = section.text("client_auth_type", faults);
    let names = section.list("client_allowed_sans", faults);
    let versions = versions(&mut section, faults, warnings);
    let provider = provider(&mut section, faults, warnings);
    let prefers_ours = section.switch("prefer_server_cipher_suites", faults);
    section.end(faults);
    let is_enabled =
        certificate.is_some() || key.is_some() || authorities.is_some() || policy.is_some();
    if !is_enabled || faults.0.len() > n_faults {
        if names.is_some() && !is_enabled {
            faults.add(
                0,
                "`client_allowed_sans` is given, but no certificate of the server",
            );
        }
        return None;
    }
    let Some(certificate) = certificate else {
        faults.add(0, "TLS needs a `cert_file` (or `cert`)");
        return None;
    };
    let Some(key) = key else {
        faults.add(0, "TLS needs a `key_file` (or `key`)");
        return None;
    };
    let clients = clients(authorities.as_ref(), policy, names, &provider, faults)?;
    let is_verified = clients.as_ref().is_some_and(|it| it.authorities.is_some());
    let clients: Arc<dyn ClientCertVerifier> = match clients {
        Some(clients) => Arc::new(clients),
        None => WebPkiClientVerifier::no_client_auth(),
    };
    let mut server = server(&certificate, &key, clients, provider, &versions, faults)?;
    server.ignore_client_order = prefers_ours.is_none_or(|it| it.value);
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Some(Tls {
        server: Arc::new(server),
        is_verified,
    })
}

fn server(
    certificate: &At<Zeroizing<Vec<u8>>>,
    key: &At<Zeroizing<Vec<u8>>>,
    clients: Arc<dyn ClientCertVerifier>,
    provider: Arc<CryptoProvider>,
    versions: &[&'static SupportedProtocolVersion],
    faults: &mut Faults,
) -> Option<ServerConfig> {
    let chain = certificates(certificate, "cert_file", faults)?;
    let Ok(key_der) = PrivateKeyDer::from_pem_slice(&key.value) else {
        let message = "`key_file` has no private key that is not encrypted, as PEM";
        faults.add(key.line, message);
        return None;
    };
    let built = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .and_then(|builder| {
            builder
                .with_client_cert_verifier(clients)
                .with_single_cert(chain, key_der)
        });
    match built {
        Ok(server) => return Some(server),
        Err(rustls::Error::InconsistentKeys(_)) => {
            faults.add(key.line, "the key is not that of the certificate");
        }
        Err(error) => faults.add(certificate.line, format!("this cannot be served: {error}")),
    }
    None
}

/// The content of `name`, or of the file that `file` names; it may be a key.
fn pem(
    section: &mut Section,
    (name, file): (&'static str, &'static str),
    folder: &Path,
    files: &mut Vec<PathBuf>,
    faults: &mut Faults,
) -> Option<At<Zeroizing<Vec<u8>>>> {
    let (text, path) = (section.text(name, faults), section.text(file, faults));
    let Some(At { line, value: path }) = path else {
        return text.map(|At { line, value }| At {
            line,
            value: Zeroizing::new(value.into_bytes()),
        });
    };
    if text.is_some() {
        faults.add(
            line,
            format!("there are both `{name}` and `{file}`: keep one"),
        );
        return None;
    }
    let path = folder.join(path);
    files.push(path.clone());
    match fs::read(&path) {
        Ok(content) => Some(At {
            line,
            value: Zeroizing::new(content),
        }),
        Err(error) => {
            let path = path.display();
            faults.add(line, format!("`{file}` {path} cannot be read: {error}"));
            None
        }
    }
}

fn certificates(
    pem: &At<Zeroizing<Vec<u8>>>,
    key: &str,
    faults: &mut Faults,
) -> Option<Vec<CertificateDer<'static>>> {
    match CertificateDer::pem_slice_iter(&pem.value).collect::<Result<Vec<_>, _>>() {
        Ok(chain) if !chain.is_empty() => Some(chain),
        _ => {
            faults.add(pem.line, format!("`{key}` has no certificate, as PEM"));
            None
        }
    }
}

/// Whose certificates are taken; `None` in the answer where none is asked for.
#[expect(clippy::option_option, reason = "no certificate is a choice, too")]
fn clients(
    authorities: Option<&At<Zeroizing<Vec<u8>>>>,
    policy: Option<At<String>>,
    names: Option<Vec<At<String>>>,
    provider: &Arc<CryptoProvider>,
    faults: &mut Faults,
) -> Option<Option<Verifier>> {
    let policy = policy.unwrap_or_default();
    let (is_asked_for, is_verified, is_mandatory) = match policy.value.as_str() {
        "" | "NoClientCert" => (false, false, false),
        "RequestClientCert" => (true, false, false),
        "RequireAnyClientCert" | "RequireClientCert" => (true, false, true),
        "VerifyClientCertIfGiven" => (true, true, false),
        "RequireAndVerifyClientCert" => (true, true, true),
        other => {
            let message = format!(
                "unknown `client_auth_type` {other:?}; that which protects is RequireAndVerifyClientCert"
            );
            faults.add(policy.line, message);
            return None;
        }
    };
    match authorities {
        Some(pem) if !is_asked_for => {
            let message = "`client_ca_file` does nothing without a `client_auth_type`, such as RequireAndVerifyClientCert";
            faults.add(pem.line, message);
            return None;
        }
        None if is_verified => {
            let message = "this `client_auth_type` needs a `client_ca_file` to verify with";
            faults.add(policy.line, message);
            return None;
        }
        _ => {}
    }
    if let Some(name) = names.as_ref().and_then(|names| names.first())
        && !is_mandatory
    {
        let message = "`client_allowed_sans` needs a `client_auth_type` that demands a certificate: RequireAndVerifyClientCert";
        faults.add(name.line, message);
        return None;
    }
    if !is_asked_for {
        return Some(None);
    }
    let authorities = match authorities.filter(|_| is_verified) {
        Some(pem) => Some(verifier(pem, provider, faults)?),
        None => None,
    };
    Some(Some(Verifier {
        authorities,
        is_mandatory,
        allowed_names: names.map(|names| names.into_iter().map(|name| name.value).collect()),
        algorithms: provider.signature_verification_algorithms,
    }))
}

fn verifier(
    pem: &At<Zeroizing<Vec<u8>>>,
    provider: &Arc<CryptoProvider>,
    faults: &mut Faults,
) -> Option<Arc<dyn ClientCertVerifier>> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem, "client_ca_file", faults)? {
        if let Err(error) = roots.add(certificate) {
            faults.add(
                pem.line,
                format!("an authority of `client_ca_file` is no good: {error}"),
            );
            return None;
        }
    }
    let built =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build();
    built
        .map_err(|error| faults.add(pem.line, format!("`client_ca_file`: {error}")))
        .ok()
}

fn versions(
    section: &mut Section,
    faults: &mut Faults,
    warnings: &mut Faults,
) -> Vec<&'static SupportedProtocolVersion> {
    let mut number = |key, default, faults: &mut Faults| {
        let Some(At { line, value }) = section.text(key, faults) else {
            return (0, default);
        };
        let number = ["TLS10", "TLS11", "TLS12", "TLS13"]
            .iter()
            .position(|name| *name == value);
        if number.is_none() {
            let message = format!("unknown `{key}` {value:?}; there are TLS12 and TLS13");
            faults.add(line, message);
        }
        (line, number.unwrap_or(default))
    };
    let (lowest_line, lowest) = number("min_version", 2, faults);
    let (highest_line, highest) = number("max_version", 3, faults);
    if lowest < 2 {
        warnings.add(
            lowest_line,
            "TLS 1.0 and 1.1 are not spoken: it begins with TLS 1.2",
        );
    }
    if highest < 2 || highest < lowest {
        let message = "no version is left: TLS 1.2 and 1.3 are spoken, and `max_version` is not below `min_version`";
        faults.add(highest_line, message);
    }
    [(2, &TLS12), (3, &TLS13)]
        .into_iter()
        .filter(|(number, _)| (lowest..=highest).contains(number))
        .map(|(_, version)| version)
        .collect()
}

fn provider(
    section: &mut Section,
    faults: &mut Faults,
    warnings: &mut Faults,
) -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    if let Some(names) = section
        .list("cipher_suites", faults)
        .filter(|it| !it.is_empty())
    {
        let mut chosen = Vec::new();
        for At { line, value } in names {
            match SUITES.iter().find(|(name, _)| *name == value) {
                Some((_, suite)) => chosen.push(*suite),
                None if OLD_SUITES.contains(&value.as_str()) => {
                    warnings.add(line, format!("the cipher suite {value} is not spoken"));
                }
                None => faults.add(line, format!("unknown cipher suite {value:?}")),
            }
        }
        provider
            .cipher_suites
            .retain(|suite| suite.tls13().is_some() || chosen.contains(&suite.suite()));
        let order = |suite: CipherSuite| chosen.iter().position(|other| *other == suite);
        provider
            .cipher_suites
            .sort_by_key(|suite| order(suite.suite()));
    }
    if let Some(names) = section
        .list("curve_preferences", faults)
        .filter(|it| !it.is_empty())
    {
        let mut chosen = Vec::new();
        let mut last_line = 0;
        for At { line, value } in names {
            last_line = line;
            let curve = CURVES.iter().find(|(name, _)| *name == value);
            let Some((_, curve)) = curve else {
                faults.add(line, format!("unknown curve {value:?}"));
                continue;
            };
            match aws_lc_rs::ALL_KX_GROUPS
                .iter()
                .find(|group| group.name() == *curve)
            {
                Some(group) => chosen.push(*group),
                None => warnings.add(line, format!("the curve {value} is not spoken")),
            }
        }
        if chosen.is_empty() {
            faults.add(last_line, "no curve is left");
        }
        provider.kx_groups = chosen;
    }
    Arc::new(provider)
}
