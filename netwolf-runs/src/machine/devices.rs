//! Who has a device, over all runs: at most one step at a time.

use std::collections::BTreeSet;

use foldhash::HashMap;
use netwolf_wire::DeviceName;

use super::live::Key;

/// The steps of one device.
#[derive(Clone, Debug, Default)]
struct Line {
    holder: Option<Key>,
    /// Wait for the holder to leave.
    waiting: BTreeSet<Key>,
}

/// All devices that some step holds or waits for.
#[derive(Clone, Debug, Default)]
pub(super) struct Devices {
    lines: HashMap<DeviceName, Line>,
}

impl Devices {
    pub(super) fn holder(&self, device: &DeviceName) -> Option<Key> {
        self.lines.get(device)?.holder
    }

    pub(super) fn hold(&mut self, device: &DeviceName, key: Key) {
        let line = self.lines.entry(device.clone()).or_default();
        debug_assert!(line.holder.is_none(), "a device has one holder at a time");
        line.holder = Some(key);
    }

    /// Frees a device that `key` holds; the steps that waited for that.
    pub(super) fn release(&mut self, device: &DeviceName, key: Key) -> BTreeSet<Key> {
        let Some(line) = self.lines.get_mut(device) else {
            return BTreeSet::new();
        };
        if line.holder != Some(key) {
            return BTreeSet::new();
        }
        line.holder = None;
        // All of them, because a run whose turn it would be may be paused: the others must not wait for it.
        let woken = std::mem::take(&mut line.waiting);
        self.tidy(device);
        woken
    }

    pub(super) fn wait(&mut self, device: &DeviceName, key: Key) {
        self.line(device).waiting.insert(key);
    }

    /// Takes out a step that waits.
    pub(super) fn leave(&mut self, device: &DeviceName, key: Key) {
        if let Some(line) = self.lines.get_mut(device) {
            line.waiting.remove(&key);
            self.tidy(device);
        }
    }

    fn line(&mut self, device: &DeviceName) -> &mut Line {
        self.lines.entry(device.clone()).or_default()
    }

    fn tidy(&mut self, device: &DeviceName) {
        let empty = |line: &Line| line.holder.is_none() && line.waiting.is_empty();
        if self.lines.get(device).is_some_and(empty) {
            self.lines.remove(device);
        }
    }
}
