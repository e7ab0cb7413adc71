//! `leadgate import`: has a running gateway take the rows of a CSV file as leads.
//!
//! A run that ends early is run again: the state beside the file says where to go on, and the gateway recognises rows
//! that it has by the import's id and their line. So nothing is lost and nothing doubled, whoever was killed.

mod batch;
mod columns;
mod records;
mod report;
mod state;

use std::fs::{File, TryLockError};
use std::io::{BufReader, Read};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use csv::StringRecord;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::operator::{Operator, Reach};
use super::progress::{LINE_EVERY, Screen};
use super::told_to_stop;
use super::voice::{self, Voice, Why, done_but};
use crate::sources::signature::hex;
use batch::{Answer, Batch};
use columns::{Columns, Renamed, renamed};
use records::{Place, Records, fields};
use report::Report;
use state::{Counts, Reading, State, beside};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
const BUFFER: usize = 64 * 1024;
/// Digits of the import's id.
const ID_DIGITS: usize = 32;
const BAR: usize = 24;

/// Which table, and how to read it.
#[derive(clap::Args)]
pub struct Flags {
    #[command(flatten)]
    reach: Reach,
    /// The table: CSV in UTF-8, its first line names the columns.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The source whose leads these are.
    #[arg(long, value_name = "SOURCE")]
    source: String,
    /// Send a column under another name. May be given more than once.
    #[arg(long, value_name = "COLUMN=FIELD", value_parser = renamed)]
    map: Vec<Renamed>,
    /// What stands between fields.
    #[arg(long, value_name = "CHARACTER", default_value = ",", value_parser = delimiter)]
    delimiter: u8,
    /// How long to wait for a gateway that is away, busy or full, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    patience: u64,
}

/// One visible ASCII character, or a tab.
fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        b"\\t" | b"\t" | b"tab" => Ok(b'\t'),
        [byte] if byte.is_ascii_punctuation() && *byte != b'"' => Ok(*byte),
        _ => Err("one punctuation character is wanted, or tab".to_owned()),
    }
}

/// An import at work.
struct Import<'a> {
    flags: &'a Flags,
    voice: Voice,
    operator: Operator,
    columns: Columns,
    records: Records<BufReader<File>>,
    report: Report,
    state: State,
    state_path: PathBuf,
    size: u64,
    screen: Screen,
    begun: Instant,
    /// Rows that an earlier run answered for.
    earlier: u64,
    told: Option<Instant>,
}

/// Imports the table. Exits 0 when every row was taken, 3 when some were refused.
pub async fn run(flags: &Flags, voice: Voice) -> ExitCode {
    let mut import = match Import::open(flags, voice) {
        Ok(import) => import,
        Err(why) => return voice.fail(why),
    };
    let ended = tokio::select! {
        ended = import.all() => ended,
        () = told_to_stop() => Err(Why::from("stopped")),
    };
    import.screen.finish();
    match ended {
        Ok(()) => import.done(),
        Err(why) => import.unfinished(why),
    }
}

