-- How a receiver stands, by times; 0 is never. KEYS: the hash of receivers.
local packed = redis.call('HGET', KEYS[1], ARGV[4])
local state = packed and cmsgpack.unpack(packed) or {}
return { now, state.closed or 0, state.paused or 0, state.failing or 0, state.failed or 0, state.failure or '' }
