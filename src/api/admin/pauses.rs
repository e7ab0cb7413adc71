//! Accounts and sources as the operator sees them, and their pauses.

use std::collections::HashMap;

use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use serde::Serialize;

use super::act;
use super::leads::told;
use crate::api::Gateway;
use crate::api::problem::{Code, Problem};
use crate::booking::budget_names;
use crate::lead::Lane;
use crate::queue::switches::{of_account, of_source};
use crate::queue::{Backlog, Budget, Switch};
use crate::settings::Source;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Accounts {
    accounts: Vec<AccountRecord>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountRecord {
    account: String,
    paused: Option<Paused>,
    waiting: Waiting,
    budgets: Vec<BudgetRecord>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Sources<'a> {
    sources: Vec<SourceRecord<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SourceRecord<'a> {
    source: &'a str,
    kind: &'static str,
    account: &'a str,
    paused: Option<Paused>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Paused {
    since: Timestamp,
    by: String,
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Waiting {
    interactive: u64,
    normal: u64,
    bulk: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BudgetRecord {
    endpoint: &'static str,
    limit: u32,
    window_seconds: u64,
    open: u32,
    closed_until: Option<Timestamp>,
}

impl Paused {
    fn of(switch: Switch) -> Self {
        Self {
            since: switch.at,
            by: switch.by,
        }
    }
}

impl Waiting {
    fn of(account: &str, backlog: &[Backlog]) -> Self {
        let mut waiting = Self::default();
        for part in backlog.iter().filter(|part| part.account == account) {
            match part.lane {
                Lane::Interactive => waiting.interactive += part.waiting,
                Lane::Normal => waiting.normal += part.waiting,
                Lane::Bulk => waiting.bulk += part.waiting,
            }
        }
        waiting
    }
}

/// `GET /v1/admin/accounts`
pub async fn accounts(gateway: Data<Gateway>) -> Result<HttpResponse, Problem> {
    let backlog = gateway.store.backlog().await?;
    let names = gateway.settings.accounts.keys();
    let accounts = names.map(|name| account(&gateway, name, &backlog));
    Ok(told(&Accounts {
        accounts: try_join_all(accounts).await?,
    }))
}

/// `GET /v1/admin/sources`
pub async fn sources(gateway: Data<Gateway>) -> Result<HttpResponse, Problem> {
    let sources = gateway.settings.sources.values();
    Ok(told(&Sources {
        sources: sources.map(|one| source(&gateway, one)).collect(),
    }))
}

/// `POST /v1/admin/accounts/{account}/pause`
pub async fn pause_account(
    gateway: Data<Gateway>,
    request: HttpRequest,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    turn_account(&gateway, &request, &name, true).await
}

/// `POST /v1/admin/accounts/{account}/resume`
pub async fn resume_account(
    gateway: Data<Gateway>,
    request: HttpRequest,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    turn_account(&gateway, &request, &name, false).await
}

/// `POST /v1/admin/sources/{source}/pause`
pub async fn pause_source(
    gateway: Data<Gateway>,
    request: HttpRequest,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    turn_source(&gateway, &request, &name, true).await
}

/// `POST /v1/admin/sources/{source}/resume`
pub async fn resume_source(
    gateway: Data<Gateway>,
    request: HttpRequest,
    name: Path<String>,
) -> Result<HttpResponse, Problem> {
    turn_source(&gateway, &request, &name, false).await
}

async fn turn_account(
    gateway: &Gateway,
    request: &HttpRequest,
    name: &str,
    on: bool,
) -> Result<HttpResponse, Problem> {
    let by = act::operator(request)?;
    let name = name.to_ascii_lowercase();
    if !gateway.settings.accounts.contains_key(&name) {
        let detail = "no account in the settings has this name";
        return Err(Problem::new(Code::UnknownAccount, detail));
    }
    let switch = of_account(&name);
    gateway.switches.turn(&switch, on.then_some(&by)).await?;
    tell(&by, on, &switch);
    let backlog = gateway.store.backlog().await?;
    Ok(told(&account(gateway, &name, &backlog).await?))
}

async fn turn_source(
    gateway: &Gateway,
    request: &HttpRequest,
    name: &str,
    on: bool,
) -> Result<HttpResponse, Problem> {
    let by = act::operator(request)?;
    let named = gateway.settings.sources.get(&name.to_ascii_lowercase());
    let named =
        named.ok_or_else(|| Problem::new(Code::UnknownSource, "no source has this name"))?;
    let switch = of_source(&named.name);
    gateway.switches.turn(&switch, on.then_some(&by)).await?;
    tell(&by, on, &switch);
    Ok(told(&source(gateway, named)))
}

fn tell(by: &str, on: bool, what: &str) {
    let act = if on { "pause" } else { "resume" };
    tracing::info!(operator = by, act, what, "the operator paused or resumed");
}

async fn account(
    gateway: &Gateway,
    name: &str,
    backlog: &[Backlog],
) -> Result<AccountRecord, Problem> {
    let limits: &HashMap<_, _> = &gateway.limits;
    let limit = limits.get(name).copied();
    let budgets = budget_names().map(async |endpoint| {
        let used = gateway
            .store
            .usage(Budget {
                account: name,
                endpoint,
            })
            .await?;
        let allowed = limit.map_or(0, |limit| limit.requests);
        Ok::<_, Problem>(BudgetRecord {
            endpoint,
            limit: used.lower.map_or(allowed, |lower| lower.min(allowed)),
            window_seconds: limit.map_or(0, |limit| limit.window.as_secs()),
            open: used.open,
            closed_until: used.closed_until,
        })
    });
    Ok(AccountRecord {
        account: name.to_owned(),
        paused: gateway.switches.account(name).map(Paused::of),
        waiting: Waiting::of(name, backlog),
        budgets: try_join_all(budgets).await?,
    })
}

fn source<'a>(gateway: &Gateway, source: &'a Source) -> SourceRecord<'a> {
    SourceRecord {
        source: &source.name,
        kind: source.kind.name(),
        account: &source.account,
        paused: gateway.switches.source(&source.name).map(Paused::of),
    }
}
