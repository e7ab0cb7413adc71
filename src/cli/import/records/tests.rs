use std::io::Cursor;

use proptest::prelude::*;

use super::*;

const BEGIN: Place = Place { offset: 0, line: 1 };

fn cut(text: &[u8], width: usize) -> Vec<(u64, String, Option<Unreadable>)> {
    let mut records = Records::new(Cursor::new(text), b',', BEGIN).unwrap();
    records.expect(width);
    let mut found = Vec::new();
    while let Some(record) = records.next().unwrap() {
        let text = String::from_utf8_lossy(&record.bytes).into_owned();
        found.push((record.line, text, record.fault));
    }
    assert_eq!(records.place().offset, text.len() as u64);
    found
}

#[test]
fn a_record_begins_at_its_own_line() {
    for (text, expected) in [
        ("a,b\nc,d\n", vec![(1, "a,b"), (2, "c,d")]),
        ("a,b\r\nc,d\r\n", vec![(1, "a,b"), (2, "c,d")]),
        ("a,b\n\n\r\nc,d", vec![(1, "a,b"), (4, "c,d")]),
        (
            "a,\"b\r\n\nc\"\nd,e\n",
            vec![(1, "a,\"b\r\n\nc\""), (4, "d,e")],
        ),
        (
            "a,\"b\"\"\n\"\"\"\nd,e\n",
            vec![(1, "a,\"b\"\"\n\"\"\""), (3, "d,e")],
        ),
        ("a,5\" pipe\nd,e\n", vec![(1, "a,5\" pipe"), (2, "d,e")]),
        ("", vec![]),
        ("\n\n", vec![]),
    ] {
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(line, text)| (line, text.to_owned(), None))
            .collect();
        assert_eq!(cut(text.as_bytes(), 2), expected, "{text:?}");
    }
}

#[test]
fn a_faulty_row_costs_itself_alone() {
    use Unreadable::{Stray, Unclosed};
    for (text, expected) in [
        // To the end of the file.
        (
            "a,\"b\nc,d\ne,f\n",
            vec![
                (1, "a,\"b", Some(Unclosed)),
                (2, "c,d", None),
                (3, "e,f", None),
            ],
        ),
        // To the next quote, which leaves text behind it.
        (
            "a,\"b\nc,\"d\"\ne,f\n",
            vec![
                (1, "a,\"b", Some(Stray)),
                (2, "c,\"d\"", None),
                (3, "e,f", None),
            ],
        ),
        // To the next quote, with too few fields.
        (
            "\"a,b\nc,d\",e,f\ng,h\n",
            vec![(1, "\"a,b\nc,d\",e,f", None), (3, "g,h", None)],
        ),
        (
            "a,\"b\nc,d\n\",e\ng,h\n",
            vec![
                (1, "a,\"b", Some(Unclosed)),
                (2, "c,d", None),
                (3, "\",e", Some(Unclosed)),
                (4, "g,h", None),
            ],
        ),
        (
            "a,\"b\"c\nd,e\n",
            vec![(1, "a,\"b\"c", Some(Stray)), (2, "d,e", None)],
        ),
    ] {
        let expected: Vec<_> = expected
            .into_iter()
            .map(|(line, text, fault)| (line, text.to_owned(), fault))
            .collect();
        assert_eq!(cut(text.as_bytes(), 2), expected, "{text:?}");
    }
}

#[test]
fn a_row_without_end_is_passed_over() {
    let long = "x".repeat(3 * LONGEST_RECORD);
    let text = format!("a,b\nc,{long}\nd,\"{long}\ne,f\n");
    let found = cut(text.as_bytes(), 2);
    let told: Vec<_> = found
        .iter()
        .map(|(line, text, fault)| (*line, text.len(), *fault))
        .collect();
    let too_long = Some(Unreadable::TooLong);
    assert_eq!(
        told,
        [
            (1, 3, None),
            (2, LONGEST_RECORD, too_long),
            (3, LONGEST_RECORD, too_long),
            (4, 3, None),
        ]
    );
    let open = format!("a,\"b\n{}g,h\n", "c,d\n".repeat(LONGEST_RECORD / 2));
    let found = cut(open.as_bytes(), 2);
    assert_eq!(
        found[0],
        (1, "a,\"b".to_owned(), Some(Unreadable::Unclosed))
    );
    assert_eq!(found.len(), LONGEST_RECORD / 2 + 2);
    assert!(found[1..].iter().all(|(_, _, fault)| fault.is_none()));
}

#[test]
fn a_reader_that_begins_at_a_place_goes_on_as_if_it_had_read_all() {
    let text = "a,b\n\"c\n\",d\n\ne,f\n";
    let mut whole = Records::new(Cursor::new(text), b',', BEGIN).unwrap();
    while whole.next().unwrap().is_some() {
        let mut later = Records::new(Cursor::new(text), b',', whole.place()).unwrap();
        let place = whole.place();
        let mut again = Records::new(Cursor::new(text), b',', place).unwrap();
        assert_eq!(later.next().unwrap(), again.next().unwrap());
    }
    let mut later = Records::new(Cursor::new(text), b',', Place { offset: 4, line: 2 }).unwrap();
    assert_eq!(later.next().unwrap().unwrap().line, 2);
    assert_eq!(later.next().unwrap().unwrap().line, 5);
}

proptest! {
    #[test]
    fn whatever_is_written_as_csv_is_read_back(
        rows in prop::collection::vec(prop::collection::vec("[a-z,\"\n\r ;åé]{0,6}", 3), 1..8),
        crlf in any::<bool>(),
    ) {
        let terminator = if crlf { Terminator::CRLF } else { Terminator::Any(b'\n') };
        let mut writer = csv::WriterBuilder::new().terminator(terminator).from_writer(Vec::new());
        for row in &rows {
            writer.write_record(row).unwrap();
        }
        let text = writer.into_inner().unwrap();
        let mut records = Records::new(Cursor::new(&text), b',', BEGIN).unwrap();
        records.expect(3);
        for row in &rows {
            let record = records.next().unwrap().unwrap();
            prop_assert_eq!(record.fault, None);
            let read = fields(&record.bytes, b',');
            prop_assert_eq!(read.iter().collect::<Vec<_>>(), row.iter().map(String::as_bytes).collect::<Vec<_>>());
        }
        prop_assert!(records.next().unwrap().is_none());
    }
}
