-- Second in the scripts about leads: the account's keys, in the order the program lists them.
local LEADS, PLACES, COUNTS, ENDED, PERSONS, REPEATS, HOLDS, LAPSES, ACCEPTED, SPANS, CALLS =
  unpack(KEYS, 1, 11)
local STEPS = { qualify = 0, book = 1, reconcile = 2, hand_over = 3, fetch = 4, confirm = 5, cancel = 6 }
-- The account's last key; others of a script come after it.
local LAST = 32
-- In a queue the score is the due time; of a lead under a lease, this much more than the lease's end.
local HELD = 2 ^ 52

local function queue(step, lane)
  return KEYS[12 + STEPS[step] * 3 + lane]
end

-- A number of any size as text: Lua's own conversion drops digits.
local function text(number)
  return string.format('%.0f', number)
end

local function place_of(id)
  local packed = redis.call('HGET', PLACES, id)
  return packed and cmsgpack.unpack(packed)
end

local function keep_place(id, place)
  place.version = place.version + 1
  redis.call('HSET', PLACES, id, cmsgpack.pack(place))
end

-- A worker may still act in the lead's name.
local function is_held(place)
  return place.leased and place.due > now
end

local function count(lane, by)
  redis.call('HINCRBY', COUNTS, 'waiting:' .. lane, by)
end

-- Digests of 16 bytes, one after the other, as a list.
local function digests(person)
  local list = {}
  for first = 1, #person, 16 do
    list[#list + 1] = string.sub(person, first, first + 15)
  end
  return list
end

-- The lead other than `id` that claims one of the digests.
local function claimed_by_other(list, id)
  if #list == 0 then
    return nil
  end
  for _, claim in ipairs(redis.call('HMGET', PERSONS, unpack(list))) do
    claim = claim and cmsgpack.unpack(claim)
    if claim and claim.ends > now and claim.lead ~= id then
      return claim.lead
    end
  end
end

-- Claims a person that nobody claims, until a time that is not a whole span from now.
local function claim_person(person, id, ends)
  local claim = cmsgpack.pack({ lead = id, ends = ends })
  for _, digest in ipairs(digests(person)) do
    redis.call('HSET', PERSONS, digest, claim)
    redis.call('ZADD', LAPSES, ends, 'p' .. digest)
  end
end

-- What only the store knows of a lead and its record does not say yet: an open intent and the lead it repeats.
local function beside_the_record(place)
  local intent = place.intent or { 0, 0, 0 }
  return intent[1], intent[2], intent[3], place.of or ''
end

