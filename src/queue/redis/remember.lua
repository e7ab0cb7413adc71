-- Writes down what the caller of an idempotent request was told, unless something is written already.
local key, receipt = ARGV[4], ARGV[5]
local known = redis.call('HGET', REPEATS, key)
if not known then
  return { now }
end
known = cmsgpack.unpack(known)
if not known.receipt then
  known.receipt = receipt
  redis.call('HSET', REPEATS, key, cmsgpack.pack(known))
end
return { now }
