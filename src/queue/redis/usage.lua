-- How many permits of an endpoint are open, until when it is closed, and the lower limit in use; zero: none. KEYS: as
-- in acquire.lua.
local endpoint, opened_at = ARGV[4], tonumber(ARGV[5])
local closed = paused_until(endpoint)
local known = redis.call('HGET', KEYS[2], 'lower:' .. endpoint)
local lower = known and cmsgpack.unpack(known)
return {
  now,
  redis.call('ZCOUNT', KEYS[1], '(' .. string.format('%.0f', now), '+inf'),
  closed > now and closed or 0,
  lower and lower.at >= opened_at and math.max(lower.requests, 1) or 0,
}
