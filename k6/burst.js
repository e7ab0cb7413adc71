// A campaign goes out: 64 visitors post as fast as they can for 20 s. Every post is acknowledged or refused with a
// time to come back, never anything else; and afterwards each acknowledged lead is still there.
//   k6 run k6/burst.js            LEADS=20000 and P99_MS=500 bound the count and the patience
import http from 'k6/http';
import { check, sleep } from 'k6';
import { Counter } from 'k6/metrics';
import { bounded, isLeadId, isRefusal, json, lead, postLead, statusParams, statusUrl, thresholds } from './lib.js';

const VISITORS = 64;
const BATCH = 20;
const LEADS = bounded('LEADS', 20000, 1, 200000);
const P99_MS = bounded('P99_MS', 500, 1, 60000);

const acknowledged = new Counter('acknowledged');
const refused = new Counter('refused');
const readable = new Counter('readable');
// Up by one for each acknowledgement, down by one when that lead's status was read: thresholds cannot compare counters.
const missing = new Counter('missing');

export const options = {
  scenarios: {
    post: { executor: 'shared-iterations', exec: 'post', vus: VISITORS, iterations: LEADS, maxDuration: '20s', gracefulStop: '10s' },
    // Starts when every visitor of `post` has stopped, so that each one finds the ids it noted.
    read: { executor: 'per-vu-iterations', exec: 'read', vus: VISITORS, iterations: 1, startTime: '31s', maxDuration: '120s' },
  },
  summaryTrendStats: ['med', 'p(95)', 'p(99)', 'max'],
  thresholds: {
    ...thresholds,
    'http_req_duration{name:POST lead}': [`p(99)<${P99_MS}`],
    acknowledged: ['count>0'],
    missing: ['count==0'],
  },
};

http.setResponseCallback(http.expectedStatuses(200, 202, 429, 503));

// The acknowledged ids of one visitor: each has its own copy of this script.
const mine = [];

export function post() {
  const answer = postLead(lead('burst'));
  const taken = answer.status === 202 && isLeadId(json(answer).leadId);
  if (taken) {
    mine.push(json(answer).leadId);
    acknowledged.add(1);
    missing.add(1);
  } else {
    refused.add(1);
  }
  check(answer, { 'acknowledged, or refused with Retry-After': () => taken || isRefusal(answer) });
}

export function read() {
  for (let from = 0; from < mine.length; from += BATCH) {
    let open = mine.slice(from, from + BATCH);
    for (let attempt = 1; open.length && attempt <= 30; attempt++) {
      const answers = http.batch(open.map(leadId => ['GET', statusUrl(leadId), null, statusParams()]));
      const busy = answers.filter(isRefusal);
      open = open.filter((leadId, i) => {
        if (busy.includes(answers[i])) return true;
        if (answers[i].status === 200 && json(answers[i]).leadId === leadId) {
          readable.add(1);
          missing.add(-1);
        }
        return false;
      });
      if (busy.length) sleep(Math.min(Number(busy[0].headers['Retry-After']), 5));
    }
  }
}

export function handleSummary({ metrics }) {
  const count = name => (metrics[name] ? metrics[name].values.count : 0);
  const p99 = metrics['http_req_duration{name:POST lead}'].values['p(99)'];
  const broken = Object.entries(metrics).filter(([, m]) => Object.values(m.thresholds || {}).some(t => !t.ok)).map(([name]) => name);
  return {
    stdout: `acknowledged ${count('acknowledged')}, refused ${count('refused')}, readable afterwards ${count('readable')}, `
      + `p99 ${p99.toFixed(1)} ms\n${broken.length ? `BROKEN: ${broken.join(', ')}` : 'all thresholds kept'}\n`,
  };
}
