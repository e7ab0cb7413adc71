-- Hands the next due lead to one worker. `order` holds, for every turn, the three lanes as they are looked through.
local step, lease, order = ARGV[4], tonumber(ARGV[5]), ARGV[6]
local turn = tonumber(redis.call('HGET', COUNTS, 'turn:' .. step) or 0)
local first = turn * 3 % #order

-- The longest due: new work at the queue's head, or a lead whose lease ran out.
local function first_due(waiting)
  local head = redis.call('ZRANGE', waiting, 0, 0, 'WITHSCORES')
  local lapsed = redis.call('ZRANGEBYSCORE', waiting, text(HELD), text(HELD + now), 'WITHSCORES', 'LIMIT', 0, 1)
  local due = head[1] and tonumber(head[2]) <= now and tonumber(head[2])
  if lapsed[1] and (not due or tonumber(lapsed[2]) - HELD < due) then
    return lapsed[1]
  end
  return due and head[1]
end

for look = 1, 3 do
  local lane = tonumber(string.sub(order, first + look, first + look))
  local waiting = queue(step, lane)
  local id = first_due(waiting)
  local place = id and place_of(id)
  if place then
    -- A fence is never given twice, even if Redis forgets its last second in a crash.
    local due = place.due
    place.fence = math.max(place.fence + 1, now)
    place.leased = true
    place.due = now + lease
    keep_place(id, place)
    redis.call('ZADD', waiting, HELD + place.due, id)
    redis.call('HINCRBY', COUNTS, 'turn:' .. step, 1)
    return { now, redis.call('HGET', LEADS, id), place.fence, due, beside_the_record(place) }
  elseif id then
    redis.call('ZREM', waiting, id)
  end
end
return { now }
