-- Keeps leads or recognises them. What it costs does not depend on how many leads wait. KEYS: of the account's queues only
-- those of the first two steps, then the leads' own, then the lists of what lapses for the spans of their keys and of
-- their persons. ARGV: what the leads have in common, and for each of them eight and its notices.
LAST = 18
local COMMON, OWN, NOTICE = 8, 8, 7
local lane, step, window, remembered, exact =
  tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local waiting = KEYS[LAST]

-- Leads that waited before, all of them and those that go before a new one or with it; and those of this call.
local all, bound, added = 0, 0, 0
for rank, here in ipairs(redis.call('HMGET', COUNTS, 'waiting:0', 'waiting:1', 'waiting:2')) do
  all = all + (here or 0)
  if rank - 1 <= lane then
    bound = bound + (here or 0)
  end
end

-- Written in one go for all leads: their records, when they were accepted, who waits, and what lapses, by list. What is
-- remembered for one span of time lapses in the order it came, so a list will do: unlike a sorted set, adding to it costs
-- the same however long it is.
local records, accepted, queued, lapses = {}, {}, {}, {}

local function add(list, one, other)
  list[#list + 1] = one
  list[#list + 1] = other
end

-- `names`, 16 bytes each, lapse at `ends`.
local function lapse(list, ends, names)
  lapses[list] = lapses[list] or {}
  table.insert(lapses[list], cmsgpack.pack({ ends, names }))
end

-- Beyond `exact` the counters bound the position, so that a long queue costs no time.
local counted = nil
local function ahead()
  if bound == 0 or bound > exact then
    return bound + added
  end
  counted = counted or math.min(bound, go_before(lane, now))
  return counted + added
end

local function accept(first)
  local id, body, key, digest, person, claims, most, notices = unpack(ARGV, first, first + OWN - 1)
  if key ~= '' then
    local known = redis.call('HGET', REPEATS, key)
    known = known and cmsgpack.unpack(known)
    if known and known.ends > now then
      -- Where either side has no digest, the key alone decides.
      if digest ~= '' and known.body ~= '' and known.body ~= digest then
        return { 'reused' }
      end
      return { 'replayed', known.lead, known.receipt or '' }
    end
  end
  if all + added >= tonumber(most) then
    return { 'full', all + added }
  end

  local list = digests(person)
  local of = claimed_by_other(list, id)
  -- Those of one call keep their order, and all are due by the end of it: each takes longer than a microsecond.
  local due = now + added
  local place = { lane = lane, due = due, fence = 0, version = 1, person = person, ends = now + window, of = of }
  if of or claims ~= '1' then
    place.freed = true
  end
  if step ~= '' and not of then
    place.step = step
  end
  if redis.call('HSETNX', PLACES, id, cmsgpack.pack(place)) == 0 then
    return { 'failed', 'the id is taken' }
  end
  add(records, id, body)
  add(accepted, now, id)

  if key ~= '' then
    local ends = now + remembered
    redis.call('HSET', REPEATS, key, cmsgpack.pack({ body = digest, lead = id, ends = ends }))
    lapse(KEYS[LAST + 1], ends, key)
  end
  if not place.freed and #list > 0 then
    local claim, fields = cmsgpack.pack({ lead = id, ends = place.ends }), {}
    for _, one in ipairs(list) do
      add(fields, one, claim)
    end
    redis.call('HSET', PERSONS, unpack(fields))
    lapse(KEYS[LAST + 2], place.ends, person)
  end

  announce(first + OWN, tonumber(notices), of and 'd' or 'k')
  if not place.step then
    redis.call('ZADD', ENDED, now, id)
    return of and { 'duplicate', of } or { 'kept', 0 }
  end
  local before = ahead()
  add(queued, due, id)
  added = added + 1
  return { 'kept', before }
end

local answers, first = { now }, COMMON + 1
while first <= #ARGV do
  -- One that fails takes none of the others along.
  local done, answer = pcall(accept, first)
  if not done then
    answer = { 'failed', type(answer) == 'table' and answer.err or tostring(answer) }
  end
  answers[#answers + 1] = answer
  first = first + OWN + NOTICE * tonumber(ARGV[first + OWN - 1])
end
if #records > 0 then
  redis.call('HSET', LEADS, unpack(records))
  redis.call('ZADD', ACCEPTED, unpack(accepted))
end
for list, entries in pairs(lapses) do
  if redis.call('RPUSH', list, unpack(entries)) == #entries then
    redis.call('SADD', SPANS, list)
  end
end
if added > 0 then
  redis.call('ZADD', waiting, unpack(queued))
  count(lane, added)
  -- Whoever was told of one that is due works on until none is, so of those that come after it nobody needs to be told.
  if tonumber(redis.call('ZRANGE', waiting, 0, 0, 'WITHSCORES')[2]) == now then
    tell('w')
  end
end
return answers
