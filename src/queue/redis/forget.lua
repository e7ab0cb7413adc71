-- Deletes those of the fields whose time is over.
local function forget(hash, fields)
  local over = {}
  for at, entry in ipairs(redis.call('HMGET', hash, unpack(fields))) do
    if entry and cmsgpack.unpack(entry).ends <= now then
      over[#over + 1] = fields[at]
    end
  end
  if #over > 0 then
    redis.call('HDEL', hash, unpack(over))
  end
end

