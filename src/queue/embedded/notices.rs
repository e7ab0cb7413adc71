//! What receivers are to be told, as rows: written with the change of a lead, taken under a lease, put off or deleted.

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension};

use super::desk::Desk;
use super::sweep::PIECE;
use super::{Embedded, record, unless_lost};
use crate::clock::{from_millis, millis};
use crate::lead::MessageId;
use crate::queue::notices::{
    self, Delivery, HASTEN_AFTER, HASTEN_APART, HASTEN_MOST, Notice, NoticeClaim, Outbox,
    ReceiverState, Subscription,
};
use crate::queue::{ClaimError, StoreError};

#[async_trait]
impl Outbox for Embedded {
    fn subscribe(&self, subscriptions: Vec<Subscription>) {
        self.subscriptions.set(subscriptions);
    }

    async fn tell(&self, notices: Vec<Notice>) -> Result<(), StoreError> {
        self.writer.run(move |desk| write(desk, &notices)).await
    }

    async fn claim_notice(
        &self,
        receiver: &str,
        lease: Duration,
    ) -> Result<Option<NoticeClaim>, StoreError> {
        let name = receiver.to_owned();
        let taken = self
            .writer
            .run(move |desk| claim(desk, &name, lease))
            .await?;
        // Read after it was leased, so that one that cannot be read bars no other.
        taken.map(|taken| taken.read(receiver)).transpose()
    }

    async fn settle_notice(
        &self,
        claim: NoticeClaim,
        delivery: Delivery,
    ) -> Result<(), ClaimError> {
        unless_lost(
            self.writer
                .run(move |desk| settle(desk, &claim, &delivery))
                .await?,
        )
    }

    async fn next_notice(&self, receiver: &str) -> Result<Option<Duration>, StoreError> {
        let (receiver, now) = (receiver.to_owned(), self.now());
        self.readers.run(move |db| next(db, &receiver, now)).await
    }

    async fn hasten_notice(&self, receiver: &str, id: MessageId) -> Result<bool, StoreError> {
        let receiver = receiver.to_owned();
        self.writer
            .run(move |desk| {
                let now = desk.now();
                let found = desk
                    .db
                    .prepare_cached(
                        "UPDATE notices SET due_at = CASE leased WHEN 0 THEN ?3 ELSE due_at END \
                         WHERE id = ?1 AND receiver = ?2",
                    )?
                    .execute((id.as_bytes(), receiver, now))?;
                desk.messages_may_be_due();
                Ok(found > 0)
            })
            .await
    }

    async fn receiver(&self, receiver: &str) -> Result<ReceiverState, StoreError> {
        let (receiver, now) = (receiver.to_owned(), self.now());
        self.readers
            .run(move |db| standing(db, &receiver, now))
            .await
    }

    async fn reopen_receiver(&self, receiver: &str) -> Result<(), StoreError> {
        let receiver = receiver.to_owned();
        self.writer
            .run(move |desk| {
                desk.db
                    .prepare_cached(
                        "UPDATE receivers SET closed_at = NULL, paused_until = NULL WHERE name = ?1",
                    )?
                    .execute([receiver])?;
                desk.messages_may_be_due();
                Ok(())
            })
            .await
    }
}

/// Writes notices, all due now.
pub fn write(desk: &mut Desk, told: &[Notice]) -> Result<(), StoreError> {
    if told.is_empty() {
        return Ok(());
    }
    let now = desk.now();
    let mut insert = desk.db.prepare_cached(
        "INSERT INTO notices (id, receiver, event, lead_id, account, source, status, at, due_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
    )?;
    for notice in told {
        insert.execute((
            notice.id.as_bytes(),
            &notice.receiver,
            notice.event.as_str(),
            notice.lead.as_bytes(),
            &notice.account,
            &notice.source,
            notice.status.as_str(),
            now,
        ))?;
    }
    drop(insert);
    desk.messages_may_be_due();
    Ok(())
}

/// A notice as the row has it.
struct Taken {
    id: [u8; 16],
    event: String,
    lead: [u8; 16],
    account: String,
    source: String,
    status: String,
    at: i64,
    tries: u32,
    fence: i64,
}

impl Taken {
    fn read(self, receiver: &str) -> Result<NoticeClaim, StoreError> {
        Ok(NoticeClaim {
            notice: Notice {
                id: MessageId::from_bytes(self.id),
                receiver: receiver.to_owned(),
                event: notices::event(&self.event)?,
                lead: record::id(self.lead),
                account: self.account,
                source: self.source,
                status: notices::status(&self.status)?,
            },
            at: from_millis(self.at),
            tries: self.tries,
            fence: self.fence.cast_unsigned() + 1,
        })
    }
}

