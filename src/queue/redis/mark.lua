-- A write for the append-only file, to wait for, and which life of the server made it.
redis.call('SET', KEYS[1], '')
return { now, life() }
