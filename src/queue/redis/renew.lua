-- Prolongs a lease that still runs.
local id, fence, lease = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
local place = place_of(id)
if not place or not is_held(place) or place.fence ~= fence then
  return { now, 0 }
end
place.due = now + lease
keep_place(id, place)
redis.call('ZADD', queue(place.step, place.lane), HELD + place.due, id)
return { now, 1 }
