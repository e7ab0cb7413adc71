//! Rows on their way to the gateway: as many as go into one request, and what it says of each.

use std::io::{BufRead, Seek};

use csv::StringRecord;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::columns::Columns;
use super::records::{Record, Records, fields};
use super::report::RefusedRow;
use super::state::Counts;
use crate::cli::voice::shown;

/// Rows of one request.
pub const MOST_ROWS: usize = 100;
/// The gateway takes a mebibyte; the rest is for what stands around the rows.
const MOST_BYTES: usize = 960 * 1024;

/// Rows in the order of the table.
#[derive(Default)]
pub struct Batch {
    rows: Vec<Row>,
    sent_bytes: usize,
}

struct Row {
    line: u64,
    cells: Vec<String>,
    /// What is sent of it, or why nothing is.
    sent: Result<Map<String, Value>, String>,
}

/// What the gateway says.
#[derive(Deserialize)]
pub struct Answer {
    rows: Vec<Told>,
}

#[derive(Deserialize)]
struct Told {
    row: u64,
    status: String,
    #[serde(default)]
    errors: Vec<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    #[serde(default)]
    pointer: String,
    #[serde(default)]
    detail: String,
}

impl Batch {
    /// Reads rows until the batch is full or the table ends. A row of empty cells is none.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn fill<R: BufRead + Seek>(
        records: &mut Records<R>,
        columns: &Columns,
        delimiter: u8,
    ) -> std::io::Result<Self> {
        let mut batch = Self::default();
        while batch.rows.len() < MOST_ROWS && batch.sent_bytes < MOST_BYTES / 2 {
            let Some(record) = records.next()? else {
                break;
            };
            if let Some(row) = read(&record, columns, delimiter) {
                batch.sent_bytes += row.bytes();
                batch.rows.push(row);
            }
        }
        Ok(batch)
    }

    /// Nothing is left of the table.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The request; `None` when no row can be sent.
    pub fn request(&self, source: &str, import: &str) -> Option<Value> {
        let rows: Vec<Value> = self
            .rows
            .iter()
            .filter_map(|row| Some(json!({"row": row.line, "fields": row.sent.as_ref().ok()?})))
            .collect();
        let any = !rows.is_empty();
        any.then(|| json!({"source": source, "import": import, "rows": rows}))
    }

    /// Counts what became of the rows; those that were refused.
    ///
    /// # Errors
    /// When the answer is not one to these rows.
    pub fn settle(self, answer: Answer, counts: &mut Counts) -> Result<Vec<RefusedRow>, String> {
        let mut told = answer.rows.into_iter();
        let mut refused = Vec::new();
        let mut settled = *counts;
        for row in self.rows {
            let fault = match &row.sent {
                Err(fault) => fault.clone(),
                Ok(_) => {
                    let told = told.next().filter(|told| told.row == row.line);
                    let told = told.ok_or("the gateway's answer is not about the rows sent")?;
                    match told.status.as_str() {
                        "taken" => settled.taken += 1,
                        "duplicate" => settled.duplicates += 1,
                        "repeated" => settled.repeated += 1,
                        "refused" => {
                            refused.push(row.refused(told.fault()));
                            settled.refused += 1;
                        }
                        other => return Err(format!("the gateway says {other:?} of a row")),
                    }
                    continue;
                }
            };
            refused.push(row.refused(fault));
            settled.refused += 1;
        }
        *counts = settled;
        Ok(refused)
    }
}

impl Answer {
    /// About no rows.
    pub fn none() -> Self {
        Self { rows: Vec::new() }
    }
}

impl Row {
    fn bytes(&self) -> usize {
        self.sent
            .as_ref()
            .map_or(0, |fields| written(fields).saturating_add(32))
    }

    fn refused(self, fault: String) -> RefusedRow {
        RefusedRow {
            line: self.line,
            cells: self.cells,
            fault,
        }
    }
}

impl Told {
    fn fault(&self) -> String {
        let faults = self.errors.iter().map(|fault| {
            let pointer = fault.pointer.trim_start_matches('/');
            match pointer {
                "" => fault.detail.clone(),
                pointer => format!("{pointer}: {}", fault.detail),
            }
        });
        match Vec::from_iter(faults).join("; ") {
            text if text.is_empty() => "refused".to_owned(),
            text => shown(&text),
        }
    }
}

/// Bytes of a row in the request.
fn written(fields: &Map<String, Value>) -> usize {
    serde_json::to_vec(fields).map_or(usize::MAX, |text| text.len())
}

