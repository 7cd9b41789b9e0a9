//! Text of a template of which every character knows where it stands, also once values are put in for their names.

use crate::textfsm::error::{Place, TemplateError, TemplateFault};

/// Characters and their places.
#[derive(Clone, Debug, Default)]
pub(super) struct Text {
    pub(super) chars: Vec<char>,
    places: Vec<Place>,
}

impl Text {
    /// A line of the template.
    pub(super) fn of_line(line: usize, text: &str) -> Self {
        let chars: Vec<_> = text.chars().collect();
        let columns = 1..=chars.len();
        let places = columns.map(|column| Place { line, column }).collect();
        Self { chars, places }
    }

    pub(super) fn push(&mut self, c: char, place: Place) {
        self.chars.push(c);
        self.places.push(place);
    }

    pub(super) fn extend(&mut self, other: &Self) {
        self.chars.extend_from_slice(&other.chars);
        self.places.extend_from_slice(&other.places);
    }

    pub(super) fn slice(&self, range: std::ops::Range<usize>) -> Self {
        Self {
            chars: self.chars[range.clone()].to_vec(),
            places: self.places[range].to_vec(),
        }
    }

    pub(super) fn text(&self) -> String {
        self.chars.iter().collect()
    }

    /// The place of the character at `at`, or of the last one.
    pub(super) fn place(&self, at: usize) -> Place {
        let place = self.places.get(at).or(self.places.last());
        place.copied().unwrap_or(Place { line: 1, column: 1 })
    }

    pub(super) fn fault(&self, at: usize, fault: TemplateFault) -> TemplateError {
        TemplateError::new(self.place(at), fault)
    }
}
