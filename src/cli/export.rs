//! `leadgate leads export`: every lead that passes a filter, a JSON record a line.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;
use tempfile::NamedTempFile;

use super::operator::{Failure, Operator, Reach, lost, only_url};
use super::voice::{Voice, Why};
use super::when::instant;

/// The most leads of one answer: an answer that is cut off costs no more than these.
const PAGE: usize = 1000;
/// A record is shorter.
const LONGEST_LINE: usize = 16 * 1024 * 1024;

/// Which leads, and where to.
#[derive(clap::Args)]
#[command(mut_arg("url", only_url))]
pub struct Flags {
    #[command(flatten)]
    reach: Reach,
    /// Only leads that stand so: queued, booked, parked, ...
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// Only leads of this source.
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
    /// Only leads received since this day (UTC) or instant.
    #[arg(long, value_name = "WHEN", value_parser = instant)]
    from: Option<Timestamp>,
    /// Only leads received before this day (UTC) or instant.
    #[arg(long = "to", value_name = "WHEN", value_parser = instant)]
    until: Option<Timestamp>,
    /// With each delivery as it arrived.
    #[arg(long)]
    raw: bool,
    /// Write to this file, which appears when it is whole.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Exports them, the newest first.
pub async fn run(flags: &Flags, voice: Voice) -> ExitCode {
    let operator = match flags.reach.open() {
        Ok(operator) => operator,
        Err(why) => return voice.fail(why),
    };
    let exported = match &flags.output {
        None => {
            let mut out = BufWriter::new(std::io::stdout());
            follow(&operator, flags, &mut out).await
        }
        Some(file) => to_file(&operator, flags, file).await,
    };
    match (exported, &flags.output) {
        (Ok(leads), Some(file)) => {
            let document = json!({"leads": leads, "file": file.display().to_string()});
            voice.tell(&document, || format!("{leads} leads in {}", file.display()));
            ExitCode::SUCCESS
        }
        (Ok(_), None) => ExitCode::SUCCESS,
        (Err(Unfinished::Written(error)), None)
            if error.kind() == std::io::ErrorKind::BrokenPipe =>
        {
            // Whoever reads has seen enough.
            ExitCode::SUCCESS
        }
        (Err(Unfinished::Written(error)), _) => {
            voice.fail(format!("the leads cannot be written: {error}"))
        }
        (Err(Unfinished::Asked(failure)), _) => failure.fail(voice),
        (Err(Unfinished::CutOff), _) => voice.fail(Why::from(
            "the gateway's answer was cut off: what was written is not everything",
        )),
    }
}

/// Why an export ended before its end.
enum Unfinished {
    Asked(Failure),
    Written(std::io::Error),
    CutOff,
}

impl From<Failure> for Unfinished {
    fn from(failure: Failure) -> Self {
        Unfinished::Asked(failure)
    }
}

impl From<std::io::Error> for Unfinished {
    fn from(error: std::io::Error) -> Self {
        Unfinished::Written(error)
    }
}

/// A file beside it takes the leads first: readable by its owner alone, and gone when the export fails.
async fn to_file(operator: &Operator, flags: &Flags, file: &Path) -> Result<u64, Unfinished> {
    let folder = file
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut written = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    let leads = {
        let mut out = BufWriter::new(&mut written);
        follow(operator, flags, &mut out).await?
    };
    written.as_file().sync_all()?;
    written.persist(file).map_err(|error| error.error)?;
    Ok(leads)
}

/// Follows the cursor to the end.
async fn follow(
    operator: &Operator,
    flags: &Flags,
    out: &mut impl Write,
) -> Result<u64, Unfinished> {
    let (mut leads, mut cursor) = (0, None);
    loop {
        let given = [
            ("status", flags.status.clone()),
            ("source", flags.source.clone()),
            ("from", flags.from.map(|at| at.to_string())),
            ("to", flags.until.map(|at| at.to_string())),
            ("raw", flags.raw.then(|| "true".to_owned())),
            ("limit", Some(PAGE.to_string())),
            ("cursor", cursor.take()),
        ];
        let query: Vec<_> = given
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)))
            .collect();
        let answer = operator.stream("export", &query).await?;
        cursor = copy(answer, out, &mut leads).await?;
        out.flush()?;
        if cursor.is_none() {
            return Ok(leads);
        }
    }
}

/// The line that ends an answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    // Missing is not null.
    #[serde(deserialize_with = "Option::deserialize")]
    cursor: Option<String>,
}

/// Copies the records of one answer as they come; the cursor that ended it.
async fn copy(
    mut answer: reqwest::Response,
    out: &mut impl Write,
    leads: &mut u64,
) -> Result<Option<String>, Unfinished> {
    let mut held: Vec<u8> = Vec::new();
    let mut end: Option<End> = None;
    while let Some(part) = answer.chunk().await.map_err(lost)? {
        held.extend_from_slice(&part);
        let mut begin = 0;
        while let Some(length) = held[begin..].iter().position(|byte| *byte == b'\n') {
            let line = &held[begin..begin + length + 1];
            match ending(line) {
                Some(found) => end = Some(found),
                None => {
                    out.write_all(line)?;
                    *leads += 1;
                }
            }
            begin += length + 1;
        }
        held.drain(..begin);
        if held.len() > LONGEST_LINE {
            return Err(Unfinished::CutOff);
        }
    }
    end.map(|end| end.cursor).ok_or(Unfinished::CutOff)
}

/// Reads the line that ends an answer; a record is none.
fn ending(line: &[u8]) -> Option<End> {
    serde_json::from_slice(line).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_with_its_cursor_and_nothing_else_does() {
        for (line, expected) in [
            (&b"{\"cursor\":\"18f.ld_1\"}\n"[..], Some(Some("18f.ld_1"))),
            (b"{\"cursor\":null}\n", Some(None)),
            (b"{\"leadId\":\"ld_1\",\"cursor\":null}\n", None),
            (b"{\"leadId\":\"ld_1\"}\n", None),
            (b"\n", None),
        ] {
            let end = ending(line);
            assert_eq!(end.as_ref().map(|end| end.cursor.as_deref()), expected);
        }
    }
}
