#!lua
-- The writes of a lead that is kept, and nothing else. KEYS: as the store's. ARGV: id, record, place, the person's two
-- digests, a claim, an entry of the list of what lapses, and now.
local id, now = ARGV[1], ARGV[8]
redis.call('HSET', KEYS[1], id, ARGV[2])
redis.call('HSET', KEYS[2], id, ARGV[3])
redis.call('ZADD', KEYS[3], now, id)
redis.call('HSET', KEYS[4], ARGV[4], ARGV[6], ARGV[5], ARGV[6])
redis.call('RPUSH', KEYS[5], ARGV[7])
redis.call('ZADD', KEYS[6], now, id)
redis.call('HINCRBY', KEYS[7], 'waiting:1', 1)
return 1
