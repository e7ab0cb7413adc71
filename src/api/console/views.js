// What each page looks like. Given data and what the buttons do; fetches nothing.

import { exactly, h, masked, nameOf, pill, plain, when } from "./words.js";

const LANES = ["interactive", "normal", "bulk"];

const shown = (text, open) => (open ? text : masked(text));

function button(id, words, act, properties = {}) {
  return h("button", { id, type: "button", onclick: act, ...properties }, words);
}

function pausing(kind, name, paused, acts) {
  const path = `${kind}/${encodeURIComponent(name)}`;
  return paused
    ? button(`resume-${kind}-${name}`, "Resume", () => acts.resume(path, name), { class: "main", "aria-label": `Resume ${name}` })
    : button(`pause-${kind}-${name}`, "Pause", () => acts.pause(path, name), { "aria-label": `Pause ${name}` });
}

const pausedNote = (one) =>
  one.paused && h("p", { class: "note warn" }, "Paused ", when(one.paused.since), ` by ${one.paused.by}. Leads are taken and wait.`);

// Those every booking needs are always shown, the others while they are in use.
const ALWAYS = ["POST /v1/events/eventDates", "POST /v1/eventCalls"];
const isShown = ({ endpoint, open, closedUntil }) => ALWAYS.includes(endpoint) || open > 0 || closedUntil;

function budget({ endpoint, limit, open, closedUntil, windowSeconds }) {
  const full = open >= limit;
  return h("div", { class: "budget" },
    h("span", {}, endpoint),
    h("span", { class: full ? "warn" : "soft" }, closedUntil ? ["closed until ", exactly(closedUntil)] : `${open} of ${limit} in ${windowSeconds} s`),
    h("meter", { min: 0, max: limit, value: open, high: Math.max(1, limit - 1), "aria-label": `${endpoint}: ${open} of ${limit} permits in use` }));
}

function account(one, acts) {
  const lanes = LANES.map((lane) => h("div", {}, h("span", { class: "big" }, String(one.waiting[lane] ?? 0)), h("span", { class: "soft" }, lane)));
  return h("section", { class: "card", "aria-label": `Account ${one.account}` },
    h("div", { class: "row" }, h("h2", {}, one.account), h("span", { class: "end" }, pausing("accounts", one.account, one.paused, acts))),
    pausedNote(one),
    h("p", { class: "soft" }, "Leads waiting"),
    h("div", { class: "lanes" }, lanes),
    h("p", { class: "soft" }, "Requests in the current window"),
    one.budgets.filter(isShown).map(budget));
}

function table(heads, rows, empty) {
  if (!rows.length) return h("p", { class: "soft" }, empty);
  return h("table", { class: "cards" },
    h("thead", {}, h("tr", {}, heads.map((head) => h("th", { scope: "col" }, head)))),
    h("tbody", {}, rows));
}

function sources(list, acts) {
  const rows = list.map((one) => h("tr", {},
    h("td", {}, h("a", { href: `#/leads?source=${encodeURIComponent(one.source)}` }, one.source)),
    h("td", {}, plain(one.kind)),
    h("td", {}, one.account),
    h("td", {}, one.paused ? h("span", { class: "warn" }, "paused ", when(one.paused.since), ` by ${one.paused.by}`) : h("span", { class: "good" }, "open")),
    h("td", { class: "act" }, pausing("sources", one.source, one.paused, acts))));
  return h("section", { class: "card" }, h("h2", {}, "Sources"), table(["Source", "Kind", "Account", "State", ""], rows, "No source is set."));
}

const RECEIVER_TONES = { open: "good", ended: "bad" };

function receivers(list, acts) {
  const rows = list.map((one) => h("tr", {},
    h("td", {}, one.name), h("td", {}, one.host ?? ""),
    h("td", {}, h("span", { class: RECEIVER_TONES[one.state] ?? "warn" }, plain(one.state))),
    h("td", {}, `${one.waiting} waiting`, one.oldestAgeSeconds ? `, the oldest for ${one.oldestAgeSeconds} s` : "", one.lastError ? h("div", { class: "soft" }, `${plain(one.lastError.code)} `, when(one.lastError.at)) : null),
    h("td", { class: "act" }, one.state !== "ended" ? null : button(`resume-receiver-${one.name}`, "Resume", () => acts.resume(`receivers/${encodeURIComponent(one.name)}`, one.name)))));
  return list.length > 0 && h("section", { class: "card" }, h("h2", {}, "Receivers"), table(["Receiver", "Host", "State", "Events", ""], rows, ""));
}

function leadRow(lead, open, acts) {
  const { contact, reason } = lead;
  const who = shown(nameOf(contact), open) || shown(contact.email ?? contact.phoneNumber, open) || "nobody named";
  return h("tr", {},
    h("td", {}, h("a", { href: `#/leads/${lead.leadId}` }, who), h("div", { class: "soft" }, shown(contact.email ?? contact.phoneNumber, open))),
    h("td", {}, pill(lead.status), lead.test ? h("span", { class: "soft" }, " test") : null),
    h("td", {}, reason ? [h("strong", {}, plain(reason.code)), h("div", { class: "soft" }, reason.detail)] : lead.booking ? exactly(lead.booking.startTime) : ""),
    h("td", {}, lead.source, h("div", { class: "soft" }, when(lead.receivedAt))),
    h("td", { class: "act" }, lead.status === "parked" ? retry(lead, acts) : null));
}

