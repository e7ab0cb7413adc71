-- The lead that a remembered key made.
local known = redis.call('HGET', REPEATS, ARGV[4])
known = known and cmsgpack.unpack(known)
return { now, known and known.ends > now and known.lead }