/// Reads a record as a row; `None` for one of empty cells.
fn read(record: &Record, columns: &Columns, delimiter: u8) -> Option<Row> {
    let bytes = fields(&record.bytes, delimiter);
    let lossy = bytes.iter().map(|cell| String::from_utf8_lossy(cell));
    let mut cells: Vec<String> = lossy.map(|cell| cell.into_owned()).collect();
    if record.fault.is_none() && cells.iter().all(|cell| cell.trim().is_empty()) {
        return None;
    }
    let sent = match (record.fault, StringRecord::from_byte_record(bytes)) {
        (Some(fault), _) => Err(fault.to_string()),
        (None, Err(_)) => Err("the row is not UTF-8: save the table as UTF-8".to_owned()),
        (None, Ok(row)) if row.len() != columns.len() => Err(format!(
            "the row has {} fields and the first line {}",
            row.len(),
            columns.len()
        )),
        (None, Ok(row)) => Ok(columns.fields(&row)),
    };
    let sent = sent.and_then(|fields| match written(&fields) {
        0..MOST_BYTES_OF_ROW => Ok(fields),
        _ => Err("the row is too long to be sent".to_owned()),
    });
    join_surplus(&mut cells, columns.len(), delimiter);
    Some(Row {
        line: record.line,
        cells,
        sent,
    })
}

/// A row goes into half a request, so that another beside it does, too.
const MOST_BYTES_OF_ROW: usize = MOST_BYTES / 2;

/// What is beyond the last column stays readable in it.
fn join_surplus(cells: &mut Vec<String>, width: usize, delimiter: u8) {
    if cells.len() > width && width > 0 {
        let delimiter = char::from(delimiter).to_string();
        let last = cells.split_off(width - 1).join(&delimiter);
        cells.push(last);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::super::records::Place;
    use super::*;

    fn columns() -> Columns {
        Columns::read(&StringRecord::from(vec!["Email", "Name"]), &[], b',').unwrap()
    }

    fn filled(table: &[u8]) -> Batch {
        let place = Place { offset: 0, line: 2 };
        let mut records = Records::new(Cursor::new(table), b',', place).unwrap();
        records.expect(2);
        Batch::fill(&mut records, &columns(), b',').unwrap()
    }

    fn answer(rows: &[(u64, &str)]) -> Answer {
        let rows = rows.iter().map(|(row, status)| Told {
            row: *row,
            status: (*status).to_owned(),
            errors: Vec::new(),
        });
        Answer {
            rows: rows.collect(),
        }
    }

    #[test]
    fn every_row_is_sent_or_has_a_fault() {
        let table = b"a@b.c,Ann\n,\nb@b.c,Bo,x,y\nc@b.c,\"C\"d\ne@b.c\n\xe5@b.c,E\n";
        let batch = filled(table);
        let request = batch.request("landing", "f00").unwrap();
        assert_eq!(
            request,
            json!({"source": "landing", "import": "f00",
                "rows": [{"row": 2, "fields": {"Email": "a@b.c", "Name": "Ann"}}]})
        );
        let mut counts = Counts::default();
        let refused = batch.settle(answer(&[(2, "taken")]), &mut counts).unwrap();
        assert_eq!((counts.taken, counts.refused), (1, 4));
        let told: Vec<_> = refused
            .iter()
            .map(|row| (row.line, row.cells.join("|"), row.fault.as_str()))
            .collect();
        let expected = [
            (
                4,
                "b@b.c|Bo,x,y",
                "the row has 4 fields and the first line 2",
            ),
            (
                5,
                "c@b.c|Cd",
                "text follows a closing quote: a quote inside a quoted field is written twice",
            ),
            (6, "e@b.c", "the row has 1 fields and the first line 2"),
            (
                7,
                "\u{fffd}@b.c|E",
                "the row is not UTF-8: save the table as UTF-8",
            ),
        ];
        assert_eq!(
            told,
            expected.map(|(line, cells, fault)| (line, cells.to_owned(), fault))
        );
    }

    #[test]
    fn an_answer_to_other_rows_counts_nothing() {
        let table = b"a@b.c,Ann\nb@b.c,Bo\n";
        for rows in [
            &[(2, "taken")][..],
            &[(2, "taken"), (4, "taken")],
            &[(3, "taken"), (2, "taken")],
            &[(2, "taken"), (3, "lost")],
        ] {
            let mut counts = Counts::default();
            assert!(filled(table).settle(answer(rows), &mut counts).is_err());
            assert_eq!(counts, Counts::default(), "{rows:?}");
        }
    }

    #[test]
    fn a_request_stays_under_a_mebibyte_whatever_the_rows_hold() {
        // A control character is six bytes in JSON.
        let row = format!("{},x\n", "\u{1}".repeat(50_000));
        let table = row.repeat(20);
        let place = Place { offset: 0, line: 2 };
        let mut records = Records::new(Cursor::new(table.as_bytes()), b',', place).unwrap();
        let mut rows = 0;
        loop {
            let batch = Batch::fill(&mut records, &columns(), b',').unwrap();
            let Some(request) = batch.request("landing", "f00") else {
                break;
            };
            assert!(request.to_string().len() < 1024 * 1024);
            rows += request["rows"].as_array().unwrap().len();
        }
        assert_eq!(rows, 20);
        let long = format!("{},x\n", "\u{1}".repeat(100_000));
        assert!(filled(long.as_bytes()).request("landing", "f00").is_none());
    }
}
