//! Reading `multipart/form-data` (RFC 7578) that is already in memory.

use bytes::Bytes;
use futures_util::{FutureExt, stream};
use std::convert::Infallible;

use super::Unreadable;

/// Fields at most; a form has fewer.
const MOST_FIELDS: usize = 1000;

/// One part of a form's body.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// The field's name.
    pub name: String,
    /// What was typed; of a file its name, empty when none was chosen.
    pub value: String,
    /// Whether it is a file.
    pub is_file: bool,
}

/// The fields in their order. Of a file only its name is kept, under its field's: leadgate takes no files.
///
/// # Errors
/// The body is broken; its text is not quoted.
pub fn fields(content_type: &str, body: &[u8]) -> Result<Vec<(String, String)>, Unreadable> {
    let parts = parts(content_type, body)?.into_iter();
    Ok(parts.map(|part| (part.name, part.value)).collect())
}

/// As [`fields`], and which of them are files.
///
/// # Errors
/// As for [`fields`].
pub fn parts(content_type: &str, body: &[u8]) -> Result<Vec<Part>, Unreadable> {
    let broken = || Unreadable("the multipart body is broken".to_owned());
    let boundary = multer::parse_boundary(content_type).map_err(|_| broken())?;
    let whole = stream::iter([Ok::<_, Infallible>(Bytes::copy_from_slice(body))]);
    let mut multipart = multer::Multipart::new(whole, boundary);
    let reading = async {
        let mut parts = Vec::new();
        while let Some(field) = multipart.next_field().await.map_err(|_| broken())? {
            let Some(name) = field.name().map(str::to_owned) else {
                continue;
            };
            if parts.len() == MOST_FIELDS {
                return Err(Unreadable(format!(
                    "at most {MOST_FIELDS} fields are taken"
                )));
            }
            let file = field.file_name().map(str::to_owned);
            let is_file = file.is_some();
            let value = match file {
                Some(file) => file,
                None => field.text().await.map_err(|_| broken())?,
            };
            parts.push(Part {
                name,
                value,
                is_file,
            });
        }
        Ok(parts)
    };
    // Everything is in memory, so nothing is ever waited for.
    reading.now_or_never().unwrap_or_else(|| Err(broken()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=XX";

    #[test]
    fn fields_keep_their_order_and_repeats_and_files_only_their_name() {
        let body = "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n\
            --XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nzwei ä\r\n\
            --XX\r\nContent-Disposition: form-data; name=\"cv\"; filename=\"me.pdf\"\r\nContent-Type: application/pdf\r\n\r\n%PDF\r\n\
            --XX--\r\n";
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            fields(TYPE, body.as_bytes()).unwrap(),
            [pair("a", "1"), pair("a", "zwei ä"), pair("cv", "me.pdf")]
        );
    }

    #[test]
    fn a_broken_body_is_told_without_its_text() {
        for (content_type, body) in [
            ("multipart/form-data", "x"),
            (TYPE, "ann@lead.example"),
            (
                TYPE,
                "--XX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nann@lead.example",
            ),
        ] {
            let error = fields(content_type, body.as_bytes()).unwrap_err();
            assert!(!error.0.contains("ann"), "{error}");
        }
    }
}
