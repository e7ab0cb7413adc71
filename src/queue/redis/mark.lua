-- A write for the append-only file, to wait for.
redis.call('SET', KEYS[1], '')
return 1
