//! The rows that were refused, as a table to correct and import: the original columns, the row, and what was wrong.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use csv::WriterBuilder;

use super::columns::{Columns, OF_REPORT};
use super::state::beside;

/// A report that is written batch by batch.
pub struct Report {
    path: PathBuf,
    delimiter: u8,
    /// Opened by the first refused row.
    file: Option<File>,
    bytes: u64,
}

/// A row that was refused.
#[derive(Debug)]
pub struct RefusedRow {
    /// Its line in the table.
    pub line: u64,
    /// Its cells, as far as they can be read.
    pub cells: Vec<String>,
    /// What is wrong with it.
    pub fault: String,
}

/// Where the report of a table is: `leads.refused.csv` for `leads.csv`.
pub fn path_of(table: &Path) -> PathBuf {
    let is_csv = table
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("csv"));
    match is_csv {
        true => table.with_extension("refused.csv"),
        false => beside(table, ".refused.csv"),
    }
}

impl Report {
    /// Goes on after the first `bytes` of what is there: rows behind them belong to a batch that will be sent again.
    pub fn new(path: PathBuf, delimiter: u8, bytes: u64) -> Self {
        Self {
            path,
            delimiter,
            file: None,
            bytes,
        }
    }

    /// Writes rows, and is on disk when this returns; how long it is then.
    ///
    /// # Errors
    /// When the disk does not take them.
    pub fn add(&mut self, columns: &Columns, rows: &[RefusedRow]) -> io::Result<u64> {
        if rows.is_empty() {
            return Ok(self.bytes);
        }
        let mut writer = WriterBuilder::new()
            .delimiter(self.delimiter)
            .from_writer(Vec::new());
        if self.bytes == 0 {
            writer.write_record(columns.heads().chain(OF_REPORT))?;
        }
        for row in rows {
            let line = row.line.to_string();
            let own = [line.as_str(), &row.fault];
            writer.write_record(columns.of_table(&row.cells).chain(own))?;
        }
        let text = writer.into_inner().map_err(|error| error.into_error())?;
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(opened(&self.path, self.bytes)?),
        };
        file.write_all(&text)?;
        file.sync_data()?;
        self.bytes += text.len() as u64;
        Ok(self.bytes)
    }
}

fn opened(path: &Path, bytes: u64) -> io::Result<File> {
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)?;
    file.set_len(bytes)?;
    file.seek(SeekFrom::End(0))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use csv::StringRecord;

    use super::*;

    fn row(line: u64, cells: &[&str]) -> RefusedRow {
        RefusedRow {
            line,
            cells: cells.iter().map(|cell| (*cell).to_owned()).collect(),
            fault: "no, never".to_owned(),
        }
    }

    #[test]
    fn a_report_is_beside_its_table() {
        for (table, report) in [
            ("a/leads.csv", "a/leads.refused.csv"),
            ("leads.CSV", "leads.refused.csv"),
            ("leads.refused.csv", "leads.refused.refused.csv"),
            ("leads.tsv", "leads.tsv.refused.csv"),
            ("leads", "leads.refused.csv"),
        ] {
            assert_eq!(path_of(Path::new(table)), Path::new(report));
        }
    }

    #[test]
    fn a_report_that_goes_on_holds_no_row_twice() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("leads.refused.csv");
        let head = StringRecord::from(vec!["Email", "Name"]);
        let columns = Columns::read(&head, &[], b';').unwrap();
        let mut report = Report::new(path.clone(), b';', 0);
        let kept = report.add(&columns, &[row(2, &["a", "b;c"])]).unwrap();
        report.add(&columns, &[row(3, &["lost", ""])]).unwrap();
        let mut report = Report::new(path.clone(), b';', kept);
        assert_eq!(report.add(&columns, &[]).unwrap(), kept);
        report.add(&columns, &[row(4, &["d"])]).unwrap();
        let expected =
            "Email;Name;leadgate_row;leadgate_fault\na;\"b;c\";2;no, never\nd;;4;no, never\n";
        assert_eq!(std::fs::read_to_string(path).unwrap(), expected);
    }
}
