//! PEM, as it is kept in files and sent: rustls reads it and does not write it.

use std::fmt::Write as _;

use base64ct::{Base64, Encoding};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use zeroize::Zeroizing;

/// What stands between the dashes of a certificate.
pub const CERTIFICATE: &str = "CERTIFICATE";

/// What stands between the dashes of a private key.
pub const PRIVATE_KEY: &str = "PRIVATE KEY";

/// One object in PEM, with lines of 64 digits.
pub fn write(label: &str, der: &[u8]) -> Zeroizing<String> {
    let digits = Zeroizing::new(Base64::encode_string(der));
    let mut text = Zeroizing::new(String::with_capacity(digits.len() * 66 / 64 + 64));
    let put = writeln!(text, "-----BEGIN {label}-----");
    debug_assert!(put.is_ok(), "a string takes all");
    let mut rest = digits.as_str();
    while !rest.is_empty() {
        let (line, left) = rest.split_at_checked(64).unwrap_or((rest, ""));
        text.push_str(line);
        text.push('\n');
        rest = left;
    }
    let put = writeln!(text, "-----END {label}-----");
    debug_assert!(put.is_ok(), "a string takes all");
    text
}

/// All certificates in a text; `None` where there are none or one cannot be read.
pub fn certificates(text: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    read.ok().filter(|certificates| !certificates.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        for length in [1, 47, 48, 49, 500] {
            let der = vec![7; length];
            let text = write(CERTIFICATE, &der);
            assert!(text.lines().all(|line| line.len() <= 64));
            let twice = format!("{}{}", *text, *text);
            let read = certificates(twice.as_bytes()).unwrap();
            assert_eq!(read, [der.clone().into(), der.into()]);
        }
        assert_eq!(certificates(b"hello"), None);
    }
}
