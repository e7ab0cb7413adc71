-- Opens a permit of one endpoint if a place is free. KEYS: its permits, scored by when they close; the account's
-- endpoints.
local endpoint, limit, window, span, opened_at, forgets =
  ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), ARGV[9] == '1'
local known = redis.call('HMGET', KEYS[2], 'lower:' .. endpoint, 'last_permit', 'life:' .. endpoint)
local lower = known[1] and cmsgpack.unpack(known[1])
if lower and lower.at >= opened_at then
  limit = math.min(limit, lower.requests)
end
limit = math.max(limit, 1)

-- A server that came back may have forgotten the permits of its last second: all of them close within a span.
if forgets then
  local this = life()
  if known[3] ~= this then
    redis.call('HSET', KEYS[2], 'life:' .. endpoint, this)
    if known[3] then
      pause(endpoint, span)
    end
  end
end

-- What was given or paused before the clock was set back closes a span from now, not when the clock is there again.
local last = string.format('%.0f', now + span)
for _, permit in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. last, '+inf')) do
  -- Its number is when it was given.
  if tonumber(permit) > now then
    redis.call('ZADD', KEYS[1], last, permit)
  end
end
local not_before, is_sooner = paused_until(endpoint)
if is_sooner then
  redis.call('HSET', KEYS[2], 'pause:' .. endpoint, string.format('%.0f', not_before))
end
if not_before <= now then
  not_before = 0
end

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
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
local permit = math.max(tonumber(known[2] or 0) + 1, now)
redis.call('HSET', KEYS[2], 'last_permit', string.format('%.0f', permit))
redis.call('ZADD', KEYS[1], now + span, permit)
return { now, 1, permit }
