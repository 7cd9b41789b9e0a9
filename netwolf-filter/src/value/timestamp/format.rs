//! One format of `strptime`'s kind.

use std::collections::BTreeMap;

use super::civil;

/// A format, taken apart.
#[derive(Debug)]
pub(super) struct Format(Vec<Item>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    /// Exactly this character.
    Character(char),
    /// White space, as much as there is.
    Space,
    Year,
    YearOfCentury,
    Month,
    MonthName,
    Day,
    DayName,
    Hour,
    HourOfHalf,
    Half,
    Minute,
    /// With a fraction, where there is one.
    Second,
    Offset,
    ZoneName,
    UnixSeconds,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

const DAYS: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// What of a time was read so far.
#[derive(Debug, Default)]
struct Parts {
    year: i64,
    month: u32,
    day: u32,
    hour: u32,
    is_afternoon: bool,
    minute: u32,
    second: f64,
    offset: Option<i32>,
    unix: Option<f64>,
}

impl Format {
    /// Takes a format apart.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn compile(text: &str) -> Result<Self, &'static str> {
        let mut items = Vec::new();
        let mut characters = text.trim().chars();
        while let Some(character) = characters.next() {
            let item = match character {
                '%' => Item::of(characters.next())?,
                c if c.is_whitespace() => Item::Space,
                c => Item::Character(c),
            };
            if item != Item::Space || items.last() != Some(&Item::Space) {
                items.push(item);
            }
        }
        let has = |wanted: &[Item]| wanted.iter().any(|item| items.contains(item));
        let has_date = has(&[Item::Year, Item::YearOfCentury])
            && has(&[Item::Month, Item::MonthName])
            && has(&[Item::Day]);
        if !has_date && !has(&[Item::UnixSeconds]) {
            return Err("it needs a year, a month and a day, or `%s`");
        }
        if has(&[Item::HourOfHalf]) != has(&[Item::Half]) {
            return Err("`%I` and `%p` go together");
        }
        let has_hour = has(&[Item::Hour, Item::HourOfHalf]);
        if has(&[Item::Second]) && !has(&[Item::Minute]) || has(&[Item::Minute]) && !has_hour {
            return Err("it has minutes without hours, or seconds without minutes");
        }
        Ok(Self(items))
    }

    /// The Unix seconds of `text`, by a clock that is `offset` ahead of UTC unless the text says otherwise.
    pub(super) fn read(
        &self,
        text: &str,
        offset: i32,
        zones: &BTreeMap<String, i32>,
    ) -> Option<f64> {
        let mut parts = Parts::default();
        let mut rest = text;
        for item in &self.0 {
            rest = item.read(rest, &mut parts, zones)?;
        }
        rest.is_empty().then(|| parts.unix_seconds(offset))?
    }
}

impl Item {
    fn of(letter: Option<char>) -> Result<Self, &'static str> {
        Ok(match letter {
            Some('Y') => Self::Year,
            Some('y') => Self::YearOfCentury,
            Some('m') => Self::Month,
            Some('b' | 'B' | 'h') => Self::MonthName,
            Some('d' | 'e') => Self::Day,
            Some('a' | 'A') => Self::DayName,
            Some('H' | 'k') => Self::Hour,
            Some('I' | 'l') => Self::HourOfHalf,
            Some('p') => Self::Half,
            Some('M') => Self::Minute,
            Some('S') => Self::Second,
            Some('z') => Self::Offset,
            Some('Z') => Self::ZoneName,
            Some('s') => Self::UnixSeconds,
            Some('%') => Self::Character('%'),
            _ => return Err("behind `%` stands one of YymbBhdeaAHkIlpMSzZs%"),
        })
    }

    /// Reads itself off the beginning of `text`; gives what is left.
    fn read<'t>(
        self,
        text: &'t str,
        parts: &mut Parts,
        zones: &BTreeMap<String, i32>,
    ) -> Option<&'t str> {
        let rest = match self {
            Self::Character(character) => return text.strip_prefix(character),
            Self::Space => {
                let rest = text.trim_start();
                return (rest.len() < text.len()).then_some(rest);
            }
            Self::Year => {
                let (year, rest) = number(text, 4, 4)?;
                parts.year = year.into();
                rest
            }
            Self::YearOfCentury => {
                let (year, rest) = number(text, 2, 2)?;
                // As POSIX has it.
                parts.year = i64::from(year) + if year < 69 { 2000 } else { 1900 };
                rest
            }
            Self::Month => put(&mut parts.month, number(text, 1, 2)?),
            Self::MonthName => put(&mut parts.month, name(text, &MONTHS)?),
            Self::Day => put(&mut parts.day, number(text, 1, 2)?),
            Self::DayName => name(text, &DAYS)?.1,
            Self::Hour => {
                let (hour, rest) = number(text, 1, 2).filter(|(hour, _)| *hour < 24)?;
                put(&mut parts.hour, (hour, rest))
            }
            Self::HourOfHalf => {
                let (hour, rest) =
                    number(text, 1, 2).filter(|(hour, _)| (1..=12).contains(hour))?;
                put(&mut parts.hour, (hour % 12, rest))
            }
            Self::Half => {
                let (word, rest) = text.split_at_checked(2)?;
                parts.is_afternoon = word.eq_ignore_ascii_case("pm");
                let is_half = parts.is_afternoon || word.eq_ignore_ascii_case("am");
                return is_half.then_some(rest);
            }
            Self::Minute => {
                let minute = number(text, 2, 2).filter(|(minute, _)| *minute < 60)?;
                put(&mut parts.minute, minute)
            }
            Self::Second => {
                // A leap second is the first of the next minute, as in Unix time.
                let (second, rest) = fraction(text, 2)?;
                parts.second = Some(second).filter(|second| *second < 61.0)?;
                rest
            }
            Self::Offset => {
                let end = text.find(|c: char| !matches!(c, '0'..='9' | ':' | '+' | '-' | 'Z'));
                let (offset, rest) = text.split_at(end.unwrap_or(text.len()));
                parts.offset = Some(civil::read_offset(offset)?);
                rest
            }
            Self::ZoneName => {
                let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '/');
                let (name, rest) = text.split_at(end.unwrap_or(text.len()));
                parts.offset = Some(zone(name, zones)?);
                rest
            }
            Self::UnixSeconds => {
                let (seconds, rest) = fraction(text, 12)?;
                parts.unix = Some(seconds);
                rest
            }
        };
        Some(rest)
    }
}

