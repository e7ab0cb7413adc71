-- How many notices of a receiver wait, since when, and how long until the next is due. KEYS: the receiver's queue, the
-- order in which its notices were written.
local oldest = redis.call('ZRANGE', KEYS[2], 0, 0, 'WITHSCORES')
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if not first[1] then
  return { now, 0, 0, 0 }
end
return { now, redis.call('ZCARD', KEYS[1]), tonumber(oldest[2] or 0), math.max(tonumber(first[2]) - now, 0) }
