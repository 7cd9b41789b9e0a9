//! Which setting holds for a device: its own, its group's, the defaults', in this order.

use std::collections::BTreeMap;

use super::layer::Layer;
use crate::config::yaml::Field;

/// The layers of one device. A group that is spoilt as a whole hides the defaults behind it.
pub(super) struct Layers<'a> {
    pub(super) device: &'a Layer,
    pub(super) group: GroupLayer<'a>,
    pub(super) defaults: &'a Layer,
}

/// What stands between a device and the defaults.
#[derive(Clone, Copy)]
pub(super) enum GroupLayer<'a> {
    None,
    Spoilt,
    Some(&'a Layer),
}

/// The setting of the nearest layer that has it.
#[derive(Clone, Copy)]
pub(super) enum Found<'a, T> {
    Nowhere,
    /// It is somewhere, but no good, and that is reported.
    Spoilt,
    Value(&'a T),
}

/// What is said is no good, and that is reported.
pub(super) struct Spoilt;

impl<'a> Layers<'a> {
    pub(super) fn find<T: 'a>(&self, field: impl Fn(&'a Layer) -> &'a Field<T>) -> Found<'a, T> {
        let group = match self.group {
            GroupLayer::None => None,
            GroupLayer::Some(group) => Some(group),
            GroupLayer::Spoilt => {
                return match field(self.device) {
                    Field::Value(value) => Found::Value(&value.value),
                    _ => Found::Spoilt,
                };
            }
        };
        for layer in [Some(self.device), group, Some(self.defaults)]
            .into_iter()
            .flatten()
        {
            match field(layer) {
                Field::Absent => {}
                Field::Spoilt => return Found::Spoilt,
                Field::Value(value) => return Found::Value(&value.value),
            }
        }
        Found::Nowhere
    }

    /// The setting, or `default` where nothing is said; none where what is said is no good.
    pub(super) fn or<T: Clone + 'a>(
        &self,
        default: T,
        field: impl Fn(&'a Layer) -> &'a Field<T>,
    ) -> Option<T> {
        match self.find(field) {
            Found::Nowhere => Some(default),
            Found::Spoilt => None,
            Found::Value(value) => Some(value.clone()),
        }
    }

    /// The setting, or none where nothing is said.
    pub(super) fn option<T: Clone + 'a>(
        &self,
        field: impl Fn(&'a Layer) -> &'a Field<T>,
    ) -> Result<Option<T>, Spoilt> {
        match self.find(field) {
            Found::Nowhere => Ok(None),
            Found::Spoilt => Err(Spoilt),
            Found::Value(value) => Ok(Some(value.clone())),
        }
    }

    /// All layers' labels; the nearer layer's value holds.
    pub(super) fn labels(&self) -> BTreeMap<String, String> {
        let mut labels = self.defaults.labels.clone();
        if let GroupLayer::Some(group) = self.group {
            labels.extend(group.labels.clone());
        }
        labels.extend(self.device.labels.clone());
        labels
    }
}
