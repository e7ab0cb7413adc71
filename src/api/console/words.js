// Making elements, and saying times and contacts. Knows no server.

// An element. Text only ever becomes text: nothing a lead sent is read as markup.
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "onclick" || name === "onchange" || name === "onsubmit") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

const SPANS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });

export function when(text) {
  if (!text) return "";
  const at = new Date(text);
  const seconds = (at - Date.now()) / 1000;
  const [unit, length] = SPANS.find(([, length]) => Math.abs(seconds) >= length) ?? SPANS.at(-1);
  const words = relative.format(Math.round(seconds / length), unit);
  return h("time", { datetime: text, title: at.toLocaleString() }, words);
}

export function exactly(text) {
  return text ? h("time", { datetime: text, title: text }, new Date(text).toLocaleString()) : "";
}

export const plain = (word) => String(word ?? "").replaceAll("_", " ");

const TONES = {
  booked: "good", parked: "bad", needs_time: "warn", reconciling: "warn", cancelled: "soft", duplicate: "soft",
  disqualified: "soft", erased: "soft",
};

export function pill(status) {
  return h("span", { class: `pill ${TONES[status] ?? ""}` }, plain(status));
}

const hidden = (text, kept) => text.slice(0, kept) + "•".repeat(Math.min(6, Math.max(2, text.length - kept)));

export function masked(text) {
  if (!text) return "";
  const at = text.lastIndexOf("@");
  if (at > 0) return `${hidden(text.slice(0, at), 1)}@${hidden(text.slice(at + 1), 1)}`;
  if (text.startsWith("+")) return hidden(text, 3);
  return text.split(/\s+/).map((word) => `${[...word][0]}.`).join(" ");
}

export function nameOf(contact) {
  return contact.name ?? ([contact.firstName, contact.lastName].filter(Boolean).join(" ") || null);
}
