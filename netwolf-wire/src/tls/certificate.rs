//! Whose a certificate is and how long it holds. Whether it is genuine is rustls's matter, before or after.

use std::fmt::Write as _;

use rustls_pki_types::CertificateDer;
use webpki::EndEntityCert;

use crate::AgentName;

/// What stands before an agent's name in its certificate, which has it as a URI.
const AGENT: &str = "netwolf:agent:";

/// How an agent's name stands in its certificate. What is not ASCII is escaped as in any URI.
pub fn agent_uri(agent: &AgentName) -> String {
    let mut uri = String::from(AGENT);
    for byte in agent.as_str().bytes() {
        if byte.is_ascii() {
            uri.push(byte.into());
        } else {
            write!(uri, "%{byte:02x}").expect("a string takes all");
        }
    }
    uri
}

/// The agent that a certificate is for; `None` where it is none of an agent.
pub fn agent_of(certificate: &CertificateDer<'_>) -> Option<AgentName> {
    let certificate = EndEntityCert::try_from(certificate).ok()?;
    let mut names = certificate.valid_uri_names();
    let agent = unescape(names.next()?.strip_prefix(AGENT)?)?;
    match names.next() {
        None => AgentName::new(&agent).ok(),
        Some(_) => None,
    }
}

fn unescape(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

/// From when to when a certificate holds, in Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Its first second.
    pub from: u64,
    /// Its last second.
    pub to: u64,
}

impl Validity {
    /// Reads it from a certificate; `None` where that is none.
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let mut outer = Der(certificate);
        let mut whole = Der(outer.take(SEQUENCE)?);
        let mut signed = Der(whole.take(SEQUENCE)?);
        signed.take(VERSION)?;
        signed.take(INTEGER)?;
        // Algorithm and issuer.
        signed.take(SEQUENCE)?;
        signed.take(SEQUENCE)?;
        let mut validity = Der(signed.take(SEQUENCE)?);
        Some(Self {
            from: validity.time()?,
            to: validity.time()?,
        })
    }
}

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// DER that is left to be read.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The content of the next element, if that has this tag.
    fn take(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, content) = self.next()?;
        (found == tag).then_some(content)
    }

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81 => {
                let (&length, rest) = rest.split_first()?;
                (usize::from(length), rest)
            }
            0x82 => {
                let (length, rest) = rest.split_first_chunk::<2>()?;
                (usize::from(u16::from_be_bytes(*length)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// Unix seconds.
    fn time(&mut self) -> Option<u64> {
        let (tag, content) = self.next()?;
        let text = str::from_utf8(content).ok()?;
        let year = match tag {
            // By RFC 5280 two digits stand for 1950 to 2049.
            UTC_TIME if text.get(..2)? < "50" => format!("20{text}"),
            UTC_TIME => format!("19{text}"),
            GENERALIZED_TIME => text.to_owned(),
            _ => return None,
        };
        let number = |from: usize, to: usize| year.get(from..to)?.parse::<u64>().ok();
        let form = format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            number(0, 4)?,
            number(4, 6)?,
            number(6, 8)?,
            number(8, 10)?,
            number(10, 12)?,
            number(12, 14)?
        );
        let time = humantime::parse_rfc3339(&form).ok()?;
        Some(time.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs())
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;

    fn certificate(names: Vec<SanType>, from: i64, to: i64) -> CertificateDer<'static> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names;
        let time = |seconds| time::OffsetDateTime::from_unix_timestamp(seconds).unwrap();
        (params.not_before, params.not_after) = (time(from), time(to));
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().clone()
    }

    fn uri(text: &str) -> SanType {
        SanType::URI(text.try_into().unwrap())
    }

    #[test]
    fn a_certificate_says_whose_it_is() {
        for name in ["a1", "ams/r2.d2@x:9_-", "zürich-東"] {
            let name = AgentName::new(name).unwrap();
            let der = certificate(vec![uri(&agent_uri(&name))], 0, 1);
            assert_eq!(agent_of(&der), Some(name));
        }
    }

    #[test]
    fn a_certificate_of_something_else_is_nobodys() {
        for names in [
            vec![],
            vec![uri("https://example.net")],
            vec![uri("netwolf:agent:")],
            vec![uri("netwolf:agent:a b")],
            vec![uri("netwolf:agent:%zz")],
            vec![uri("netwolf:agent:a"), uri("netwolf:agent:b")],
            vec![SanType::DnsName("a1".try_into().unwrap())],
        ] {
            assert_eq!(agent_of(&certificate(names, 0, 1)), None);
        }
        assert_eq!(agent_of(&b"junk".to_vec().into()), None);
    }

    #[test]
    fn a_certificate_says_how_long_it_holds() {
        // Both forms of times: two digits of the year until 2049, four from then on.
        for (from, to) in [(1_800_000_000, 1_800_086_400), (0, 4_102_444_800)] {
            let validity = Validity::of(&certificate(vec![], from, to)).unwrap();
            assert_eq!(validity.from, u64::try_from(from).unwrap());
            assert_eq!(validity.to, u64::try_from(to).unwrap());
        }
    }

    #[test]
    fn a_certificate_that_is_cut_off_says_nothing() {
        let whole = certificate(vec![], 0, 1);
        for length in 0..60 {
            assert_eq!(Validity::of(&whole[..length].to_vec().into()), None);
        }
    }
}
