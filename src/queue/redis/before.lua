-- How many leads wait to qualify or to be booked before one of `lane` that is due at `due`: in its own lane those
-- due earlier, in more urgent lanes all that are due when it is. Leads in workers' hands have gone already.
local function go_before(lane, due)
  local total = 0
  for other = 0, lane do
    local open, till = '(', due
    if other < lane then
      open, till = '', math.max(due, now)
    end
    for _, step in ipairs({ 'qualify', 'book' }) do
      local waiting = queue(step, other)
      local lapsed = open .. text(HELD + math.min(till, now))
      total = total
        + redis.call('ZCOUNT', waiting, '-inf', open .. text(till))
        + redis.call('ZCOUNT', waiting, text(HELD), lapsed)
    end
  end
  return total
end

