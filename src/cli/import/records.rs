//! A CSV file (RFC 4180) cut into records: where each begins, and which cannot be read.
//!
//! The fields of a record are read by the `csv` crate. The cuts are made here, because a quote that is opened and
//! never closed must cost one row and not the rest of the file, because memory is bounded whatever the file holds,
//! and because an import goes on at a byte.

use std::io::{self, BufRead, Read, Seek, SeekFrom};

use csv::{ByteRecord, ReaderBuilder, Terminator};

/// A longer record is none.
pub const LONGEST_RECORD: usize = 256 * 1024;

/// What stands against reading a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// The file ended, or the record grew too long, inside a quoted field.
    #[error("a quote is opened and never closed")]
    Unclosed,
    /// Text after a closing quote.
    #[error("text follows a closing quote: a quote inside a quoted field is written twice")]
    Stray,
    /// One line is longer than [`LONGEST_RECORD`]; only its beginning was kept.
    #[error("the row is longer than 256 KiB")]
    TooLong,
}

/// One record.
#[derive(Debug, PartialEq, Eq)]
pub struct Record {
    /// The line it begins at, counted from 1.
    pub line: u64,
    /// Without the line end.
    pub bytes: Vec<u8>,
    /// Why it cannot be read.
    pub fault: Option<Unreadable>,
}

/// A place between two records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Bytes before it.
    pub offset: u64,
    /// The line that begins there.
    pub line: u64,
}

/// Cuts records from a file.
pub struct Records<R> {
    input: R,
    delimiter: u8,
    at: Place,
    /// How many fields a row has; 0 before that is known.
    width: usize,
}

/// Where a reader of CSV is inside a record.
#[derive(Clone, Copy, PartialEq)]
enum Inside {
    Start,
    Plain,
    Quoted,
    Closed,
}

impl<R: BufRead + Seek> Records<R> {
    /// From this place on.
    ///
    /// # Errors
    /// When the file cannot be read there.
    pub fn new(mut input: R, delimiter: u8, at: Place) -> io::Result<Self> {
        input.seek(SeekFrom::Start(at.offset))?;
        Ok(Self {
            input,
            delimiter,
            at,
            width: 0,
        })
    }

    /// From now on a row has so many fields.
    pub fn expect(&mut self, width: usize) {
        self.width = width;
    }

    /// After the last record.
    pub fn place(&self) -> Place {
        self.at
    }

