//! Algorithms that are off unless they are named: each once.

use netwolf_wire::legacy::Legacy;

use crate::config::{
    fault::Place,
    yaml::{Field, Spanned},
};

/// The list as it was meant; `complain` reports what is no good. The reader has reported unknown names.
pub(super) fn check(
    legacy: Field<Vec<Field<Legacy>>>,
    mut complain: impl FnMut(Place, String),
) -> Field<Vec<Legacy>> {
    legacy.and_then(|list| {
        let n_items = list.value.len();
        let mut good: Vec<Legacy> = Vec::new();
        for item in list.value {
            let Some(Spanned { at, value }) = item.into_spanned() else {
                continue;
            };
            if good.contains(&value) {
                complain(at, format!("{:?} is named twice", value.as_str()));
            } else {
                good.push(value);
            }
        }
        (good.len() == n_items).then_some(good)
    })
}
