//! How many connections each address has. Pure but for its lock.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use crate::bucket::network;

type Counts = Mutex<HashMap<IpAddr, usize>>;

/// Counts connections by address, so that no address has them all.
#[derive(Clone, Debug)]
pub(super) struct Crowd {
    counts: Arc<Counts>,
    limit: usize,
}

/// A connection that is counted until it is dropped.
#[derive(Debug)]
pub(super) struct Counted {
    counts: Arc<Counts>,
    address: IpAddr,
}

impl Crowd {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            counts: Arc::default(),
            limit,
        }
    }

    /// Counts one more connection, unless its address has as many as it may.
    pub(super) fn enter(&self, address: IpAddr) -> Option<Counted> {
        let address = network(address);
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(Counted {
            counts: self.counts.clone(),
            address,
        })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_and_others_have_theirs() {
        let crowd = Crowd::new(2);
        let [a, b] = ["192.0.2.1", "192.0.2.2"].map(|address| address.parse().unwrap());
        let first = crowd.enter(a);
        let _second = crowd.enter(a).unwrap();
        assert!(first.is_some() && crowd.enter(a).is_none());
        assert!(crowd.enter(b).is_some());
        drop(first);
        assert!(crowd.enter(a).is_some());
        assert_eq!(
            crowd.counts.lock().unwrap().len(),
            1,
            "who has gone is forgotten"
        );
    }
}
