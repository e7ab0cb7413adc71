//! The head of a table: what each column is sent as.

use csv::StringRecord;
use serde_json::{Map, Value};

/// The columns of a report of refused rows, which are its own and not the table's.
pub const OF_REPORT: [&str; 2] = ["leadgate_row", "leadgate_fault"];

/// A column by another name: `Column=field`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Renamed {
    column: String,
    field: String,
}

/// Every column of a table.
#[derive(Debug)]
pub struct Columns {
    heads: Vec<String>,
    /// `None`: not sent.
    fields: Vec<Option<String>>,
}

/// Reads `Column=field`; the column may hold an equals sign, the field may not.
///
/// # Errors
/// When one of them is empty.
pub fn renamed(text: &str) -> Result<Renamed, String> {
    let parts = text.rsplit_once('=');
    let parts = parts.map(|(column, field)| (column.trim(), field.trim()));
    let parts = parts.filter(|(column, field)| !column.is_empty() && !field.is_empty());
    let (column, field) =
        parts.ok_or("Column=field is wanted, such as \"E-mail address=email\"")?;
    Ok(Renamed {
        column: column.to_owned(),
        field: field.to_owned(),
    })
}

impl Columns {
    /// Reads the head of a table.
    ///
    /// # Errors
    /// When two columns have one name, or a column that is to be renamed is not there.
    pub fn read(head: &StringRecord, map: &[Renamed], delimiter: u8) -> Result<Self, String> {
        let heads: Vec<String> = head.iter().map(|head| head.trim().to_owned()).collect();
        if let [one] = &heads[..] {
            let others = [',', ';', '\t', '|'].into_iter();
            let mut others = others.filter(|other| *other as u32 != u32::from(delimiter));
            if let Some(other) = others.find(|other| one.contains(*other)) {
                return Err(format!(
                    "the first line is one column and holds {other:?}: is --delimiter {other:?} meant?"
                ));
            }
        }
        for renamed in map {
            if !heads.contains(&renamed.column) {
                return Err(format!(
                    "--map: there is no column {:?}, the columns are: {}",
                    renamed.column,
                    heads.join(", ")
                ));
            }
        }
        let mut fields: Vec<Option<String>> = Vec::new();
        for head in &heads {
            let renamed = map.iter().find(|renamed| renamed.column == *head);
            let field = renamed.map_or(head, |renamed| &renamed.field).clone();
            let field = Some(field)
                .filter(|field| !field.is_empty() && !OF_REPORT.contains(&field.as_str()));
            if field.is_some() && fields.contains(&field) {
                return Err(format!(
                    "two columns are called {:?}: rename one of them in the file",
                    field.unwrap_or_default()
                ));
            }
            fields.push(field);
        }
        if fields.iter().all(Option::is_none) {
            return Err("the first line names no columns".to_owned());
        }
        Ok(Self { heads, fields })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// The head of a report: the table's columns without those of an earlier report.
    pub fn heads(&self) -> impl Iterator<Item = &str> {
        self.of_table(&self.heads)
    }

    /// What of a row belongs to the table, not to an earlier report.
    pub fn of_table<'a>(&'a self, row: &'a [String]) -> impl Iterator<Item = &'a str> {
        let empty = std::iter::repeat("");
        let cells = row.iter().map(String::as_str).chain(empty);
        let heads = self.heads.iter().zip(cells);
        heads
            .filter(|(head, _)| !OF_REPORT.contains(&head.as_str()))
            .map(|(_, cell)| cell)
    }

    /// A row's fields by name; an empty cell says nothing.
    pub fn fields(&self, row: &StringRecord) -> Map<String, Value> {
        let named = self.fields.iter().zip(row);
        named
            .filter(|(_, cell)| !cell.trim().is_empty())
            .filter_map(|(field, cell)| Some((field.clone()?, Value::from(cell))))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn head(names: &[&str]) -> StringRecord {
        StringRecord::from(names.to_vec())
    }

    #[test]
    fn a_column_is_renamed_by_its_last_equals_sign() {
        for (text, expected) in [
            ("E-mail=email", Some(("E-mail", "email"))),
            (" a=b = c ", Some(("a=b", "c"))),
            ("email", None),
            ("=email", None),
            ("E-mail=", None),
        ] {
            let read = renamed(text).ok();
            let read = read.as_ref().map(|r| (r.column.as_str(), r.field.as_str()));
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn a_head_is_refused_that_cannot_be_meant() {
        let email = [renamed("E-mail=email").unwrap()];
        for (names, map, fault) in [
            (&["E-mail", "Name"][..], &email[..], None),
            (&["Email"], &[], None),
            (&["Email", ""], &[], None),
            (&["Name"], &email, Some("no column")),
            (&["E-mail", "email"], &email, Some("two columns")),
            (&["Email;Name"], &[], Some("--delimiter ';'")),
            (&["", ""], &[], Some("names no columns")),
            (&["leadgate_row"], &[], Some("names no columns")),
        ] {
            let read = Columns::read(&head(names), map, b',');
            let said = read.err().unwrap_or_default();
            match fault {
                Some(fault) => assert!(said.contains(fault), "{names:?}: {said}"),
                None => assert_eq!(said, "", "{names:?}"),
            }
        }
    }

    #[test]
    fn a_row_is_sent_without_empty_cells_and_without_an_earlier_report() {
        let map = [renamed("E-mail=email").unwrap()];
        let names = head(&["E-mail", "", "Name", "leadgate_row", "leadgate_fault"]);
        let columns = Columns::read(&names, &map, b',').unwrap();
        let row = head(&["a@lead.example", "x", " ", "7", "no"]);
        assert_eq!(
            Value::from(columns.fields(&row)),
            json!({"email": "a@lead.example"})
        );
        assert_eq!(columns.heads().collect::<Vec<_>>(), ["E-mail", "", "Name"]);
        let short = ["a".to_owned()];
        assert_eq!(columns.of_table(&short).collect::<Vec<_>>(), ["a", "", ""]);
    }
}
