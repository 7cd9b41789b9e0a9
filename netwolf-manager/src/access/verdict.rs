//! Whether a request may be answered, from who asks and what it takes. Pure.
//!
//! | | no tokens in the configuration | tokens |
//! |---|---|---|
//! | scraping, health | whoever passes the web configuration | the same |
//! | reading the API | whoever passes the web configuration | any token, or a user of the web configuration |
//! | changes | a user of the web configuration; without users, this machine | a token with the role |

use super::{Role, Token};

/// What a path takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing but the web configuration's leave.
    Nothing,
    /// Somebody who may do that much.
    Role(Role),
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// Whether the configuration has tokens.
    pub has_tokens: bool,
    /// The token that came along.
    pub token: Presented<'a>,
    /// Whether the web configuration knows who it is: a user, or a certificate of its authority.
    pub is_known: bool,
    /// Whether it comes from this machine, and nobody else's request is passed on.
    pub is_local: bool,
}

/// A token that a request has.
#[derive(Clone, Copy, Debug)]
pub enum Presented<'a> {
    /// None.
    Nothing,
    /// One that the configuration does not know.
    Unknown,
    /// One of the configuration.
    Known(&'a Token),
}

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A token is needed, and there is none.
    Unauthorized,
    /// The token is none of the configuration's.
    WrongToken,
    /// Something changes, which takes a token with this role.
    Role(Role),
    /// Something changes, and whoever asks is elsewhere.
    Remote,
}

/// Decides.
///
/// # Errors
/// Why not.
pub fn decide(need: Need, is_change: bool, asking: &Asking<'_>) -> Result<(), Refused> {
    let Need::Role(role) = need else {
        return Ok(());
    };
    if !asking.has_tokens {
        let may = !is_change || asking.is_known || asking.is_local;
        return may.then_some(()).ok_or(Refused::Remote);
    }
    match asking.token {
        Presented::Known(token) if token.role >= role => Ok(()),
        Presented::Unknown => Err(Refused::WrongToken),
        Presented::Nothing if !asking.is_known => Err(Refused::Unauthorized),
        Presented::Nothing if role == Role::View => Ok(()),
        Presented::Known(_) | Presented::Nothing => Err(Refused::Role(role)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Digest;

    const VIEW: Need = Need::Role(Role::View);
    const OPERATE: Need = Need::Role(Role::Operate);

    const STRANGER: Asking<'_> = Asking {
        has_tokens: false,
        token: Presented::Nothing,
        is_known: false,
        is_local: false,
    };

    #[test]
    fn without_tokens_reading_is_open_and_changes_are_for_this_machine_and_users() {
        assert_eq!(decide(VIEW, false, &STRANGER), Ok(()));
        assert_eq!(decide(OPERATE, true, &STRANGER), Err(Refused::Remote));
        let local = Asking {
            is_local: true,
            ..STRANGER
        };
        let user = Asking {
            is_known: true,
            ..STRANGER
        };
        assert_eq!(decide(OPERATE, true, &local), Ok(()));
        assert_eq!(decide(OPERATE, true, &user), Ok(()));
    }

    /// Somebody on this machine, where there are tokens.
    fn with(token: Presented<'_>) -> Asking<'_> {
        Asking {
            has_tokens: true,
            is_local: true,
            token,
            ..STRANGER
        }
    }

    #[test]
    fn with_tokens_each_does_what_its_role_may() {
        for role in Role::ALL {
            let token = Token {
                name: "t".into(),
                role,
                digest: Digest::of("t"),
            };
            let asking = with(Presented::Known(&token));
            for needed in Role::ALL {
                let is_change = needed != Role::View;
                let expected = if role >= needed {
                    Ok(())
                } else {
                    Err(Refused::Role(needed))
                };
                assert_eq!(decide(Need::Role(needed), is_change, &asking), expected);
            }
        }
        let nobody = with(Presented::Nothing);
        assert_eq!(decide(VIEW, false, &nobody), Err(Refused::Unauthorized));
        assert_eq!(decide(OPERATE, true, &nobody), Err(Refused::Unauthorized));
        let wrong = with(Presented::Unknown);
        assert_eq!(decide(VIEW, false, &wrong), Err(Refused::WrongToken));
        assert_eq!(decide(Need::Nothing, false, &wrong), Ok(()));
    }

    #[test]
    fn users_read_where_there_are_tokens_and_change_nothing() {
        let user = Asking {
            has_tokens: true,
            is_known: true,
            is_local: true,
            ..STRANGER
        };
        assert_eq!(decide(VIEW, false, &user), Ok(()));
        assert_eq!(
            decide(OPERATE, true, &user),
            Err(Refused::Role(Role::Operate))
        );
    }
}
