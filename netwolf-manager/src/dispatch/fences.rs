//! Devices that nobody may have yet: their leases were exclusive, and whoever is out of touch may hold them still.

use std::{
    collections::{BTreeSet, HashMap},
    time::Instant,
};

use netwolf_wire::DeviceName;

/// Until when each is fenced.
#[derive(Debug, Default)]
pub(super) struct Fences {
    until: HashMap<DeviceName, Instant>,
    by_time: BTreeSet<(Instant, DeviceName)>,
}

impl Fences {
    /// Fences a device; of two times the later holds.
    pub(super) fn put(&mut self, device: &DeviceName, until: Instant) {
        if let Some(before) = self.until.get(device).copied() {
            if before >= until {
                return;
            }
            self.by_time.remove(&(before, device.clone()));
        }
        self.until.insert(device.clone(), until);
        self.by_time.insert((until, device.clone()));
    }

    /// Whether nobody may have it.
    pub(super) fn has(&self, device: &DeviceName) -> bool {
        self.until.contains_key(device)
    }

    /// When the next fence falls.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.by_time.first().map(|(until, _)| *until)
    }

    /// A device whose fence has fallen, once.
    pub(super) fn next(&mut self, now: Instant) -> Option<DeviceName> {
        let (until, _) = self.by_time.first()?;
        if now < *until {
            return None;
        }
        let (_, device) = self.by_time.pop_first()?;
        self.until.remove(&device);
        Some(device)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_later_time_holds_and_a_fence_falls_once() {
        let start = Instant::now();
        let at = |secs| start + Duration::from_secs(secs);
        let [a, b] = ["a", "b"].map(|name| DeviceName::new(name).unwrap());
        let mut fences = Fences::default();
        fences.put(&a, at(2));
        fences.put(&b, at(3));
        fences.put(&a, at(4));
        fences.put(&a, at(1));
        assert_eq!(fences.poll_timeout(), Some(at(3)));
        assert_eq!(fences.next(at(2)), None);
        assert_eq!(fences.next(at(9)), Some(b));
        assert!(fences.has(&a));
        assert_eq!(fences.next(at(9)), Some(a.clone()));
        assert!(!fences.has(&a) && fences.poll_timeout().is_none());
    }
}
