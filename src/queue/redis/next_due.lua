-- How long until the first lead of a step is due.
local step, earliest = ARGV[4], nil
for lane = 0, 2 do
  local waiting = queue(step, lane)
  local head = redis.call('ZRANGE', waiting, 0, 0, 'WITHSCORES')
  local held = redis.call('ZRANGEBYSCORE', waiting, text(HELD), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
  local due = head[1] and tonumber(head[2])
  if held[1] then
    due = math.min(due, tonumber(held[2]) - HELD)
  end
  if due then
    earliest = math.min(due, earliest or due)
  end
end
return { now, earliest and math.max(earliest - now, 0) }
