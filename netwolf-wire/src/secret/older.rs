//! References for a side that speaks an older protocol, which would take a form that it does not know for a broken
//! message, and end the link of all its devices.

use super::SecretRef;
use crate::{
    target::{Login, Target},
    version::Version,
};

/// The first protocol with `credential:` and `exec:`, and with room for forms to come.
const FORMS: Version = Version { major: 1, minor: 1 };

impl Target {
    /// The target as whoever speaks `protocol` can read it, where that is another text. A secret that it cannot read
    /// becomes a variable that is not set, in whose name stands what is wrong: that is what it will complain of.
    pub fn for_protocol(&self, protocol: Version) -> Option<Self> {
        if protocol >= FORMS {
            return None;
        }
        let mut target = self.clone();
        let jump = target.jump.as_mut().map(|jump| &mut jump.login);
        let mut has_changed = false;
        for secret in std::iter::once(&mut target.login)
            .chain(jump)
            .flat_map(secrets)
        {
            let form = match secret {
                SecretRef::Env(_) | SecretRef::File(_) => continue,
                SecretRef::Credential(_) => "`credential:`",
                SecretRef::Exec(_) => "`exec:`",
                SecretRef::Unknown(_) => "this form of a secret",
            };
            *secret = SecretRef::Env(format!(
                "{form} is not known to this agent, which is older than its manager"
            ));
            has_changed = true;
        }
        has_changed.then_some(target)
    }
}

fn secrets(login: &mut Login) -> impl Iterator<Item = &mut SecretRef> {
    let Login {
        credential: _,
        username: _,
        private_key,
        passphrase,
        ssh_agent,
        password,
        enable_secret,
        allow: _,
    } = login;
    [private_key, passphrase, ssh_agent, password, enable_secret]
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Span, target::HostKey};

    fn target(password: &str) -> Target {
        Target {
            address: "192.0.2.1".into(),
            port: 22,
            login: Login {
                credential: "lab".into(),
                username: "netwolf".into(),
                private_key: None,
                passphrase: None,
                ssh_agent: None,
                password: Some(password.parse().unwrap()),
                enable_secret: None,
                allow: Vec::new(),
            },
            host_key: HostKey::AcceptNew,
            connect_timeout: Span::default(),
            jump: None,
            legacy: Vec::new(),
            max_age: None,
        }
    }

    #[test]
    fn an_older_agent_gets_a_reference_that_it_can_read_and_complain_of() {
        let (old, new) = (Version { major: 1, minor: 0 }, FORMS);
        assert_eq!(target("env:A").for_protocol(old), None);
        assert_eq!(target("exec:/bin/a").for_protocol(new), None);
        for reference in ["credential:a", "exec:/bin/a b"] {
            let translated = target(reference).for_protocol(old).unwrap();
            let password = translated.login.password.unwrap();
            assert!(matches!(&password, SecretRef::Env(_)), "{password}");
            // What an older one reads, too.
            assert_eq!(password.to_string().parse(), Ok(password));
        }
    }
}
