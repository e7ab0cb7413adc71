-- Which life of a server this is: its run id, another one after every start and on every other node. Empty where it is
-- not told.
local function life()
  return string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or ''
end

