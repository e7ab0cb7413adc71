-- Writes a lead back, at the end of a claim (`fence`) or by an operator (`version`), with where it goes.
local id, by, number, body, step = ARGV[4], ARGV[5], tonumber(ARGV[6]), ARGV[7], ARGV[8]
local delay, lane, hold, spent_for, frees, erased =
  tonumber(ARGV[9]), tonumber(ARGV[10]), ARGV[11], tonumber(ARGV[12]), ARGV[13] == '1', ARGV[14] == '1'

local place = place_of(id)
if not place or place[by] ~= number then
  return { now, 0 }
end
-- A lease that ran out still settles while nobody else has claimed the lead: what is known of a request that was
-- sent must not get lost.
if by == 'fence' and not place.leased or by == 'version' and is_held(place) then
  return { now, 0 }
end
if hold == 'spent' then
  end_hold(id, place, spent_for)
elseif hold == 'free' then
  end_hold(id, place, nil)
end

local person, waited = digests(place.person), place.step
if waited then
  redis.call('ZREM', queue(waited, place.lane), id)
  count(place.lane, -1)
else
  redis.call('ZREM', ENDED, id)
end
place.lane, place.leased, place.intent, place.of = lane, nil, nil, nil
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
if erased then
  place.person = ''
end
keep_place(id, place)
redis.call('HSET', LEADS, id, body)

for _, digest in ipairs(person) do
  local claim = redis.call('HGET', PERSONS, digest)
  claim = claim and cmsgpack.unpack(claim)
  if frees then
    if claim and claim.lead == id then
      redis.call('HDEL', PERSONS, digest)
      redis.call('ZREM', LAPSES, 'p' .. digest)
    end
  elseif not waited and place.ends > now and not (claim and claim.ends > now) then
    -- An ended lead may have freed its person and is now brought back.
    redis.call('HSET', PERSONS, digest, cmsgpack.pack({ lead = id, ends = place.ends }))
    redis.call('ZADD', LAPSES, place.ends, 'p' .. digest)
  end
end
return { now, 1 }
