-- One lead as it stands.
local id = ARGV[4]
local place = place_of(id)
if not place then
  return { now }
end
return {
  now,
  redis.call('HGET', LEADS, id),
  place.version,
  place.step or '',
  place.due,
  place.leased and 1 or 0,
  is_held(place) and 1 or 0,
  beside_the_record(place),
}
