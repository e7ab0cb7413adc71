-- Makes one waiting notice of a receiver due now. KEYS: notices, the receiver's queue.
local id, receiver = ARGV[4], ARGV[5]
local packed = redis.call('HGET', KEYS[1], id)
local notice = packed and cmsgpack.unpack(packed)
if not notice or notice.receiver ~= receiver then
  return { now, 0 }
end
if not notice.leased then
  redis.call('ZADD', KEYS[2], now, id)
end
tell('m')
return { now, 1 }
