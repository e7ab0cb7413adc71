-- Deletes a piece of a receiver's notices that have waited for too long. KEYS: notices, its queue, their order.
local kept, piece = tonumber(ARGV[4]), tonumber(ARGV[5])
local old = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', string.format('%.0f', now - kept), 'LIMIT', 0, piece)
if #old > 0 then
  redis.call('HDEL', KEYS[1], unpack(old))
  redis.call('ZREM', KEYS[2], unpack(old))
  redis.call('ZREM', KEYS[3], unpack(old))
end
return { now, #old }
