//! Walking through the leads, the newest first: each account keeps its own order, and the walk merges them by the
//! time of acceptance. So one cursor holds for all accounts, also when they lie on different nodes.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::future::try_join_all;

use super::Redis;
use super::accounts::Account;
use super::record;
use super::script::{Answer, LIST};
use crate::lead::LeadId;
use crate::queue::listing::LOOKED_AT;
use crate::queue::{Cursor, Filter, Page, StoreError, Stored};

/// Leads looked at in one script: few, because Redis does nothing else meanwhile.
const PIECE: usize = 100;

pub async fn list(
    redis: &Redis,
    filter: &Filter,
    after: Option<Cursor>,
    most: usize,
) -> Result<Page, StoreError> {
    let accounts = redis.server.listed().await?;
    let wanted = |account: &Arc<Account>| {
        let name = filter.account.as_ref();
        name.is_none_or(|name| *name == account.name)
    };
    let walks = accounts.into_iter().filter(wanted);
    let mut walks: Vec<Walk> = walks.map(|account| Walk::new(account, after)).collect();
    let person = filter.person.concat();
    let mut page = Page {
        leads: Vec::new(),
        next: None,
    };
    let (mut looked_at, mut last) = (0, after);
    loop {
        let fills = walks.iter_mut().map(|walk| walk.fill(redis, &person));
        try_join_all(fills).await?;
        let newest = walks
            .iter_mut()
            .max_by_key(|walk| walk.ahead.front().map(|seen| seen.at));
        let Some(seen) = newest.and_then(|walk| walk.ahead.pop_front()) else {
            return Ok(page);
        };
        if looked_at == LOOKED_AT || page.leads.len() == most.max(1) {
            page.next = last;
            return Ok(page);
        }
        looked_at += 1;
        last = Some(seen.at);
        let found = judge(seen.stands.as_ref(), filter);
        page.leads.extend(record::readable(seen.at.id, found)?);
    }
}

/// The lead that stands like this, if it is wanted.
fn judge(stands: Option<&Answer>, filter: &Filter) -> Result<Option<Stored>, StoreError> {
    let stored = stands.map(record::stored).transpose()?;
    Ok(stored.filter(|stored| filter.takes(stored)))
}

/// The walk through one account.
struct Walk {
    account: Arc<Account>,
    /// The last lead asked for.
    after: Option<Cursor>,
    /// Asked for and not yet looked at.
    ahead: VecDeque<Seen>,
    /// Redis has no more.
    is_over: bool,
}

struct Seen {
    at: Cursor,
    /// What `stands.lua` tells; nothing of a lead whose person is not wanted.
    stands: Option<Answer>,
}

impl Walk {
    fn new(account: Arc<Account>, after: Option<Cursor>) -> Self {
        Self {
            account,
            after,
            ahead: VecDeque::new(),
            is_over: false,
        }
    }

    /// Asks for more when everything asked for was looked at.
    async fn fill(&mut self, redis: &Redis, person: &[u8]) -> Result<(), StoreError> {
        if self.is_over || !self.ahead.is_empty() {
            return Ok(());
        }
        let after = self.after;
        let place = after.map_or("+inf".to_owned(), |cursor| cursor.place.to_string());
        let answer = redis
            .server
            .of_leads(&LIST, &self.account, |command| {
                command.arg(&place).arg(PIECE).arg(person);
            })
            .await?;
        let parts = answer.parts()?;
        self.is_over = parts.len() < PIECE;
        for part in parts {
            let at = Cursor {
                place: part.unsigned(0)?,
                id: LeadId::from_bytes(part.array(1)?),
            };
            // Redis begins with all leads of the last one's microsecond, in the falling order of their ids.
            if after.is_none_or(|after| at < after) {
                self.after = Some(at);
                let stands = part.part(2)?;
                self.ahead.push_back(Seen { at, stands });
            }
        }
        self.is_over |= self.ahead.is_empty();
        Ok(())
    }
}
