//! One settings file being read: its text, its environment, and what was found wrong with it so far.
//!
//! Owns lines and places. Knows no types and no setting; those are asked for through [`Section`](super::section::Section).

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::environment::Lookup;
use super::fault::{Fault, Problem};

/// One file being read, and what was found wrong with it so far.
pub(super) struct Document<'a> {
    file: &'a str,
    text: &'a str,
    /// The way to look a variable up.
    pub env: Lookup<'a>,
    faults: RefCell<Vec<Fault>>,
    warnings: RefCell<Vec<Fault>>,
    /// Dotted paths of every setting that was asked for.
    asked: RefCell<BTreeSet<String>>,
}

/// Where a value stands.
#[derive(Clone, Copy)]
pub(super) enum Place {
    Line(usize),
    Variable(&'static str),
}

impl<'a> Document<'a> {
    pub fn new(file: &'a str, text: &'a str, env: Lookup<'a>) -> Self {
        Self {
            file,
            text,
            env,
            faults: RefCell::default(),
            warnings: RefCell::default(),
            asked: RefCell::default(),
        }
    }

    /// What the TOML parser could not read: one fault for each line, as the later ones of a line follow from the
    /// first.
    pub fn unreadable(&self, errors: &[toml::de::Error]) -> Vec<Fault> {
        let mut faults: Vec<Fault> = errors
            .iter()
            .map(|error| {
                let at = error.span().map_or(self.text.len(), |span| span.start);
                let place = Place::Line(self.line_of(at));
                self.placed(place, String::new(), Problem::from(error.message()))
            })
            .collect();
        faults.dedup_by_key(|fault| fault.line);
        faults
    }

    /// Faults and warnings, these in the order of the file.
    pub fn finish(self) -> (Vec<Fault>, Vec<Fault>) {
        let mut warnings = self.warnings.into_inner();
        warnings.sort_by_key(|warning| warning.line);
        (self.faults.into_inner(), warnings)
    }

    #[cfg(test)]
    pub fn asked(&self) -> BTreeSet<String> {
        self.asked.borrow().clone()
    }

    /// Keeps a fault.
    pub fn fault(&self, place: Place, path: String, problem: Problem) {
        self.faults
            .borrow_mut()
            .push(self.placed(place, path, problem));
    }

    /// Keeps a warning.
    pub fn warn(&self, place: Place, path: String, problem: Problem) {
        self.warnings
            .borrow_mut()
            .push(self.placed(place, path, problem));
    }

    /// Remembers that somebody knows the setting at `path`.
    pub fn ask(&self, path: String) {
        self.asked.borrow_mut().insert(path);
    }

    /// The settings known so far right under `path`.
    pub fn known_under(&self, path: &str) -> Vec<String> {
        let asked = self.asked.borrow();
        let below = asked.iter().filter_map(|asked| match path {
            "" => Some(asked.as_str()),
            path => asked.strip_prefix(path)?.strip_prefix('.'),
        });
        below
            .filter(|key| !key.contains('.'))
            .map(str::to_owned)
            .collect()
    }

    /// The line of the byte at `offset`, from 1.
    pub fn line_of(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().iter().take(offset);
        1 + before.filter(|byte| **byte == b'\n').count()
    }

    fn placed(&self, place: Place, path: String, problem: Problem) -> Fault {
        let (file, line, key) = match place {
            Place::Line(line) => (self.file, Some(line), path),
            Place::Variable(name) => ("environment", None, name.to_owned()),
        };
        Fault {
            file: file.to_owned(),
            line,
            key,
            problem: problem.text,
            hint: problem.hint,
        }
    }
}
