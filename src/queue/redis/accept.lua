-- Keeps a lead or recognises it. What it costs does not depend on how many leads wait. KEYS: of the account's queues only
-- those of the first two steps, then the lead's own, then the lists of what lapses for the spans of its key and of its
-- person.
LAST = 18
local id, body, lane, step, key, digest, person = unpack(ARGV, 4, 10)
local window, claims, most, remembered, exact =
  tonumber(ARGV[11]), ARGV[12] == '1', tonumber(ARGV[13]), tonumber(ARGV[14]), tonumber(ARGV[15])
lane = tonumber(lane)

-- Writes down when `names`, 16 bytes each, lapse. What is remembered for one span of time lapses in the order it came,
-- so a list will do: unlike a sorted set, adding to it costs the same however long it is.
local function lapse(list, ends, names)
  if redis.call('RPUSH', list, cmsgpack.pack({ ends, names })) == 1 then
    redis.call('SADD', SPANS, list)
  end
end

if key ~= '' then
  local known = redis.call('HGET', REPEATS, key)
  known = known and cmsgpack.unpack(known)
  if known and known.ends > now then
    -- Where either side has no digest, the key alone decides.
    if digest ~= '' and known.body ~= '' and known.body ~= digest then
      return { now, 'reused' }
    end
    return { now, 'replayed', known.lead, known.receipt or '' }
  end
end

local all, bound = 0, 0
for rank, waiting in ipairs(redis.call('HMGET', COUNTS, 'waiting:0', 'waiting:1', 'waiting:2')) do
  waiting = tonumber(waiting or 0)
  all = all + waiting
  if rank - 1 <= lane then
    bound = bound + waiting
  end
end
if all >= most then
  return { now, 'full', all }
end

local list = digests(person)
local of = claimed_by_other(list, id)

local place = { lane = lane, due = now, fence = 0, version = 1, person = person, ends = now + window, of = of }
if of or not claims then
  place.freed = true
end
if step ~= '' and not of then
  place.step = step
end
if redis.call('HSETNX', PLACES, id, cmsgpack.pack(place)) == 0 then
  return redis.error_reply('KNOWN an id is kept once')
end
redis.call('HSET', LEADS, id, body)
redis.call('ZADD', ACCEPTED, now, id)

if key ~= '' then
  local ends = now + remembered
  redis.call('HSET', REPEATS, key, cmsgpack.pack({ body = digest, lead = id, ends = ends }))
  lapse(KEYS[LAST + 1], ends, key)
end
if claims and not of and #list > 0 then
  local claim, fields = cmsgpack.pack({ lead = id, ends = place.ends }), {}
  for _, one in ipairs(list) do
    fields[#fields + 1] = one
    fields[#fields + 1] = claim
  end
  redis.call('HSET', PERSONS, unpack(fields))
  lapse(KEYS[LAST + 2], place.ends, person)
end

announce(16, of and 'd' or 'k')
if of then
  redis.call('ZADD', ENDED, now, id)
  return { now, 'duplicate', of }
end
if not place.step then
  redis.call('ZADD', ENDED, now, id)
  return { now, 'kept', 0 }
end
-- Beyond `exact` the counters bound the position, so that a long queue costs no time.
local ahead = bound
if bound > 0 and bound <= exact then
  ahead = math.min(bound, go_before(lane, now))
end
local waiting = KEYS[LAST]
redis.call('ZADD', waiting, now, id)
count(lane, 1)
-- Whoever was told of one that is due works on until none is, so of those that come after it nobody needs to be told.
if redis.call('ZRANGE', waiting, 0, 0)[1] == id then
  tell('w')
end
return { now, 'kept', ahead }
