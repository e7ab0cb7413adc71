-- Writes down what receivers are to be told. From ARGV[first] on, seven for each of `count` notices: `k` when it is for a lead that
-- is kept as it is and `d` for one that ends as a duplicate, then id, receiver, event, lead, source and the lead's
-- status. The keys for it come last of all: the hash of notices and the set of receivers, and for each notice its
-- receiver's queue and the order in which its notices were written.
local function announce(first, count, outcome)
  if count == 0 then
    return
  end
  local base = #KEYS - 2 * count - 2
  for number = 1, count do
    local at = first + (number - 1) * 7
    local kept_for, id, receiver, event, lead, source, status = unpack(ARGV, at, at + 6)
    if kept_for == outcome then
      local notice =
        { receiver = receiver, event = event, lead = lead, source = source, status = status, at = now, tries = 0, fence = 0 }
      redis.call('HSET', KEYS[base + 1], id, cmsgpack.pack(notice))
      redis.call('SADD', KEYS[base + 2], receiver)
      redis.call('ZADD', KEYS[base + 1 + 2 * number], now, id)
      redis.call('ZADD', KEYS[base + 2 + 2 * number], now, id)
    end
  end
  tell('m')
end