fn claim(desk: &mut Desk, receiver: &str, lease: Duration) -> Result<Option<Taken>, StoreError> {
    let now = desk.now();
    if barred_until(&desk.db, receiver)?.is_some_and(|until| until > now) {
        return Ok(None);
    }
    let mut find = desk.db.prepare_cached(
        "SELECT seq, id, event, lead_id, account, source, status, at, tries, fence FROM notices \
         WHERE receiver = ?1 AND due_at <= ?2 ORDER BY due_at, at, seq LIMIT 1",
    )?;
    let mut rows = find.query((receiver, now))?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let seq: i64 = row.get(0)?;
    let taken = Taken {
        id: row.get(1)?,
        event: row.get(2)?,
        lead: row.get(3)?,
        account: row.get(4)?,
        source: row.get(5)?,
        status: row.get(6)?,
        at: row.get(7)?,
        tries: row.get(8)?,
        fence: row.get(9)?,
    };
    desk.db
        .prepare_cached(
            "UPDATE notices SET leased = 1, due_at = ?2, fence = fence + 1 WHERE seq = ?1",
        )?
        .execute((seq, now.saturating_add(millis(lease))))?;
    Ok(Some(taken))
}

/// Until when nothing is sent to the receiver; for ever when it is closed.
fn barred_until(db: &Connection, receiver: &str) -> Result<Option<i64>, StoreError> {
    let barred: Option<Option<i64>> = db
        .prepare_cached(
            "SELECT CASE WHEN closed_at IS NULL THEN paused_until ELSE 9223372036854775807 END \
             FROM receivers WHERE name = ?1",
        )?
        .query_row([receiver], |row| row.get(0))
        .optional()?;
    Ok(barred.flatten())
}

/// `false`: the claim is lost.
fn settle(desk: &mut Desk, claim: &NoticeClaim, delivery: &Delivery) -> Result<bool, StoreError> {
    let (now, notice) = (desk.now(), &claim.notice);
    let named = (notice.id.as_bytes(), claim.fence.cast_signed());
    let changed = match delivery {
        Delivery::Done => desk
            .db
            .prepare_cached("DELETE FROM notices WHERE id = ?1 AND fence = ?2 AND leased = 1")?
            .execute(named)?,
        Delivery::PutOff { delay, counts, .. } => {
            put_off(desk, claim, now.saturating_add(millis(*delay)), *counts)?
        }
        Delivery::Ended { .. } => put_off(desk, claim, now, false)?,
    };
    if changed == 0 {
        return Ok(false);
    }
    match delivery {
        Delivery::Done => took(desk, &notice.receiver, now)?,
        Delivery::PutOff { pause, failure, .. } => {
            let until = pause.map(|pause| now.saturating_add(millis(pause)));
            failed(desk, &notice.receiver, now, failure, until, None)?;
        }
        Delivery::Ended { failure } => {
            failed(desk, &notice.receiver, now, failure, None, Some(now))?;
        }
    }
    Ok(true)
}

fn put_off(
    desk: &Desk,
    claim: &NoticeClaim,
    due_at: i64,
    counts: bool,
) -> Result<usize, StoreError> {
    Ok(desk
        .db
        .prepare_cached(
            "UPDATE notices SET leased = 0, due_at = ?3, tries = tries + ?4 \
             WHERE id = ?1 AND fence = ?2 AND leased = 1",
        )?
        .execute((
            claim.notice.id.as_bytes(),
            claim.fence.cast_signed(),
            due_at,
            counts,
        ))?)
}

fn failed(
    desk: &Desk,
    receiver: &str,
    now: i64,
    failure: &str,
    paused_until: Option<i64>,
    closed_at: Option<i64>,
) -> Result<(), StoreError> {
    desk.db
        .prepare_cached(
            "INSERT INTO receivers (name, closed_at, paused_until, failing_since, failed_at, failure) \
             VALUES (?1, ?2, ?3, ?4, ?4, ?5) ON CONFLICT (name) DO UPDATE SET \
             closed_at = coalesce(closed_at, excluded.closed_at), \
             paused_until = nullif(max(coalesce(paused_until, 0), coalesce(excluded.paused_until, 0)), 0), \
             failing_since = coalesce(failing_since, excluded.failing_since), \
             failed_at = excluded.failed_at, failure = excluded.failure",
        )?
        .execute((receiver, closed_at, paused_until, now, failure))?;
    Ok(())
}

