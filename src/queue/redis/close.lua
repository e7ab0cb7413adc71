-- Closes an endpoint for a time. A lower limit is adopted by those who opened the store before now; `opened_at` is when
-- the caller did. KEYS: as in acquire.lua.
local endpoint, span, lower, opened_at = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
pause(endpoint, span)
if lower then
  local known = redis.call('HGET', KEYS[2], 'lower:' .. endpoint)
  local adopted = known and cmsgpack.unpack(known)
  if adopted and adopted.at >= opened_at then
    lower = math.min(lower, adopted.requests)
  end
  redis.call('HSET', KEYS[2], 'lower:' .. endpoint, cmsgpack.pack({ requests = lower, at = now }))
end
return { now }
