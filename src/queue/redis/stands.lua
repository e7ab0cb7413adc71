-- One lead as it stands.
local function stands(id, place)
  return {
    redis.call('HGET', LEADS, id),
    place.version,
    place.step or '',
    place.due,
    place.leased and 1 or 0,
    is_held(place) and 1 or 0,
    beside_the_record(place),
  }
end

