//! The two messages of remote write 1.0 that are sent, as protobuf.
//!
//! ```text
//!   WriteRequest { repeated TimeSeries timeseries = 1 }
//!   TimeSeries   { repeated Label labels = 1; repeated Sample samples = 2 }
//!   Label        { string name = 1; string value = 2 }
//!   Sample       { double value = 1; int64 timestamp = 2 }
//! ```
//!
//! Written by hand because the labels of a series, nine tenths of a request, are encoded once for its whole life, which
//! generated code has no way for.

use std::{collections::BTreeMap, sync::Arc};

use super::queue::Sample;

/// Wire types, in the lower three bits of a key.
const VARINT: u8 = 0;
const I64: u8 = 1;
const LEN: u8 = 2;

const fn key(field: u8, wire_type: u8) -> u8 {
    field << 3 | wire_type
}

#[expect(clippy::cast_possible_truncation, reason = "seven bits at a time")]
fn put_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn put_bytes(bytes: &mut Vec<u8>, field: u8, content: &[u8]) {
    bytes.push(key(field, LEN));
    put_varint(bytes, content.len() as u64);
    bytes.extend_from_slice(content);
}

/// The labels of a series as they stand in `TimeSeries`: sorted by name, as receivers demand.
pub(super) fn labels(labels: &BTreeMap<String, String>) -> Box<[u8]> {
    let mut bytes = Vec::new();
    let mut label = Vec::new();
    // A label without a value is none.
    for (name, value) in labels.iter().filter(|(_, value)| !value.is_empty()) {
        label.clear();
        put_bytes(&mut label, 1, name.as_bytes());
        put_bytes(&mut label, 2, value.as_bytes());
        put_bytes(&mut bytes, 1, &label);
    }
    bytes.into()
}

/// A `WriteRequest`; samples of one series must stand together, oldest first.
pub(super) fn write_request(samples: &[Sample]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut values = Vec::new();
    for of_series in samples.chunk_by(|a, b| Arc::ptr_eq(&a.series, &b.series)) {
        values.clear();
        let mut sample = Vec::with_capacity(24);
        for Sample { value, time_ms, .. } in of_series {
            sample.clear();
            sample.push(key(1, I64));
            sample.extend_from_slice(&value.to_le_bytes());
            sample.push(key(2, VARINT));
            put_varint(&mut sample, *time_ms);
            put_bytes(&mut values, 2, &sample);
        }
        let labels = of_series[0].series.labels();
        bytes.push(key(1, LEN));
        put_varint(&mut bytes, (labels.len() + values.len()) as u64);
        bytes.extend_from_slice(labels);
        bytes.extend_from_slice(&values);
    }
    bytes
}
