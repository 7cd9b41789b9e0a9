//! One metric of a rule: from a record to a sample. The same whatever source the record comes from.

use netwolf_wire::{rule::Metric, series::Kind};

use crate::{
    check,
    error::Fault,
    family::Families,
    filter::Sample,
    problem::{ProblemKind, excerpt},
    recollection::Recollection,
    source::Record,
    template::Template,
    value::{Reading, ValueReader},
};

/// A compiled metric.
#[derive(Debug)]
pub(crate) struct MetricMaker {
    family: usize,
    is_counter: bool,
    /// The field of the value and how it is read; none on an info metric.
    value: Option<(usize, ValueReader)>,
    /// By name, as they are in a sample.
    labels: Vec<(String, Template)>,
    /// Fields of the labels.
    label_fields: Vec<usize>,
}

/// A value or label that cannot be used, with the text that is to blame.
pub(crate) type Unusable = (ProblemKind, String);

impl MetricMaker {
    /// Compiles `metric` with the fields of its rule, and puts its family into `families`. Without fields,
    /// because the source is at fault, only what does not depend on them is checked.
    ///
    /// # Errors
    /// Every fault of the metric.
    pub(crate) fn compile(
        metric: &Metric,
        families: &mut Families,
        fields: Option<&[String]>,
    ) -> Result<Self, Vec<Fault>> {
        let mut faults = check::metric(metric);
        // A metric with a fault of its own makes no family, because that would set others at odds with it.
        let family = if faults.is_empty() {
            families.index(metric)
        } else {
            Ok(0)
        };
        let family = family.unwrap_or_else(|fault| {
            faults.push(fault);
            0
        });
        let field = |name: &str| {
            // Any index will do for a metric that is never used.
            let Some(fields) = fields else { return Ok(0) };
            fields
                .iter()
                .position(|field| field == name)
                .ok_or_else(|| Fault::UnknownField {
                    metric: metric.name.clone(),
                    field: name.to_owned(),
                    known: fields.to_vec(),
                })
        };
        let mut value = None;
        if let Some(name) = &metric.value {
            match field(name) {
                Ok(index) => match ValueReader::compile(metric) {
                    Ok(reader) => value = Some((index, reader)),
                    Err(found) => faults.extend(found),
                },
                Err(fault) => faults.push(fault),
            }
        }
        let mut labels = Vec::new();
        for (name, text) in &metric.labels {
            match Template::compile(text, field) {
                Ok(template) => labels.push((name.clone(), template)),
                Err(fault) => faults.push(fault),
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let label_fields = labels
            .iter()
            .flat_map(|(_, template)| template.fields())
            .collect();
        Ok(Self {
            family,
            is_counter: metric.kind == Kind::Counter,
            value,
            labels,
            label_fields,
        })
    }

    /// The metric's sample of `record`, or none where its fields took no part.
    pub(crate) fn make(
        &self,
        record: Record<'_>,
        recollection: &mut Recollection,
    ) -> Result<Option<Sample>, Unusable> {
        let value = match &self.value {
            Some((field, reader)) => {
                let Some(text) = record.field(*field) else {
                    return Ok(None);
                };
                let value = match reader.read(text) {
                    Reading::Value(value) => value,
                    Reading::Absent => return Ok(None),
                    Reading::Unreadable => return Err((ProblemKind::NotANumber, excerpt(text))),
                };
                if self.is_counter && (value < 0.0 || value.is_nan()) {
                    return Err((ProblemKind::InvalidCounter, excerpt(text)));
                }
                value
            }
            None if self.is_about(record) => 1.0,
            None => return Ok(None),
        };
        let labels = match recollection.recall(|text| self.append_labels(record, text)) {
            Some(labels) => labels,
            None => self.labels(record)?.into(),
        };
        Ok(Some(Sample {
            family: self.family,
            labels,
            value,
        }))
    }

    fn labels(&self, record: Record<'_>) -> Result<Vec<(String, String)>, Unusable> {
        let mut labels = Vec::with_capacity(self.labels.len());
        for (name, template) in &self.labels {
            match template.fill(record) {
                Ok(Some(text)) => labels.push((name.clone(), text)),
                Ok(None) => {}
                Err(long) => return Err((ProblemKind::LabelTooLong, excerpt(&long.0))),
            }
        }
        Ok(labels)
    }

    /// Appends the labels as a [`Recollection`] keeps them; false where a device says what could be taken for more
    /// than one of them.
    fn append_labels(&self, record: Record<'_>, text: &mut String) -> bool {
        for (name, template) in &self.labels {
            let before = text.len();
            Recollection::append_name(name, text);
            let value = text.len();
            // Such a label is left out.
            if !template.append(record, text) || text.len() == value {
                text.truncate(before);
            } else if !Recollection::end_value(text, value) {
                return false;
            }
        }
        true
    }

    /// Whether the record says anything about this info metric: a record of another pattern does not.
    fn is_about(&self, record: Record<'_>) -> bool {
        self.label_fields.is_empty()
            || self
                .label_fields
                .iter()
                .any(|field| record.field(*field).is_some())
    }
}
