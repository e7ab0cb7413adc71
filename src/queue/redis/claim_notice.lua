-- Hands a receiver's longest due notice to one sender. KEYS: notices, the receiver's queue, their order.
local lease = tonumber(ARGV[4])
local id = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 1)[1]
if not id then
  return { now }
end
local packed = redis.call('HGET', KEYS[1], id)
if not packed then
  redis.call('ZREM', KEYS[2], id)
  redis.call('ZREM', KEYS[3], id)
  return { now }
end
local notice = cmsgpack.unpack(packed)
-- A fence is never given twice, even if Redis forgets its last second in a crash.
notice.fence = math.max(notice.fence + 1, now)
notice.leased = true
redis.call('HSET', KEYS[1], id, cmsgpack.pack(notice))
redis.call('ZADD', KEYS[2], now + lease, id)
return { now, id, notice.event, notice.lead, notice.source, notice.status, notice.at, notice.tries, notice.fence }
