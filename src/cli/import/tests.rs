use std::io::{Seek, Write};

use clap::Parser;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    flags: Flags,
}

fn head_of(bytes: &[u8]) -> Result<(Vec<String>, Place), String> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    let line = Line::parse_from(["import", "leads.csv", "--source", "landing"]);
    let (columns, place) = head(&file, &line.flags)?;
    Ok((columns.heads().map(str::to_owned).collect(), place))
}

#[test]
fn a_head_is_read_with_and_without_a_byte_order_mark() {
    for (bytes, offset, line) in [
        (&b"Email,Full name\na,b\n"[..], 16, 2),
        (b"\xef\xbb\xbfEmail,Full name\r\na,b\r\n", 20, 2),
        (b"\xef\xbb\xbf\"Email\",\"Full name\"\n", 23, 2),
        (b"\n\nEmail,Full name", 17, 4),
    ] {
        let (names, place) = head_of(bytes).unwrap();
        assert_eq!(names, ["Email", "Full name"]);
        assert_eq!(place, Place { offset, line }, "{bytes:?}");
    }
}

#[test]
fn a_file_that_is_no_table_is_refused_before_anything_is_sent() {
    for (bytes, fault) in [
        (&b""[..], "empty"),
        (b"\n\n", "empty"),
        (b"\xff\xfeE\0m\0", "UTF-8"),
        (b"Num\xe9ro\n", "UTF-8"),
        (b"\"Email\n", "never closed"),
        (b"Email;Name\n", "--delimiter"),
    ] {
        let said = head_of(bytes).unwrap_err();
        assert!(said.contains(fault), "{said}");
    }
}

#[test]
fn an_import_is_known_by_its_source_and_its_bytes() {
    let id = |source: &str, bytes: &[u8]| {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        import_id(source, &mut file).unwrap()
    };
    let (first, size) = id("landing", b"Email\na@b.c\n");
    assert_eq!((first.len(), size), (32, 12));
    assert_eq!(first, id("Landing", b"Email\na@b.c\n").0);
    assert_ne!(first, id("other", b"Email\na@b.c\n").0);
    assert_ne!(first, id("landing", b"Email\na@b.d\n").0);
    assert_ne!(id("a", b"bc").0, id("ab", b"c").0);
}

#[test]
fn a_delimiter_is_one_mark_or_a_tab() {
    for (text, expected) in [
        (";", Some(b';')),
        ("|", Some(b'|')),
        ("\\t", Some(b'\t')),
        ("\t", Some(b'\t')),
        ("tab", Some(b'\t')),
        ("\"", None),
        ("a", None),
        ("", None),
        (";;", None),
        ("\n", None),
    ] {
        assert_eq!(delimiter(text).ok(), expected, "{text:?}");
    }
}

#[test]
fn progress_is_a_line_with_a_bar() {
    let counts = Counts {
        taken: 40,
        refused: 2,
        ..Counts::default()
    };
    let progress = Progress {
        counts,
        done: share(50, 100),
        rate: rate(42, Duration::from_secs(2)),
    };
    assert_eq!(
        progress.line(),
        "[############------------]  50 %  42 rows, 21 a second, 2 refused"
    );
}
