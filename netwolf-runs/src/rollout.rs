//! How a run spreads over its devices: canary, batches, bounds, and when it stops.
//!
//! ```text
//!   12 steps, canary 1, batch 25%:   [0] [1 2 3] [4 5 6] [7 8 9] [10 11]
//!                          batch:     1     2       3       4       5
//! ```
//!
//! Invariants: every step is in exactly one batch, batches are stretches in order, and none but the canary is
//! smaller than the next except the last.

use std::{fmt, ops::Range, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// Steps of one run that are under way together, where nobody says otherwise: enough to keep a manager and its
/// agents busy, and few enough that a wrong command has not gone everywhere before somebody sees it.
pub const DEFAULT_IN_FLIGHT: u32 = 500;

/// How many at a time, and when to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Rollout {
    /// Steps of the first batch, whose failures stop the run; 0 for none.
    #[serde(skip_serializing_if = "is_zero")]
    pub canary: u32,
    /// Steps of each batch; all in one where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<Amount>,
    /// The run stops when so many have failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_after: Option<Amount>,
    /// Steps under way together at one site.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_site: Option<u32>,
    /// Steps under way together.
    pub in_flight: u32,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
const fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Default for Rollout {
    fn default() -> Self {
        Self {
            canary: 0,
            batch: None,
            stop_after: None,
            per_site: None,
            in_flight: DEFAULT_IN_FLIGHT,
        }
    }
}

impl Rollout {
    /// How many steps the canary has.
    fn canary_of(&self, n_steps: u32) -> u32 {
        self.canary.min(n_steps)
    }

    /// Steps of a batch that is neither the canary nor the last.
    fn batch_size(&self, n_steps: u32) -> u32 {
        self.batch
            .map_or(n_steps, |amount| amount.of(n_steps))
            .max(1)
    }

    /// How many batches `n_steps` make.
    pub fn batches(&self, n_steps: u32) -> u32 {
        let canary = self.canary_of(n_steps);
        let rest = (n_steps - canary).div_ceil(self.batch_size(n_steps));
        u32::from(canary > 0) + rest
    }

    /// The batch of a step, from 1.
    pub fn batch_of(&self, step: u32, n_steps: u32) -> u32 {
        let canary = self.canary_of(n_steps);
        match step.checked_sub(canary) {
            None => 1,
            Some(behind) => u32::from(canary > 0) + behind / self.batch_size(n_steps) + 1,
        }
    }

    /// The steps of a batch, from 1; none of one that is not there.
    pub fn steps_of(&self, batch: u32, n_steps: u32) -> Range<u32> {
        let canary = self.canary_of(n_steps);
        let Some(number) = batch.checked_sub(1) else {
            return 0..0;
        };
        if canary > 0 && number == 0 {
            return 0..canary;
        }
        let size = self.batch_size(n_steps);
        let start = (number - u32::from(canary > 0))
            .saturating_mul(size)
            .saturating_add(canary)
            .min(n_steps);
        start..start.saturating_add(size).min(n_steps)
    }

    /// Whether a batch is the canary.
    pub const fn is_canary(&self, batch: u32) -> bool {
        self.canary > 0 && batch == 1
    }

    /// How many failures stop the run.
    pub fn stop_at(&self, n_steps: u32) -> Option<u32> {
        self.stop_after.map(|amount| amount.of(n_steps).max(1))
    }
}

/// A number of steps, or a part of them: `5` or `10%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// So many.
    Count(u32),
    /// So many hundredths of a per cent.
    Part(u32),
}

/// All of them, in hundredths of a per cent.
const WHOLE: u32 = 10_000;

impl Amount {
    /// How many of `n` that is, rounded up.
    pub fn of(self, n: u32) -> u32 {
        match self {
            Self::Count(count) => count,
            Self::Part(part) => {
                let steps = (u64::from(n) * u64::from(part)).div_ceil(u64::from(WHOLE));
                u32::try_from(steps).unwrap_or(u32::MAX)
            }
        }
    }
}

/// A text that is no amount.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{0:?} is not an amount; write a number above 0 or a part of at most 100%, such as `5` or `10%`"
)]
pub struct NotAnAmount(String);

impl FromStr for Amount {
    type Err = NotAnAmount;

