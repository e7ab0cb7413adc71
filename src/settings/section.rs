//! Reading one table of a settings file, setting by setting.
//!
//! Owns types, bounds, unknown keys and where a value comes from (file or environment). Knows no setting: whoever
//! asks for one names its key, and what was asked for is what is known.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::ops::RangeInclusive;

use toml::de::{DeTable, DeValue};

use super::document::{Document, Place};
use super::environment;
use super::fault::Problem;

/// One table of the document, or the empty table where it has none.
///
/// A getter answers `None`, or the default, when the setting is absent and also when it is faulty: the fault is
/// kept, and a document with faults makes no settings.
pub(super) struct Section<'a> {
    document: &'a Document<'a>,
    path: String,
    line: usize,
    table: Option<&'a DeTable<'a>>,
}

impl<'a> Section<'a> {
    /// The top of the document.
    pub fn top(document: &'a Document<'a>, table: &'a DeTable<'a>) -> Self {
        Section {
            document,
            path: String::new(),
            line: 1,
            table: Some(table),
        }
    }

    /// A string, understood by `parse`.
    pub fn parsed<T>(
        &self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Option<T> {
        let (value, place) = self.text(key)?;
        self.checked(place, key, parse(&value))
    }

    /// Like [`Section::parsed`], for a setting that must be there.
    pub fn required<T>(
        &self,
        key: &str,
        parse: impl FnOnce(&str) -> Result<T, Problem>,
    ) -> Option<T> {
        if !self.has(key) {
            self.fault(key, "is missing");
        }
        self.parsed(key, parse)
    }

    /// One of a closed set of words, or the default.
    pub fn word<T: Copy>(&self, key: &str, words: &[(&str, T)], default: T) -> T {
        self.parsed(key, |value| one_of(value, words))
            .unwrap_or(default)
    }

    /// A whole number within `bounds`, or the default.
    pub fn number<N>(&self, key: &str, bounds: RangeInclusive<N>, default: N) -> N
    where
        N: TryFrom<i64> + PartialOrd + Display,
    {
        self.optional_number(key, bounds).unwrap_or(default)
    }

    /// A whole number within `bounds`.
    pub fn optional_number<N>(&self, key: &str, bounds: RangeInclusive<N>) -> Option<N>
    where
        N: TryFrom<i64> + PartialOrd + Display,
    {
        let (value, place) = self.value(key)?;
        self.checked(place, key, whole_number(value, &bounds))
    }

    /// A list of whole numbers, each within `bounds`.
    pub fn numbers<N>(&self, key: &str, bounds: RangeInclusive<N>) -> Option<Vec<N>>
    where
        N: TryFrom<i64> + PartialOrd + Display,
    {
        self.items(key, |value| whole_number(value, &bounds))
    }

    /// A number with a fraction, understood by `parse`.
    pub fn decimal(
        &self,
        key: &str,
        parse: impl FnOnce(f64) -> Result<f64, Problem>,
    ) -> Option<f64> {
        let (value, place) = self.value(key)?;
        let number = match value {
            DeValue::Float(float) => float.as_str().parse::<f64>().ok(),
            DeValue::Integer(_) => whole_number(value, &(i64::MIN..=i64::MAX))
                .ok()
                .map(|n| n as f64),
            _ => None,
        };
        let number = number.ok_or_else(|| wrong_type(value, "a number"));
        self.checked(place, key, number.and_then(parse))
    }

    /// `true` or `false`, or the default.
    pub fn flag(&self, key: &str, default: bool) -> bool {
        self.value(key)
            .and_then(|(value, place)| {
                let flag = value
                    .as_bool()
                    .ok_or_else(|| wrong_type(value, "true or false"));
                self.checked(place, key, flag)
            })
            .unwrap_or(default)
    }

    /// A list of strings, each understood by `parse`.
    pub fn list<T>(&self, key: &str, parse: impl Fn(&str) -> Result<T, Problem>) -> Option<Vec<T>> {
        self.items(key, |value| {
            self.string(value).and_then(|text| parse(&text))
        })
    }

    /// Every entry as a string: a table whose keys the operator chooses.
    pub fn texts(&self) -> BTreeMap<String, String> {
        let keys = self.table.into_iter().flat_map(|table| table.iter());
        keys.filter_map(|(key, _)| {
            let key: &str = key.get_ref();
            let value = self.parsed(key, |text| match text.trim() {
                "" => Err(Problem::from("must not be empty")),
                text => Ok(text.to_owned()),
            });
            Some((key.to_owned(), value?))
        })
        .collect()
    }

    /// The table at `key`, empty when there is none.
    pub fn section(&self, key: &str) -> Section<'a> {
        let table = self.value(key).and_then(|(value, place)| {
            let table = value.as_table().ok_or_else(|| wrong_type(value, "a table"));
            self.checked(place, key, table)
        });
        Section {
            document: self.document,
            path: self.path_of(key),
            line: self.line_of(key),
            table,
        }
    }