impl Parts {
    fn unix_seconds(self, offset: i32) -> Option<f64> {
        if self.unix.is_some() {
            return self.unix;
        }
        let days = civil::days(self.year, self.month, self.day)?;
        let hour = self.hour + if self.is_afternoon { 12 } else { 0 };
        let seconds = days * 86_400 + i64::from(hour * 3600 + self.minute * 60);
        let seconds = seconds - i64::from(self.offset.unwrap_or(offset));
        #[expect(
            clippy::cast_precision_loss,
            reason = "years have four digits, so the number is far below 2^53"
        )]
        let whole = seconds as f64;
        Some(whole + self.second)
    }
}

fn put<'t>(place: &mut u32, (number, rest): (u32, &'t str)) -> &'t str {
    *place = number;
    rest
}

/// A whole number of so many digits.
fn number(text: &str, fewest: usize, most: usize) -> Option<(u32, &str)> {
    let digits = text.bytes().take(most).take_while(u8::is_ascii_digit);
    let length = digits.count();
    let (digits, rest) = text.split_at_checked(length)?;
    (length >= fewest).then(|| digits.parse().ok().map(|number| (number, rest)))?
}

/// A number of at most so many digits and, behind a point, a fraction.
fn fraction(text: &str, most: usize) -> Option<(f64, &str)> {
    let digits = |text: &str, most| {
        text.bytes()
            .take(most)
            .take_while(u8::is_ascii_digit)
            .count()
    };
    let whole = digits(text, most);
    let behind = text.get(whole..)?.strip_prefix('.').unwrap_or_default();
    let length = match digits(behind, 9) {
        0 => whole,
        fraction => whole + 1 + fraction,
    };
    let (number, rest) = text.split_at_checked(length)?;
    (whole > 0).then(|| number.parse().ok().map(|number| (number, rest)))?
}

/// The place of a name among `names`, from 1; whole or its first three letters.
fn name<'t>(text: &'t str, names: &[&str]) -> Option<(u32, &'t str)> {
    let end = text.find(|c: char| !c.is_ascii_alphabetic());
    let (word, rest) = text.split_at(end.unwrap_or(text.len()));
    let is_it = |name: &&str| {
        name.eq_ignore_ascii_case(word)
            || name
                .get(..3)
                .is_some_and(|short| short.eq_ignore_ascii_case(word))
    };
    let place = names.iter().position(is_it)?;
    Some((u32::try_from(place).ok()? + 1, rest))
}

/// The offset of a zone. The names of most stand for several, so those are the rule's to say.
fn zone(name: &str, zones: &BTreeMap<String, i32>) -> Option<i32> {
    match zones.get(name) {
        Some(offset) => Some(*offset),
        None => matches!(name, "UTC" | "GMT" | "Z").then_some(0),
    }
}
