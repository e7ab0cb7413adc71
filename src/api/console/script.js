// The session, the pages' addresses, and keeping the page as fresh as the store.

import { lead, leads, overview } from "./views.js";
import { h, plain } from "./words.js";

const KEY = "leadgate.key";
const WHO = "leadgate.who";
const EVERY_MS = 2000;

const at = (id) => document.getElementById(id);
const view = at("view");
let open = false;
let drawing = 0;

class Refused extends Error {}

async function ask(path, options = {}) {
  const key = sessionStorage.getItem(KEY);
  const headers = { Authorization: `Bearer ${key}`, "X-Operator": sessionStorage.getItem(WHO) || "console" };
  if (options.body) headers["Content-Type"] = "application/json";
  const answer = await fetch(`/v1/admin/${path}`, { ...options, headers, cache: "no-store" });
  const body = await answer.json().catch(() => ({}));
  // One key's refusal may come when the next one has been typed.
  if (answer.status === 401 && key === sessionStorage.getItem(KEY)) leave("The key was not accepted.");
  if (!answer.ok) throw new Refused(body.detail ?? body.title ?? `answered ${answer.status}`);
  return body;
}

const post = (path, body) => ask(path, { method: "POST", body: body && JSON.stringify(body) });

let silence;
function say(text) {
  at("said").textContent = text;
  clearTimeout(silence);
  silence = setTimeout(() => { at("said").textContent = ""; }, 6000);
}

// Does what a button says, and shows what came of it.
async function act(words, doing) {
  try {
    await doing();
    say(words);
  } catch (error) {
    say(`Not done: ${error.message}`);
  }
  await draw();
}

function sure(what, why, yes) {
  at("sure-what").textContent = what;
  at("sure-why").textContent = why;
  at("sure-yes").textContent = yes;
  const dialog = at("sure");
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((tell) => dialog.addEventListener("close", () => tell(dialog.returnValue === "yes"), { once: true }));
}

const DOUBTS = {
  cancel: ["Cancel this lead?", "A call that is booked is called off at iClosed, and the person may book again.", "Cancel it"],
  erase: ["Erase this person?", "Every lead of this person loses all personal data, for good. A booked call stays at iClosed.", "Erase for good"],
  release: ["Release this lead?", "You have looked, and it may be booked.", "Release it"],
};

const acts = {
  async lead(one, what) {
    const path = `leads/${one.leadId}`;
    if (DOUBTS[what] && !(await sure(...DOUBTS[what]))) return;
    const words = { retry: "Retried: it is on its way again.", release: "Released.", cancel: "Cancelled, or about to be.", erase: "Erased." };
    await act(words[what], () => (what === "erase" ? post("erasures", { leadId: one.leadId }) : post(`${path}/${what}`, what === "cancel" ? {} : undefined)));
  },
  pause: (path, name) => act(`${name} is paused.`, () => post(`${path}/pause`)),
  resume: (path, name) => act(`${name} goes on.`, () => post(`${path}/resume`)),
  filter(name, value) {
    const { query } = here();
    query.delete("cursor");
    if (value) query.set(name, value);
    else query.delete(name);
    location.hash = `#/leads?${query}`;
  },
  page(cursor) {
    const { query } = here();
    if (cursor) query.set("cursor", cursor);
    else query.delete("cursor");
    return `#/leads?${query}`;
  },
};

function here() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { path: path.split("/").filter(Boolean), query: new URLSearchParams(query) };
}

// The receivers' part may be newer than the gateway behind a proxy: without it the page still stands.
const listed = (path) => ask(path).then((body) => body[path] ?? [], (error) => { if (error instanceof Refused) return []; throw error; });

async function page() {
  const { path, query } = here();
  if (path[0] === "leads" && path[1]) return lead(await ask(`leads/${encodeURIComponent(path[1])}`), open, acts);
  if (path[0] === "leads") {
    const [found, sources] = await Promise.all([ask(`leads?${query}`), listed("sources")]);
    return leads({ ...found, sources }, query, open, acts);
  }
  const [accounts, sources, receivers, parked] = await Promise.all(
    [listed("accounts"), listed("sources"), listed("receivers"), ask("leads?status=parked&limit=10")]);
  return overview({ accounts, sources, receivers, parked: parked.leads }, open, acts);
}

async function health() {
  const pill = at("health");
  try {
    const body = await (await fetch("/readyz", { cache: "no-store" })).json();
    const wrong = Object.entries(body.checks).filter(([, word]) => word !== "ok");
    pill.className = `pill ${wrong.length ? "bad" : "good"}`;
    pill.textContent = wrong.length ? `not ready: ${wrong.map(([name]) => plain(name)).join(", ")}` : "ready";
  } catch {
    pill.className = "pill bad";
    pill.textContent = "no answer";
  }
}

// Draws the page anew, and leaves the focus where it was.
async function draw() {
  if (!sessionStorage.getItem(KEY)) return;
  const turn = ++drawing;
  let inside;
  try {
    inside = await page();
  } catch (error) {
    inside = [h("p", { class: "note bad" }, error instanceof Refused ? error.message : "The gateway does not answer. Trying on.")];
  }
  if (turn !== drawing || !sessionStorage.getItem(KEY)) return;
  const focused = document.activeElement?.id;
  view.replaceChildren(...inside.filter(Boolean));
  if (focused && focused !== document.activeElement?.id) at(focused)?.focus({ preventScroll: true });
  const { path, query } = here();
  const current = path[0] !== "leads" ? "#/" : query.get("status") === "parked" ? "#/leads?status=parked" : "#/leads";
  for (const link of document.querySelectorAll("header nav a")) {
    if (link.getAttribute("href") === current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function enter() {
  const inside = Boolean(sessionStorage.getItem(KEY));
  document.querySelector("header").hidden = view.hidden = !inside;
  at("door").hidden = inside;
  if (inside) Promise.all([draw(), health()]);
  else at("enter").elements.key.focus();
}

function leave(why = "") {
  sessionStorage.removeItem(KEY);
  open = false;
  view.replaceChildren();
  at("refused").textContent = why;
  enter();
}

at("enter").addEventListener("submit", (event) => {
  event.preventDefault();
  const { key, who } = event.target.elements;
  sessionStorage.setItem(KEY, key.value.trim());
  sessionStorage.setItem(WHO, who.value.trim());
  key.value = "";
  at("refused").textContent = "";
  enter();
});

at("search").addEventListener("submit", (event) => {
  event.preventDefault();
  location.hash = `#/leads?${new URLSearchParams({ q: event.target.elements.q.value.trim() })}`;
});

at("reveal").addEventListener("click", (event) => {
  open = !open;
  event.target.setAttribute("aria-pressed", String(open));
  event.target.textContent = open ? "Hide contacts" : "Show contacts";
  draw();
});

at("leave").addEventListener("click", () => leave());
addEventListener("hashchange", () => {
  // Whoever was looked for is not left standing over other pages.
  at("search").elements.q.value = here().query.get("q") ?? "";
  view.focus({ preventScroll: true });
  scrollTo(0, 0);
  draw();
});
addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.target.closest("input, select, textarea, dialog")) return;
  event.preventDefault();
  at("search").elements.q.focus();
});

// A list being read or a choice being made is not pulled away.
const busy = () => document.hidden || at("sure").open || document.activeElement?.tagName === "SELECT" || String(getSelection()) !== "";
setInterval(() => { if (!busy()) Promise.all([draw(), health()]); }, EVERY_MS);
enter();