impl<'a> Import<'a> {
    fn open(flags: &'a Flags, voice: Voice) -> Result<Self, Why> {
        let operator = flags.reach.open()?;
        let unreadable = |error| format!("{}: {error}", flags.file.display());
        let mut file = File::open(&flags.file).map_err(unreadable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err("another import of this file is at work".into());
            }
            // A file system without locks has nobody to ask.
            Err(TryLockError::Error(_)) => {}
        }
        let (id, size) = import_id(&flags.source, &mut file).map_err(unreadable)?;
        let (columns, first) = head(&file, flags).map_err(Why::from)?;
        let reading = Reading {
            delimiter: flags.delimiter,
            map: flags.map.clone(),
        };
        let state_path = beside(&flags.file, ".leadgate-import");
        let report_path = report::path_of(&flags.file);
        let state = match State::load(&state_path).map_err(unreadable)? {
            Some(state) if state.import == id && state.reading == reading => state,
            // Read differently, the rows that were taken are recognised and the others get another chance.
            Some(state) if state.import == id => State::first(id, reading, first),
            Some(state) if state.counts.rows() > 0 => {
                return Err(format!(
                    "{} belongs to an import of another source, or of another state of this file: finish that import \
                     or remove it",
                    state_path.display()
                )
                .into());
            }
            _ if report_path.exists() => {
                return Err(format!(
                    "{} is there from an earlier import: correct and import it, or remove it",
                    report_path.display()
                )
                .into());
            }
            _ => State::first(id, reading, first),
        };
        state.save(&state_path).map_err(|error| {
            format!(
                "{}: {error}: the import could not be gone on with",
                state_path.display()
            )
        })?;
        let input = BufReader::with_capacity(BUFFER, file);
        let mut records =
            Records::new(input, flags.delimiter, state.place()).map_err(unreadable)?;
        records.expect(columns.len());
        let earlier = state.counts.rows();
        if earlier > 0 {
            voice.note(&format!("going on after {earlier} rows"));
        }
        Ok(Self {
            flags,
            voice,
            operator,
            columns,
            records,
            report: Report::new(report_path, flags.delimiter, state.report_bytes),
            state,
            state_path,
            size,
            screen: Screen::new(),
            begun: Instant::now(),
            earlier,
            told: None,
        })
    }

    /// Sends batch after batch.
    async fn all(&mut self) -> Result<(), Why> {
        loop {
            let batch = Batch::fill(&mut self.records, &self.columns, self.flags.delimiter)
                .map_err(|error| format!("{}: {error}", self.flags.file.display()))?;
            if batch.is_empty() {
                return Ok(());
            }
            let answer = match batch.request(&self.flags.source, &self.state.import) {
                Some(request) => self.sent(&request).await?,
                None => Answer::none(),
            };
            let refused = batch.settle(answer, &mut self.state.counts)?;
            self.state.reach(self.records.place());
            // First the report, then the state that says how much of the report counts.
            self.state.report_bytes = self
                .report
                .add(&self.columns, &refused)
                .map_err(|error| format!("the refused rows cannot be written: {error}"))?;
            self.state
                .save(&self.state_path)
                .map_err(|error| format!("{}: {error}", self.state_path.display()))?;
            self.show();
        }
    }

    async fn sent(&mut self, request: &serde_json::Value) -> Result<Answer, Why> {
        let patience = Duration::from_secs(self.flags.patience);
        let (screen, voice) = (&mut self.screen, self.voice);
        let waiting = |failure: &super::operator::Failure, pause: Duration| {
            if !voice.json {
                screen.show(|| format!("{failure}: trying again in {} s", pause.as_secs().max(1)));
            }
        };
        self.operator
            .post_patiently("imports", request, patience, waiting)
            .await
            .map_err(|failure| failure.why())
    }

    fn show(&mut self) {
        let progress = Progress {
            counts: self.state.counts,
            done: share(self.state.place().offset, self.size),
            rate: rate(
                self.state.counts.rows() - self.earlier,
                self.begun.elapsed(),
            ),
        };
        if !self.voice.json {
            return self.screen.show(|| progress.line());
        }
        if self.told.is_none_or(|at| at.elapsed() >= LINE_EVERY) {
            self.told = Some(Instant::now());
            // A closed standard output is no reason to stop working.
            voice::line(&progress.document("progress")).ok();
        }
    }

    fn unfinished(self, mut why: Why) -> ExitCode {
        if self.state.counts.rows() > 0 {
            why.sentence
                .push_str(". Run the same command again: it goes on where this one ended");
        } else {
            // There is nothing to go on with.
            std::fs::remove_file(&self.state_path).ok();
        }
        self.voice.fail(why)
    }

    fn done(self) -> ExitCode {
        std::fs::remove_file(&self.state_path).ok();
        let counts = self.state.counts;
        let report = report::path_of(&self.flags.file);
        let mut document = Progress {
            counts,
            done: 1.0,
            rate: rate(counts.rows() - self.earlier, self.begun.elapsed()),
        }
        .document("done");
        if counts.refused > 0 {
            document["report"] = json!(report.display().to_string());
        }
        self.voice.tell(&document, || {
            let mut text = told(counts);
            if counts.refused > 0 {
                text.push_str(&format!(
                    "\nThe refused rows are in {}: correct them there and import that file.",
                    report.display()
                ));
            }
            text
        });
        done_but(counts.refused > 0)
    }
}

