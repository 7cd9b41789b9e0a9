//! The subject alternative names of a certificate, as `client_allowed_sans` compares them: DNS names, e-mail addresses,
//! IP addresses and URIs.
//!
//! rustls reads names of servers only, so the extension is found here, by a walk through as much DER as it takes. The
//! certificate has been read by rustls before, and what does not fit ends the walk: then there are no names.

use std::net::IpAddr;

const INTEGER: u8 = 0x02;
const OBJECT: u8 = 0x06;
const OCTETS: u8 = 0x04;
const BOOLEAN: u8 = 0x01;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const EXTENSIONS: u8 = 0xa3;
/// 2.5.29.17, as it is encoded.
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

/// Names of the certificate.
pub(super) fn names(certificate: &[u8]) -> Vec<String> {
    extension(certificate).map_or_else(Vec::new, |names| {
        Elements(names)
            .filter_map(|(tag, content)| name(tag, content))
            .collect()
    })
}

fn name(tag: u8, content: &[u8]) -> Option<String> {
    match tag {
        // rfc822Name, dNSName, uniformResourceIdentifier
        0x81 | 0x82 | 0x86 => std::str::from_utf8(content).ok().map(str::to_owned),
        0x87 => {
            let address = <[u8; 4]>::try_from(content).map(IpAddr::from);
            let address = address.or_else(|_| <[u8; 16]>::try_from(content).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

/// The content of the extension.
fn extension(certificate: &[u8]) -> Option<&[u8]> {
    let signed = Elements(certificate).expect(SEQUENCE)?;
    let mut fields = Elements(Elements(signed).expect(SEQUENCE)?);
    let (mut tag, _) = fields.next()?;
    if tag == VERSION {
        (tag, _) = fields.next()?;
    }
    if tag != INTEGER {
        return None;
    }
    let extensions = fields.find_map(|(tag, content)| (tag == EXTENSIONS).then_some(content))?;
    Elements(Elements(extensions).expect(SEQUENCE)?).find_map(|(tag, content)| {
        let mut parts = Elements((tag == SEQUENCE).then_some(content)?);
        let id = parts.expect(OBJECT)?;
        let (tag, mut value) = parts.next()?;
        if tag == BOOLEAN {
            value = parts.expect(OCTETS)?;
        }
        (id == SUBJECT_ALT_NAME).then(|| Elements(value).expect(SEQUENCE))?
    })
}

/// Elements that follow each other: their tags and contents.
struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// The content of the next one, if it has this tag.
    fn expect(&mut self, wanted: u8) -> Option<&'a [u8]> {
        self.next()
            .and_then(|(tag, content)| (tag == wanted).then_some(content))
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&[tag, first], mut rest) = self.0.split_first_chunk::<2>()?;
        let length = match first {
            0..=0x7f => usize::from(first),
            0x81..=0x84 => {
                let (bytes, after) = rest.split_at_checked(usize::from(first & 0x7f))?;
                rest = after;
                bytes
                    .iter()
                    .fold(0, |length, byte| length << 8 | usize::from(*byte))
            }
            _ => return None,
        };
        let (content, after) = rest.split_at_checked(length)?;
        self.0 = after;
        Some((tag, content))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;

    fn certificate(names: Vec<SanType>) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names;
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn all_kinds_of_names_are_found() {
        let certificate = certificate(vec![
            SanType::DnsName("prometheus.example.net".try_into().unwrap()),
            SanType::Rfc822Name("noc@example.net".try_into().unwrap()),
            SanType::IpAddress("192.0.2.1".parse().unwrap()),
            SanType::IpAddress("2001:db8::1".parse().unwrap()),
            SanType::URI("spiffe://example.net/prometheus".try_into().unwrap()),
        ]);
        let expected = [
            "prometheus.example.net",
            "noc@example.net",
            "192.0.2.1",
            "2001:db8::1",
            "spiffe://example.net/prometheus",
        ];
        assert_eq!(names(&certificate), expected);
        for n in 0..certificate.len() {
            // What is cut off has no names, or those before the cut; and nothing panics.
            assert!(names(&certificate[..n]).len() <= expected.len());
        }
    }

    #[test]
    fn a_certificate_without_names_has_none() {
        assert_eq!(names(&certificate(Vec::new())), Vec::<String>::new());
        assert_eq!(names(b"no certificate"), Vec::<String>::new());
    }
}
