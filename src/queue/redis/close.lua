-- Closes an endpoint for a time; a longer pause under way stays. A lower limit is adopted by those who opened the
-- store before now; `opened_at` is when the caller did.
local endpoint, span, lower, opened_at = ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local known = redis.call('HMGET', KEYS[2], 'pause:' .. endpoint, 'lower:' .. endpoint)
if now + span > tonumber(known[1] or 0) then
  redis.call('HSET', KEYS[2], 'pause:' .. endpoint, string.format('%.0f', now + span))
end
if lower then
  local adopted = known[2] and cmsgpack.unpack(known[2])
  if adopted and adopted.at >= opened_at then
    lower = math.min(lower, adopted.requests)
  end
  redis.call('HSET', KEYS[2], 'lower:' .. endpoint, cmsgpack.pack({ requests = lower, at = now }))
end
return { now }
