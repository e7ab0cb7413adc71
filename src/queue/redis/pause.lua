-- Pauses of endpoints. KEYS: permits; the account's endpoints.

-- Until when an endpoint is closed, and whether that is sooner than was written: a pause never lasts longer than it was
-- given, so that a clock set back meanwhile does not prolong it.
local function paused_until(endpoint)
  local known = redis.call('HMGET', KEYS[2], 'pause:' .. endpoint, 'span:' .. endpoint)
  local told, last = tonumber(known[1] or 0), now + tonumber(known[2] or math.huge)
  return math.min(told, last), told > last
end

-- Closes an endpoint for a span from now; a longer pause under way stays.
local function pause(endpoint, span)
  if now + span > paused_until(endpoint) then
    local ends, lasts = string.format('%.0f', now + span), string.format('%.0f', span)
    redis.call('HSET', KEYS[2], 'pause:' .. endpoint, ends, 'span:' .. endpoint, lasts)
  end
end

