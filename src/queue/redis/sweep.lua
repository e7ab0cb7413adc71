-- Deletes a piece of what is past its time.
local kept, piece = tonumber(ARGV[4]), tonumber(ARGV[5])

local lapsed = redis.call('ZRANGEBYSCORE', LAPSES, '-inf', text(now), 'LIMIT', 0, piece)
for _, name in ipairs(lapsed) do
  local kind, field = string.sub(name, 1, 1), string.sub(name, 2)
  if kind == 'p' then
    forget(PERSONS, { field })
  else
    redis.call('HDEL', HOLDS, field)
  end
end
if #lapsed > 0 then
  redis.call('ZREM', LAPSES, unpack(lapsed))
end

local ended = redis.call('ZRANGEBYSCORE', ENDED, '-inf', text(now - kept), 'LIMIT', 0, piece)
if #ended > 0 then
  for at, packed in ipairs(redis.call('HMGET', PLACES, unpack(ended))) do
    local call = packed and cmsgpack.unpack(packed).call
    if call and redis.call('HGET', CALLS, call) == ended[at] then
      redis.call('HDEL', CALLS, call)
    end
  end
  redis.call('HDEL', LEADS, unpack(ended))
  redis.call('HDEL', PLACES, unpack(ended))
  redis.call('ZREM', ENDED, unpack(ended))
  redis.call('ZREM', ACCEPTED, unpack(ended))
end
return { now, #lapsed, #ended }
