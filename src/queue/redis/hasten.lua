-- Brings forward so many notices that were put off, one due `apart` after the other. KEYS: notices, the receiver's queue.
local most, apart = tonumber(ARGV[4]), tonumber(ARGV[5])
local later = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. string.format('%.0f', now + most * apart), '+inf', 'LIMIT', 0, most)
local due = now
for _, id in ipairs(later) do
  local packed = redis.call('HGET', KEYS[1], id)
  if packed and not cmsgpack.unpack(packed).leased then
    redis.call('ZADD', KEYS[2], due, id)
    due = due + apart
  end
end
tell('m')
return { now, #later }
