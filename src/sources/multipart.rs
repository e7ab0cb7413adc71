//! Reading `multipart/form-data` (RFC 7578) that is already in memory.

use bytes::Bytes;
use futures_util::{FutureExt, stream};
use std::convert::Infallible;

use super::Unreadable;

/// Fields at most; a form has fewer.
const MOST_FIELDS: usize = 1000;

/// The text fields in their order. Of a file only its name is kept, under its field's: leadgate takes no files.
///
/// # Errors
/// The body is broken; its text is not quoted.
pub fn fields(content_type: &str, body: &[u8]) -> Result<Vec<(String, String)>, Unreadable> {
    let broken = || Unreadable("the multipart body is broken".to_owned());
    let boundary = multer::parse_boundary(content_type).map_err(|_| broken())?;
    let whole = stream::iter([Ok::<_, Infallible>(Bytes::copy_from_slice(body))]);
    let mut parts = multer::Multipart::new(whole, boundary);
    let reading = async {
        let mut fields = Vec::new();
        while let Some(part) = parts.next_field().await.map_err(|_| broken())? {
            let Some(name) = part.name().map(str::to_owned) else {
                continue;
            };
            if fields.len() == MOST_FIELDS {
                return Err(Unreadable(format!(
                    "at most {MOST_FIELDS} fields are taken"
                )));
            }
            let value = match part.file_name().map(str::to_owned) {
                Some(file) => file,
                None => part.text().await.map_err(|_| broken())?,
            };
            fields.push((name, value));
        }
        Ok(fields)
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
