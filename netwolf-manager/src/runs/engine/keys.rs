//! Idempotency keys of this life of the manager: two submissions with one key may come at the same time, before the
//! journal has either.

use std::collections::{HashMap, VecDeque};

use netwolf_wire::step::RunId;

/// Idempotency keys that are known without asking the journal, which knows all that are older.
pub(super) const KEYS: usize = 100_000;

/// Idempotency keys of this life, the latest.
#[derive(Debug, Default)]
pub(super) struct Keys {
    pub(super) by_key: HashMap<String, (RunId, Option<String>)>,
    pub(super) order: VecDeque<String>,
}

impl Keys {
    pub(super) fn get(&self, key: &str) -> Option<&(RunId, Option<String>)> {
        self.by_key.get(key)
    }

    pub(super) fn insert(&mut self, key: String, run: RunId, body: Option<String>) {
        self.by_key.insert(key.clone(), (run, body));
        self.order.push_back(key);
        if self.order.len() > KEYS
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_key.remove(&oldest);
        }
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.by_key.remove(key);
        self.order.retain(|it| it != key);
    }
}
