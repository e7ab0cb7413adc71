-- Turns a switch on in the name of somebody, unless it is on, or off when nobody is named. KEYS: the switches.
if ARGV[5] == '' then
  redis.call('HDEL', KEYS[1], ARGV[4])
else
  redis.call('HSETNX', KEYS[1], ARGV[4], string.format('%.0f', now) .. ' ' .. ARGV[5])
end
tell('w')
return { now }
