-- How many leads wait, and how long the one due the longest has been due, lane by lane. One look for each queue.
local counts = redis.call('HMGET', COUNTS, 'waiting:0', 'waiting:1', 'waiting:2')
local told = { now }
for lane = 0, 2 do
  local earliest = now
  for step in pairs(STEPS) do
    local waiting = queue(step, lane)
    local head = redis.call('ZRANGE', waiting, 0, 0, 'WITHSCORES')
    local held = redis.call('ZRANGEBYSCORE', waiting, text(HELD), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    earliest = math.min(earliest, head[1] and tonumber(head[2]) or now, held[1] and tonumber(held[2]) - HELD or now)
  end
  told[#told + 1] = tonumber(counts[lane + 1] or 0)
  told[#told + 1] = now - earliest
end
return told
