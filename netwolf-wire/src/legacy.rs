//! SSH algorithms that nobody should need any more, and that some devices have nothing better than.
//!
//! None is offered unless a device or its platform names it, by the name that SSH uses for it: what an error
//! message says can be copied into the configuration.

use serde::{Deserialize, Serialize};

macro_rules! legacy {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)+) => {
        /// An algorithm that is off unless it is named.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Legacy {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)+
        }

        impl Legacy {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The name that SSH uses.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

legacy! {
    /// Key exchange over 2048 bits with SHA-1 (RFC 4253); 7 ms of a core for each login.
    Group14Sha1 = "diffie-hellman-group14-sha1",
    /// Key exchange over 1024 bits with SHA-1 (RFC 4253), within reach of a state since 2015 (Logjam).
    Group1Sha1 = "diffie-hellman-group1-sha1",
    /// Key exchange over a group of the device's choice with SHA-1 (RFC 4419).
    GroupExchangeSha1 = "diffie-hellman-group-exchange-sha1",
    /// Host and user keys of RSA that sign with SHA-1 (RFC 4253).
    SshRsa = "ssh-rsa",
    /// AES in CBC mode (RFC 4253), open to recovery of plaintext (CVE-2008-5161).
    Aes128Cbc = "aes128-cbc",
    /// AES in CBC mode.
    Aes192Cbc = "aes192-cbc",
    /// AES in CBC mode.
    Aes256Cbc = "aes256-cbc",
    /// Triple DES in CBC mode (RFC 4253); twice the CPU time of the others.
    TripleDesCbc = "3des-cbc",
    /// SHA-1 for the integrity of packets (RFC 4253).
    HmacSha1 = "hmac-sha1",
    /// SHA-1 for the integrity of packets, over the encrypted text.
    HmacSha1Etm = "hmac-sha1-etm@openssh.com",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_algorithm_is_written_as_ssh_writes_it() {
        for legacy in Legacy::ALL {
            assert_eq!(serde_json::to_value(legacy).unwrap(), legacy.as_str());
        }
    }
}
