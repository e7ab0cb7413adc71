-- A real write and a real read.
redis.call('SET', KEYS[1], string.format('%.0f', now))
return { now, redis.call('GET', KEYS[1]) }
