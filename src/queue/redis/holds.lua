-- Instants asked for. One field of HOLDS is one instant of one event and lists the leads that hold it:
-- `spent` is when the request ended, and missing while its end is not known.
local function holders(field)
  local packed = redis.call('HGET', HOLDS, field)
  return packed and cmsgpack.unpack(packed) or {}
end

-- Drops what lapsed; `changed` is the entry of this lead or nil to remove it.
local function keep_holders(field, id, changed)
  local kept, last = {}, 0
  for _, hold in ipairs(holders(field)) do
    if hold.lead ~= id and hold.ends > now then
      kept[#kept + 1] = hold
      last = math.max(last, hold.ends)
    end
  end
  if changed then
    kept[#kept + 1] = changed
    last = math.max(last, changed.ends)
  end
  if #kept == 0 then
    redis.call('HDEL', HOLDS, field)
    redis.call('ZREM', LAPSES, 'h' .. field)
  else
    redis.call('HSET', HOLDS, field, cmsgpack.pack(kept))
    redis.call('ZADD', LAPSES, last, 'h' .. field)
  end
end

-- Ends the open hold of the lead, if it has one: spent for `kept`, or as if it had never been when `kept` is nil.
local function end_hold(id, place, kept)
  if place.hold then
    keep_holders(place.hold, id, kept and { lead = id, spent = now, ends = now + kept })
    place.hold = nil
  end
end

