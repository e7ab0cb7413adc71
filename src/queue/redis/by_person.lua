-- Whoever claims one of the digests.
local claims = redis.call('HMGET', PERSONS, unpack(ARGV, 4))
local answer = { now }
for _, claim in ipairs(claims) do
  claim = claim and cmsgpack.unpack(claim)
  if claim and claim.ends > now then
    answer[#answer + 1] = claim.lead
  end
end
return answer
