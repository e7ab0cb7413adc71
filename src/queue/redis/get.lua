-- One lead.
local id = ARGV[4]
local place = place_of(id)
if not place then
  return { now }
end
return { now, unpack(stands(id, place)) }
