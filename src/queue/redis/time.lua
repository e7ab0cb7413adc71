-- First in every script. `now` is this server's clock in microseconds since 1970, moved by ARGV[1] in tests only;
-- nobody else's clock decides anything here. Every answer begins with it, so that callers learn the time.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] + ARGV[1]

-- Makes the other processes look; ARGV[2] marks the caller, who knows already. ARGV[3] is the channel.
local function tell(what)
  redis.call('PUBLISH', ARGV[3], ARGV[2] .. what)
end

