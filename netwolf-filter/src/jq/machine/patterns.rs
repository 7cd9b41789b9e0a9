//! `test` and `capture`, with patterns that were compiled with the program.

use regex::Regex;

use super::{Emit, Machine};
use crate::jq::{
    value::{Object, Text, Value},
    work::{Flow, Stop},
};

impl Machine {
    pub(super) fn test<'t>(
        &mut self,
        regex: &Regex,
        input: &Value<'t>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        let text = self.searched(input)?;
        emit(Value::Bool(regex.is_match(text)), self)
    }

    pub(super) fn capture<'t>(
        &mut self,
        regex: &'t Regex,
        input: &Value<'t>,
        emit: &mut Emit<'_, 't>,
    ) -> Flow {
        match captured(regex, self.searched(input)?) {
            Some(groups) => emit(groups, self),
            None => Ok(()),
        }
    }

    /// The text that a pattern is looked for in, paid for.
    fn searched<'v>(&mut self, value: &'v Value<'_>) -> Result<&'v str, Stop> {
        let Value::Text(text) = value else {
            return Err(Stop::error(format!("{} is no text", value.described())));
        };
        self.work.spend(text.as_str().len() as u64 + 1)?;
        Ok(text.as_str())
    }
}

/// The named groups of the first match; null for one that took no part.
fn captured<'t>(regex: &'t Regex, text: &str) -> Option<Value<'t>> {
    let captures = regex.captures(text)?;
    let groups = regex.capture_names().flatten().map(|name| {
        let group = captures.name(name);
        let value = group.map_or(Value::Null, |group| Value::text(group.as_str()));
        (Text::Borrowed(name), value)
    });
    Some(Value::Object(Object::new(groups.collect()).into()))
}
