//! Events and hosts: open slots, the list, one in detail, the users.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::answer::{Answer, Refusal, Request};
use super::fields;
use super::listing::{Paging, holds};
use super::slots::on_clocks_of;
use super::state::{Event, Host, State};
use super::validate::{self as rule, Fields};

/// `POST /v1/events/eventDates`. Days come latest first: the vendor promises no order, so none may
/// be relied on.
pub(super) fn dates(state: &State, request: &Request, now: Timestamp) -> Result<Answer, Refusal> {
    let known = [
        "linkPrefix",
        "timeZone",
        "currentDate",
        "conditionalUsers",
        "routingGroupIds",
    ];
    let mut fields = Fields::of_body(&request.body, &known)?;
    let link = fields.required("linkPrefix", rule::filled);
    let zone = fields.optional("timeZone", rule::zone);
    let from = fields.optional("currentDate", rule::day);
    let only = fields.optional("conditionalUsers", rule::ids);
    fields.optional("routingGroupIds", rule::text);
    let link = fields.finish_with(link)?;

    let event = state.active_event(None, Some(&link))?;
    let zone = zone.map_or_else(|| event.hours.zone.clone(), |(_, zone)| zone);
    let is_free = |at| state.free_host(event, at, only.as_deref()).is_some();
    let grid = event.grid(now).into_iter().map(|at| (at, is_free(at)));
    let days = on_clocks_of(&zone, &grid.collect::<Vec<_>>(), from);
    let days: Map<String, Value> = days
        .into_iter()
        .rev()
        .map(|(day, times)| (day.to_string(), json!(times)))
        .collect();
    let hosts: Vec<i64> = event.seats(only.as_deref()).collect();
    let data = json!({ "availabilities": days, "appliedHostIds": hosts });
    Ok(Answer::new(200, json!({ "data": data })))
}

/// `GET /v1/events`.
pub(super) fn list(state: &State, request: &Request) -> Result<Answer, Refusal> {
    let known = [
        "limit",
        "page",
        "search",
        "userId",
        "eventType",
        "latestFirst",
        "sort",
        "showFeatureStatuses",
    ];
    let mut fields = Fields::of_query(&request.query, &known)?;
    let search = fields.optional("search", rule::text);
    let host = fields.optional("userId", rule::number);
    let kind = ["STRATEGY_EVENT", "DISCOVERY_EVENT"];
    let kind = fields.optional("eventType", rule::word(&kind));
    let is_latest_first = fields.optional("latestFirst", rule::word(&["true", "false"]));
    let sort = fields.optional("sort", rule::word(&["asc", "desc"]));
    fields.optional("showFeatureStatuses", rule::word(&["true", "false"]));
    let paging = Paging::of(&mut fields);
    fields.finish()?;

    let search = search.unwrap_or_default().to_lowercase();
    let is_wanted = |event: &&Event| {
        let text = format!("{}\n{}", event.name, event.link_prefix).to_lowercase();
        text.contains(&search)
            && host.is_none_or(|id| event.host_ids.contains(&id))
            && kind.as_deref() != Some("DISCOVERY_EVENT")
    };
    let mut found: Vec<&Event> = state.events.iter().filter(is_wanted).collect();
    if is_latest_first.as_deref() == Some("true") {
        found.reverse();
    }
    match sort.as_deref() {
        Some("asc") => found.sort_by(|a, b| a.name.cmp(&b.name)),
        Some(_) => found.sort_by(|a, b| b.name.cmp(&a.name)),
        None => {}
    }
    let page: Vec<Value> = paging.cut(&found).iter().copied().map(brief).collect();
    Ok(Answer::new(200, json!({ "data": page })))
}

fn brief(event: &Event) -> Value {
    json!({
        "id": event.id,
        "linkPrefix": event.link_prefix,
        "name": event.name,
        "eventType": "STRATEGY_EVENT",
        "status": if event.is_active { "ACTIVATED" } else { "DEACTIVATED" },
    })
}

/// `GET /v1/events/detail`. A deactivated event is shown, with its status.
pub(super) fn detail(state: &State, request: &Request) -> Result<Answer, Refusal> {
    let mut fields = Fields::of_query(&request.query, &["id", "linkPrefix"])?;
    let id = fields.optional("id", rule::number);
    let link = fields.optional("linkPrefix", rule::filled);
    fields.one_of(&["id", "linkPrefix"]);
    fields.finish()?;

    let event = state.event(id, link.as_deref())?;
    let hosts = event.host_ids.iter().filter_map(|id| state.host(*id));
    let hosts: Vec<Value> = hosts
        .map(|host| json!({ "userId": host.id, "timeZone": event.zone_name, "user": user(host) }))
        .collect();
    let mut data = brief(event);
    data["accountId"] = json!(31);
    data["userId"] = json!(event.host_ids.first());
    data["duration"] = json!(event.hours.slot_minutes);
    data["optimizationPriorities"] = json!(hosts);
    data["inviteeQuestions"] = json!(fields::questions(event));
    data["EventRules"] = json!([]);
    data["EventLogicGroup"] = json!([]);
    Ok(Answer::new(200, json!({ "data": data })))
}

/// `GET /v1/users`.
pub(super) fn users(state: &State, request: &Request) -> Result<Answer, Refusal> {
    let mut fields = Fields::of_query(&request.query, &["limit", "page", "search", "ids"])?;
    let search = fields.optional("search", rule::text);
    let ids = fields.optional("ids", rule::ids);
    let paging = Paging::of(&mut fields);
    fields.finish()?;

    let search = search.unwrap_or_default().to_lowercase();
    let is_wanted = |host: &&Host| {
        let text = format!("{} {}\n{}", host.first_name, host.last_name, host.email);
        holds(&ids, &host.id) && text.to_lowercase().contains(&search)
    };
    let found: Vec<&Host> = state.hosts.iter().filter(is_wanted).collect();
    let page: Vec<Value> = paging.cut(&found).iter().copied().map(user).collect();
    Ok(Answer::new(
        200,
        json!({ "data": { "users": page, "count": found.len() } }),
    ))
}

fn user(host: &Host) -> Value {
    json!({
        "id": host.id,
        "firstName": host.first_name,
        "lastName": host.last_name,
        "email": host.email,
    })
}
