//! Series are declared once a link (number, family, labels) and then sent as numbers with values.
//!
//! Numbers belong to a shard and outlive its links, so that what was buffered while the link was down can be
//! declared again on the next one and replayed.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
};

use crate::{DeviceName, Epoch};

/// The kinds of metric that device output becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only goes up, or starts again from zero.
    Counter,
    /// Text in labels; its value is always 1.
    Info,
    /// Which of some states holds: a series for each, with the label that is called as the metric, 1 or 0.
    #[serde(rename = "stateset")]
    StateSet,
}

/// A shard's number for a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DeviceNo(pub u32);

/// A shard's number for a metric family.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
pub struct FamilyNo(pub u32);

/// A shard's number for a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SeriesNo(pub u32);

/// Says what a [`DeviceNo`] stands for, and under which lease the device was polled. Declaring a number again replaces it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceDecl {
    /// The number.
    pub no: DeviceNo,
    /// The device.
    pub device: DeviceName,
    /// The lease; polls of a lease that is no longer in force are counted and dropped.
    pub epoch: Epoch,
}

/// Says what a [`FamilyNo`] stands for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FamilyDecl {
    /// The number.
    pub no: FamilyNo,
    /// The metric's name.
    pub name: String,
    /// Its kind.
    pub kind: Kind,
    /// Its help text.
    pub help: String,
}

/// Says what a [`SeriesNo`] stands for. The label `device` is implied by `device`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesDecl {
    /// The number.
    pub no: SeriesNo,
    /// Whose series it is.
    pub device: DeviceNo,
    /// Of which family.
    pub family: FamilyNo,
    /// Further labels, sorted by name, none empty.
    pub labels: Vec<(String, String)>,
    /// The series is gone when it was not renewed for three of these, in milliseconds.
    pub interval_ms: u32,
}

/// The outcome of one command at one time: device, Unix time in milliseconds of the moment the output was whole, samples.
///
/// A poll without samples still tells that the device answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Poll(pub DeviceNo, pub u64, pub Vec<(SeriesNo, Value)>);

/// A sample's value. JSON has no NaN and no infinities, so those are written as Prometheus writes them, as text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Value(pub f64);

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            value if value.is_finite() => serializer.serialize_f64(value),
            value if value.is_nan() => serializer.serialize_str("NaN"),
            value if value > 0.0 => serializer.serialize_str("+Inf"),
            _ => serializer.serialize_str("-Inf"),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ValueVisitor;

        impl Visitor<'_> for ValueVisitor {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, \"NaN\", \"+Inf\" or \"-Inf\"")
            }

            fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
                Ok(Value(value))
            }

            #[expect(
                clippy::cast_precision_loss,
                reason = "samples are doubles, as in Prometheus"
            )]
            fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
                Ok(Value(value as f64))
            }

            #[expect(
                clippy::cast_precision_loss,
                reason = "samples are doubles, as in Prometheus"
            )]
            fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
                Ok(Value(value as f64))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
                match text {
                    "NaN" => Ok(Value(f64::NAN)),
                    "+Inf" => Ok(Value(f64::INFINITY)),
                    "-Inf" => Ok(Value(f64::NEG_INFINITY)),
                    _ => Err(E::invalid_value(de::Unexpected::Str(text), &self)),
                }
            }
        }

        deserializer.deserialize_any(ValueVisitor)
    }
}