    /// Every table in here, where the operator chooses the names: 1 to 64 letters, digits, `_` and `-`. Case does
    /// not count, and names come back in lower case.
    pub fn named(&self) -> Vec<(String, Section<'a>)> {
        let mut seen = BTreeSet::new();
        let entries = self.table.into_iter().flat_map(|table| table.iter());
        entries
            .filter_map(|(key, _)| {
                let key: &str = key.get_ref();
                let section = self.section(key);
                section.table?;
                let name = key.to_ascii_lowercase();
                if !is_name(&name) {
                    self.fault(key, "a name is 1 to 64 letters, digits, _ and -");
                } else if !seen.insert(name.clone()) {
                    self.fault(key, "this name is taken: case does not count");
                }
                Some((name, section))
            })
            .collect()
    }

    /// Whether a value is given, here or by a variable that overrides it.
    pub fn has(&self, key: &str) -> bool {
        self.overriding(key).is_some() || self.table.is_some_and(|table| table.contains_key(key))
    }

    /// Adds a fault to the setting `key`, or to the section itself when `key` is empty.
    pub fn fault(&self, key: &str, problem: impl Into<Problem>) {
        self.document
            .fault(self.place_of(key), self.path_of(key), problem.into());
    }

    /// As [`Section::fault`], for what may be meant.
    pub fn warn(&self, key: &str, problem: impl Into<Problem>) {
        self.document
            .warn(self.place_of(key), self.path_of(key), problem.into());
    }

