// Does it work at all? One visitor walks through the whole contract once, in a few seconds.
//   k6 run k6/smoke.js
import http from 'k6/http';
import { check, group } from 'k6';
import { BASE_URL, LEADS_URL, SOURCE, isLeadId, json, lead, postLead, statusParams, statusUrl, thresholds } from './lib.js';

export const options = {
  scenarios: { smoke: { executor: 'shared-iterations', vus: 1, iterations: 1, maxDuration: '60s' } },
  thresholds,
};

const expect = (...statuses) => ({ responseCallback: http.expectedStatuses(...statuses) });
const isProblem = (answer, status, code) => answer.status === status
  && (answer.headers['Content-Type'] || '').startsWith('application/problem+json')
  && json(answer).code === code && json(answer).status === status;

export default function () {
  group('running', () => {
    check(http.get(`${BASE_URL}/livez`), { 'livez is ok': r => r.status === 200 && json(r).status === 'ok' });
    check(http.get(`${BASE_URL}/readyz`), { 'readyz is ready': r => r.status === 200 && json(r).status === 'ready' });
    check(http.get(`${BASE_URL}/openapi.yaml`), { 'the contract is served': r => r.status === 200 && r.body.startsWith('openapi: 3.1') });
  });

  group('slots', () => {
    check(http.get(`${BASE_URL}/v1/sources/${SOURCE}/slots?timeZone=Europe/Oslo`), {
      'free times are listed': r => r.status === 200 && json(r).slots.length > 0,
      'in UTC and in the asked zone': r => json(r).slots.every(slot => slot.dateTime.endsWith('Z') && /\+0[12]:00$/.test(slot.local)
        && Date.parse(slot.dateTime) === Date.parse(slot.local)),
    });
    check(http.get(`${BASE_URL}/v1/sources/${SOURCE}/slots?days=0`, expect(400)), { 'no days are no query': r => isProblem(r, 400, 'bad_query') });
  });

  group('a lead is booked while we wait', () => {
    const body = lead('smoke', { answers: { goal: 'See whether it works' } });
    const first = postLead(body, { prefer: 'wait=10', key: body.email });
    const { leadId, booking } = json(first);
    check(first, {
      'it is booked': r => r.status === 201 && json(r).status === 'booked',
      'the wait is confirmed': r => r.headers['Preference-Applied'] === 'wait=10',
      'it has an id': () => isLeadId(leadId),
      'Location leads to it': r => (r.headers.Location || '').endsWith(`/v1/leads/${leadId}`),
      'the call has an id and a time': () => /^\d+$/.test((booking || {}).eventCallId) && Date.parse(booking.startTime) > Date.now(),
    });
    check(postLead(body, { prefer: 'wait=10', key: body.email }), {
      'the same key gives the same lead': r => r.status < 300 && json(r).leadId === leadId && r.headers['Idempotency-Replayed'] === 'true',
    });

    const status = http.get(statusUrl(leadId), statusParams());
    check(status, {
      'its status is readable': r => r.status === 200 && json(r).leadId === leadId && json(r).status === 'booked',
      'and nobody else may keep it': r => r.headers['Cache-Control'] === 'no-store',
    });
    const tag = status.headers.Etag || '';
    check(http.get(statusUrl(leadId), statusParams({ 'If-None-Match': tag })), {
      'an unchanged status is not sent again': r => tag !== '' && r.status === 304,
    });
  });

  group('the receipt comes at once', () => {
    check(postLead(lead('smoke')), {
      'it is taken': r => r.status === 202 && isLeadId(json(r).leadId),
      'the preference is confirmed': r => r.headers['Preference-Applied'] === 'respond-async',
    });
  });

  group('what cannot be taken is refused', () => {
    check(postLead(lead('smoke', { email: 'nobody', dateTime: 'next week' }), { expected: [422] }), {
      'both faults are named': r => isProblem(r, 422, 'validation_failed')
        && ['/email', '/dateTime'].every(pointer => json(r).errors.some(fault => fault.pointer === pointer)),
      'with a request id': r => json(r).requestId !== '' && r.headers['X-Request-Id'] === json(r).requestId,
    });
    check(postLead({ name: 'No Contact' }, { expected: [422] }), {
      'a lead without a contact': r => isProblem(r, 422, 'validation_failed') && json(r).errors[0].code === 'one_of_required',
    });
    check(http.post(LEADS_URL, '{"email":', { headers: { 'Content-Type': 'application/json' }, ...expect(400) }), {
      'half a body': r => isProblem(r, 400, 'unreadable_body'),
    });
    check(http.get(LEADS_URL, expect(405)), {
      'a lead asked for': r => isProblem(r, 405, 'method_not_allowed') && (r.headers.Allow || '').includes('POST'),
    });
    check(http.get(statusUrl('ld_00000000000000000000000000'), { ...statusParams(), ...expect(404) }), {
      'a lead that is none': r => isProblem(r, 404, 'unknown_lead'),
    });
  });
}
