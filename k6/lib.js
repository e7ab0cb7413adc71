// What the load scripts share: where they may go, who they pretend to be, what counts as good.
// They post invented leads, so they refuse every gateway that is not on this machine.
import http from 'k6/http';
import exec from 'k6/execution';

export const BASE_URL = loopback(__ENV.BASE_URL || 'http://127.0.0.1:8080');
export const SOURCE = named(__ENV.SOURCE || 'landing');
export const LEADS_URL = `${BASE_URL}/v1/sources/${SOURCE}/leads`;

function loopback(url) {
  if (!/^https?:\/\/(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d{1,5})?\/?$/.test(url)) {
    throw new Error(`BASE_URL must be a loopback address such as http://127.0.0.1:8080, not ${url}`);
  }
  return url.replace(/\/$/, '');
}

function named(source) {
  if (!/^[a-z0-9_-]{1,64}$/.test(source)) throw new Error(`SOURCE is not a source's name: ${source}`);
  return source;
}

/** A whole number from the environment, held inside bounds so that no run is endless. */
export function bounded(name, fallback, least, most) {
  const value = Number(__ENV[name] || fallback);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new Error(`${name} must be a whole number from ${least} to ${most}`);
  }
  return value;
}

/** A duration such as 90s, 2m or 1h from the environment, in seconds. */
export function boundedSeconds(name, fallback, most) {
  const [, count, unit] = /^(\d+)([smh])$/.exec(__ENV[name] || fallback) || [];
  const seconds = Number(count) * { s: 1, m: 60, h: 3600 }[unit];
  if (!(seconds >= 1 && seconds <= most)) throw new Error(`${name} must be a time from 1s to ${most}s, such as 2m`);
  return seconds;
}

// Different in every virtual user and every run, so that no run meets the people of the last one.
const run = `${Date.now().toString(36)}${Math.floor(Math.random() * 36 ** 4).toString(36)}`;
let made = 0;

/** A lead nobody has posted before. `script` goes into the address, to tell the runs apart. */
export function lead(script, fields = {}) {
  made += 1;
  return {
    name: `Load Tester ${made}`,
    email: `k6-${script}-${run}-${exec.vu.idInTest}-${made}@example.com`,
    timeZone: 'Europe/Oslo',
    slot: 'earliest',
    landingUrl: `https://acme.example/call?utm_source=k6&utm_campaign=${script}`,
    ...fields,
  };
}

/** Posts a lead. `prefer` is the Prefer header, `key` the Idempotency-Key. */
export function postLead(body, { prefer = 'respond-async', key, expected } = {}) {
  const headers = { 'Content-Type': 'application/json', Prefer: prefer };
  if (key) headers['Idempotency-Key'] = key;
  const params = { headers, tags: { name: 'POST lead' }, timeout: '40s' };
  if (expected) params.responseCallback = http.expectedStatuses(...expected);
  return http.post(LEADS_URL, JSON.stringify(body), params);
}

/** The parameters of a status request, all counted under one name. */
export const statusParams = (headers = {}) => ({ headers, tags: { name: 'GET lead' } });
export const statusUrl = leadId => `${BASE_URL}/v1/leads/${leadId}`;

/** The body as JSON, or an empty object where it is none: a check then fails instead of the script. */
export function json(answer) {
  try {
    return answer.json() || {};
  } catch (_) {
    return {};
  }
}

export const isLeadId = text => /^ld_[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(text);
export const isRefusal = answer => [429, 503].includes(answer.status) && /^\d+$/.test(answer.headers['Retry-After'] || '');

/** What every script asks for: no check may fail, and no answer may surprise. */
export const thresholds = {
  checks: ['rate==1'],
  http_req_failed: ['rate==0'],
};