/// The receiver took a message. What was put off while it failed for long is brought forward, a piece at each.
fn took(desk: &mut Desk, receiver: &str, now: i64) -> Result<(), StoreError> {
    let since: Option<Option<i64>> = desk
        .db
        .prepare_cached("SELECT failing_since FROM receivers WHERE name = ?1")?
        .query_row([receiver], |row| row.get(0))
        .optional()?;
    let Some(since) = since.flatten() else {
        return Ok(());
    };
    if now.saturating_sub(since) >= millis(HASTEN_AFTER) {
        let brought = hasten(desk, receiver, now)?;
        desk.messages_may_be_due();
        if brought == HASTEN_MOST as usize {
            return Ok(());
        }
    }
    desk.db
        .prepare_cached("UPDATE receivers SET failing_since = NULL WHERE name = ?1")?
        .execute([receiver])?;
    Ok(())
}

fn hasten(desk: &Desk, receiver: &str, now: i64) -> Result<usize, StoreError> {
    let spread = now.saturating_add(millis(HASTEN_APART).saturating_mul(HASTEN_MOST.into()));
    let mut find = desk.db.prepare_cached(
        "SELECT seq FROM notices WHERE receiver = ?1 AND due_at > ?2 AND leased = 0 ORDER BY due_at LIMIT ?3",
    )?;
    let found = find.query_map((receiver, spread, HASTEN_MOST), |row| row.get(0))?;
    let found: Vec<i64> = found.collect::<Result<_, _>>()?;
    let mut bring = desk
        .db
        .prepare_cached("UPDATE notices SET due_at = ?2 WHERE seq = ?1")?;
    let mut due_at = now;
    for seq in &found {
        bring.execute((seq, due_at))?;
        due_at = due_at.saturating_add(millis(HASTEN_APART));
    }
    Ok(found.len())
}

fn next(db: &Connection, receiver: &str, now: i64) -> Result<Option<Duration>, StoreError> {
    let due: Option<i64> = db
        .prepare_cached("SELECT min(due_at) FROM notices WHERE receiver = ?1")?
        .query_row([receiver], |row| row.get(0))?;
    let Some(due) = due else { return Ok(None) };
    let barred = barred_until(db, receiver)?;
    if barred == Some(i64::MAX) {
        return Ok(None);
    }
    let wait = due.max(barred.unwrap_or(due)).saturating_sub(now).max(0);
    Ok(Some(Duration::from_millis(wait.cast_unsigned())))
}

fn standing(db: &Connection, receiver: &str, now: i64) -> Result<ReceiverState, StoreError> {
    let (waiting, oldest) = db
        .prepare_cached("SELECT count(*), min(at) FROM notices WHERE receiver = ?1")?
        .query_row([receiver], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Option<i64>>(1)?))
        })?;
    let mut find = db.prepare_cached(
        "SELECT closed_at, paused_until, failing_since, failed_at, failure FROM receivers WHERE name = ?1",
    )?;
    let mut rows = find.query([receiver])?;
    let mut state = ReceiverState {
        waiting: waiting.cast_unsigned(),
        oldest: oldest.map(from_millis),
        ..ReceiverState::default()
    };
    if let Some(row) = rows.next()? {
        let time = |at: usize| row.get::<_, Option<i64>>(at);
        state.closed_at = time(0)?.map(from_millis);
        state.paused_until = time(1)?.filter(|until| *until > now).map(from_millis);
        state.failing_since = time(2)?.map(from_millis);
        let failure: Option<String> = row.get(4)?;
        state.last_failure = time(3)?.map(from_millis).zip(failure);
    }
    Ok(state)
}

/// Deletes a piece of what has waited for as long as ended leads are kept. How many went.
pub fn sweep(desk: &mut Desk, kept: Duration) -> Result<usize, StoreError> {
    let before = desk.now().saturating_sub(millis(kept));
    let piece = i64::try_from(PIECE).unwrap_or(i64::MAX);
    Ok(desk
        .db
        .prepare_cached(
            "DELETE FROM notices WHERE seq IN (SELECT seq FROM notices ORDER BY seq LIMIT ?2) AND at <= ?1",
        )?
        .execute((before, piece))?)
}
