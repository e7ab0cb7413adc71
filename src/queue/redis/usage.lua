-- How many permits of an endpoint are open, until when it is closed, and the lower limit in use; zero: none. KEYS: as
-- in acquire.lua.
local endpoint, opened_at = ARGV[4], tonumber(ARGV[5])
local known = redis.call('HMGET', KEYS[2], 'pause:' .. endpoint, 'lower:' .. endpoint)
local closed = tonumber(known[1] or 0)
local lower = known[2] and cmsgpack.unpack(known[2])
return {
  now,
  redis.call('ZCOUNT', KEYS[1], '(' .. string.format('%.0f', now), '+inf'),
  closed > now and closed or 0,
  lower and lower.at >= opened_at and math.max(lower.requests, 1) or 0,
}