    fn from_str(text: &str) -> Result<Self, NotAnAmount> {
        let wrong = || NotAnAmount(text.to_owned());
        let amount = match text.trim().strip_suffix('%') {
            None => text.trim().parse().map(Self::Count).map_err(|_| wrong())?,
            Some(part) => Self::Part(hundredths(part.trim()).ok_or_else(wrong)?),
        };
        match amount {
            Self::Count(0) | Self::Part(0) => Err(wrong()),
            Self::Part(part) if part > WHOLE => Err(wrong()),
            amount => Ok(amount),
        }
    }
}

/// `12.5` as 1250; at most two digits behind the point.
fn hundredths(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 2 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let whole: u32 = whole.parse().ok()?;
    let fraction: u32 = format!("{fraction:0<2}").parse().ok()?;
    whole.checked_mul(100)?.checked_add(fraction)
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => count.fmt(f),
            Self::Part(part) if part % 100 == 0 => write!(f, "{}%", part / 100),
            Self::Part(part) => write!(f, "{}.{:02}%", part / 100, part % 100),
        }
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) => serializer.serialize_u32(*count),
            Self::Part(_) => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AmountVisitor;

        impl de::Visitor<'_> for AmountVisitor {
            type Value = Amount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of steps or a part such as `10%`")
            }

            fn visit_u64<E: de::Error>(self, count: u64) -> Result<Amount, E> {
                match u32::try_from(count) {
                    Ok(count) if count > 0 => Ok(Amount::Count(count)),
                    _ => Err(E::custom(NotAnAmount(count.to_string()))),
                }
            }

            fn visit_i64<E: de::Error>(self, count: i64) -> Result<Amount, E> {
                match u64::try_from(count) {
                    Ok(count) => self.visit_u64(count),
                    Err(_) => Err(E::custom(NotAnAmount(count.to_string()))),
                }
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
                text.parse().map_err(E::custom)
            }
        }

        deserializer.deserialize_any(AmountVisitor)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn amounts_are_numbers_or_parts() {
        let check = |text: &str, amount| assert_eq!(text.parse::<Amount>().ok(), amount, "{text}");
        check("5", Some(Amount::Count(5)));
        check("10%", Some(Amount::Part(1_000)));
        check(" 12.5 % ", Some(Amount::Part(1_250)));
        check("0.01%", Some(Amount::Part(1)));
        for wrong in [
            "0", "0%", "101%", "100.01%", "-1", "x", "", "%", "1.234%", "1.-1%",
        ] {
            check(wrong, None);
        }
    }

    #[test]
    fn amounts_come_back_as_they_were_written() {
        for text in ["5", "\"10%\"", "\"12.50%\""] {
            let amount: Amount = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_string(&amount).unwrap(), text);
        }
        for wrong in ["0", "-3", "1.5", "true"] {
            assert!(serde_json::from_str::<Amount>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn parts_are_rounded_up_so_that_none_is_nothing() {
        assert_eq!(Amount::Part(1_000).of(95), 10);
        assert_eq!(Amount::Part(1).of(3), 1);
        assert_eq!(Amount::Part(WHOLE).of(u32::MAX), u32::MAX);
    }

    #[test]
    fn the_example_of_the_header_holds() {
        let rollout = Rollout {
            canary: 1,
            batch: Some(Amount::Part(2_500)),
            ..Rollout::default()
        };
        let batches: Vec<_> = (1..=rollout.batches(12))
            .map(|batch| rollout.steps_of(batch, 12))
            .collect();
        assert_eq!(batches, [0..1, 1..4, 4..7, 7..10, 10..12]);
    }

    proptest! {
        #[test]
        fn every_step_is_in_exactly_one_batch(
            n_steps in 1_u32..300,
            canary in 0_u32..20,
            batch in prop::option::of((1_u32..40).prop_map(Amount::Count)),
        ) {
            let rollout = Rollout { canary, batch, ..Rollout::default() };
            let mut next = 0;
            for batch in 1..=rollout.batches(n_steps) {
                let steps = rollout.steps_of(batch, n_steps);
                prop_assert_eq!(steps.start, next);
                prop_assert!(!steps.is_empty());
                next = steps.end;
                for step in steps {
                    prop_assert_eq!(rollout.batch_of(step, n_steps), batch);
                }
            }
            prop_assert_eq!(next, n_steps);
            prop_assert!(rollout.steps_of(rollout.batches(n_steps) + 1, n_steps).is_empty());
        }
    }
}
