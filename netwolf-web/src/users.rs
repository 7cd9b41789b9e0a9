//! Whether a password is that of a user: bcrypt, off the event loop, few at a time, and remembered.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use aws_lc_rs::{
    hmac,
    rand::{SecureRandom, SystemRandom},
};
use base64ct::{Base64, Encoding};
use tokio::{sync::Semaphore, task::spawn_blocking};
use zeroize::Zeroizing;

use crate::config::Hash;

mod cache;

use cache::{Cache, Mark};

/// Passwords that are checked at a time: each takes a core for a tenth of a second.
const CHECKS: usize = 1;

/// Passwords that wait for that or are checked; whoever comes then is told to come again.
const WAITING: usize = 16;

/// Compared with where there is no such user, at the cost of those that there are, so that time tells nothing. What
/// stands behind the cost is a salt and a hash that nobody knows a password for.
const NOBODY: &str = "Aa6YgpRUOv2/1FmUXFknSOt4Cr0JTqITIqRfSQwVaXvoFktvYBF86";

/// A name and a password, as `Authorization: Basic` has them.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) user: String,
    password: Zeroizing<String>,
}

impl Login {
    /// Reads what stands behind `Basic`.
    pub(crate) fn read(encoded: &str) -> Option<Self> {
        let bytes = Zeroizing::new(Base64::decode_vec(encoded.trim()).ok()?);
        let (user, password) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
        Some(Self {
            user: user.to_owned(),
            password: Zeroizing::new(password.to_owned()),
        })
    }
}

/// What is known of a login without a look at a hash.
#[derive(Debug)]
pub(crate) enum Known {
    Right(Arc<str>),
    Wrong,
    /// It has to be checked.
    No(Check),
}

/// A check that is to be made.
#[derive(Debug)]
pub(crate) struct Check {
    mark: Mark,
    user: Option<Arc<str>>,
    hash: String,
    password: Zeroizing<String>,
}

/// Checks passwords.
#[derive(Debug)]
pub(crate) struct Passwords {
    key: hmac::Key,
    cache: Mutex<Cache>,
    waiting: Arc<Semaphore>,
    checks: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        let mut key = Zeroizing::new([0; 32]);
        SystemRandom::new()
            .fill(key.as_mut())
            .expect("the operating system gives random numbers");
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()),
            cache: Mutex::default(),
            waiting: Arc::new(Semaphore::new(WAITING)),
            checks: Arc::new(Semaphore::new(CHECKS)),
        }
    }
}

impl Passwords {
    /// What is known of a login already.
    pub(crate) fn look_up(&self, users: &BTreeMap<Arc<str>, Hash>, login: Login) -> Known {
        let (user, hash) = match users.get_key_value(login.user.as_str()) {
            Some((user, hash)) => (Some(user.clone()), hash.0.to_string()),
            None => (None, of_nobody(users)),
        };
        let mark = self.mark(&[&login.user, &hash, &login.password]);
        let cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        match (cache.get(&mark), user) {
            (Some(true), Some(user)) => Known::Right(user),
            (Some(_), _) => Known::Wrong,
            (None, user) => Known::No(Check {
                mark,
                user,
                hash,
                password: login.password,
            }),
        }
    }

    /// Checks a password; none where too many wait for that already.
    pub(crate) async fn check(&self, check: Check) -> Option<Option<Arc<str>>> {
        let waiting = self.waiting.clone().try_acquire_owned().ok()?;
        let turn = self.checks.clone().acquire_owned().await.ok()?;
        let Check {
            mark,
            user,
            hash,
            password,
        } = check;
        let checking = spawn_blocking(move || {
            // Held to the end, even if nobody waits for it any more.
            let _held = (waiting, turn);
            bcrypt::verify(password.as_bytes(), &hash).unwrap_or_default()
        });
        let is_right = checking.await.ok()? && user.is_some();
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.set(mark, is_right);
        Some(user.filter(|_| is_right))
    }

    fn mark(&self, parts: &[&str]) -> Mark {
        let mut context = hmac::Context::with_key(&self.key);
        for part in parts {
            context.update(&part.len().to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut mark = Mark::default();
        mark.copy_from_slice(context.sign().as_ref());
        mark
    }
}

fn of_nobody(users: &BTreeMap<Arc<str>, Hash>) -> String {
    let costs = users.values().filter_map(|hash| hash.0.split('$').nth(2));
    let cost = costs.max().unwrap_or("10");
    format!("$2y${cost}${NOBODY}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least cost that there is.
    const COST: u32 = 4;

    fn users() -> BTreeMap<Arc<str>, Hash> {
        let hash = bcrypt::hash("open sesame", COST).unwrap();
        BTreeMap::from([("ali".into(), Hash(hash.into()))])
    }

    fn login(user: &str, password: &str) -> Login {
        Login::read(&Base64::encode_string(
            format!("{user}:{password}").as_bytes(),
        ))
        .unwrap()
    }

    #[tokio::test]
    async fn a_password_is_checked_once() {
        let (passwords, users) = (Passwords::default(), users());
        for (user, password, is_right) in [
            ("ali", "open sesame", true),
            ("ali", "open barley", false),
            ("kasim", "open sesame", false),
        ] {
            let Known::No(check) = passwords.look_up(&users, login(user, password)) else {
                panic!("nothing is known of {user} yet");
            };
            let found = passwords.check(check).await.unwrap();
            assert_eq!(found.is_some(), is_right, "{user} {password}");
            let again = passwords.look_up(&users, login(user, password));
            assert_eq!(matches!(again, Known::Right(_)), is_right);
            assert_eq!(matches!(again, Known::Wrong), !is_right);
        }
        // Another hash in the file is another question.
        let changed = BTreeMap::from([(
            "ali".into(),
            Hash(bcrypt::hash("new", COST).unwrap().into()),
        )]);
        let known = passwords.look_up(&changed, login("ali", "open sesame"));
        assert!(matches!(known, Known::No(_)), "{known:?}");
    }

    #[tokio::test]
    async fn too_many_at_a_time_are_sent_away() {
        let (passwords, users) = (Passwords::default(), users());
        let _all = passwords
            .waiting
            .clone()
            .try_acquire_many_owned(u32::try_from(WAITING).unwrap())
            .unwrap();
        let Known::No(check) = passwords.look_up(&users, login("ali", "open sesame")) else {
            panic!("nothing is known yet");
        };
        assert!(passwords.check(check).await.is_none());
    }

    #[test]
    fn nobody_costs_as_much_as_somebody() {
        let hash = of_nobody(&users());
        let parts: bcrypt::HashParts = hash.parse().unwrap();
        assert_eq!(parts.get_cost(), COST);
        assert!(
            of_nobody(&BTreeMap::new())
                .parse::<bcrypt::HashParts>()
                .is_ok()
        );
    }

    #[test]
    fn what_is_no_login_is_none() {
        for text in ["", "%", "YWxp", "gICA"] {
            assert!(Login::read(text).is_none(), "{text}");
        }
        let odd = login("ali", "with:colons:");
        assert_eq!(
            (odd.user.as_str(), odd.password.as_str()),
            ("ali", "with:colons:")
        );
        assert!(!format!("{:?}", Hash("$2y$04$canary".into())).contains("canary"));
    }
}
