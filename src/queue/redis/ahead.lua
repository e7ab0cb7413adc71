-- How many leads go before this one, if it waits.
local place = place_of(ARGV[4])
if not place or not place.step then
  return { now }
end
if is_held(place) then
  return { now, 0 }
end
return { now, go_before(place.lane, place.due) }
