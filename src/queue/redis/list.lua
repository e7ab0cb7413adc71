-- Looks at so many leads, the newest first: those accepted at `place` and before. Tells of each when it was accepted
-- and its id, and how it stands when its person is one of those wanted, or everybody is.
local place, most, persons = ARGV[4], ARGV[5], digests(ARGV[6])
local wanted = {}
for _, digest in ipairs(persons) do
  wanted[digest] = true
end

local function is_wanted(lead)
  for _, digest in ipairs(digests(lead.person)) do
    if wanted[digest] then
      return true
    end
  end
  return #persons == 0
end

local found = redis.call('ZREVRANGEBYSCORE', ACCEPTED, place, '-inf', 'WITHSCORES', 'LIMIT', 0, most)
local told = { now }
for at = 1, #found, 2 do
  local id = found[at]
  local lead = place_of(id)
  told[#told + 1] = { tonumber(found[at + 1]), id, lead and is_wanted(lead) and stands(id, lead) or nil }
end
return told