    /// The next record that is not an empty line.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn next(&mut self) -> io::Result<Option<Record>> {
        loop {
            let begin = self.at;
            let Some((record, after_first)) = self.cut()? else {
                return Ok(None);
            };
            let record = match after_first {
                Some(place) if self.is_to_be_cut_short(&record) => {
                    self.input.seek(SeekFrom::Start(place.offset))?;
                    self.at = place;
                    let first = record.bytes.split(|byte| *byte == b'\n').next();
                    Record {
                        bytes: trimmed(first.unwrap_or_default()).to_vec(),
                        fault: Some(record.fault.unwrap_or(Unreadable::Unclosed)),
                        line: begin.line,
                    }
                }
                _ => record,
            };
            if !record.bytes.is_empty() {
                return Ok(Some(record));
            }
        }
    }

    /// A record of several lines whose first line alone is at fault: it never ends, or the line below is a row itself.
    fn is_to_be_cut_short(&self, record: &Record) -> bool {
        let mut lines = record.bytes.split(|byte| *byte == b'\n').skip(1);
        let below = trimmed(lines.next().unwrap_or_default());
        let is_sound = record.fault.is_none()
            && (self.width == 0 || fields(&record.bytes, self.delimiter).len() == self.width);
        let is_a_row = || {
            let (inside, stray) = walk(below, self.delimiter, Inside::Start);
            let is_whole = inside != Inside::Quoted && !stray;
            is_whole && self.width > 1 && fields(below, self.delimiter).len() == self.width
        };
        record.fault == Some(Unreadable::Unclosed) || (!is_sound && is_a_row())
    }

    /// Reads lines until a record is whole; with the place after its first line when it has several.
    fn cut(&mut self) -> io::Result<Option<(Record, Option<Place>)>> {
        let begin = self.at;
        let mut bytes = Vec::new();
        let mut after_first = None;
        let (mut inside, mut is_stray) = (Inside::Start, false);
        let fault = loop {
            let before = bytes.len();
            let read = self.line(&mut bytes)?;
            if read == 0 {
                if bytes.is_empty() {
                    return Ok(None);
                }
                break (inside == Inside::Quoted).then_some(Unreadable::Unclosed);
            }
            if before > 0 && after_first.is_none() {
                after_first = Some(Place {
                    offset: begin.offset + before as u64,
                    line: begin.line + 1,
                });
            }
            if read > bytes.len() - before {
                break Some(match before {
                    0 => Unreadable::TooLong,
                    _ => Unreadable::Unclosed,
                });
            }
            let stray;
            (inside, stray) = walk(&bytes[before..], self.delimiter, inside);
            is_stray |= stray;
            if inside != Inside::Quoted {
                break is_stray.then_some(Unreadable::Stray);
            }
        };
        bytes.truncate(trimmed(&bytes).len());
        let record = Record {
            line: begin.line,
            bytes,
            fault,
        };
        Ok(Some((record, after_first)))
    }

    /// Reads one line onto `bytes`, or as much of it as is kept of a record; how long the line is.
    fn line(&mut self, bytes: &mut Vec<u8>) -> io::Result<usize> {
        let room = (LONGEST_RECORD + 1).saturating_sub(bytes.len()) as u64;
        let before = bytes.len();
        let mut read = (&mut self.input).take(room).read_until(b'\n', bytes)?;
        if bytes.len() > LONGEST_RECORD && bytes.last() != Some(&b'\n') {
            read += skip_line(&mut self.input)?;
        }
        // One byte too many says that it is too long.
        if bytes.len() > LONGEST_RECORD {
            bytes.truncate(LONGEST_RECORD.max(before));
        }
        self.at.offset += read as u64;
        self.at.line += u64::from(read > 0);
        Ok(read)
    }
}

/// Passes over what is left of a line.
fn skip_line(input: &mut impl BufRead) -> io::Result<usize> {
    let mut skipped = 0;
    loop {
        let held = input.fill_buf()?;
        let end = held.iter().position(|byte| *byte == b'\n');
        let length = end.map_or(held.len(), |end| end + 1);
        let is_over = end.is_some() || held.is_empty();
        input.consume(length);
        skipped += length;
        if is_over {
            return Ok(skipped);
        }
    }
}

/// Walks over one line as a reader of CSV does; whether text followed a closing quote.
fn walk(line: &[u8], delimiter: u8, mut inside: Inside) -> (Inside, bool) {
    let mut is_stray = false;
    for byte in line {
        inside = match (inside, *byte) {
            (Inside::Start, b'"') | (Inside::Closed, b'"') => Inside::Quoted,
            (Inside::Quoted, b'"') => Inside::Closed,
            (Inside::Quoted, _) => Inside::Quoted,
            (_, byte) if byte == delimiter => Inside::Start,
            (Inside::Closed, b'\r' | b'\n') => Inside::Closed,
            (Inside::Closed, _) => {
                is_stray = true;
                Inside::Plain
            }
            _ => Inside::Plain,
        };
    }
    (inside, is_stray)
}

/// Without the line end.
fn trimmed(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The fields of one record.
pub fn fields(record: &[u8], delimiter: u8) -> ByteRecord {
    let mut fields = ByteRecord::new();
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .terminator(Terminator::Any(b'\n'))
        .buffer_capacity(record.len().max(1))
        .from_reader(record);
    // Reading from memory cannot fail, and a record of bytes cannot be malformed.
    reader.read_byte_record(&mut fields).ok();
    fields
}

#[cfg(test)]
mod tests;
