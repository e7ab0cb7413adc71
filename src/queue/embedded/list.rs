//! Walking through the leads, the newest first: by row number, which grows as leads are accepted, so that no index
//! is kept for it.

use rusqlite::{Connection, Row};

use super::record::{self, place_in, standing};
use crate::queue::listing::{LOOKED_AT, Wanted};
use crate::queue::{Cursor, Filter, Page, StoreError, Stored};

pub fn list(
    db: &Connection,
    filter: &Filter,
    after: Option<Cursor>,
    most: usize,
    now: i64,
) -> Result<Page, StoreError> {
    let wanted = filter.wanted();
    let before = after.map_or(i64::MAX, |cursor| cursor.place.cast_signed());
    let mut find = db.prepare_cached(
        "SELECT seq, lane, step, due_at, leased, fence, version, person, person_until, id, body FROM leads \
         WHERE seq < ?1 ORDER BY seq DESC",
    )?;
    let mut rows = find.query([before])?;
    let mut page = Page {
        leads: Vec::new(),
        next: None,
    };
    let (mut looked_at, mut last) = (0, after);
    while let Some(row) = rows.next()? {
        if looked_at == LOOKED_AT || page.leads.len() == most.max(1) {
            page.next = last;
            break;
        }
        let id = record::id(row.get(9)?);
        looked_at += 1;
        last = Some(Cursor {
            place: row.get::<_, i64>(0)?.cast_unsigned(),
            id,
        });
        let found = judge(row, filter, &wanted, now);
        page.leads.extend(record::readable(id, found)?);
    }
    Ok(page)
}

/// The lead in this row, if it is wanted. Its record is read only if its person is.
fn judge(
    row: &Row<'_>,
    filter: &Filter,
    wanted: &Wanted,
    now: i64,
) -> Result<Option<Stored>, StoreError> {
    let place = place_in(row)?;
    if !wanted.takes(&place.person) {
        return Ok(None);
    }
    let body: String = row.get(10)?;
    let stored = standing(record::decode(body.as_bytes())?, &place, now);
    Ok(Some(stored).filter(|stored| filter.takes(stored)))
}