function retry(lead, acts) {
  const doubt = ["suspected_spam", "outcome_unknown"].includes(lead.reason?.code);
  return button(`retry-${lead.leadId}`, "Retry", () => acts.lead(lead, "retry"), { class: doubt ? null : "main", "aria-label": `Retry lead ${lead.leadId}` });
}

function leadTable(leads, open, acts, empty) {
  return table(["Lead", "Status", "Why or when", "Source", ""], leads.map((lead) => leadRow(lead, open, acts)), empty);
}

export function overview(data, open, acts) {
  const parked = data.parked;
  return [
    h("h1", {}, "Overview"),
    h("section", { class: "card" },
      h("div", { class: "row" }, h("h2", {}, "Needs a person"), h("a", { class: "end", href: "#/leads?status=parked" }, "All parked leads")),
      leadTable(parked, open, acts, "Nothing is parked. Every lead is on its way or at its end.")),
    h("div", { class: "grid" }, data.accounts.map((one) => account(one, acts))),
    h("p", {}),
    sources(data.sources, acts),
    receivers(data.receivers, acts),
  ];
}

const STATUSES = ["queued", "booking", "reconciling", "booked", "needs_time", "parked", "duplicate", "disqualified", "cancelled", "erased"];

export function leads(data, query, open, acts) {
  const choice = (name, words, options) =>
    h("select", { id: `filter-${name}`, "aria-label": words, onchange: (event) => acts.filter(name, event.target.value) },
      h("option", { value: "" }, words),
      options.map((option) => h("option", { value: option, selected: query.get(name) === option }, plain(option))));
  const filters = h("form", { class: "filters", onsubmit: (event) => event.preventDefault() },
    choice("status", "any status", STATUSES),
    choice("source", "any source", data.sources.map((one) => one.source)),
    query.get("q") ? button("clear-q", "Clear the search", () => acts.filter("q", "")) : null);
  return [
    h("h1", {}, query.get("q") ? "Found" : "Leads"), filters,
    h("section", { class: "card" }, leadTable(data.leads, open, acts, "No lead is like this.")),
    h("p", { class: "row" },
      query.get("cursor") ? h("a", { href: acts.page(null) }, "Newest") : null,
      data.cursor ? h("a", { class: "end", href: acts.page(data.cursor) }, "Older") : null),
  ];
}

const pairs = (list) => h("dl", {}, list.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));

const card = (title, ...inside) => h("section", { class: "card" }, h("h2", {}, title), inside);

function acting(lead, acts) {
  const act = (name, words, properties) => button(`act-${name}`, words, () => acts.lead(lead, name), properties);
  const { status, reason } = lead;
  const parked = status === "parked";
  const doubted = ["suspected_spam", "outcome_unknown"].includes(reason?.code);
  return h("p", { class: "row" },
    parked || status === "needs_time" ? act("retry", "Retry", { class: doubted ? null : "main" }) : null,
    (parked && doubted) || ["disqualified", "duplicate"].includes(status) ? act("release", "Release", { class: doubted ? "main" : null }) : null,
    ["queued", "parked", "needs_time", "booked"].includes(status) ? act("cancel", status === "booked" ? "Cancel the call" : "Cancel", { class: "danger" }) : null,
    status === "erased" ? null : act("erase", "Erase the person", { class: "danger" }));
}

export function lead(data, open, acts) {
  const { contact, booking, reason, waits } = data;
  const mask = (text) => shown(text, open);
  return [
    h("h1", {}, mask(nameOf(contact)) || mask(contact.email ?? contact.phoneNumber) || "A lead"),
    h("p", { class: "row" }, pill(data.status), h("span", { class: "id" }, data.leadId), h("span", { class: "soft" }, "received ", when(data.receivedAt))),
    reason ? h("div", { class: "note" }, h("strong", {}, plain(reason.code)), h("div", {}, reason.detail), h("div", {}, "Next: ", reason.nextStep)) : null,
    acting(data, acts),
    h("div", { class: "grid" },
      card("Contact", pairs([
        ["Name", mask(nameOf(contact))], ["Email", mask(contact.email)], ["Phone", mask(contact.phoneNumber)],
        ["Company", open ? contact.company : null], ["Place", open ? [contact.city, contact.region, contact.country].filter(Boolean).join(", ") : contact.country],
        ["Time zone", contact.timeZone]]), open ? null : h("p", { class: "soft" }, "Hidden until you choose Show contacts.")),
      card("Booking", booking
        ? pairs([["Starts", exactly(booking.startTime)], ["Ends", exactly(booking.endTime)], ["With", booking.closerName], ["Call", booking.eventCallId]])
        : h("p", { class: "soft" }, "No call."),
      pairs([["Event", data.linkPrefix], ["Account", data.account], ["Source", data.source], ["Lane", data.lane], ["Tries", String(data.attempts)],
        ["Waits for", waits ? [plain(waits.step), ", due ", when(waits.dueAt)] : null],
        ["Repeats", data.duplicateOf ? h("a", { href: `#/leads/${data.duplicateOf}` }, data.duplicateOf) : null]]))),
    h("p", {}),
    card("History", h("ol", { class: "timeline" }, data.timeline.map((event) => h("li", {},
      h("strong", {}, `${plain(event.step)}: ${plain(event.outcome)}`), " ", h("span", { class: "soft" }, when(event.at)),
      event.detail ? h("div", {}, event.detail) : null)))),
    data.answers.length && open ? card("Answers", pairs(data.answers.map(({ question, values }) => [question, values.join(", ")]))) : null,
    open ? card("As delivered", h("pre", {}, data.raw ?? "")) : null,
  ];
}
