-- The store's own facts, made by whoever finds none. KEYS: where they are.
redis.call('HSETNX', KEYS[1], 'layout', ARGV[4])
redis.call('HSETNX', KEYS[1], 'hash_key', ARGV[5])
redis.call('HSETNX', KEYS[1], 'epoch', ARGV[6])
local facts = redis.call('HMGET', KEYS[1], 'layout', 'hash_key', 'epoch')
return { now, facts[1], facts[2], facts[3] }