/// How far it is.
struct Progress {
    counts: Counts,
    done: f64,
    rate: f64,
}

impl Progress {
    fn line(&self) -> String {
        let full = (self.done * BAR as f64) as usize;
        format!(
            "[{}{}] {:3.0} %  {} rows, {:.0} a second, {} refused",
            "#".repeat(full.min(BAR)),
            "-".repeat(BAR.saturating_sub(full)),
            self.done * 100.0,
            self.counts.rows(),
            self.rate,
            self.counts.refused
        )
    }

    fn document(&self, event: &str) -> serde_json::Value {
        let Counts {
            taken,
            duplicates,
            repeated,
            refused,
        } = self.counts;
        json!({
            "event": event, "rows": self.counts.rows(), "taken": taken, "duplicates": duplicates,
            "repeated": repeated, "refused": refused, "share": self.done, "rowsPerSecond": self.rate.round(),
        })
    }
}

fn told(counts: Counts) -> String {
    format!(
        "{} rows: {} taken, {} duplicates, {} repeated, {} refused",
        counts.rows(),
        counts.taken,
        counts.duplicates,
        counts.repeated,
        counts.refused
    )
}

fn share(done: u64, size: u64) -> f64 {
    match size {
        0 => 1.0,
        _ => done as f64 / size as f64,
    }
}

fn rate(rows: u64, took: Duration) -> f64 {
    rows as f64 / took.as_secs_f64().max(0.001)
}

/// What the gateway knows the import by, and how long the file is. The same rows of the same source are the same
/// import, wherever the file is.
fn import_id(source: &str, file: &mut File) -> std::io::Result<(String, u64)> {
    let mut digest = Sha256::new();
    digest.update(source.to_ascii_lowercase().as_bytes());
    digest.update([0]);
    let (mut buffer, mut size) = (vec![0; BUFFER], 0);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        digest.update(&buffer[..read]);
        size += read as u64;
    }
    let mut id = hex(&digest.finalize());
    id.truncate(ID_DIGITS);
    Ok((id, size))
}

/// Reads the first line; where the rows begin.
fn head(file: &File, flags: &Flags) -> Result<(Columns, Place), String> {
    let unreadable = |error| format!("{}: {error}", flags.file.display());
    let begin = Place { offset: 0, line: 1 };
    let input = BufReader::with_capacity(BUFFER, file);
    let mut records = Records::new(input, flags.delimiter, begin).map_err(unreadable)?;
    let record = records
        .next()
        .map_err(unreadable)?
        .ok_or("the file is empty")?;
    let bytes = record.bytes.strip_prefix(BYTE_ORDER_MARK);
    let bytes = bytes.unwrap_or(&record.bytes);
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || bytes.contains(&0) {
        return Err("the file is not UTF-8: save it as CSV in UTF-8".to_owned());
    }
    if let Some(fault) = record.fault {
        return Err(format!("the first line: {fault}"));
    }
    let names = fields(bytes, flags.delimiter);
    let names = StringRecord::from_byte_record(names)
        .map_err(|_| "the first line is not UTF-8: save the file as CSV in UTF-8")?;
    let columns = Columns::read(&names, &flags.map, flags.delimiter)?;
    Ok((columns, records.place()))
}

#[cfg(test)]
mod tests;
