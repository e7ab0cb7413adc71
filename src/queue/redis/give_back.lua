-- The request was never sent.
redis.call('ZREM', KEYS[1], ARGV[4])
tell('w')
return { now }
