-- Writes down that a booking request is about to leave.
local id, fence, body, event = ARGV[4], tonumber(ARGV[5]), ARGV[6], ARGV[7]
local seen_at, attempt, open_for, spent_for =
  tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
local place = place_of(id)
if not place or not is_held(place) or place.fence ~= fence then
  return { now, 'lost' }
end

-- Another lead asks for it now, or its request ended at or after the list of slots was asked for.
local function is_barred(field)
  for _, hold in ipairs(holders(field)) do
    if hold.lead ~= id and hold.ends > now and (not hold.spent or hold.spent >= seen_at) then
      return true
    end
  end
  return false
end

for candidate = 12, #ARGV do
  local instant = ARGV[candidate]
  local field = event .. '\0' .. instant
  if not is_barred(field) then
    -- A lead asks for one instant at a time: what it asked for before has had its answer.
    end_hold(id, place, spent_for)
    keep_holders(field, id, { lead = id, ends = now + open_for })
    place.hold = field
    place.intent = { attempt, tonumber(instant), math.floor(now / 1000) }
    keep_place(id, place)
    redis.call('HSET', LEADS, id, body)
    return { now, 'at', place.intent[2], place.intent[3] }
  end
end
return { now, 'held' }
