//! What an agent does about its links when it starts: show the identity that it has, join, or go plain.

use netwolf_secret::SecretError;
use netwolf_wire::{AgentName, SecretRef, tls::token::JoinToken};
use thiserror::Error;

use crate::identity::{Identity, IdentityStore};

/// Where a token may stand besides an argument, in the environment: the token itself, or a reference.
pub const JOIN_VARIABLE: &str = "NETWOLF_JOIN";

/// What was typed cannot be run; exit code 2.
#[derive(Debug, Error)]
pub enum ChoiceError {
    /// An argument list can be read by everybody on the machine.
    #[error(
        "a join token must not stand on a command line, which everybody on this machine can read\n  hint: write it to a \
         file and say `--join file:/absolute/path`, or set the environment variable {JOIN_VARIABLE} to it"
    )]
    Bare,
    /// It is neither a token nor a reference.
    #[error(
        "`--join` takes a reference to a join token\n  hint: `--join file:/absolute/path` or `--join env:NAME`"
    )]
    Reference,
    /// There is no token at the reference.
    #[error("there is no join token at \"{0}\": {1}")]
    Missing(String, String),
    /// The manager is elsewhere, and there is nothing to show it.
    #[error(
        "the manager at \"{0}\" is on another machine, and this agent has not joined it\n  hint: `netwolf agents invite`, \
         asked of that manager, prints a token: give it with `--join`; in a network that is trusted \
         `--insecure-plaintext` on both sides does without"
    )]
    NotJoined(String),
    /// The identity is another agent's.
    #[error(
        "the identity in \"{path}\" is that of the agent \"{theirs}\", and this one is to be \"{ours}\"\n  hint: start it \
         with `--name {theirs}`, or give each agent a `--storage.path` of its own"
    )]
    OtherName {
        /// The file.
        path: String,
        /// Whose it is.
        theirs: AgentName,
        /// As it was typed.
        ours: AgentName,
    },
    /// The identity is of no use any more.
    #[error(
        "the certificate of the agent \"{0}\" has expired\n  hint: `netwolf agents invite --name {0}`, asked of its manager, \
         prints a token: give it with `--join`"
    )]
    Expired(AgentName),
}

/// Where a token is.
#[derive(Clone, Debug)]
pub enum Join {
    /// In the environment variable of ours.
    Here(JoinToken),
    /// Where this says.
    At(SecretRef),
}

impl Join {
    /// Reads an argument, or the environment variable where there is none.
    ///
    /// # Errors
    /// [`ChoiceError::Bare`] and [`ChoiceError::Reference`].
    pub fn find(argument: Option<&str>) -> Result<Option<Self>, ChoiceError> {
        if let Some(text) = argument {
            if text.parse::<JoinToken>().is_ok() || text.starts_with("NW1.") {
                return Err(ChoiceError::Bare);
            }
            let reference = text.parse().map_err(|_| ChoiceError::Reference)?;
            return Ok(Some(Self::At(reference)));
        }
        let Ok(text) = std::env::var(JOIN_VARIABLE) else {
            return Ok(None);
        };
        if let Ok(reference) = text.parse() {
            return Ok(Some(Self::At(reference)));
        }
        let token = text.parse::<JoinToken>();
        let token = token.map_err(|error| missing(JOIN_VARIABLE, &error))?;
        Ok(Some(Self::Here(token)))
    }

    /// The token.
    ///
    /// # Errors
    /// [`ChoiceError::Missing`].
    pub async fn token(&self) -> Result<JoinToken, ChoiceError> {
        let reference = match self {
            Self::Here(token) => return Ok(token.clone()),
            Self::At(reference) => reference,
        };
        let place = reference.to_string();
        let secret = netwolf_secret::resolve(reference).await;
        let secret = secret.map_err(|error: SecretError| missing(&place, &error))?;
        let token = secret.expose().parse::<JoinToken>();
        token.map_err(|error| missing(&place, &error))
    }
}

fn missing(place: &str, error: &dyn std::error::Error) -> ChoiceError {
    ChoiceError::Missing(place.to_owned(), error.to_string())
}

/// What is known when an agent starts.
#[derive(Debug)]
pub struct Circumstances<'a> {
    /// The manager's address.
    pub manager: &'a str,
    /// That is a loopback address.
    pub is_here: bool,
    /// The operator has accepted to go plain.
    pub insecure: bool,
    /// The name that was typed.
    pub name: Option<&'a AgentName>,
    /// Where an identity would be.
    pub store: &'a IdentityStore,
    /// Unix seconds.
    pub now: u64,
}

/// What the agent does.
#[derive(Debug)]
pub enum Choice {
    /// Shows what it has.
    Show(Identity),
    /// Asks for one.
    Join(JoinToken),
    /// Goes without.
    Plain {
        /// The manager is, or may be, on another machine.
        insecure: bool,
    },
}

