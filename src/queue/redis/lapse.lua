-- Deletes a piece of what lapsed of one span. KEYS after the account's: its list. What was written anew under the same
-- name meanwhile has a later end, and a later entry of its own.
local kind, piece = ARGV[4], tonumber(ARGV[5])
local list, hash = KEYS[LAST + 1], kind == 'persons' and PERSONS or REPEATS

local taken = 0
for _, packed in ipairs(redis.call('LRANGE', list, 0, piece - 1)) do
  local ends, names = unpack(cmsgpack.unpack(packed))
  if ends > now then
    break
  end
  taken = taken + 1
  forget(hash, digests(names))
end
if taken > 0 then
  redis.call('LTRIM', list, taken, -1)
  if redis.call('EXISTS', list) == 0 then
    redis.call('SREM', SPANS, list)
  end
end
return { now, taken }