    /// Makes these keys known without reading them: what they hold cannot be judged.
    pub fn know<'k>(&self, keys: impl IntoIterator<Item = &'k str>) {
        for key in keys {
            self.document.ask(self.path_of(key));
        }
    }

    /// Ends the reading: every key that nobody asked for is a fault. `elsewhere` may say where such a key belongs.
    pub fn close(&self, elsewhere: impl Fn(&str) -> Option<String>) {
        let known = self.document.known_under(&self.path);
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        for (key, _) in self.table.into_iter().flat_map(|table| table.iter()) {
            let key: &str = key.get_ref();
            if known.contains(&key) {
                continue;
            }
            let hint = elsewhere(key)
                .or_else(|| nearest(key, &known).map(|near| format!("did you mean {near}?")));
            let problem = Problem::from("unknown key");
            self.fault(
                key,
                match hint {
                    Some(hint) => problem.hint(hint),
                    None => problem,
                },
            );
        }
    }

    fn value(&self, key: &str) -> Option<(&'a DeValue<'a>, Place)> {
        self.document.ask(self.path_of(key));
        let value = self.table?.get(key)?;
        Some((value.get_ref(), self.place_of(key)))
    }

    fn text(&self, key: &str) -> Option<(String, Place)> {
        let value = self.value(key);
        if let Some((variable, text)) = self.overriding(key) {
            return Some((text, Place::Variable(variable)));
        }
        let (value, place) = value?;
        let text = self.checked(place, key, self.string(value))?;
        Some((text, place))
    }

    fn string(&self, value: &DeValue<'_>) -> Result<String, Problem> {
        let text = value
            .as_str()
            .ok_or_else(|| wrong_type(value, "a string"))?;
        environment::expand(text, self.document.env)
    }

    /// Reads a list item by item; each fault has its item's line.
    fn items<T>(
        &self,
        key: &str,
        read: impl Fn(&DeValue<'_>) -> Result<T, Problem>,
    ) -> Option<Vec<T>> {
        let (value, place) = self.value(key)?;
        let list = value.as_array().ok_or_else(|| wrong_type(value, "a list"));
        let items = self.checked(place, key, list)?.iter();
        let read: Vec<Option<T>> = items
            .map(|item| {
                let place = Place::Line(self.document.line_of(item.span().start));
                self.checked(place, key, read(item.get_ref()))
            })
            .collect();
        // Only now, so that every faulty item is reported.
        read.into_iter().collect()
    }

    fn checked<T>(&self, place: Place, key: &str, read: Result<T, Problem>) -> Option<T> {
        read.map_err(|problem| self.document.fault(place, self.path_of(key), problem))
            .ok()
    }

    fn overriding(&self, key: &str) -> Option<(&'static str, String)> {
        environment::overriding(&self.path_of(key), self.document.env)
    }

    fn place_of(&self, key: &str) -> Place {
        match self.overriding(key) {
            Some((variable, _)) => Place::Variable(variable),
            None => Place::Line(self.line_of(key)),
        }
    }

    /// The line of a key, or of the section where the key is not in it.
    fn line_of(&self, key: &str) -> usize {
        let found = self.table.and_then(|table| table.get_key_value(key));
        found.map_or(self.line, |(key, _)| {
            self.document.line_of(key.span().start)
        })
    }

    fn path_of(&self, key: &str) -> String {
        match (self.path.as_str(), key) {
            ("", key) => key.to_owned(),
            (path, "") => path.to_owned(),
            (path, key) => format!("{path}.{key}"),
        }
    }
}

/// The meaning of `value` in a closed set of words.
pub(super) fn one_of<T: Copy>(value: &str, words: &[(&str, T)]) -> Result<T, Problem> {
    let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == value) {
        return Ok(*meaning);
    }
    let problem = Problem::from(format!("must be one of {}", known.join(", ")));
    Err(match nearest(value, &known) {
        Some(near) => problem.hint(format!("did you mean {near}?")),
        None => problem,
    })
}

/// The known word that `word` most likely was meant to be: at most a third of it, and at least one letter, may
/// differ, be missing, be extra or be swapped with its neighbour.
fn nearest<'w>(word: &str, known: &[&'w str]) -> Option<&'w str> {
    let allowed = (word.chars().count() / 3).max(1);
    known
        .iter()
        .map(|candidate| (strsim::osa_distance(word, candidate), *candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Names of accounts and sources, which stand in paths and in logs.
fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
}

fn whole_number<N>(value: &DeValue<'_>, bounds: &RangeInclusive<N>) -> Result<N, Problem>
where
    N: TryFrom<i64> + PartialOrd + Display,
{
    let DeValue::Integer(integer) = value else {
        return Err(wrong_type(value, "a whole number"));
    };
    i64::from_str_radix(integer.as_str(), integer.radix())
        .ok()
        .and_then(|number| N::try_from(number).ok())
        .filter(|number| bounds.contains(number))
        .ok_or_else(|| {
            Problem::from(format!(
                "must be from {} to {}",
                bounds.start(),
                bounds.end()
            ))
        })
}

fn wrong_type(value: &DeValue<'_>, wanted: &str) -> Problem {
    Problem::from(format!("must be {wanted}, found {}", value.type_str()))
}
