-- Opens a permit of one endpoint if a place is free. KEYS: its permits, scored by when they close; the account's
-- endpoints.
local endpoint, limit, window, span, opened_at =
  ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local known = redis.call('HMGET', KEYS[2], 'pause:' .. endpoint, 'lower:' .. endpoint, 'last_permit')
local paused_until = tonumber(known[1] or 0)
local lower = known[2] and cmsgpack.unpack(known[2])
if lower and lower.at >= opened_at then
  limit = math.min(limit, lower.requests)
end
limit = math.max(limit, 1)

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
local not_before = paused_until > now and paused_until or 0
local open = redis.call('ZCARD', KEYS[1])
if open >= limit then
  -- A place is free when enough have closed. An answer this moment would close a permit in one window; one that was
  -- answered closes by then anyway.
  local first = redis.call('ZRANGE', KEYS[1], open - limit, open - limit, 'WITHSCORES')
  not_before = math.max(not_before, math.min(tonumber(first[2]), now + window))
end
if not_before > 0 then
  return { now, 0, not_before - now }
end
-- A number is never given twice, even if Redis forgets its last second in a crash.
local permit = math.max(tonumber(known[3] or 0) + 1, now)
redis.call('HSET', KEYS[2], 'last_permit', string.format('%.0f', permit))
redis.call('ZADD', KEYS[1], now + span, permit)
return { now, 1, permit }