/// Chooses. An agent that has an identity never goes plain.
///
/// # Errors
/// [`ChoiceError`], which says what to do.
pub async fn choose(
    circumstances: &Circumstances<'_>,
    identity: Option<Identity>,
    join: Option<&Join>,
) -> Result<Choice, ChoiceError> {
    let Circumstances {
        manager,
        is_here,
        insecure,
        name,
        store,
        now,
    } = *circumstances;
    let Some(identity) = identity else {
        return match join {
            Some(join) => join.token().await.map(Choice::Join),
            None if is_here || insecure => Ok(Choice::Plain { insecure: !is_here }),
            None => Err(ChoiceError::NotJoined(manager.to_owned())),
        };
    };
    if let Some(ours) = name.filter(|name| *name != identity.agent()) {
        return Err(ChoiceError::OtherName {
            path: store.path().display().to_string(),
            theirs: identity.agent().clone(),
            ours: ours.clone(),
        });
    }
    let has_expired = identity.expires() <= now;
    match join {
        None if has_expired => Err(ChoiceError::Expired(identity.agent().clone())),
        None => Ok(Choice::Show(identity)),
        Some(join) if has_expired => join.token().await.map(Choice::Join),
        // The token was for the first start, and may be gone by now.
        Some(join) => match join.token().await {
            Ok(token) if !identity.believes(&token.pin) => Ok(Choice::Join(token)),
            _ => Ok(Choice::Show(identity)),
        },
    }
}

#[cfg(test)]
mod tests {
    use netwolf_wire::{
        certify::{Invite, InviteSecret},
        tls::token::Pin,
    };

    use super::*;
    use crate::identity::testing::Authority;

    const T: u64 = 1_800_000_000;

    struct Scene {
        folder: tempfile::TempDir,
        authority: Authority,
    }

    impl Scene {
        fn new() -> Self {
            Self {
                folder: tempfile::tempdir().unwrap(),
                authority: Authority::new(),
            }
        }

        fn identity(&self) -> Identity {
            let store = IdentityStore::new(self.folder.path());
            self.authority.enrol(&store, &"a1".parse().unwrap(), T)
        }

        async fn choose(
            &self,
            identity: Option<Identity>,
            join: Option<Pin>,
            change: impl FnOnce(&mut Circumstances<'_>),
        ) -> Result<Choice, ChoiceError> {
            let store = IdentityStore::new(self.folder.path());
            let mut circumstances = Circumstances {
                manager: "192.0.2.1:9798",
                is_here: false,
                insecure: false,
                name: None,
                store: &store,
                now: T,
            };
            change(&mut circumstances);
            let join = join.map(|pin| {
                let secret = InviteSecret::new("s");
                let invite = Invite {
                    id: "i".into(),
                    secret,
                };
                Join::Here(JoinToken { pin, invite })
            });
            choose(&circumstances, identity, join.as_ref()).await
        }
    }

    #[tokio::test]
    async fn an_agent_without_an_identity_joins_or_goes_plain_where_it_may() {
        let scene = Scene::new();
        let pin = scene.authority.pin();
        let choice = scene.choose(None, Some(pin), |_| ()).await;
        assert!(matches!(choice, Ok(Choice::Join(_))), "{choice:?}");
        let choice = scene.choose(None, None, |_| ()).await;
        assert!(
            matches!(choice, Err(ChoiceError::NotJoined(_))),
            "{choice:?}"
        );
        let choice = scene.choose(None, None, |c| c.is_here = true).await;
        assert!(
            matches!(choice, Ok(Choice::Plain { insecure: false })),
            "{choice:?}"
        );
        let choice = scene.choose(None, None, |c| c.insecure = true).await;
        assert!(
            matches!(choice, Ok(Choice::Plain { insecure: true })),
            "{choice:?}"
        );
    }

    #[tokio::test]
    async fn an_agent_with_an_identity_shows_it_whatever_it_is_told() {
        let scene = Scene::new();
        for join in [None, Some(scene.authority.pin())] {
            let choice = scene.choose(Some(scene.identity()), join, |circumstances| {
                (circumstances.is_here, circumstances.insecure) = (true, true);
            });
            let choice = choice.await;
            assert!(matches!(choice, Ok(Choice::Show(_))), "{choice:?}");
        }
        let other = "a2".parse().unwrap();
        let identity = Some(scene.identity());
        let store = IdentityStore::new(scene.folder.path());
        let circumstances = Circumstances {
            manager: "127.0.0.1:9798",
            is_here: true,
            insecure: true,
            name: Some(&other),
            store: &store,
            now: T,
        };
        let choice = choose(&circumstances, identity, None).await;
        assert!(
            matches!(choice, Err(ChoiceError::OtherName { .. })),
            "{choice:?}"
        );
    }

    #[tokio::test]
    async fn an_identity_that_is_of_no_use_is_replaced_by_a_token() {
        let scene = Scene::new();
        let pin = scene.authority.pin();
        let other = Authority::new().pin();
        let choice = scene
            .choose(Some(scene.identity()), Some(other), |_| ())
            .await;
        assert!(matches!(choice, Ok(Choice::Join(_))), "{choice:?}");
        let late = |circumstances: &mut Circumstances<'_>| circumstances.now = T + 24 * 3600;
        let choice = scene.choose(Some(scene.identity()), Some(pin), late).await;
        assert!(matches!(choice, Ok(Choice::Join(_))), "{choice:?}");
        let choice = scene.choose(Some(scene.identity()), None, late).await;
        assert!(matches!(choice, Err(ChoiceError::Expired(_))), "{choice:?}");
    }

    #[tokio::test]
    async fn a_token_is_found_by_reference_and_never_on_the_command_line() {
        let error = Join::find(Some("NW1.a.b.hush-hush")).unwrap_err();
        assert!(matches!(error, ChoiceError::Bare) && !error.to_string().contains("hush"));
        assert!(matches!(
            Join::find(Some("hello")),
            Err(ChoiceError::Reference)
        ));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "hush-hush").unwrap();
        let join = Join::find(Some(&format!("file:{}", path.display())))
            .unwrap()
            .unwrap();
        let error = join.token().await.unwrap_err().to_string();
        assert!(
            error.contains("token") && !error.contains("hush"),
            "{error}"
        );
    }
}
