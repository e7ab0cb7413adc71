//! How far an import is: written beside the file after each batch, so that a run goes on where the last one ended.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::columns::Renamed;
use super::records::Place;

/// An import between two batches. Everything before `offset` was answered for by the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct State {
    /// The import's id: source and file.
    pub import: String,
    /// How the file is read.
    pub reading: Reading,
    offset: u64,
    line: u64,
    /// What became of the rows so far.
    pub counts: Counts,
    /// How long the report of refused rows is.
    pub report_bytes: u64,
}

/// What else decides what is sent for a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// Between fields.
    pub delimiter: u8,
    /// Names of columns.
    pub map: Vec<Renamed>,
}

/// Rows by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// New leads.
    pub taken: u64,
    /// Of a person who is there already.
    pub duplicates: u64,
    /// Sent before.
    pub repeated: u64,
    /// Not taken; in the report.
    pub refused: u64,
}

impl Counts {
    /// Every row.
    pub fn rows(&self) -> u64 {
        self.taken + self.duplicates + self.repeated + self.refused
    }
}

impl State {
    /// An import at its first row.
    pub fn first(import: String, reading: Reading, place: Place) -> Self {
        Self {
            import,
            reading,
            offset: place.offset,
            line: place.line,
            counts: Counts::default(),
            report_bytes: 0,
        }
    }

    /// Where the next row begins.
    pub fn place(&self) -> Place {
        Place {
            offset: self.offset,
            line: self.line,
        }
    }

    /// Goes on to a place.
    pub fn reach(&mut self, place: Place) {
        self.offset = place.offset;
        self.line = place.line;
    }

    /// Reads what an earlier run left; `None` when there is nothing, or nothing that can be read.
    ///
    /// # Errors
    /// When the file is there and cannot be opened.
    pub fn load(path: &Path) -> io::Result<Option<Self>> {
        match fs::read(path) {
            Ok(text) => Ok(serde_json::from_slice(&text).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes it whole or not at all.
    ///
    /// # Errors
    /// When the disk does not take it.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        let new = beside(path, ".new");
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_data()?;
        fs::rename(new, path)
    }
}

/// A path with something behind its name.
pub fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_back_and_rubbish_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("leads.csv.leadgate-import");
        assert_eq!(State::load(&path).unwrap(), None);
        let reading = Reading {
            delimiter: b';',
            map: vec![super::super::columns::renamed("E-mail=email").unwrap()],
        };
        let mut state = State::first("f00".to_owned(), reading, Place { offset: 9, line: 2 });
        state.counts.refused = 3;
        state.reach(Place {
            offset: 99,
            line: 7,
        });
        state.save(&path).unwrap();
        assert_eq!(State::load(&path).unwrap(), Some(state));
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "nothing else is left: {names:?}");
        fs::write(&path, "{").unwrap();
        assert_eq!(State::load(&path).unwrap(), None);
    }
}
