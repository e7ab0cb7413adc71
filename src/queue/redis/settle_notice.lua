-- Ends a claim: deletes the notice, or puts it off. KEYS: notices, the receiver's queue, their order.
local id, fence, is_done, delay, counts = ARGV[4], tonumber(ARGV[5]), ARGV[6] == '1', tonumber(ARGV[7]), tonumber(ARGV[8])
local packed = redis.call('HGET', KEYS[1], id)
local notice = packed and cmsgpack.unpack(packed)
if not notice or not notice.leased or notice.fence ~= fence then
  return { now, 0 }
end
if is_done then
  redis.call('HDEL', KEYS[1], id)
  redis.call('ZREM', KEYS[2], id)
  redis.call('ZREM', KEYS[3], id)
else
  notice.leased, notice.tries = nil, notice.tries + counts
  redis.call('HSET', KEYS[1], id, cmsgpack.pack(notice))
  redis.call('ZADD', KEYS[2], now + delay, id)
end
return { now, 1 }
