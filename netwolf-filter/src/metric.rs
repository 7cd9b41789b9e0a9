//! One metric of a rule: from a record to samples, one or one for each state. The same whatever source the record
//! comes from.

use netwolf_wire::{rule::Metric, series::Kind};

use crate::{
    check,
    condition::Condition,
    error::Fault,
    family::Families,
    filter::Sample,
    problem::{ProblemKind, excerpt},
    recollection::Recollection,
    source::Record,
    template::Template,
    value::{Reading, StateReader, ValueReader},
};

/// A compiled metric.
#[derive(Debug)]
pub(crate) struct MetricMaker {
    family: usize,
    condition: Condition,
    value: ValueMaker,
    /// Of each series that a record makes: one, or one for each state.
    label_sets: Vec<LabelSet>,
    /// Fields of the labels.
    label_fields: Vec<usize>,
}

/// Where values come from: by a field, except on an info metric.
#[derive(Debug)]
enum ValueMaker {
    Info,
    Number {
        field: usize,
        reader: ValueReader,
        is_counter: bool,
    },
    State {
        field: usize,
        reader: StateReader,
    },
}

/// What a record says about a metric.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Outcome {
    Number(f64),
    /// The state in this place holds.
    State(usize),
}

/// Labels by name, as they are in a sample.
type LabelSet = Vec<(String, Template)>;

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
        let mut value = ValueMaker::Info;
        if let Some(name) = &metric.value {
            match field(name)
                .map_err(|fault| vec![fault])
                .and_then(|field| ValueMaker::compile(metric, field))
            {
                Ok(maker) => value = maker,
                Err(found) => faults.extend(found),
            }
        }
        let mut labels = Vec::new();
        for (name, text) in &metric.labels {
            if let Some(field) = Template::bare_field(text, fields.unwrap_or_default()) {
                faults.push(Fault::BareField {
                    metric: metric.name.clone(),
                    text: text.clone(),
                    field: field.to_owned(),
                });
            }
            match Template::compile(text, field) {
                Ok(template) => labels.push((name.clone(), template)),
                Err(fault) => faults.push(fault),
            }
        }
        let (when, unless) = (&metric.when, &metric.unless);
        let condition =
            Condition::compile(when, unless, Some(&metric.name), field).unwrap_or_else(|found| {
                faults.extend(found);
                Condition::default()
            });
        if !faults.is_empty() {
            return Err(faults);
        }
        let label_fields = labels
            .iter()
            .flat_map(|(_, template)| template.fields())
            .collect();
        Ok(Self {
            family,
            condition,
            value,
            label_sets: label_sets(metric, labels),
            label_fields,
        })
    }

    /// What `record` says about the metric; none where it does not count or its fields took no part.
    pub(crate) fn read(&self, record: Record<'_>) -> Result<Option<Outcome>, Unusable> {
        if !self.condition.holds(record) {
            return Ok(None);
        }
        match &self.value {
            ValueMaker::Info => Ok(self.is_about(record).then_some(Outcome::Number(1.0))),
            ValueMaker::Number {
                field,
                reader,
                is_counter,
            } => {
                let Some(text) = record.field(*field) else {
                    return Ok(None);
                };
                match reader.read(text) {
                    Reading::Value(value) if *is_counter && value < 0.0 => {
                        Err((ProblemKind::InvalidCounter, excerpt(text)))
                    }
                    Reading::Value(value) => Ok(Some(Outcome::Number(value))),
                    Reading::Absent => Ok(None),
                    Reading::Unreadable => Err((ProblemKind::NotANumber, excerpt(text))),
                }
            }
            ValueMaker::State { field, reader } => {
                let Some(text) = record.field(*field) else {
                    return Ok(None);
                };
                match reader.read(text) {
                    Reading::Value(state) => Ok(Some(Outcome::State(state))),
                    Reading::Absent => Ok(None),
                    Reading::Unreadable => Err((ProblemKind::UnknownState, excerpt(text))),
                }
            }
        }
    }

    /// How many samples a record makes about which there is something to say.
    pub(crate) fn n_samples(&self) -> usize {
        self.label_sets.len()
    }

    /// The sample in a place, of those that `record` makes by its `outcome`.
    pub(crate) fn sample(
        &self,
        place: usize,
        outcome: Outcome,
        record: Record<'_>,
        recollection: &mut Recollection,
    ) -> Result<Sample, Unusable> {
        let set = &self.label_sets[place];
        let labels = match recollection.recall(|text| append_labels(set, record, text)) {
            Some(labels) => labels,
            None => labels(set, record)?.into(),
        };
        let value = match outcome {
            Outcome::Number(value) => value,
            Outcome::State(state) if state == place => 1.0,
            Outcome::State(_) => 0.0,
        };
        Ok(Sample {
            family: self.family,
            labels,
            value,
        })
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

impl ValueMaker {
    /// How the value in `field` is read.
    fn compile(metric: &Metric, field: usize) -> Result<Self, Vec<Fault>> {
        Ok(match metric.kind {
            Kind::StateSet => Self::State {
                field,
                reader: StateReader::of(metric),
            },
            Kind::Gauge | Kind::Counter | Kind::Info => Self::Number {
                field,
                reader: ValueReader::compile(metric)?,
                is_counter: metric.kind == Kind::Counter,
            },
        })
    }
}

/// The labels of each series: with `labels` alone, or with the label that says which state it is about, as
/// `OpenMetrics` calls it.
fn label_sets(metric: &Metric, labels: LabelSet) -> Vec<LabelSet> {
    if metric.kind != Kind::StateSet {
        return vec![labels];
    }
    let with = |state: &String| {
        let mut labels = labels.clone();
        labels.push((metric.name.clone(), Template::Constant(state.clone())));
        labels.sort_by(|(one, _), (other, _)| one.cmp(other));
        labels
    };
    metric.states.iter().map(with).collect()
}

fn labels(set: &LabelSet, record: Record<'_>) -> Result<Vec<(String, String)>, Unusable> {
    let mut labels = Vec::with_capacity(set.len());
    for (name, template) in set {
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
fn append_labels(set: &LabelSet, record: Record<'_>, text: &mut String) -> bool {
    for (name, template) in set {
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
