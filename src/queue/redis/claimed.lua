-- Until when the lead itself claims its person; zero: it claims nobody.
local place, ends = place_of(ARGV[4]), 0
for _, digest in ipairs(digests(place and place.person or '')) do
  local claim = redis.call('HGET', PERSONS, digest)
  claim = claim and cmsgpack.unpack(claim)
  if claim and claim.lead == ARGV[4] and claim.ends > now then
    ends = math.max(ends, claim.ends)
  end
end
return { now, ends }
