// An ordinary day, in small: leads come at a steady rate, and some visitors look at their status.
//   k6 run k6/soak.js             RATE=5 leads a second, DURATION=2m, P99_MS=250
import http from 'k6/http';
import { check } from 'k6';
import { Counter } from 'k6/metrics';
import { bounded, boundedSeconds, isLeadId, isRefusal, json, lead, postLead, statusParams, statusUrl, thresholds } from './lib.js';

const RATE = bounded('RATE', 5, 1, 200);
const SECONDS = boundedSeconds('DURATION', '2m', 3600);
const P99_MS = bounded('P99_MS', 250, 1, 60000);
const LOOKS_ONE_IN = 5;

const acknowledged = new Counter('acknowledged');
const serverErrors = new Counter('server_errors');

export const options = {
  scenarios: {
    soak: { executor: 'constant-arrival-rate', rate: RATE, timeUnit: '1s', duration: `${SECONDS}s`, preAllocatedVUs: 20, maxVUs: 100 },
  },
  summaryTrendStats: ['med', 'p(95)', 'p(99)', 'max'],
  thresholds: {
    ...thresholds,
    'http_req_duration{name:POST lead}': [`p(99)<${P99_MS}`],
    'http_req_duration{name:GET lead}': [`p(99)<${P99_MS}`],
    server_errors: ['count==0'],
    acknowledged: ['count>0'],
  },
};

http.setResponseCallback(http.expectedStatuses(200, 202, 429));

export default function () {
  const answer = postLead(lead('soak'));
  serverErrors.add(answer.status >= 500 ? 1 : 0);
  const { leadId } = json(answer);
  const taken = answer.status === 202 && isLeadId(leadId);
  acknowledged.add(taken ? 1 : 0);
  check(answer, { 'acknowledged, or told to slow down': () => taken || (answer.status === 429 && isRefusal(answer)) });
  if (!taken || Math.random() >= 1 / LOOKS_ONE_IN) return;

  const status = http.get(statusUrl(leadId), statusParams());
  serverErrors.add(status.status >= 500 ? 1 : 0);
  check(status, { 'its status is readable': r => (r.status === 200 && json(r).leadId === leadId) || (r.status === 429 && isRefusal(r)) });
}
