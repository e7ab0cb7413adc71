-- Notes how a receiver stands, whatever account a notice was of. KEYS: the hash of receivers.
local name, what, failure, pause, patience = ARGV[4], ARGV[5], ARGV[6], tonumber(ARGV[7]), tonumber(ARGV[8])
local packed = redis.call('HGET', KEYS[1], name)
local state = packed and cmsgpack.unpack(packed)

if what == 'took' then
  if not state or not state.failing then
    return { now, 0 }
  end
  if now - state.failing >= patience then
    return { now, 1 }
  end
  state.failing = nil
elseif what == 'brought' then
  if not state then
    return { now, 0 }
  end
  state.failing = nil
elseif what == 'open' then
  if not state then
    return { now, 0 }
  end
  state.closed, state.paused = nil, nil
  tell('m')
else
  state = state or {}
  state.failing = state.failing or now
  state.failed, state.failure = now, failure
  if pause > 0 then
    state.paused = math.max(state.paused or 0, now + pause)
  end
  if what == 'ended' then
    state.closed = state.closed or now
  end
end
redis.call('HSET', KEYS[1], name, cmsgpack.pack(state))
return { now, 0 }
