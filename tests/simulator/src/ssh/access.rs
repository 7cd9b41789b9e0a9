//! Who may log in: one account for the whole fleet, as behind an AAA server, and its lock.
//!
//! Invariants: an account that is locked lets nobody in, however right the secret is; every
//! refusal counts towards the lock, wherever in the fleet it was.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use russh::keys::PublicKey;
use russh::{MethodKind, MethodSet};
use tokio::time::Instant;

use crate::device::{Device, Secret};

/// When too many refusals lock the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lockout {
    /// So many refusals lock it, over all devices together.
    pub refusals: usize,
    /// Only refusals of the last so much time count.
    pub within: Duration,
    /// For so long it stays locked.
    pub duration: Duration,
}

/// What happened to the account.
#[derive(Debug, Default)]
struct Account {
    refused: VecDeque<Instant>,
    locked_until: Option<Instant>,
    lockouts: u64,
}

/// Who may log in.
#[derive(Debug)]
pub(crate) struct Access {
    username: String,
    password: RwLock<Secret>,
    keys: Vec<PublicKey>,
    lockout: Option<Lockout>,
    account: Mutex<Account>,
}

impl Access {
    pub(crate) fn new(
        username: String,
        password: Secret,
        keys: Vec<PublicKey>,
        lockout: Option<Lockout>,
    ) -> Self {
        Self {
            username,
            password: RwLock::new(password),
            keys,
            lockout,
            account: Mutex::default(),
        }
    }

    /// From now on logins need this password.
    pub(crate) fn set_password(&self, password: Secret) {
        *self
            .password
            .write()
            .unwrap_or_else(PoisonError::into_inner) = password;
    }

    pub(super) fn by_password(&self, device: &Device, user: &str, attempt: &[u8]) -> bool {
        let right = device.has_password(attempt).unwrap_or_else(|| {
            let password = self.password.read().unwrap_or_else(PoisonError::into_inner);
            password.matches(attempt)
        });
        self.judge(device, self.knows(user) && right)
    }

    pub(super) fn by_key(&self, device: &Device, user: &str, key: &PublicKey) -> bool {
        let known = || {
            self.keys
                .iter()
                .any(|known| known.key_data() == key.key_data())
        };
        self.judge(device, self.knows(user) && known())
    }

    /// RouterOS takes wishes for the terminal behind a plus sign; no account has one in its name.
    fn knows(&self, user: &str) -> bool {
        user.split('+').next() == Some(self.username.as_str())
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a login that is right but for this goes through.
    fn judge(&self, device: &Device, right: bool) -> bool {
        right && !device.faults.borrow().refuse_logins && !self.is_locked()
    }

    /// Whether the account is locked now.
    pub(crate) fn is_locked(&self) -> bool {
        // Without a lock to fear, no login waits for another.
        self.lockout.is_some()
            && self
                .account()
                .locked_until
                .is_some_and(|until| until > Instant::now())
    }

    /// Times the account was locked.
    pub(crate) fn lockouts(&self) -> u64 {
        self.account().lockouts
    }

    /// Notes a refusal, which may lock the account.
    pub(super) fn refused(&self) {
        let Some(lockout) = self.lockout else { return };
        let now = Instant::now();
        let mut account = self.account();
        account.refused.push_back(now);
        while account
            .refused
            .front()
            .is_some_and(|at| now - *at > lockout.within)
        {
            account.refused.pop_front();
        }
        if account.refused.len() >= lockout.refusals {
            account.refused.clear();
            account.locked_until = Some(now + lockout.duration);
            account.lockouts += 1;
        }
    }

    pub(super) fn methods(&self) -> MethodSet {
        let mut methods = MethodSet::empty();
        if !self.keys.is_empty() {
            methods.push(MethodKind::PublicKey);
        }
        let password = self.password.read().unwrap_or_else(PoisonError::into_inner);
        if !password.is_empty() {
            methods.push(MethodKind::KeyboardInteractive);
            methods.push(MethodKind::Password);
        }
        methods
    }
}
