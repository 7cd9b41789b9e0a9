//! Samples of one message on their way to remote write, where that is configured.

use std::sync::Arc;

use netwolf_wire::Epoch;

use super::family::{Handle, Tables};
use crate::remote_write::{Outgoing, Outlet, Written};

/// A sample as a poll brings it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub(super) value: f64,
    pub(super) time_ms: u64,
    pub(super) epoch: Epoch,
}

/// Gathers what is taken in.
#[derive(Debug)]
pub(super) struct Sending<'a> {
    outgoing: Outgoing<'a>,
    /// Of series that have not been sent before: to note that, their tables must be locked alone.
    new: Vec<(&'a Handle, Taken)>,
}

impl<'a> Sending<'a> {
    /// None yet; `unix_ms` is the present wall clock time.
    pub(super) fn to(outlet: &'a Outlet, unix_ms: u64) -> Self {
        Self {
            outgoing: Outgoing::new(outlet, unix_ms),
            new: Vec::new(),
        }
    }

    /// A sample was taken in.
    pub(super) fn push(&mut self, tables: &mut Tables<'a>, series: &'a Handle, sample: Taken) {
        match tables.written(series) {
            Some(written) if written.is_of(self.outgoing.outlet()) => {
                send(&mut self.outgoing, written, sample);
            }
            _ => self.new.push((series, sample)),
        }
    }

    /// All were; no table is locked any more.
    pub(super) fn finish(mut self) {
        for (series, sample) in self.new {
            if let Some(written) = series.write_to(self.outgoing.outlet()) {
                send(&mut self.outgoing, &written, sample);
            }
        }
        self.outgoing.send();
    }
}

fn send(outgoing: &mut Outgoing<'_>, series: &Arc<Written>, sample: Taken) {
    outgoing.push(series, sample.value, sample.time_ms, sample.epoch);
}
