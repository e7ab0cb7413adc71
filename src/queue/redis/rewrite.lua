-- Writes a lead back, at the end of a claim (`fence`) or by an operator (`version`), with where it goes. With
-- `window`, which may be '', the lead is of `person` from now on.
local id, by, number, body, step = ARGV[4], ARGV[5], tonumber(ARGV[6]), ARGV[7], ARGV[8]
local delay, lane, hold, spent_for, frees, erased =
  tonumber(ARGV[9]), tonumber(ARGV[10]), ARGV[11], tonumber(ARGV[12]), ARGV[13] == '1', ARGV[14] == '1'
local person, window = ARGV[15], tonumber(ARGV[16])
local call = ARGV[17]

local place = place_of(id)
if not place or place[by] ~= number then
  return { now, 0 }
end
-- A lease that ran out still settles while nobody else has claimed the lead: what is known of a request that was
-- sent must not get lost.
if by == 'fence' and not place.leased or by == 'version' and is_held(place) then
  return { now, 0 }
end
-- What an erased lead claims stays claimed, and what it does not claim it never claims again.
local is_revived = by == 'version' and place.freed and not frees and not erased
local of = nil
if window then
  of = claimed_by_other(digests(person), id)
elseif is_revived then
  local other = claimed_by_other(digests(place.person), id)
  if other then
    return { now, 2, other }
  end
end
if of then
  step, frees = '', true
end

if hold == 'spent' then
  end_hold(id, place, spent_for)
elseif hold == 'free' then
  end_hold(id, place, nil)
end

if place.step then
  redis.call('ZREM', queue(place.step, place.lane), id)
  count(place.lane, -1)
else
  redis.call('ZREM', ENDED, id)
end
place.lane, place.leased, place.intent, place.of, place.freed = lane, nil, nil, of, frees or nil
if step ~= '' then
  place.step, place.due = step, math.min(now + delay, HELD - 1)
  redis.call('ZADD', queue(step, lane), place.due, id)
  count(lane, 1)
  tell(id .. 'w')
else
  place.step, place.due = nil, now
  redis.call('ZADD', ENDED, now, id)
  tell(id)
end
if frees or window then
  for _, digest in ipairs(digests(place.person)) do
    local claim = redis.call('HGET', PERSONS, digest)
    if claim and cmsgpack.unpack(claim).lead == id then
      redis.call('HDEL', PERSONS, digest)
      redis.call('ZREM', LAPSES, 'p' .. digest)
    end
  end
end
if window then
  place.person, place.ends = person, now + window
elseif erased then
  place.person = ''
end
if (place.call or '') ~= call then
  if place.call and redis.call('HGET', CALLS, place.call) == id then
    redis.call('HDEL', CALLS, place.call)
  end
  place.call = call ~= '' and call or nil
  if place.call then
    redis.call('HSET', CALLS, call, id)
  end
end
keep_place(id, place)
redis.call('HSET', LEADS, id, body)
announce(18, (#ARGV - 17) / 7, of and 'd' or 'k')
if (window or is_revived) and not frees and place.ends > now then
  claim_person(place.person, id, place.ends)
end
return { now, 1, of or '' }
