//! Taking the rows of a table: each is a lead in the bulk lane, known again by its import and its number, so that an
//! import that was cut short can be sent again from anywhere before.

use std::time::Duration;

use super::platform::Around;
use super::{Delivery, Prepared, Refused, Taken, keep, posted, prepare};
use crate::lead::{Lane, Sender};

/// How long a row is known again.
const ROW_KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

/// One row of the table.
pub struct Row {
    /// Its number in the table; with the import it names the lead.
    pub number: u64,
    /// Values by their columns' heads, in the table's order.
    pub columns: Vec<(String, String)>,
}

/// Keeps one row of what the operator calls `import`: one name, one table. When this returns a [`Taken`], it is on disk.
///
/// # Errors
/// See [`Refused`]; then nothing was kept. [`Refused::KeyReused`]: the import had another row under this number.
pub async fn take(around: Around<'_>, import: &str, row: Row) -> Result<Taken, Refused> {
    // No header can hold the first character, so no caller's own key is one of these.
    let key = format!("\u{1}import/{}/{}", import, row.number);
    let delivery = Delivery {
        source: around.source,
        posted: posted::of_row(row.columns, around.source),
        idempotency_key: Some(&key),
        sender: Sender::default(),
        referer: None,
        trace: None,
    };
    let mut prepared = prepare(around.store, around.hasher, delivery)?;
    prepared.of_import(row.number);
    keep(around.store, around.max_waiting, prepared).await
}

impl Prepared {
    fn of_import(&mut self, number: u64) {
        self.lead.lane = Lane::Bulk;
        self.is_asked_for = false;
        if let Some(idempotency) = &mut self.idempotency {
            idempotency.kept = ROW_KEPT;
        }
        self.note("import", "read", &format!("row {number} of an import"));
    }
}
